/* The store when connections fail: before they stand, while they are idle, in the middle of a
 * statement. */
#include "pg_fixture.h"
#include "pg_proxy.h"

#include "loginetl/base/mem.h"

#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static bool has_failures(const void *what)
{
    return le_store_failures_in_a_row(((const struct pg_world *)what)->store) >= 2;
}

/* Opens, and expects attempts that fail with these words, without an end. */
static void expect_unavailable(struct pg_world *world, const char *words)
{
    pg_world_open(world);
    pg_world_run(world, has_failures, world);
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

static void set_url(struct pg_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void set_url(struct pg_world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(world->url, sizeof world->url, format, args);
    va_end(args);
}

static void refusals_are_final(void **state)
{
    (void)state;
    struct pg_world world;
    pg_world_init(&world, &pg_server, "postgres");
    set_url(&world, "postgres://postgres:battery-staple@127.0.0.1:%d/postgres", pg_server.port);
    expect_refused(&world, "password refused: check --database-url or PGPASSWORD (SQLSTATE 28P01)");
    assert_null(strstr(pg_log(), "battery"));
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    set_url(&world, "postgres://postgres@127.0.0.1:%d/postgres?passfile=/nonexistent",
            pg_server.port);
    expect_refused(&world, "asks for a password");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "no_such_database");
    expect_refused(&world, "SQLSTATE 3D000");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    set_url(&world, "postgres://nobody:x@127.0.0.1:%d/postgres", pg_server.port);
    expect_refused(&world, "SQLSTATE 28P01");
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
        set_url(&world, "%s", urls[i]);
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
    char words[96];
    pg_world_init(&world, &pg_server, "postgres");
    set_url(&world, "postgres://postgres@nowhere.invalid/postgres");
    expect_unavailable(&world, "nowhere.invalid:5432: the host name does not resolve");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    set_url(&world, "host=%s/nothing user=postgres", pg_server.directory);
    expect_unavailable(&world, "no such socket");
    pg_world_close(&world);

    pg_world_init(&world, &pg_server, "postgres");
    set_url(&world, "host=127.0.0.1 port=%d user=postgres password=x sslmode=require",
            pg_server.port);
    snprintf(words, sizeof words, "127.0.0.1:%d: the server does not offer TLS", pg_server.port);
    expect_unavailable(&world, words);
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
    set_url(&f.world, "host=%s port=%d user=postgres password=%s dbname=%s", pg_server.directory,
            pg_server.port, PG_CLUSTER_PASSWORD, f.database);
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
    set_url(
        &f.world,
        "postgres://postgres:%s@localhost:%d,nowhere.invalid:5432,127.0.0.1:%d/%s?connect_timeout=1",
        PG_CLUSTER_PASSWORD, proxy.port, pg_server.port, f.database);
    pg_fixture_ready(&f);
    assert_non_null(strstr(pg_log(), "no answer within connect_timeout"));
    assert_non_null(strstr(pg_log(), "nowhere.invalid:5432"));
    pg_fixture_end(&f);
    pg_proxy_stop(&proxy);
}

static void a_trickling_network_is_enough(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct pg_proxy proxy;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_proxy_start(&proxy, pg_server.port);
    atomic_store(&proxy.mode, PG_PROXY_TRICKLE);
    set_url(&f.world, "postgres://postgres:%s@127.0.0.1:%d/%s", PG_CLUSTER_PASSWORD, proxy.port,
            f.database);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 20, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 20);
    row_set_free(&rows);
    pg_fixture_end(&f);
    pg_proxy_stop(&proxy);
}

/* The statement commits, and its answer never comes. */
static void a_lost_answer_does_no_harm(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct pg_proxy proxy;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_proxy_start(&proxy, pg_server.port);
    set_url(&f.world, "postgres://postgres:%s@127.0.0.1:%d/%s", PG_CLUSTER_PASSWORD, proxy.port,
            f.database);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 500, 1);
    atomic_store(&proxy.mode, PG_PROXY_CUT_ANSWERS);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_RETRY);
    assert_int_equal(batch.op.err, LE_ERR_CLOSED);
    assert_int_equal(f.world.port.up(f.world.port.self), 0);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 500);
    atomic_store(&proxy.mode, PG_PROXY_PASS);
    pg_world_run_idle(&f.world, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 0);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 500);
    assert_int_equal(atomic_load(&proxy.cuts), 1);
    row_set_free(&rows);
    pg_fixture_end(&f);
    pg_proxy_stop(&proxy);
}

#define TERMINATE_SQL                                                                                        \
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'loginetl' AND " \
    "datname = current_database()"

/* Asked outside of the test's own transaction, which would be told the same again and again. */
static bool waits_for_lock(const struct pg_fixture *f)
{
    char sql[192];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'loginetl' AND "
             "datname = '%s' AND wait_event_type = 'Lock'",
             f->database);
    return pg_number(pg_admin, sql) > 0;
}

/* Holds the table, so that a batch is certainly under way, and does something to it. */
static void interrupt_batch(struct pg_fixture *f, struct pg_batch *batch,
                            const struct row_set *rows, void (*what)(struct pg_fixture *))
{
    pg_exec(f->pg, "BEGIN; LOCK TABLE user_logins");
    pg_world_submit(&f->world, batch, rows);
    for (int i = 0; !waits_for_lock(f); i++) {
        assert_true(i < 6000);
        pg_world_run_for(&f->world, 10);
    }
    assert_int_equal(batch->done, 0);
    what(f);
    pg_world_run_batch(&f->world, batch);
    assert_int_equal(batch->op.inserted, 0);
}

static void terminate(struct pg_fixture *f)
{
    assert_int_equal(pg_number(f->pg, TERMINATE_SQL), 2);
    pg_exec(f->pg, "COMMIT");
}

static void cancel(struct pg_fixture *f)
{
    pg_exec(
        f->pg,
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'loginetl' AND "
        "datname = current_database()");
    pg_exec(f->pg, "COMMIT");
}

static void crash(struct pg_fixture *f)
{
    pg_cluster_stop(&pg_server);
    pg_world_run_for(&f->world, 300);
    pg_server_restart();
    PQfinish(f->pg);
    f->pg = pg_cluster_connect(&pg_server, f->database);
}

static void interrupted_batches_are_stored_once(void **state)
{
    (void)state;
    static const struct {
        void (*interrupt)(struct pg_fixture *);
        enum le_store_outcome outcome;
    } interruptions[] = {
        {terminate, LE_STORE_RETRY}, {cancel, LE_STORE_TOO_SLOW}, {crash, LE_STORE_RETRY}};
    for (size_t i = 0; i < 3; i++) {
        struct pg_fixture f;
        struct row_set rows;
        struct pg_batch batch;
        pg_fixture_begin(&f);
        pg_fixture_ready(&f);
        pg_world_run_idle(&f.world, 2);
        pg_rows_now(&rows, 500, 1);
        interrupt_batch(&f, &batch, &rows, interruptions[i].interrupt);
        assert_int_equal(batch.op.outcome, interruptions[i].outcome);
        pg_world_run_idle(&f.world, 2);
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        assert_int_equal(batch.op.inserted, 500);
        assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 500);
        assert_int_equal(f.world.failed, 0);
        row_set_free(&rows);
        pg_fixture_end(&f);
    }
}

static bool is_down(const void *what)
{
    const struct pg_world *world = what;
    return world->port.up(world->port.self) == 0;
}

static void idle_connections_notice_their_end(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_world_run_idle(&f.world, 2);
    unsigned changed = f.world.changed;
    assert_int_equal(pg_number(f.pg, TERMINATE_SQL), 2);
    pg_world_run(&f.world, is_down, &f.world);
    assert_true(f.world.changed > changed);
    assert_non_null(strstr(pg_log(), "sqlstate=57P01"));
    pg_world_run_idle(&f.world, 2);
    assert_int_equal(f.world.failed, 0);
    pg_fixture_end(&f);
}

static bool is_told_to_new_sessions(const char *value)
{
    char sql[96];
    snprintf(sql, sizeof sql,
             "SELECT (current_setting('default_transaction_read_only') = '%s')::int", value);
    PGconn *fresh = pg_cluster_connect(&pg_server, "postgres");
    bool told = pg_number(fresh, sql) == 1;
    PQfinish(fresh);
    return told;
}

static void set_read_only(const char *value)
{
    char sql[96];
    snprintf(sql, sizeof sql, "ALTER SYSTEM SET default_transaction_read_only = %s", value);
    pg_exec(pg_admin, "SET default_transaction_read_only = off");
    pg_exec(pg_admin, sql);
    pg_exec(pg_admin, "SELECT pg_reload_conf()");
    /* The server tells its sessions before it takes new ones. */
    for (int i = 0; !is_told_to_new_sessions(value); i++) {
        assert_true(i < 6000);
        usleep(10000);
    }
}

/* As after a failover to a standby. */
static void a_read_only_server_is_waited_out(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    set_read_only("on");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_RETRY);
    assert_string_equal(batch.op.sqlstate, "25006");
    pg_world_run(&f.world, has_failures, &f.world);
    assert_int_equal(f.world.port.up(f.world.port.self), 0);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "read-only"));
    set_read_only("off");
    pg_world_run_idle(&f.world, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(f.world.failed, 0);
    row_set_free(&rows);
    pg_fixture_end(&f);
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
    set_url(&f.world, "%s", sql);
    f.world.config.connections = 1;
    expect_unavailable(&f.world, "SQLSTATE 53300");
    PQfinish(other);
    pg_world_run_ready(&f.world);
    pg_fixture_end(&f);
}

/* At every turn of the loop from the first to the last: nothing leaks, every submission is
 * answered. */
static void closing_at_any_moment(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    pg_fixture_begin(&f);
    pg_world_close(&f.world);
    pg_rows_now(&rows, 50, 1);
    for (int turns = 0; turns < 60; turns++) {
        struct pg_batch batch = {.done = 0};
        bool submitted = false;
        pg_fixture_second(&f, &f.world);
        pg_world_open(&f.world);
        for (int i = 0; i < turns; i++) {
            uv_run(&f.world.loop, UV_RUN_NOWAIT);
            usleep(500);
            if (!submitted && f.world.port.idle(f.world.port.self) > 0) {
                pg_world_submit(&f.world, &batch, &rows);
                submitted = true;
            }
        }
        pg_world_close(&f.world);
        assert_int_equal(batch.done, submitted);
    }
    assert_true(pg_number(f.pg, "SELECT count(*) FROM user_logins") <= 50);
    row_set_free(&rows);
    PQfinish(f.pg);
}

/* Has the failure that was asked for not happened yet? */
static bool failure_is_ahead(void)
{
    for (int i = 0; i < 1000; i++) {
        void *memory = le_alloc(1);
        if (memory == NULL)
            return true;
        le_free(memory);
    }
    return false;
}

static void store_while_memory_fails(struct pg_world *world, const struct row_set *rows)
{
    struct pg_batch batch;
    world->port = le_store_port(world->store);
    pg_world_run_ready(world);
    do
        pg_world_run_idle(world, 2);
    while (pg_world_store(world, &batch, rows) == LE_STORE_RETRY);
    assert_int_equal(batch.op.outcome, LE_STORE_COMMITTED);
}

/* Every allocation of ours fails once: the store either is not made, or gets over it. */
static void failing_memory_is_got_over(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    bool all = false;
    unsigned long nth = 1;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_world_close(&f.world);
    pg_rows_now(&rows, 50, 1);
    for (; !all && nth < 500; nth++) {
        pg_fixture_second(&f, &f.world);
        le_mem_fail_at(nth);
        enum le_err err = le_store_new(&f.world.config, &f.world.store);
        if (err == LE_OK)
            store_while_memory_fails(&f.world, &rows);
        else
            assert_int_equal(err, LE_ERR_NOMEM);
        all = failure_is_ahead();
        le_mem_fail_at(0);
        pg_world_close(&f.world);
    }
    assert_true(all && nth > 20);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 50);
    row_set_free(&rows);
    PQfinish(f.pg);
}

static void no_secret_is_logged(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_null(strstr(pg_log(), PG_CLUSTER_PASSWORD));
    assert_null(strstr(pg_log(), "user-"));
    assert_non_null(strstr(pg_log(), "event=database_connected"));
    row_set_free(&rows);
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
        cmocka_unit_test(a_trickling_network_is_enough),
        cmocka_unit_test(a_lost_answer_does_no_harm),
        cmocka_unit_test(interrupted_batches_are_stored_once),
        cmocka_unit_test(idle_connections_notice_their_end),
        cmocka_unit_test(a_read_only_server_is_waited_out),
        cmocka_unit_test(too_many_connections_are_waited_out),
        cmocka_unit_test(closing_at_any_moment),
        cmocka_unit_test(failing_memory_is_got_over),
        cmocka_unit_test(no_secret_is_logged),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
