/* Trying again later, and the operations that carry entries. */
#include "loginetl/pipeline/internal.h"

#include <assert.h>

void le_retry_init(struct le_retry *retry)
{
    le_list_init(&retry->list);
    le_backoff_init(&retry->backoff, LE_BACKOFF_TRANSIENT_MS, LE_BACKOFF_MAX_MS);
    retry->at_ms = LE_NEVER;
}

void le_retry_put(struct le_pipeline *pipeline, struct le_retry *retry, struct le_message *message,
                  int64_t now_ms)
{
    if (retry->at_ms == LE_NEVER)
        retry->at_ms = now_ms + le_backoff_next(&retry->backoff, &pipeline->rng);
    le_list_push(&retry->list, &message->queue_node);
}

int64_t le_retry_release(struct le_retry *retry, struct le_list *ready, int64_t now_ms)
{
    if (now_ms < retry->at_ms)
        return retry->at_ms;
    struct le_node *node;
    while ((node = le_list_pop(&retry->list)) != NULL)
        le_list_push(ready, node);
    retry->at_ms = LE_NEVER;
    return LE_NEVER;
}

struct le_entries_op *le_entries_take(struct le_pipeline *pipeline,
                                      void (*done)(struct le_entries_op *))
{
    struct le_node *node = le_list_pop(&pipeline->free_entries);
    if (node == NULL)
        return NULL;
    struct le_entries_op *op = le_container_of(node, struct le_entries_op, node);
    op->count = 0;
    op->visibility_s = 0;
    op->err = LE_OK;
    op->done = done;
    op->owner = pipeline;
    op->sent_at_ms = le_pipeline_now(pipeline);
    return op;
}

void le_entries_give_back(struct le_pipeline *pipeline, struct le_entries_op *op)
{
    assert(!le_node_linked(&op->node));
    le_list_push_front(&pipeline->free_entries, &op->node);
}

enum le_entry_outcome le_entries_outcome(const struct le_entries_op *op, size_t i)
{
    assert(i < op->count);
    if (op->err == LE_OK)
        return op->outcomes[i];
    return le_err_class(op->err) == LE_CLASS_RETRY ? LE_ENTRY_RETRY : LE_ENTRY_GIVE_UP;
}

void le_queue_answered(struct le_pipeline *pipeline, enum le_err err, int64_t now_ms)
{
    if (err == LE_OK || err == LE_ERR_TOO_LARGE) {
        pipeline->queue_away_since_ms = LE_NEVER;
        return;
    }
    if (err == LE_ERR_CANCELLED)
        return;
    if (pipeline->queue_away_since_ms == LE_NEVER)
        pipeline->queue_away_since_ms = now_ms;
    if (le_err_class(err) == LE_CLASS_FATAL)
        le_pipeline_fail(pipeline, err);
}

int64_t le_pipeline_now(const struct le_pipeline *pipeline)
{
    return pipeline->clock.now_ms(pipeline->clock.self);
}
