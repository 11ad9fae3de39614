/* Rejected messages: into the dead-letter queue with their reason, or left to the queue's redrive,
 * or discarded. */
#include "loginetl/base/log.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

/* What the attributes of a dead letter may add to its body. */
#define LE_DEAD_LETTER_OVERHEAD 1024

static void log_rejected(const struct le_message *message, bool left_instead)
{
    struct le_span text = left_instead
                              ? LE_SPAN_LIT("the server may be at fault instead of the row: the "
                                            "message is left in its queue, not discarded")
                              : LE_SPAN_NONE;
    if (message->reject.reason == LE_REJECT_CONSTRAINT)
        le_log(LE_LOG_WARN, "rejected", LE_FSPAN("message_id", message->message_id),
               LE_FS("reason", le_reject_word(message->reject.reason)),
               LE_FS("sqlstate", message->reject.sqlstate), LE_FSPAN("text", text));
    else if (message->reject.key.ptr != NULL)
        le_log(LE_LOG_WARN, "rejected", LE_FSPAN("message_id", message->message_id),
               LE_FS("reason", le_reject_word(message->reject.reason)),
               LE_FSPAN("key", message->reject.key));
    else
        le_log(LE_LOG_WARN, "rejected", LE_FSPAN("message_id", message->message_id),
               LE_FS("reason", le_reject_word(message->reject.reason)));
}

/* A row that was never refused with a code of its own may be a good one: it is left, where it can
 * be looked at or come again, but not destroyed. */
static enum le_on_reject way_of(const struct le_pipeline *pipeline,
                                const struct le_message *message)
{
    enum le_on_reject way = pipeline->config.on_reject;
    return way == LE_ON_REJECT_DISCARD && message->reject.unclear ? LE_ON_REJECT_LEAVE : way;
}

void le_reject_message(struct le_pipeline *pipeline, struct le_message *message)
{
    assert(message->reject.reason != LE_REJECT_NONE && message->reject.reason < LE_REJECT_COUNT);
    pipeline->books.rejected++;
    pipeline->books.rejected_by[message->reject.reason]++;
    enum le_on_reject way = way_of(pipeline, message);
    log_rejected(message, way != pipeline->config.on_reject);
    message->tries = 0;
    le_message_set_state(pipeline, message, LE_MESSAGE_REJECTED);
    switch (way) {
    case LE_ON_REJECT_DLQ: le_list_push(&pipeline->rejected, &message->queue_node); return;
    case LE_ON_REJECT_LEAVE:
        pipeline->books.left++;
        le_message_abandon(pipeline, message);
        return;
    case LE_ON_REJECT_DISCARD:
        pipeline->books.discarded++;
        le_deletable_put(pipeline, message, le_pipeline_now(pipeline));
        return;
    }
    assert(!"a way to reject that is none");
}

/* It stays in its queue, whose own redrive will move it. */
static void leave(struct le_pipeline *pipeline, struct le_message *message)
{
    le_log(
        LE_LOG_ERROR, "dead_letter_refused", LE_FSPAN("message_id", message->message_id),
        LE_FS("text",
              "the dead-letter queue does not take a rejected message, which stays in its queue"));
    pipeline->books.left++;
    le_message_abandon(pipeline, message);
}

static void entry_done(struct le_pipeline *pipeline, struct le_message *message,
                       enum le_entry_outcome outcome, int64_t now_ms)
{
    switch (outcome) {
    case LE_ENTRY_OK:
        pipeline->books.dead_lettered++;
        le_backoff_reset(&pipeline->reject_retry.backoff);
        message->tries = 0;
        le_deletable_put(pipeline, message, now_ms);
        return;
    case LE_ENTRY_DENIED:
        le_pipeline_fail(pipeline, LE_ERR_DENIED);
        leave(pipeline, message);
        return;
    case LE_ENTRY_RETRY:
        if (++message->tries < LE_TRIES_MAX) {
            le_retry_put(pipeline, &pipeline->reject_retry, message, now_ms);
            return;
        }
        leave(pipeline, message);
        return;
    case LE_ENTRY_GIVE_UP: leave(pipeline, message); return;
    }
    assert(!"an outcome that is none");
}

static void dead_letter_done(struct le_entries_op *op)
{
    struct le_pipeline *pipeline = op->owner;
    int64_t now_ms = le_pipeline_now(pipeline);
    assert(pipeline->dead_letters > 0);
    pipeline->dead_letters--;
    if (!pipeline->closed) {
        le_queue_answered(pipeline, op->err, now_ms);
        for (size_t i = 0; i < op->count; i++)
            entry_done(pipeline, op->entries[i], le_entries_outcome(op, i), now_ms);
    }
    le_entries_give_back(pipeline, op);
}

static void send_dead_letters(struct le_pipeline *pipeline, struct le_entries_op *op)
{
    size_t bytes = 0;
    while (op->count < LE_SQS_BATCH_MAX && pipeline->rejected.count > 0) {
        struct le_message *message =
            le_container_of(le_list_first(&pipeline->rejected), struct le_message, queue_node);
        bytes += message->body_len + LE_DEAD_LETTER_OVERHEAD;
        if (op->count > 0 && (bytes > LE_SQS_BATCH_BYTES_MAX ||
                              !le_span_equal(op->entries[0]->group_id, message->group_id)))
            break; /* of several groups at once some servers take nothing */
        le_list_remove(&pipeline->rejected, &message->queue_node);
        op->entries[op->count++] = message;
    }
    pipeline->dead_letters++;
    pipeline->queue.dead_letter(pipeline->queue.self, op);
}

int64_t le_reject_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t next_ms = le_retry_release(&pipeline->reject_retry, &pipeline->rejected, now_ms);
    while (pipeline->rejected.count > 0) {
        struct le_entries_op *op = le_entries_take(pipeline, dead_letter_done);
        if (op == NULL)
            break; /* one comes back with an event */
        send_dead_letters(pipeline, op);
    }
    return next_ms;
}
