/* Order within the groups of a FIFO queue. The queue gives a group's messages in order, and none of
 * them to anybody while others of the group are in flight; when a lease has ended it begins again
 * at the first that is left. So all that is here of a group is a run without a gap, and the order
 * holds if none of the run is overtaken by a later one:
 *
 * - Only the first of a group that is not settled yet stands in the list of waiting rows. Those
 * right behind it may go into the same statement, which is one transaction; all others wait for it.
 * - Settled is final: a row committed, or a message deleted after it was rejected.
 * - Whatever else ends the first one's way here, it comes again, and those behind it go back as
 * well.
 *
 * That holds with any number of workers, and with leases that were lost: each of them begins with a
 * group's first unsettled message, and leaves none of them out. */
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>
#include <stdlib.h>

static struct le_message *of_group_node(struct le_node *node)
{
    return le_container_of(node, struct le_message, group_node);
}

enum le_err le_groups_open(struct le_pipeline *pipeline)
{
    pipeline->groups = le_calloc(LE_GROUP_BUCKETS, sizeof *pipeline->groups);
    if (pipeline->groups == NULL)
        return LE_ERR_NOMEM;
    for (size_t i = 0; i < LE_GROUP_BUCKETS; i++)
        le_list_init(&pipeline->groups[i]);
    return LE_OK;
}

/* Some groups share a bucket. */
static struct le_list *bucket_of(const struct le_pipeline *pipeline, struct le_span group_id)
{
    uint64_t hash = pipeline->ids_seed;
    for (size_t i = 0; i < group_id.len; i++)
        hash = (hash ^ (uint8_t)group_id.ptr[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return &pipeline->groups[(size_t)(hash >> 40) & (LE_GROUP_BUCKETS - 1)];
}

/* ---- its neighbours ---- */

static struct le_message *next_of(const struct le_pipeline *pipeline,
                                  const struct le_message *message)
{
    struct le_list *bucket = bucket_of(pipeline, message->group_id);
    struct le_node *node = le_list_next(bucket, &message->group_node);
    while (node != NULL && !le_span_equal(of_group_node(node)->group_id, message->group_id))
        node = le_list_next(bucket, node);
    return node != NULL ? of_group_node(node) : NULL;
}

static struct le_message *previous_of(const struct le_pipeline *pipeline,
                                      const struct le_message *message)
{
    struct le_list *bucket = bucket_of(pipeline, message->group_id);
    struct le_node *node = message->group_node.prev;
    while (node != &bucket->head &&
           !le_span_equal(of_group_node(node)->group_id, message->group_id))
        node = node->prev;
    return node != &bucket->head ? of_group_node(node) : NULL;
}

/* ---- waiting ---- */

static void set_behind(struct le_pipeline *pipeline, struct le_message *message, bool behind)
{
    assert(message->behind != behind);
    message->behind = behind;
    pipeline->behind += behind ? 1u : -1u;
}

void le_group_wait(struct le_pipeline *pipeline, struct le_message *message)
{
    assert(message->state == LE_MESSAGE_WAITING && le_node_linked(&message->group_node));
    const struct le_message *previous = previous_of(pipeline, message);
    if (previous == NULL)
        le_list_push(&pipeline->waiting, &message->queue_node);
    else
        set_behind(pipeline, message, true);
}

static void release_behind(struct le_pipeline *pipeline, struct le_message *message)
{
    set_behind(pipeline, message, false);
    le_release_row(pipeline, message);
}

void le_group_join(struct le_pipeline *pipeline, struct le_message *message,
                   struct le_span group_id, bool broken)
{
    message->group_id = group_id;
    message->arrival = pipeline->arrivals++;
    le_list_push(bucket_of(pipeline, group_id), &message->group_node);
    if (message->state != LE_MESSAGE_WAITING)
        return; /* rejected */
    if (!broken && previous_of(pipeline, message) == NULL)
        return;
    le_list_remove(&pipeline->waiting, &message->queue_node);
    if (broken)
        le_release_row(pipeline, message);
    else
        set_behind(pipeline, message, true);
}

void le_group_leave(struct le_pipeline *pipeline, struct le_message *message)
{
    if (le_node_linked(&message->group_node))
        le_list_remove(bucket_of(pipeline, message->group_id), &message->group_node);
}

/* ---- its turn ---- */

size_t le_group_follow(struct le_pipeline *pipeline, struct le_message **rows, size_t count,
                       size_t max)
{
    for (size_t i = 0; i < count && count < max; i++) {
        struct le_message *next = next_of(pipeline, rows[i]);
        if (next == NULL || !next->behind)
            continue;
        set_behind(pipeline, next, false);
        next->unclear_commits = LE_COMMITS_UNKNOWN; /* none goes alone before it is the first */
        rows[count++] = next;
    }
    return count;
}

void le_group_settle(struct le_pipeline *pipeline, struct le_message *message)
{
    if (!le_node_linked(&message->group_node))
        return; /* its row was committed, and now it is deleted */
    struct le_message *next = next_of(pipeline, message);
    le_group_leave(pipeline, message);
    if (next == NULL || !next->behind || previous_of(pipeline, next) != NULL)
        return;
    set_behind(pipeline, next, false);
    le_list_push(&pipeline->waiting, &next->queue_node);
}

/* ---- out of turn ---- */

void le_message_abandon(struct le_pipeline *pipeline, struct le_message *message)
{
    if (le_node_linked(&message->group_node)) {
        struct le_message *after, *next = next_of(pipeline, message);
        for (; next != NULL; next = after) {
            after = next_of(pipeline, next);
            if (next->behind)
                release_behind(pipeline, next);
        }
        le_group_leave(pipeline, message);
    }
    le_message_end(pipeline, message);
}

void le_groups_release(struct le_pipeline *pipeline)
{
    for (size_t i = 0; i < LE_GROUP_BUCKETS && pipeline->behind > 0; i++) {
        struct le_node *after, *node = le_list_first(&pipeline->groups[i]);
        for (; node != NULL; node = after) {
            after = le_list_next(&pipeline->groups[i], node);
            if (of_group_node(node)->behind)
                release_behind(pipeline, of_group_node(node));
        }
    }
}

/* Closes the gaps that those held back have left in the lane's ranges. */
static void close_gaps(struct le_lane *lane)
{
    unsigned depth = lane->depth;
    lane->depth = 0;
    for (unsigned range = 0; range < depth; range++) {
        size_t from = lane->ranges[range].from, to = from;
        for (size_t row = from; row < lane->ranges[range].to; row++)
            if (!lane->rows[row]->behind)
                lane->rows[to++] = lane->rows[row];
        le_lane_push(lane, from, to);
    }
}

void le_group_hold_back(struct le_pipeline *pipeline, struct le_lane *lane,
                        const struct le_message *message)
{
    bool any = false;
    struct le_message *next = next_of(pipeline, message);
    for (; next != NULL; next = next_of(pipeline, next)) {
        bool of_lane = next->state == LE_MESSAGE_SUBMITTED ||
                       (next->state == LE_MESSAGE_WAITING && !next->behind);
        if (!of_lane)
            continue; /* what is not settled before it keeps all others out of statements */
        if (next->state == LE_MESSAGE_SUBMITTED)
            le_message_set_state(pipeline, next, LE_MESSAGE_WAITING);
        set_behind(pipeline, next, true);
        any = true;
    }
    if (any)
        close_gaps(lane);
}
