/* Names: the resolver, addresses of which one does not answer, look-ups that fail or hang, and
 * proxies. This program has a getaddrinfo of its own, which libcurl and libuv come to use, so that
 * no name server is needed. */
#include "loginetl/net/resolver.h"

#include "live_blocks.h"
#include "pool_rig.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static uv_thread_t loop_thread;   /* of the tests and of their loop */
static atomic_uint threads_asked; /* how often another one has looked something up */
static atomic_bool silent;        /* hangs.test has no answer as long as this holds */
static atomic_uint hanging;       /* look-ups of it */

static void hang(void)
{
    atomic_fetch_add(&hanging, 1);
    while (atomic_load(&silent))
        usleep(1000);
    atomic_fetch_sub(&hanging, 1);
}

typedef int look_up_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    static look_up_fn *real;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    uv_thread_t self = uv_thread_self();
    bool on_loop = uv_thread_equal(&self, &loop_thread) != 0;
    atomic_fetch_add(&threads_asked, !on_loop);
    if (on_loop) { /* which must not wait for a name server */
        assert_non_null(hints);
        assert_int_equal(hints->ai_flags & AI_NUMERICHOST, AI_NUMERICHOST);
        return real(name, service, hints, out);
    }
    if (name == NULL || strstr(name, ".test") == NULL)
        return real(name, service, hints, out);
    if (strcmp(name, "hangs.test") == 0)
        hang();
    if (strcmp(name, "both.test") != 0)
        return EAI_NONAME;
    /* The server listens on the second of them only. */
    struct addrinfo *second = NULL;
    int rc = real("127.0.0.2", service, hints, out);
    if (rc == 0)
        rc = real("127.0.0.1", service, hints, &second);
    if (rc == 0)
        (*out)->ai_next = second;
    return rc;
}

/* --- the resolver --- */

struct found {
    unsigned done;
    enum le_err err;
    size_t count;
    struct le_address addresses[LE_ADDRESSES_MAX];
};

static void on_found(void *owner, enum le_err err, const struct le_address *addresses, size_t count)
{
    struct found *found = owner;
    found->done++;
    found->err = err;
    found->count = count;
    for (size_t i = 0; i < count; i++)
        found->addresses[i] = addresses[i];
}

static struct found look_up(struct rig *rig, const char *host, const char *service)
{
    struct found found = {0};
    struct le_errand *lookup;
    enum le_err err = le_resolve(&rig->loop, host, service, on_found, &found, &lookup);
    assert_int_equal(err, LE_OK);
    assert_non_null(lookup);
    assert_int_equal(found.done, 0);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(found.done, 1);
    assert_int_equal(found.err == LE_OK, found.count > 0);
    return found;
}

static void numeric_addresses(void **state)
{
    struct rig *rig = *state;
    unsigned asked = atomic_load(&threads_asked);
    struct found found = look_up(rig, "127.0.0.1", "5432");
    assert_int_equal(found.count, 1);
    assert_string_equal(found.addresses[0].text, "127.0.0.1");
    assert_int_equal(found.addresses[0].family, AF_INET);
    assert_int_equal(found.addresses[0].port, 5432);
    found = look_up(rig, "::1", "65535");
    assert_int_equal(found.count, 1);
    assert_string_equal(found.addresses[0].text, "::1");
    assert_int_equal(found.addresses[0].family, AF_INET6);
    assert_int_equal(found.addresses[0].port, 65535);
    assert_int_equal(atomic_load(&threads_asked), asked); /* it takes no thread */
}

static void a_cancelled_numeric_address(void **state)
{
    struct rig *rig = *state;
    struct found found = {0};
    struct le_errand *lookup;
    assert_int_equal(le_resolve(&rig->loop, "127.0.0.1", "1", on_found, &found, &lookup), LE_OK);
    le_errand_cancel(lookup);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(found.done, 0);
    assert_no_live_blocks();
}

static void names(void **state)
{
    struct rig *rig = *state;
    struct found found = look_up(rig, "both.test", "1");
    assert_int_equal(found.count, 2);
    assert_string_equal(found.addresses[0].text, "127.0.0.2");
    assert_string_equal(found.addresses[1].text, "127.0.0.1");
    assert_true(look_up(rig, "localhost", "1").count >= 1);
    assert_int_equal(look_up(rig, "nowhere.test", "1").err, LE_ERR_RESOLVE);
    assert_int_equal(look_up(rig, "127.0.0.1", "no such service").err, LE_ERR_RESOLVE);
}

static void not_a_name(void **state)
{
    struct rig *rig = *state;
    char endless[2000];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    struct found found = {0};
    struct le_errand *lookup;
    assert_int_equal(le_resolve(&rig->loop, "", "1", on_found, &found, &lookup), LE_ERR_RESOLVE);
    assert_null(lookup);
    assert_int_equal(le_resolve(&rig->loop, endless, "1", on_found, &found, &lookup),
                     LE_ERR_RESOLVE);
    assert_null(lookup);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(found.done, 0);
}

static void a_cancelled_look_up(void **state)
{
    struct rig *rig = *state;
    struct found found = {0};
    struct le_errand *lookup;
    atomic_store(&silent, true);
    /* More than libuv has threads: some have begun when they are cancelled, some have not. */
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(le_resolve(&rig->loop, "hangs.test", "1", on_found, &found, &lookup),
                         LE_OK);
        if (i % 2 == 0)
            usleep(1000);
        le_errand_cancel(lookup);
    }
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT); /* ends, though they hang */
    assert_int_equal(found.done, 0);
    atomic_store(&silent, false);
    assert_no_live_blocks();
}

/* --- the pool --- */

static struct raw_server *start(struct rig *rig, const struct raw_step *steps, size_t count,
                                const char *host)
{
    struct raw_server *server = raw_server_start(steps, count);
    char origin[64];
    snprintf(origin, sizeof origin, "http://%s:%d", host, raw_server_port(server));
    rig_open(rig, origin, NULL, 2);
    return server;
}

static void one_of_two_addresses(void **state)
{
    struct rig *rig = *state;
    static const struct raw_step steps[] = {{.bytes = HI}};
    struct raw_server *server = start(rig, steps, 1, "both.test");
    rig_expect(rig, LE_OK, "hi");
    rig_close(rig);
    raw_server_stop(server);
}

/* It listens on 127.0.0.1 only, whatever else localhost stands for. */
static void localhost(void **state)
{
    struct rig *rig = *state;
    static const struct raw_step steps[] = {{.bytes = HI}};
    struct raw_server *server = start(rig, steps, 1, "localhost");
    rig_expect(rig, LE_OK, "hi");
    rig_close(rig);
    raw_server_stop(server);
}

static void no_such_name(void **state)
{
    struct rig *rig = *state;
    rig_open(rig, "http://nowhere.test", NULL, 1);
    rig_expect(rig, LE_ERR_RESOLVE, NULL);
    assert_non_null(strstr(le_pool_last_failure(rig->pool), "nowhere.test"));
}

static bool one_hangs(void *what)
{
    (void)what;
    return atomic_load(&hanging) > 0;
}

/* Giving up on a look-up that hangs must not stop the loop until it has ended. */
static void a_look_up_that_hangs(void **state)
{
    struct rig *rig = *state;
    atomic_store(&silent, true);
    rig_open(rig, "http://hangs.test", NULL, 2);
    struct ask *late = rig_get(rig, 100);
    struct ask *unwanted = rig_get(rig, RIG_PATIENCE_MS);
    rig_run_until(rig, one_hangs, NULL);
    rig_cancel(rig, unwanted, false);
    rig_wait(rig, 2);
    assert_int_equal(late->err, LE_ERR_TIMEOUT);
    assert_int_equal(unwanted->err, LE_ERR_CANCELLED);
    rig_close(rig); /* ends, though it hangs */
    assert_true(one_hangs(NULL));
    atomic_store(&silent, false);
    while (one_hangs(NULL)) /* its thread ends, and cleans up */
        usleep(1000);
}

static void use_proxy(const struct raw_server *server, const char *except)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", raw_server_port(server));
    setenv("http_proxy", url, 1);
    if (except != NULL)
        setenv("NO_PROXY", except, 1);
}

static int forget_proxy(void **state)
{
    unsetenv("http_proxy");
    unsetenv("NO_PROXY");
    return rig_teardown(state);
}

/* A name that only the proxy could know; the tunnel is made once. */
static void through_a_proxy(void **state)
{
    struct rig *rig = *state;
    static const struct raw_step steps[] = {
        {.bytes = "HTTP/1.1 200 Connection established\r\nProxy-Agent: x\r\n\r\n"}, {.bytes = HI}};
    struct raw_server *server = raw_server_start(steps, 2);
    use_proxy(server, NULL);
    rig_open(rig, "http://nowhere.test", NULL, 1);
    rig_expect(rig, LE_OK, "hi");
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(server), 1);
    assert_int_equal(raw_server_requests(server), 3);
    rig_close(rig);
    raw_server_stop(server);
}

static void a_proxy_that_refuses(void **state)
{
    struct rig *rig = *state;
    static const struct raw_step steps[] = {
        {.bytes = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", .end = RAW_CLOSE}};
    struct raw_server *server = raw_server_start(steps, 1);
    use_proxy(server, NULL);
    rig_open(rig, "http://nowhere.test", NULL, 1);
    rig_expect(rig, LE_ERR_CONNECT, NULL);
    assert_non_null(strstr(le_pool_last_failure(rig->pool), "403"));
    rig_close(rig);
    raw_server_stop(server);
}

static void past_the_proxy(void **state)
{
    struct rig *rig = *state;
    static const struct raw_step steps[] = {{.bytes = HI}};
    struct raw_server *proxy = raw_server_start(steps, 1);
    use_proxy(proxy, "localhost");
    struct raw_server *server = start(rig, steps, 1, "localhost");
    rig_expect(rig, LE_OK, "hi");
    assert_int_equal(raw_server_connections(proxy), 0);
    rig_close(rig);
    raw_server_stop(server);
    raw_server_stop(proxy);
}

int main(void)
{
#define TEST(name)       cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
#define PROXY_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, forget_proxy)
    const struct CMUnitTest tests[] = {
        TEST(numeric_addresses),
        TEST(a_cancelled_numeric_address),
        TEST(names),
        TEST(not_a_name),
        TEST(a_cancelled_look_up),
        TEST(one_of_two_addresses),
        TEST(localhost),
        TEST(no_such_name),
        TEST(a_look_up_that_hangs),
        PROXY_TEST(through_a_proxy),
        PROXY_TEST(a_proxy_that_refuses),
        PROXY_TEST(past_the_proxy),
    };
    loop_thread = uv_thread_self();
    (void)alarm(280);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
