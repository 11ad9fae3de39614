/* Every allocation of a drain fails: the drain goes on or ends, no block is left, and nothing is
 * lost or stored twice, as the next drain, which has memory, shows. */
#include "world.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define STEPS_MAX   200000
#define NTH_MAX     5000
#define PATIENCE_MS (10 * 60 * 1000) /* of whoever waits for a drain without memory */
#define GOOD        60

static const char *const bad_bodies[] = {
    "{\"foo\":1}",
    "[]",
    "{\"user_id\":\"a\\u0000b\"}",
    "{\"user_id\":\"u\",\"app_version\":\"\\u0041\"}",
    "{\"user_id\":\"constraint\",\"locale\":\"\\u0041\"}",
};
#define BAD (sizeof bad_bodies / sizeof bad_bodies[0])

static void add_messages(struct world *world)
{
    char body[256];
    for (size_t i = 0; i < GOOD; i++) {
        /* Every third has escapes, for which there is an allocation. */
        (void)snprintf(body, sizeof body, "{\"user_id\":\"u%zu\",\"locale\":\"%s\"}", i,
                       i % 3 == 0 ? "\\u0072u" : "ru");
        world_add(world, body);
        if (i % 12 == 0)
            world_add(world, bad_bodies[i / 12 % BAD]);
    }
}

/* Bad is what stands in bad_bodies. */
static bool is_bad(const struct world_message *message)
{
    for (size_t i = 0; i < BAD; i++)
        if (strcmp(message->body, bad_bodies[i]) == 0)
            return true;
    return false;
}

/* Other things go wrong too, so that the ways of trying again are taken. */
static void set_faults(struct world *world)
{
    world->faults.fail_receives = 1;
    world->faults.receive_err = LE_ERR_THROTTLED;
    world->faults.fail_deletes = 2;
    world->faults.delete_err = LE_ERR_TIMEOUT;
    world->faults.failed_entries = 7;
    world->faults.entry_outcome = LE_ENTRY_RETRY;
    world->faults.fail_commits = 2;
    world->faults.fail_commits_stored = true;
    world->faults.fail_dead_letters = 2;
    world->faults.fail_extends = 1;
    world->faults.twice_in_answer = true;
}

static struct world *troubled_world(void)
{
    struct world *world = world_new();
    add_messages(world);
    set_faults(world);
    world->config.concurrency = 4;
    world->config.batch_rows = 25;
    world_start(world);
    return world;
}

/* A drain without memory need not end by itself; a person ends it. */
static void run_to_an_end(struct world *world)
{
    enum le_err why = LE_OK;
    int64_t begun_ms = world->now_ms;
    for (unsigned step = 0; !le_pipeline_finished(world->pipeline, &why); step++) {
        assert_true(step < STEPS_MAX);
        if (world->now_ms - begun_ms > PATIENCE_MS)
            le_pipeline_stop(world->pipeline);
        world_step(world);
    }
    assert_true(why == LE_OK || why == LE_ERR_SERVICE);
    const struct le_books *books = le_pipeline_books(world->pipeline);
    assert_int_equal(books->received, books->inserted + books->duplicate + books->rejected +
                                          books->released + books->in_flight);
    assert_int_equal(books->in_flight, 0);
    assert_int_equal(world->deletes_of_uncommitted, 0);
}

static bool all_deleted(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        if (!world->messages[i].deleted)
            return false;
    return true;
}

/* Drains with memory and without faults, each when the leases of the one before have ended. */
static void drain_the_rest(struct world *world)
{
    world->faults = (struct world_faults){0};
    for (int drain = 0; drain < 3 && !all_deleted(world); drain++) {
        le_pipeline_free(world->pipeline);
        world->pending_count = world->receives_now = world->submits_now = 0;
        world->now_ms += (world->config.visibility_s + 1) * 1000;
        world_start(world);
        assert_int_equal(world_run(world, STEPS_MAX), LE_OK);
    }
}

static void check_end(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct world_message *message = &world->messages[i];
        assert_true(message->deleted);
        if (is_bad(message)) {
            assert_int_equal(message->rows, 0);
            assert_in_range(message->dead_letters, 1, 3);
        } else {
            assert_int_equal(message->rows, 1);
            assert_int_equal(message->dead_letters, 0);
        }
    }
    assert_int_equal(world->deletes_of_uncommitted, 0);
}

/* Answers how many allocations failed. */
static unsigned long drain_with(void (*plan)(unsigned long), unsigned long nth)
{
    long before = le_mem_live();
    struct world *world = troubled_world();
    plan(nth);
    run_to_an_end(world);
    unsigned long failures = le_mem_failures();
    le_mem_fail_at(0);
    drain_the_rest(world);
    check_end(world);
    world_free(world);
    if (le_mem_live() != before)
        fail_msg("%ld blocks are left after %lu", le_mem_live() - before, nth);
    return failures;
}

static void each_once(void **state)
{
    unsigned long nth = 1;
    (void)state;
    while (drain_with(le_mem_fail_at, nth) > 0) {
        nth++;
        assert_true(nth < NTH_MAX);
    }
    print_message("%lu allocations\n", nth - 1);
    assert_true(nth > 100);
}

static void each_and_all_after_it(void **state)
{
    unsigned long nth = 1;
    (void)state;
    while (drain_with(le_mem_fail_from, nth) > 0) {
        nth++;
        assert_true(nth < NTH_MAX);
    }
    assert_true(nth > 100);
}

static void now_and_then(void **state)
{
    (void)state;
    for (unsigned long every = 2; every <= 40; every++)
        assert_true(drain_with(le_mem_fail_every, every) > 1);
}

/* ---- making one ---- */

static void receive_nothing(void *self, struct le_receive_op *op)
{
    (void)self;
    (void)op;
}

static void take_no_entries(void *self, struct le_entries_op *op)
{
    (void)self;
    (void)op;
}

static void cancel_nothing(void *self)
{
    (void)self;
}

static unsigned no_connection(void *self)
{
    (void)self;
    return 0;
}

static void take_no_rows(void *self, struct le_submit_op *op)
{
    (void)self;
    (void)op;
}

static int64_t no_time(void *self)
{
    (void)self;
    return 0;
}

static void arm_nothing(void *self, int64_t at_ms)
{
    (void)self;
    (void)at_ms;
}

static void making_one(void **state)
{
    static const struct le_queue_port queue = {
        NULL, receive_nothing, take_no_entries, take_no_entries, take_no_entries, cancel_nothing};
    static const struct le_store_port store = {NULL, no_connection, no_connection, take_no_rows};
    static const struct le_clock_port clock = {NULL, no_time, no_time, arm_nothing};
    struct le_pipeline *pipeline = NULL;
    struct world *world = world_new();
    long before = le_mem_live();
    unsigned long nth = 1;
    (void)state;
    for (; pipeline == NULL && nth < 100; nth++) {
        le_mem_fail_at(nth);
        pipeline = le_pipeline_new(&world->config, &queue, &store, &clock);
        le_mem_fail_at(0);
        assert_true(pipeline != NULL || le_mem_live() == before);
    }
    assert_in_range(nth, 5, 99);
    le_pipeline_free(pipeline);
    assert_int_equal(le_mem_live(), before);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once),
        cmocka_unit_test(each_and_all_after_it),
        cmocka_unit_test(now_and_then),
        cmocka_unit_test(making_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
