#include "loginetl/pg/conn.h"

#include "conn_internal.h"
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A connection that held this long was not the one that the waiting is about. */
#define LONG_ENOUGH_MS 10000

static const char *state_word(enum le_pg_conn_state state)
{
    switch (state) {
#define X(name, word) \
    case LE_PG_CONN_##name: return word;
        LE_PG_CONN_STATES(X)
#undef X
    }
    abort();
}

void le_pg_conn_enter(struct le_pg_conn *conn, enum le_pg_conn_state state)
{
    assert(conn->state != LE_PG_CONN_CLOSED);
    le_log(LE_LOG_DEBUG, "database_connection", LE_FI("connection", conn->config.number),
           LE_FS("from", state_word(conn->state)), LE_FS("to", state_word(state)));
    conn->state = state;
    switch (state) {
    case LE_PG_CONN_SETTING_UP:
        uv_timer_stop(&conn->timer);
        conn->up_since_ms = uv_now(conn->config.loop);
        break;
    case LE_PG_CONN_WAITING:
    case LE_PG_CONN_STOPPED:
    case LE_PG_CONN_CLOSED: conn->up_since_ms = 0; break;
    case LE_PG_CONN_RESOLVING:
    case LE_PG_CONN_CONNECTING: uv_timer_stop(&conn->timer); break;
    case LE_PG_CONN_IDLE:
        assert(conn->done == NULL);
        uv_timer_stop(&conn->timer);
        break;
    case LE_PG_CONN_BUSY: assert(conn->done != NULL); break;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct le_pg_conn *conn = timer->data;
    struct le_pg_failure failure;
    switch (conn->state) {
    case LE_PG_CONN_WAITING: le_pg_conn_begin_attempt(conn); break;
    case LE_PG_CONN_RESOLVING:
    case LE_PG_CONN_CONNECTING: le_pg_conn_on_connect_timeout(conn); break;
    case LE_PG_CONN_SETTING_UP:
    case LE_PG_CONN_BUSY: /* sending failed, and could not be told from inside */
        le_pg_conn_explain_loss(conn, &failure);
        le_pg_conn_lose(conn, &failure);
        break;
    case LE_PG_CONN_IDLE:
    case LE_PG_CONN_STOPPED:
    case LE_PG_CONN_CLOSED: abort();
    }
}

void le_pg_conn_start_timer(struct le_pg_conn *conn, uint64_t ms)
{
    int rc = uv_timer_start(&conn->timer, on_timer, ms, 0);
    assert(rc == 0);
    (void)rc;
}

static void maybe_free(struct le_pg_conn *conn)
{
    if (conn->state != LE_PG_CONN_CLOSED || !conn->timer_closed || conn->polls_closing > 0)
        return;
    void (*closed)(void *) = conn->config.closed;
    void *owner = conn->config.owner;
    le_free(conn);
    closed(owner);
}

/* ---- the socket's watcher ---- */

static void on_poll_closed(uv_handle_t *handle)
{
    struct le_pg_conn *conn = handle->data;
    le_free(handle);
    assert(conn->polls_closing > 0);
    conn->polls_closing--;
    maybe_free(conn);
}

/* An error comes as status and has stopped the watcher; libpq finds the reason when it reads. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct le_pg_conn *conn = poll->data;
    (void)events;
    if (status < 0)
        conn->poll_events = 0;
    if (conn->state == LE_PG_CONN_CONNECTING)
        le_pg_conn_on_connect_event(conn);
    else
        le_pg_conn_on_readable(conn);
}

void le_pg_conn_unwatch(struct le_pg_conn *conn)
{
    if (conn->poll == NULL)
        return;
    conn->polls_closing++;
    uv_close((uv_handle_t *)conn->poll, on_poll_closed);
    conn->poll = NULL;
    conn->poll_events = 0;
}

static enum le_err make_poll(struct le_pg_conn *conn, int fd)
{
    conn->poll = le_alloc(sizeof *conn->poll);
    if (conn->poll == NULL)
        return LE_ERR_NOMEM;
    if (uv_poll_init(conn->config.loop, conn->poll, fd) != 0) {
        le_free(conn->poll);
        conn->poll = NULL;
        return LE_ERR_SYSTEM;
    }
    conn->poll->data = conn;
    conn->poll_events = 0;
    return LE_OK;
}

enum le_err le_pg_conn_watch(struct le_pg_conn *conn, int events)
{
    int fd = PQsocket(conn->pg);
    if (fd < 0)
        return LE_ERR_CLOSED;
    if (conn->poll == NULL) {
        enum le_err err = make_poll(conn, fd);
        if (err != LE_OK)
            return err;
    }
    if (conn->poll_events == events)
        return LE_OK; /* starting it again would cost two system calls */
    if (uv_poll_start(conn->poll, events, on_poll) != 0)
        return LE_ERR_SYSTEM;
    conn->poll_events = events;
    return LE_OK;
}

/* ---- life ---- */

struct le_pg_conn *le_pg_conn_new(const struct le_pg_conn_config *config)
{
    assert(config != NULL && config->loop != NULL && config->info != NULL && config->rng != NULL);
    assert(config->reached != NULL);
    assert(config->up != NULL && config->down != NULL && config->closed != NULL);
    struct le_pg_conn *conn = le_calloc(1, sizeof *conn);
    if (conn == NULL)
        return NULL;
    conn->config = *config;
    conn->state = LE_PG_CONN_WAITING;
    le_backoff_init(&conn->backoff, LE_PG_RETRY_BASE_MS, LE_PG_RETRY_MAX_MS);
    (void)uv_timer_init(config->loop, &conn->timer); /* cannot fail */
    conn->timer.data = conn;
    return conn;
}

void le_pg_conn_start(struct le_pg_conn *conn)
{
    assert(conn != NULL && conn->state == LE_PG_CONN_WAITING && conn->backoff.tries == 0);
    le_pg_conn_start_timer(conn, 0);
}

/* The watcher goes before the socket: libuv must not poll a number that the next socket may get. */
static void disconnect(struct le_pg_conn *conn)
{
    if (conn->lookup != NULL)
        le_errand_cancel(conn->lookup);
    conn->lookup = NULL;
    uv_timer_stop(&conn->timer);
    le_pg_conn_unwatch(conn);
    PQfinish(conn->pg);
    conn->pg = NULL;
}

static int64_t next_wait(struct le_pg_conn *conn)
{
    if (conn->up_since_ms != 0 && uv_now(conn->config.loop) - conn->up_since_ms >= LONG_ENOUGH_MS)
        le_backoff_reset(&conn->backoff);
    return le_backoff_next(&conn->backoff, conn->config.rng);
}

void le_pg_conn_lose(struct le_pg_conn *conn, struct le_pg_failure *failure)
{
    assert(conn->state != LE_PG_CONN_WAITING && conn->state != LE_PG_CONN_STOPPED);
    assert(failure->err != LE_OK && failure->text[0] != '\0');
    disconnect(conn);
    failure->retry_ms = failure->fatal ? 0 : next_wait(conn);
    le_pg_conn_enter(conn, failure->fatal ? LE_PG_CONN_STOPPED : LE_PG_CONN_WAITING);
    if (!failure->fatal)
        le_pg_conn_start_timer(conn, (uint64_t)failure->retry_ms);
    le_pg_conn_answer_lost(conn);
    if (conn->state != LE_PG_CONN_CLOSED)
        conn->config.down(conn->config.owner, conn, failure);
}

void le_pg_conn_drop(struct le_pg_conn *conn, const struct le_pg_failure *failure)
{
    assert(conn != NULL && failure != NULL);
    struct le_pg_failure copy = *failure;
    le_pg_conn_lose(conn, &copy);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct le_pg_conn *conn = handle->data;
    conn->timer_closed = true;
    maybe_free(conn);
}

void le_pg_conn_close(struct le_pg_conn *conn)
{
    assert(conn != NULL && conn->state != LE_PG_CONN_CLOSED);
    disconnect(conn);
    le_pg_conn_enter(conn, LE_PG_CONN_CLOSED);
    le_pg_conn_answer_lost(conn);
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
}

enum le_pg_conn_state le_pg_conn_state(const struct le_pg_conn *conn)
{
    return conn->state;
}

unsigned le_pg_conn_number(const struct le_pg_conn *conn)
{
    return conn->config.number;
}

int le_pg_conn_server_version(const struct le_pg_conn *conn)
{
    return PQserverVersion(conn->pg);
}

bool le_pg_conn_tls(const struct le_pg_conn *conn)
{
    return PQsslInUse(conn->pg) != 0;
}

static bool parameter_is_on(const struct le_pg_conn *conn, const char *name)
{
    const char *value = PQparameterStatus(conn->pg, name);
    return value != NULL && strcmp(value, "on") == 0;
}

bool le_pg_conn_read_only(const struct le_pg_conn *conn)
{
    return parameter_is_on(conn, "in_hot_standby") ||
           parameter_is_on(conn, "default_transaction_read_only");
}

void le_pg_conn_set_ready(struct le_pg_conn *conn)
{
    assert(conn->state == LE_PG_CONN_SETTING_UP && conn->done == NULL);
    le_pg_conn_enter(conn, LE_PG_CONN_IDLE);
}

void le_pg_conn_praise(struct le_pg_conn *conn)
{
    le_backoff_reset(&conn->backoff);
}
