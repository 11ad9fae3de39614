#include "pool_rig.h"

#include "loginetl/base/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_MAX    (1 << 20)
#define REQUEST_MAX (16 << 20)

static void on_done(struct le_exchange *exchange)
{
    struct ask *ask = exchange->owner;
    assert_false(ask->rig->inside);
    ask->done++;
    ask->order = ++ask->rig->done;
    ask->err = exchange->err;
    ask->status = exchange->status;
    struct le_span kind = exchange->header(exchange, "content-type");
    snprintf(ask->kind, sizeof ask->kind, "%.*s", (int)kind.len, kind.len > 0 ? kind.ptr : "");
    assert_int_equal(ask->err == LE_OK, ask->status != 0);
    if (ask->then != NULL)
        ask->then(ask);
}

int rig_setup(void **state)
{
    /* libcurl would send everything through a proxy that this machine happens to use. */
    static const char *const variables[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
                                            "all_proxy",  "ALL_PROXY",   "NO_PROXY"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    *state = rig;
    return 0;
}

void rig_close_pool(struct rig *rig)
{
    rig->inside = true;
    le_pool_close(rig->pool);
    rig->inside = false;
    rig->pool = NULL;
}

void rig_close(struct rig *rig)
{
    if (rig->pool != NULL)
        rig_close_pool(rig);
    if (rig->net != NULL)
        le_net_close(rig->net);
    rig->net = NULL;
    assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
    for (size_t i = 0; i < RIG_EXCHANGES; i++) {
        struct ask *ask = &rig->asks[i];
        assert_int_equal(ask->done, ask->rig != NULL);
        le_buf_free(&ask->request);
        le_buf_free(&ask->body);
        *ask = (struct ask){0};
    }
    rig->done = 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    rig_close(rig);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    free(rig);
    return 0;
}

void rig_open_config(struct rig *rig, const struct le_pool_config *config, const char *ca_file)
{
    rig_close(rig);
    const struct le_net_config net = {.ca_file = ca_file};
    rig->net = le_net_new(&rig->loop, &net);
    assert_non_null(rig->net);
    assert_int_equal(le_pool_new(rig->net, config, &rig->pool), LE_OK);
}

void rig_open(struct rig *rig, const char *origin, const char *ca_file, unsigned connections_max)
{
    const struct le_pool_config config = {.origin = le_span_of(origin),
                                          .connections_max = connections_max,
                                          .connect_timeout_ms = RIG_PATIENCE_MS,
                                          .idle_timeout_ms = RIG_PATIENCE_MS,
                                          .name = "test"};
    rig_open_config(rig, &config, ca_file);
}

void rig_open_raw(struct rig *rig, const struct raw_server *server, unsigned connections_max)
{
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d/ignored", raw_server_port(server));
    rig_open(rig, origin, NULL, connections_max);
}

static struct ask *free_ask(struct rig *rig)
{
    for (size_t i = 0; i < RIG_EXCHANGES; i++) {
        if (rig->asks[i].rig == NULL)
            return &rig->asks[i];
    }
    fail_msg("too many exchanges in one test");
    return NULL;
}

void rig_send(struct rig *rig, struct ask *ask)
{
    bool inside = rig->inside;
    rig->inside = true;
    le_pool_send(rig->pool, &ask->exchange);
    rig->inside = inside;
}

void rig_cancel(struct rig *rig, struct ask *ask, bool only_unanswered)
{
    rig->inside = true;
    le_pool_cancel(rig->pool, &ask->exchange, only_unanswered);
    rig->inside = false;
}

static struct ask *prepare(struct rig *rig, struct le_span method, size_t body_len,
                           int64_t timeout_ms)
{
    struct ask *ask = free_ask(rig);
    const struct le_http_header host = {LE_SPAN_LIT("Host"), LE_SPAN_LIT("localhost")};
    le_buf_init(&ask->request, REQUEST_MAX);
    le_buf_init(&ask->body, BODY_MAX);
    assert_int_equal(
        le_http_write_head(&ask->request, method, LE_SPAN_LIT("/echo"), &host, 1, body_len), LE_OK);
    assert_int_equal(le_buf_reserve(&ask->request, body_len), LE_OK);
    for (size_t i = 0; i < body_len; i++)
        ask->request.data[ask->request.len++] = (char)('a' + i % 23);
    ask->rig = rig;
    ask->exchange.request = &ask->request;
    ask->exchange.body = &ask->body;
    ask->exchange.timeout_ms = timeout_ms;
    ask->exchange.done = on_done;
    ask->exchange.owner = ask;
    return ask;
}

struct ask *rig_post(struct rig *rig, size_t body_len, int64_t timeout_ms)
{
    struct ask *ask = prepare(rig, LE_SPAN_LIT("POST"), body_len, timeout_ms);
    rig_send(rig, ask);
    return ask;
}

struct ask *rig_get(struct rig *rig, int64_t timeout_ms)
{
    struct ask *ask = prepare(rig, LE_SPAN_LIT("GET"), 0, timeout_ms);
    rig_send(rig, ask);
    return ask;
}

void rig_wait(struct rig *rig, unsigned done)
{
    while (rig->done < done)
        assert_int_not_equal(uv_run(&rig->loop, UV_RUN_ONCE) == 0 && rig->done < done, 1);
    assert_int_equal(rig->done, done);
}

static void on_time(uv_timer_t *timer)
{
    uv_stop(timer->loop);
    uv_close((uv_handle_t *)timer, NULL);
}

void rig_run_ms(struct rig *rig, unsigned ms)
{
    static uv_timer_t timer; /* its close callback comes with the next turn of the loop */
    uv_update_time(&rig->loop);
    assert_int_equal(uv_timer_init(&rig->loop, &timer), 0);
    assert_int_equal(uv_timer_start(&timer, on_time, ms, 0), 0);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

void rig_run_until(struct rig *rig, bool (*holds)(void *what), void *what)
{
    uint64_t give_up_ns = uv_hrtime() + (uint64_t)RIG_PATIENCE_MS * 1000000;
    while (!holds(what)) {
        if (uv_hrtime() > give_up_ns)
            fail_msg("waited in vain");
        rig_run_ms(rig, 1);
    }
}

struct request_wish {
    struct raw_server *server;
    unsigned requests;
};

static bool has_read(void *what)
{
    const struct request_wish *wish = what;
    return raw_server_requests(wish->server) >= wish->requests;
}

void rig_run_requests(struct rig *rig, struct raw_server *server, unsigned requests)
{
    struct request_wish wish = {server, requests};
    rig_run_until(rig, has_read, &wish);
    assert_int_equal(raw_server_requests(server), requests);
}

static bool is_deserted(void *server)
{
    return raw_server_open(server) == 0;
}

void rig_run_deserted(struct rig *rig, struct raw_server *server)
{
    rig_run_until(rig, is_deserted, server);
}

void rig_expect(struct rig *rig, enum le_err err, const char *body)
{
    unsigned before = rig->done;
    struct ask *ask = rig_get(rig, RIG_PATIENCE_MS);
    rig_wait(rig, before + 1);
    if (ask->err != err)
        fail_msg("%s where %s was expected: %s", le_err_name(ask->err), le_err_name(err),
                 le_pool_last_failure(rig->pool));
    if (err == LE_OK)
        assert_true(le_span_is(le_buf_span(&ask->body), body));
}
