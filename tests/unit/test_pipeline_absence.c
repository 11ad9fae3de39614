/* The pipeline when something is slow, away or about to end, against the world of world.c. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void leases_are_extended_while_the_store_is_slow(void **state)
{
    struct world *world = *state;
    world_add_good(world, 25);
    world->faults.hold_commits = true;
    world_start(world);
    while (world->now_ms < 400000)
        world_step(world);
    assert_true(world->extensions >= 25 * 10);
    for (size_t i = 0; i < world->count; i++)
        assert_int_equal(world->messages[i].receives, 1); /* nobody else could have had it */
    world->faults.hold_commits = false;
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void a_lost_lease_does_no_harm(void **state)
{
    struct world *world = *state;
    world_add_good(world, 5);
    world->config.drain = false;
    world->faults.hold_commits = true;
    world->faults.refuse_extends = true;
    world_start(world);
    while (world->now_ms < 200000)
        world_step(world);
    assert_int_equal(books_of(world)->inserted, 0);
    assert_true(books_of(world)->leases_lost >= 5);
    assert_true(books_of(world)->duplicate >= 5); /* they came again, to us */
    world->faults.hold_commits = world->faults.refuse_extends = false;
    while (books_of(world)->deleted < 5)
        world_step(world);
    world_check_all_stored(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

/* An extension that lands later would hide what was handed back. */
static void what_is_being_extended_is_handed_back_after_the_answer(void **state)
{
    struct world *world = *state;
    world_add_good(world, 10);
    world->faults.hold_commits = world->faults.hold_extends = true;
    world->config.drain = false;
    world_start(world);
    while (world->now_ms < 35000) /* past half of the leases */
        world_step(world);
    le_pipeline_stop(world->pipeline);
    while (world->now_ms < 53000) /* past half of the time to stop */
        world_step(world);
    assert_int_equal(world->releases, 0);
    world->faults.hold_extends = false;
    assert_int_equal(world_run(world, 1000), LE_OK);
    assert_int_equal(world->releases, 10);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].visible_at_ms <= world->now_ms);
    world->faults.hold_commits = false;
    while (world->pending_count > 0)
        world_step(world);
}

/* The server leased them when it began to answer. */
static void a_slow_answer_has_used_up_part_of_its_leases(void **state)
{
    struct world *world = *state;
    world_add_good(world, 10);
    world->config.drain = false;
    world->faults.hold_commits = true;
    world->faults.answer_takes_ms = 45000;
    world_start(world);
    while (world->messages[0].receives == 0)
        world_step(world);
    world->faults.answer_takes_ms = 0;
    while (world->now_ms < 200000)
        world_step(world);
    for (size_t i = 0; i < world->count; i++)
        assert_int_equal(world->messages[i].receives, 1);
    world->faults.hold_commits = false;
    while (books_of(world)->deleted < 10)
        world_step(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

/* What an answer that got lost has leased to us is not nothing. */
static void a_drain_waits_for_what_a_lost_answer_leased(void **state)
{
    static const enum le_err lost[] = {LE_ERR_CLOSED, LE_ERR_TIMEOUT, LE_ERR_PROTOCOL,
                                       LE_ERR_TOO_LARGE, LE_ERR_NOMEM};
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        world_renew(state);
        struct world *world = *state;
        world_add_good(world, 25);
        world->faults.lost_answers = 2;
        world->faults.receive_err = lost[i];
        world_start(world);
        assert_int_equal(world_run(world, 10000), LE_OK);
        world_check_all_stored(world);
        assert_in_range(world->now_ms, 60000, 90000);
    }
}

/* Whole when they come again, after their lease. */
static void a_damaged_body_is_not_used(void **state)
{
    struct world *world = *state;
    world_add_good(world, 12);
    world->config.drain = false;
    world->faults.damaged_bodies = 3;
    world_start(world);
    while (books_of(world)->deleted < 9)
        world_step(world);
    assert_int_equal(books_of(world)->inserted, 9);
    assert_int_equal(books_of(world)->released, 3);
    for (size_t i = 0; i < 3; i++) /* not handed back: they could come back at once, for ever */
        assert_true(world->messages[i].visible_at_ms > world->now_ms);
    while (books_of(world)->deleted < 12)
        world_step(world);
    assert_int_equal(books_of(world)->received, 15);
    world_check_all_stored(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

/* Its body is not looked at, but its handle is the newest. */
static void a_damaged_copy_of_what_is_here_renews_its_handle(void **state)
{
    struct world *world = *state;
    world_add_good(world, 1);
    world->config.drain = false;
    world->config.concurrency = 1;
    world->faults.hold_commits = true;
    world->faults.refuse_extends = true;
    world_start(world);
    while (world->messages[0].receives < 1)
        world_step(world);
    world->faults.damaged_bodies = 1;
    while (books_of(world)->duplicate < 1)
        world_step(world);
    world->faults.hold_commits = world->faults.refuse_extends = false;
    while (books_of(world)->deleted < 1)
        world_step(world);
    assert_int_equal(world->stale_deletes, 0);
    world_check_all_stored(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

static void an_outage_stops_receiving_and_costs_no_receive(void **state)
{
    struct world *world = *state;
    world_add_good(world, 500);
    world_start(world);
    for (int step = 0; step < 12; step++)
        world_step(world);
    world->faults.store_away = true;
    int64_t away_at_ms = world->now_ms;
    while (world->now_ms < away_at_ms + 300000)
        world_step(world);
    world->faults.store_away = false;
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
    for (size_t i = 0; i < world->count; i++)
        assert_int_equal(world->messages[i].receives, 1);
}

static void a_long_outage_hands_the_rows_back(void **state)
{
    struct world *world = *state;
    world_add_good(world, 50);
    world->config.drain = false;
    world_start(world);
    for (int step = 0; step < 4; step++)
        world_step(world);
    world->faults.store_away = true;
    int64_t away_at_ms = world->now_ms;
    while (world->now_ms < away_at_ms + LE_OUTAGE_HOLD_MS + 5000)
        world_step(world);
    assert_true(books_of(world)->released > 0);
    assert_int_equal(books_of(world)->in_flight, 0);
    assert_int_equal(world->receives_now, 0);
    world->faults.store_away = false;
    while (books_of(world)->deleted < 50)
        world_step(world);
    world_check_all_stored(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

static void a_drain_loses_patience_with_an_absent_store(void **state)
{
    struct world *world = *state;
    world_add_good(world, 50);
    world->config.patience_ms = 20000;
    world_start(world);
    for (int step = 0; step < 4; step++)
        world_step(world);
    world->faults.store_away = true;
    assert_int_equal(world_run(world, 100000), LE_ERR_DATABASE);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].deleted ||
                    world->messages[i].visible_at_ms <= world->now_ms);
}

static void a_drain_loses_patience_with_a_store_that_takes_nothing(void **state)
{
    struct world *world = *state;
    world_add_good(world, 50);
    world->config.patience_ms = 20000;
    world->faults.fail_commits = 1000000; /* its disk is full */
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_ERR_DATABASE);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].visible_at_ms <= world->now_ms);
}

static void a_store_that_fails_now_and_then_is_no_reason_to_give_up(void **state)
{
    struct world *world = *state;
    world->config.patience_ms = 20000;
    world->config.drain = false;
    world_start(world);
    while (world->now_ms < 100000) {
        world_add_good(world, 1);
        world->faults.fail_commits = 1;
        int64_t until_ms = world->now_ms + 5000;
        while (world->now_ms < until_ms)
            world_step(world);
    }
    assert_false(le_pipeline_finished(world->pipeline, NULL));
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void failing_receives_are_tried_again_without_end(void **state)
{
    struct world *world = *state;
    world_add_good(world, 10);
    world->faults.fail_receives = 200;
    world->faults.receive_err = LE_ERR_SERVICE;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void a_fatal_receive_ends_the_pipeline(void **state)
{
    struct world *world = *state;
    world->faults.fail_receives = 1;
    world->faults.receive_err = LE_ERR_NO_QUEUE;
    world_start(world);
    assert_int_equal(world_run(world, 1000), LE_ERR_NO_QUEUE);
}

static void an_answer_that_is_too_large_is_asked_for_in_smaller_ones(void **state)
{
    struct world *world = *state;
    world_add_good(world, 40);
    world->faults.fail_receives = 3;
    world->faults.receive_err = LE_ERR_TOO_LARGE;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void stop_commits_deletes_and_cancels(void **state)
{
    struct world *world = *state;
    world_add_good(world, 300);
    world->config.drain = false;
    world_start(world);
    while (books_of(world)->received < 100)
        world_step(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 100000), LE_OK);
    const struct le_books *books = books_of(world);
    assert_int_equal(books->in_flight, 0);
    assert_int_equal(books->received, books->inserted);
    assert_int_equal(books->deleted, books->inserted);
    assert_int_equal(world->receives_now, 0);
}

static void stop_hands_back_what_the_store_cannot_take(void **state)
{
    struct world *world = *state;
    world_add_good(world, 300);
    world->config.drain = false;
    world_start(world);
    while (books_of(world)->received < 50)
        world_step(world);
    world->faults.store_away = true;
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_true(books_of(world)->released > 0);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].deleted ||
                    world->messages[i].visible_at_ms <= world->now_ms);
}

static void stop_hands_back_what_a_statement_does_not_end_with(void **state)
{
    struct world *world = *state;
    world_add_good(world, 40);
    world->config.drain = false;
    world->faults.hold_commits = true;
    world_start(world);
    while (books_of(world)->received < 40)
        world_step(world);
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_int_equal(books_of(world)->released, 40);
    assert_int_equal(world->releases, 40);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].visible_at_ms <= world->now_ms);
    /* The statement ends after all: its rows are there, and nothing is touched twice. */
    world->faults.hold_commits = false;
    assert_true(world->pending_count > 0);
    while (world->pending_count > 0)
        world_step(world);
    assert_int_equal(world->messages[0].rows, 1);
    assert_int_equal(books_of(world)->inserted, 0);
}

static void stop_hands_back_although_an_answer_does_not_end(void **state)
{
    struct world *world = *state;
    world_add_good(world, 40);
    world->config.drain = false;
    world->faults.hold_commits = true;
    world_start(world);
    while (books_of(world)->received < 40 || world->receives_now == 0)
        world_step(world);
    world->faults.stall_receives = true;
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_true(world->receives_now > 0);
    assert_int_equal(world->releases, 40);
}

static void stop_keeps_its_deadline(void **state)
{
    struct world *world = *state;
    world_add_good(world, 300);
    world->config.drain = false;
    world->faults.hold_commits = world->faults.hold_deletes = true;
    world_start(world);
    while (books_of(world)->received < 50)
        world_step(world);
    int64_t stopped_at_ms = world->now_ms;
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_true(world->now_ms - stopped_at_ms <= world->config.shutdown_timeout_ms + 1000);
    assert_int_equal(books_of(world)->in_flight, 0);
}

static void stops_after_max_messages(void **state)
{
    struct world *world = *state;
    world_add_good(world, 300);
    world->config.drain = false;
    world->config.max_messages = 123;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_OK);
    assert_int_equal(books_of(world)->received, 123);
    assert_int_equal(books_of(world)->deleted, 123);
}

static void a_fatal_store_ends_the_pipeline_and_hands_the_rows_back(void **state)
{
    struct world *world = *state;
    world_add_good(world, 40);
    world->faults.fatal_commits = 1;
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_ERR_DATABASE_FATAL);
    for (size_t i = 0; i < world->count; i++)
        assert_true(world->messages[i].rows == 1 ||
                    world->messages[i].visible_at_ms <= world->now_ms);
}

static void memory_held_stays_under_its_limit(void **state)
{
    struct world *world = *state;
    world_add_good(world, 2000);
    world->config.memory_limit = 256 * 1024;
    world->config.batch_rows = 1000;
    world->faults.hold_commits = true;
    world_start(world);
    struct le_pipeline_gauges gauges;
    for (int step = 0; step < 3000; step++) {
        world_step(world);
        le_pipeline_gauges(world->pipeline, &gauges);
        assert_true(gauges.bytes <= world->config.memory_limit);
    }
    assert_true(gauges.bytes > world->config.memory_limit / 4);
    world->faults.hold_commits = false;
    assert_int_equal(world_run(world, 100000), LE_OK);
    world_check_all_stored(world);
}

static void message_ids_that_are_uuids_are_read(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x89, 0xef,
                                       0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    char text[] = "0123abCD-4567-89ef-FEDC-ba9876543210";
    uint8_t key[16];
    assert_int_equal(le_message_key((struct le_span){text, 36}, key), LE_OK);
    assert_memory_equal(key, expected, 16);
    for (size_t i = 0; i < 36; i++) { /* with one character wrong it is none */
        char right = text[i];
        text[i] = right == '-' ? '0' : 'g';
        assert_int_equal(le_message_key((struct le_span){text, 36}, key), LE_OK);
        assert_memory_not_equal(key, expected, 16);
        text[i] = right;
    }
    assert_int_equal(le_message_key((struct le_span){text, 35}, key), LE_OK);
    assert_memory_not_equal(key, expected, 16);
}

static void message_ids_that_are_no_uuids_become_one(void **state)
{
    (void)state;
    uint8_t a[16], b[16];
    assert_int_equal(le_message_key(LE_SPAN_LIT("0123abCD-0000-4000-8000-00000000000f"), a), LE_OK);
    assert_int_equal(a[0], 0x01);
    assert_int_equal(a[3], 0xcd);
    assert_int_equal(a[15], 0x0f);
    /* sha256("x") begins 2d711642b726b04401627ca9fbac32f5 */
    assert_int_equal(le_message_key(LE_SPAN_LIT("x"), b), LE_OK);
    assert_int_equal(b[0], 0x2d);
    assert_int_equal(b[15], 0xf5);
    assert_int_equal(le_message_key(LE_SPAN_LIT("0123abCD+0000-4000-8000-00000000000f"), b), LE_OK);
    assert_memory_not_equal(a, b, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(leases_are_extended_while_the_store_is_slow),
        WORLD(a_lost_lease_does_no_harm),
        WORLD(what_is_being_extended_is_handed_back_after_the_answer),
        WORLD(a_slow_answer_has_used_up_part_of_its_leases),
        WORLD(a_drain_waits_for_what_a_lost_answer_leased),
        WORLD(a_damaged_body_is_not_used),
        WORLD(a_damaged_copy_of_what_is_here_renews_its_handle),
        WORLD(an_outage_stops_receiving_and_costs_no_receive),
        WORLD(a_long_outage_hands_the_rows_back),
        WORLD(a_drain_loses_patience_with_an_absent_store),
        WORLD(a_drain_loses_patience_with_a_store_that_takes_nothing),
        WORLD(a_store_that_fails_now_and_then_is_no_reason_to_give_up),
        WORLD(failing_receives_are_tried_again_without_end),
        WORLD(a_fatal_receive_ends_the_pipeline),
        WORLD(an_answer_that_is_too_large_is_asked_for_in_smaller_ones),
        WORLD(stop_commits_deletes_and_cancels),
        WORLD(stop_hands_back_what_the_store_cannot_take),
        WORLD(stop_hands_back_what_a_statement_does_not_end_with),
        WORLD(stop_hands_back_although_an_answer_does_not_end),
        WORLD(stop_keeps_its_deadline),
        WORLD(stops_after_max_messages),
        WORLD(a_fatal_store_ends_the_pipeline_and_hands_the_rows_back),
        WORLD(memory_held_stays_under_its_limit),
        WORLD(message_ids_that_are_uuids_are_read),
        WORLD(message_ids_that_are_no_uuids_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
