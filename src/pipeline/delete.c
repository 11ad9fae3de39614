/* Deleting what is committed (or rejected and kept elsewhere), ten at a time. */
#include "loginetl/base/log.h"
#include "loginetl/base/prefetch.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

void le_deletable_put(struct le_pipeline *pipeline, struct le_message *message, int64_t now_ms)
{
    le_message_set_state(pipeline, message, LE_MESSAGE_DELETABLE);
    if (pipeline->deletable.count == 0)
        pipeline->deletable_since_ms = now_ms;
    le_list_push(&pipeline->deletable, &message->queue_node);
}

/* The message comes back when its lease ends, and the ledger knows it. */
static void give_up(struct le_pipeline *pipeline, struct le_message *message)
{
    pipeline->books.delete_failed++;
    le_log(
        LE_LOG_WARN, "delete_failed", LE_FSPAN("message_id", message->message_id),
        LE_FS(
            "text",
            "a committed message could not be deleted; when it comes back it will be recognised"));
    le_message_abandon(pipeline, message);
}

static void again(struct le_pipeline *pipeline, struct le_message *message, int64_t now_ms)
{
    if (++message->tries >= LE_TRIES_MAX) {
        give_up(pipeline, message);
        return;
    }
    le_message_set_state(pipeline, message, LE_MESSAGE_DELETABLE);
    le_retry_put(pipeline, &pipeline->delete_retry, message, now_ms);
}

static void entry_done(struct le_pipeline *pipeline, struct le_message *message,
                       enum le_entry_outcome outcome, int64_t now_ms)
{
    bool stale = message->handle_changed; /* what was answered is about an older handle */
    switch (outcome) {
    case LE_ENTRY_OK:
    case LE_ENTRY_GIVE_UP:
        if (stale) {
            le_deletable_put(pipeline, message, now_ms);
        } else if (outcome == LE_ENTRY_OK) {
            pipeline->books.deleted++;
            le_backoff_reset(&pipeline->delete_retry.backoff);
            le_message_end(pipeline, message);
        } else {
            give_up(pipeline, message);
        }
        return;
    case LE_ENTRY_RETRY: again(pipeline, message, now_ms); return;
    case LE_ENTRY_DENIED:
        le_pipeline_fail(pipeline, LE_ERR_DENIED);
        give_up(pipeline, message);
        return;
    }
    assert(!"an outcome that is none");
}

/* All that ending them looks at is fetched at once, instead of one after the other. */
static void prefetch_ends(const struct le_pipeline *pipeline, const struct le_entries_op *op)
{
    for (size_t i = 0; i < op->count; i++)
        le_prefetch(op->entries[i], sizeof *op->entries[i]);
    for (size_t i = 0; i < op->count; i++)
        le_ids_expect(pipeline, op->entries[i]->id);
}

/* Of a FIFO queue: a rejected message holds up its group no longer. */
static void settle_deleted(struct le_pipeline *pipeline, const struct le_entries_op *op)
{
    for (size_t i = 0; i < op->count; i++)
        if (le_entries_outcome(op, i) == LE_ENTRY_OK && !op->entries[i]->handle_changed)
            le_group_settle(pipeline, op->entries[i]);
}

static void delete_done(struct le_entries_op *op)
{
    struct le_pipeline *pipeline = op->owner;
    int64_t now_ms = le_pipeline_now(pipeline);
    assert(pipeline->deletes > 0);
    pipeline->deletes--;
    if (!pipeline->closed) {
        le_queue_answered(pipeline, op->err, now_ms);
        prefetch_ends(pipeline, op);
        if (pipeline->groups != NULL)
            settle_deleted(pipeline, op);
        for (size_t i = 0; i < op->count; i++)
            entry_done(pipeline, op->entries[i], le_entries_outcome(op, i), now_ms);
    }
    le_entries_give_back(pipeline, op);
}

/* The handles were received a thousand messages ago, and are copied when all ten are together. */
static void send_delete(struct le_pipeline *pipeline, struct le_entries_op *op)
{
    while (op->count < LE_SQS_BATCH_MAX && pipeline->deletable.count > 0) {
        struct le_message *message =
            le_container_of(le_list_pop(&pipeline->deletable), struct le_message, queue_node);
        le_message_set_state(pipeline, message, LE_MESSAGE_DELETING);
        message->handle_changed = false;
        le_prefetch(message->receipt_handle.ptr, message->receipt_handle.len);
        op->handles[op->count] = message->receipt_handle;
        op->entries[op->count++] = message;
    }
    pipeline->deletes++;
    pipeline->queue.delete_batch(pipeline->queue.self, op);
}

/* Is there nothing on its way that could fill a batch up? */
static bool no_company_expected(const struct le_pipeline *pipeline)
{
    return pipeline->waiting.count == 0 && pipeline->state_count[LE_MESSAGE_SUBMITTED] == 0 &&
           (pipeline->receives == 0 || pipeline->seen_empty);
}

int64_t le_delete_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t next_ms = le_retry_release(&pipeline->delete_retry, &pipeline->deletable, now_ms);
    while (pipeline->deletable.count > 0) {
        int64_t send_at_ms = pipeline->deletable_since_ms + LE_DELETE_LINGER_MS;
        if (pipeline->deletable.count < LE_SQS_BATCH_MAX && now_ms < send_at_ms &&
            !no_company_expected(pipeline))
            return send_at_ms < next_ms ? send_at_ms : next_ms;
        struct le_entries_op *op = le_entries_take(pipeline, delete_done);
        if (op == NULL)
            break; /* one comes back with an event */
        send_delete(pipeline, op);
    }
    return next_ms;
}
