/* The pipeline's clock: the loop's time and one timer. */
#include "loginetl/app/run.h"

/* Nothing to do: the loop has woken, and the turn comes before it blocks again. */
static void on_wake(uv_timer_t *timer)
{
    (void)timer;
}

static int64_t now_ms(void *self)
{
    const struct le_run *run = self;
    return le_world_now_ms(&run->world);
}

static void arm(void *self, int64_t at_ms)
{
    struct le_run *run = self;
    int64_t wait_ms = at_ms - le_world_now_ms(&run->world);
    uv_timer_start(&run->wake, on_wake, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

struct le_clock_port le_run_clock(struct le_run *run)
{
    return (struct le_clock_port){.self = run, .now_ms = now_ms, .wall_ms = le_wall_ms, .arm = arm};
}
