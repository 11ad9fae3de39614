/* The one queue: who has which message, and until when. Twelve bytes for each message that has been
 * received; none for one that has not, whose body and id are functions of its number. Pure: the
 * time is a parameter, and what it answers are numbers. */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include "arrivals.h"

#include "loginetl/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Leases end at the next of these after their time. */
#define QUEUE_TICK_NS INT64_C(125000000)
/* A power of two, and more ticks than the longest lease of 43,200 s has. */
#define QUEUE_TICKS        (UINT32_C(1) << 19)
#define QUEUE_RECEIVES_MAX ((UINT32_C(1) << 30) - 1)

/* Linked rings: one for each tick, one for what is to be received again. A received message that
 * has not been deleted is in exactly one of them. */
struct queue_node {
    uint32_t next, prev;
    uint32_t receives : 30;
    uint32_t in_flight : 1;
    uint32_t deleted : 1;
};

struct queue {
    struct arrivals arrivals;
    struct queue_node *nodes; /* the rings' heads first, then a message each */
    uint32_t fresh;           /* the first that was never received */
    int64_t tick;             /* up to here leases have been ended */
    uint32_t again;           /* in the ring of what is to be received again */
    uint64_t received, redelivered, deleted, stale_deletes, stale_changes, in_flight;
};

/* One delivery: what a receipt handle stands for. */
struct delivery {
    uint32_t number;
    uint32_t receives;
};

/* Reserves addresses for every message there may be; memory is taken as they are received.
 * LE_ERR_NOMEM. */
LE_MUST enum le_err queue_init(struct queue *queue, int64_t now_ns);
void queue_free(struct queue *queue);

/* Ends the leases that are over. To be called before the others when time has passed. */
void queue_advance(struct queue *queue, int64_t now_ns);
bool queue_has(const struct queue *queue, int64_t now_ns);
/* Messages that can be received now. */
uint32_t queue_visible(const struct queue *queue, int64_t now_ns);
/* When something may come to be visible; INT64_MAX: not by itself. */
int64_t queue_next_ns(const struct queue *queue, int64_t now_ns);
/* The next message, leased for visibility_s, though until the next tick at least, so that no answer
 * holds it twice; false when there is none. */
bool queue_receive(struct queue *queue, int64_t now_ns, uint32_t visibility_s,
                   struct delivery *delivery);

/* false: a handle of no message that was ever received. A handle that is not its message's newest,
 * or whose message is gone, is stale: it changes nothing and counts. */
LE_MUST bool queue_delete(struct queue *queue, struct delivery delivery, bool *was_there);
LE_MUST bool queue_change(struct queue *queue, int64_t now_ns, struct delivery delivery,
                          uint32_t visibility_s);

#endif
