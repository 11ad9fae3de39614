/* Checks of a drain's end: it comes when the queue has nothing more to give, and not before. */
#include "check.h"
#include "loginetl/pipeline/internal.h"
#include "trace.h"
#include "worker.h"

static void hide(struct worker *worker)
{
    int64_t lease_ms = (int64_t)worker->config.visibility_s * 1000;
    worker->hidden_until_ms =
        worker_now(worker) + (lease_ms < LE_HIDDEN_WAIT_MAX_MS ? lease_ms : LE_HIDDEN_WAIT_MAX_MS);
}

/* Of an answer that failed so, nobody knows what it leased. */
static bool may_have_leased(enum le_err err)
{
    return err == LE_ERR_TIMEOUT || err == LE_ERR_CLOSED || err == LE_ERR_PROTOCOL ||
           err == LE_ERR_TOO_LARGE || err == LE_ERR_NOMEM;
}

void check_hidden(struct worker *worker, enum le_err err, bool let_go)
{
    if (worker->pipeline->closed)
        return;
    bool waits = let_go && worker->let_go_waits < LE_LET_GO_WAITS_MAX;
    worker->hides_let_go = worker->hides_let_go || waits;
    if (waits || may_have_leased(err))
        hide(worker);
}

void check_receive_sent(struct worker *worker)
{
    worker->receive_sent_ms = worker_now(worker);
    if (worker_now(worker) < worker->hidden_until_ms)
        return;
    worker->hidden_until_ms = INT64_MAX;
    worker->let_go_waits += worker->hides_let_go && worker->heard_empty;
    worker->hides_let_go = false;
}

bool check_waits_too_long(const struct worker *worker)
{
    struct le_pipeline_gauges gauges;
    if (!worker->config.drain || worker->pipeline->stopping || worker->receives > 0 ||
        worker->away_since_ms != INT64_MAX || worker->hidden_until_ms == INT64_MAX)
        return false;
    le_pipeline_gauges(worker->pipeline, &gauges);
    return gauges.bytes == 0 && worker_now(worker) > worker->hidden_until_ms + LE_BACKOFF_MAX_MS;
}

/* When all goes well, what became visible since its last poll is the next one's. */
static void check_nothing_left(struct worker *worker)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < world->message_count; i++) {
        const struct message *message = &world->messages[i];
        if (!message->deleted && !message->bad && !world_is_blocked(world, i) &&
            world_free_at_ms(world, i) < worker->received_at_ms)
            broken(world, worker, PROMISE_PROGRESS,
                   "the drain is over, and message %u is still there to be received", i);
    }
}

void check_drained(struct worker *worker)
{
    struct world *world = worker->world;
    const struct le_pipeline_config *config = &worker->config;
    uint64_t received = le_pipeline_books(worker->pipeline)->received;
    if (world->phase == PHASE_LAST)
        check_nothing_left(worker);
    bool limited = config->max_messages > 0 && received >= config->max_messages;
    if (!config->drain || worker->pipeline->stopping || limited)
        return;
    if (!worker->heard_empty)
        broken(world, worker, PROMISE_PROGRESS,
               "the drain is over, and its last receive did not find the queue empty");
    if (worker->hidden_until_ms != INT64_MAX)
        broken(world, worker, PROMISE_PROGRESS,
               "the drain is over, without a look for what is leased to it and was never read");
}
