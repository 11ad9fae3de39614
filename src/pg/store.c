#include "loginetl/pg/store.h"

#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/pg/schema.h"
#include "loginetl/pg/statement.h"
#include "store_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- what the connections say ---- */

void le_store_tell_changed(struct le_store *store)
{
    if (!store->closing)
        store->config.changed(store->config.owner);
}

void le_store_fail(struct le_store *store)
{
    if (store->failed || store->closing)
        return;
    store->failed = true;
    le_log(LE_LOG_ERROR, "database_refused", LE_FS("text", store->last_failure));
    store->config.failed(store->config.owner, LE_ERR_DATABASE_FATAL);
}

static void refuse_read_only(struct le_lane *lane)
{
    struct le_pg_failure failure;
    le_pg_failure_of(&failure, "25006", "the database");
    le_pg_conn_drop(lane->conn, &failure);
}

static void on_up(void *owner, struct le_pg_conn *conn)
{
    struct le_lane *lane = owner;
    struct le_store *store = lane->store;
    assert(lane->conn == conn && lane->op == NULL);
    lane->prepared = 0;
    store->reached = true;
    le_log(LE_LOG_INFO, "database_connected", LE_FI("connection", le_pg_conn_number(conn)),
           LE_FI("server_version", le_pg_conn_server_version(conn)),
           LE_FBOOL("tls", le_pg_conn_tls(conn)));
    if (store->config.schema != LE_SCHEMA_LOOK && le_pg_conn_read_only(conn))
        refuse_read_only(lane);
    else if (!store->known)
        le_store_start_on(lane);
    else
        le_store_prepare(lane);
}

static void arm_upkeep(struct le_store *store, int64_t ms);

static void on_down(void *owner, struct le_pg_conn *conn, const struct le_pg_failure *failure)
{
    struct le_lane *lane = owner;
    struct le_store *store = lane->store;
    assert(lane->conn == conn);
    /* Told once for each outage and each new reason, not for each attempt. Of credentials that have
     * not come, or have expired, whoever fetches them tells. */
    bool news = (store->failures == 0 || strcmp(store->last_failure, failure->text) != 0) &&
                failure->err != LE_ERR_CREDENTIALS;
    store->failures++;
    (void)snprintf(store->last_failure, sizeof store->last_failure, "%s", failure->text);
    if (lane->upkeep) {
        lane->upkeep = false;
        arm_upkeep(store, LE_LEDGER_RETRY_MS);
    }
    if (failure->fatal) {
        le_store_fail(store);
    } else {
        le_log(news ? LE_LOG_WARN : LE_LOG_DEBUG, "database_unavailable",
               LE_FI("connection", le_pg_conn_number(conn)),
               LE_FS("reason", le_err_name(failure->err)),
               LE_FS("sqlstate", failure->sqlstate[0] != '\0' ? failure->sqlstate : NULL),
               LE_FSEC("retry_seconds", (double)failure->retry_ms / 1000),
               LE_FS("text", failure->text));
    }
    le_store_tell_changed(store);
}

static void maybe_free(struct le_store *store)
{
    if (!store->closing || store->lanes_open > 0 || store->timers_open > 0)
        return;
    le_arrays_free(&store->arrays);
    le_buf_free(&store->sql);
    le_conninfo_free(&store->info);
    le_free(store);
}

static void on_closed(void *owner)
{
    struct le_lane *lane = owner;
    struct le_store *store = lane->store;
    assert(store->lanes_open > 0);
    store->lanes_open--;
    maybe_free(store);
}

static enum le_err open_lane(struct le_store *store, unsigned number)
{
    struct le_lane *lane = &store->lanes[number];
    const struct le_pg_conn_config config = {
        .loop = store->config.loop,
        .info = &store->info,
        .passwords = store->config.passwords,
        .reached = &store->reached,
        .rng = &store->rng,
        .number = number,
        .up = on_up,
        .down = on_down,
        .closed = on_closed,
        .owner = lane,
    };
    assert(lane->conn == NULL);
    lane->store = store;
    lane->conn = le_pg_conn_new(&config);
    if (lane->conn == NULL)
        return LE_ERR_NOMEM;
    store->lanes_open++;
    return LE_OK;
}

static enum le_err open_lanes(struct le_store *store)
{
    enum le_err err = LE_OK;
    for (unsigned i = 0; i < store->config.connections && err == LE_OK; i++)
        err = open_lane(store, i);
    return err;
}

/* The first connection has found out that there is something to connect to, and has kept up the
 * ledger before any statement: a day's rows that came first would keep its partition away. When it
 * was lost over that, it has come back: a refusal that a person must mend is met once. */
static void start_others(struct le_store *store)
{
    if (store->others_started || store->closing)
        return;
    store->others_started = true;
    for (unsigned i = 1; i < store->config.connections && store->config.schema != LE_SCHEMA_LOOK;
         i++)
        le_pg_conn_start(store->lanes[i].conn);
}

void le_store_lane_ready(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    le_pg_conn_set_ready(lane->conn);
    store->failures = 0;
    store->last_failure[0] = '\0';
    if (!store->ready_told) {
        store->ready_told = true;
        store->config.ready(store->config.owner);
    }
    if (!store->upkeep_due)
        start_others(store);
    if (!store->closing)
        le_store_lane_free(lane);
}

/* ---- the ledger's upkeep ---- */

static bool is_idle(const struct le_lane *lane)
{
    return lane->conn != NULL && lane->op == NULL &&
           le_pg_conn_state(lane->conn) == LE_PG_CONN_IDLE;
}

void le_store_lane_free(struct le_lane *lane)
{
    struct le_store *store = lane->store;
    if (store->upkeep_due && is_idle(lane)) {
        store->upkeep_due = false;
        lane->upkeep = true;
        le_ledger_start(&store->ledger, lane->conn);
    }
    le_store_tell_changed(store);
}

static void on_upkeep_timer(uv_timer_t *timer)
{
    struct le_store *store = timer->data;
    store->upkeep_due = true;
    for (unsigned i = 0; i < store->config.connections; i++) {
        if (is_idle(&store->lanes[i])) {
            le_store_lane_free(&store->lanes[i]);
            return;
        }
    }
}

static void arm_upkeep(struct le_store *store, int64_t ms)
{
    /* Apart by up to a tenth, so that a thousand workers do not come at once. */
    uint64_t jitter = le_rng_below(&store->rng, (uint64_t)ms / 10 + 1);
    (void)uv_timer_start(&store->upkeep_timer, on_upkeep_timer, (uint64_t)ms + jitter,
                         0); /* cannot fail */
}

static void on_upkeep_done(void *owner, struct le_pg_conn *conn)
{
    struct le_store *store = owner;
    arm_upkeep(store, store->ledger.next_ms);
    start_others(store);
    for (unsigned i = 0; i < store->config.connections; i++) {
        struct le_lane *lane = &store->lanes[i];
        if (lane->conn != conn)
            continue;
        lane->upkeep = false;
        le_store_lane_free(lane);
    }
}

/* ---- life ---- */

static void init_timer(struct le_store *store, uv_timer_t *timer)
{
    (void)uv_timer_init(store->config.loop, timer); /* cannot fail */
    timer->data = store;
    store->timers_open++;
}

static void init(struct le_store *store)
{
    const struct le_store_config *config = &store->config;
    le_rng_seed(&store->rng, config->seed);
    store->wanted = *config->fields;
    le_buf_init(&store->sql, LE_STATEMENT_MAX);
    init_timer(store, &store->upkeep_timer);
    init_timer(store, &store->defer_timer);
    store->ledger.window_days = config->window_days;
    store->ledger.wall_ms = config->wall_ms;
    store->ledger.wall_self = config->self;
    store->ledger.done = on_upkeep_done;
    store->ledger.owner = store;
}

static enum le_err read_config(struct le_store *store)
{
    const char *why = "";
    enum le_err err = le_pg_name_parse(store->config.table, &store->name);
    if (err != LE_OK) {
        le_log(
            LE_LOG_ERROR, "database_config", LE_FS("option", "--table"),
            LE_FS("text",
                  "not a table's name: give table or schema.table, in double quotes where needed"));
        return err;
    }
    err = le_conninfo_parse(store->config.database_url, &store->info, &why);
    store->config.database_url = NULL; /* it has a copy, and its owner may wipe it */
    if (err == LE_ERR_CONFIG)
        le_log(LE_LOG_ERROR, "database_config", LE_FS("option", "--database-url"),
               LE_FS("text", why));
    return err;
}

enum le_err le_store_new(const struct le_store_config *config, struct le_store **out)
{
    assert(config != NULL && out != NULL && config->loop != NULL && config->table != NULL &&
           config->fields != NULL);
    assert(config->connections >= 1 && config->connections <= LE_STORE_LANES_MAX &&
           config->batch_rows >= 1);
    assert(config->wall_ms != NULL && config->changed != NULL && config->ready != NULL &&
           config->failed != NULL);
    assert(config->window_days >= 1 && config->window_days <= LE_LEDGER_WINDOW_MAX);
    *out = NULL;
    struct le_store *store = le_calloc(1, sizeof *store);
    if (store == NULL)
        return LE_ERR_NOMEM;
    store->config = *config;
    enum le_err err = read_config(store);
    if (err != LE_OK) {
        le_free(store);
        return err;
    }
    init(store);
    err = open_lanes(store);
    if (err != LE_OK) {
        le_store_close(store);
        return err;
    }
    le_pg_conn_start(store->lanes[0].conn);
    *out = store;
    return LE_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct le_store *store = handle->data;
    assert(store->timers_open > 0);
    store->timers_open--;
    maybe_free(store);
}

void le_store_close(struct le_store *store)
{
    assert(store != NULL && !store->closing);
    store->closing = true;
    for (unsigned i = 0; i < store->config.connections; i++) {
        if (store->lanes[i].op != NULL)
            le_store_give_up(&store->lanes[i], LE_ERR_CANCELLED);
    }
    for (unsigned i = 0; i < store->config.connections; i++) {
        if (store->lanes[i].conn != NULL)
            le_pg_conn_close(store->lanes[i].conn);
        store->lanes[i].conn = NULL;
    }
    uv_close((uv_handle_t *)&store->upkeep_timer, on_timer_closed);
    uv_close((uv_handle_t *)&store->defer_timer, on_timer_closed);
}

/* ---- the port ---- */

static unsigned port_up(void *self)
{
    struct le_store *store = self;
    unsigned count = 0;
    for (unsigned i = 0; i < store->config.connections && !store->failed; i++) {
        if (store->lanes[i].conn == NULL)
            continue;
        enum le_pg_conn_state state = le_pg_conn_state(store->lanes[i].conn);
        count += state == LE_PG_CONN_IDLE || state == LE_PG_CONN_BUSY;
    }
    return count;
}

static unsigned port_idle(void *self)
{
    struct le_store *store = self;
    unsigned count = 0;
    for (unsigned i = 0; i < store->config.connections && !store->failed && !store->closing; i++)
        count += is_idle(&store->lanes[i]);
    return count;
}

static void port_submit(void *self, struct le_submit_op *op)
{
    struct le_store *store = self;
    assert(!store->closing && port_idle(self) > 0 && store->config.schema != LE_SCHEMA_LOOK);
    le_store_submit(store, op);
}

struct le_store_port le_store_port(struct le_store *store)
{
    assert(store != NULL);
    return (struct le_store_port){
        .self = store, .up = port_up, .idle = port_idle, .submit = port_submit};
}

const char *le_store_last_failure(const struct le_store *store)
{
    return store->last_failure;
}

unsigned le_store_failures_in_a_row(const struct le_store *store)
{
    return store->failures;
}

const struct le_store_report *le_store_report(const struct le_store *store)
{
    return &store->inspect.report;
}

enum le_err le_store_ddl(struct le_buf *out, const char *table, const struct le_fields *fields,
                         bool ledger)
{
    assert(out != NULL && table != NULL && fields != NULL);
    struct le_pg_name name;
    enum le_err err = le_pg_name_parse(table, &name);
    return err != LE_OK ? err : le_schema_write(out, name.schema, name.table, fields, true, ledger);
}
