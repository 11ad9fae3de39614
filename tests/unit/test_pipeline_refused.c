/* The pipeline when the store refuses rows, against the world of world.c. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static const struct le_books *books_of(const struct world *world)
{
    return le_pipeline_books(world->pipeline);
}

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

static void stop(struct world *world)
{
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

/* ---- refused with a code that nobody knows ---- */

static void a_row_refused_unclearly_harms_only_itself(void **state)
{
    static const size_t places[] = {0, 57, 99};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)teardown(state);
        (void)setup(state);
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
    stop(world);
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
    stop(world);
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
    stop(world);
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
    stop(world);
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
    stop(world);
}

/* ---- */

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(a_row_refused_unclearly_harms_only_itself),
        WORLD(many_such_rows_are_each_found),
        WORLD(a_row_refused_unclearly_waits_for_company),
        WORLD(a_server_that_refuses_everything_unclearly_rejects_nothing),
        WORLD(a_late_refusal_is_not_held_against_the_row),
        WORLD(rows_stored_before_are_not_held_against_any_half),
        WORLD(a_drain_gives_up_on_a_table_that_refuses_every_row),
        WORLD(a_service_goes_on_slowly_until_a_row_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
