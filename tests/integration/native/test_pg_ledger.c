/* The ledger's upkeep: partitions come and go, and nothing that is in their way stops the store. */
#include "pg_fixture.h"

#include "../../../src/pg/store_internal.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/pg/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CHILDREN_SQL \
    "SELECT count(*) FROM pg_inherits WHERE inhparent = 'loginetl_ledger'::regclass"
#define ALL_CHILDREN (15 + 1 + 2 + 1)

static int64_t today(void)
{
    return pg_now_ms() / LE_MS_PER_DAY;
}

static void add_partition(PGconn *pg, int64_t day)
{
    char name[LE_PARTITION_NAME_SIZE];
    char sql[320];
    struct le_civil from, to;
    le_schema_partition_name(day, name);
    le_civil_from_ms(day * LE_MS_PER_DAY, &from);
    le_civil_from_ms((day + 1) * LE_MS_PER_DAY, &to);
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE %s PARTITION OF loginetl_ledger FOR VALUES FROM ('%04d-%02d-%02d 00:00:00+00') TO "
        "('%04d-%02d-%02d 00:00:00+00')",
        name, from.year, from.month, from.day, to.year, to.month, to.day);
    pg_exec(pg, sql);
}

static void drop_partition(PGconn *pg, int64_t day)
{
    char name[LE_PARTITION_NAME_SIZE];
    char sql[64];
    le_schema_partition_name(day, name);
    snprintf(sql, sizeof sql, "DROP TABLE %s", name);
    pg_exec(pg, sql);
}

static bool has_partition(PGconn *pg, int64_t day)
{
    char name[LE_PARTITION_NAME_SIZE];
    char sql[160];
    le_schema_partition_name(day, name);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_inherits WHERE inhparent = 'loginetl_ledger'::regclass AND "
             "inhrelid = to_regclass('%s')",
             name);
    return pg_number(pg, sql) == 1;
}

/* Tables as the store makes them, and nobody at work on them. */
static void begin_with_tables(struct pg_fixture *f)
{
    pg_fixture_begin(f);
    pg_fixture_ready(f);
    pg_world_close(&f->world);
    assert_int_equal(pg_number(f->pg, CHILDREN_SQL), ALL_CHILDREN);
    pg_fixture_second(f, &f->world);
}

static void partition_names(void **state)
{
    (void)state;
    char name[LE_PARTITION_NAME_SIZE];
    int64_t day = 0;
    le_schema_partition_name(19782, name);
    assert_string_equal(name, "loginetl_ledger_20240229");
    assert_true(le_schema_partition_day(name, &day));
    assert_int_equal(day, 19782);
    static const char *const others[] = {"loginetl_ledger_default",  "loginetl_ledger_20230229",
                                         "loginetl_ledger_2024022",  "loginetl_ledger_202402290",
                                         "loginetl_ledger_20241301", "user_logins",
                                         "loginetl_ledger_2024-2-1", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(le_schema_partition_day(others[i], &day));
}

static void missing_days_are_made_and_old_ones_dropped(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    int64_t day = today();
    drop_partition(f.pg, day + 2);
    drop_partition(f.pg, day);
    drop_partition(f.pg, day - 15);
    add_partition(f.pg, day - 16);
    add_partition(f.pg, day - 400);
    pg_exec(
        f.pg,
        "CREATE TABLE by_hand PARTITION OF loginetl_ledger FOR VALUES FROM ('2001-01-01') TO ('2002-01-01')");
    pg_fixture_ready(&f);
    assert_true(has_partition(f.pg, day + 2) && has_partition(f.pg, day) &&
                has_partition(f.pg, day - 15));
    assert_false(has_partition(f.pg, day - 16) || has_partition(f.pg, day - 400));
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM by_hand"), 0);
    assert_int_equal(pg_number(f.pg, CHILDREN_SQL), ALL_CHILDREN + 1);
    pg_fixture_end(&f);
}

static void a_narrow_window_keeps_less(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    int64_t day = today();
    f.world.config.window_days = 3;
    pg_fixture_ready(&f);
    assert_true(has_partition(f.pg, day - 3));
    assert_false(has_partition(f.pg, day - 4));
    assert_int_equal(pg_number(f.pg, CHILDREN_SQL), 3 + 1 + 2 + 1);
    pg_fixture_end(&f);
}

/* A clock that is wrong here must not make anything be forgotten. */
static void a_fast_clock_drops_nothing(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    int64_t day = today();
    f.world.wall_ms = pg_now_ms() + 2 * LE_MS_PER_DAY;
    pg_fixture_ready(&f);
    assert_true(has_partition(f.pg, day - 15) && has_partition(f.pg, day + 4));
    pg_world_close(&f.world);

    pg_fixture_second(&f, &f.world);
    f.world.wall_ms = pg_now_ms() + 100 * LE_MS_PER_DAY;
    pg_fixture_ready(&f);
    assert_true(has_partition(f.pg, day - 15));
    assert_false(has_partition(f.pg, day + 100));
    assert_non_null(strstr(pg_log(), "event=clocks_apart"));
    pg_fixture_end(&f);
}

/* Nor the database's, when it is far ahead of ours. */
static void a_database_clock_far_ahead_drops_nothing(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    int64_t day = today();
    add_partition(f.pg, day - 16);
    pg_exec(
        f.pg,
        "INSERT INTO loginetl_ledger VALUES (now() - interval '20 days', '00000000-0000-0000-0000-0000000000ff')");
    f.world.wall_ms = pg_now_ms() - 100 * LE_MS_PER_DAY;
    pg_fixture_ready(&f);
    assert_true(has_partition(f.pg, day - 16) && has_partition(f.pg, day + 2));
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM loginetl_ledger_default"), 1);
    assert_non_null(strstr(pg_log(), "event=clocks_apart"));
    pg_fixture_end(&f);
}

static void rows_in_the_default_partition_stop_nothing(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    begin_with_tables(&f);
    int64_t day = today();
    drop_partition(f.pg, day);
    drop_partition(f.pg, day + 1);
    pg_exec(f.pg,
            "INSERT INTO loginetl_ledger VALUES (now(), '00000000-0000-0000-0000-0000000000ff')");
    pg_fixture_ready(&f);
    assert_false(has_partition(f.pg, day));
    assert_true(has_partition(f.pg, day + 1));
    pg_rows_now(&rows, 10, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 10);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 0);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void old_rows_leave_the_default_partition(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    pg_exec(
        f.pg,
        "INSERT INTO loginetl_ledger SELECT now() - interval '20 days' - i * interval '1 hour', gen_random_uuid() "
        "FROM generate_series(1, 100) i");
    pg_exec(
        f.pg,
        "INSERT INTO loginetl_ledger SELECT to_timestamp(0), gen_random_uuid() FROM generate_series(1, 7)");
    pg_exec(
        f.pg,
        "INSERT INTO loginetl_ledger SELECT now() + interval '20 days', gen_random_uuid() FROM generate_series(1, 3)");
    pg_fixture_ready(&f);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM loginetl_ledger_default"), 7 + 3);
    pg_fixture_end(&f);
}

/* Somebody holds an open insert: making partitions does not wait for it, dropping does not wait for
 * long. */
static void an_open_insert_delays_only_the_drop(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    begin_with_tables(&f);
    int64_t day = today();
    drop_partition(f.pg, day + 1);
    add_partition(f.pg, day - 20);
    pg_exec(
        f.pg,
        "BEGIN; INSERT INTO loginetl_ledger VALUES (now(), '00000000-0000-0000-0000-0000000000ff')");
    pg_fixture_ready(&f);
    assert_non_null(strstr(pg_log(), "sqlstate=55P03"));
    pg_rows_now(&rows, 10, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    pg_exec(f.pg, "COMMIT");
    assert_true(has_partition(f.pg, day + 1) && has_partition(f.pg, day - 20));
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static bool upkeep_is_over(const void *what)
{
    const struct le_store *store = what;
    for (unsigned i = 0; i < store->config.connections; i++) {
        if (store->lanes[i].upkeep)
            return false;
    }
    return !store->upkeep_due && uv_is_active((const uv_handle_t *)&store->upkeep_timer);
}

static void end_sessions(const struct pg_fixture *f)
{
    pg_exec(
        f->pg,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'loginetl' AND "
        "datname = current_database()");
}

static bool was_told_ready(const void *what)
{
    return ((const struct pg_world *)what)->ready > 0;
}

/* Rows of a day that has no partition yet would go into the default one, and keep the day's
 * partition away: no connection takes a statement before the first upkeep, but the queue may be
 * asked meanwhile. */
static void the_first_upkeep_keeps_statements_waiting(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    int64_t day = today();
    drop_partition(f.pg, day);
    pg_world_open(&f.world);
    struct le_store *store = f.world.store;
    pg_world_run(&f.world, was_told_ready, &f.world);
    assert_true(store->lanes[0].upkeep);
    assert_int_equal(f.world.port.up(f.world.port.self), 1);
    assert_int_equal(f.world.port.idle(f.world.port.self), 0);
    assert_false(store->others_started);
    pg_world_run_ready(&f.world);
    assert_true(has_partition(f.pg, day));
    pg_world_run_idle(&f.world, 2);
    pg_fixture_end(&f);
}

/* … and when it is cut off, the others come all the same. */
static void a_first_upkeep_that_is_cut_off(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    pg_world_open(&f.world);
    struct le_store *store = f.world.store;
    pg_world_run(&f.world, was_told_ready, &f.world);
    assert_true(store->lanes[0].upkeep);
    end_sessions(&f);
    pg_world_run_idle(&f.world, 2);
    assert_true(uv_is_active((const uv_handle_t *)&store->upkeep_timer));
    pg_fixture_end(&f);
}

/* … unless the database wants none of us any more: to be told so once is enough. */
static void a_first_upkeep_whose_user_is_refused(void **state)
{
    (void)state;
    struct pg_fixture f;
    begin_with_tables(&f);
    pg_exec(f.pg,
            "DROP ROLE IF EXISTS fickle; CREATE ROLE fickle LOGIN SUPERUSER PASSWORD 'first'");
    pg_world_set_url(&f.world, "postgres://fickle:first@127.0.0.1:%d/%s", pg_server.port,
                     f.database);
    pg_world_open(&f.world);
    struct le_store *store = f.world.store;
    pg_world_run(&f.world, was_told_ready, &f.world);
    assert_true(store->lanes[0].upkeep);
    pg_exec(f.pg, "ALTER ROLE fickle PASSWORD 'second'");
    end_sessions(&f);
    pg_world_run_failed(&f.world);
    assert_int_equal(f.world.failed, 1);
    assert_false(store->others_started);
    pg_fixture_end(&f);
}

/* The hour has come while a single connection is busy: a batch, the upkeep, and batches again. */
static void upkeep_takes_its_turn(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    struct le_store *store = f.world.store;
    int64_t day = today();
    add_partition(f.pg, day - 30);
    drop_partition(f.pg, day + 2);
    assert_true(uv_is_active((uv_handle_t *)&store->upkeep_timer));
    assert_true(uv_timer_get_due_in(&store->upkeep_timer) > 3500000);
    pg_rows_now(&rows, 100, 1);
    pg_world_submit(&f.world, &batch, &rows);
    uv_timer_cb due = store->upkeep_timer.timer_cb;
    uv_timer_stop(&store->upkeep_timer);
    due(&store->upkeep_timer);
    assert_true(store->upkeep_due);
    pg_world_run_batch(&f.world, &batch);
    assert_int_equal(batch.op.outcome, LE_STORE_COMMITTED);
    assert_int_equal(f.world.port.idle(f.world.port.self), 0);
    pg_world_run(&f.world, upkeep_is_over, store);
    assert_int_equal(f.world.port.idle(f.world.port.self), 1);
    assert_true(has_partition(f.pg, day + 2));
    assert_false(has_partition(f.pg, day - 30));
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 0);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

/* The connection is lost while it keeps up the ledger. */
static void upkeep_survives_a_lost_connection(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    struct le_store *store = f.world.store;
    int64_t day = today();
    drop_partition(f.pg, day + 2);
    pg_exec(f.pg, "BEGIN; LOCK TABLE loginetl_ledger");
    uv_timer_cb due = store->upkeep_timer.timer_cb;
    uv_timer_stop(&store->upkeep_timer);
    due(&store->upkeep_timer);
    assert_true(store->lanes[0].upkeep);
    pg_world_run_for(&f.world, 100);
    end_sessions(&f);
    pg_exec(f.pg, "COMMIT");
    pg_world_run(&f.world, upkeep_is_over, store);
    assert_true(uv_timer_get_due_in(&store->upkeep_timer) <= 66000);
    pg_world_run_idle(&f.world, 1);
    pg_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partition_names),
        cmocka_unit_test(missing_days_are_made_and_old_ones_dropped),
        cmocka_unit_test(a_narrow_window_keeps_less),
        cmocka_unit_test(a_fast_clock_drops_nothing),
        cmocka_unit_test(a_database_clock_far_ahead_drops_nothing),
        cmocka_unit_test(rows_in_the_default_partition_stop_nothing),
        cmocka_unit_test(old_rows_leave_the_default_partition),
        cmocka_unit_test(an_open_insert_delays_only_the_drop),
        cmocka_unit_test(the_first_upkeep_keeps_statements_waiting),
        cmocka_unit_test(a_first_upkeep_that_is_cut_off),
        cmocka_unit_test(a_first_upkeep_whose_user_is_refused),
        cmocka_unit_test(upkeep_takes_its_turn),
        cmocka_unit_test(upkeep_survives_a_lost_connection),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
