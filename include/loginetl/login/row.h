/* JSON body -> login record -> masked row. No I/O, no allocation, no clock. */
#ifndef LE_LOGIN_ROW_H
#define LE_LOGIN_ROW_H

#include "loginetl/base/error.h"
#include "loginetl/login/envelope.h"
#include "loginetl/login/field.h"
#include "loginetl/login/mask.h"
#include "loginetl/login/reject.h"

#include <stdbool.h>
#include <stdint.h>

enum le_app_version { LE_APP_VERSION_DIGITS, LE_APP_VERSION_PACKED, LE_APP_VERSION_MAJOR };

enum le_cell_kind { LE_CELL_NULL, LE_CELL_TEXT, LE_CELL_INT, LE_CELL_DATE };

/* One value of a row. 16 bytes. */
struct le_cell {
    enum le_cell_kind kind;
    uint32_t len; /* of text, bytes */
    union {
        const char *text; /* into the body, the scratch or the row's mask space */
        int64_t num;      /* an integer, or days since 1970-01-01 */
    };
};

struct le_decoder; /* holds the JSON tokens; one serves all messages */

struct le_decoder_config {
    /* Must outlive the decoder; types may change until the first row. */
    const struct le_fields *fields;
    enum le_mask_method mask;
    enum le_app_version app_version;
    size_t body_max; /* a longer body is LE_REJECT_TOO_LARGE */
    enum le_envelope envelope;
};

/* NULL: no memory. */
LE_MUST struct le_decoder *le_decoder_new(const struct le_decoder_config *config);
void le_decoder_free(struct le_decoder *decoder);
/* Bytes of mask space that one row needs at most: masks, and the canonical form of an address that
 * is not masked. */
size_t le_decoder_mask_space(const struct le_decoder *decoder);

/* Decodes one body, which is not changed: a message that is rejected, here or later by the
 * database, passes on as it came. scratch has len bytes when the body holds a backslash (escaped
 * values are unescaped there, and what a notification holds); it may be NULL otherwise. body,
 * scratch, masks and cells must stay until the row is stored; cells has fields->count entries, in
 * the field list's order; absent columns' cells are LE_CELL_NULL. sent_at_ms (SentTimestamp) gives
 * create_date when the event has none; below 0 when unknown (then NULL). Answers LE_OK with
 * reject->reason NONE (a row) or set (no row); anything else is the program's own failure
 * (hashing). */
LE_MUST enum le_err le_decode(struct le_decoder *decoder, const char *body, size_t len,
                              int64_t sent_at_ms, char *scratch, char *masks, struct le_cell *cells,
                              struct le_reject *reject);

/* The parts, for tests and fuzzers. Each answers the reject reason, NONE on success. */

/* Both bound the work on one value, far above what is written anywhere. */
#define LE_VERSION_CHARS_MAX 64
#define LE_DATE_CHARS_MAX    64

/* One or more parts of ASCII digits with dots between them. */
bool le_version_well_formed(struct le_span text);
/* MALFORMED_VERSION: not well formed, or more than three parts for LE_APP_VERSION_PACKED.
 * OUT_OF_RANGE: above max, or minor or patch above 999 for LE_APP_VERSION_PACKED. */
enum le_reject_reason le_version_parse(struct le_span text, enum le_app_version how, int64_t max,
                                       int64_t *out);
/* YYYY-MM-DD, or YYYY-MM-DD(T|t| )HH:MM[:SS[.fraction]][Z|z|±HH|±HHMM|±HH:MM]; without an offset it
 * is UTC. days is the date in UTC, since 1970-01-01; a UTC date outside the years 1 … 9999 is
 * MALFORMED_DATE. */
enum le_reject_reason le_date_parse(struct le_span text, int64_t *days);

#endif
