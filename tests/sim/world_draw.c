/* What a world begins with, all of it drawn from its seed. */
#include "world_draw.h"

#include "message.h"
#include "queue.h"
#include "store.h"
#include "trace.h"
#include "worker.h"

#include <stdlib.h>

#define CROWD_ONE_IN 100
#define CROWD_STEPS  6000
#define FIFO_ONE_IN  5

/* Decoders hold nothing of a world. */
static struct le_decoder *decoder_of(unsigned worker)
{
    static struct le_fields fields;
    static struct le_decoder *decoders[WORKERS_MAX];
    if (fields.count == 0)
        le_fields_builtin(&fields);
    if (decoders[worker] == NULL) {
        const struct le_decoder_config config = {
            .fields = &fields, .mask = LE_MASK_SHA256, .body_max = BODY_LARGE};
        decoders[worker] = le_decoder_new(&config);
    }
    if (decoders[worker] == NULL)
        abort();
    return decoders[worker];
}

size_t world_field_count(void)
{
    static struct le_fields fields;
    if (fields.count == 0)
        le_fields_builtin(&fields);
    return fields.count;
}

void world_clear(struct world *world, uint64_t seed, bool tracing)
{
    world->seed = seed;
    le_rng_seed(&world->rng, seed);
    world->tracing = tracing;
    world->now_ms = 1000000;
    world->steps = world->turns = world->delivered = world->convicted = 0;
    world->phase = PHASE_CHAOS;
    world->last_rounds = 0;
    world->request_hint = world->transaction_hint = world->acting = 0;
    world->events.count = 0;
    world->events.overflow = false;
    world->tickets = world->instances = world->delivery_count = 0;
    world->message_count = world->open_good = world->open_bad = 0;
    world->fresh_by_ms = INT64_MAX;
    world->broken = PROMISE_NONE;
    world->verdict[0] = '\0';
    for (unsigned i = 0; i < REQUESTS_MAX; i++)
        world->requests[i].used = false;
    for (unsigned i = 0; i < TRANSACTIONS_MAX; i++)
        world->transactions[i].used = false;
}

static void draw_workers(struct world *world)
{
    static const unsigned counts[] = {1, 1, 2, 2, 3, 4};
    world->worker_count = world->crowd ? 1 : counts[world_below(world, 6)];
    for (unsigned i = 0; i < world->worker_count; i++) {
        struct worker *worker = &world->workers[i];
        *worker = (struct worker){.world = world, .index = i, .decoder = decoder_of(i)};
        worker_draw(worker);
        if (world->crowd)
            worker_draw_for_crowd(worker);
        worker->config.field_count = world_field_count();
        worker->config.fifo = world->fifo;
        world_put(world, world->now_ms + (int64_t)world_below(world, 3000), EVENT_START, i, 0);
    }
}

static void draw_chaos(struct world *world)
{
    static const int64_t lengths_ms[] = {HOUR_MS / 60, HOUR_MS / 10, 2 * HOUR_MS, 12 * HOUR_MS};
    static const enum le_on_reject rejects[] = {LE_ON_REJECT_DLQ, LE_ON_REJECT_DLQ,
                                                LE_ON_REJECT_DLQ, LE_ON_REJECT_LEAVE,
                                                LE_ON_REJECT_DISCARD};
    static const int64_t ticks_ms[] = {200, 2000, 20000, 200000};
    int64_t length_ms = lengths_ms[world_below(world, 4)];
    world->phase_end_ms =
        world->now_ms + length_ms / 4 + (int64_t)world_below(world, (uint64_t)length_ms);
    world->phase_steps = 200 + world_below(world, 2400);
    world->tick_ms = ticks_ms[world_below(world, 4)];
    world->refills_left = (unsigned)world_below(world, 10);
    world->on_reject = rejects[world_below(world, 5)];
    world->mixed_rejects = world_below(world, 8) == 0;
    if (world->crowd) {
        world->phase_steps = CROWD_STEPS;
        world->tick_ms = ticks_ms[2];
        world->on_reject = LE_ON_REJECT_LEAVE;
        world->mixed_rejects = false;
    }
    world_put(world, world->now_ms + world->tick_ms, EVENT_TICK, 0, 0);
}

/* A group that waits for the redrive of its first message is to come to an end. */
static void draw_groups(struct world *world)
{
    static const unsigned counts[] = {1, 3, 10, GROUPS_MAX};
    struct le_rng *rng = &world->groups_rng;
    le_rng_seed(rng, ~world->seed);
    world->fifo = world->seed % FIFO_ONE_IN == 0 && !world->crowd;
    world->group_count = counts[le_rng_below(rng, 4)];
    if (!world->fifo)
        return;
    world->queue.stale = STALE_REFUSED;
    world->queue.refuses_expired = true;
    world->queue.earlier_only = le_rng_below(rng, 3) == 0;
    bool leaves = world->on_reject == LE_ON_REJECT_LEAVE || world->mixed_rejects;
    if (leaves && world->queue.redrive_at == 0)
        world->queue.redrive_at = 2 + (unsigned)le_rng_below(rng, 6);
}

void world_draw(struct world *world)
{
    static const unsigned sizes[] = {4, 12, 40, 100};
    world->crowd = world_below(world, CROWD_ONE_IN) == 0;
    if (world->crowd)
        faults_draw_crowd(&world->faults);
    else
        faults_draw(&world->faults, &world->rng);
    const bool *in = world->faults.in_group;
    world->sound = !in[GROUP_QUEUE] && !in[GROUP_CLOCK] && !in[GROUP_MEMORY];
    draw_chaos(world);
    queue_draw(world);
    draw_groups(world);
    store_draw(world);
    messages_draw(world);
    draw_workers(world);
    messages_send(world, world->crowd ? CROWD_ROWS
                                      : (unsigned)world_below(world, sizes[world_below(world, 4)]));
    trace(world, NULL, "%u workers, %u messages in %u groups%s, redrive at %u", world->worker_count,
          world->message_count, world->fifo ? world->group_count : 0,
          world->sound ? ", sound but for store, crashes and signals" : "",
          world->queue.redrive_at);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (world->faults.chance[i] > 0)
            trace(world, NULL, "fault: %s (%.2f %%)", fault_words((enum fault)i),
                  world->faults.chance[i] / 655.36);
}
