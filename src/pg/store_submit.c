#include "store_internal.h"

#include "loginetl/base/log.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_AGAIN_MS 60000

/* A message is in the queue for 14 at most, and what it tells of may be older. */
#define THESE_DAYS 31

static void on_executed(void *owner, struct le_pg_conn *conn, const PGresult *result);

static struct le_pg_params params_of(const struct le_store *store)
{
    return (struct le_pg_params){
        .count = store->arrays.count,
        .types = store->arrays.types,
        .values = store->arrays.values,
        .lengths = store->arrays.lengths,
        .formats = store->arrays.formats,
    };
}

/* ---- outcomes ---- */

static void end(struct le_lane *lane)
{
    struct le_submit_op *op = lane->op;
    assert(op != NULL);
    lane->op = NULL;
    lane->deferred = lane->resent = false;
    op->done(op);
}

static void end_and_go_on(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    end(lane);
    if (!store->closing)
        le_store_lane_free(lane);
}

static void set_outcome(struct le_submit_op *op, enum le_store_outcome outcome, enum le_err err,
                        const char *sqlstate)
{
    op->outcome = outcome;
    op->err = err;
    op->inserted = 0;
    op->bad_row = -1; /* the server names the constraint, never the row */
    (void)snprintf(op->sqlstate, sizeof op->sqlstate, "%s", sqlstate);
}

void le_store_give_up(struct le_lane *lane, enum le_err err)
{
    set_outcome(lane->op, LE_STORE_RETRY, err, "");
    end(lane);
}

static bool names(const PGresult *result, int field, const char *name)
{
    const char *text = PQresultErrorField(result, field);
    return text != NULL && strcmp(text, name) == 0;
}

/* ---- what a refusal means ---- */

struct verdict {
    enum le_sqlstate_class class;
    const char *words; /* for a person */
};

static bool has(const PGresult *result, int field)
{
    return PQresultErrorField(result, field) != NULL;
}

/* The ledger holds nothing but what we make ourselves, for every message alike. */
static bool is_of_ledger(const struct le_store *store, const PGresult *result)
{
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    return store->config.ledger && table != NULL &&
           names(result, PG_DIAG_SCHEMA_NAME, store->inspect.schema) &&
           strncmp(table, LE_LEDGER_TABLE, strlen(LE_LEDGER_TABLE)) == 0;
}

static struct verdict judge_ledger(const PGresult *result, const char *sqlstate)
{
    if (strcmp(sqlstate, "23514") == 0 &&
        names(result, PG_DIAG_TABLE_NAME, LE_LEDGER_TABLE "_default"))
        return (struct verdict){LE_SQLSTATE_RETRY,
                                "the ledger was getting a day's partition meanwhile"};
    return (struct verdict){
        LE_SQLSTATE_FATAL,
        "the ledger refuses a message's id, perhaps for lack of a partition: compare it with "
        "`loginetl schema`, and start loginetl again"};
}

static bool fills(const struct le_store *store, const char *column)
{
    const struct le_fields *fields = store->config.fields;
    bool found = false;
    for (size_t i = 0; i < fields->count; i++)
        found = found || (fields->list[i].type != LE_COLUMN_ABSENT &&
                          le_span_equal(fields->list[i].column, le_span_of(column)));
    return found;
}

/* A column that came, or became NOT NULL, after we looked, and for which no message has a value. Of
 * a partition, or of a table that a trigger writes to, it may be that some rows do not meet it. */
static struct verdict judge_null(const struct le_store *store, const PGresult *result)
{
    const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    if (column == NULL || fills(store, column))
        return (struct verdict){LE_SQLSTATE_DATA, le_sqlstate_words("23502")};
    bool own = names(result, PG_DIAG_SCHEMA_NAME, store->inspect.schema) &&
               names(result, PG_DIAG_TABLE_NAME, store->inspect.table);
    return (struct verdict){
        own ? LE_SQLSTATE_FATAL : LE_SQLSTATE_UNCLEAR,
        "a column that nothing fills is NOT NULL and has no default: compare the table with "
        "`loginetl schema`"};
}

/* A check that is nobody's constraint is a partition's bounds. */
static bool lacks_partition(const PGresult *result, const char *sqlstate)
{
    return strcmp(sqlstate, "23514") == 0 && has(result, PG_DIAG_TABLE_NAME) &&
           !has(result, PG_DIAG_CONSTRAINT_NAME);
}

static bool is_of_these_days(const struct le_message *row, size_t cells, int64_t today)
{
    for (size_t i = 0; i < cells; i++) {
        if (row->cells[i].kind == LE_CELL_DATE && llabs(row->cells[i].num - today) > THESE_DAYS)
            return false;
    }
    return true;
}

/* Somebody forgot to make this month's partition: then nothing is wrong with the rows. Or nobody
 * made one for the year 1970, which is the row's fault. */
static struct verdict judge_partition(const struct le_store *store, const struct le_submit_op *op)
{
    int64_t today = store->config.wall_ms(store->config.self) / LE_MS_PER_DAY;
    for (size_t i = 0; i < op->count; i++) {
        if (!is_of_these_days(op->rows[i], store->config.fields->count, today))
            return (struct verdict){LE_SQLSTATE_DATA, le_sqlstate_words("23514")};
    }
    return (struct verdict){LE_SQLSTATE_UNCLEAR,
                            "the table has no partition for a row: create it, or a DEFAULT "
                            "partition; nothing is lost meanwhile"};
}

static struct verdict judge_data(const struct le_lane *lane, const PGresult *result,
                                 const char *sqlstate)
{
    if (is_of_ledger(lane->store, result))
        return judge_ledger(result, sqlstate);
    if (strcmp(sqlstate, "23502") == 0)
        return judge_null(lane->store, result);
    if (lacks_partition(result, sqlstate))
        return judge_partition(lane->store, lane->op);
    return (struct verdict){LE_SQLSTATE_DATA, le_sqlstate_words(sqlstate)};
}

/* A trigger, function, key or policy of the table's may have refused a single row with a code that
 * otherwise tells of the table or the server, and would end the program again and again. Only what
 * runs inside a function has a context; a policy has the code of a privilege that is missing. */
static bool may_be_one_row(const PGresult *result, enum le_sqlstate_class class,
                           const char *sqlstate)
{
    if (names(result, PG_DIAG_SOURCE_FUNCTION, "ExecWithCheckOptions"))
        return class == LE_SQLSTATE_FATAL;
    bool hard = class == LE_SQLSTATE_FATAL || class == LE_SQLSTATE_PREPARE ||
                strncmp(sqlstate, "XX", 2) == 0;
    return hard && has(result, PG_DIAG_CONTEXT);
}

static struct verdict judge(const struct le_lane *lane, const PGresult *result,
                            const char *sqlstate)
{
    bool names_table = has(result, PG_DIAG_TABLE_NAME);
    enum le_sqlstate_class class = le_sqlstate_judge(sqlstate, names_table);
    if (class == LE_SQLSTATE_DATA)
        return judge_data(lane, result, sqlstate);
    if (may_be_one_row(result, class, sqlstate))
        return (struct verdict){LE_SQLSTATE_UNCLEAR,
                                "a trigger, function, key or policy of the table fails"};
    return (struct verdict){class, le_sqlstate_words(sqlstate)};
}

/* A full disk fails every statement, and for hours: told when it begins, and then now and again. */
static bool is_news(struct le_store *store, const char *sqlstate)
{
    uint64_t now_ms = uv_now(store->config.loop);
    if (strcmp(store->told_sqlstate, sqlstate) == 0 && now_ms - store->told_ms < TOLD_AGAIN_MS)
        return false;
    (void)snprintf(store->told_sqlstate, sizeof store->told_sqlstate, "%s", sqlstate);
    store->told_ms = now_ms;
    return true;
}

/* The constraint's name, or NULL where it is none to be told. A trigger may name any text as one,
 * and that may be the row's: RAISE … USING CONSTRAINT = NEW.ip. What runs inside a function has a
 * context; what the server finds out by itself has none. */
static const char *constraint_of(const PGresult *result)
{
    const char *name = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    bool tell = name != NULL && !has(result, PG_DIAG_CONTEXT) && le_pg_is_identifier(name);
    return tell ? name : NULL;
}

static void log_failure(const struct le_lane *lane, const PGresult *result, const char *sqlstate,
                        const struct verdict *verdict)
{
    /* A row at fault is the pipeline's to find and to tell; on the way to it this happens several
     * times. */
    bool loud = verdict->class != LE_SQLSTATE_DATA && is_news(lane->store, sqlstate);
    le_log(loud ? LE_LOG_WARN : LE_LOG_DEBUG, "database_statement",
           LE_FI("connection", le_pg_conn_number(lane->conn)), LE_FI("rows", lane->op->count),
           LE_FS("sqlstate", sqlstate), LE_FS("constraint", constraint_of(result)),
           LE_FS("text", verdict->words));
}

static void end_committed(struct le_lane *lane, size_t inserted)
{
    set_outcome(lane->op, LE_STORE_COMMITTED, LE_OK, "");
    lane->op->inserted = inserted;
    le_pg_conn_praise(lane->conn);
    end_and_go_on(lane);
}

static void end_refused(struct le_lane *lane, enum le_store_outcome outcome, enum le_err err,
                        const char *sqlstate)
{
    set_outcome(lane->op, outcome, err, sqlstate);
    end_and_go_on(lane);
}

static void end_retry(struct le_lane *lane, const char *sqlstate, bool reconnect)
{
    struct le_pg_failure failure;
    struct le_pg_conn *conn = lane->conn;
    struct le_store *store = lane->store;
    set_outcome(lane->op, LE_STORE_RETRY, LE_ERR_DATABASE, sqlstate);
    if (!reconnect) {
        end_and_go_on(lane);
        return;
    }
    le_pg_failure_of(&failure, sqlstate, "the statement");
    failure.fatal = false;
    le_pg_conn_drop(
        conn, &failure); /* first: the connection is not to be idle when the owner hears of it */
    if (lane->op != NULL)
        end(lane);
    le_store_tell_changed(store);
}

static void end_fatal(struct le_lane *lane, const char *sqlstate, const char *words)
{
    struct le_store *store = lane->store;
    set_outcome(lane->op, LE_STORE_FATAL, LE_ERR_DATABASE_FATAL, sqlstate);
    (void)snprintf(store->last_failure, sizeof store->last_failure,
                   "the statement: %s (SQLSTATE %s)", words, sqlstate);
    le_store_fail(store); /* logs, before the owner stops because of it */
    if (lane->op != NULL)
        end(lane);
}

/* ---- sending ---- */

static void on_defer_timer(uv_timer_t *timer)
{
    struct le_store *store = timer->data;
    for (unsigned i = 0; i < store->config.connections && !store->closing; i++) {
        if (store->lanes[i].deferred)
            end_and_go_on(&store->lanes[i]);
    }
}

static void defer(struct le_lane *lane)
{
    lane->deferred = true;
    (void)uv_timer_start(&lane->store->defer_timer, on_defer_timer, 0, 0); /* cannot fail */
}

static void send_batch(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    struct le_submit_op *op = lane->op;
    enum le_err err = le_arrays_encode(&store->arrays, op->rows, op->count);
    if (err == LE_OK) {
        const struct le_pg_params params = params_of(store);
        if (store->unprepared)
            le_pg_conn_query_params(lane->conn, store->sql.data, &params, on_executed, lane);
        else
            le_pg_conn_execute(lane->conn, lane->statement, &params, on_executed, lane);
    } else {
        /* Too large as a whole: as data it is bisected, and its halves may do. */
        bool large = err == LE_ERR_TOO_LARGE;
        set_outcome(op, large ? LE_STORE_DATA_ERROR : LE_STORE_RETRY, err, large ? "54000" : "");
        defer(lane);
    }
    le_arrays_shrink(&store->arrays);
}

void le_store_submit(struct le_store *store, struct le_submit_op *op)
{
    assert(op != NULL && op->done != NULL && op->count >= 1 &&
           op->count <= store->config.batch_rows);
    struct le_lane *lane = NULL;
    for (unsigned i = 0; i < store->config.connections && lane == NULL; i++) {
        struct le_lane *candidate = &store->lanes[i];
        if (candidate->conn != NULL && candidate->op == NULL &&
            le_pg_conn_state(candidate->conn) == LE_PG_CONN_IDLE)
            lane = candidate;
    }
    assert(lane != NULL);
    lane->op = op;
    lane->resent = false;
    send_batch(lane);
}

/* ---- preparing ---- */

static void ready_or_resend(struct le_lane *lane)
{
    if (lane->op != NULL)
        send_batch(lane);
    else
        le_store_lane_ready(lane);
}

/* Between us and the server sits a pooler that gives every transaction another session. */
static void go_unprepared(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    if (!store->unprepared)
        le_log(
            LE_LOG_WARN, "database_pooler",
            LE_FS(
                "text",
                "prepared statements get lost, as behind a pooler in transaction mode: going on without them"));
    store->unprepared = true;
    ready_or_resend(lane);
}

static void on_prepared(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_lane *lane = owner;
    char sqlstate[LE_SQLSTATE_SIZE];
    if (result == NULL) {
        if (lane->op != NULL)
            le_store_give_up(lane, LE_ERR_CLOSED);
        return;
    }
    if (le_pg_result_ok(result)) {
        ready_or_resend(lane);
        return;
    }
    le_pg_result_sqlstate(result, sqlstate);
    if (strcmp(sqlstate, "42P05") == 0) {
        go_unprepared(lane); /* the name is taken, in a session that cannot be ours */
        return;
    }
    struct le_pg_failure failure;
    le_pg_failure_of(&failure, sqlstate, "preparing the statement");
    if (lane->op != NULL)
        set_outcome(lane->op, failure.fatal ? LE_STORE_FATAL : LE_STORE_RETRY, failure.err,
                    sqlstate);
    le_pg_conn_drop(conn, &failure);
    if (lane->op != NULL) {
        end(lane);
        le_store_tell_changed(lane->store);
    }
}

void le_store_prepare(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    if (store->unprepared || store->config.schema == LE_SCHEMA_LOOK) {
        ready_or_resend(lane);
        return;
    }
    /* A new name each time: a statement that must be prepared again may still be there under the
     * old one. And a name that says which statement it is: behind a pooler sessions are shared, and
     * another worker's statement of the same name would store our rows in its table. */
    (void)snprintf(lane->statement, sizeof lane->statement, "loginetl_%016" PRIx64 "_%u",
                   store->statement_hash, ++lane->prepared);
    const struct le_pg_params params = params_of(store);
    le_pg_conn_prepare(lane->conn, lane->statement, store->sql.data, &params, on_prepared, lane);
}

/* ---- answers ---- */

/* How many of the rows were new; SIZE_MAX: the answer is none. */
static size_t count_new(const struct le_lane *lane, const PGresult *result)
{
    switch (lane->store->kind) {
    case LE_STATEMENT_PLAIN: return lane->op->count;
    case LE_STATEMENT_KEYED: return le_pg_result_rows(result);
    case LE_STATEMENT_LEDGER:
        return PQntuples(result) == 1 ? (size_t)strtoull(PQgetvalue(result, 0, 0), NULL, 10)
                                      : SIZE_MAX;
    }
    abort();
}

static void on_success(struct le_lane *lane, const PGresult *result)
{
    size_t count = count_new(lane, result);
    if (count <= lane->op->count)
        end_committed(lane, count);
    else
        end_retry(lane, "08P01", true); /* no server says so */
}

static void on_stale(struct le_lane *lane, const char *sqlstate)
{
    bool lost = strncmp(sqlstate, "26", 2) == 0;
    if (!lane->resent) {
        lane->resent = true;
        le_store_prepare(lane);
    } else if (lost && !lane->store->unprepared) {
        go_unprepared(lane);
    } else {
        end_fatal(lane, sqlstate, le_sqlstate_words(sqlstate));
    }
}

static void on_error(struct le_lane *lane, const PGresult *result)
{
    char sqlstate[LE_SQLSTATE_SIZE];
    le_pg_result_sqlstate(result, sqlstate);
    const struct verdict verdict = judge(lane, result, sqlstate);
    log_failure(lane, result, sqlstate, &verdict);
    switch (verdict.class) {
    case LE_SQLSTATE_RETRY: end_retry(lane, sqlstate, false); break;
    case LE_SQLSTATE_RECONNECT: end_retry(lane, sqlstate, true); break;
    case LE_SQLSTATE_PREPARE: on_stale(lane, sqlstate); break;
    case LE_SQLSTATE_TOO_SLOW:
        end_refused(lane, LE_STORE_TOO_SLOW, LE_ERR_DATABASE, sqlstate);
        break;
    case LE_SQLSTATE_UNCLEAR: end_refused(lane, LE_STORE_UNCLEAR, LE_ERR_DATABASE, sqlstate); break;
    case LE_SQLSTATE_DATA: end_refused(lane, LE_STORE_DATA_ERROR, LE_OK, sqlstate); break;
    case LE_SQLSTATE_FATAL: end_fatal(lane, sqlstate, verdict.words); break;
    }
}

static void on_executed(void *owner, struct le_pg_conn *conn, const PGresult *result)
{
    struct le_lane *lane = owner;
    (void)conn;
    if (lane->op == NULL)
        return; /* the store is being closed, and has given it up */
    if (result == NULL)
        le_store_give_up(lane, LE_ERR_CLOSED);
    else if (le_pg_result_ok(result))
        on_success(lane, result);
    else
        on_error(lane, result);
}
