/* Committing: rows into statements, and what their outcome means for each message. */
#include "loginetl/base/log.h"
#include "loginetl/base/prefetch.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>
#include <stdlib.h>

#define AHEAD 8 /* rows between fetching one and looking at it */

/* The ledger's key order. Every worker inserts in it, so that two of them never wait for each other
 * in a ring; and the key leads with the time, so that the index grows at one edge. */
int le_by_ledger_key(const void *left, const void *right)
{
    const struct le_message *a = *(struct le_message *const *)left,
                            *b = *(struct le_message *const *)right;
    if (a->sent_at_ms != b->sent_at_ms)
        return a->sent_at_ms < b->sent_at_ms ? -1 : 1;
    return memcmp(a->id, b->id, sizeof a->id);
}

static struct le_message *newest_waiting(const struct le_pipeline *pipeline)
{
    struct le_message *newest = NULL;
    struct le_node *node = le_list_first(&pipeline->waiting);
    for (; node != NULL; node = le_list_next(&pipeline->waiting, node)) {
        struct le_message *message = le_container_of(node, struct le_message, queue_node);
        if (newest == NULL || message->sent_at_ms > newest->sent_at_ms)
            newest = message;
    }
    return newest;
}

/* Behind the brake in turns the one that has waited longest and the one that was sent last: bad
 * rows that come back again and again do not keep a good one waiting, nor do new ones. */
static struct le_message *take_waiting(struct le_pipeline *pipeline, bool braked)
{
    bool newest = braked && pipeline->newest_next;
    pipeline->newest_next = braked && !newest;
    struct le_message *message =
        newest ? newest_waiting(pipeline)
               : le_container_of(le_list_first(&pipeline->waiting), struct le_message, queue_node);
    le_list_remove(&pipeline->waiting, &message->queue_node);
    return message;
}

static void fill(struct le_pipeline *pipeline, struct le_lane *lane)
{
    size_t count = 0;
    bool braked = le_pipeline_is_braked(pipeline);
    size_t most = braked ? 1 : pipeline->rows_max;
    while (count < most && pipeline->waiting.count > 0) {
        struct le_message *message = take_waiting(pipeline, braked);
        if (message->tries == 0) /* else it was refused alone in an earlier batch */
            message->unclear_commits = LE_COMMITS_UNKNOWN;
        lane->rows[count++] = message;
    }
    if (pipeline->groups != NULL)
        count = le_group_follow(pipeline, lane->rows, count, most);
    qsort(lane->rows, count, sizeof(struct le_message *), le_by_ledger_key);
    lane->splitting = false;
    lane->unclear = 0;
    le_lane_push(lane, 0, count);
}

static void committed(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to,
                      size_t inserted)
{
    size_t count = to - from;
    assert(inserted <= count);
    int64_t now_ms = le_pipeline_now(pipeline);
    pipeline->books.inserted += inserted;
    pipeline->books.duplicate += count - inserted;
    if (inserted > 0) { /* duplicates never came to the table, and say nothing of it */
        pipeline->commits++;
        pipeline->refused = 0;
    }
    if (count >= pipeline->rows_max && pipeline->rows_max < pipeline->config.batch_rows)
        pipeline->rows_max++;
    for (size_t i = from; i < to; i++) {
        if (i + AHEAD < to)
            le_prefetch(lane->rows[i + AHEAD], 2 * LE_CACHE_LINE);
        lane->rows[i]->tries = 0;
        le_deletable_put(pipeline, lane->rows[i], now_ms);
    }
    for (size_t i = from; pipeline->groups != NULL && i < to; i++)
        le_group_settle(pipeline, lane->rows[i]);
}

void le_lane_wait(struct le_pipeline *pipeline, struct le_lane *lane)
{
    lane->retry_at_ms = le_pipeline_now(pipeline) + le_backoff_next(&lane->backoff, &pipeline->rng);
}

void le_lane_again_later(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to)
{
    le_lane_push(lane, from, to);
    for (size_t i = from; i < to; i++)
        le_message_set_state(pipeline, lane->rows[i], LE_MESSAGE_WAITING);
    le_lane_wait(pipeline, lane);
}

/* A store whose disk is full is there all the same: what counts is whether its answers get us on.
 * That many rows take too long says nothing yet: fewer may do. */
static void note_outcome(struct le_pipeline *pipeline, const struct le_submit_op *op)
{
    enum le_store_outcome outcome = op->outcome;
    bool data_error = outcome == LE_STORE_DATA_ERROR && !le_pipeline_is_braked(pipeline);
    if (outcome == LE_STORE_TOO_SLOW && op->count > 1)
        return;
    if (outcome == LE_STORE_COMMITTED || data_error)
        pipeline->store_failing_since_ms = LE_NEVER;
    else if (pipeline->store_failing_since_ms == LE_NEVER)
        pipeline->store_failing_since_ms = le_pipeline_now(pipeline);
}

static void settle_outcome(struct le_pipeline *pipeline, struct le_lane *lane, size_t from,
                           size_t to)
{
    const struct le_submit_op *op = &lane->op;
    note_outcome(pipeline, op);
    switch (op->outcome) {
    case LE_STORE_COMMITTED:
        le_backoff_reset(&lane->backoff);
        committed(pipeline, lane, from, to, op->inserted);
        return;
    case LE_STORE_DATA_ERROR: le_lane_data_error(pipeline, lane, from, to); return;
    case LE_STORE_UNCLEAR: le_lane_unclear(pipeline, lane, from, to); return;
    case LE_STORE_TOO_SLOW: le_lane_too_slow(pipeline, lane, from, to); return;
    case LE_STORE_RETRY: le_lane_again_later(pipeline, lane, from, to); return;
    case LE_STORE_FATAL:
        le_lane_again_later(pipeline, lane, from, to);
        le_pipeline_fail(pipeline, op->err != LE_OK ? op->err : LE_ERR_DATABASE_FATAL);
        return;
    }
    assert(!"an outcome that is none");
}

/* The rows went back to the queue while their statement was under way. If it was stored, whoever
 * gets them next finds them in the ledger. */
static void settle(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to)
{
    lane->abandoned = false;
    for (size_t i = from; i < to; i++) {
        lane->rows[i]->unsettled = false;
        if (lane->rows[i]->ended)
            le_message_end(pipeline, lane->rows[i]);
    }
}

/* Behind the brake no batch is cut any further: its rows wait with all the others. */
static void disband(struct le_pipeline *pipeline, struct le_lane *lane)
{
    for (; lane->depth > 0; lane->depth--) {
        size_t to = lane->ranges[lane->depth - 1].to;
        for (size_t row = lane->ranges[lane->depth - 1].from; row < to; row++) {
            if (lane->rows[row]->state != LE_MESSAGE_WAITING)
                le_message_set_state(pipeline, lane->rows[row], LE_MESSAGE_WAITING);
            le_waiting_put(pipeline, lane->rows[row]);
        }
    }
}

static void submit_done(struct le_submit_op *op)
{
    struct le_lane *lane = op->owner;
    struct le_pipeline *pipeline = lane->pipeline;
    assert(lane->busy && lane->depth > 0);
    lane->busy = false;
    lane->depth--;
    size_t from = lane->ranges[lane->depth].from, to = lane->ranges[lane->depth].to;
    if (lane->abandoned)
        settle(pipeline, lane, from, to);
    else if (!pipeline->closed)
        settle_outcome(pipeline, lane, from, to);
    if (le_pipeline_is_braked(pipeline) && !pipeline->closed)
        disband(pipeline, lane);
}

static void submit(struct le_pipeline *pipeline, struct le_lane *lane)
{
    assert(lane->depth > 0 && !lane->busy);
    size_t from = lane->ranges[lane->depth - 1].from, to = lane->ranges[lane->depth - 1].to;
    for (size_t i = from; i < to; i++) {
        assert(i == from || le_by_ledger_key(&lane->rows[i - 1], &lane->rows[i]) < 0);
        if (lane->rows[i]->state != LE_MESSAGE_SUBMITTED) /* a half of a batch still is */
            le_message_set_state(pipeline, lane->rows[i], LE_MESSAGE_SUBMITTED);
    }
    lane->op = (struct le_submit_op){.rows = lane->rows + from,
                                     .count = to - from,
                                     .bad_row = -1,
                                     .done = submit_done,
                                     .owner = lane};
    lane->busy = true;
    lane->commits = pipeline->commits;
    pipeline->store.submit(pipeline->store.self, &lane->op);
}

/* When a connection is idle and rows are waiting, they go at once; while it is busy, rows gather.
 */
int64_t le_commit_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t next_ms = LE_NEVER;
    for (unsigned i = 0; i < pipeline->config.lanes; i++) {
        struct le_lane *lane = &pipeline->lanes[i];
        if (lane->busy || (lane->depth == 0 && pipeline->waiting.count == 0))
            continue;
        if (now_ms < lane->retry_at_ms) {
            next_ms = lane->retry_at_ms < next_ms ? lane->retry_at_ms : next_ms;
            continue;
        }
        if (pipeline->store.idle(pipeline->store.self) == 0)
            break; /* an event tells when there is one */
        if (lane->depth == 0)
            fill(pipeline, lane);
        submit(pipeline, lane);
    }
    return next_ms;
}

void le_release_row(struct le_pipeline *pipeline, struct le_message *message)
{
    message->tries = 0;
    le_group_leave(pipeline, message);
    le_message_set_state(pipeline, message, LE_MESSAGE_RELEASING);
    le_list_push(&pipeline->releasing, &message->queue_node);
}

static void release_range(struct le_pipeline *pipeline, struct le_lane *lane, unsigned range,
                          bool unsettled)
{
    for (size_t row = lane->ranges[range].from; row < lane->ranges[range].to; row++) {
        lane->rows[row]->unsettled = unsettled;
        le_release_row(pipeline, lane->rows[row]);
    }
}

void le_release_uncommitted(struct le_pipeline *pipeline)
{
    struct le_node *node;
    while ((node = le_list_pop(&pipeline->waiting)) != NULL)
        le_release_row(pipeline, le_container_of(node, struct le_message, queue_node));
    for (unsigned i = 0; i < pipeline->config.lanes; i++) {
        struct le_lane *lane = &pipeline->lanes[i];
        if (lane->abandoned)
            continue;
        for (unsigned range = 0; range < lane->depth; range++)
            release_range(pipeline, lane, range, lane->busy && range + 1 == lane->depth);
        lane->abandoned = lane->busy;
        if (lane->busy)
            lane->ranges[0] =
                lane->ranges[lane->depth - 1]; /* only what is with the store is left */
        lane->depth = lane->busy ? 1 : 0;
    }
    if (pipeline->groups != NULL)
        le_groups_release(pipeline);
}
