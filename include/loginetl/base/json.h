/* Strict JSON for message bodies: jsmn's tokens in a fixed array, the grammar checked above them.
 * The only includer of jsmn. Answers of the queue service are read by
 * base/json_reader.h instead. */
#ifndef LE_BASE_JSON_H
#define LE_BASE_JSON_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>

/* Bounds time and memory: a flat event has a few dozen tokens. */
#define LE_JSON_TOKENS_MAX 512

enum le_json_kind {
    LE_JSON_OBJECT,
    LE_JSON_ARRAY,
    LE_JSON_STRING,
    LE_JSON_NUMBER,
    LE_JSON_TRUE,
    LE_JSON_FALSE,
    LE_JSON_NULL
};

struct le_json_value {
    enum le_json_kind kind;
    const char *ptr; /* into the parsed text: a string without its quotes, still escaped; else the
                        value as written */
    size_t len;
};

struct le_json; /* a parser with its tokens; made once, used for every body */

LE_MUST struct le_json *le_json_new(void); /* NULL: no memory */
void le_json_free(struct le_json *json);

/* RFC 8259, one root, nothing behind it but white space, valid UTF-8, no raw control characters in
 * strings. The text must stay as long as values of it are used. LE_ERR_SYNTAX: not JSON.
 * LE_ERR_TOO_LARGE: more than LE_JSON_TOKENS_MAX tokens (so deep nesting costs bounded time).
 * Escapes are checked for form here; what they stand for is le_json_unescape's. */
LE_MUST enum le_err le_json_parse(struct le_json *json, const char *text, size_t len);
/* Did the last text hold a backslash? Without one, no string of it has anything to unescape. */
bool le_json_has_escapes(const struct le_json *json);
struct le_json_value le_json_root(const struct le_json *json);
/* Walks the members of the root object in order. *cursor starts at 0. false: no more. */
bool le_json_member(const struct le_json *json, size_t *cursor, struct le_json_value *key,
                    struct le_json_value *value);

/* Unescapes a string in place (it never grows). LE_ERR_SYNTAX: malformed escape. LE_ERR_RANGE:
 * U+0000 or a lone surrogate, which PostgreSQL refuses. After an error the text is of no more use.
 */
LE_MUST enum le_err le_json_unescape(char *text, size_t *len);

/* Appends text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, except an
 * encoded lone surrogate (ED A0..BF xx), which is written as the escape it came from, so that a
 * message passes on as it was. */
struct le_buf;
LE_MUST enum le_err le_json_append_string(struct le_buf *out, struct le_span text);
/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool le_utf8_valid(struct le_span text);
/* The same, and tells what is in it; *marks is undefined when it is not valid. */
struct le_text_marks {
    bool controls; /* a control character: a byte below 0x20 */
    bool backslashes;
};
bool le_utf8_scan(struct le_span text, struct le_text_marks *marks);
/* Bytes of the well-formed sequence that begins at text (1 to 4), 0 when none does. left is at
 * least 1. */
size_t le_utf8_sequence(const char *text, size_t left);
/* Characters (code points) of valid UTF-8. */
size_t le_utf8_chars(struct le_span text);

#endif
