/* A batch that the store refuses: the culprit is found by halving, so that it harms only itself. */
#include "loginetl/base/log.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>
#include <stdlib.h>

void le_lane_push(struct le_lane *lane, size_t from, size_t to)
{
    if (from == to)
        return;
    assert(from < to && lane->depth < LE_LANE_RANGES_MAX);
    lane->ranges[lane->depth].from = from;
    lane->ranges[lane->depth].to = to;
    lane->depth++;
}

static int by_arrival(const void *left, const void *right)
{
    const struct le_message *a = *(struct le_message *const *)left,
                            *b = *(struct le_message *const *)right;
    return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

/* In the order they came in, halved: what comes before a row in its group is in its half, or in the
 * one that goes first. */
static void sort_for_halves(struct le_lane *lane, size_t from, size_t middle, size_t to)
{
    qsort(lane->rows + from, to - from, sizeof(struct le_message *), by_arrival);
    qsort(lane->rows + from, middle - from, sizeof(struct le_message *), le_by_ledger_key);
    qsort(lane->rows + middle, to - middle, sizeof(struct le_message *), le_by_ledger_key);
}

static void push_halves(struct le_lane *lane, size_t from, size_t to)
{
    size_t middle = from + (to - from) / 2;
    if (lane->pipeline->groups != NULL)
        sort_for_halves(lane, from, middle, to);
    le_lane_push(lane, middle, to);
    le_lane_push(lane, from, middle);
}

/* The two sides of the row at middle. The smaller one goes next, so that there are never more
 * ranges than the largest batch can be halved, whichever rows the server names one after the other.
 */
static void push_smaller_on_top(struct le_lane *lane, size_t from, size_t middle, size_t to)
{
    bool left_is_larger = middle - from > to - (middle + 1);
    if (left_is_larger)
        le_lane_push(lane, from, middle);
    le_lane_push(lane, middle + 1, to);
    if (!left_is_larger)
        le_lane_push(lane, from, middle);
}

/* A table that refuses every row is hardly every row's fault. What is rejected then is not lost,
 * but it is a whole queue in the wrong place: so it goes slowly from there on, until a row is
 * stored again. */
static void brake(struct le_pipeline *pipeline, struct le_lane *lane)
{
    if (++pipeline->refused < LE_REFUSED_MAX)
        return;
    if (pipeline->refused == LE_REFUSED_MAX)
        le_log(LE_LOG_ERROR, "every_row_refused", LE_FI("rows", pipeline->refused),
               LE_FS("sqlstate", lane->op.sqlstate),
               LE_FS("text", "the table refuses one row after the other: look at its constraints "
                             "and triggers; going on slowly"));
    le_lane_wait(pipeline, lane);
}

static void reject_row(struct le_pipeline *pipeline, struct le_lane *lane,
                       struct le_message *culprit)
{
    culprit->reject = (struct le_reject){.reason = LE_REJECT_CONSTRAINT,
                                         .unclear = lane->op.outcome == LE_STORE_UNCLEAR};
    memcpy(culprit->reject.sqlstate, lane->op.sqlstate, sizeof culprit->reject.sqlstate);
    le_reject_message(pipeline, culprit);
    brake(pipeline, lane);
}

/* Of a FIFO queue. The culprit goes out of the range, and what stands behind it in its group out of
 * the lane. */
static void take_out(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t row,
                     size_t to)
{
    const struct le_message *culprit = lane->rows[row];
    memmove(lane->rows + row, lane->rows + row + 1, (to - row - 1) * sizeof(struct le_message *));
    le_lane_push(lane, from, to - 1);
    le_group_hold_back(pipeline, lane, culprit);
}

/* Nothing of the range was stored. The culprit goes; when the server did not say which row it was,
 * the halves tell. */
void le_lane_data_error(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to)
{
    size_t count = to - from;
    long bad = count == 1 ? 0 : lane->op.bad_row;
    if (bad < 0) {
        push_halves(lane, from, to);
        return;
    }
    assert((size_t)bad < count);
    size_t row = from + (size_t)bad;
    struct le_message *culprit = lane->rows[row];
    if (pipeline->groups != NULL)
        take_out(pipeline, lane, from, row, to);
    else
        push_smaller_on_top(lane, from, row, to);
    reject_row(pipeline, lane, culprit);
}

/* ---- refused, and nobody says whether it is a row's fault ---- */

/* The others go first: whether they are stored tells what this one's refusals mean. */
static void push_below_all(struct le_lane *lane, size_t row)
{
    assert(lane->depth < LE_LANE_RANGES_MAX);
    memmove(lane->ranges + 1, lane->ranges, lane->depth * sizeof lane->ranges[0]);
    lane->ranges[0].from = row;
    lane->ranges[0].to = row + 1;
    lane->depth++;
}

/* Refused alone, and again, and once more when others had been stored since the first time: then it
 * is the row. As long as nothing else is stored it may as well be the server: the row waits for new
 * company. What counts is when the statement began, for its answer may be late. */
static void unclear_row(struct le_pipeline *pipeline, struct le_lane *lane, size_t row)
{
    struct le_message *message = lane->rows[row];
    bool others_were_stored = lane->commits > message->unclear_commits;
    bool enough = ++message->tries >= LE_UNCLEAR_TRIES;
    if (pipeline->groups != NULL)
        le_group_hold_back(pipeline, lane, message);
    if (enough && others_were_stored) {
        reject_row(pipeline, lane, message);
        return;
    }
    le_lane_wait(pipeline, lane);
    le_message_set_state(pipeline, message, LE_MESSAGE_WAITING);
    if (enough || lane->depth >= LE_LANE_RANGES_MAX / 2)
        le_waiting_put(pipeline, message);
    else
        push_below_all(lane, row);
}

static void note_commits(const struct le_pipeline *pipeline, struct le_lane *lane, size_t from,
                         size_t to)
{
    for (size_t i = from; i < to; i++)
        if (lane->rows[i]->unclear_commits == LE_COMMITS_UNKNOWN)
            lane->rows[i]->unclear_commits = pipeline->commits;
}

static bool tried_often_enough(struct le_lane *lane)
{
    if (++lane->unclear >= LE_UNCLEAR_TRIES)
        lane->splitting = true;
    return lane->splitting;
}

void le_lane_unclear(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to)
{
    note_commits(pipeline, lane, from, to);
    if (!tried_often_enough(lane))
        le_lane_again_later(pipeline, lane, from, to);
    else if (to - from == 1)
        unclear_row(pipeline, lane, from);
    else
        push_halves(lane, from, to);
}

/* ---- not done in time ---- */

/* It may wait for a lock that somebody holds, so no number of tries convicts it. The others do not
 * wait for it: it goes again behind them. */
static void slow_row(struct le_pipeline *pipeline, struct le_lane *lane, size_t row)
{
    struct le_message *message = lane->rows[row];
    if (pipeline->groups != NULL)
        le_group_hold_back(pipeline, lane, message);
    le_lane_wait(pipeline, lane);
    le_message_set_state(pipeline, message, LE_MESSAGE_WAITING);
    le_waiting_put(pipeline, message);
}

/* Fewer rows take less time. Later batches are as small at first, so that not each of them has to
 * find out anew. */
static void halve(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to)
{
    size_t half = (to - from) / 2;
    if (half < pipeline->rows_max)
        pipeline->rows_max = half;
    push_halves(lane, from, to);
}

void le_lane_too_slow(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to)
{
    if (!tried_often_enough(lane))
        le_lane_again_later(pipeline, lane, from, to);
    else if (to - from == 1)
        slow_row(pipeline, lane, from);
    else
        halve(pipeline, lane, from, to);
}
