/* The pipeline as a whole: its making, its turn, and how it ends. */
#include "loginetl/pipeline/pipeline.h"

#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

/* ---- making ---- */

static void init_lists(struct le_pipeline *pipeline)
{
    struct le_list *const lists[] = {
        &pipeline->free_answers,  &pipeline->used_answers, &pipeline->free_messages,
        &pipeline->held,          &pipeline->waiting,      &pipeline->rejected,
        &pipeline->deletable,     &pipeline->releasing,    &pipeline->leases,
        &pipeline->free_receives, &pipeline->free_entries,
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        le_list_init(lists[i]);
    le_retry_init(&pipeline->delete_retry);
    le_retry_init(&pipeline->reject_retry);
    le_retry_init(&pipeline->release_retry);
}

static enum le_err make_operations(struct le_pipeline *pipeline)
{
    unsigned receives = pipeline->config.concurrency;
    pipeline->entries_total = receives + LE_EXTEND_OPS_MAX + LE_ENTRIES_OPS_SPARE;
    pipeline->receive_ops = le_calloc(receives, sizeof *pipeline->receive_ops);
    pipeline->entries_ops = le_calloc(pipeline->entries_total, sizeof *pipeline->entries_ops);
    if (pipeline->receive_ops == NULL || pipeline->entries_ops == NULL)
        return LE_ERR_NOMEM;
    for (unsigned i = 0; i < receives; i++)
        le_list_push(&pipeline->free_receives, &pipeline->receive_ops[i].node);
    for (unsigned i = 0; i < pipeline->entries_total; i++)
        le_list_push(&pipeline->free_entries, &pipeline->entries_ops[i].node);
    return LE_OK;
}

static enum le_err make_lanes(struct le_pipeline *pipeline)
{
    pipeline->lanes = le_calloc(pipeline->config.lanes, sizeof *pipeline->lanes);
    if (pipeline->lanes == NULL)
        return LE_ERR_NOMEM;
    for (unsigned i = 0; i < pipeline->config.lanes; i++) {
        struct le_lane *lane = &pipeline->lanes[i];
        lane->pipeline = pipeline;
        le_backoff_init(&lane->backoff, LE_BACKOFF_TRANSIENT_MS, LE_BACKOFF_MAX_MS);
        lane->rows = le_calloc(pipeline->config.batch_rows, sizeof(struct le_message *));
        if (lane->rows == NULL)
            return LE_ERR_NOMEM;
    }
    return LE_OK;
}

static void check_config(const struct le_pipeline_config *config)
{
    assert(config->concurrency >= 1 && config->batch_rows >= 1 && config->visibility_s >= 1);
    assert(config->lanes >= 1 && config->lanes <= LE_LANES_MAX);
    assert(config->wait_s >= 0 && config->wait_s <= 20 && config->memory_limit > 0);
    assert(config->decoder != NULL && config->field_count <= LE_FIELDS_MAX);
}

/* In the half of its life that is left, a lease is to be tried for more than once. */
static int64_t extend_pause_max_ms(const struct le_pipeline *pipeline)
{
    int64_t eighth_ms = (int64_t)pipeline->config.visibility_s * 1000 / 8;
    return eighth_ms < LE_BACKOFF_MAX_MS ? eighth_ms : LE_BACKOFF_MAX_MS;
}

static void init_policy(struct le_pipeline *pipeline)
{
    le_rng_seed(&pipeline->rng, pipeline->config.seed);
    pipeline->ids_seed = le_rng_next(&pipeline->rng);
    le_backoff_init(&pipeline->receive_backoff, LE_BACKOFF_TRANSIENT_MS, LE_BACKOFF_MAX_MS);
    le_backoff_init(&pipeline->extend_backoff, LE_BACKOFF_TRANSIENT_MS,
                    extend_pause_max_ms(pipeline));
    pipeline->receivers = 1;
    pipeline->rows_max = pipeline->config.batch_rows;
    pipeline->batch_max = LE_SQS_BATCH_MAX;
    pipeline->answer_expected = LE_ANSWER_BYTES_EXPECTED;
    pipeline->store_away_since_ms = pipeline->store_failing_since_ms = LE_NEVER;
    pipeline->queue_away_since_ms = pipeline->hidden_until_ms = LE_NEVER;
}

struct le_pipeline *le_pipeline_new(const struct le_pipeline_config *config,
                                    const struct le_queue_port *queue,
                                    const struct le_store_port *store,
                                    const struct le_clock_port *clock)
{
    check_config(config);
    struct le_pipeline *pipeline = le_calloc(1, sizeof *pipeline);
    if (pipeline == NULL)
        return NULL;
    pipeline->config = *config;
    pipeline->queue = *queue;
    pipeline->store = *store;
    pipeline->clock = *clock;
    pipeline->message_size = sizeof(struct le_message) +
                             config->field_count * sizeof(struct le_cell) +
                             le_decoder_mask_space(config->decoder);
    init_lists(pipeline);
    init_policy(pipeline);
    enum le_err err = config->fifo ? le_groups_open(pipeline) : LE_OK;
    err = err == LE_OK ? make_operations(pipeline) : err;
    err = err == LE_OK ? make_lanes(pipeline) : err;
    if (err == LE_OK)
        return pipeline;
    le_pipeline_free(pipeline);
    return NULL;
}

void le_pipeline_free(struct le_pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    for (unsigned i = 0; pipeline->lanes != NULL && i < pipeline->config.lanes; i++)
        le_free(pipeline->lanes[i].rows);
    le_free(pipeline->lanes);
    le_free(pipeline->groups);
    le_free(pipeline->receive_ops);
    le_free(pipeline->entries_ops);
    le_memory_free(pipeline);
    le_free(pipeline);
}

/* ---- the end ---- */

void le_pipeline_stop(struct le_pipeline *pipeline)
{
    if (pipeline->stopping)
        return;
    pipeline->stopping = true;
    pipeline->stop_at_ms = le_pipeline_now(pipeline);
}

void le_pipeline_fail(struct le_pipeline *pipeline, enum le_err why)
{
    assert(why != LE_OK);
    if (pipeline->why == LE_OK)
        pipeline->why = why;
    le_pipeline_stop(pipeline);
}

static bool holds_nothing(const struct le_pipeline *pipeline)
{
    for (int state = LE_MESSAGE_FREE + 1; state < LE_MESSAGE_STATE_COUNT; state++)
        if (pipeline->state_count[state] > 0)
            return false;
    return pipeline->receives == 0 && pipeline->extends == 0;
}

/* A drain ends when every receive has said that the queue is empty, and nothing is hidden because
 * it was leased to us in an answer that got lost, or let go; a limited run when it has received its
 * number. */
static bool nothing_more_to_come(const struct le_pipeline *pipeline)
{
    const struct le_pipeline_config *config = &pipeline->config;
    bool drained = config->drain && pipeline->seen_empty && pipeline->hidden_until_ms == LE_NEVER;
    if (pipeline->stopping || drained)
        return true;
    return config->max_messages > 0 && pipeline->books.received >= config->max_messages;
}

bool le_pipeline_finished(const struct le_pipeline *pipeline, enum le_err *why)
{
    if (why != NULL)
        *why = pipeline->why;
    return pipeline->closed || (nothing_more_to_come(pipeline) && holds_nothing(pipeline));
}

/* The deadline has come: what is still held is let go; it comes back when its lease ends. Nothing
 * is freed here, because the ports still hold operations. */
static void close_books(struct le_pipeline *pipeline)
{
    le_books_balance(pipeline);
    pipeline->books.released += pipeline->books.in_flight;
    pipeline->books.in_flight = 0;
    pipeline->closed = true;
}

/* Rows that the store has not taken by half of the time are handed back in the other half; at once
 * when it cannot take them. Never while a long poll of ours is still open: it would be the first to
 * get them. An answer that had begun when the polls were cancelled is none: its messages are
 * chosen, and one that never ends does not hold up the others. */
static int64_t stop_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    if (!pipeline->stopping)
        return LE_NEVER;
    int64_t end_ms = pipeline->stop_at_ms + pipeline->config.shutdown_timeout_ms;
    int64_t release_ms = pipeline->stop_at_ms + pipeline->config.shutdown_timeout_ms / 2;
    if (now_ms >= end_ms) {
        close_books(pipeline);
        return LE_NEVER;
    }
    bool store_is_there =
        pipeline->store_away_since_ms == LE_NEVER && pipeline->why != LE_ERR_DATABASE_FATAL;
    bool polls_closed = pipeline->receives == 0 || (pipeline->cancelled && now_ms >= release_ms);
    if ((now_ms >= release_ms || !store_is_there) && polls_closed)
        le_release_uncommitted(pipeline);
    return now_ms < release_ms ? release_ms : end_ms;
}

/* ---- absence ---- */

/* While the store is away receiving stops and leases are kept alive, for a while: then the rows go
 * back to the queue, where nobody's receive count grows, and wait there. */
static int64_t store_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->store.up(pipeline->store.self) > 0) {
        pipeline->store_away_since_ms = LE_NEVER;
        return LE_NEVER;
    }
    if (pipeline->store_away_since_ms == LE_NEVER)
        pipeline->store_away_since_ms = now_ms;
    int64_t release_ms = pipeline->store_away_since_ms + LE_OUTAGE_HOLD_MS;
    if (now_ms < release_ms)
        return release_ms;
    le_release_uncommitted(pipeline);
    return LE_NEVER;
}

static int64_t lose_patience(struct le_pipeline *pipeline, int64_t away_since_ms, enum le_err why,
                             int64_t now_ms)
{
    if (pipeline->config.patience_ms == 0 || away_since_ms == LE_NEVER || pipeline->stopping)
        return LE_NEVER;
    int64_t end_ms = away_since_ms + pipeline->config.patience_ms;
    if (now_ms < end_ms)
        return end_ms;
    le_pipeline_fail(pipeline, why);
    return LE_NEVER;
}

static int64_t patience_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t since_ms = pipeline->store_away_since_ms < pipeline->store_failing_since_ms
                           ? pipeline->store_away_since_ms
                           : pipeline->store_failing_since_ms;
    int64_t store_ms = lose_patience(pipeline, since_ms, LE_ERR_DATABASE, now_ms);
    int64_t queue_ms =
        lose_patience(pipeline, pipeline->queue_away_since_ms, LE_ERR_SERVICE, now_ms);
    return store_ms < queue_ms ? store_ms : queue_ms;
}

/* ---- the turn ---- */

void le_pipeline_turn(struct le_pipeline *pipeline)
{
    /* The order follows a message's way backwards, so that what one part frees serves the next;
     * receives come last, when it is known how much is held. */
    static int64_t (*const parts[])(struct le_pipeline *, int64_t) = {
        store_turn,     patience_turn,  stop_turn,       le_lease_turn,   le_commit_turn,
        le_reject_turn, le_delete_turn, le_release_turn, le_receive_turn,
    };
    int64_t now_ms = le_pipeline_now(pipeline), next_ms = LE_NEVER;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !pipeline->closed; i++) {
        int64_t part_ms = parts[i](pipeline, now_ms);
        next_ms = part_ms < next_ms ? part_ms : next_ms;
    }
    le_books_balance(pipeline);
    if (next_ms != LE_NEVER && !le_pipeline_finished(pipeline, NULL))
        pipeline->clock.arm(pipeline->clock.self, next_ms > now_ms ? next_ms : now_ms + 1);
}

/* ---- looking in ---- */

const struct le_books *le_pipeline_books(struct le_pipeline *pipeline)
{
    le_books_balance(pipeline);
    return &pipeline->books;
}

void le_pipeline_gauges(const struct le_pipeline *pipeline, struct le_pipeline_gauges *out)
{
    *out = (struct le_pipeline_gauges){
        .receivers = pipeline->receives,
        .waiting = (unsigned)pipeline->state_count[LE_MESSAGE_WAITING],
        .submitted = (unsigned)pipeline->state_count[LE_MESSAGE_SUBMITTED],
        .deleting = (unsigned)(pipeline->state_count[LE_MESSAGE_DELETABLE] +
                               pipeline->state_count[LE_MESSAGE_DELETING]),
        .bytes = pipeline->bytes,
        .last_poll_ms = pipeline->last_poll_ms,
    };
}
