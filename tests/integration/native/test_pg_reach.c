/* The store and connections that never stand, or not at first: refused, out of reach, silent, one
 * too many. */
#include "pg_fixture.h"
#include "pg_proxy.h"

#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef int look_up_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* No name server is asked for what cannot exist: without a network it takes its time. */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    static look_up_fn *_Atomic real;
    if (name != NULL && strstr(name, ".invalid") != NULL)
        return EAI_NONAME;
    look_up_fn *found = real;
    if (found == NULL) {
        *(void **)&found = dlsym(RTLD_NEXT, "getaddrinfo");
        real = found;
    }
    return found(name, service, hints, out);
}

/* Opens, and expects attempts that fail with these words, without an end. */
static void expect_unavailable(struct pg_world *world, const char *words)
{
    pg_world_open(world);
    pg_world_run_unavailable(world);
    assert_int_equal(world->ready, 0);
    assert_int_equal(world->failed, 0);
    assert_true(world->changed >= 2);
    if (strstr(le_store_last_failure(world->store), words) == NULL)
        fail_msg("%s", le_store_last_failure(world->store));
    assert_non_null(strstr(pg_log(), "event=database_unavailable"));
}

static void expect_refused(struct pg_world *world, const char *words)
{
    pg_world_open(world);
    pg_world_run_failed(world);
    if (strstr(le_store_last_failure(world->store), words) == NULL)
        fail_msg("%s", le_store_last_failure(world->store));
    pg_world_run_for(world, 50);
    assert_int_equal(world->failed, 1);
    assert_non_null(strstr(pg_log(), "event=database_refused"));
}

static void refusals_are_final(void **state)
{
    (void)state;
    struct pg_world world;
    pg_world_init(&world, &pg_server, "postgres");
    pg_world_set_url(&world, "postgres://postgres:battery-staple@127.0.0.1:%d/postgres",
                     pg_server.port);
    expect_refused(&world,
                   "user or password refused: check --database-url or PGPASSWORD (SQLSTATE 28P01)");
    assert_null(strstr(pg_log(), "battery"));
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    pg_world_set_url(&world, "postgres://postgres@127.0.0.1:%d/postgres?passfile=/nonexistent",
                     pg_server.port);
    expect_refused(&world, "asks for a password");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "no_such_database");
    expect_refused(&world, "SQLSTATE 3D000");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    pg_world_set_url(&world, "postgres://nobody:x@127.0.0.1:%d/postgres", pg_server.port);
    expect_refused(&world, "SQLSTATE 28P01");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    pg_world_set_url(&world, "host=127.0.0.1 port=%d user=postgres password=x sslmode=require",
                     pg_server.port);
    expect_refused(&world, "the server does not offer TLS");
    pg_world_close(&world);
}

static void malformed_settings_are_told_at_once(void **state)
{
    (void)state;
    static const char *const urls[] = {"mysql://user:hunter2@host/db", "host=a password='hunter2",
                                       "postgres://a:hunter2@h:99999/d", "host=a sslmode=hunter2",
                                       "host=a,b port=1,2,3 password=hunter2"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct pg_world world;
        pg_world_init(&world, &pg_server, "postgres");
        pg_world_set_url(&world, "%s", urls[i]);
        assert_int_equal(le_store_new(&world.config, &world.store), LE_ERR_CONFIG);
        assert_null(world.store);
        assert_non_null(strstr(pg_log(), "option=--database-url"));
        assert_null(strstr(pg_log(), "hunter2"));
        pg_world_close(&world);
    }
}

static void the_unreachable_is_tried_for_ever(void **state)
{
    (void)state;
    struct pg_world world;
    pg_world_init(&world, &pg_server, "postgres");
    pg_world_set_url(&world, "postgres://postgres@nowhere.invalid/postgres");
    expect_unavailable(&world, "nowhere.invalid:5432: the host name does not resolve");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    pg_world_set_url(&world, "host=%s/nothing user=postgres", pg_server.directory);
    expect_unavailable(&world, "no such socket");
    pg_world_close(&world);
}

static void a_server_that_comes_later(void **state)
{
    (void)state;
    struct pg_world world;
    char words[96];
    PQfinish(pg_admin);
    pg_admin = NULL;
    pg_cluster_stop(&pg_server);
    pg_world_init(&world, &pg_server, "postgres");
    snprintf(words, sizeof words, "127.0.0.1:%d: connection refused", pg_server.port);
    expect_unavailable(&world, words);
    assert_int_equal(world.port.up(world.port.self), 0);
    pg_server_restart();
    pg_world_run_ready(&world);
    assert_int_equal(le_store_failures_in_a_row(world.store), 0);
    assert_string_equal(le_store_last_failure(world.store), "");
    pg_world_close(&world);
    pg_exec(pg_admin, "DROP TABLE user_logins, loginetl_ledger");
}

static void unix_sockets(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    pg_world_set_url(&f.world, "host=%s port=%d user=postgres password=%s dbname=%s",
                     pg_server.directory, pg_server.port, PG_CLUSTER_PASSWORD, f.database);
    pg_fixture_ready(&f);
    assert_int_equal(
        pg_number(f.pg,
                  "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'loginetl' AND "
                  "client_addr IS NULL AND datname = current_database()"),
        1);
    pg_fixture_end(&f);
}

/* The first host takes the connection and never says a word; the second does not exist; the third
 * is the one. */
static void silent_hosts_are_passed_over(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct pg_proxy proxy;
    pg_fixture_begin(&f);
    pg_proxy_start(&proxy, pg_server.port);
    atomic_store(&proxy.mode, PG_PROXY_SILENT);
    pg_world_set_url(
        &f.world,
        "postgres://postgres:%s@localhost:%d,nowhere.invalid:5432,127.0.0.1:%d/%s?connect_timeout=1",
        PG_CLUSTER_PASSWORD, proxy.port, pg_server.port, f.database);
    pg_fixture_ready(&f);
    assert_non_null(strstr(pg_log(), "no answer within connect_timeout"));
    assert_non_null(strstr(pg_log(), "nowhere.invalid:5432"));
    pg_fixture_end(&f);
    pg_proxy_stop(&proxy);
}

static void too_many_connections_are_waited_out(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    char sql[128];
    pg_exec(
        f.pg,
        "DROP ROLE IF EXISTS few; CREATE ROLE few LOGIN PASSWORD 'f' CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO few");
    snprintf(sql, sizeof sql, "host=127.0.0.1 port=%d dbname=%s user=few password=f",
             pg_server.port, f.database);
    PGconn *other = PQconnectdb(sql);
    assert_int_equal(PQstatus(other), CONNECTION_OK);
    pg_world_set_url(&f.world, "%s", sql);
    f.world.config.connections = 1;
    expect_unavailable(&f.world, "SQLSTATE 53300");
    PQfinish(other);
    pg_world_run_ready(&f.world);
    pg_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_final),
        cmocka_unit_test(malformed_settings_are_told_at_once),
        cmocka_unit_test(the_unreachable_is_tried_for_ever),
        cmocka_unit_test(a_server_that_comes_later),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(silent_hosts_are_passed_over),
        cmocka_unit_test(too_many_connections_are_waited_out),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
