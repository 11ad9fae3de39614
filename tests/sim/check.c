/* Checks of one worker: its books, its memory, its end. */
#include "check.h"

#include "loginetl/pipeline/internal.h"
#include "queue.h"
#include "trace.h"
#include "worker.h"

#include <inttypes.h>

#define IDLE_TURNS_MAX 100
#define IDLE_TURN_MS \
    50 /* how far apart turns that do nothing must be, when there are so many of them */
#define QUICK_STOP_MS 5000

/* ---- books ---- */

static void compare(struct worker *worker, const char *what, uint64_t said, uint64_t counted)
{
    if (said != counted)
        broken(worker->world, worker, PROMISE_BOOKS,
               "the books say %" PRIu64 " %s, the world counted %" PRIu64, said, what, counted);
}

static void check_books(struct worker *worker)
{
    const struct le_books *books = le_pipeline_books(worker->pipeline);
    const struct counts *counts = &worker->counts;
    compare(worker, "received", books->received, counts->received);
    compare(worker, "inserted", books->inserted, counts->inserted);
    compare(worker, "deleted", books->deleted, counts->deleted);
    compare(worker, "dead-lettered", books->dead_lettered, counts->dead_lettered);
    compare(worker, "received in all columns",
            books->inserted + books->duplicate + books->rejected + books->released +
                books->in_flight,
            books->received);
    if (books->duplicate < counts->duplicate + counts->copies)
        compare(worker, "duplicate", books->duplicate, counts->duplicate + counts->copies);
    uint64_t rejected = 0;
    for (int reason = 0; reason < LE_REJECT_COUNT; reason++)
        rejected += books->rejected_by[reason];
    compare(worker, "rejected by all reasons", rejected, books->rejected);
    if (worker->config.max_messages > 0 && books->received > worker->config.max_messages)
        broken(worker->world, worker, PROMISE_BOOKS,
               "%" PRIu64 " messages were received, and no more than %" PRIu64 " were wanted",
               books->received, worker->config.max_messages);
}

/* ---- memory ---- */

/* What one answer can bring: its buffer, which grows by doubling, a copy of each body that has
 * escapes, and the messages. */
static size_t answer_bytes_max(const struct worker *worker)
{
    const struct world *world = worker->world;
    size_t largest = 0;
    for (unsigned i = 0; i < world->message_count; i++)
        if (world->messages[i].body_len > largest)
            largest = world->messages[i].body_len;
    size_t answer = LE_SQS_BATCH_MAX * (largest + 200);
    if (answer > world->queue.answer_max)
        answer = world->queue.answer_max;
    return 3 * answer + LE_SQS_BATCH_MAX * worker->pipeline->message_size;
}

/* A receive is sent only while what is held, and what its answer is expected to bring, stays below
 * the limit; what an answer really brings is known when it is there. So the limit is overstepped by
 * the answers under way, at most. */
static void check_memory(struct worker *worker)
{
    struct le_pipeline_gauges gauges;
    le_pipeline_gauges(worker->pipeline, &gauges);
    if (gauges.bytes <= worker->config.memory_limit)
        return;
    if (gauges.bytes > worker->bytes_bound) /* larger messages may have come since */
        worker->bytes_bound =
            worker->config.memory_limit + worker->config.concurrency * answer_bytes_max(worker);
    if (gauges.bytes > worker->bytes_bound)
        broken(worker->world, worker, PROMISE_MEMORY, "%zu bytes are held, with a limit of %zu",
               gauges.bytes, worker->config.memory_limit);
    uint64_t rows = (uint64_t)worker->config.batch_rows * ((worker->config.lanes + 1) / 2) +
                    (uint64_t)worker->config.concurrency * LE_SQS_BATCH_MAX;
    if (gauges.waiting + gauges.submitted > rows)
        broken(worker->world, worker, PROMISE_MEMORY, "%u rows wait or are submitted",
               gauges.waiting + gauges.submitted);
}

void check_worker(struct worker *worker)
{
    check_books(worker);
    check_memory(worker);
}

void check_turn(struct worker *worker)
{
    struct world *world = worker->world;
    bool late = worker->asked_to_stop &&
                worker_now(worker) >= worker->stop_at_ms + worker->config.shutdown_timeout_ms;
    if (late && !le_pipeline_finished(worker->pipeline, NULL))
        broken(world, worker, PROMISE_SHUTDOWN, "it goes on after its shutdown timeout");
    if (worker->acted)
        worker->idle_turns = 0;
    if (worker->idle_turns++ == 0)
        worker->idle_since_ms = world->now_ms;
    if (worker->idle_turns < IDLE_TURNS_MAX)
        return;
    if (world->now_ms - worker->idle_since_ms < (int64_t)IDLE_TURNS_MAX * IDLE_TURN_MS)
        broken(world, worker, PROMISE_PROGRESS, "%d turns that did nothing in %.3f s",
               IDLE_TURNS_MAX, (double)(world->now_ms - worker->idle_since_ms) / 1000);
    worker->idle_turns = 0;
}

/* ---- the end ---- */

static void check_why(struct worker *worker, enum le_err why)
{
    struct world *world = worker->world;
    bool gave_up = why == LE_ERR_DATABASE || why == LE_ERR_SERVICE;
    if (why == LE_OK && worker->must_fail)
        broken(world, worker, PROMISE_PROGRESS,
               "it ends well, although a person must mend something");
    if (why == LE_OK)
        return;
    if (gave_up && worker->config.patience_ms == 0)
        broken(world, worker, PROMISE_PROGRESS, "it lost a patience that it was not given: %s",
               le_err_name(why));
    /* A table that refuses one row after the other tries the patience of a drain. */
    bool refused =
        le_pipeline_books(worker->pipeline)->rejected_by[LE_REJECT_CONSTRAINT] >= LE_REFUSED_MAX;
    if (gave_up && world->phase == PHASE_LAST && !refused)
        broken(world, worker, PROMISE_PROGRESS, "it gave up, although all is well: %s",
               le_err_name(why));
    if (!gave_up && !worker->fatal)
        broken(world, worker, PROMISE_PROGRESS,
               "it failed, although nothing fatal happened to it: %s", le_err_name(why));
}

/* Every message that it took up has had one end. */
static void check_settled(struct worker *worker)
{
    const struct le_books *books = le_pipeline_books(worker->pipeline);
    const struct counts *counts = &worker->counts;
    compare(worker, "in flight at the end", books->in_flight, 0);
    compare(worker, "deleted, given up or left",
            books->deleted + books->delete_failed + books->left,
            counts->inserted + counts->duplicate + books->rejected);
}

/* Nothing stays hidden that it has not finished. */
static void check_given_back(struct worker *worker)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < world->message_count; i++) {
        const struct message *message = &world->messages[i];
        if (message->deleted || message->newest == 0 || message->visible_at_ms <= world->now_ms)
            continue;
        if (world->deliveries[message->newest].instance != worker->instance)
            continue;
        bool unclear = check_may_convict(&worker->known[i]);
        bool left = worker->config.on_reject == LE_ON_REJECT_LEAVE     ? message->bad || unclear
                    : worker->config.on_reject == LE_ON_REJECT_DISCARD ? unclear
                                                                       : false;
        if (!left)
            broken(world, worker, PROMISE_SHUTDOWN,
                   "it has ended, and message %u stays hidden for %.3f s more", i,
                   (double)(message->visible_at_ms - world->now_ms) / 1000);
    }
}

void check_finished(struct worker *worker, enum le_err why)
{
    struct world *world = worker->world;
    bool let_go = worker->pipeline->closed;
    check_why(worker, why);
    if (!let_go)
        check_settled(worker);
    if (let_go && world->sound && worker->config.shutdown_timeout_ms >= QUICK_STOP_MS)
        broken(world, worker, PROMISE_SHUTDOWN,
               "it ran into its shutdown timeout, although the queue is well");
    if (!let_go && world->sound && why == LE_OK)
        check_given_back(worker);
    if (why == LE_OK)
        check_drained(worker);
}
