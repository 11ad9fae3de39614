/* Checks of what a worker asks of its ports, and of what becomes of each message. */
#include "check.h"
#include "loginetl/pipeline/internal.h"
#include "queue.h"
#include "trace.h"
#include "worker.h"

#include <string.h>

#define HANDING_BACK_MS 60000

/* ---- the queue ---- */

void check_receive(struct worker *worker, const struct le_receive_op *op)
{
    struct world *world = worker->world;
    const struct le_pipeline_config *config = &worker->config;
    struct le_pipeline_gauges gauges;
    le_pipeline_gauges(worker->pipeline, &gauges);
    if (op->max_messages < 1 || op->max_messages > LE_SQS_BATCH_MAX ||
        op->visibility_s != config->visibility_s || op->wait_s < 0 || op->wait_s > 20 ||
        op->answer == NULL || op->answer->bytes.len != 0 || op->sent_at_ms != worker_now(worker))
        broken(world, worker, PROMISE_PORTS, "a receive that is not well formed");
    if (worker->receives >= config->concurrency)
        broken(world, worker, PROMISE_PORTS, "more receives than it may send at once");
    if (worker->asked_to_stop)
        broken(world, worker, PROMISE_SHUTDOWN, "it receives although it was asked to stop");
    if (worker->away_since_ms != INT64_MAX)
        broken(world, worker, PROMISE_OUTAGE, "it receives while its store is away");
    if (gauges.bytes > config->memory_limit)
        broken(world, worker, PROMISE_MEMORY, "it receives with %zu bytes held and a limit of %zu",
               gauges.bytes, config->memory_limit);
    if (gauges.waiting + gauges.submitted >=
        (uint64_t)config->batch_rows * ((config->lanes + 1) / 2))
        broken(world, worker, PROMISE_MEMORY, "it receives although %u rows wait",
               gauges.waiting + gauges.submitted);
}

/* The newest handle of that message that it was given, and no other. */
static void check_handle(struct worker *worker, unsigned index, uint32_t handle, const char *what)
{
    struct world *world = worker->world;
    const struct delivery *delivery = &world->deliveries[handle];
    if (handle == 0)
        broken(world, worker, PROMISE_PORTS, "%s of message %u with a handle that nobody gave",
               what, index);
    else if (delivery->message != index)
        broken(world, worker, PROMISE_PORTS, "%s of message %u with the handle of %u", what, index,
               delivery->message);
    else if (delivery->instance != worker->instance)
        broken(world, worker, PROMISE_PORTS, "%s of message %u with somebody else's handle", what,
               index);
    else if (handle < worker->known[index].newest && !worker->no_memory)
        broken(world, worker, PROMISE_LEASE,
               "%s of message %u with delivery %u's handle, when it has %u's", what, index, handle,
               worker->known[index].newest);
}

/* An unclear refusal may be the server's fault as well. A row is taken for bad when it was refused
 * alone, again and again, and other rows were stored between the first time and the last. A server
 * that stores some rows and refuses others by chance is not told from a bad row by that; nothing
 * could tell it. */
bool check_may_convict(const struct known *known)
{
    return known->alone_refused >= LE_UNCLEAR_TRIES && known->began_at > known->refused_at;
}

static void convict(struct worker *worker, unsigned index)
{
    struct world *world = worker->world;
    struct message *message = &world->messages[index];
    if (message->bad || !check_may_convict(&worker->known[index]))
        return;
    trace(world, worker, "message %u is good, and taken for bad", index);
    message->bad = message->bad_row = message->convicted = true;
    world->convicted++;
    if (message->deleted)
        return;
    world->open_good--;
    world->open_bad++;
}

void check_delete(struct worker *worker, unsigned index, uint32_t handle)
{
    struct world *world = worker->world;
    struct message *message = &world->messages[index];
    bool surely_bad = message->bad && (!message->bad_row || worker->known[index].refused_clearly);
    bool discards = surely_bad && worker->config.on_reject == LE_ON_REJECT_DISCARD;
    check_handle(worker, index, handle, "a delete");
    if (discards)
        message->discarded = true;
    else if (!worker->known[index].may_delete)
        broken(world, worker, PROMISE_LOST,
               "message %u is deleted before it was read that it is safe", index);
}

void check_extend(struct worker *worker, unsigned index, uint32_t handle)
{
    check_handle(worker, index, handle, "an extension");
    worker->known[index].extending++;
    if (worker->known[index].handing_back && !worker->no_memory)
        broken(worker->world, worker, PROMISE_LEASE,
               "the lease of message %u is extended after it was handed back", index);
}

/* A message is handed back when the worker stops, and once in an outage of the store that is longer
 * than leases are kept alive for it. It may take a moment: what is being extended goes later. */
void check_release(struct worker *worker, unsigned index, uint32_t handle)
{
    struct world *world = worker->world;
    struct message *message = &world->messages[index];
    struct known *known = &worker->known[index];
    bool stopping = worker->pipeline->stopping, first = !known->handing_back;
    bool long_away =
        worker->long_outage > 0 && world->now_ms - worker->long_until_ms <= HANDING_BACK_MS;
    /* An earlier one of its group comes again before it; or was settled by another worker. */
    bool in_order = world_is_blocked(world, index) || (world->fifo && !world->sound);
    check_handle(worker, index, handle, "a hand-back");
    if (known->extending > 0)
        broken(world, worker, PROMISE_LEASE,
               "message %u is handed back while an extension is under way", index);
    message->excused = known->handing_back = true;
    if (stopping && !long_away && worker->receives > 0 && queue_open_polls(worker) > 0 && !in_order)
        broken(world, worker, PROMISE_SHUTDOWN, "message %u is handed back into a poll of its own",
               index);
    if (!stopping && !long_away && first && !worker->fell_behind && !in_order)
        broken(world, worker, PROMISE_OUTAGE, "message %u is handed back without need", index);
    if (!stopping && first && message->outage == worker->long_outage && !in_order &&
        !world->faults.in_group[GROUP_CLOCK])
        broken(world, worker, PROMISE_OUTAGE, "message %u is handed back twice in one outage",
               index);
    if (long_away)
        message->outage = worker->long_outage;
}

void check_entry(struct worker *worker, unsigned index, const struct le_message *entry)
{
    if (world_find(worker->world, entry->message_id) != index)
        broken(worker->world, worker, PROMISE_PORTS,
               "message %u was not kept until its request was done", index);
}

void check_dead_letters(struct worker *worker, const struct le_entries_op *op)
{
    size_t bytes = 0;
    for (size_t i = 0; i < op->count; i++)
        bytes += op->entries[i]->body_len;
    if (op->count > 1 && bytes > LE_SQS_BATCH_BYTES_MAX)
        broken(worker->world, worker, PROMISE_PORTS, "%zu dead letters of %zu bytes in one request",
               op->count, bytes);
    for (size_t i = 1; i < op->count && worker->world->fifo; i++)
        if (!le_span_equal(op->entries[i]->group_id, op->entries[0]->group_id))
            broken(worker->world, worker, PROMISE_PORTS, "dead letters of several groups");
}

void check_dead_letter(struct worker *worker, unsigned index, const struct le_message *entry)
{
    struct world *world = worker->world;
    const struct message *message = &world->messages[index];
    convict(worker, index);
    if (!message->bad)
        broken(world, worker, PROMISE_ONE_BAD,
               "message %u is good, and is sent to the dead-letter queue", index);
    if (worker->config.on_reject != LE_ON_REJECT_DLQ)
        broken(world, worker, PROMISE_ONE_BAD, "a dead letter that nobody asked for");
    if (entry->reject.reason <= LE_REJECT_NONE || entry->reject.reason >= LE_REJECT_COUNT)
        broken(world, worker, PROMISE_ONE_BAD, "a dead letter without a reason");
    if (entry->body_len != message->body_len ||
        memcmp(entry->body, message->body, message->body_len) != 0)
        broken(world, worker, PROMISE_LOST, "the dead letter of message %u is not as it came",
               index);
}

/* ---- the store ---- */

/* user_id is "u17" for message 17, or "c17" when the store refuses it. */
static bool is_row_of(const struct message *message, unsigned index, const struct le_message *row)
{
    const struct le_cell *cell = &row->cells[0];
    unsigned number = 0;
    if (cell->kind != LE_CELL_TEXT || cell->len < 2 ||
        cell->text[0] != (message->bad_row && !message->convicted ? 'c' : 'u'))
        return false;
    for (uint32_t i = 1; i < cell->len; i++)
        number = number * 10 + (unsigned)(cell->text[i] - '0');
    return number == index;
}

static int by_key(const struct message *a, const struct message *b)
{
    if (a->sent_at_ms != b->sent_at_ms)
        return a->sent_at_ms < b->sent_at_ms ? -1 : 1;
    return memcmp(a->key, b->key, sizeof a->key);
}

static void check_row_given(struct worker *worker, const struct le_message *row, unsigned index)
{
    const struct message *message = &worker->world->messages[index];
    if (message->bad && !message->bad_row)
        broken(worker->world, worker, PROMISE_ONE_BAD,
               "message %u cannot become a row, and is submitted", index);
    else if (!is_row_of(message, index, row) || memcmp(row->id, message->key, sizeof row->id) != 0)
        broken(worker->world, worker, PROMISE_LOST, "the row of message %u is another one", index);
}

void check_submit(struct worker *worker, const struct le_submit_op *op)
{
    struct world *world = worker->world;
    unsigned before = MESSAGES_MAX;
    if (op->count < 1 || op->count > worker->config.batch_rows || op->count > MESSAGES_MAX) {
        broken(world, worker, PROMISE_PORTS, "a statement of %zu rows", op->count);
        return;
    }
    for (size_t i = 0; i < op->count; i++) {
        unsigned index = world_find(world, op->rows[i]->message_id);
        if (index == MESSAGES_MAX) {
            broken(world, worker, PROMISE_PORTS, "a row whose message nobody sent");
            return;
        }
        check_row_given(worker, op->rows[i], index);
        if (before == index)
            broken(world, worker, PROMISE_TWICE, "message %u stands twice in a batch", index);
        else if (before != MESSAGES_MAX &&
                 by_key(&world->messages[before], &world->messages[index]) > 0)
            broken(world, worker, PROMISE_PORTS, "a batch whose keys are not sorted");
        before = index;
    }
}

void check_rows(struct worker *worker, const struct le_submit_op *op, const uint16_t *messages)
{
    for (size_t i = 0; i < op->count; i++) {
        check_entry(worker, messages[i], op->rows[i]);
        if (worker->world->broken == PROMISE_NONE)
            check_row_given(worker, op->rows[i], messages[i]);
    }
}

/* ---- the messages ---- */

/* While queue, clocks and memory are sound, each receive count beyond the first has its reason: its
 * holder died or stopped, or handed it back. So none is spent on an outage that is shorter than
 * leases are kept alive for it, one on a longer one, and none at all by a lease that was not kept.
 */
void check_delivery(struct world *world, unsigned index)
{
    const struct message *message = &world->messages[index];
    if (!world->sound || message->receives == 0 || message->excused || message->bad)
        return;
    const struct delivery *last = &world->deliveries[message->newest];
    const struct worker *holder = &world->workers[last->worker];
    bool held = holder->pipeline != NULL && holder->instance == last->instance &&
                le_ids_find(holder->pipeline, message->key) != NULL;
    broken(world, holder, held ? PROMISE_LEASE : PROMISE_OUTAGE,
           "message %u spends a receive count, and nothing explains it", index);
}

void check_row(struct world *world, unsigned index)
{
    const struct message *message = &world->messages[index];
    if (message->rows > 1)
        broken(world, NULL, PROMISE_TWICE, "message %u is %u rows", index, message->rows);
    if (message->bad && !message->convicted)
        broken(world, NULL, PROMISE_ONE_BAD, "message %u is bad, and is a row", index);
}

void check_order(struct world *world, unsigned index)
{
    const struct message *later = &world->messages[index];
    for (unsigned i = 0; i < index && world->fifo; i++) {
        const struct message *earlier = &world->messages[i];
        bool settled = earlier->in_ledger || earlier->deleted || earlier->told_deleted;
        if (earlier->group == later->group && !settled)
            broken(world, NULL, PROMISE_ORDER,
                   "message %u of group %u is committed, and %u before it is not settled", index,
                   later->group, i);
    }
}

void check_deleted(struct world *world, unsigned index)
{
    const struct message *message = &world->messages[index];
    bool safe =
        message->rows > 0 || (message->bad && (message->dead_letters > 0 || message->discarded));
    if (!safe)
        broken(world, NULL, PROMISE_LOST, "message %u is deleted, and is nowhere else", index);
}

static void check_fate(struct world *world, unsigned index)
{
    const struct message *message = &world->messages[index];
    if (message->bad && !message->convicted && message->rows > 0)
        broken(world, NULL, PROMISE_ONE_BAD, "message %u is bad, and is a row", index);
    else if (message->bad && message->deleted && message->rows + message->dead_letters == 0 &&
             !message->discarded)
        broken(world, NULL, PROMISE_LOST, "message %u is bad, and is nowhere", index);
    else if (message->bad && !message->deleted && world->on_reject != LE_ON_REJECT_LEAVE)
        broken(world, NULL, PROMISE_LOST, "message %u is bad, and has stayed in the queue", index);
    else if (!message->bad && message->rows != 1 && !message->redriven)
        broken(world, NULL, message->rows == 0 ? PROMISE_LOST : PROMISE_TWICE,
               "message %u is %u rows", index, message->rows);
    else if (!message->bad && !message->deleted)
        broken(world, NULL, PROMISE_PROGRESS, "message %u has stayed in the queue", index);
    else if (!message->bad && message->dead_letters > 0 && !message->redriven)
        broken(world, NULL, PROMISE_ONE_BAD, "message %u is good, and in the dead-letter queue",
               index);
}

void check_end(struct world *world)
{
    for (unsigned i = 0; i < world->message_count; i++)
        check_fate(world, i);
}
