/* From a message's body to the members of the login in it: envelopes are taken off, and strings
 * unescaped beside the body, which stays as it came. No I/O, no allocation but for the reader. */
#ifndef LE_LOGIN_BODY_H
#define LE_LOGIN_BODY_H

#include "loginetl/base/json.h"
#include "loginetl/login/envelope.h"
#include "loginetl/login/field.h"
#include "loginetl/login/reject.h"

#include <stdint.h>

#define LE_BODY_KEYS_MAX  (LE_FIELDS_MAX + LE_ENVELOPE_KEYS)
#define LE_BODY_ORDER_MAX 64 /* members of which the order is remembered */

/* Serves one body after the other. */
struct le_body_reader {
    struct le_json *json;
    size_t len_max;
    enum le_envelope envelope;
    unsigned depth;                        /* envelopes that are taken off at most */
    struct le_span keys[LE_BODY_KEYS_MAX]; /* the fields', then what envelopes are known by */
    size_t key_count;
    size_t member[LE_ENVELOPE_KEYS];              /* which of the keys each of an envelope's is */
    struct le_json_value found[LE_BODY_KEYS_MAX]; /* of each key; ptr NULL when there is none */
    uint8_t order[LE_BODY_ORDER_MAX];             /* which key each member had the last time */
};

struct le_body {
    struct le_span text; /* the body; in the end the login's, in the body or in the scratch */
    char *scratch;       /* may be NULL when the body holds no backslash, else has its length */
    size_t used;         /* of the scratch */
    bool own;           /* the text is in the scratch: its strings are unescaped where they stand */
    bool escapes;       /* there is something to unescape */
    struct le_span key; /* of an envelope, at fault */
};

/* LE_ERR_NOMEM. The fields' keys must outlive the reader. */
LE_MUST enum le_err le_body_reader_init(struct le_body_reader *reader,
                                        const struct le_fields *fields, enum le_envelope envelope,
                                        size_t len_max);
void le_body_reader_free(struct le_body_reader *reader);

/* Finds the login's members: the reader's found is theirs in the order of the fields, until the
 * next body. A reason other than NONE: there is no login; body->key is set when an envelope's key
 * is at fault. body comes with text and scratch set, and all else 0. */
enum le_reject_reason le_body_read(struct le_body_reader *reader, struct le_body *body);
/* le_body_text for a body with escapes: *out holds the value as it stands, and the same if it needs
 * no unescaping. */
LE_MUST enum le_err le_body_unescape(struct le_body *body, const struct le_json_value *value,
                                     struct le_span *out);
/* The text of a string, unescaped, or of another value as it is written. To be asked for once for
 * each value. LE_ERR_RANGE: it holds U+0000 or a lone surrogate. */
LE_MUST static inline enum le_err le_body_text(struct le_body *body,
                                               const struct le_json_value *value,
                                               struct le_span *out)
{
    *out = (struct le_span){value->ptr, value->len};
    return body->escapes ? le_body_unescape(body, value, out) : LE_OK;
}

#endif
