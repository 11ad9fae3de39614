#include "store_internal.h"

#include "loginetl/base/log.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/pg/schema.h"
#include "loginetl/pg/statement.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CREATIONS_MAX \
    5 /* others that create the same without our lock may be in the way, but not for ever */

/* Refuses for good, in words. */
static void refuse(struct le_lane *lane, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void refuse(struct le_lane *lane, const char *sqlstate, const char *format, ...)
{
    struct le_pg_failure failure = {.err = LE_ERR_DATABASE_FATAL, .fatal = true};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(failure.text, sizeof failure.text, format, args);
    va_end(args);
    (void)snprintf(failure.sqlstate, sizeof failure.sqlstate, "%s", sqlstate);
    le_pg_conn_drop(lane->conn, &failure);
}

static bool table_wanted(const struct le_store *store)
{
    return !store->inspect.report.table_exists && store->inspect.report.misfit[0] == '\0';
}

static bool ledger_wanted(const struct le_store *store)
{
    return store->config.ledger && !store->inspect.report.ledger_exists;
}

/* The DDL on one line of the log, for a person who may do what we may not. */
static void tell_ddl(struct le_store *store)
{
    struct le_buf ddl;
    le_buf_init(&ddl, LE_SCHEMA_TEXT_MAX);
    enum le_err err = le_schema_write(&ddl, store->inspect.schema, store->inspect.table,
                                      &store->wanted, table_wanted(store), ledger_wanted(store));
    for (size_t i = 0; i < ddl.len; i++) {
        if (ddl.data[i] == '\n')
            ddl.data[i] = ' ';
    }
    if (err == LE_OK)
        le_log(LE_LOG_ERROR, "database_schema", LE_FSPAN("ddl", le_buf_span(&ddl)),
               LE_FS("text", "to be run by a user who may create tables"));
    le_buf_free(&ddl);
}

static const char *missing_words(const struct le_store *store)
{
    if (table_wanted(store))
        return ledger_wanted(store) ? "table and ledger are missing" : "the table is missing";
    return "the ledger is missing";
}

/* ---- creating ---- */

static bool is_race(const char *sqlstate)
{
    static const char *const races[] = {"42P07", "42710", "23505", "XX000", "40P01", "40001"};
    for (size_t i = 0; i < sizeof races / sizeof races[0]; i++) {
        if (strcmp(sqlstate, races[i]) == 0)
            return true;
    }
    return false;
}

static void refuse_creation(struct le_lane *lane, const char *sqlstate)
{
    struct le_pg_failure failure;
    le_pg_failure_of(&failure, sqlstate, "creating the tables");
    if (failure.fatal)
        tell_ddl(lane->store);
    if (strcmp(sqlstate, "42501") == 0)
        refuse(lane, sqlstate,
               "the user may not create tables in schema %s (SQLSTATE 42501): let its owner run "
               "what `loginetl schema` prints, with the same --table",
               lane->store->inspect.schema);
    else
        le_pg_conn_drop(lane->conn, &failure);
}

static void on_created(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_lane *lane = owner;
    char sqlstate[LE_SQLSTATE_SIZE];
    if (result == NULL)
        return; /* on_down comes */
    if (le_pg_result_ok(result)) {
        le_log(LE_LOG_INFO, "database_schema", LE_FS("schema", lane->store->inspect.schema),
               LE_FS("table", lane->store->inspect.table),
               LE_FS("text", "created what was missing"));
        le_store_start_on(lane);
        return;
    }
    le_pg_result_sqlstate(result, sqlstate);
    if (is_race(sqlstate)) {
        le_store_start_on(lane);
        return;
    }
    assert(lane->conn == conn);
    refuse_creation(lane, sqlstate);
}

static void create(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    int64_t today = store->config.wall_ms(store->config.self) / LE_MS_PER_DAY;
    const struct le_schema_wish wish = {
        .schema = store->inspect.schema,
        .table = store->inspect.table,
        .fields = &store->wanted,
        .with_table = table_wanted(store),
        .with_ledger = ledger_wanted(store),
        .first_day = today - store->config.window_days,
        .last_day = today + LE_SCHEMA_DAYS_AHEAD,
    };
    struct le_buf sql;
    le_buf_init(&sql, LE_SCHEMA_TEXT_MAX);
    enum le_err err = le_schema_write_creation(&sql, &wish);
    if (err == LE_OK)
        err = le_buf_append(&sql, "", 1);
    store->creations++;
    if (err == LE_OK) {
        le_pg_conn_query(lane->conn, sql.data, on_created, lane);
    } else {
        struct le_pg_failure failure;
        le_pg_failure_of(&failure, "", "creating the tables");
        le_pg_conn_drop(lane->conn, &failure);
    }
    le_buf_free(&sql);
}

static void create_or_refuse(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    const char *schema = store->inspect.schema;
    const char *words = missing_words(store);
    if (store->config.schema == LE_SCHEMA_CREATE && store->creations < CREATIONS_MAX) {
        create(lane);
        return;
    }
    tell_ddl(store);
    refuse(
        lane, "42P01",
        "%s.%s: %s: give psql what `loginetl schema` prints (with the same --table), or start with "
        "--schema create",
        schema, store->inspect.table, words);
}

/* ---- judging ---- */

/* A statement is told whole or not at all: a part of one would be run, too. */
static void refuse_missing_columns(struct le_lane *lane)
{
    const struct le_inspect *inspect = &lane->store->inspect;
    const char *missing = inspect->report.missing_columns;
    size_t room =
        sizeof(((struct le_pg_failure *)NULL)->text) - sizeof "%s.%s lacks columns: %s; run: ";
    struct le_buf ddl;
    le_buf_init(&ddl, room - strlen(inspect->schema) - strlen(inspect->table) - strlen(missing));
    enum le_err err = le_schema_write_columns(&ddl, inspect->schema, inspect->table,
                                              inspect->wanted, inspect->seen);
    if (err == LE_OK)
        refuse(lane, "42703", "%s.%s lacks columns: %s; run: %.*s", inspect->schema, inspect->table,
               missing, (int)ddl.len, ddl.data);
    else
        refuse(lane, "42703", "%s.%s lacks columns: %s; compare it with `loginetl schema`",
               inspect->schema, inspect->table, missing);
    le_buf_free(&ddl);
}

/* false: refused. */
static bool judge_table(struct le_lane *lane)
{
    const struct le_inspect *inspect = &lane->store->inspect;
    const struct le_store_report *report = &inspect->report;
    if (report->missing_columns[0] != '\0')
        refuse_missing_columns(lane);
    else if (!report->types_fit)
        refuse(lane, "42804", "%s.%s does not fit: %s", inspect->schema, inspect->table,
               report->misfit);
    else if (report->required_columns[0] != '\0')
        refuse(
            lane, "23502",
            "%s.%s has columns that are NOT NULL and without a default, and that nothing fills: %s",
            inspect->schema, inspect->table, report->required_columns);
    else if (!report->can_insert)
        refuse(lane, "42501", "%s.%s: the user may not insert: GRANT INSERT ON it", inspect->schema,
               inspect->table);
    else
        return true;
    return false;
}

static bool judge_ledger(struct le_lane *lane)
{
    const struct le_inspect *inspect = &lane->store->inspect;
    if (!lane->store->config.ledger)
        return true;
    if (!inspect->ledger_fits)
        refuse(lane, "42P10",
               "%s." LE_LEDGER_TABLE
               " has no key over sent_at and message_id: it is not our ledger, "
               "or lost its primary key; compare it with `loginetl schema`",
               inspect->schema);
    else if (!inspect->report.can_insert_ledger)
        refuse(lane, "42501",
               "%s." LE_LEDGER_TABLE ": the user may not use it: GRANT SELECT, INSERT ON it",
               inspect->schema);
    else
        return true;
    return false;
}

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_statement(const struct le_store *store)
{
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), store->sql.data, store->sql.len);
    return hash_bytes(hash, store->arrays.types,
                      store->arrays.count * sizeof store->arrays.types[0]);
}

static enum le_statement_kind kind_of(const struct le_store *store)
{
    if (store->config.ledger)
        return LE_STATEMENT_LEDGER;
    return store->inspect.report.has_key ? LE_STATEMENT_KEYED : LE_STATEMENT_PLAIN;
}

/* The tables are there and fit: from here on nothing asks the catalogue again. */
static void adopt(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    struct le_inspect *inspect = &store->inspect;
    *store->config.fields = inspect->found;
    le_arrays_free(&store->arrays);
    le_arrays_init(&store->arrays, &inspect->found, store->config.ledger);
    le_buf_clear(&store->sql);
    store->kind = kind_of(store);
    enum le_err err = le_statement_write(&store->sql, inspect->schema, inspect->table,
                                         &inspect->found, store->kind);
    if (err == LE_OK)
        err = le_buf_append(&store->sql, "", 1);
    if (err != LE_OK) {
        struct le_pg_failure failure;
        le_pg_failure_of(&failure, "", "writing the statement");
        le_pg_conn_drop(lane->conn, &failure);
        return;
    }
    store->known = true;
    store->statement_hash = hash_statement(store);
    store->ledger.schema = inspect->schema;
    store->upkeep_due = store->config.ledger; /* before the first statement, but receiving need not
                                                 wait for it */
    le_store_prepare(lane);
}

static void judge(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    const struct le_store_report *report = &store->inspect.report;
    if (report->read_only) {
        struct le_pg_failure failure;
        le_pg_failure_of(&failure, "25006", "the database");
        le_pg_conn_drop(lane->conn, &failure);
    } else if (report->server_version < LE_SERVER_VERSION_MIN) {
        refuse(lane, "", "the server is too old: loginetl needs PostgreSQL 11 or later");
    } else if (store->inspect.schema[0] == '\0') {
        refuse(lane, "3F000", "%s", le_sqlstate_words("3F000"));
    } else if (table_wanted(store) || ledger_wanted(store)) {
        create_or_refuse(lane);
    } else if (judge_table(lane) && judge_ledger(lane)) {
        adopt(lane);
    }
}

static void look_at_ledger(struct le_store *store)
{
    struct le_store_report *report = &store->inspect.report;
    if (!store->config.ledger || !report->ledger_exists || store->inspect.ledger_fits)
        return;
    report->types_fit = false;
    if (report->misfit[0] == '\0')
        (void)snprintf(report->misfit, sizeof report->misfit, "%s",
                       LE_LEDGER_TABLE ": no key over sent_at and message_id");
}

static void on_inspected(void *owner, struct le_pg_conn *conn, const struct le_pg_failure *failure)
{
    struct le_lane *lane = owner;
    assert(lane->conn == conn);
    if (failure != NULL) {
        le_pg_conn_drop(conn, failure);
    } else if (lane->store->config.schema == LE_SCHEMA_LOOK) {
        look_at_ledger(lane->store);
        lane->store->known = true;
        le_store_lane_ready(lane);
    } else {
        judge(lane);
    }
}

void le_store_start_on(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    store->inspect.name = &store->name;
    store->inspect.wanted = &store->wanted;
    store->inspect.mask_chars = store->config.mask_chars;
    store->inspect.done = on_inspected;
    store->inspect.owner = lane;
    le_inspect_start(&store->inspect, lane->conn);
}
