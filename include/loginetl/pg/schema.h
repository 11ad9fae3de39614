/* The DDL for table and ledger. */
#ifndef LE_PG_SCHEMA_H
#define LE_PG_SCHEMA_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/login/field.h"

#include <stdbool.h>
#include <stdint.h>

#define LE_SCHEMA_TEXT_MAX   65536
#define LE_SCHEMA_DAYS_AHEAD 2 /* partitions are made for today and the next two days */

/* For people and psql. schema "" when the table's name has none. */
LE_MUST enum le_err le_schema_write(struct le_buf *out, const char *schema, const char *table,
                                    const struct le_fields *fields, bool with_table,
                                    bool with_ledger);

/* "ALTER TABLE … ADD COLUMN …, ADD COLUMN …;" on one line, for the fields that have no column and
 * need one: seen[i] tells which have. There is at least one. */
LE_MUST enum le_err le_schema_write_columns(struct le_buf *out, const char *schema,
                                            const char *table, const struct le_fields *fields,
                                            const bool *seen);

/* One implicit transaction that creates what is missing, waiting for any other worker that does the
 * same; and the ledger's partitions from first_day to last_day (since 1970-01-01). */
struct le_schema_wish {
    const char *schema;
    const char *table;
    const struct le_fields *fields;
    bool with_table, with_ledger;
    int64_t first_day, last_day;
};
LE_MUST enum le_err le_schema_write_creation(struct le_buf *out, const struct le_schema_wish *wish);

/* "loginetl_ledger_20240131" */
#define LE_PARTITION_NAME_SIZE 25
void le_schema_partition_name(int64_t day, char out[LE_PARTITION_NAME_SIZE]);
/* The day of such a name; false: not one of ours. */
bool le_schema_partition_day(const char *name, int64_t *day);

/* Makes one partition without keeping inserts waiting: it is made apart and attached, which only
 * keeps out inserts into the default partition. Fails, and changes nothing, when it exists, when
 * the default partition holds rows of that day, or when a lock is not to be had at once. */
LE_MUST enum le_err le_schema_write_attach(struct le_buf *out, const char *schema, int64_t day);
/* Drops one; waits for running inserts, and keeps later ones waiting, for half a second at most. */
LE_MUST enum le_err le_schema_write_drop(struct le_buf *out, const char *schema, int64_t day);

#endif
