#include "internal.h"

#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum phase {
    OUTSIDE, /* not sent, or done */
    WAITING, /* for a connection */
    ACTIVE,  /* has a connection, being made or made */
    FINISHED /* its done is due */
};

static void dispatch(struct le_pool *pool);
static void on_deferred(uv_idle_t *idle);
static void on_deadline(uv_timer_t *timer);

/* A server's own idle timeout is not shorter than this. */
#define PROBE_AFTER_MS 1000

static int64_t now_ms(const struct le_pool *pool)
{
    return (int64_t)uv_now(pool->net->loop);
}

static struct le_exchange *exchange_at(struct le_node *node)
{
    return node != NULL ? le_container_of(node, struct le_exchange, node) : NULL;
}

static struct le_exchange *earliest(const struct le_pool *pool)
{
    struct le_node *node = le_list_first(&pool->deadlines);
    return node != NULL ? le_container_of(node, struct le_exchange, deadline_node) : NULL;
}

static struct le_conn *conn_at(struct le_node *node)
{
    return node != NULL ? le_container_of(node, struct le_conn, node) : NULL;
}

/* --- deadlines: one timer for all, moved only when something is due before it --- */

static void arm_timer(struct le_pool *pool)
{
    const struct le_exchange *first = earliest(pool);
    if (first == NULL || pool->closing)
        return;
    if (uv_is_active((uv_handle_t *)&pool->timer) && pool->timer_due_ms <= first->deadline_ms)
        return;
    int64_t wait = first->deadline_ms - now_ms(pool);
    pool->timer_due_ms = first->deadline_ms;
    int rc = uv_timer_start(&pool->timer, on_deadline, wait > 0 ? (uint64_t)wait : 1, 0);
    assert(rc == 0);
}

/* Those of one kind of request come in order, so the search from the back is short. */
static void insert_deadline(struct le_pool *pool, struct le_exchange *exchange)
{
    struct le_node *at = &pool->deadlines.head;
    while (at->prev != &pool->deadlines.head &&
           le_container_of(at->prev, struct le_exchange, deadline_node)->deadline_ms >
               exchange->deadline_ms)
        at = at->prev;
    le_list_insert_before(&pool->deadlines, at, &exchange->deadline_node);
    arm_timer(pool);
}

/* --- the end of an exchange --- */

/* Its done comes from the loop: whoever caused this may be in the middle of something. */
static void finish_later(struct le_pool *pool, struct le_exchange *exchange, enum le_err err)
{
    assert(err != LE_OK && (exchange->phase == WAITING || exchange->phase == ACTIVE));
    assert(!le_node_linked(&exchange->node));
    le_list_remove(&pool->deadlines, &exchange->deadline_node);
    exchange->phase = FINISHED;
    exchange->err = err;
    exchange->pool_data = NULL;
    le_list_push(&pool->finished, &exchange->node);
    int rc = uv_idle_start(&pool->deferred, on_deferred);
    assert(rc == 0);
}

/* Takes it from wherever it is; its connection cannot be used by another, for its answer would
 * still come. */
static void abandon(struct le_pool *pool, struct le_exchange *exchange, enum le_err err)
{
    if (exchange->phase == WAITING)
        le_list_remove(&pool->waiting, &exchange->node);
    else
        le_conn_close(exchange->pool_data, le_err_name(err));
    finish_later(pool, exchange, err);
}

static void call_done(struct le_pool *pool, struct le_exchange *exchange)
{
    exchange->phase = OUTSIDE;
    pool->reporting++;
    exchange->done(exchange);
    pool->reporting--;
}

static void on_handle_closed(uv_handle_t *handle)
{
    le_pool_handle_closed(handle->data);
}

static void close_handles(struct le_pool *pool)
{
    if (pool->handles_closed || !pool->closing || pool->finished.count > 0 || pool->reporting > 0)
        return;
    pool->handles_closed = true;
    uv_close((uv_handle_t *)&pool->timer, on_handle_closed);
    uv_close((uv_handle_t *)&pool->deferred, on_handle_closed);
}

static void on_deferred(uv_idle_t *idle)
{
    struct le_pool *pool = idle->data;
    /* Only those that are here now: a done that causes another must not keep the loop from its
     * sockets. */
    for (size_t count = pool->finished.count; count > 0; count--)
        call_done(pool, exchange_at(le_list_pop(&pool->finished)));
    if (pool->finished.count == 0)
        (void)uv_idle_stop(idle); /* cannot fail */
    dispatch(pool);
    close_handles(pool);
}

/* A network that is slow but works: giving up would begin all over again, and again in vain. */
static bool may_take_longer(const struct le_exchange *exchange)
{
    struct le_conn *conn = exchange->pool_data;
    return exchange->phase == ACTIVE && conn->state == LE_CONN_BUSY &&
           exchange->periods < LE_EXCHANGE_PERIODS_MAX && le_conn_has_moved(conn);
}

static void begin_period(struct le_pool *pool, struct le_exchange *exchange)
{
    exchange->periods++;
    exchange->deadline_ms = now_ms(pool) + exchange->timeout_ms;
    insert_deadline(pool, exchange);
}

static void on_deadline(uv_timer_t *timer)
{
    struct le_pool *pool = timer->data;
    struct le_exchange *exchange;
    while ((exchange = earliest(pool)) != NULL && exchange->deadline_ms <= now_ms(pool)) {
        if (may_take_longer(exchange)) {
            le_list_remove(&pool->deadlines, &exchange->deadline_node);
            begin_period(pool, exchange);
        } else {
            abandon(pool, exchange, LE_ERR_TIMEOUT);
        }
    }
    arm_timer(pool);
    dispatch(pool);
}

/* --- connections --- */

/* The last used first: what is not needed grows old at the other end. */
static struct le_conn *take_idle(struct le_pool *pool)
{
    struct le_conn *conn;
    while ((conn = conn_at(pool->idle.count > 0 ? pool->idle.head.prev : NULL)) != NULL &&
           now_ms(pool) - conn->idle_since_ms >= pool->idle_timeout_ms)
        le_conn_close(conn, "idle for too long");
    while ((conn = conn_at(le_list_first(&pool->idle))) != NULL) {
        /* The peer may have closed, or said that it is about to, in this very turn of the loop,
         * before the watcher could tell: its words would be taken for the answer. */
        if (now_ms(pool) - conn->idle_since_ms < PROBE_AFTER_MS || le_conn_probe(conn) == LE_OK)
            return conn;
        le_conn_close(conn, "closed by the peer while idle");
    }
    return NULL;
}

static void connect_for(struct le_pool *pool, struct le_exchange *exchange)
{
    exchange->phase = ACTIVE;
    struct le_conn *conn = le_conn_new(pool, exchange);
    exchange->pool_data = conn;
    if (conn == NULL)
        finish_later(pool, exchange, LE_ERR_NOMEM);
}

static void start(struct le_conn *conn, struct le_exchange *exchange)
{
    exchange->phase = ACTIVE;
    exchange->pool_data = conn;
    le_conn_start(conn, exchange);
}

static void dispatch(struct le_pool *pool)
{
    /* During a done the connection it came over is about to be free: what is sent meanwhile gets
     * that one. */
    if (pool->reporting > 0 || pool->closing)
        return;
    while (pool->waiting.count > 0) {
        struct le_conn *conn = take_idle(pool);
        if (conn == NULL && pool->idle.count + pool->busy.count >= pool->connections_max)
            return;
        struct le_exchange *exchange = exchange_at(le_list_pop(&pool->waiting));
        if (conn != NULL)
            start(conn, exchange);
        else
            connect_for(pool, exchange);
    }
}

void le_pool_connected(struct le_conn *conn)
{
    struct le_exchange *exchange = conn->exchange;
    assert(exchange != NULL && exchange->pool_data == conn);
    le_conn_set_state(conn, LE_CONN_IDLE);
    start(conn, exchange);
}

void le_pool_connect_failed(struct le_conn *conn, enum le_err err, const char *text)
{
    struct le_pool *pool = conn->pool;
    struct le_exchange *exchange = conn->exchange;
    assert(exchange != NULL && exchange->pool_data == conn);
    (void)snprintf(pool->failure, sizeof pool->failure, "%s", le_conn_words(text));
    le_log(LE_LOG_DEBUG, "connect_failed", LE_FS("pool", pool->name),
           LE_FS("error", le_err_name(err)), LE_FS("text", pool->failure));
    le_conn_close(conn, "not connected");
    finish_later(pool, exchange, err);
}

void le_pool_answered(struct le_conn *conn, bool keep)
{
    struct le_pool *pool = conn->pool;
    struct le_exchange *exchange = conn->exchange;
    assert(conn->state == LE_CONN_REPORTING && exchange->phase == ACTIVE);
    le_list_remove(&pool->deadlines, &exchange->deadline_node);
    exchange->err = LE_OK;
    exchange->status = conn->reader.status;
    call_done(pool, exchange);
    /* It may have closed the pool, and the connection with it; their memory stays until the loop
     * turns. */
    if (conn->state == LE_CONN_REPORTING && keep)
        le_conn_rest(conn);
    else if (conn->state == LE_CONN_REPORTING)
        le_conn_close(conn, "not to be kept");
    dispatch(pool);
    close_handles(pool);
}

void le_pool_broken(struct le_conn *conn, enum le_err err)
{
    struct le_pool *pool = conn->pool;
    struct le_exchange *exchange = conn->exchange;
    assert(exchange->pool_data == conn && exchange->phase == ACTIVE);
    bool again =
        err == LE_ERR_CLOSED && conn->kept && !exchange->answer_began && exchange->tries == 0;
    le_conn_close(conn, le_err_name(err));
    exchange->pool_data = NULL;
    if (again) {
        exchange->tries++;
        connect_for(pool, exchange);
        return;
    }
    finish_later(pool, exchange, err); /* dispatch follows in on_deferred */
}

/* --- for users --- */

static struct le_span exchange_header(const struct le_exchange *exchange, const char *name)
{
    const struct le_conn *conn = exchange->pool_data;
    return conn != NULL ? le_http_reader_header(&conn->reader, name) : LE_SPAN_NONE;
}

void le_pool_send(struct le_pool *pool, struct le_exchange *exchange)
{
    assert(!pool->closing && exchange->phase == OUTSIDE && exchange->timeout_ms > 0);
    assert(exchange->request != NULL && exchange->request->len > 0);
    assert(exchange->body != NULL && exchange->done != NULL);
    /* The loop's idea of the time is old when it has not turned for a while, as at start. */
    if (pool->deadlines.count == 0)
        uv_update_time(pool->net->loop);
    exchange->err = LE_OK;
    exchange->status = 0;
    exchange->answer_began = false;
    exchange->header = exchange_header;
    exchange->tries = 0;
    exchange->pool_data = NULL;
    exchange->phase = WAITING;
    exchange->periods = 0;
    begin_period(pool, exchange);
    le_list_push(&pool->waiting, &exchange->node);
    dispatch(pool);
}

void le_pool_cancel(struct le_pool *pool, struct le_exchange *exchange, bool only_unanswered)
{
    if (exchange->phase != WAITING && exchange->phase != ACTIVE)
        return;
    if (only_unanswered && exchange->answer_began)
        return;
    abandon(pool, exchange, LE_ERR_CANCELLED);
}

/* Measured, with 256 of them and what the making of so many leaves between them: libcurl 7.88,
 * OpenSSL 3.0. */
size_t le_pool_memory(const struct le_pool *pool)
{
    const size_t plain = (size_t)8 << 10, tls = (size_t)64 << 10;
    return pool->connections_max * (pool->tls ? tls : plain);
}

const char *le_pool_last_failure(const struct le_pool *pool)
{
    return pool->failure;
}

void le_pool_close(struct le_pool *pool)
{
    assert(!pool->closing);
    pool->closing = true;
    struct le_exchange *exchange;
    while ((exchange = earliest(pool)) != NULL)
        abandon(pool, exchange, LE_ERR_CANCELLED);
    struct le_conn *conn;
    while ((conn = conn_at(le_list_first(&pool->idle))) != NULL)
        le_conn_close(conn, "the pool is closing");
    /* One whose answer is being reported. */
    while ((conn = conn_at(le_list_first(&pool->busy))) != NULL)
        le_conn_close(conn, "the pool is closing");
    close_handles(pool);
}
