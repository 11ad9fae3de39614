/* Rows as the parameters of the statement: one binary array for each column, encoded straight from
 * the messages. */
#ifndef LE_PG_ARRAYS_H
#define LE_PG_ARRAYS_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/login/field.h"
#include "loginetl/pipeline/message.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#define LE_ARRAYS_MAX        (LE_FIELDS_MAX + 2)
#define LE_ARRAYS_BYTES_MAX  ((size_t)256 << 20) /* of one batch, all arrays together */
#define LE_ARRAYS_BYTES_KEPT ((size_t)256 << 10) /* of each buffer, from batch to batch */

enum le_array_source {
    LE_ARRAY_SENT_AT,    /* timestamptz[], the message's SentTimestamp */
    LE_ARRAY_MESSAGE_ID, /* uuid[] */
    LE_ARRAY_CELL        /* a field's cell */
};

struct le_array {
    enum le_array_source source;
    size_t field; /* LE_ARRAY_CELL: which */
    enum le_column_type type;
    struct le_buf bytes; /* kept from batch to batch */
};

struct le_arrays {
    struct le_array list[LE_ARRAYS_MAX];
    size_t count;
    /* What PQsendQueryPrepared and PQsendPrepare take; values and lengths are of the last
     * le_arrays_encode. */
    Oid types[LE_ARRAYS_MAX];
    const char *values[LE_ARRAYS_MAX];
    int lengths[LE_ARRAYS_MAX];
    int formats[LE_ARRAYS_MAX];
};

/* One array for each field whose column exists, in the field list's order, behind sent_at and
 * message_id when keys is set. */
void le_arrays_init(struct le_arrays *arrays, const struct le_fields *fields, bool keys);
void le_arrays_free(struct le_arrays *arrays);

/* Fills values and lengths; they point into arrays until the next call. LE_ERR_TOO_LARGE (the batch
 * as a whole: a smaller one may do), LE_ERR_NOMEM. A cell's kind fits its column (asserted). A
 * sent_at below 0 (unknown) is 1970-01-01. */
LE_MUST enum le_err le_arrays_encode(struct le_arrays *arrays, struct le_message *const *rows,
                                     size_t count);
/* Gives the memory of an unusually large batch back; values are gone. */
void le_arrays_shrink(struct le_arrays *arrays);

#endif
