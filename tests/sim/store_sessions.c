/* Sessions with the store: they come, are busy, are lost when the store goes away, and come back.
 */
#include "check.h"
#include "store.h"
#include "trace.h"
#include "worker.h"

#include <assert.h>

#define RECONNECT_MS 20000
#define UNCLEAR_MS   300000
#define UPKEEP_MS    5000

void store_draw(struct world *world)
{
    static const int64_t notices_ms[] = {1, 1000, 30000}, limits_ms[] = {20, 500, 5000};
    world->store = (struct store){.notice_ms = notices_ms[world_below(world, 3)],
                                  .names_rows = world_below(world, 2) == 0,
                                  .rows_max = MESSAGES_MAX,
                                  .limit_ms = limits_ms[world_below(world, 3)]};
    if (world->faults.chance[FAULT_STATEMENT_LIMIT] > 0)
        world->store.rows_max = (unsigned)world_spread(world, 50);
}

static void session_at(struct worker *worker, unsigned session, int64_t at_ms)
{
    struct world *world = worker->world;
    worker->sessions[session].ticket = world_ticket(world);
    world_put(world, at_ms, EVENT_SESSION, worker->index * SESSIONS_MAX + session,
              worker->sessions[session].ticket);
}

void store_open(struct worker *worker)
{
    worker->store_failed = false;
    for (unsigned i = 0; i < worker->config.lanes; i++) {
        worker->sessions[i].state = i == 0 ? SESSION_IDLE : SESSION_DOWN;
        worker->sessions[i].transaction = 0;
        if (i > 0)
            session_at(worker, i, worker->world->now_ms + world_spread(worker->world, 500));
    }
}

/* The statement's outcome is unknown to its worker. It may not have arrived; or it goes on without
 * anybody waiting. */
static void cut_off(struct worker *worker, struct transaction *transaction)
{
    struct world *world = worker->world;
    transaction->orphan = true;
    if (transaction->state == TRANSACTION_SENT && world_below(world, 2) == 0)
        transaction->state = TRANSACTION_OVER;
    if (transaction->swallowed)
        transaction->used = false;
    transaction->err = world_below(world, 2) == 0 ? LE_ERR_CLOSED : LE_ERR_DATABASE;
    transaction->sqlstate = world_below(world, 2) == 0 ? "57P01" : "";
    if (transaction->op != NULL)
        store_answer(worker, transaction, LE_STORE_RETRY);
}

void store_lose_session(struct worker *worker, unsigned index)
{
    struct world *world = worker->world;
    struct session *session = &worker->sessions[index];
    unsigned transaction = session->state == SESSION_BUSY ? session->transaction : 0;
    session->state = SESSION_DOWN;
    session->transaction = 0;
    trace(world, worker, "session %u is lost", index);
    session_at(worker, index, world->now_ms + world_spread(world, RECONNECT_MS));
    if (transaction > 0)
        cut_off(worker, &world->transactions[transaction - 1]);
    worker_touch(worker);
}

void store_free_session(struct worker *worker, unsigned index)
{
    worker->sessions[index].state = SESSION_IDLE;
    worker->sessions[index].transaction = 0;
    worker_touch(worker);
}

void store_session(struct worker *worker, unsigned index)
{
    struct world *world = worker->world;
    if (worker->pipeline == NULL)
        return;
    switch (worker->sessions[index].state) {
    case SESSION_DOWN:
        if (world->store.down) {
            session_at(worker, index, world->store.back_ms + world_spread(world, RECONNECT_MS));
            return;
        }
        trace(world, worker, "session %u is up", index);
        store_free_session(worker, index);
        return;
    case SESSION_UPKEEP: store_free_session(worker, index); return;
    case SESSION_IDLE:
    case SESSION_BUSY: store_lose_session(worker, index); return;
    }
    assert(!"a state that is none");
}

void store_upkeep(struct worker *worker)
{
    struct world *world = worker->world;
    unsigned index = (unsigned)world_below(world, worker->config.lanes);
    if (world->store.down || worker->sessions[index].state != SESSION_IDLE ||
        !world_strikes(world, FAULT_UPKEEP))
        return;
    worker->sessions[index].state = SESSION_UPKEEP;
    session_at(worker, index, world->now_ms + world_spread(world, UPKEEP_MS));
}

/* ---- outages ---- */

static void notice(struct worker *worker)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < worker->config.lanes; i++) {
        if (worker->sessions[i].state == SESSION_UPKEEP)
            worker->sessions[i].state = SESSION_IDLE; /* its event is the loss now */
        if (worker->sessions[i].state != SESSION_DOWN)
            session_at(worker, i, world->now_ms + world_spread(world, world->store.notice_ms));
    }
}

void store_leave(struct world *world, int64_t for_ms)
{
    struct store *store = &world->store;
    store->down = true;
    store->outages++;
    store->crashed = world_below(world, 2) == 0;
    store->back_ms = world->now_ms + for_ms;
    trace(world, NULL, "the store is away for %.3f s (%s)", (double)for_ms / 1000,
          store->crashed ? "crash" : "network");
    for (unsigned i = 0; i < TRANSACTIONS_MAX && store->crashed; i++)
        if (world->transactions[i].used && world->transactions[i].state != TRANSACTION_OVER)
            world->transactions[i].aborts = world->transactions[i].answer_lost = true;
    for (unsigned i = 0; i < world->worker_count; i++)
        if (worker_alive(&world->workers[i]))
            notice(&world->workers[i]);
    world_put(world, store->back_ms, EVENT_STORE_BACK, 0, store->outages);
}

void store_back(struct world *world)
{
    if (world->store.down)
        trace(world, NULL, "the store is back");
    world->store.down = false;
}

void store_be_unclear(struct world *world)
{
    int64_t for_ms = world_spread(world, UNCLEAR_MS);
    world->store.unclear = true;
    trace(world, NULL, "the store refuses everything for %.3f s", (double)for_ms / 1000);
    world_put(world, world->now_ms + for_ms, EVENT_STORE_CLEAR, 0, 0);
}

void store_be_stuck(struct world *world)
{
    int64_t for_ms = world_spread(world, UNCLEAR_MS);
    world->store.stuck = true;
    trace(world, NULL, "no statement is done in time for %.3f s", (double)for_ms / 1000);
    world_put(world, world->now_ms + for_ms, EVENT_STORE_UNSTUCK, 0, 0);
}

/* ---- the port ---- */

static unsigned port_up(void *self)
{
    const struct worker *worker = self;
    unsigned count = 0;
    for (unsigned i = 0; i < worker->config.lanes && !worker->store_failed; i++)
        count += worker->sessions[i].state != SESSION_DOWN;
    return count;
}

static unsigned port_idle(void *self)
{
    const struct worker *worker = self;
    unsigned count = 0;
    for (unsigned i = 0; i < worker->config.lanes && !worker->store_failed; i++)
        count += worker->sessions[i].state == SESSION_IDLE;
    return count;
}

struct le_store_port store_port(struct worker *worker)
{
    return (struct le_store_port){
        .self = worker, .up = port_up, .idle = port_idle, .submit = store_submit};
}

void store_forget(struct worker *worker, bool done)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < TRANSACTIONS_MAX; i++) {
        struct transaction *transaction = &world->transactions[i];
        if (!transaction->used || transaction->worker != worker->index ||
            transaction->instance != worker->instance)
            continue;
        if (done && transaction->op != NULL && !transaction->orphan)
            store_answer(worker, transaction, LE_STORE_RETRY);
        transaction->op = NULL;
        transaction->orphan = true;
        if (transaction->state != TRANSACTION_OVER && world_below(world, 2) == 0)
            transaction->aborts = true;
        if (transaction->swallowed)
            transaction->used = false;
    }
    for (unsigned i = 0; i < SESSIONS_MAX; i++)
        worker->sessions[i] = (struct session){.state = SESSION_DOWN};
}
