/* Giving up exchanges, closing pools, and what a done callback may do. */
#include "pool_rig.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define OK200 "HTTP/1.1 200 OK\r\n"
#define HI    OK200 "Content-Length: 2\r\n\r\nhi"

#define STEPS(...)                                        \
    static const struct raw_step steps[] = {__VA_ARGS__}; \
    struct rig *rig = *state;                             \
    struct raw_server *server = raw_server_start(steps, sizeof steps / sizeof steps[0])

static void end(struct rig *rig, struct raw_server *server)
{
    rig_close(rig);
    raw_server_stop(server);
}

static void cancel_before_the_connection(void **state)
{
    STEPS({.bytes = HI});
    rig_open_raw(rig, server, 1);
    struct ask *connecting = rig_get(rig, RIG_PATIENCE_MS);
    struct ask *waiting = rig_get(rig, RIG_PATIENCE_MS);
    struct ask *last = rig_get(rig, RIG_PATIENCE_MS);
    rig_cancel(rig, waiting, false);
    rig_cancel(rig, connecting, true);
    assert_int_equal(rig->done, 0);
    rig_wait(rig, 2);
    assert_int_equal(waiting->err, LE_ERR_CANCELLED);
    assert_int_equal(connecting->err, LE_ERR_CANCELLED);
    rig_wait(rig, 3);
    assert_int_equal(last->err, LE_OK);
    end(rig, server);
}

static bool has_begun(void *ask)
{
    return ((const struct ask *)ask)->exchange.answer_began;
}

static void cancel_in_flight(void **state)
{
    STEPS({.end = RAW_HANG}, {.bytes = OK200, .end = RAW_HANG}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    struct ask *unanswered = rig_get(rig, RIG_PATIENCE_MS);
    rig_run_requests(rig, server, 1);
    rig_cancel(rig, unanswered, true);
    rig_cancel(rig, unanswered, false); /* it is over already */
    rig_wait(rig, 1);
    assert_int_equal(unanswered->err, LE_ERR_CANCELLED);
    struct ask *answered = rig_get(rig, RIG_PATIENCE_MS);
    rig_run_until(rig, has_begun, answered);
    rig_cancel(rig, answered, true);
    rig_run_ms(rig, 50);
    assert_int_equal(rig->done, 1);
    rig_cancel(rig, answered, false);
    rig_wait(rig, 2);
    assert_int_equal(answered->err, LE_ERR_CANCELLED);
    assert_true(answered->exchange.answer_began);
    rig_cancel(rig, answered, false); /* done: harmless */
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), 3);
    end(rig, server);
}

/* The answer to a cancelled request must not become the next one's. */
static void no_answer_is_mistaken(void **state)
{
    STEPS({.bytes = OK200 "Content-Length: 5\r\n\r\nfirst", .held = true},
          {.bytes = OK200 "Content-Length: 6\r\n\r\nsecond"});
    rig_open_raw(rig, server, 1);
    struct ask *first = rig_get(rig, RIG_PATIENCE_MS);
    rig_run_requests(rig, server, 1);
    rig_cancel(rig, first, false);
    struct ask *second = rig_get(rig, RIG_PATIENCE_MS);
    raw_server_let_go(server);
    rig_wait(rig, 2);
    assert_int_equal(second->err, LE_OK);
    assert_true(le_span_is(le_buf_span(&second->body), "second"));
    end(rig, server);
}

static void close_with_everything_in_flight(void **state)
{
    STEPS({.bytes = HI}, {.bytes = HI}, {.bytes = OK200, .end = RAW_HANG}, {.end = RAW_HANG});
    rig_open_raw(rig, server, 6);
    rig_expect(rig, LE_OK, "hi");
    for (unsigned i = 0; i < 20; i++)
        (void)rig_get(rig, RIG_PATIENCE_MS);
    /* The first, one on each connection, and one more over the connection that was answered. */
    rig_run_requests(rig, server, 1 + 6 + 1);
    assert_int_equal(rig->done, 2);
    rig_close_pool(rig);
    assert_int_equal(rig->done, 2);
    rig_wait(rig, 21);
    for (unsigned i = 2; i < 21; i++)
        assert_int_equal(rig->asks[i].err, rig->asks[i].status != 0 ? LE_OK : LE_ERR_CANCELLED);
    end(rig, server);
}

static void close_at_once(void **state)
{
    STEPS({.bytes = HI});
    rig_open_raw(rig, server, 2);
    for (unsigned i = 0; i < 5; i++)
        (void)rig_get(rig, RIG_PATIENCE_MS);
    rig_close_pool(rig);
    rig_wait(rig, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(rig->asks[i].err, LE_ERR_CANCELLED);
    end(rig, server);
}

static void close_pool_then(struct ask *asked)
{
    if (asked->rig->pool != NULL)
        rig_close_pool(asked->rig);
}

static void close_inside_done(void **state)
{
    STEPS({.bytes = HI}, {.end = RAW_HANG});
    rig_open_raw(rig, server, 3);
    struct ask *both[2]; /* whichever comes first to the server is answered */
    for (unsigned i = 0; i < 2; i++) {
        both[i] = rig_get(rig, RIG_PATIENCE_MS);
        both[i]->then = close_pool_then;
    }
    rig_wait(rig, 1);
    rig_wait(rig, 2);
    unsigned answered = both[0]->order == 1 ? 0 : 1;
    assert_int_equal(both[answered]->err, LE_OK);
    assert_int_equal(both[1 - answered]->err, LE_ERR_CANCELLED);
    end(rig, server);
}

/* Of several that are told of a failure together, the first closes the pool. */
static void close_inside_a_failed_done(void **state)
{
    struct rig *rig = *state;
    rig_open(rig, "http://127.0.0.1:1", NULL, 2);
    for (unsigned i = 0; i < 6; i++)
        (void)rig_get(rig, RIG_PATIENCE_MS);
    rig->asks[0].then = close_pool_then;
    rig_wait(rig, 6);
    assert_int_equal(rig->asks[0].err, LE_ERR_CONNECT);
    assert_int_equal(rig->asks[5].err, LE_ERR_CANCELLED);
}

static unsigned again_left;

static void send_again(struct ask *asked)
{
    if (again_left == 0)
        return;
    again_left--;
    asked->done--;
    le_buf_clear(&asked->body);
    rig_send(asked->rig, asked);
    assert_string_equal(asked->kind, "text/plain");
    struct le_span kind = asked->exchange.header(&asked->exchange, "content-type");
    assert_true(kind.ptr == NULL || kind.len > 0);
}

/* What a done callback sends goes over the connection that has just become free, not over a second
 * one. */
static void send_inside_done(void **state)
{
    STEPS({.bytes = OK200 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"});
    rig_open_raw(rig, server, 4);
    again_left = 50;
    struct ask *ask = rig_get(rig, RIG_PATIENCE_MS);
    ask->then = send_again;
    rig_wait(rig, 51);
    assert_int_equal(ask->err, LE_OK);
    assert_int_equal(raw_server_connections(server), 1);
    end(rig, server);
}

static struct ask *victim;

static void cancel_victim(struct ask *asked)
{
    if (victim != NULL)
        rig_cancel(asked->rig, victim, false);
    rig_cancel(asked->rig, asked, false); /* itself: it is done */
}

static void cancel_inside_done(void **state)
{
    STEPS({.bytes = HI}, {.end = RAW_HANG});
    rig_open_raw(rig, server, 1);
    struct ask *first = rig_get(rig, RIG_PATIENCE_MS);
    victim = rig_get(rig, RIG_PATIENCE_MS);
    first->then = cancel_victim;
    rig_wait(rig, 2);
    assert_int_equal(victim->err, LE_ERR_CANCELLED);
    assert_int_equal(raw_server_requests(server), 1);
    end(rig, server);
}

static void thirty_two_in_parallel(void **state)
{
    STEPS({.bytes = HI, .held = true});
    rig_open_raw(rig, server, 32);
    for (unsigned i = 0; i < RIG_EXCHANGES; i++)
        (void)rig_post(rig, i * 997, RIG_PATIENCE_MS);
    rig_run_requests(rig, server, 32);
    assert_int_equal(rig->done, 0);
    raw_server_let_go(server);
    rig_wait(rig, RIG_EXCHANGES);
    for (unsigned i = 0; i < RIG_EXCHANGES; i++)
        assert_int_equal(rig->asks[i].err, LE_OK);
    assert_int_equal(raw_server_connections(server), 32);
    end(rig, server);
}

/* The Nth allocation fails, for every N: an error, nothing worse; and the next exchange goes well.
 */
static void no_memory(void **state)
{
    STEPS({.bytes = HI});
    unsigned failures = 0;
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", raw_server_port(server));
    /* A socket that cannot be watched for want of memory runs into the connect timeout. */
    const struct le_pool_config config = {.origin = le_span_of(origin),
                                          .connections_max = 2,
                                          .connect_timeout_ms = 10000,
                                          .idle_timeout_ms = RIG_PATIENCE_MS,
                                          .name = "test"};
    for (unsigned long nth = 1; nth < 12; nth++) {
        rig_open_config(rig, &config, NULL);
        struct ask *ask = rig_get(rig, RIG_PATIENCE_MS);
        rig_cancel(rig, ask, false);
        rig_wait(rig, 1);
        le_buf_clear(&ask->body);
        ask->done = 0;
        le_mem_fail_at(nth);
        rig_send(rig, ask);
        rig_wait(rig, 2);
        le_mem_fail_at(0);
        assert_true(ask->err == LE_OK || ask->err == LE_ERR_NOMEM || ask->err == LE_ERR_TIMEOUT);
        failures += ask->err != LE_OK;
        rig_expect(rig, LE_OK, "hi");
    }
    assert_true(failures >= 3 && failures < 11);
    end(rig, server);
}

static void no_memory_to_begin_with(void **state)
{
    struct rig *rig = *state;
    const struct le_net_config none = {.ca_file = "/nonexistent"};
    const struct le_pool_config config = {.origin = LE_SPAN_LIT("http://localhost"),
                                          .connections_max = 1,
                                          .connect_timeout_ms = 1,
                                          .idle_timeout_ms = 1,
                                          .name = "test"};
    unsigned failures = 0;
    for (unsigned long nth = 1; nth < 12; nth++) {
        le_mem_fail_at(nth);
        rig->net = le_net_new(&rig->loop, &none);
        enum le_err err =
            rig->net != NULL ? le_pool_new(rig->net, &config, &rig->pool) : LE_ERR_NOMEM;
        le_mem_fail_at(0);
        assert_true(err == LE_OK || err == LE_ERR_NOMEM);
        failures += err == LE_ERR_NOMEM;
        rig_close(rig);
    }
    assert_true(failures >= 5 && failures < 11);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(cancel_before_the_connection),
        TEST(cancel_in_flight),
        TEST(no_answer_is_mistaken),
        TEST(close_with_everything_in_flight),
        TEST(close_at_once),
        TEST(close_inside_done),
        TEST(close_inside_a_failed_done),
        TEST(send_inside_done),
        TEST(cancel_inside_done),
        TEST(thirty_two_in_parallel),
        TEST(no_memory),
        TEST(no_memory_to_begin_with),
    };
    (void)alarm(280);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
