/* The pool against a server that follows a script: kept, cut, late, refused and cancelled
 * exchanges. */
#include "pool_rig.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define OK200 "HTTP/1.1 200 OK\r\n"
#define HI    OK200 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"

#define STEPS(...)                                        \
    static const struct raw_step steps[] = {__VA_ARGS__}; \
    struct rig *rig = *state;                             \
    struct raw_server *server = raw_server_start(steps, sizeof steps / sizeof steps[0])

static void end(struct rig *rig, struct raw_server *server)
{
    rig_close(rig);
    raw_server_stop(server);
}

static void connections_are_kept(void **state)
{
    STEPS({.bytes = HI});
    rig_open_raw(rig, server, 4);
    for (unsigned i = 0; i < 20; i++)
        rig_expect(rig, LE_OK, "hi");
    assert_string_equal(rig->asks[19].kind, "text/plain");
    assert_int_equal(raw_server_connections(server), 1);
    assert_int_equal(raw_server_requests(server), 20);
    assert_string_equal(le_pool_last_failure(rig->pool), "");
    end(rig, server);
}

static void every_kind_of_answer(void **state)
{
    STEPS({.bytes = OK200 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
           .piece = 1},
          {.bytes = "HTTP/1.1 100 Continue\r\n\r\n" HI, .piece = 3},
          {.bytes = "HTTP/1.1 204 x\r\n\r\n"},
          {.bytes = OK200 "\r\nuntil close", .piece = 5, .end = RAW_CLOSE},
          {.bytes = "HTTP/1.1 503 x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nlow"},
          {.bytes = "HTTP/1.0 200 x\r\nContent-Length: 3\r\n\r\nold"}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    static const char *const bodies[] = {"abcde", "hi", "", "until close", "low", "old", "hi"};
    static const unsigned connections[] = {1, 1, 1, 1, 2, 3, 4};
    for (size_t i = 0; i < 7; i++) {
        rig_expect(rig, LE_OK, bodies[i]);
        assert_int_equal(raw_server_connections(server), connections[i]);
    }
    assert_int_equal(rig->asks[4].status, 503);
    end(rig, server);
}

#define LARGE_HEAD OK200 "Content-Length: 600000\r\n\r\n"

static void large_request_and_answer(void **state)
{
    static char answer[sizeof LARGE_HEAD - 1 + 600000];
    memset(answer, 'x', sizeof answer);
    memcpy(answer, LARGE_HEAD, sizeof LARGE_HEAD - 1);
    STEPS({.bytes = answer, .len = sizeof answer, .delay_ms = 50});
    rig_open_raw(rig, server, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct ask *ask = rig_post(rig, 8000000, RIG_PATIENCE_MS);
        rig_wait(rig, 1 + i);
        assert_int_equal(ask->err, LE_OK);
        assert_int_equal(ask->body.len, 600000);
    }
    assert_int_equal(raw_server_connections(server), 1);
    end(rig, server);
}

/* The server closes between two requests: the watcher drops the connection, and nobody notices. */
static void idle_close(void **state)
{
    STEPS({.bytes = HI, .end = RAW_CLOSE}, {.bytes = HI, .end = RAW_RESET}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    for (unsigned i = 0; i < 3; i++) {
        rig_expect(rig, LE_OK, "hi");
        rig_run_ms(rig, 50);
    }
    assert_int_equal(raw_server_connections(server), 3);
    end(rig, server);
}

/* The close crosses the request on its way: the request goes once more, on a fresh connection. */
static void close_crosses_the_request(void **state)
{
    STEPS({.bytes = HI}, {.end = RAW_CLOSE}, {.bytes = HI}, {.end = RAW_RESET}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    for (unsigned i = 0; i < 3; i++)
        rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), 3);
    assert_int_equal(raw_server_requests(server), 5);
    end(rig, server);
}

/* Once is enough: a server that always closes gets two tries, and one if the connection was fresh.
 */
static void closed_before_the_answer(void **state)
{
    STEPS({.bytes = HI}, {.end = RAW_CLOSE});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_OK, "hi");
    rig_expect(rig, LE_ERR_CLOSED, NULL);
    assert_int_equal(raw_server_requests(server), 3);
    rig_expect(rig, LE_ERR_CLOSED, NULL);
    assert_int_equal(raw_server_requests(server), 4);
    assert_false(rig->asks[2].exchange.answer_began);
    end(rig, server);
}

static void a_cut_answer_is_not_asked_again(void **state)
{
    STEPS({.bytes = HI}, {.bytes = OK200 "Content-Length: 2\r\n\r\nh", .end = RAW_CLOSE},
          {.bytes = HI}, {.bytes = "H", .end = RAW_RESET}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_OK, "hi");
    rig_expect(rig, LE_ERR_CLOSED, NULL);
    assert_true(rig->asks[1].exchange.answer_began);
    rig_expect(rig, LE_OK, "hi");
    rig_expect(rig, LE_ERR_CLOSED, NULL);
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_requests(server), 5);
    end(rig, server);
}

static void bytes_that_nobody_asked_for(void **state)
{
    STEPS({.bytes = HI "HTTP/1.1 408 x\r\n"}, {.bytes = HI},
          {.bytes = "HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n",
           .delay_ms = 20,
           .unasked = true},
          {.bytes = HI});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_OK, "hi");
    rig_expect(rig, LE_OK, "hi");
    rig_run_deserted(rig, server);
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), 3);
    end(rig, server);
}

/* What the loop has not yet seen is looked for before an old connection is used again. */
static void unasked_bytes_while_the_loop_stood_still(void **state)
{
    static const char unasked[] = "HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n";
    STEPS({.bytes = HI}, {.bytes = unasked, .delay_ms = 100, .unasked = true}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_OK, "hi");
    usleep(1200000); /* after a second it is old */
    while (raw_server_said(server) < sizeof HI - 1 + sizeof unasked - 1)
        usleep(1000);
    uv_update_time(&rig->loop);
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), 2);
    end(rig, server);
}

static void malformed_and_oversized_answers(void **state)
{
    STEPS({.bytes = "SSH-2.0-nonsense\r\n"},
          {.bytes = OK200 "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
          {.bytes = OK200 "Content-Length: 1048577\r\n\r\n"}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_ERR_PROTOCOL, NULL);
    rig_expect(rig, LE_ERR_PROTOCOL, NULL);
    rig_expect(rig, LE_ERR_TOO_LARGE, NULL);
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), 4);
    end(rig, server);
}

/* A server that speaks first is no HTTP server. */
static void a_greeting(void **state)
{
    STEPS({.bytes = "220 smtp\r\n", .unasked = true, .end = RAW_HANG});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_ERR_PROTOCOL, NULL);
    end(rig, server);
}

/* It answers while the request is still being sent: the answer counts, the connection is of no more
 * use. */
static void an_early_answer(void **state)
{
    STEPS({.bytes = "HTTP/1.1 413 x\r\nContent-Length: 3\r\n\r\nbig", .deaf = true}, {.bytes = HI});
    rig_open_raw(rig, server, 1);
    struct ask *ask = rig_post(rig, 8000000, RIG_PATIENCE_MS);
    rig_wait(rig, 1);
    assert_int_equal(ask->err, LE_OK);
    assert_int_equal(ask->status, 413);
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(rig->asks[1].exchange.tries, 0);
    assert_int_equal(raw_server_connections(server), 2);
    end(rig, server);
}

/* It answers, closes, and resets the connection over the rest of the request: writing fails, the
 * answer is there to be read. */
static void an_early_answer_and_a_reset(void **state)
{
    STEPS({.bytes = "HTTP/1.1 413 x\r\nContent-Length: 3\r\n\r\nbig",
           .deaf = true,
           .end = RAW_CLOSE});
    rig_open_raw(rig, server, 1);
    for (unsigned i = 0; i < 20; i++) {
        struct ask *ask = rig_post(rig, 8000000, RIG_PATIENCE_MS);
        rig_wait(rig, 1 + i);
        assert_int_equal(ask->err, LE_OK);
        assert_int_equal(ask->status, 413);
    }
    end(rig, server);
}

static bool times_out_after_it_began(struct rig *rig, unsigned timeout_ms)
{
    unsigned before = rig->done;
    uint64_t start = uv_hrtime();
    struct ask *ask = rig_get(rig, timeout_ms);
    rig_wait(rig, before + 1);
    uint64_t took_ms = (uv_hrtime() - start) / 1000000;
    assert_int_equal(ask->err, LE_ERR_TIMEOUT);
    assert_true(took_ms + 5 >= timeout_ms && took_ms < RIG_PATIENCE_MS);
    return ask->exchange.answer_began;
}

static void answer_timeout(void **state)
{
    static const struct raw_step half = {.bytes = OK200, .end = RAW_HANG}, whole = {.bytes = HI};
    STEPS({.bytes = HI}, {.end = RAW_HANG});
    rig_open_raw(rig, server, 1);
    rig_expect(rig, LE_OK, "hi");
    assert_false(times_out_after_it_began(rig, 150));
    raw_server_script(server, &half, 1);
    unsigned timeout_ms = 150; /* a busy machine may take longer for the first half */
    while (!times_out_after_it_began(rig, timeout_ms))
        timeout_ms *= 2;
    raw_server_script(server, &whole, 1);
    rig_expect(rig, LE_OK, "hi");
    end(rig, server);
}

/* Deadlines of different length on one timer; the wait for a connection counts. */
static void deadlines_in_any_order(void **state)
{
    STEPS({.end = RAW_HANG});
    rig_open_raw(rig, server, 2);
    struct ask *slow = rig_get(rig, 300);
    struct ask *fast = rig_get(rig, 100);
    struct ask *waiting = rig_get(rig, 50);
    struct ask *last = rig_get(rig, 200);
    const struct ask *const in_order[] = {waiting, fast, last, slow};
    while (rig->done < 4) /* a loop that is late meets several at once */
        (void)uv_run(&rig->loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(in_order[i]->err, LE_ERR_TIMEOUT);
        assert_int_equal(in_order[i]->order, 1 + i);
    }
    assert_true(raw_server_requests(server) <= 3);
    end(rig, server);
}

/* A listener whose backlog is full answers no SYN. */
static void connect_timeout(void **state)
{
    struct rig *rig = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    for (size_t i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fill[i], (struct sockaddr *)&address, len);
    }
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", ntohs(address.sin_port));
    const struct le_pool_config config = {.origin = le_span_of(origin),
                                          .connections_max = 1,
                                          .connect_timeout_ms = 200,
                                          .idle_timeout_ms = 1000,
                                          .name = "test"};
    rig_open_config(rig, &config, NULL);
    uint64_t start = uv_hrtime();
    struct ask *ask = rig_get(rig, RIG_PATIENCE_MS);
    rig_wait(rig, 1);
    assert_int_equal(ask->err, LE_ERR_TIMEOUT);
    assert_in_range((uv_hrtime() - start) / 1000000, 150, RIG_PATIENCE_MS / 2);
    assert_string_not_equal(le_pool_last_failure(rig->pool), "");
    ask = rig_get(rig, 100); /* and the exchange's own deadline, while it connects */
    rig_wait(rig, 2);
    assert_int_equal(ask->err, LE_ERR_TIMEOUT);
    rig_close(rig);
    for (size_t i = 0; i < 4; i++)
        close(fill[i]);
    close(listener);
}

static void refused(void **state)
{
    struct rig *rig = *state;
    rig_open(rig, "http://127.0.0.1:1", NULL, 2);
    rig_expect(rig, LE_ERR_CONNECT, NULL);
    assert_non_null(strstr(le_pool_last_failure(rig->pool), "127.0.0.1"));
    for (unsigned i = 0; i < 8; i++)
        (void)rig_get(rig, RIG_PATIENCE_MS);
    rig_wait(rig, 9);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(rig->asks[i].err, LE_ERR_CONNECT);
}

static void idle_for_too_long(void **state)
{
    STEPS({.bytes = HI});
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", raw_server_port(server));
    const struct le_pool_config config = {.origin = le_span_of(origin),
                                          .connections_max = 4,
                                          .connect_timeout_ms = RIG_PATIENCE_MS,
                                          .idle_timeout_ms = 100,
                                          .name = "test"};
    rig_open_config(rig, &config, NULL);
    uint64_t start = uv_hrtime();
    rig_expect(rig, LE_OK, "hi");
    rig_expect(rig, LE_OK, "hi");
    bool quick = (uv_hrtime() - start) / 1000000 < 100;
    unsigned before = raw_server_connections(server);
    assert_true(before == 1 || !quick);
    rig_run_ms(rig, 150);
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), before + 1);
    end(rig, server);
}

static void bad_origins(void **state)
{
    struct rig *rig = *state;
    static const char *const origins[] = {"",
                                          "ftp://localhost",
                                          "http://",
                                          "http://user:word@localhost",
                                          "http://a b",
                                          "file:///etc/passwd",
                                          "http://localhost:99999",
                                          "://",
                                          "http://local\nhost"};
    const struct le_net_config none = {0};
    rig->net = le_net_new(&rig->loop, &none);
    assert_non_null(rig->net);
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        const struct le_pool_config config = {.origin = le_span_of(origins[i]),
                                              .connections_max = 1,
                                              .connect_timeout_ms = 1,
                                              .idle_timeout_ms = 1,
                                              .name = "test"};
        struct le_pool *pool;
        enum le_err err = le_pool_new(rig->net, &config, &pool);
        if (err != LE_ERR_CONFIG)
            fail_msg("%s: %s", origins[i], le_err_name(err));
        assert_null(pool);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(connections_are_kept),
        TEST(every_kind_of_answer),
        TEST(large_request_and_answer),
        TEST(idle_close),
        TEST(close_crosses_the_request),
        TEST(closed_before_the_answer),
        TEST(a_cut_answer_is_not_asked_again),
        TEST(bytes_that_nobody_asked_for),
        TEST(unasked_bytes_while_the_loop_stood_still),
        TEST(malformed_and_oversized_answers),
        TEST(a_greeting),
        TEST(an_early_answer),
        TEST(an_early_answer_and_a_reset),
        TEST(answer_timeout),
        TEST(deadlines_in_any_order),
        TEST(connect_timeout),
        TEST(refused),
        TEST(idle_for_too_long),
        TEST(bad_origins),
    };
    (void)alarm(280);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
