/* The store when connections that stand fail: while they are idle, in the middle of a statement. */
#include "pg_fixture.h"
#include "pg_proxy.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
    pg_world_set_url(&f.world, "postgres://postgres:%s@127.0.0.1:%d/%s", PG_CLUSTER_PASSWORD,
                     proxy.port, f.database);
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
    pg_world_set_url(&f.world, "postgres://postgres:%s@127.0.0.1:%d/%s", PG_CLUSTER_PASSWORD,
                     proxy.port, f.database);
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
    pg_world_run_unavailable(&f.world);
    assert_int_equal(f.world.port.up(f.world.port.self), 0);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "read-only"));
    set_read_only("off");
    pg_world_run_idle(&f.world, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(f.world.failed, 0);
    row_set_free(&rows);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trickling_network_is_enough),
        cmocka_unit_test(a_lost_answer_does_no_harm),
        cmocka_unit_test(interrupted_batches_are_stored_once),
        cmocka_unit_test(idle_connections_notice_their_end),
        cmocka_unit_test(a_read_only_server_is_waited_out),
        cmocka_unit_test(closing_at_any_moment),
        cmocka_unit_test(failing_memory_is_got_over),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
