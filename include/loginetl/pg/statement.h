/* The statement's text. Written once, when the columns are known. */
#ifndef LE_PG_STATEMENT_H
#define LE_PG_STATEMENT_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/login/field.h"

#define LE_LEDGER_TABLE  "loginetl_ledger"
#define LE_STATEMENT_MAX 32768 /* bytes: 64 columns with names of 63 bytes, all of them quotes */

enum le_statement_kind {
    LE_STATEMENT_PLAIN, /* the command's count is that of the rows */
    LE_STATEMENT_KEYED, /* rows that the table's own key knows already are passed over; the
                           command's count is that of the others */
    LE_STATEMENT_LEDGER /* answers one row, the count of messages that were new (int8 as text) */
};

/* Parameters as le_arrays_init orders them. */
LE_MUST enum le_err le_statement_write(struct le_buf *out, const char *schema, const char *table,
                                       const struct le_fields *fields, enum le_statement_kind kind);

#endif
