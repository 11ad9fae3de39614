/* Memory that fails in the store, for good or every now and then: it is not made, or it gets over
 * it as soon as there is memory again, and no row is there twice. */
#include "live_blocks.h"
#include "loginetl/base/mem.h"
#include "pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NTH_MAX 500
#define ROWS    50

static struct pg_fixture fixture;
static struct row_set rows;

static int set_up(void **state)
{
    (void)state;
    pg_fixture_begin(&fixture);
    pg_fixture_ready(&fixture);
    pg_world_close(&fixture.world);
    assert_no_live_blocks();
    pg_rows_now(&rows, ROWS, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    row_set_free(&rows);
    PQfinish(fixture.pg);
    return 0;
}

static bool failed_or_idle(const void *world)
{
    const struct pg_world *of = world;
    return le_mem_failures() > 0 || of->port.idle(of->port.self) == 2;
}

/* With memory. The ledger knows the rows from the second time on. */
static void store_after_all(struct pg_world *world)
{
    struct pg_batch batch;
    pg_world_run_ready(world);
    do
        pg_world_run_idle(world, 2);
    while (pg_world_store(world, &batch, &rows) == LE_STORE_RETRY);
    assert_int_equal(batch.op.outcome, LE_STORE_COMMITTED);
}

/* While it fails: as far as it gets, and a little longer. */
static void store_without_memory(struct pg_world *world)
{
    struct pg_batch batch;
    pg_world_run(world, failed_or_idle, world);
    if (world->port.idle(world->port.self) > 0) {
        enum le_store_outcome outcome = pg_world_store(world, &batch, &rows);
        assert_true(outcome == LE_STORE_COMMITTED || outcome == LE_STORE_RETRY);
    }
    pg_world_run_for(world, 20);
    assert_int_equal(world->failed, 0);
}

/* How many allocations failed. */
static unsigned long store_with(void (*plan)(unsigned long), unsigned long nth)
{
    pg_fixture_second(&fixture, &fixture.world);
    plan(nth);
    enum le_err err = le_store_new(&fixture.world.config, &fixture.world.store);
    if (err == LE_OK) {
        fixture.world.port = le_store_port(fixture.world.store);
        store_without_memory(&fixture.world);
    }
    unsigned long failures = le_mem_failures();
    le_mem_fail_at(0);
    assert_true(err == LE_OK || err == LE_ERR_NOMEM);
    if (err == LE_OK)
        store_after_all(&fixture.world);
    pg_world_close(&fixture.world);
    assert_no_live_blocks();
    return failures;
}

static void check_rows(void)
{
    assert_int_equal(pg_number(fixture.pg, "SELECT count(*) FROM user_logins"), ROWS);
    assert_int_equal(pg_number(fixture.pg, "SELECT count(*) FROM loginetl_ledger"), ROWS);
}

static void all_from_one_on_fail(void **state)
{
    unsigned long nth = 1;
    (void)state;
    while (store_with(le_mem_fail_from, nth) > 0) {
        nth++;
        assert_true(nth < NTH_MAX);
    }
    print_message("%lu allocations\n", nth - 1);
    assert_true(nth > 20);
    check_rows();
}

static void every_so_many_fail(void **state)
{
    (void)state;
    for (unsigned long every = 2; every < 40; every += 3)
        assert_true(store_with(le_mem_fail_every, every) > 0);
    check_rows();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_from_one_on_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_so_many_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
