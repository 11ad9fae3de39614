/* A pull reader for the queue service's JSON answers: it walks the text once, many bytes at a time
 * within strings, and unescapes in place only what is asked for: a quarter of the cost of
 * tokenising 7 kB.
 *
 * Errors stick: after the first, every call answers "nothing more", and the caller looks at
 * le_reader_error once. */
#ifndef LE_BASE_JSON_READER_H
#define LE_BASE_JSON_READER_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define LE_READER_DEPTH_MAX      16
#define LE_READER_SKIP_DEPTH_MAX 1024 /* a skipped value nested deeper is LE_ERR_SYNTAX */

struct le_reader {
    char *at;
    char *end;
    unsigned depth;
    bool fresh[LE_READER_DEPTH_MAX + 1]; /* no element read yet at this depth: no comma expected */
    enum le_err err;                     /* LE_OK or LE_ERR_SYNTAX */
    char *block;                         /* what was last looked through for quotes and the like */
    uint64_t specials;                   /* where they are in it: json_scan.h */
};

/* text is changed by unescaping, and must stay as long as spans of it are used. */
void le_reader_init(struct le_reader *reader, char *text, size_t len);
/* Enters an object or an array; false (and no error) when the next value is of another kind: skip
 * it then. */
bool le_reader_enter_object(struct le_reader *reader);
bool le_reader_enter_array(struct le_reader *reader);
/* The next key of the object; false at its end, which is then left behind. Keys with escapes are
 * unescaped. */
bool le_reader_next_key(struct le_reader *reader, struct le_span *key);
/* Is there another element in the array? false at its end, which is then left behind. */
bool le_reader_next_element(struct le_reader *reader);
/* A string, unescaped in place. Lone surrogates become the three bytes of their code point, which
 * is not UTF-8, so that whoever checks the text finds them; U+0000 becomes a NUL byte. false when
 * the value is of another kind: skip it. */
bool le_reader_string(struct le_reader *reader, struct le_span *out);
bool le_reader_bool(struct le_reader *reader, bool *out);
/* A whole number that fits; false when the value is of another kind or does not: skip it. */
bool le_reader_int(struct le_reader *reader, int64_t *out);
/* Skips one value of any kind, iteratively, and checks its form; the text is not changed. */
void le_reader_skip(struct le_reader *reader);
/* After the root value: LE_ERR_SYNTAX when anything but white space follows. */
LE_MUST enum le_err le_reader_finish(struct le_reader *reader);

#endif
