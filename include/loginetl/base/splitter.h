/* Cuts a stream of bytes into messages: every line, or every element of one JSON array. What a
 * message holds is not looked at: a line that is not JSON is a message too. Blank lines are left
 * out. */
#ifndef LE_BASE_SPLITTER_H
#define LE_BASE_SPLITTER_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum le_splitter_state {
    LE_SPLITTER_START, /* nothing but white space yet: '[' makes it an array, anything else lines */
    LE_SPLITTER_LINES,
    LE_SPLITTER_FIRST_ELEMENT, /* behind '[' */
    LE_SPLITTER_ELEMENT,       /* behind ',' */
    LE_SPLITTER_BEHIND,        /* behind ']': only white space may follow */
    LE_SPLITTER_FAILED
};

struct le_splitter {
    struct le_buf bytes; /* fed and not yet given out */
    size_t start;        /* of the message under way */
    size_t scanned;      /* bytes that have been looked at */
    size_t message_max;
    uint64_t line;         /* at `scanned`, counted from 1 */
    uint64_t message_line; /* where the message under way begins */
    enum le_splitter_state state;
    unsigned depth; /* of brackets within an element */
    bool in_string, escaped;
    bool begun;    /* something of an element has come */
    bool skipping; /* the message under way is too large: only its end is looked for */
    bool ended;    /* le_splitter_end was called */
};

struct le_split {
    struct le_span text; /* valid until the next call */
    uint64_t line;
    bool too_large; /* longer than message_max; text is absent */
};

/* Holds at most message_max and one feed of feed_max bytes. */
void le_splitter_init(struct le_splitter *splitter, size_t message_max, size_t feed_max);
void le_splitter_free(struct le_splitter *splitter);
/* Copies at most feed_max bytes. Only when le_splitter_next has answered false. LE_ERR_NOMEM. */
LE_MUST enum le_err le_splitter_feed(struct le_splitter *splitter, const char *bytes, size_t len);
/* No more bytes will come: what is left is the last message. */
void le_splitter_end(struct le_splitter *splitter);
/* The next message; false: more bytes are needed, or there are none left, or le_splitter_error says
 * what is wrong. */
bool le_splitter_next(struct le_splitter *splitter, struct le_split *out);
/* LE_ERR_SYNTAX: an array that is cut, has an empty element, or something behind it; *line tells
 * where. */
LE_MUST enum le_err le_splitter_error(const struct le_splitter *splitter, uint64_t *line);

#endif
