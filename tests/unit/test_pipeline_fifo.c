/* The pipeline and the groups of a FIFO queue, against the world of world.c, whose store refuses a
 * row with one before it in its group that is neither a row nor deleted. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BAD_BODY "[]"
#define BAD_ROW  "{\"user_id\":\"constraint\"}"
#define SLOW_ROW "{\"user_id\":\"slow\"}"
#define UNCLEAR  "{\"user_id\":\"unclear\"}"

static bool is_good(const struct world_message *message)
{
    return strcmp(message->body, BAD_BODY) != 0 && strcmp(message->body, BAD_ROW) != 0 &&
           strcmp(message->body, UNCLEAR) != 0;
}

static void check_all_settled(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        assert_int_equal(world->messages[i].rows, is_good(&world->messages[i]) ? 1 : 0);
        assert_true(world->messages[i].deleted);
    }
}

/* An empty answer says nothing while some of the only group are in flight. */
static void a_drain_ends_when_the_groups_are_empty(void **state)
{
    struct world *world = *state;
    world->groups = 1;
    world_add_good(world, 55);
    world_start(world);
    assert_int_equal(world_run(world, 20000), LE_OK);
    world_check_all_stored(world);
}

static void several_lanes_keep_the_order(void **state)
{
    struct world *world = *state;
    world->groups = 3;
    world->config.lanes = 4;
    world->config.batch_rows = 4;
    world_add_good(world, 200);
    world->faults.fail_commits = 9;
    world_start(world);
    assert_int_equal(world_run(world, 50000), LE_OK);
    world_check_all_stored(world);
}

static void what_goes_together_goes_in_one_statement(void **state)
{
    struct world *world = *state;
    world->groups = 1;
    world_add_good(world, 10);
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(world->submissions, 1);
    assert_int_equal(world->largest_batch, 10);
}

/* Of every kind, at every place: those behind it wait until it is deleted. */
static void a_rejected_one_holds_up_its_group(void **state)
{
    static const char *const bad[] = {BAD_BODY, BAD_ROW, UNCLEAR};
    for (size_t i = 0; i < 18; i++) {
        world_renew(state);
        struct world *world = *state;
        world->groups = 2;
        world->faults.name_last_culprit = i % 2 == 0;
        world_add_good(world, 3 * (i / 6));
        (void)world_add(world, bad[i % 3]);
        world_add_good(world, 6);
        (void)world_add(world, bad[(i + 1) % 3]);
        world_add_good(world, 20);
        world_start(world);
        assert_int_equal(world_run(world, 50000), LE_OK);
        check_all_settled(world);
        assert_int_equal(books_of(world)->dead_lettered, 2);
        assert_int_equal(books_of(world)->released, 0);
    }
}

static void those_behind_wait_for_the_deletion(void **state)
{
    struct world *world = *state;
    world->groups = 1;
    (void)world_add(world, BAD_BODY);
    world_add_good(world, 3);
    world->faults.hold_deletes = true;
    world_start(world);
    while (world->delete_requests == 0)
        world_step(world);
    for (int i = 0; i < 5; i++)
        world_step(world);
    assert_int_equal(world->messages[0].dead_letters, 1);
    assert_int_equal(world->submissions, 0);
    world->faults.hold_deletes = false;
    assert_int_equal(world_run(world, 10000), LE_OK);
    check_all_settled(world);
}

/* They come again behind it: so they go back. */
static void a_rejection_that_was_not_deleted_takes_those_behind_along(void **state)
{
    struct world *world = *state;
    world->groups = 1;
    world->config.drain = false;
    (void)world_add(world, BAD_BODY);
    world_add_good(world, 3);
    world->faults.failed_entries = 1;
    world->faults.entry_outcome = LE_ENTRY_GIVE_UP;
    world_start(world);
    while (books_of(world)->deleted < 4)
        world_step(world);
    check_all_settled(world);
    assert_int_equal(books_of(world)->released, 3);
    assert_int_equal(world->messages[0].dead_letters, 2);
    world_stop(world);
}

static void one_that_is_left_takes_those_behind_along(void **state)
{
    static const char *const bad[] = {BAD_BODY, BAD_ROW};
    for (size_t i = 0; i < 2; i++) {
        world_renew(state);
        struct world *world = *state;
        world->groups = 2;
        world->config.on_reject = LE_ON_REJECT_LEAVE;
        world_add_good(world, 3);
        (void)world_add(world, bad[i]);
        world_add_good(world, 16);
        world_start(world);
        assert_int_equal(world_run(world, 10000), LE_OK);
        for (size_t at = 0; at < world->count; at++) /* 3 is the bad one */
            assert_int_equal(world->messages[at].rows, at % 2 == 1 && at >= 3 ? 0 : 1);
        assert_int_equal(books_of(world)->left, 1);
        assert_true(books_of(world)->released > 0);
        assert_true(world->releases == books_of(world)->released);
    }
}

static void a_discarded_one_lets_them_go_on(void **state)
{
    struct world *world = *state;
    world->groups = 1;
    world->config.on_reject = LE_ON_REJECT_DISCARD;
    (void)world_add(world, BAD_BODY);
    world_add_good(world, 3);
    (void)world_add(world, BAD_ROW);
    world_add_good(world, 3);
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    check_all_settled(world);
    assert_int_equal(books_of(world)->discarded, 2);
}

/* Nothing of its group may overtake what was let go. */
static void a_damaged_one_takes_those_behind_along(void **state)
{
    struct world *world = *state;
    world->groups = 2;
    world_add_good(world, 20);
    world->faults.damaged_bodies = 1;
    world_start(world);
    assert_int_equal(world_run(world, 20000), LE_OK);
    check_all_settled(world);
    assert_int_equal(books_of(world)->released, 5); /* all of its group that came with it */
}

static void without_memory_a_group_waits(void **state)
{
    struct world *world = *state;
    world->groups = 2;
    world_add_good(world, 20);
    world->faults.starved_answers = 1;
    world_start(world);
    assert_int_equal(world_run(world, 20000), LE_OK);
    check_all_settled(world);
}

static void slow_rows_hold_up_their_groups_alone(void **state)
{
    struct world *world = *state;
    world->groups = 2;
    world->config.drain = false;
    (void)world_add(world, SLOW_ROW);
    world_add_good(world, 39);
    world->faults.slow_rows = true;
    world_start(world);
    while (world->now_ms < 600000)
        world_step(world);
    for (size_t i = 0; i < world->count; i++)
        assert_int_equal(world->messages[i].rows, i % 2);
    world->faults.slow_rows = false;
    while (books_of(world)->deleted < 40)
        world_step(world);
    world_check_all_stored(world);
    world_stop(world);
}

/* At each step of a drain with everything in it. */
static void a_stop_gives_back_what_waits(void **state)
{
    for (unsigned steps = 0; steps < 80; steps++) {
        world_renew(state);
        struct world *world = *state;
        world->groups = 2;
        world->config.batch_rows = 5;
        world_add_good(world, 6);
        (void)world_add(world, BAD_ROW);
        world_add_good(world, 10);
        (void)world_add(world, BAD_BODY);
        world_add_good(world, 10);
        world_start(world);
        for (unsigned step = 0; step < steps && !le_pipeline_finished(world->pipeline, NULL);
             step++)
            world_step(world);
        world->faults.store_away = true;
        world_stop(world);
        for (size_t i = 0; i < world->count; i++)
            assert_true(world->messages[i].deleted ||
                        world->messages[i].visible_at_ms <= world->now_ms);
    }
}

static void dead_letters_go_group_by_group(void **state)
{
    struct world *world = *state;
    world->groups = 5;
    for (size_t i = 0; i < 10; i++)
        (void)world_add(world, BAD_BODY);
    world_start(world);
    assert_int_equal(world_run(world, 10000), LE_OK);
    check_all_settled(world);
    assert_int_equal(books_of(world)->dead_lettered, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(a_drain_ends_when_the_groups_are_empty),
        WORLD(several_lanes_keep_the_order),
        WORLD(what_goes_together_goes_in_one_statement),
        WORLD(a_rejected_one_holds_up_its_group),
        WORLD(those_behind_wait_for_the_deletion),
        WORLD(a_rejection_that_was_not_deleted_takes_those_behind_along),
        WORLD(one_that_is_left_takes_those_behind_along),
        WORLD(a_discarded_one_lets_them_go_on),
        WORLD(a_damaged_one_takes_those_behind_along),
        WORLD(without_memory_a_group_waits),
        WORLD(slow_rows_hold_up_their_groups_alone),
        WORLD(a_stop_gives_back_what_waits),
        WORLD(dead_letters_go_group_by_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
