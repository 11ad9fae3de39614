#include "loginetl/pg/ledger.h"

#include "loginetl/base/buf.h"
#include "loginetl/base/log.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/pg/name.h"
#include "loginetl/pg/schema.h"
#include "loginetl/pg/statement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX            4096
#define LOCK_NOT_AVAILABLE "55P03"
#define CLOCKS_APART_MAX   2 /* days */

static void next_step(struct le_ledger *ledger, struct le_pg_conn *conn);

static void finish(struct le_ledger *ledger, struct le_pg_conn *conn)
{
    ledger->done(ledger->owner, conn);
}

/* Not worth a person's time: the lock; another worker that was quicker; rows of that day that stand
 * in the default partition, where they serve as well. */
static bool is_expected(const char *sqlstate)
{
    static const char *const expected[] = {LOCK_NOT_AVAILABLE, "42P07", "42809", "23505", "23514"};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (strcmp(sqlstate, expected[i]) == 0)
            return true;
    }
    return false;
}

static void note_failure(struct le_ledger *ledger, const PGresult *result)
{
    char sqlstate[LE_SQLSTATE_SIZE];
    le_pg_result_sqlstate(result, sqlstate);
    le_log(is_expected(sqlstate) ? LE_LOG_DEBUG : LE_LOG_WARN, "ledger_upkeep",
           LE_FS("doing", ledger->doing), LE_FS("sqlstate", sqlstate),
           LE_FS("text", le_sqlstate_words(sqlstate)));
    if (strcmp(sqlstate, LOCK_NOT_AVAILABLE) == 0)
        ledger->next_ms = LE_LEDGER_RETRY_MS;
}

static void on_step(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_ledger *ledger = owner;
    if (result == NULL)
        return; /* the owner hears of it from the connection */
    if (!le_pg_result_ok(result)) {
        note_failure(ledger, result);
        if (ledger->next_ms == LE_LEDGER_RETRY_MS) {
            finish(ledger, conn); /* whoever holds the lock would keep the next step waiting too */
            return;
        }
    }
    next_step(ledger, conn);
}

static void send_step(struct le_ledger *ledger, struct le_pg_conn *conn, struct le_buf *sql,
                      enum le_err err, const char *doing)
{
    ledger->doing = doing;
    if (err == LE_OK)
        err = le_buf_append(sql, "", 1);
    if (err == LE_OK)
        le_pg_conn_query(conn, sql->data, on_step, ledger);
    else
        finish(ledger, conn); /* no memory now; there will be another time */
    le_buf_free(sql);
}

static void attach(struct le_ledger *ledger, struct le_pg_conn *conn, int64_t day)
{
    struct le_buf sql;
    le_buf_init(&sql, SQL_MAX);
    send_step(ledger, conn, &sql, le_schema_write_attach(&sql, ledger->schema, day),
              "making a partition");
}

static void drop(struct le_ledger *ledger, struct le_pg_conn *conn, int64_t day)
{
    char name[LE_PARTITION_NAME_SIZE];
    struct le_buf sql;
    le_schema_partition_name(day, name);
    le_log(LE_LOG_INFO, "ledger_drop", LE_FS("partition", name));
    le_buf_init(&sql, SQL_MAX);
    send_step(ledger, conn, &sql, le_schema_write_drop(&sql, ledger->schema, day),
              "dropping a partition");
}

/* Rows older than any message can be. Those of the first of 1970 are of messages without a time:
 * nobody knows their age. A part at a time, so that it never takes long. */
static void sweep(struct le_ledger *ledger, struct le_pg_conn *conn)
{
    struct le_buf sql;
    le_buf_init(&sql, SQL_MAX);
    enum le_err err = le_buf_append_text(&sql, "SET LOCAL lock_timeout = '500ms';\nDELETE FROM ");
    if (err == LE_OK)
        err = le_pg_put_table(&sql, ledger->schema, LE_LEDGER_TABLE "_default");
    if (err == LE_OK)
        err = le_buf_append_text(&sql, " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ");
    if (err == LE_OK)
        err = le_pg_put_table(&sql, ledger->schema, LE_LEDGER_TABLE "_default");
    if (err == LE_OK)
        err = le_buf_printf(
            &sql,
            " WHERE sent_at >= '1970-01-02 00:00:00+00' AND sent_at < pg_catalog.to_timestamp(%" PRId64
            ") LIMIT 10000))",
            ledger->sweep_before * (LE_MS_PER_DAY / 1000));
    ledger->sweep = false;
    send_step(ledger, conn, &sql, err, "sweeping the default partition");
}

static void next_step(struct le_ledger *ledger, struct le_pg_conn *conn)
{
    while (ledger->day <= ledger->last_day) {
        int64_t day = ledger->day++;
        if (!ledger->present[day - ledger->first_day]) {
            attach(ledger, conn, day);
            return;
        }
    }
    if (ledger->drop_count > 0)
        drop(ledger, conn, ledger->drop[--ledger->drop_count]);
    else if (ledger->sweep)
        sweep(ledger, conn);
    else
        finish(ledger, conn);
}

/* ---- what there is ---- */

static void plan(struct le_ledger *ledger, int64_t server_day)
{
    int64_t our_day = ledger->wall_ms(ledger->wall_self) / LE_MS_PER_DAY;
    /* Nobody knows which of the two clocks is wrong: nothing is forgotten that one of them would
     * keep. */
    int64_t surely = our_day < server_day ? our_day : server_day;
    ledger->drop_before = surely - ledger->window_days;
    ledger->sweep_before = surely - LE_LEDGER_WINDOW_MAX;
    if (llabs(our_day - server_day) > CLOCKS_APART_MAX) {
        le_log(LE_LOG_WARN, "clocks_apart", LE_FI("days", our_day - server_day),
               LE_FS("text", "this machine's clock and the database's are days apart: set them"));
        our_day = server_day;
    }
    int64_t earlier = our_day < server_day ? our_day : server_day;
    int64_t later = our_day > server_day ? our_day : server_day;
    ledger->first_day = earlier - ledger->window_days;
    ledger->last_day = later + LE_SCHEMA_DAYS_AHEAD;
    ledger->day = ledger->first_day;
    assert(ledger->last_day - ledger->first_day < LE_LEDGER_DAYS_MAX);
    memset(ledger->present, 0, sizeof ledger->present);
    ledger->drop_count = 0;
    ledger->sweep = false;
}

static void note_partition(struct le_ledger *ledger, const char *name)
{
    int64_t day;
    if (strcmp(name, LE_LEDGER_TABLE "_default") == 0)
        ledger->sweep = true;
    if (!le_schema_partition_day(name, &day))
        return;
    if (day < ledger->drop_before) {
        if (ledger->drop_count < LE_LEDGER_DAYS_MAX)
            ledger->drop[ledger->drop_count++] = day;
    } else if (day >= ledger->first_day && day <= ledger->last_day) {
        ledger->present[day - ledger->first_day] = true;
    }
}

static bool is_ours(struct le_ledger *ledger, const PGresult *result)
{
    bool ours = strcmp(PQgetvalue(result, 0, 1), "t") == 0;
    if (!ours && !ledger->warned) {
        ledger->warned = true;
        le_log(LE_LOG_WARN, "ledger_upkeep", LE_FS("text", LE_LEDGER_NEGLECTED));
    }
    return ours;
}

static void on_list(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_ledger *ledger = owner;
    if (result == NULL)
        return;
    if (!le_pg_result_ok(result))
        note_failure(ledger, result);
    if (!le_pg_result_ok(result) || PQntuples(result) == 0 || !is_ours(ledger, result)) {
        finish(ledger, conn);
        return;
    }
    plan(ledger, strtoll(PQgetvalue(result, 0, 0), NULL, 10));
    for (int row = 0; row < PQntuples(result); row++)
        note_partition(ledger, PQgetvalue(result, row, 2));
    next_step(ledger, conn);
}

/* No row when the ledger is not partitioned: then there is nothing to keep up. */
static const char list_sql[] =
    "SELECT floor(extract(epoch FROM pg_catalog.now()) / 86400)::int8, pg_catalog.pg_has_role(l.relowner, 'USAGE') AND "
    "pg_catalog.has_schema_privilege(l.relnamespace, 'CREATE'), c.relname FROM pg_catalog.pg_class l "
    "JOIN pg_catalog.pg_namespace n ON n.oid = l.relnamespace LEFT JOIN pg_catalog.pg_inherits i ON i.inhparent = l.oid "
    "LEFT JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relnamespace = l.relnamespace "
    "WHERE n.nspname = $1 AND l.relname = '" LE_LEDGER_TABLE "' AND l.relkind = 'p'";

void le_ledger_start(struct le_ledger *ledger, struct le_pg_conn *conn)
{
    assert(ledger != NULL && ledger->schema != NULL && ledger->wall_ms != NULL &&
           ledger->done != NULL);
    assert(ledger->window_days >= 1 && ledger->window_days <= LE_LEDGER_WINDOW_MAX);
    ledger->next_ms = LE_LEDGER_CHECK_MS;
    ledger->doing = "listing partitions";
    static const Oid types[] = {25};
    const char *values[] = {ledger->schema};
    const struct le_pg_params params = {.count = 1, .types = types, .values = values};
    le_pg_conn_query_params(conn, list_sql, &params, on_list, ledger);
}
