/* The pipeline's policy, against the world of world.c. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void drains_an_empty_queue(void **state)
{
    struct world *world = *state;
    world_start(world);
    assert_int_equal(world_run(world, 100), LE_OK);
    assert_int_equal(books_of(world)->received, 0);
}

static void stores_and_deletes_every_message(void **state)
{
    struct world *world = *state;
    world_add_good(world, 1234);
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    assert_int_equal(books_of(world)->received, 1234);
    assert_int_equal(books_of(world)->inserted, 1234);
    assert_int_equal(books_of(world)->deleted, 1234);
    /* Batches of ten are full but for the stragglers. */
    assert_true(world->delete_requests < 140);
}

static void receivers_grow_with_the_load_and_never_past_the_limit(void **state)
{
    struct world *world = *state;
    world_add_good(world, 2000);
    world_start(world);
    world_step(world);
    assert_int_equal(world->receives_most, 1); /* a scout first */
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_int_equal(world->receives_most, world->config.concurrency);
}

static void check_receivers(void **state, size_t in_answer, unsigned concurrency, unsigned expected)
{
    world_renew(state);
    struct world *world = *state;
    world_add_good(world, 200);
    world->faults.most_in_answer = in_answer;
    world->config.concurrency = concurrency;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_int_equal(world->receives_most, expected);
}

/* Messages that had to wait for each other call for more receivers, but not for all of them. */
static void a_few_receivers_take_what_comes_between_answers(void **state)
{
    check_receivers(state, 1, 8, 1);
    check_receivers(state, 2, 8, 3);
    check_receivers(state, 9, 8, 3);
    check_receivers(state, 10, 8, 8);
    check_receivers(state, 2, 2, 2);
    check_receivers(state, 2, 1, 1);
}

static void run_until_received(struct world *world, uint64_t count)
{
    while (books_of(world)->received < count)
        world_step(world);
}

/* After a backlog there are as many as may be; while messages come one by one no poll ends empty,
 * and each message would have a request of its own for ever. */
static void lone_messages_do_not_keep_more_than_a_few_receivers(void **state)
{
    struct world *world = *state;
    world_add_good(world, 400);
    world_start(world);
    run_until_received(world, 200);
    assert_int_equal(world->pipeline->receivers, world->config.concurrency);
    world->faults.most_in_answer = 2;
    run_until_received(world, 300);
    assert_int_equal(world->pipeline->receivers, world->config.concurrency);
    world->faults.most_in_answer = 1;
    run_until_received(world, 350);
    assert_int_equal(world->pipeline->receivers, LE_RECEIVERS_FEW);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

/* One each 30 ms. Requests are paid for. */
static void lone_messages_are_deleted_in_company(void **state)
{
    struct world *world = *state;
    world_add_good(world, 60);
    world->faults.most_in_answer = 1;
    world->faults.answer_takes_ms = 25;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    assert_int_equal(books_of(world)->deleted, 60);
    assert_true(world->delete_requests <= 20);
}

static void batches_gather_while_the_store_is_busy(void **state)
{
    struct world *world = *state;
    world_add_good(world, 1000);
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_true(world->largest_batch > 20 && world->largest_batch <= world->config.batch_rows);
}

static void a_copy_in_the_same_answer_is_one_row(void **state)
{
    struct world *world = *state;
    world_add_good(world, 60);
    world->faults.twice_in_answer = true;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    assert_int_equal(books_of(world)->received, 120);
    assert_int_equal(books_of(world)->inserted, 60);
    assert_int_equal(books_of(world)->duplicate, 60);
    assert_int_equal(world->stale_deletes, 0); /* the newest handle was used */
}

static void a_copy_that_was_overtaken_does_not_bring_its_handle(void **state)
{
    struct world *world = *state;
    world_add_good(world, 60);
    world->faults.twice_in_answer = world->faults.newest_first = true;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    assert_int_equal(world->stale_deletes, 0);
    assert_int_equal(books_of(world)->duplicate, 60);
}

static void receiving_waits_for_deletes_that_are_behind(void **state)
{
    struct world *world = *state;
    struct le_pipeline_gauges gauges = {0};
    world_add_good(world, 4000);
    world->faults.hold_deletes = true;
    world_start(world);
    for (int step = 0; step < 3000; step++)
        world_step(world);
    le_pipeline_gauges(world->pipeline, &gauges);
    assert_in_range(gauges.deleting, 160,
                    160 + 80 + 100); /* the bound, receives, rows on their way */
    world->faults.hold_deletes = false;
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void a_copy_in_a_later_answer_is_one_row_and_its_handle_deletes(void **state)
{
    struct world *world = *state;
    world_add_good(world, 10);
    world->faults.never_hide = true;
    world_start(world);
    for (int step = 0; step < 40; step++)
        world_step(world);
    world->faults.never_hide = false;
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    assert_true(books_of(world)->duplicate > 0);
}

static void a_copy_during_its_deletion_is_deleted_again_with_the_new_handle(void **state)
{
    struct world *world = *state;
    world_add_good(world, 1);
    world->config.drain = false;
    world->faults.hold_deletes = true;
    world_start(world);
    while (world->delete_requests == 0)
        world_step(world);
    world->messages[0].visible_at_ms = 0;
    while (books_of(world)->duplicate == 0)
        world_step(world);
    world->faults.hold_deletes = false;
    while (!world->messages[0].deleted)
        world_step(world);
    assert_int_equal(world->stale_deletes, 1);
    assert_int_equal(world->delete_requests, 2);
    assert_int_equal(world->messages[0].rows, 1);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 1000), LE_OK);
}

static void a_lost_commit_answer_makes_no_second_row(void **state)
{
    struct world *world = *state;
    world_add_good(world, 50);
    world->faults.fail_commits = 3;
    world->faults.fail_commits_stored = true;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void failed_delete_entries_are_tried_again(void **state)
{
    struct world *world = *state;
    world_add_good(world, 100);
    world->faults.failed_entries = 37;
    world->faults.entry_outcome = LE_ENTRY_RETRY;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    assert_int_equal(books_of(world)->deleted, 100);
}

static void failed_delete_requests_are_tried_again(void **state)
{
    struct world *world = *state;
    world_add_good(world, 100);
    world->faults.fail_deletes = 5;
    world->faults.delete_err = LE_ERR_TIMEOUT;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

/* Tries that follow each other at once would be used up in a second. */
static void entries_that_fail_for_a_while_are_not_given_up(void **state)
{
    struct world *world = *state;
    world_add_good(world, 10);
    struct world_message *bad = world_add(world, "[]");
    world->config.drain = false;
    world->faults.failed_entries = world->faults.fail_dead_letters = 1000000;
    world->faults.entry_outcome = LE_ENTRY_RETRY;
    world_start(world);
    while (world->now_ms < 20000)
        world_step(world);
    world->faults.failed_entries = world->faults.fail_dead_letters = 0;
    while (books_of(world)->deleted < 11 && world->now_ms < 120000)
        world_step(world);
    assert_int_equal(books_of(world)->deleted, 11);
    assert_int_equal(bad->dead_letters, 1);
    assert_int_equal(books_of(world)->delete_failed + books_of(world)->left, 0);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

static void a_delete_given_up_ends_the_drain_all_the_same(void **state)
{
    struct world *world = *state;
    world_add_good(world, 10);
    world->faults.failed_entries = 1;
    world->faults.entry_outcome = LE_ENTRY_GIVE_UP;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_int_equal(books_of(world)->delete_failed, 1);
    assert_int_equal(books_of(world)->deleted, 9);
}

static void a_denied_delete_is_fatal_and_loses_nothing(void **state)
{
    struct world *world = *state;
    world_add_good(world, 30);
    world->faults.failed_entries = 1;
    world->faults.entry_outcome = LE_ENTRY_DENIED;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_ERR_DENIED);
    for (size_t i = 0; i < world->count; i++)
        assert_true(!world->messages[i].deleted || world->messages[i].rows == 1);
}

static void bad_messages_go_to_the_dead_letter_queue_with_their_reason(void **state)
{
    struct world *world = *state;
    world_add_good(world, 20);
    struct world_message *no_user = world_add(world, "{\"foo\":1}");
    struct world_message *no_json = world_add(world, "{\"user_id\"");
    struct world_message *escaped = world_add(world, "{\"user_id\":\"a\\u0000b\"}");
    world->faults.fail_dead_letters = 2;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_string_equal(no_user->reason, "missing");
    assert_string_equal(no_json->reason, "not_json");
    assert_string_equal(escaped->reason, "bad_text");
    assert_int_equal(books_of(world)->rejected, 3);
    assert_int_equal(books_of(world)->dead_lettered, 3);
    assert_int_equal(books_of(world)->deleted, 23);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].deleted);
}

static void a_dead_letter_that_is_refused_stays_in_its_queue(void **state)
{
    struct world *world = *state;
    struct world_message *bad = world_add(world, "[]");
    world->faults.refuse_dead_letters = true;
    world_start(world);
    assert_int_equal(world_run(world, 1000), LE_OK);
    assert_false(bad->deleted);
    assert_int_equal(books_of(world)->left, 1);
}

static void rejects_are_left_or_discarded_as_asked(void **state)
{
    struct world *world = *state;
    world->config.on_reject = LE_ON_REJECT_LEAVE;
    struct world_message *bad = world_add(world, "[]");
    world_start(world);
    assert_int_equal(world_run(world, 1000), LE_OK);
    assert_false(bad->deleted);
    le_pipeline_free(world->pipeline);

    world->config.on_reject = LE_ON_REJECT_DISCARD;
    bad->visible_at_ms = 0;
    bad->in_ledger = true; /* so that the world allows the deletion */
    world_start(world);
    assert_int_equal(world_run(world, 1000), LE_OK);
    assert_true(bad->deleted);
    assert_int_equal(books_of(world)->discarded, 1);
    assert_int_equal(bad->dead_letters, 0);
}

static void a_data_error_is_bisected_to_its_messages(void **state)
{
    struct world *world = *state;
    world_add_good(world, 97);
    struct world_message *first = world_add(world, "{\"user_id\":\"constraint\"}");
    world_add_good(world, 100);
    struct world_message *second =
        world_add(world, "{\"user_id\":\"\\u0063onstraint\",\"ip\":\"x\"}");
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_string_equal(first->reason, "constraint");
    assert_string_equal(second->reason, "constraint");
    assert_int_equal(books_of(world)->inserted, 197);
    assert_int_equal(books_of(world)->rejected_by[LE_REJECT_CONSTRAINT], 2);
    assert_int_equal(first->rows + second->rows, 0);
}

static void culprits_that_the_server_names_are_taken_out_one_by_one(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 90; i++) {
        world_add_good(world, 1);
        world_add(world, "{\"user_id\":\"constraint\"}");
    }
    world->faults.name_last_culprit = true;
    world->faults.hold_commits = true; /* so that a batch is full */
    world->config.lanes = 1;
    world_start(world);
    while (books_of(world)->received < 101)
        world_step(world);
    world->faults.hold_commits = false;
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_true(world->largest_batch > 2 * LE_LANE_RANGES_MAX);
    assert_int_equal(books_of(world)->inserted, 90);
    assert_int_equal(books_of(world)->rejected_by[LE_REJECT_CONSTRAINT], 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(drains_an_empty_queue),
        WORLD(stores_and_deletes_every_message),
        WORLD(receivers_grow_with_the_load_and_never_past_the_limit),
        WORLD(a_few_receivers_take_what_comes_between_answers),
        WORLD(lone_messages_do_not_keep_more_than_a_few_receivers),
        WORLD(lone_messages_are_deleted_in_company),
        WORLD(batches_gather_while_the_store_is_busy),
        WORLD(a_copy_in_the_same_answer_is_one_row),
        WORLD(a_copy_that_was_overtaken_does_not_bring_its_handle),
        WORLD(receiving_waits_for_deletes_that_are_behind),
        WORLD(a_copy_in_a_later_answer_is_one_row_and_its_handle_deletes),
        WORLD(a_copy_during_its_deletion_is_deleted_again_with_the_new_handle),
        WORLD(a_lost_commit_answer_makes_no_second_row),
        WORLD(failed_delete_entries_are_tried_again),
        WORLD(failed_delete_requests_are_tried_again),
        WORLD(entries_that_fail_for_a_while_are_not_given_up),
        WORLD(a_delete_given_up_ends_the_drain_all_the_same),
        WORLD(a_denied_delete_is_fatal_and_loses_nothing),
        WORLD(bad_messages_go_to_the_dead_letter_queue_with_their_reason),
        WORLD(a_dead_letter_that_is_refused_stays_in_its_queue),
        WORLD(rejects_are_left_or_discarded_as_asked),
        WORLD(a_data_error_is_bisected_to_its_messages),
        WORLD(culprits_that_the_server_names_are_taken_out_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
