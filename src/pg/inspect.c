#include "loginetl/pg/inspect.h"

#include "inspect_columns.h"
#include "loginetl/base/buf.h"
#include "loginetl/pg/statement.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX ((size_t)LE_FIELDS_MAX * LE_PG_NAME_SIZE)

/* $1: the table's name as SQL, $2: its schema or '', $3: the columns that messages fill, with a
 * character 31 between them. Always one row. */
static const char facts_sql[] =
    "WITH t AS (SELECT c.oid, c.relname, c.relkind, c.relnamespace, c.relhasrules FROM pg_catalog.pg_class c "
    "WHERE c.oid = pg_catalog.to_regclass($1)), "
    "s AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = COALESCE("
    "(SELECT t.relnamespace FROM t), (SELECT m.oid FROM pg_catalog.pg_namespace m "
    "WHERE m.nspname = COALESCE(NULLIF($2, ''), pg_catalog.current_schema()::text)))), "
    "l AS (SELECT c.oid, c.relkind, c.relowner, c.relnamespace FROM pg_catalog.pg_class c JOIN s ON c.relnamespace = s.oid "
    "WHERE c.relname = '" LE_LEDGER_TABLE "') "
    "SELECT pg_catalog.current_setting('transaction_read_only') AS read_only, s.nspname AS schema, "
    "pg_catalog.has_schema_privilege(s.oid, 'CREATE') AS can_create, t.oid AS table_oid, t.relname AS table_name, "
    "t.relkind IN ('r', 'p', 'v', 'f') AS is_table, l.oid AS ledger_oid, "
    "pg_catalog.has_table_privilege(l.oid, 'INSERT') AND pg_catalog.has_table_privilege(l.oid, 'SELECT') "
    "AS can_insert_ledger, "
    /* As the upkeep asks before it does anything. */
    "l.relkind = 'p' AND NOT (pg_catalog.pg_has_role(l.relowner, 'USAGE') AND "
    "pg_catalog.has_schema_privilege(l.relnamespace, 'CREATE')) AS ledger_neglected, "
    /* ON CONFLICT is refused for a table with rules, or with a key that is checked only at COMMIT.
     * And a key with a column that the table fills itself, say with a number, knows nothing again.
     */
    "NOT t.relhasrules AND COALESCE((SELECT bool_and(i.indimmediate) AND bool_or(i.indisvalid AND NOT EXISTS ("
    "SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid AND "
    "a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]) AND "
    "a.attname::text <> ALL (pg_catalog.string_to_array($3, pg_catalog.chr(31))))) FROM pg_catalog.pg_index i "
    "WHERE i.indrelid = t.oid AND (i.indisunique OR i.indisexclusion)), false) AS has_key, "
    /* ON CONFLICT finds a duplicate only by a unique index over exactly the two keys. */
    "EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l.oid AND i.indisunique AND i.indisvalid "
    "AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 2 AND 2 = (SELECT count(*) "
    "FROM pg_catalog.pg_attribute a WHERE a.attrelid = l.oid AND a.attnum = ANY (i.indkey) AND "
    "(a.attname, a.atttypid) IN (('sent_at', 1184::pg_catalog.oid), ('message_id', 2950::pg_catalog.oid)))) AS ledger_fits "
    "FROM (SELECT 1) one LEFT JOIN s ON true LEFT JOIN t ON true LEFT JOIN l ON true";

static void fail(struct le_inspect *inspect, struct le_pg_conn *conn, const PGresult *result)
{
    char sqlstate[LE_SQLSTATE_SIZE];
    struct le_pg_failure failure;
    le_pg_result_sqlstate(result, sqlstate);
    /* The one right that it takes: a name cannot be looked up in a schema without it. */
    bool denied = strcmp(sqlstate, "42501") == 0;
    le_pg_failure_of(&failure, sqlstate,
                     denied ? "USAGE on the table's schema" : "reading the catalogue");
    inspect->done(inspect->owner, conn, &failure);
}

static void fail_odd(struct le_inspect *inspect, struct le_pg_conn *conn)
{
    struct le_pg_failure failure;
    le_pg_failure_of(&failure, "", "reading the catalogue");
    inspect->done(inspect->owner, conn, &failure);
}

static const char *value(const PGresult *result, int row, const char *column)
{
    int at = PQfnumber(result, column);
    assert(at >= 0);
    return PQgetvalue(result, row, at); /* "" for NULL */
}

static bool is_true(const PGresult *result, int row, const char *column)
{
    const char *text = value(result, row, column);
    return strcmp(text, "t") == 0 || strcmp(text, "on") == 0;
}

static void read_facts(struct le_inspect *inspect, const PGresult *result)
{
    struct le_store_report *report = &inspect->report;
    report->read_only = is_true(result, 0, "read_only");
    report->can_create = is_true(result, 0, "can_create");
    report->table_exists = is_true(result, 0, "is_table");
    report->ledger_exists = value(result, 0, "ledger_oid")[0] != '\0';
    report->can_insert_ledger = is_true(result, 0, "can_insert_ledger");
    report->ledger_neglected = is_true(result, 0, "ledger_neglected");
    report->has_key = is_true(result, 0, "has_key");
    inspect->ledger_fits = is_true(result, 0, "ledger_fits");
    (void)snprintf(inspect->schema, sizeof inspect->schema, "%s", value(result, 0, "schema"));
    report->schema_exists = inspect->schema[0] != '\0';
    const char *table = value(result, 0, "table_name");
    (void)snprintf(inspect->table, sizeof inspect->table, "%s",
                   table[0] != '\0' ? table : inspect->name->table);
    if (table[0] != '\0' && !report->table_exists) {
        report->types_fit = false;
        (void)snprintf(report->misfit, sizeof report->misfit, "%s: neither a table nor a view",
                       table);
    }
}

/* A row of le_inspect_columns_sql as the judge takes it. */
static void read_column(struct le_inspect *inspect, const PGresult *result, int row)
{
    const struct le_inspect_column column = {
        .name = le_span_of(value(result, row, "name")),
        .type_name = value(result, row, "type_name"),
        .type = (Oid)strtoul(value(result, row, "type"), NULL, 10),
        .modifier = (int)strtol(value(result, row, "modifier"), NULL, 10),
        .not_null = is_true(result, row, "not_null"),
        .has_default = is_true(result, row, "has_default"),
        .generated = is_true(result, row, "generated"),
        .can_insert = is_true(result, row, "can_insert"),
    };
    le_inspect_judge_column(inspect, &column);
}

static void on_columns(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_inspect *inspect = owner;
    if (result == NULL)
        return; /* the connection says so itself */
    if (!le_pg_result_ok(result)) {
        fail(inspect, conn, result);
        return;
    }
    inspect->report.can_insert = true;
    for (int row = 0; row < PQntuples(result); row++)
        read_column(inspect, result, row);
    le_inspect_judge_missing(inspect);
    inspect->done(inspect->owner, conn, NULL);
}

static void on_facts(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_inspect *inspect = owner;
    if (result == NULL)
        return;
    if (!le_pg_result_ok(result)) {
        fail(inspect, conn, result);
        return;
    }
    if (PQntuples(result) != 1) {
        fail_odd(inspect, conn);
        return;
    }
    read_facts(inspect, result);
    if (!inspect->report.table_exists) {
        inspect->done(inspect->owner, conn, NULL);
        return;
    }
    const char *values[] = {value(result, 0, "table_oid")};
    const struct le_pg_params params = {.count = 1, .values = values};
    le_pg_conn_query_params(conn, le_inspect_columns_sql(inspect->report.server_version), &params,
                            on_columns, inspect);
}

static enum le_err put_table(struct le_buf *sql, const struct le_pg_name *name)
{
    enum le_err err = LE_OK;
    if (name->schema[0] != '\0') {
        err = le_pg_put_quoted(sql, le_span_of(name->schema));
        if (err == LE_OK)
            err = le_buf_append_text(sql, ".");
    }
    if (err == LE_OK)
        err = le_pg_put_quoted(sql, le_span_of(name->table));
    return err == LE_OK ? le_buf_append(sql, "", 1) : err;
}

static enum le_err put_columns(struct le_buf *names, const struct le_fields *fields)
{
    enum le_err err = LE_OK;
    for (size_t i = 0; i < fields->count && err == LE_OK; i++) {
        const struct le_span column = fields->list[i].column;
        err = i > 0 ? le_buf_append(names, "\x1f", 1) : LE_OK;
        if (err == LE_OK)
            err = le_buf_append(names, column.ptr, column.len);
    }
    return err == LE_OK ? le_buf_append(names, "", 1) : err;
}

static void ask_facts(struct le_inspect *inspect, struct le_pg_conn *conn)
{
    struct le_buf sql, columns;
    le_buf_init(&sql, 4 * LE_PG_NAME_SIZE + 8);
    le_buf_init(&columns, NAMES_MAX);
    enum le_err err = put_table(&sql, inspect->name);
    if (err == LE_OK)
        err = put_columns(&columns, inspect->wanted);
    const char *values[] = {sql.data, inspect->name->schema, columns.data};
    static const Oid types[] = {25, 25, 25};
    const struct le_pg_params params = {.count = 3, .types = types, .values = values};
    if (err == LE_OK)
        le_pg_conn_query_params(conn, facts_sql, &params, on_facts, inspect);
    else
        fail_odd(inspect, conn);
    le_buf_free(&sql);
    le_buf_free(&columns);
}

void le_inspect_start(struct le_inspect *inspect, struct le_pg_conn *conn)
{
    assert(inspect != NULL && inspect->name != NULL && inspect->wanted != NULL &&
           inspect->done != NULL);
    memset(&inspect->report, 0, sizeof inspect->report);
    inspect->found = *inspect->wanted;
    inspect->ledger_fits = false;
    inspect->report.types_fit = true;
    inspect->report.server_version = le_pg_conn_server_version(conn);
    inspect->report.tls = le_pg_conn_tls(conn);
    le_inspect_forget_columns(inspect);
    ask_facts(inspect, conn);
}
