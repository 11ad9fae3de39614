/* Why a message cannot become a row. The words are the interface.
 */
#ifndef LE_LOGIN_REJECT_H
#define LE_LOGIN_REJECT_H

#include "loginetl/base/span.h"

#include <stdbool.h>

#define LE_REJECTS(X)                         \
    X(NOT_JSON, "not_json")                   \
    X(NOT_AN_OBJECT, "not_an_object")         \
    X(TOO_LARGE, "too_large")                 \
    X(MISSING, "missing")                     \
    X(WRONG_TYPE, "wrong_type")               \
    X(TOO_LONG, "too_long")                   \
    X(OUT_OF_RANGE, "out_of_range")           \
    X(MALFORMED_VERSION, "malformed_version") \
    X(MALFORMED_DATE, "malformed_date")       \
    X(BAD_TEXT, "bad_text")                   \
    X(CONSTRAINT, "constraint")

enum le_reject_reason {
    LE_REJECT_NONE = 0,
#define X(name, word) LE_REJECT_##name,
    LE_REJECTS(X)
#undef X
        LE_REJECT_COUNT
};

struct le_reject {
    enum le_reject_reason reason;
    struct le_span key; /* the JSON key at fault, from the field list or le_envelope_keys (never
                           from the message); absent when none is */
    char sqlstate[6];   /* LE_REJECT_CONSTRAINT only */
    bool unclear;       /* … and the server may have been at fault instead: it is not destroyed */
};

const char *le_reject_word(enum le_reject_reason reason);

#endif
