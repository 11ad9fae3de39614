#include "loginetl/pg/schema.h"

#include "loginetl/base/timefmt.h"
#include "loginetl/pg/name.h"
#include "loginetl/pg/statement.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Creation is serialised by an advisory lock of this number ("loginetl" in ASCII), so that no
 * worker meets another's half-made tables. */
#define CREATION_LOCK            "7813577581032469612"
#define MAINTENANCE_LOCK_TIMEOUT "500ms"

static enum le_err put(struct le_buf *out, enum le_err err, const char *text)
{
    return err != LE_OK ? err : le_buf_append_text(out, text);
}

static enum le_err put_table(struct le_buf *out, enum le_err err, const char *schema,
                             const char *table)
{
    return err != LE_OK ? err : le_pg_put_table(out, schema, table);
}

static enum le_err put_type(struct le_buf *out, const struct le_field *field)
{
    switch (field->type) {
    case LE_COLUMN_TEXT:
        if (field->chars_max > 0)
            return le_buf_printf(out, "varchar(%d)", field->chars_max);
        return le_buf_append_text(out, "text");
    case LE_COLUMN_INT2: return le_buf_append_text(out, "smallint");
    case LE_COLUMN_INT4: return le_buf_append_text(out, "integer");
    case LE_COLUMN_INT8: return le_buf_append_text(out, "bigint");
    case LE_COLUMN_DATE: return le_buf_append_text(out, "date");
    case LE_COLUMN_ABSENT: break;
    }
    assert(!"a column that is to be created has a type");
    return LE_ERR_CONFIG;
}

static enum le_err put_column(struct le_buf *out, enum le_err err, const struct le_field *field)
{
    if (err == LE_OK)
        err = le_pg_put_name(out, field->column);
    err = put(out, err, " ");
    return err != LE_OK ? err : put_type(out, field);
}

static enum le_err put_target(struct le_buf *out, enum le_err err, const char *schema,
                              const char *table, const struct le_fields *fields)
{
    err = put(out, err, "CREATE TABLE IF NOT EXISTS ");
    err = put_table(out, err, schema, table);
    const char *before = " (\n    ";
    for (size_t i = 0; i < fields->count && err == LE_OK; i++) {
        if (fields->list[i].type == LE_COLUMN_ABSENT)
            continue;
        err = put_column(out, put(out, err, before), &fields->list[i]);
        before = ",\n    ";
    }
    return put(out, err, "\n);\n");
}

static enum le_err put_ledger(struct le_buf *out, enum le_err err, const char *schema)
{
    err = put(out, err, "CREATE TABLE IF NOT EXISTS ");
    err = put_table(out, err, schema, LE_LEDGER_TABLE);
    err = put(out, err,
              " (\n    sent_at timestamptz NOT NULL,\n    message_id uuid NOT NULL,\n"
              "    PRIMARY KEY (sent_at, message_id)\n) PARTITION BY RANGE (sent_at);\n"
              "CREATE TABLE IF NOT EXISTS ");
    err = put_table(out, err, schema, LE_LEDGER_TABLE "_default");
    err = put(out, err, " PARTITION OF ");
    err = put_table(out, err, schema, LE_LEDGER_TABLE);
    return put(out, err, " DEFAULT;\n");
}

enum le_err le_schema_write(struct le_buf *out, const char *schema, const char *table,
                            const struct le_fields *fields, bool with_table, bool with_ledger)
{
    assert(out != NULL && schema != NULL && table != NULL && fields != NULL);
    enum le_err err = LE_OK;
    if (with_table)
        err = put_target(out, err, schema, table, fields);
    return with_ledger ? put_ledger(out, err, schema) : err;
}

enum le_err le_schema_write_columns(struct le_buf *out, const char *schema, const char *table,
                                    const struct le_fields *fields, const bool *seen)
{
    assert(out != NULL && fields != NULL && seen != NULL);
    enum le_err err = put(out, LE_OK, "ALTER TABLE ");
    err = put_table(out, err, schema, table);
    const char *before = " ADD COLUMN ";
    for (size_t i = 0; i < fields->count && err == LE_OK; i++) {
        if (seen[i] || fields->list[i].optional_column)
            continue;
        err = put_column(out, put(out, err, before), &fields->list[i]);
        before = ", ADD COLUMN ";
    }
    assert(err != LE_OK || before[0] == ',');
    return put(out, err, ";");
}

void le_schema_partition_name(int64_t day, char out[LE_PARTITION_NAME_SIZE])
{
    struct le_civil civil;
    le_civil_from_ms(day * LE_MS_PER_DAY, &civil);
    assert(civil.year >= 1 && civil.year <= 9999);
    int len = snprintf(out, LE_PARTITION_NAME_SIZE, LE_LEDGER_TABLE "_%04u%02u%02u",
                       (unsigned)civil.year % 10000, (unsigned)civil.month % 100,
                       (unsigned)civil.day % 100);
    assert(len == LE_PARTITION_NAME_SIZE - 1);
}

static bool read_digits(const char *at, size_t count, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *value = *value * 10 + (at[i] - '0');
    }
    return true;
}

bool le_schema_partition_day(const char *name, int64_t *day)
{
    assert(name != NULL && day != NULL);
    static const char prefix[] = LE_LEDGER_TABLE "_";
    const char *at = name + sizeof prefix - 1;
    int year, month, monthday;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || strlen(at) != 8)
        return false;
    if (!read_digits(at, 4, &year) || !read_digits(at + 4, 2, &month) ||
        !read_digits(at + 6, 2, &monthday))
        return false;
    if (year < 1 || month < 1 || month > 12 || monthday < 1 ||
        monthday > le_days_in_month(year, month))
        return false;
    *day = le_days_from_civil(year, month, monthday);
    return true;
}

static enum le_err put_moment(struct le_buf *out, enum le_err err, int64_t day)
{
    struct le_civil civil;
    le_civil_from_ms(day * LE_MS_PER_DAY, &civil);
    return err != LE_OK ? err
                        : le_buf_printf(out, "'%04d-%02d-%02d 00:00:00+00'", civil.year,
                                        civil.month, civil.day);
}

static enum le_err put_bounds(struct le_buf *out, enum le_err err, int64_t day)
{
    err = put(out, err, " FOR VALUES FROM (");
    err = put_moment(out, err, day);
    err = put(out, err, ") TO (");
    err = put_moment(out, err, day + 1);
    return put(out, err, ");\n");
}

static enum le_err put_partition(struct le_buf *out, enum le_err err, const char *schema,
                                 int64_t day)
{
    char name[LE_PARTITION_NAME_SIZE];
    le_schema_partition_name(day, name);
    err = put(out, err, "CREATE TABLE IF NOT EXISTS ");
    err = put_table(out, err, schema, name);
    err = put(out, err, " PARTITION OF ");
    err = put_table(out, err, schema, LE_LEDGER_TABLE);
    return put_bounds(out, err, day);
}

/* Of each other worker's, and of nobody else's: the number is ours. */
static enum le_err put_creation_lock(struct le_buf *out, enum le_err err)
{
    return put(out, err, "SELECT pg_catalog.pg_advisory_xact_lock(" CREATION_LOCK ");\n");
}

enum le_err le_schema_write_creation(struct le_buf *out, const struct le_schema_wish *wish)
{
    assert(out != NULL && wish != NULL && wish->schema[0] != '\0');
    assert(wish->first_day <= wish->last_day && wish->last_day - wish->first_day < 64);
    /* Several statements in one query are one transaction, without a BEGIN that would need its
     * ROLLBACK. */
    enum le_err err = put(out, LE_OK, "SET LOCAL client_min_messages = warning;\n");
    err = put_creation_lock(out, err);
    if (err == LE_OK)
        err = le_schema_write(out, wish->schema, wish->table, wish->fields, wish->with_table,
                              wish->with_ledger);
    for (int64_t day = wish->first_day; wish->with_ledger && day <= wish->last_day && err == LE_OK;
         day++)
        err = put_partition(out, err, wish->schema, day);
    return err;
}

static enum le_err put_maintenance_start(struct le_buf *out)
{
    enum le_err err = put(out, LE_OK, "SET LOCAL lock_timeout = '" MAINTENANCE_LOCK_TIMEOUT "';\n");
    return put_creation_lock(out, err);
}

enum le_err le_schema_write_attach(struct le_buf *out, const char *schema, int64_t day)
{
    assert(out != NULL && schema != NULL && schema[0] != '\0');
    char name[LE_PARTITION_NAME_SIZE];
    le_schema_partition_name(day, name);
    enum le_err err = put_maintenance_start(out);
    err = put(out, err, "CREATE TABLE ");
    err = put_table(out, err, schema, name);
    err = put(out, err, " (LIKE ");
    err = put_table(out, err, schema, LE_LEDGER_TABLE);
    err = put(out, err, " INCLUDING ALL);\nALTER TABLE ");
    err = put_table(out, err, schema, LE_LEDGER_TABLE);
    err = put(out, err, " ATTACH PARTITION ");
    err = put_table(out, err, schema, name);
    return put_bounds(out, err, day);
}

enum le_err le_schema_write_drop(struct le_buf *out, const char *schema, int64_t day)
{
    assert(out != NULL && schema != NULL && schema[0] != '\0');
    char name[LE_PARTITION_NAME_SIZE];
    le_schema_partition_name(day, name);
    enum le_err err = put_maintenance_start(out);
    err = put(out, err, "DROP TABLE IF EXISTS ");
    err = put_table(out, err, schema, name);
    return put(out, err, ";\n");
}
