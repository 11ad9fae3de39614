/* The pipeline when the server ends statements before they are done, against the world of world.c.
 */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void run_until_deleted(struct world *world, uint64_t count)
{
    while (books_of(world)->deleted < count)
        world_step(world);
}

static void what_takes_too_long_is_cut_in_halves(void **state)
{
    static const size_t limits[] = {1, 2, 7, 50, 99};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        world_renew(state);
        struct world *world = *state;
        world->config.patience_ms = 20000; /* a drain's */
        world->faults.rows_in_time = limits[i];
        world_add_good(world, 1000);
        world_start(world);
        assert_int_equal(world_run(world, 100000), LE_OK);
        world_check_all_stored(world);
        assert_int_equal(books_of(world)->rejected, 0);
    }
}

/* Else each of them would find out anew, at the price of several time limits. */
static void later_batches_are_small_at_first(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    world->faults.rows_in_time = 25;
    world_add_good(world, 2000);
    world_start(world);
    run_until_deleted(world, 2000);
    /* With batches of 12 to 26 rows, a hundred or so, and seven more whenever they have grown too
     * large. */
    assert_in_range(world->submissions, 2000 / 25, 250);
    world_stop(world);
}

static void they_grow_again(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    world->config.batch_rows = 30;
    world->faults.rows_in_time = 2;
    world_add_good(world, 100);
    world_start(world);
    run_until_deleted(world, 100);
    world->largest_batch = 0;
    world->faults.rows_in_time = 0;
    world_add_good(world, 1000);
    run_until_deleted(world, 1100);
    assert_int_equal(world->largest_batch, 30);
    world_check_all_stored(world);
    world_stop(world);
}

/* It may have been a person. */
static void a_statement_cancelled_once_stays_whole(void **state)
{
    struct world *world = *state;
    world->config.lanes = 1;
    world->faults.cancel_commits = LE_UNCLEAR_TRIES - 1;
    world_add_good(world, 300);
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    world_check_all_stored(world);
    assert_int_equal(world->largest_batch, 100);
    assert_int_equal(world->pipeline->rows_max, 100);
}

/* Whoever holds a lock on it may go on with that for as long as he likes. */
static void a_row_that_is_always_too_slow_harms_nobody(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    world->faults.slow_rows = true;
    world_add_good(world, 30);
    struct world_message *slow = world_add(world, "{\"user_id\":\"slow\"}");
    world_add_good(world, 300);
    world_start(world);
    run_until_deleted(world, 330);
    while (world->now_ms < 3600 * 1000)
        world_step(world);
    assert_int_equal(books_of(world)->rejected, 0);
    assert_int_equal(slow->rows, 0);
    assert_int_equal(slow->receives, 1);
    assert_true(world->submissions < 1000); /* not in a tight loop */
    world->faults.slow_rows = false;
    run_until_deleted(world, 331);
    world_check_all_stored(world);
    world_stop(world);
}

static void a_drain_gives_up_when_no_row_is_in_time(void **state)
{
    struct world *world = *state;
    world->config.patience_ms = 20000;
    world->faults.cancel_commits = 1000000;
    world_add_good(world, 300);
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_ERR_DATABASE);
    assert_int_equal(books_of(world)->rejected, 0);
    assert_int_equal(books_of(world)->released, books_of(world)->received);
}

/* A time limit counts for nothing against a row that the table may refuse. */
static void a_time_limit_convicts_no_row(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    world->config.batch_rows = 1;
    world_add_good(world, 3);
    world_start(world);
    run_until_deleted(world, 3);
    world_add_good(world, 1);
    world->faults.cancel_commits = 3 * LE_UNCLEAR_TRIES;
    while (world->faults.cancel_commits > 0)
        world_step(world);
    world->faults.unclear_commits = true;
    uint64_t submissions = world->submissions;
    while (world->submissions < submissions + 2)
        world_step(world);
    world->faults.unclear_commits = false;
    run_until_deleted(world, 4);
    assert_int_equal(books_of(world)->rejected, 0);
    world_check_all_stored(world);
    world_stop(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(what_takes_too_long_is_cut_in_halves),
        WORLD(later_batches_are_small_at_first),
        WORLD(they_grow_again),
        WORLD(a_statement_cancelled_once_stays_whole),
        WORLD(a_row_that_is_always_too_slow_harms_nobody),
        WORLD(a_drain_gives_up_when_no_row_is_in_time),
        WORLD(a_time_limit_convicts_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
