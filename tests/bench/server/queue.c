#include "queue.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#define AGAIN QUEUE_TICKS /* the ring behind those of the ticks */
#define RINGS (QUEUE_TICKS + 1)
#define BYTES ((RINGS + (size_t)ARRIVALS_MESSAGES_MAX) * sizeof(struct queue_node))

enum le_err queue_init(struct queue *queue, int64_t now_ns)
{
    memset(queue, 0, sizeof *queue);
    void *nodes = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (nodes == MAP_FAILED)
        return LE_ERR_NOMEM;
    queue->nodes = nodes;
    for (uint32_t ring = 0; ring < RINGS; ring++)
        queue->nodes[ring].next = queue->nodes[ring].prev = ring;
    queue->tick = now_ns / QUEUE_TICK_NS;
    return LE_OK;
}

void queue_free(struct queue *queue)
{
    if (queue->nodes != NULL)
        munmap(queue->nodes, BYTES);
    queue->nodes = NULL;
}

/* --- rings --- */

static struct queue_node *node_of(const struct queue *queue, uint32_t number)
{
    return &queue->nodes[RINGS + (size_t)number];
}

static void push(struct queue *queue, uint32_t ring, uint32_t number)
{
    uint32_t at = RINGS + number;
    struct queue_node *head = &queue->nodes[ring], *node = &queue->nodes[at];
    node->prev = head->prev;
    node->next = ring;
    queue->nodes[head->prev].next = at;
    head->prev = at;
}

static void unlink_node(struct queue *queue, struct queue_node *node)
{
    queue->nodes[node->prev].next = node->next;
    queue->nodes[node->next].prev = node->prev;
}

static void lease(struct queue *queue, uint32_t number, int64_t now_ns, uint32_t visibility_s)
{
    int64_t due_ns = now_ns + INT64_C(1000000000) * visibility_s;
    int64_t tick = (due_ns + QUEUE_TICK_NS - 1) / QUEUE_TICK_NS;
    if (tick <= queue->tick)
        tick = queue->tick + 1;
    assert(tick - queue->tick < QUEUE_TICKS);
    node_of(queue, number)->in_flight = 1;
    queue->in_flight++;
    push(queue, (uint32_t)tick & (QUEUE_TICKS - 1), number);
}

/* Out of its ring, whichever that is. */
static void take_out(struct queue *queue, struct queue_node *node)
{
    unlink_node(queue, node);
    if (node->in_flight)
        queue->in_flight--;
    else
        queue->again--;
    node->in_flight = 0;
}

static void show_again(struct queue *queue, uint32_t number)
{
    push(queue, AGAIN, number);
    queue->again++;
}

static void end_leases(struct queue *queue, uint32_t ring)
{
    uint32_t at;
    while ((at = queue->nodes[ring].next) != ring) {
        take_out(queue, &queue->nodes[at]);
        show_again(queue, at - RINGS);
    }
}

void queue_advance(struct queue *queue, int64_t now_ns)
{
    int64_t tick = now_ns / QUEUE_TICK_NS;
    if (queue->in_flight == 0 && tick > queue->tick)
        queue->tick = tick;
    while (queue->tick < tick)
        end_leases(queue, (uint32_t)++queue->tick & (QUEUE_TICKS - 1));
}

/* --- receiving --- */

uint32_t queue_visible(const struct queue *queue, int64_t now_ns)
{
    return queue->again + arrivals_count(&queue->arrivals, now_ns) - queue->fresh;
}

bool queue_has(const struct queue *queue, int64_t now_ns)
{
    return queue_visible(queue, now_ns) > 0;
}

int64_t queue_next_ns(const struct queue *queue, int64_t now_ns)
{
    int64_t arrival = arrivals_next_ns(&queue->arrivals, now_ns);
    int64_t tick = queue->in_flight > 0 ? (queue->tick + 1) * QUEUE_TICK_NS : INT64_MAX;
    return arrival < tick ? arrival : tick;
}

bool queue_receive(struct queue *queue, int64_t now_ns, uint32_t visibility_s,
                   struct delivery *delivery)
{
    if (!queue_has(queue, now_ns))
        return false;
    bool again = queue->again > 0;
    uint32_t number = again ? queue->nodes[AGAIN].next - RINGS : queue->fresh++;
    struct queue_node *node = node_of(queue, number);
    if (again)
        take_out(queue, node);
    assert(!node->deleted && node->receives < QUEUE_RECEIVES_MAX);
    node->receives++;
    queue->received++;
    queue->redelivered += again;
    *delivery = (struct delivery){number, node->receives};
    lease(queue, number, now_ns, visibility_s);
    return true;
}

/* --- what a receipt handle is good for --- */

/* NULL, and counted, when it is stale. */
static struct queue_node *held(struct queue *queue, struct delivery delivery, uint64_t *stale)
{
    struct queue_node *node = node_of(queue, delivery.number);
    if (!node->deleted && node->receives == delivery.receives)
        return node;
    ++*stale;
    return NULL;
}

bool queue_delete(struct queue *queue, struct delivery delivery, bool *was_there)
{
    if (delivery.number >= queue->fresh)
        return false;
    struct queue_node *node = held(queue, delivery, &queue->stale_deletes);
    *was_there = node != NULL;
    if (node != NULL) {
        take_out(queue, node);
        node->deleted = 1;
        queue->deleted++;
    }
    return true;
}

bool queue_change(struct queue *queue, int64_t now_ns, struct delivery delivery,
                  uint32_t visibility_s)
{
    if (delivery.number >= queue->fresh)
        return false;
    struct queue_node *node = held(queue, delivery, &queue->stale_changes);
    if (node == NULL)
        return true;
    take_out(queue, node);
    if (visibility_s > 0)
        lease(queue, delivery.number, now_ns, visibility_s);
    else
        show_again(queue, delivery.number);
    return true;
}
