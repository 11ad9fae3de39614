/* The pipeline when the store refuses rows, against the world of world.c. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void add_bad(struct world *world, const char *user_id)
{
    char body[64];
    (void)snprintf(body, sizeof body, "{\"user_id\":\"%s\"}", user_id);
    (void)world_add(world, body);
}

static bool is_bad(const struct world_message *message)
{
    return strstr(message->body, "\"unclear\"") != NULL ||
           strstr(message->body, "\"constraint\"") != NULL;
}

/* Each good one is a row, each bad one is in the dead-letter queue, and all are deleted. */
static void check_all_settled(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct world_message *message = &world->messages[i];
        assert_int_equal(message->rows, is_bad(message) ? 0 : 1);
        assert_int_equal(message->dead_letters, is_bad(message) ? 1 : 0);
        assert_true(message->deleted);
    }
}

/* ---- refused with a code that nobody knows ---- */

static void a_row_refused_unclearly_harms_only_itself(void **state)
{
    static const size_t places[] = {0, 57, 99};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        world_renew(state);
        struct world *world = *state;
        world->config.patience_ms = 20000; /* a drain's */
        world_add_good(world, places[i]);
        add_bad(world, "unclear");
        world_add_good(world, 150 - places[i]);
        world_start(world);
        assert_int_equal(world_run(world, 100000), LE_OK);
        check_all_settled(world);
        assert_int_equal(books_of(world)->rejected_by[LE_REJECT_CONSTRAINT], 1);
        assert_string_equal(world->messages[places[i]].reason, "constraint");
    }
}

static void many_such_rows_are_each_found(void **state)
{
    struct world *world = *state;
    world->config.lanes = 1;
    for (size_t i = 0; i < 40; i++) {
        world_add_good(world, 3);
        add_bad(world, "unclear");
    }
    world_start(world);
    assert_int_equal(world_run(world, 1000000), LE_OK);
    check_all_settled(world);
}

/* As long as nothing else is stored it may as well be the server. */
static void a_row_refused_unclearly_waits_for_company(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    add_bad(world, "unclear");
    world_start(world);
    while (world->now_ms < 3600 * 1000)
        world_step(world);
    assert_int_equal(books_of(world)->rejected, 0);
    assert_true(world->submissions < 3600);
    world_add_good(world, 5);
    while (books_of(world)->deleted < 6)
        world_step(world);
    check_all_settled(world);
    world_stop(world);
}

static void a_server_that_refuses_everything_unclearly_rejects_nothing(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world_add_good(world, 500);
    world->faults.unclear_commits = true;
    world_start(world);
    while (world->now_ms < 3600 * 1000)
        world_step(world);
    assert_int_equal(books_of(world)->rejected, 0);
    assert_true(world->submissions < 5000); /* not in a tight loop */
    world->faults.unclear_commits = false;
    while (books_of(world)->deleted < 500)
        world_step(world);
    check_all_settled(world);
    world_stop(world);
}

/* Makes the answer to the statement under way come so much later. */
static void delay_statement(struct world *world, int64_t ms)
{
    for (size_t i = 0; i < world->pending_count; i++)
        if (world->pending[i].kind == WORLD_SUBMIT)
            world->pending[i].due_ms += ms;
}

/* The server refused everything when the statement began, and stored another row before its answer
 * was there. */
static void a_late_refusal_is_not_held_against_the_row(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world_add_good(world, 1);
    world->faults.unclear_commits = true;
    world_start(world);
    do
        world_step(world);
    while (world->submits_now == 0 || books_of(world)->received == 0 ||
           world->pipeline->lanes[0].rows[0]->tries < 2 || !world->pipeline->lanes[0].busy);
    delay_statement(world, 60000); /* longer than any backoff */
    int64_t late_ms = world->now_ms + 60000;
    world->faults.unclear_commits = false;
    world_add_good(world, 1);
    while (books_of(world)->inserted < 1)
        world_step(world);
    assert_in_range(world->now_ms, 0, late_ms);
    world->faults.unclear_commits = true;
    while (world->submits_now > 0)
        world_step(world);
    assert_int_equal(books_of(world)->rejected, 0);
    world->faults.unclear_commits = false;
    while (books_of(world)->deleted < 2)
        world_step(world);
    check_all_settled(world);
    world_stop(world);
}

/* What was stored before the batch says nothing of the server since, for whichever part of it. */
static void rows_stored_before_are_not_held_against_any_half(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    world_add_good(world, 5);
    world_start(world);
    while (books_of(world)->deleted < 5)
        world_step(world);
    uint64_t submissions = world->submissions;
    add_bad(world, "constraint"); /* it is cut in halves, of which one is refused later */
    world_add_good(world, 3);
    while (world->submissions == submissions)
        world_step(world);
    world->faults.unclear_commits = true;
    while (world->now_ms < 600 * 1000)
        world_step(world);
    assert_int_equal(books_of(world)->rejected, 1);
    world->faults.unclear_commits = false;
    while (books_of(world)->deleted < 9)
        world_step(world);
    check_all_settled(world);
    world_stop(world);
}

/* It may be a good one: the dead-letter queue may have it, but it is not destroyed. Of what is
 * discarded as configured the log says nothing of the kind. */
static void a_row_refused_unclearly_is_left_and_not_discarded(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.on_reject = LE_ON_REJECT_DISCARD;
    world_add_good(world, 57);
    add_bad(world, "unclear");
    world_add_good(world, 46);
    add_bad(world, "constraint");
    world->messages[104].in_ledger = true; /* so that the world allows the deletion */
    world_add_good(world, 47);
    world_watch_log(world, "left in its queue, not discarded");
    world_start(world);
    while (books_of(world)->left < 1)
        world_step(world);
    add_bad(world, "constraint");
    world->messages[152].in_ledger = true;
    while (books_of(world)->discarded < 2 || books_of(world)->inserted < 150)
        world_step(world);
    world_stop(world);
    assert_int_equal(books_of(world)->rejected, 3);
    assert_int_equal(books_of(world)->left, 1);
    assert_int_equal(books_of(world)->inserted, 150);
    assert_false(world->messages[57].deleted);
    assert_true(world->messages[104].deleted && world->messages[152].deleted);
    assert_int_equal(world->log_lines, 1);
}

/* So many that are in the ledger already, as after a lost answer. */
static void add_duplicates(struct world *world, size_t count)
{
    size_t from = world->count;
    world_add_good(world, count);
    for (size_t i = from; i < world->count; i++) {
        world->messages[i].in_ledger = true;
        world->messages[i].rows = 1;
    }
}

/* Duplicates never come to the table: that they are taken proves nothing of it. */
static void duplicates_are_no_proof_that_others_are_stored(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    add_bad(world, "unclear");
    world_start(world);
    for (int64_t minute = 1; minute <= 60; minute++) {
        add_duplicates(world, 2);
        while (world->now_ms < minute * 60000)
            world_step(world);
    }
    assert_true(books_of(world)->duplicate > 100);
    assert_int_equal(books_of(world)->rejected, 0);
    world_stop(world);
}

/* It was refused again and again before the stop: handing it back has tries of its own. */
static void a_row_refused_often_is_handed_back_all_the_same(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.lanes = 1;
    add_bad(world, "unclear");
    world_start(world);
    while (world->now_ms < 3600 * 1000)
        world_step(world);
    world->faults.retry_releases = 5;
    world_stop(world);
    assert_int_equal(world->faults.retry_releases, 0);
    assert_int_equal(world->releases, 1);
    assert_true(world->messages[0].visible_at_ms <= world->now_ms);
}

/* ---- a table that refuses every row ---- */

static void a_drain_gives_up_on_a_table_that_refuses_every_row(void **state)
{
    struct world *world = *state;
    world->config.patience_ms = 20000;
    for (size_t i = 0; i < 500; i++)
        add_bad(world, "constraint");
    world_start(world);
    assert_int_equal(world_run(world, 100000), LE_ERR_DATABASE);
    assert_in_range(books_of(world)->rejected, LE_REFUSED_MAX, LE_REFUSED_MAX + 50);
    assert_int_equal(books_of(world)->rejected + books_of(world)->released,
                     books_of(world)->received);
}

static void a_service_goes_on_slowly_until_a_row_is_stored(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    for (size_t i = 0; i < 130; i++)
        add_bad(world, "constraint");
    world_add_good(world, 20);
    for (size_t i = 0; i < 50; i++)
        add_bad(world, "constraint");
    world_start(world);
    while (books_of(world)->deleted < 200)
        world_step(world);
    check_all_settled(world);
    world_stop(world);
}

static void run_until_braked(struct world *world)
{
    while (!le_pipeline_is_braked(world->pipeline))
        world_step(world);
}

static void run_until(struct world *world, int64_t at_ms)
{
    while (world->now_ms < at_ms)
        world_step(world);
}

/* Bad rows that are left come again when their leases end. */
static void start_with_bad_rows_that_come_again(struct world *world)
{
    world->config.drain = false;
    world->config.batch_rows = 1000;
    world->config.on_reject = LE_ON_REJECT_LEAVE;
    for (size_t i = 0; i < 150; i++)
        add_bad(world, "constraint");
    world_start(world);
    run_until_braked(world);
    run_until(world, 3600 * 1000);
}

static void bad_rows_that_come_again_do_not_keep_a_new_one_waiting(void **state)
{
    for (unsigned lanes = 1; lanes <= 3; lanes++) {
        world_renew(state);
        struct world *world = *state;
        world->config.lanes = lanes;
        start_with_bad_rows_that_come_again(world);
        for (int i = 1; i <= 20; i++) {
            int64_t sent_at_ms = world->now_ms;
            world_add_good(world, 1);
            while (books_of(world)->inserted < (uint64_t)i)
                world_step(world);
            assert_in_range(world->now_ms, sent_at_ms, sent_at_ms + 120000);
            run_until_braked(world);
            if (i % 2 == 0) /* else at once: the rest of a batch is still between two attempts */
                run_until(world, world->now_ms + 600000);
        }
        world_stop(world);
    }
}

static void new_bad_rows_do_not_keep_an_old_one_waiting(void **state)
{
    struct world *world = *state;
    world->config.lanes = 1;
    start_with_bad_rows_that_come_again(world);
    int64_t sent_at_ms = world->now_ms;
    world_add_good(world, 1);
    for (int i = 0; i < 100; i++)
        add_bad(world, "constraint");
    while (books_of(world)->inserted < 1) {
        world_step(world);
        assert_in_range(world->now_ms, sent_at_ms, sent_at_ms + 2 * 3600 * 1000);
    }
    world_stop(world);
}

static void duplicates_do_not_lift_the_brake(void **state)
{
    struct world *world = *state;
    world->config.lanes = 1;
    start_with_bad_rows_that_come_again(world);
    uint64_t rejected = books_of(world)->rejected;
    for (int64_t minute = 61; minute <= 70; minute++) {
        uint64_t duplicate = books_of(world)->duplicate;
        add_duplicates(world, 1);
        while (books_of(world)->duplicate == duplicate)
            world_step(world);
        assert_true(le_pipeline_is_braked(world->pipeline));
        run_until(world, minute * 60000);
    }
    assert_true(books_of(world)->rejected > rejected);
    world_stop(world);
}

static void a_row_stored_lifts_the_brake(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    for (size_t i = 0; i < LE_REFUSED_MAX; i++)
        add_bad(world, "constraint");
    world_start(world);
    run_until_braked(world);
    world_add_good(world, 500);
    while (books_of(world)->deleted < LE_REFUSED_MAX + 500)
        world_step(world);
    assert_false(le_pipeline_is_braked(world->pipeline));
    assert_true(world->submissions < 400); /* not row by row */
    check_all_settled(world);
    world_stop(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(a_row_refused_unclearly_harms_only_itself),
        WORLD(many_such_rows_are_each_found),
        WORLD(a_row_refused_unclearly_waits_for_company),
        WORLD(a_server_that_refuses_everything_unclearly_rejects_nothing),
        WORLD(a_late_refusal_is_not_held_against_the_row),
        WORLD(rows_stored_before_are_not_held_against_any_half),
        WORLD(a_row_refused_unclearly_is_left_and_not_discarded),
        WORLD(duplicates_are_no_proof_that_others_are_stored),
        WORLD(a_row_refused_often_is_handed_back_all_the_same),
        WORLD(a_drain_gives_up_on_a_table_that_refuses_every_row),
        WORLD(a_service_goes_on_slowly_until_a_row_is_stored),
        WORLD(bad_rows_that_come_again_do_not_keep_a_new_one_waiting),
        WORLD(new_bad_rows_do_not_keep_an_old_one_waiting),
        WORLD(duplicates_do_not_lift_the_brake),
        WORLD(a_row_stored_lifts_the_brake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
