/* A world's way through what goes wrong, and its end, when all must be well. Its beginning is in
 * world_draw.c. */
#include "world.h"

#include "check.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"
#include "message.h"
#include "queue.h"
#include "store.h"
#include "trace.h"
#include "worker.h"
#include "world_draw.h"

#include <assert.h>
#include <string.h>

#define STEPS_MAX       200000u /* in all */
#define CALM_MS         (6 * HOUR_MS)
#define LATE_MS         10000 /* a timer may be late by half of it */
#define LAST_ROUNDS_MAX (2 * MESSAGES_MAX)
#define FRESH_MS        120000 /* a few pauses behind the brake */

/* ---- drawing ---- */

uint64_t world_below(struct world *world, uint64_t bound)
{
    return le_rng_below(&world->rng, bound);
}

int64_t world_spread(struct world *world, int64_t bound)
{
    assert(bound >= 1);
    uint64_t magnitude = 64 - (uint64_t)__builtin_clzll((uint64_t)bound);
    uint64_t top = UINT64_C(1) << (1 + world_below(world, magnitude));
    uint64_t below = top < (uint64_t)bound ? top : (uint64_t)bound;
    return 1 + (int64_t)world_below(world, below);
}

bool world_strikes(struct world *world, enum fault fault)
{
    return fault_strikes(&world->faults, &world->rng, fault);
}

uint32_t world_ticket(struct world *world)
{
    return ++world->tickets;
}

void world_put(struct world *world, int64_t due_ms, enum event_kind kind, unsigned index,
               uint32_t ticket)
{
    events_put(&world->events, &world->rng, due_ms, kind, index, ticket);
}

/* ---- what goes wrong by itself ---- */

static struct worker *any_worker(struct world *world)
{
    return &world->workers[world_below(world, world->worker_count)];
}

static void trouble_worker(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (!worker_alive(worker))
        return;
    if (world_strikes(world, FAULT_FREEZE))
        worker_freeze(worker, world_spread(world, HOUR_MS));
    if (world_strikes(world, FAULT_MONOTONIC_JUMP))
        worker_jump(worker, world_spread(world, 3 * HOUR_MS));
    if (world_strikes(world, FAULT_WALL_JUMP))
        worker->wall_ms += (int64_t)world_below(world, 20 * (uint64_t)HOUR_MS) - 10 * HOUR_MS;
    store_upkeep(worker);
}

/* A good message, as soon as the one before is a row. */
static void send_fresh(struct world *world)
{
    if (world->fresh_by_ms != INT64_MAX || world->message_count == MESSAGES_MAX ||
        world_below(world, 4) == 0)
        return;
    world->fresh = world->message_count;
    world->fresh_by_ms = world->now_ms + FRESH_MS;
    messages_send(world, 1);
    queue_wake_polls(world);
}

static void tick(struct world *world)
{
    if (world->phase != PHASE_CHAOS)
        return;
    if (!world->store.down && world_strikes(world, FAULT_STORE_OUTAGE))
        store_leave(world, world_spread(world, HOUR_MS / 2));
    if (!world->store.down && world_strikes(world, FAULT_LONG_OUTAGE))
        store_leave(world, HOUR_MS / 6 + world_spread(world, 5 * HOUR_MS));
    if (!world->store.unclear &&
        world->faults.chance[FAULT_STORE_UNCLEAR] > world_below(world, 65536))
        store_be_unclear(world);
    if (!world->store.stuck && world->faults.chance[FAULT_STORE_STUCK] > world_below(world, 65536))
        store_be_stuck(world);
    if (!world->queue.entries_fail && world_strikes(world, FAULT_ENTRIES_FAIL))
        queue_fail_entries(world);
    if (!world->queue.away && world_strikes(world, FAULT_QUEUE_OUTAGE))
        queue_leave(world);
    if (world->refills_left > 0 && world_strikes(world, FAULT_REFILL)) {
        world->refills_left--;
        messages_send(world, (unsigned)world_spread(world, 60));
        queue_wake_polls(world);
    }
    if (world->crowd)
        send_fresh(world);
    trouble_worker(world);
    world_put(world, world->now_ms + world_spread(world, 2 * world->tick_ms), EVENT_TICK, 0, 0);
}

/* At any step of any worker. */
static void kill_or_stop(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (!worker_alive(worker))
        return;
    if (fault_strikes_rarely(&world->faults, &world->rng, FAULT_CRASH, 16))
        worker_crash(worker);
    else if (!worker->asked_to_stop &&
             fault_strikes_rarely(&world->faults, &world->rng, FAULT_STOP, 16))
        worker_stop(worker);
}

/* ---- events ---- */

/* Whose process must be running for it to happen; NULL: it happens anyway. */
static struct worker *hearer(struct world *world, const struct event *event)
{
    switch ((enum event_kind)event->kind) {
    case EVENT_ANSWER: {
        const struct request *request = &world->requests[event->index];
        struct worker *worker = &world->workers[request->worker];
        return request->instance == worker->instance ? worker : NULL;
    }
    case EVENT_SESSION: return &world->workers[event->index / SESSIONS_MAX];
    case EVENT_WAKE: return &world->workers[event->index];
    case EVENT_TRANSACTION: {
        const struct transaction *transaction = &world->transactions[event->index];
        struct worker *worker = &world->workers[transaction->worker];
        bool tells = transaction->state == TRANSACTION_OVER || transaction->answer_lost;
        return tells && transaction->instance == worker->instance ? worker : NULL;
    }
    case EVENT_SERVE:
    case EVENT_START:
    case EVENT_THAW:
    case EVENT_TICK:
    case EVENT_STORE_BACK:
    case EVENT_STORE_CLEAR:
    case EVENT_STORE_UNSTUCK:
    case EVENT_QUEUE_BACK:
    case EVENT_ENTRIES_BACK: break;
    }
    return NULL;
}

static bool is_void(const struct world *world, const struct event *event)
{
    const struct request *request = &world->requests[event->index % REQUESTS_MAX];
    const struct transaction *transaction = &world->transactions[event->index % TRANSACTIONS_MAX];
    const struct worker *worker = &world->workers[event->index % WORKERS_MAX];
    switch ((enum event_kind)event->kind) {
    case EVENT_SERVE:
        return !request->used || request->serve_ticket != event->ticket || request->served;
    case EVENT_ANSWER:
        return !request->used || request->answer_ticket != event->ticket || request->answered;
    case EVENT_TRANSACTION: return !transaction->used || transaction->ticket != event->ticket;
    case EVENT_SESSION:
        return world->workers[event->index / SESSIONS_MAX]
                   .sessions[event->index % SESSIONS_MAX]
                   .ticket != event->ticket;
    case EVENT_WAKE: return worker->wake_ticket != event->ticket;
    case EVENT_THAW: return worker->thaw_ticket != event->ticket;
    case EVENT_START: return worker->pipeline != NULL || world->phase != PHASE_CHAOS;
    case EVENT_TICK:
    case EVENT_STORE_BACK:
    case EVENT_STORE_CLEAR:
    case EVENT_STORE_UNSTUCK:
    case EVENT_QUEUE_BACK:
    case EVENT_ENTRIES_BACK: break;
    }
    return false;
}

static void happen(struct world *world, const struct event *event)
{
    unsigned index = event->index;
    switch ((enum event_kind)event->kind) {
    case EVENT_SERVE: queue_serve(world, &world->requests[index]); return;
    case EVENT_ANSWER: queue_answer(world, &world->requests[index]); return;
    case EVENT_TRANSACTION: store_transaction(world, &world->transactions[index]); return;
    case EVENT_SESSION:
        store_session(&world->workers[index / SESSIONS_MAX], index % SESSIONS_MAX);
        return;
    case EVENT_WAKE: worker_wake(&world->workers[index]); return;
    case EVENT_START: worker_start(&world->workers[index]); return;
    case EVENT_THAW: worker_thaw(&world->workers[index]); return;
    case EVENT_TICK: tick(world); return;
    case EVENT_STORE_BACK: store_back(world); return;
    case EVENT_STORE_CLEAR: world->store.unclear = false; return;
    case EVENT_STORE_UNSTUCK: world->store.stuck = false; return;
    case EVENT_QUEUE_BACK: queue_back(world); return;
    case EVENT_ENTRIES_BACK: world->queue.entries_fail = false; return;
    }
    assert(!"an event that is none");
}

/* Turns come before time goes on, of the workers in any order. False: none had reason to. */
static bool turn_all(struct world *world)
{
    bool any = false;
    unsigned from = (unsigned)world_below(world, world->worker_count);
    for (unsigned i = 0; i < world->worker_count; i++) {
        struct worker *worker = &world->workers[(from + i) % world->worker_count];
        if (!worker->dirty || !worker_alive(worker) || worker->frozen ||
            world->broken != PROMISE_NONE)
            continue;
        worker_turn(worker);
        any = true;
    }
    return any;
}

static bool should_have_ended(const struct worker *worker)
{
    int64_t end_ms = worker->stop_at_ms + worker->config.shutdown_timeout_ms;
    return (worker->asked_to_stop && worker_now(worker) > end_ms) || check_is_overdue(worker) ||
           check_waits_too_long(worker);
}

static void check_deadlines(struct world *world)
{
    for (unsigned i = 0; i < world->worker_count; i++) {
        struct worker *worker = &world->workers[i];
        bool late = worker_alive(worker) && !worker->frozen && should_have_ended(worker);
        if (!late)
            worker->late_since_ms = INT64_MAX;
        else if (worker->late_since_ms == INT64_MAX)
            worker->late_since_ms = world->now_ms;
        else if (world->now_ms - worker->late_since_ms > LATE_MS)
            broken(world, worker, PROMISE_SHUTDOWN, "it should have come to its end, and goes on");
    }
}

/* However often the bad rows come again, a good one does not wait behind all of them. */
static void check_fresh(struct world *world)
{
    if (world->phase != PHASE_CHAOS || world->messages[world->fresh].rows > 0)
        world->fresh_by_ms = INT64_MAX;
    if (world->now_ms > world->fresh_by_ms)
        broken(world, NULL, PROMISE_ONE_BAD, "message %u is good, and waits behind bad ones",
               world->fresh);
}

static void step(struct world *world)
{
    if (world->events.heap[0].due_ms > world->now_ms && turn_all(world))
        return; /* there may be earlier events now */
    struct event event = events_take(&world->events);
    if (is_void(world, &event))
        return;
    struct worker *worker = hearer(world, &event);
    if (worker != NULL && worker->frozen) {
        world_put(world, worker->thaw_ms, (enum event_kind)event.kind, event.index, event.ticket);
        return;
    }
    world->steps++;
    if (event.due_ms > world->now_ms)
        world->now_ms = event.due_ms;
    happen(world, &event);
    if (world->phase == PHASE_CHAOS)
        kill_or_stop(world);
    for (unsigned i = 0; i < world->worker_count && world->broken == PROMISE_NONE; i++)
        if (worker_alive(&world->workers[i]) && world->workers[i].dirty)
            check_worker(&world->workers[i]);
    if (world_below(world, 8) == 0)
        (void)turn_all(world); /* turning more often is harmless */
    check_deadlines(world);
    if (world->fresh_by_ms != INT64_MAX)
        check_fresh(world);
}

/* ---- phases ---- */

static unsigned alive_count(const struct world *world)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->worker_count; i++)
        count += worker_alive(&world->workers[i]);
    return count;
}

static void stop_all(struct world *world)
{
    for (unsigned i = 0; i < world->worker_count; i++)
        if (worker_alive(&world->workers[i]))
            worker_stop(&world->workers[i]);
}

/* From now on all goes well. Some are stopped, some killed, the others are left to finish. */
static void begin_calm(struct world *world)
{
    trace(world, NULL, "from now on all goes well");
    world->phase = PHASE_CALM;
    world->phase_end_ms = world->now_ms + CALM_MS;
    faults_cease(&world->faults);
    store_back(world);
    world->store.unclear = world->store.stuck = false;
    world->store.clear_rows = true;
    queue_back(world);
    world->queue.entries_fail = false;
    world->queue.answer_max = LE_ANSWER_BYTES_MAX;
    for (unsigned i = 0; i < world->worker_count; i++) {
        struct worker *worker = &world->workers[i];
        if (!worker_alive(worker))
            continue;
        worker_thaw(worker);
        uint64_t fate = world_below(world, 6);
        if (fate < 2)
            worker_stop(worker);
        else if (fate == 2)
            worker_crash(worker);
    }
}

static bool all_settled(const struct world *world)
{
    return world->open_good == 0 &&
           (world->open_bad == 0 || world->on_reject == LE_ON_REJECT_LEAVE);
}

static bool is_settled(const struct world *world, unsigned index)
{
    const struct message *message = &world->messages[index];
    return message->deleted || (message->bad && world->on_reject == LE_ON_REJECT_LEAVE);
}

static void begin_round(struct world *world)
{
    struct worker *worker = &world->workers[0];
    int64_t next_ms = INT64_MAX;
    for (unsigned i = 0; i < world->message_count; i++)
        if (!is_settled(world, i) && world_free_at_ms(world, i) < next_ms)
            next_ms = world_free_at_ms(world, i);
    if (next_ms != INT64_MAX && next_ms > world->now_ms)
        world->now_ms = next_ms;
    world->last_rounds++;
    worker_draw_last(worker);
    worker->config.field_count = world_field_count();
    worker_start(worker);
}

/* Bad rows that are left, and come again before all of them have been tried, take up all the room
 * that there is: a queue that hands out the oldest first gives nothing else. In a FIFO queue one is
 * enough to hold up its group until the redrive, which may take longer. */
static bool fill_all_room(const struct world *world, const struct le_pipeline_config *config)
{
    uint64_t rows = 0, bytes = 0;
    for (unsigned i = 0; i < world->message_count; i++) {
        const struct message *message = &world->messages[i];
        if (message->bad && !message->deleted) {
            rows++;
            bytes += message->body_len;
        }
    }
    return rows >= (uint64_t)config->batch_rows * ((config->lanes + 1) / 2) ||
           4 * bytes >= config->memory_limit;
}

static bool some_have_no_room(const struct world *world)
{
    bool some = false;
    for (unsigned i = 0; i < world->worker_count; i++) {
        const struct worker *worker = &world->workers[i];
        bool leaves = worker_alive(worker) && worker->config.on_reject == LE_ON_REJECT_LEAVE;
        some = some || (leaves && (world->fifo ||
                                   (world->open_bad > 0 && fill_all_room(world, &worker->config))));
    }
    return some;
}

/* Those that leave bad messages may have ended before the others that were stopped with them. */
static bool some_are_to_go_on(const struct world *world)
{
    bool some = false;
    for (unsigned i = 0; i < world->worker_count; i++)
        some = some || (worker_alive(&world->workers[i]) && !world->workers[i].asked_to_stop);
    return some;
}

static void go_on_calm(struct world *world)
{
    bool over = world->now_ms > world->phase_end_ms;
    if (world->open_good == 0 || (over && some_have_no_room(world)))
        stop_all(world);
    if (over && some_are_to_go_on(world))
        broken(world, NULL, PROMISE_PROGRESS,
               "all has been well for hours, and %u good messages are still in the queue",
               world->open_good);
    if (alive_count(world) == 0)
        world->phase = PHASE_LAST;
}

static void go_on_last(struct world *world)
{
    if (alive_count(world) > 0)
        return;
    if (all_settled(world)) {
        world->phase = PHASE_OVER;
        return;
    }
    if (world->last_rounds == LAST_ROUNDS_MAX)
        broken(world, NULL, PROMISE_PROGRESS, "drains do not empty the queue");
    begin_round(world);
}

static void go_on(struct world *world)
{
    bool chaos_over = world->now_ms >= world->phase_end_ms || world->steps >= world->phase_steps ||
                      world->delivery_count > DELIVERIES_MAX / 2;
    if (world->phase == PHASE_CHAOS && chaos_over)
        begin_calm(world);
    if (world->phase == PHASE_CALM)
        go_on_calm(world);
    if (world->phase == PHASE_LAST)
        go_on_last(world);
    /* Of a FIFO queue workers may have nothing to do for hours but to ask, until a redrive. */
    if (world->steps > (world->fifo ? 5 * STEPS_MAX : STEPS_MAX))
        broken(world, NULL, PROMISE_PROGRESS, "the world does not end");
    if (world->events.overflow)
        broken(world, NULL, PROMISE_PROGRESS, "more events are due than the simulator can hold");
}

/* Whoever is still there goes without a word. */
static void end_world(struct world *world)
{
    faults_cease(&world->faults);
    world->phase = PHASE_OVER;
    for (unsigned i = 0; i < world->worker_count; i++)
        if (worker_alive(&world->workers[i]))
            worker_crash(&world->workers[i]);
}

bool world_run(struct world *world, uint64_t seed, bool tracing)
{
    world_clear(world, seed, tracing);
    world_draw(world);
    long blocks = le_mem_live();
    while (world->phase != PHASE_OVER && world->broken == PROMISE_NONE) {
        if (world->events.count > 0)
            step(world);
        else if (!turn_all(world))
            world->now_ms += 1000;
        go_on(world);
    }
    if (world->broken == PROMISE_NONE)
        check_end(world);
    end_world(world);
    if (le_mem_live() != blocks)
        broken(world, NULL, PROMISE_MEMORY, "%ld blocks of memory were not freed",
               le_mem_live() - blocks);
    return world->broken == PROMISE_NONE;
}
