/* When a drain is over, and what is let go, against the world of world.c. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- the last word ---- */

/* One receive has said that the queue is empty, and the last one that is open, a long poll, is
 * still to answer. */
static void run_until_last_receive(struct world *world, int64_t poll_ms, uint64_t deleted)
{
    while (!(world->pipeline->seen_empty && world->receives_now > 0))
        world_step(world);
    while (world->receives_now > 1)
        world_step(world);
    for (size_t i = 0; i < world->pending_count; i++)
        if (world->pending[i].kind == WORLD_RECEIVE)
            world->pending[i].due_ms += poll_ms;
    while (books_of(world)->deleted < deleted)
        world_step(world);
    assert_int_equal(world->receives_now, 1);
}

static void a_drain_ends_with_an_answer_and_not_with_a_failure(void **state)
{
    static const enum le_err failures[] = {LE_ERR_TIMEOUT, LE_ERR_CLOSED, LE_ERR_NOMEM,
                                           LE_ERR_SERVICE, LE_ERR_CONNECT};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        world_renew(state);
        struct world *world = *state;
        world->config.patience_ms = 20000;
        world_add_good(world, 300);
        world_start(world);
        run_until_last_receive(world, 1000, world->count);
        uint64_t requests = world->receive_requests;
        world->faults.fail_receives = 1;
        world->faults.receive_err = failures[i];
        assert_int_equal(world_run(world, 100000), LE_OK);
        assert_int_equal(world->faults.fail_receives, 0);
        assert_true(world->receive_requests > requests);
        world_check_all_stored(world);
    }
}

/* ---- what is hidden ---- */

static void a_drain_waits_for_damaged_bodies_that_it_let_go(void **state)
{
    struct world *world = *state;
    world_add_good(world, 25);
    world->faults.damaged_bodies = 3;
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(books_of(world)->released, 3);
    world_check_all_stored(world);
    assert_in_range(world->now_ms, 60000, 70000);
}

static void a_drain_waits_for_what_it_had_no_memory_for(void **state)
{
    struct world *world = *state;
    world_add_good(world, 25);
    world->faults.starved_answers = 2;
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(books_of(world)->released, 2);
    world_check_all_stored(world);
    assert_in_range(world->now_ms, 60000, 70000);
}

static void a_body_that_is_damaged_each_time_keeps_no_drain_for_ever(void **state)
{
    struct world *world = *state;
    world_add_good(world, 3);
    world->faults.damaged_bodies = UINT32_MAX;
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    for (size_t i = 0; i < world->count; i++) {
        assert_int_equal(world->messages[i].receives, 1 + LE_LET_GO_WAITS_MAX);
        assert_false(world->messages[i].deleted);
    }
}

/* The queue always has one more for it. */
static void keep_busy(struct world *world, int64_t until_ms)
{
    while (world->now_ms < until_ms) {
        if (world->messages[world->count - 1].receives > 0)
            world_add_good(world, 1);
        world_step(world);
    }
}

/* What came back while others kept it busy has not made it wait. */
static void a_long_drain_waits_for_what_it_let_go_last(void **state)
{
    struct world *world = *state;
    world->config.concurrency = 1;
    world->config.visibility_s = 5;
    world->faults.answer_takes_ms = 500;
    world_add_good(world, 1);
    world_start(world);
    for (unsigned i = 1; i <= LE_LET_GO_WAITS_MAX + 1; i++) {
        world->faults.damaged_bodies = 1;
        while (books_of(world)->released < i)
            keep_busy(world, world->now_ms + 500);
        if (i <= LE_LET_GO_WAITS_MAX)
            keep_busy(world, world->now_ms + 20000);
    }
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(books_of(world)->released, 1 + LE_LET_GO_WAITS_MAX);
    world_check_all_stored(world);
}

/* A receive that is open when the leases end, and brings nothing, has not looked for them. */
static void a_wait_that_no_look_has_ended_is_none(void **state)
{
    struct world *world = *state;
    world_add_good(world, 300);
    world->faults.damaged_bodies = 1;
    world_start(world);
    run_until_last_receive(world, 70000, world->count - 1);
    world->faults.damaged_bodies = UINT32_MAX;
    world->faults.fail_receives = 1;
    world->faults.receive_err = LE_ERR_TIMEOUT;
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(world->messages[0].receives, 2 + LE_LET_GO_WAITS_MAX);
}

/* With a visibility timeout of twelve hours a lost answer hides its messages for as long: they are
 * the next drain's. */
static void a_drain_does_not_wait_for_hours(void **state)
{
    struct world *world = *state;
    world_add_good(world, 25);
    world->config.visibility_s = 43200;
    world->faults.lost_answers = 1;
    world->faults.receive_err = LE_ERR_CLOSED;
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_in_range(world->now_ms, LE_HIDDEN_WAIT_MAX_MS, LE_HIDDEN_WAIT_MAX_MS + 10000);
    assert_int_equal(books_of(world)->deleted, 15);
}

/* ---- patience ---- */

/* It waits for a damaged body's lease; the other message is deleted, and an extension of it is
 * still to be answered, which nobody sends again. */
static void run_until_extension_is_late(struct world *world)
{
    world->config.patience_ms = 20000;
    world_add_good(world, 2);
    world->faults.damaged_bodies = 1;
    world->faults.hold_commits = world->faults.hold_extends = true;
    world_start(world);
    while (world->pipeline->extends == 0)
        world_step(world);
    world->faults.hold_commits = false;
    while (books_of(world)->deleted < 1)
        world_step(world);
}

static void a_drain_that_waits_for_leases_asks_a_queue_that_failed(void **state)
{
    struct world *world = *state;
    run_until_extension_is_late(world);
    uint64_t requests = world->receive_requests;
    world->faults.fail_extends = 1;
    world->faults.hold_extends = false;
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(world->faults.fail_extends, 0);
    assert_true(world->receive_requests > requests + 1);
    world_check_all_stored(world);
}

/* One message is given up when its last delete fails, and the other one's row is with the store for
 * an hour. */
static void a_drain_that_waits_for_its_store_asks_a_queue_that_failed(void **state)
{
    struct world *world = *state;
    world->config.patience_ms = 20000;
    world->config.visibility_s = 43200;
    world->faults.failed_entries = LE_TRIES_MAX - 1;
    world->faults.entry_outcome = LE_ENTRY_RETRY;
    world->faults.hold_commits = true;
    world_add_good(world, 2);
    world->messages[1].visible_at_ms = world->now_ms + 6; /* the second receive's */
    world_start(world);
    while (world->submissions < 2)
        world_step(world);
    assert_int_equal(world->pending[world->pending_count - 1].kind, WORLD_SUBMIT);
    world->pending[world->pending_count - 1].due_ms += 3600000;
    world->faults.hold_commits = false;
    while (world->faults.failed_entries > 0)
        world_step(world);
    world->faults.fail_deletes = 1;
    world->faults.delete_err = LE_ERR_SERVICE;
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(world->faults.fail_deletes, 0);
    assert_int_equal(books_of(world)->inserted, 2);
    assert_int_equal(books_of(world)->delete_failed, 1);
    assert_true(world->messages[1].deleted);
}

/* It does not ask for ever. */
static void a_drain_that_waits_gives_up_on_a_queue_that_goes_on_failing(void **state)
{
    struct world *world = *state;
    run_until_extension_is_late(world);
    int64_t from_ms = world->now_ms;
    world->faults.fail_extends = 1;
    world->faults.fail_receives = UINT32_MAX;
    world->faults.receive_err = LE_ERR_SERVICE;
    world->faults.hold_extends = false;
    assert_int_equal(world_run(world, 10000), LE_ERR_SERVICE);
    assert_in_range(world->now_ms - from_ms, 20000, 21000);
}

/* ---- lack of memory ---- */

static void lack_of_memory_is_told_once_a_minute(void **state)
{
    struct world *world = *state;
    world_watch_log(world, "event=out_of_memory");
    world->config.drain = false;
    world->config.visibility_s = 1;
    world_start(world);
    world_add_good(world, 1);
    world->faults.starved_answers = UINT32_MAX;
    while (world->now_ms < 10 * LE_STARVED_LOG_MS)
        world_step(world);
    assert_true(books_of(world)->released > 100);
    assert_in_range(world->log_lines, 9, 10);
    world->faults.starved_answers = 0;
    while (books_of(world)->deleted < 1)
        world_step(world);
    world_check_all_stored(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(a_drain_ends_with_an_answer_and_not_with_a_failure),
        WORLD(a_drain_waits_for_damaged_bodies_that_it_let_go),
        WORLD(a_drain_waits_for_what_it_had_no_memory_for),
        WORLD(a_body_that_is_damaged_each_time_keeps_no_drain_for_ever),
        WORLD(a_long_drain_waits_for_what_it_let_go_last),
        WORLD(a_wait_that_no_look_has_ended_is_none),
        WORLD(a_drain_does_not_wait_for_hours),
        WORLD(a_drain_that_waits_for_leases_asks_a_queue_that_failed),
        WORLD(a_drain_that_waits_for_its_store_asks_a_queue_that_failed),
        WORLD(a_drain_that_waits_gives_up_on_a_queue_that_goes_on_failing),
        WORLD(lack_of_memory_is_told_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
