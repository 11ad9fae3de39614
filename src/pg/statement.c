#include "loginetl/pg/statement.h"

#include "loginetl/pg/name.h"

#include <assert.h>

/* Each answers the first error, so that a text can be written down in the order in which it reads.
 */
static enum le_err put(struct le_buf *out, enum le_err err, const char *text)
{
    return err != LE_OK ? err : le_buf_append_text(out, text);
}

static enum le_err put_name(struct le_buf *out, enum le_err err, const char *name)
{
    return err != LE_OK ? err : le_pg_put_quoted(out, le_span_of(name));
}

static enum le_err put_qualified(struct le_buf *out, enum le_err err, const char *schema,
                                 const char *table)
{
    err = put_name(out, err, schema);
    err = put(out, err, ".");
    return put_name(out, err, table);
}

/* "user_id", "device_type", … */
static enum le_err put_columns(struct le_buf *out, enum le_err err, const struct le_fields *fields)
{
    const char *comma = "";
    for (size_t i = 0; i < fields->count && err == LE_OK; i++) {
        if (fields->list[i].type == LE_COLUMN_ABSENT)
            continue;
        err = put(out, err, comma);
        if (err == LE_OK)
            err = le_pg_put_quoted(out, fields->list[i].column);
        comma = ", ";
    }
    return err;
}

static size_t count_columns(const struct le_fields *fields)
{
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++)
        count += fields->list[i].type != LE_COLUMN_ABSENT;
    return count;
}

/* prefix1, prefix2, …: parameters ($), or the names of their values (c). */
static enum le_err put_numbered(struct le_buf *out, enum le_err err, const char *prefix,
                                size_t count)
{
    for (size_t i = 1; i <= count && err == LE_OK; i++)
        err = le_buf_printf(out, "%s%s%zu", i > 1 ? ", " : "", prefix, i);
    return err;
}

/* Never a cast here: ::varchar(n) would cut a value silently where the assignment raises 22001. Nor
 * type names: the parameters' types are given by OID. */
static enum le_err put_input(struct le_buf *out, enum le_err err, size_t count)
{
    err = put(out, err, "FROM unnest(");
    err = put_numbered(out, err, "$", count);
    err = put(out, err, ") AS u(");
    err = put_numbered(out, err, "c", count);
    return put(out, err, ")");
}

static enum le_err put_insert(struct le_buf *out, enum le_err err, const char *schema,
                              const char *table, const struct le_fields *fields)
{
    err = put(out, err, "INSERT INTO ");
    err = put_qualified(out, err, schema, table);
    err = put(out, err, " (");
    err = put_columns(out, err, fields);
    return put(out, err, ") ");
}

/* With the table's own key for a ledger, a message that comes again (from the queue, or after an
 * answer that got lost) is no error. */
static enum le_err write_without_ledger(struct le_buf *out, const char *schema, const char *table,
                                        const struct le_fields *fields, bool keyed)
{
    size_t columns = count_columns(fields);
    enum le_err err = put_insert(out, LE_OK, schema, table, fields);
    err = put(out, err, "SELECT ");
    err = put_numbered(out, err, "c", columns);
    err = put(out, err, " ");
    err = put_input(out, err, columns);
    return keyed ? put(out, err, " ON CONFLICT DO NOTHING") : err;
}

/* The conflict is named: a ledger without its key is refused instead of storing everything twice.
 * The keys go first, and in the arrays' order: it is sorted, so two workers with the same messages
 * wait for each other instead of deadlocking. c1 and c2 are the keys, the columns' values follow.
 */
static enum le_err write_with_ledger(struct le_buf *out, const char *schema, const char *table,
                                     const struct le_fields *fields)
{
    size_t columns = count_columns(fields);
    enum le_err err = put(out, LE_OK, "WITH input AS (SELECT * ");
    err = put_input(out, err, columns + 2);
    err = put(out, err, "), fresh AS (INSERT INTO ");
    err = put_qualified(out, err, schema, LE_LEDGER_TABLE);
    err = put(
        out, err,
        " (sent_at, message_id) SELECT c1, c2 FROM input "
        "ON CONFLICT (sent_at, message_id) DO NOTHING RETURNING sent_at, message_id), stored AS (");
    err = put_insert(out, err, schema, table, fields);
    err = put(out, err, "SELECT ");
    for (size_t i = 0; i < columns && err == LE_OK; i++)
        err = le_buf_printf(out, "%sc%zu", i > 0 ? ", " : "", i + 3);
    err = put(out, err, " FROM input JOIN fresh ON sent_at = c1 AND message_id = c2) ");
    /* Of the ledger, not of the table: a trigger that puts rows elsewhere does not make them
     * duplicates. */
    return put(out, err, "SELECT count(*) FROM fresh");
}

enum le_err le_statement_write(struct le_buf *out, const char *schema, const char *table,
                               const struct le_fields *fields, enum le_statement_kind kind)
{
    assert(out != NULL && schema != NULL && schema[0] != '\0' && table != NULL && fields != NULL);
    assert(count_columns(fields) > 0);
    if (kind == LE_STATEMENT_LEDGER)
        return write_with_ledger(out, schema, table, fields);
    return write_without_ledger(out, schema, table, fields, kind == LE_STATEMENT_KEYED);
}
