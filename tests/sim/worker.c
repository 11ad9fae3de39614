#include "worker.h"

#include "check.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"
#include "queue.h"
#include "store.h"
#include "trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 20000 /* the program's, while it drains */

/* ---- settings ---- */

static unsigned pick(struct world *world, const unsigned *from, size_t count)
{
    return from[world_below(world, count)];
}

static void draw_sizes(struct world *world, struct le_pipeline_config *config)
{
    static const unsigned concurrencies[] = {1, 2, 4, 8};
    static const unsigned batches[] = {1, 2, 7, 10, 30, 100, 1000};
    static const unsigned lanes[] = {1, 1, 2, 2, 3, 5};
    static const unsigned limits_kib[] = {8, 32, 64, 256, 1024, 65536};
    config->concurrency = pick(world, concurrencies, 4);
    config->batch_rows = pick(world, batches, 7);
    config->lanes = pick(world, lanes, 6);
    config->memory_limit = (size_t)pick(world, limits_kib, 6) << 10;
}

static void draw_times(struct world *world, struct le_pipeline_config *config)
{
    static const unsigned waits_s[] = {0, 1, 5, 20};
    static const unsigned hidden_s[] = {5, 10, 30, 60, 300, 3600};
    static const unsigned stops_ms[] = {1000, 5000, 25000, 120000};
    config->wait_s = (int)pick(world, waits_s, 4);
    config->visibility_s = (int)pick(world, hidden_s, 6);
    config->shutdown_timeout_ms = pick(world, stops_ms, 4);
}

void worker_draw(struct worker *worker)
{
    struct world *world = worker->world;
    struct le_pipeline_config *config = &worker->config;
    *config = (struct le_pipeline_config){.on_reject = world->on_reject};
    draw_sizes(world, config);
    draw_times(world, config);
    config->drain = world_below(world, 3) == 0;
    config->patience_ms = config->drain ? PATIENCE_MS : 0;
    if (world_below(world, 8) == 0)
        config->max_messages = 1 + world_below(world, 60);
    if (world->mixed_rejects)
        config->on_reject = (enum le_on_reject)world_below(world, 3);
    worker->wall_ms = 0;
    worker->clock_ms = (int64_t)world_below(world, 1000000);
}

/* Room for all of the bad rows, whose leases end soon. */
void worker_draw_for_crowd(struct worker *worker)
{
    struct le_pipeline_config *config = &worker->config;
    config->drain = false;
    config->patience_ms = 0;
    config->max_messages = 0;
    config->batch_rows = 1000;
    config->memory_limit = 64 << 20;
    config->visibility_s = 5 + (int)world_below(worker->world, 60);
    config->on_reject = LE_ON_REJECT_LEAVE;
}

void worker_draw_last(struct worker *worker)
{
    worker->config = (struct le_pipeline_config){.concurrency = 4,
                                                 .wait_s = 1,
                                                 .visibility_s = 30,
                                                 .batch_rows = 50,
                                                 .lanes = 2,
                                                 .memory_limit = 64 << 20,
                                                 .drain = true,
                                                 .fifo = worker->world->fifo,
                                                 .patience_ms = PATIENCE_MS,
                                                 .on_reject = worker->world->on_reject,
                                                 .shutdown_timeout_ms = 25000};
}

/* ---- its clocks ---- */

int64_t worker_now(const struct worker *worker)
{
    return worker->world->now_ms + worker->clock_ms;
}

static int64_t clock_now(void *self)
{
    return worker_now(self);
}

static int64_t clock_wall(void *self)
{
    const struct worker *worker = self;
    return INT64_C(1700000000000) + worker->world->now_ms + worker->wall_ms;
}

static void put_wake(struct worker *worker)
{
    struct world *world = worker->world;
    int64_t at_ms = worker->armed_ms - worker->clock_ms;
    worker->wake_ticket = world_ticket(world);
    if (at_ms < world->now_ms)
        at_ms = world->now_ms;
    if (world_strikes(world, FAULT_LATE_TIMER))
        at_ms += world_spread(world, 5000);
    world_put(world, at_ms, EVENT_WAKE, worker->index, worker->wake_ticket);
}

static void clock_arm(void *self, int64_t at_ms)
{
    struct worker *worker = self;
    if (at_ms <= worker_now(worker))
        broken(worker->world, worker, PROMISE_PROGRESS, "a turn asks for another one at once");
    worker->armed_ms = at_ms;
    put_wake(worker);
}

void worker_jump(struct worker *worker, int64_t ms)
{
    trace(worker->world, worker, "its clock jumps by %.3f s", (double)ms / 1000);
    worker->clock_ms += ms;
    if (worker->armed_ms != INT64_MAX)
        put_wake(worker);
}

/* ---- its life ---- */

bool worker_alive(const struct worker *worker)
{
    return worker->pipeline != NULL;
}

static void reset(struct worker *worker)
{
    struct world *world = worker->world;
    worker->instance = ++world->instances;
    worker->dirty = true;
    worker->asked_to_stop = worker->queue_answered = worker->fatal = worker->no_memory = false;
    worker->frozen = worker->fell_behind = worker->acted = false;
    worker->armed_ms = worker->away_since_ms = INT64_MAX;
    worker->queue_failing_ms = worker->store_failing_ms = INT64_MAX;
    worker->gave_up = worker->must_fail = false;
    worker->hidden_until_ms = INT64_MAX;
    worker->hides_let_go = worker->heard_empty = false;
    worker->let_go_waits = 0;
    worker->rejected_before = worker->rejected_seen = 0;
    worker->receive_pace = worker->extend_pace = (struct pace){0};
    memset(worker->entries_pace, 0, sizeof worker->entries_pace);
    memset(worker->lane_pace, 0, sizeof worker->lane_pace);
    worker->outage = world->store.outages;
    worker->long_outage = 0;
    worker->long_until_ms = 0;
    worker->receives = worker->idle_turns = 0;
    worker->commits = 0;
    worker->bytes_bound = 0;
    worker->late_since_ms = INT64_MAX;
    worker->counts = (struct counts){0};
    memset(worker->known, 0, world->message_count * sizeof worker->known[0]);
}

/* The program begins its flow when a session is there. */
void worker_start(struct worker *worker)
{
    struct world *world = worker->world;
    assert(worker->pipeline == NULL);
    if (world->store.down || world->queue.away) {
        world_put(world, world->now_ms + 1000 + world_spread(world, 20000), EVENT_START,
                  worker->index, 0);
        return;
    }
    struct le_queue_port queue = queue_port(worker);
    struct le_store_port store = store_port(worker);
    struct le_clock_port clock = {worker, clock_now, clock_wall, clock_arm};
    worker->config.seed = le_rng_next(&world->rng);
    worker->config.decoder = worker->decoder;
    reset(worker);
    worker_enter(worker);
    worker->pipeline = le_pipeline_new(&worker->config, &queue, &store, &clock);
    le_mem_fail_at(0);
    if (worker->pipeline == NULL) {
        world_put(world, world->now_ms + 1000, EVENT_START, worker->index, 0);
        return;
    }
    trace(
        world, worker,
        "starts: concurrency %u, wait %d, hide %d, batch %u, lanes %u, memory %zu, max %llu, drain %d, on-reject %d, "
        "stop %lld",
        worker->config.concurrency, worker->config.wait_s, worker->config.visibility_s,
        worker->config.batch_rows, worker->config.lanes, worker->config.memory_limit,
        (unsigned long long)worker->config.max_messages, worker->config.drain,
        (int)worker->config.on_reject, (long long)worker->config.shutdown_timeout_ms);
    store_open(worker);
}

/* What it held is the queue's again when its lease ends. */
static void excuse_held(struct worker *worker)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < world->message_count; i++) {
        struct message *message = &world->messages[i];
        if (message->newest != 0 && world->deliveries[message->newest].instance == worker->instance)
            message->excused = true;
    }
}

static void bury(struct worker *worker)
{
    excuse_held(worker);
    le_pipeline_free(worker->pipeline);
    worker->pipeline = NULL;
    worker->armed_ms = INT64_MAX;
    worker->wake_ticket = worker->thaw_ticket = 0;
    worker->frozen = worker->dirty = false;
    struct world *world = worker->world;
    if (world->phase == PHASE_CHAOS)
        world_put(world, world->now_ms + world_spread(world, 120000), EVENT_START, worker->index,
                  0);
}

void worker_crash(struct worker *worker)
{
    trace(worker->world, worker, "is killed");
    queue_forget(worker, false);
    store_forget(worker, false);
    bury(worker);
}

/* As the program ends: the ports end their operations, then everything is freed. */
static void finish(struct worker *worker, enum le_err why)
{
    trace(worker->world, worker, "has finished: %s", le_err_name(why));
    check_finished(worker, why);
    bool done = world_below(worker->world, 4) != 0;
    store_forget(worker, done);
    queue_forget(worker, done);
    bury(worker);
}

void worker_stop(struct worker *worker)
{
    if (worker->asked_to_stop || worker->frozen)
        return;
    trace(worker->world, worker, "SIGTERM");
    worker->asked_to_stop = true;
    worker->stop_at_ms = worker_now(worker);
    le_pipeline_stop(worker->pipeline);
    worker_touch(worker);
}

void worker_freeze(struct worker *worker, int64_t for_ms)
{
    struct world *world = worker->world;
    if (worker->frozen)
        return;
    worker->frozen = worker->fell_behind = true;
    worker->frozen_at_ms = world->now_ms;
    worker->thaw_ms = world->now_ms + for_ms;
    worker->clock_stands = world_below(world, 2) == 0;
    worker->thaw_ticket = world_ticket(world);
    trace(world, worker, "is suspended for %.3f s", (double)for_ms / 1000);
    world_put(world, world->now_ms + for_ms, EVENT_THAW, worker->index, worker->thaw_ticket);
}

void worker_thaw(struct worker *worker)
{
    struct world *world = worker->world;
    if (!worker->frozen)
        return;
    trace(world, worker, "goes on");
    worker->frozen = false;
    worker->late_since_ms = INT64_MAX;
    if (worker->clock_stands)
        worker_jump(worker, worker->frozen_at_ms - world->now_ms);
    worker_touch(worker);
}

/* ---- its turns ---- */

void worker_enter(struct worker *worker)
{
    struct world *world = worker->world;
    world->acting = worker->index;
    if (!world_strikes(world, FAULT_NO_MEMORY))
        return;
    worker->no_memory = true;
    le_mem_fail_at(1 + world_below(world, 4));
}

void worker_leave(struct worker *worker)
{
    le_mem_fail_at(0);
    worker_touch(worker);
}

void worker_touch(struct worker *worker)
{
    worker->dirty = worker->pipeline != NULL;
    worker->idle_turns = 0;
}

/* It sees the store as the pipeline does: at its turns. */
static void look_at_store(struct worker *worker)
{
    struct world *world = worker->world;
    struct le_store_port store = store_port(worker);
    if (store.up(worker) > 0) {
        worker->away_since_ms = INT64_MAX;
    } else if (worker->away_since_ms == INT64_MAX) {
        worker->away_since_ms = worker_now(worker);
        worker->outage = ++world->store.outages;
    } else if (worker_now(worker) >= worker->away_since_ms + LE_OUTAGE_HOLD_MS) {
        worker->long_outage = worker->outage;
        worker->long_until_ms = world->now_ms;
    }
}

void worker_turn(struct worker *worker)
{
    struct world *world = worker->world;
    enum le_err why = LE_OK;
    worker->dirty = false;
    worker->acted = false;
    look_at_store(worker);
    worker_enter(worker);
    le_pipeline_turn(worker->pipeline);
    le_mem_fail_at(0);
    world->turns++;
    check_worker(worker);
    check_turn(worker);
    check_patience(worker);
    if (le_pipeline_finished(worker->pipeline, &why))
        finish(worker, why);
}

void worker_wake(struct worker *worker)
{
    if (!worker_alive(worker))
        return;
    worker->armed_ms = INT64_MAX;
    worker->dirty = true;
}
