/* The pool over TLS, and against a real server: certificates, sessions, hidden bytes, memory. */
#include "pool_rig.h"

#include "echo_server.h"
#include "tls_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct tls_files files;

static int make_files(void **state)
{
    (void)state;
    tls_files_make(&files);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    tls_files_remove(&files);
    return 0;
}

static void open_echo(struct rig *rig, const struct echo_server *server, const char *scheme,
                      const char *ca_file, unsigned connections_max)
{
    char origin[64];
    snprintf(origin, sizeof origin, "%s://localhost:%d", scheme, echo_server_port(server));
    rig_open(rig, origin, ca_file, connections_max);
}

static void echo_every_size(struct rig *rig, struct echo_server *server)
{
    static const size_t sizes[] = {1, 100, 16383, 16384, 16385, 70000, 131072, 1000000};
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            unsigned before = rig->done;
            struct ask *ask = rig_post(rig, sizes[i], RIG_PATIENCE_MS);
            rig_wait(rig, before + 1);
            assert_int_equal(ask->err, LE_OK);
            assert_string_equal(ask->kind, "text/plain");
            assert_int_equal(ask->body.len, sizes[i]);
            assert_memory_equal(ask->body.data, ask->request.data + ask->request.len - sizes[i],
                                sizes[i]);
        }
    }
    assert_int_equal(echo_server_connections(server), 1);
}

static void plain_http(void **state)
{
    struct rig *rig = *state;
    struct echo_server *server = echo_server_start(NULL, NULL, 0);
    open_echo(rig, server, "http", NULL, 1);
    echo_every_size(rig, server);
    rig_close(rig);
    echo_server_stop(server);
}

static void https(void **state)
{
    struct rig *rig = *state;
    struct echo_server *server = echo_server_start(files.cert, files.key, 0);
    open_echo(rig, server, "https", files.ca_file, 1);
    echo_every_size(rig, server);
    assert_string_equal(le_pool_last_failure(rig->pool), "");
    rig_close(rig);
    echo_server_stop(server);
}

static void in_parallel(void **state)
{
    struct rig *rig = *state;
    struct echo_server *server = echo_server_start(files.cert, files.key, 0);
    open_echo(rig, server, "https", files.ca_file, 32);
    for (unsigned i = 0; i < RIG_EXCHANGES; i++)
        (void)rig_post(rig, 1 + i * 5003, RIG_PATIENCE_MS);
    rig_wait(rig, RIG_EXCHANGES);
    for (unsigned i = 0; i < RIG_EXCHANGES; i++) {
        assert_int_equal(rig->asks[i].err, LE_OK);
        assert_int_equal(rig->asks[i].body.len, 1 + i * 5003);
    }
    assert_int_equal(echo_server_connections(server), 32);
    rig_close(rig);
    echo_server_stop(server);
}

static bool has_closed_one(void *server)
{
    return echo_server_closed(server) == 1;
}

/* The server's goodbye (close_notify and FIN) comes while the connection is idle. */
static void idle_close(void **state)
{
    struct rig *rig = *state;
    struct echo_server *server = echo_server_start(files.cert, files.key, 2);
    open_echo(rig, server, "https", files.ca_file, 1);
    rig_expect(rig, LE_OK, "hello");
    rig_run_until(rig, has_closed_one, server);
    rig_expect(rig, LE_OK, "hello");
    assert_int_equal(echo_server_connections(server), 2);
    rig_close(rig);
    echo_server_stop(server);
}

/* The same, but the loop stands still meanwhile, and the request goes out before it can tell. */
static void idle_close_unnoticed(void **state)
{
    struct rig *rig = *state;
    struct echo_server *server = echo_server_start(files.cert, files.key, 2);
    open_echo(rig, server, "https", files.ca_file, 1);
    rig_expect(rig, LE_OK, "hello");
    while (!has_closed_one(server))
        usleep(10000);
    rig_expect(rig, LE_OK, "hello");
    assert_int_equal(echo_server_connections(server), 2);
    rig_close(rig);
    echo_server_stop(server);
}

static void expect_tls_failure(struct rig *rig, const char *words)
{
    rig_expect(rig, LE_ERR_TLS, NULL);
    if (strstr(le_pool_last_failure(rig->pool), words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, le_pool_last_failure(rig->pool));
}

static void certificates_are_verified(void **state)
{
    struct rig *rig = *state;
    struct echo_server *right = echo_server_start(files.cert, files.key, 0);
    struct echo_server *wrong = echo_server_start(files.wrong_cert, files.wrong_key, 0);
    open_echo(rig, right, "https", files.other_ca_file, 1);
    expect_tls_failure(rig, "certificate");
    open_echo(rig, right, "https", NULL, 1);
    expect_tls_failure(rig, "certificate");
    open_echo(rig, wrong, "https", files.ca_file, 1);
    expect_tls_failure(rig, "localhost");
    open_echo(rig, right, "https", "/nonexistent/ca.pem", 1);
    expect_tls_failure(rig, "/nonexistent/ca.pem");
    open_echo(rig, right, "https", files.ca_file, 1);
    rig_expect(rig, LE_OK, "hello");
    rig_close(rig);
    echo_server_stop(right);
    echo_server_stop(wrong);
}

static void open_raw_https(struct rig *rig, const struct raw_server *server)
{
    char origin[64];
    snprintf(origin, sizeof origin, "https://127.0.0.1:%d", raw_server_port(server));
    rig_open(rig, origin, files.ca_file, 1);
}

/* A peer that does not speak TLS is a matter of settings; one that hangs up, or falls silent, may
 * be better in a moment. */
static void handshakes_that_fail(void **state)
{
    struct rig *rig = *state;
    static const struct raw_step plain = {
        .bytes = "HTTP/1.1 400 Bad Request\r\n\r\n", .unasked = true, .end = RAW_HANG};
    static const struct raw_step closing = {.unasked = true, .delay_ms = 20, .end = RAW_CLOSE};
    static const struct raw_step resetting = {.unasked = true, .delay_ms = 20, .end = RAW_RESET};
    static const struct raw_step silent = {.unasked = true, .end = RAW_HANG};
    struct raw_server *server = raw_server_start(&plain, 1);
    open_raw_https(rig, server);
    expect_tls_failure(rig, "SSL");
    raw_server_script(server, &closing, 1);
    rig_expect(rig, LE_ERR_CONNECT, NULL);
    raw_server_script(server, &resetting, 1);
    rig_expect(rig, LE_ERR_CONNECT, NULL);
    raw_server_script(server, &silent, 1);
    unsigned before = rig->done;
    struct ask *ask = rig_get(rig, 200);
    rig_wait(rig, before + 1);
    assert_int_equal(ask->err, LE_ERR_TIMEOUT);
    rig_close(rig);
    raw_server_stop(server);
}

static struct ask *ask_as_http_1_0(struct rig *rig)
{
    unsigned before = rig->done;
    struct ask *ask = rig_get(rig, RIG_PATIENCE_MS);
    /* Nothing has been sent yet: the connection is still being made. */
    char *version = memmem(ask->request.data, ask->request.len, "HTTP/1.1", 8);
    assert_non_null(version);
    version[7] = '0';
    rig_wait(rig, before + 1);
    return ask;
}

/* Over TLS a cut connection looks like a closed one, so that an answer without a length may be half
 * an answer. */
static void answers_without_a_length(void **state)
{
    struct rig *rig = *state;
    struct echo_server *plain = echo_server_start(NULL, NULL, 0);
    open_echo(rig, plain, "http", NULL, 1);
    struct ask *ask = ask_as_http_1_0(rig);
    assert_int_equal(ask->err, LE_OK);
    assert_true(le_span_is(le_buf_span(&ask->body), "hello"));
    rig_close(rig);
    echo_server_stop(plain);
    struct echo_server *tls = echo_server_start(files.cert, files.key, 0);
    open_echo(rig, tls, "https", files.ca_file, 1);
    ask = ask_as_http_1_0(rig);
    assert_int_equal(ask->err, LE_ERR_CLOSED);
    assert_true(ask->exchange.answer_began);
    rig_close(rig);
    echo_server_stop(tls);
}

/* What goes to a server in the clear goes to the proxy over TLS, on a kept connection too. */
static void plain_http_through_a_tls_proxy(void **state)
{
    struct rig *rig = *state;
    struct echo_server *proxy = echo_server_start(files.cert, files.key, 0);
    char url[64];
    snprintf(url, sizeof url, "https://localhost:%d", echo_server_port(proxy));
    setenv("http_proxy", url, 1);
    rig_open(rig, "http://nowhere.test", files.ca_file, 1);
    echo_every_size(rig, proxy);
    unsetenv("http_proxy");
    rig_close(rig);
    echo_server_stop(proxy);
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &pages, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* In a process of its own, the server would not count; here it does, so the limits are wide. */
static void connections_are_light(void **state)
{
    struct rig *rig = *state;
    struct echo_server *server = echo_server_start(NULL, NULL, 0);
    open_echo(rig, server, "http", NULL, 32);
    rig_expect(rig, LE_OK, "hello");
    long before = resident_kib();
    for (unsigned i = 0; i < 63; i++)
        (void)rig_get(rig, RIG_PATIENCE_MS);
    rig_wait(rig, 64);
    long grown = resident_kib() - before;
    print_message("31 more connections, both ends: %ld KiB\n", grown);
#ifndef __SANITIZE_ADDRESS__
    assert_true(grown < 31 * 100);
#endif
    rig_close(rig);
    echo_server_stop(server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(plain_http),
        TEST(https),
        TEST(in_parallel),
        TEST(idle_close),
        TEST(idle_close_unnoticed),
        TEST(certificates_are_verified),
        TEST(handshakes_that_fail),
        TEST(answers_without_a_length),
        TEST(plain_http_through_a_tls_proxy),
        TEST(connections_are_light),
    };
    (void)alarm(280);
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
