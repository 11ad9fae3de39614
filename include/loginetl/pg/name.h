/* Names of tables and columns: read as a person types them, written as SQL takes them. */
#ifndef LE_PG_NAME_H
#define LE_PG_NAME_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>

#define LE_PG_NAME_SIZE 64 /* NAMEDATALEN: 63 bytes and a NUL */

struct le_pg_name {
    char schema[LE_PG_NAME_SIZE]; /* "" when none was given */
    char table[LE_PG_NAME_SIZE];
};

/* table, schema.table, "Quoted"."With ""quotes""": an unquoted part is folded to lower case, as the
 * server does. LE_ERR_CONFIG: anything else, or a part longer than the server keeps. */
LE_MUST enum le_err le_pg_name_parse(const char *text, struct le_pg_name *out);

/* What a person would choose for a name: ASCII letters, digits, _ and $, no digit or $ first, and
 * no longer than the server keeps. It may be a reserved word. */
bool le_pg_is_identifier(const char *text);

/* "name", always quoted. */
LE_MUST enum le_err le_pg_put_quoted(struct le_buf *out, struct le_span name);
/* The same, but bare where SQL reads it the same way: for people. */
LE_MUST enum le_err le_pg_put_name(struct le_buf *out, struct le_span name);
/* "schema"."table", or "table" alone when schema is "". */
LE_MUST enum le_err le_pg_put_table(struct le_buf *out, const char *schema, const char *table);

#endif
