/* The blocks that answers stand in: large ones are kept for the next, and not for longer than they
 * are of use. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LARGE ((size_t)200 << 10)

/* Answers: the most that was kept at once. */
static size_t run_until_deleted(struct world *world, uint64_t count)
{
    const struct le_pipeline *pipeline = world->pipeline;
    size_t most = 0;
    while (books_of(world)->deleted < count) {
        world_step(world);
        most = pipeline->spare_bytes > most ? pipeline->spare_bytes : most;
        size_t messages = pipeline->held.count * pipeline->message_size;
        assert_true(pipeline->spare_bytes == 0 || pipeline->bytes + pipeline->spare_bytes <=
                                                      pipeline->config.memory_limit + messages);
    }
    return most;
}

static void blocks_of_large_answers_are_used_again(void **state)
{
    static const size_t limits[] = {(size_t)4 << 20, (size_t)64 << 20};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        world_renew(state);
        struct world *world = *state;
        world->config.drain = false;
        world->config.memory_limit = limits[i];
        world->faults.padding = LARGE;
        world_add_good(world, 2000);
        world_start(world);
        assert_true(run_until_deleted(world, 1990) >= LARGE);
        assert_in_range(world->blocks_used_again, 20, 200);
        run_until_deleted(world, 2000);
        while (!world->pipeline->seen_empty)
            world_step(world);
        assert_int_equal(world->pipeline->spare_bytes, 0);
        world_check_all_stored(world);
        world_stop(world);
    }
}

/* As many are held as it lets through. */
static void nothing_is_kept_beyond_the_memory_limit(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->config.memory_limit = (size_t)1 << 20;
    world->faults.padding = LARGE;
    world_add_good(world, 2000);
    world_start(world);
    run_until_deleted(world, 2000);
    world_check_all_stored(world);
    world_stop(world);
}

/* An answer of some kilobytes would hold a block that the memory limit counts as a hundred. */
static void small_answers_do_not_hold_large_blocks(void **state)
{
    struct world *world = *state;
    world->config.drain = false;
    world->faults.padding = LARGE;
    world_add_good(world, 3500);
    world_start(world);
    assert_true(run_until_deleted(world, 1000) >= LARGE);
    world->faults.padding = 0;
    run_until_deleted(world, 3000);
    assert_false(world->pipeline->seen_empty);
    assert_int_equal(world->pipeline->spare_bytes, 0);
    unsigned used_again = world->blocks_used_again; /* each once more, at most */
    assert_int_equal(run_until_deleted(world, 3500), 0);
    assert_int_equal(world->blocks_used_again, used_again);
    world_check_all_stored(world);
    world_stop(world);
}

static void small_blocks_are_the_allocators(void **state)
{
    struct world *world = *state;
    world->faults.padding = LE_SPARE_BLOCK_MIN / 4;
    world_add_good(world, 500);
    world_start(world);
    assert_int_equal(run_until_deleted(world, 500), 0);
    assert_int_equal(world_run(world, 10000), LE_OK);
    assert_int_equal(world->blocks_used_again, 0);
    world_check_all_stored(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(blocks_of_large_answers_are_used_again),
        WORLD(nothing_is_kept_beyond_the_memory_limit),
        WORLD(small_answers_do_not_hold_large_blocks),
        WORLD(small_blocks_are_the_allocators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
