/* What tests ask of a world. */
#include "world.h"

#include "loginetl/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void count_line(void *self, const char *line, size_t len)
{
    struct world *world = self;
    world->log_lines += memmem(line, len, world->log_words, strlen(world->log_words)) != NULL;
}

void world_watch_log(struct world *world, const char *words)
{
    const struct le_log_config config = {.level = LE_LOG_WARN,
                                         .format = LE_LOG_LOGFMT,
                                         .sink = count_line,
                                         .wall_ms = world_now,
                                         .self = world};
    world->log_words = words;
    world->log_lines = 0;
    le_log_init(&config);
}

void world_check_all_stored(struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        assert_int_equal(world->messages[i].rows, 1);
        assert_true(world->messages[i].deleted);
    }
}

const struct le_books *books_of(const struct world *world)
{
    return le_pipeline_books(world->pipeline);
}

void world_stop(struct world *world)
{
    le_pipeline_stop(world->pipeline);
    assert_int_equal(world_run(world, 10000), LE_OK);
}

int world_set_up(void **state)
{
    *state = world_new();
    return 0;
}

int world_tear_down(void **state)
{
    world_free(*state);
    return 0;
}

void world_renew(void **state)
{
    assert_int_equal(world_tear_down(state), 0);
    assert_int_equal(world_set_up(state), 0);
}
