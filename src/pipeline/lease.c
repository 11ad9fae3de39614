/* Leases: a message's visibility timeout is extended at half its life while the message is still
 * ours, always with its newest receipt handle; and messages are handed back by a visibility timeout
 * of 0. */
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

static struct le_message *of_lease_node(struct le_node *node)
{
    return le_container_of(node, struct le_message, lease_node);
}

/* All leases are of one length, so the place is at or near the tail. */
void le_lease_put(struct le_pipeline *pipeline, struct le_message *message, int64_t end_ms)
{
    if (le_node_linked(&message->lease_node))
        le_list_remove(&pipeline->leases, &message->lease_node);
    message->lease_end_ms = end_ms;
    struct le_node *at = &pipeline->leases.head;
    while (at->prev != &pipeline->leases.head && of_lease_node(at->prev)->lease_end_ms > end_ms)
        at = at->prev;
    le_list_insert_before(&pipeline->leases, at, &message->lease_node);
}

/* The message may be visible to others from now on. It goes on here all the same: the ledger
 * absorbs what happens twice. */
static void lost(struct le_pipeline *pipeline, struct le_message *message)
{
    pipeline->books.leases_lost++;
    if (le_node_linked(&message->lease_node))
        le_list_remove(&pipeline->leases, &message->lease_node);
}

static void extended(struct le_pipeline *pipeline, struct le_message *message,
                     enum le_entry_outcome outcome, int64_t end_ms)
{
    /* A deletion may have overtaken the extension; a newer handle brought a newer lease. */
    bool ours = message->state != LE_MESSAGE_DELETING && message->lease_end_ms < end_ms;
    if (outcome == LE_ENTRY_OK && ours) {
        pipeline->books.leases_extended++;
        le_lease_put(pipeline, message, end_ms);
    } else if ((outcome == LE_ENTRY_GIVE_UP || outcome == LE_ENTRY_DENIED) && ours) {
        lost(pipeline, message);
    }
}

/* Entries that failed are due at once. */
static bool got_on(const struct le_entries_op *op)
{
    bool any = false;
    for (size_t i = 0; op->err == LE_OK && i < op->count; i++)
        any = any || op->outcomes[i] != LE_ENTRY_RETRY;
    return any;
}

static void extension_answered(struct le_pipeline *pipeline, struct le_entries_op *op,
                               int64_t now_ms)
{
    le_queue_answered(pipeline, op->err, now_ms);
    if (got_on(op))
        le_backoff_reset(&pipeline->extend_backoff);
    else
        pipeline->extend_at_ms =
            now_ms + le_backoff_next(&pipeline->extend_backoff, &pipeline->rng);
}

static void extend_done(struct le_entries_op *op)
{
    struct le_pipeline *pipeline = op->owner;
    int64_t end_ms = op->sent_at_ms + (int64_t)op->visibility_s * 1000;
    assert(pipeline->extends > 0);
    pipeline->extends--;
    if (!pipeline->closed)
        extension_answered(pipeline, op, le_pipeline_now(pipeline));
    for (size_t i = 0; i < op->count; i++) {
        struct le_message *message = op->entries[i];
        message->extending = false;
        if (message->ended)
            le_message_end(pipeline, message);
        else if (!pipeline->closed)
            extended(pipeline, message, le_entries_outcome(op, i), end_ms);
    }
    le_entries_give_back(pipeline, op);
}

static bool wants_extension(const struct le_message *message)
{
    return !message->extending && message->state != LE_MESSAGE_RELEASING &&
           message->state != LE_MESSAGE_DELETING;
}

/* Up to ten whose half-life has come or is near: those that came together are extended together. */
static size_t pick(struct le_pipeline *pipeline, struct le_message *picked[LE_SQS_BATCH_MAX],
                   int64_t due_ms)
{
    size_t count = 0;
    struct le_node *node = le_list_first(&pipeline->leases);
    while (node != NULL && count < LE_SQS_BATCH_MAX) {
        struct le_message *message = of_lease_node(node);
        if (message->lease_end_ms > due_ms)
            break;
        if (wants_extension(message))
            picked[count++] = message;
        node = le_list_next(&pipeline->leases, node);
    }
    return count;
}

static void send_extension(struct le_pipeline *pipeline, struct le_entries_op *op,
                           struct le_message *const *picked, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        picked[i]->extending = true;
        op->entries[i] = picked[i];
        op->handles[i] = picked[i]->receipt_handle;
    }
    op->count = count;
    op->visibility_s = pipeline->config.visibility_s;
    pipeline->extends++;
    pipeline->queue.extend(pipeline->queue.self, op);
}

static void drop_ended_leases(struct le_pipeline *pipeline, int64_t now_ms)
{
    struct le_node *node;
    while ((node = le_list_first(&pipeline->leases)) != NULL &&
           of_lease_node(node)->lease_end_ms <= now_ms)
        lost(pipeline, of_lease_node(node));
}

int64_t le_lease_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    drop_ended_leases(pipeline, now_ms);
    struct le_node *first = le_list_first(&pipeline->leases);
    if (first == NULL)
        return LE_NEVER;
    int64_t half_ms = (int64_t)pipeline->config.visibility_s * 500;
    int64_t due_ms = of_lease_node(first)->lease_end_ms - half_ms;
    if (now_ms < due_ms)
        return due_ms;
    if (now_ms < pipeline->extend_at_ms)
        return pipeline->extend_at_ms;
    while (pipeline->extends < LE_EXTEND_OPS_MAX) {
        struct le_message *picked[LE_SQS_BATCH_MAX];
        size_t count = pick(pipeline, picked, now_ms + half_ms + half_ms / 4);
        struct le_entries_op *op = count > 0 ? le_entries_take(pipeline, extend_done) : NULL;
        if (op == NULL)
            break;
        send_extension(pipeline, op, picked, count);
    }
    /* What is left is being extended or deleted: look again a little later, and when its lease
     * ends. */
    return now_ms + half_ms / 4 + 1;
}

/* ---- handing back ---- */

void le_let_go(struct le_pipeline *pipeline, struct le_message *message)
{
    pipeline->books.released++;
    le_message_abandon(pipeline, message);
}

static void release_entry_done(struct le_pipeline *pipeline, struct le_message *message,
                               enum le_entry_outcome outcome, int64_t now_ms)
{
    if (outcome == LE_ENTRY_OK)
        le_backoff_reset(&pipeline->release_retry.backoff);
    if (outcome == LE_ENTRY_RETRY && ++message->tries < LE_TRIES_MAX)
        le_retry_put(pipeline, &pipeline->release_retry, message, now_ms);
    else if (message->handle_changed)
        le_list_push(&pipeline->releasing,
                     &message->queue_node); /* delivered again meanwhile: that one goes back too */
    else
        le_let_go(pipeline, message); /* handed back, or else it comes back when its lease ends */
}

static void release_done(struct le_entries_op *op)
{
    struct le_pipeline *pipeline = op->owner;
    int64_t now_ms = le_pipeline_now(pipeline);
    assert(pipeline->releases > 0);
    pipeline->releases--;
    if (!pipeline->closed) {
        le_queue_answered(pipeline, op->err, now_ms);
        for (size_t i = 0; i < op->count; i++)
            release_entry_done(pipeline, op->entries[i], le_entries_outcome(op, i), now_ms);
    }
    le_entries_give_back(pipeline, op);
}

/* One that is being extended waits for the answer: an extension that lands after the release would
 * hide the message again, with nobody to handle it. */
static void fill_release(struct le_pipeline *pipeline, struct le_entries_op *op)
{
    struct le_node *next, *node = le_list_first(&pipeline->releasing);
    for (; node != NULL && op->count < LE_SQS_BATCH_MAX; node = next) {
        struct le_message *message = le_container_of(node, struct le_message, queue_node);
        next = le_list_next(&pipeline->releasing, node);
        if (message->extending)
            continue;
        le_list_remove(&pipeline->releasing, node);
        message->handle_changed = false;
        op->handles[op->count] = message->receipt_handle;
        op->entries[op->count++] = message;
    }
}

int64_t le_release_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t next_ms = le_retry_release(&pipeline->release_retry, &pipeline->releasing, now_ms);
    while (pipeline->releasing.count > 0) {
        struct le_entries_op *op = le_entries_take(pipeline, release_done);
        if (op == NULL)
            break; /* one comes back with an event */
        fill_release(pipeline, op);
        if (op->count == 0) {
            le_entries_give_back(pipeline, op);
            break; /* the extensions' answers are events */
        }
        pipeline->releases++;
        pipeline->queue.extend(pipeline->queue.self, op);
    }
    return next_ms;
}
