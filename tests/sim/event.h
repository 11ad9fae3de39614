/* What is still to happen in a world, in the order of its time; what falls on the same millisecond
 * comes in any order. */
#ifndef LE_SIM_EVENT_H
#define LE_SIM_EVENT_H

#include "loginetl/base/rng.h"

#include <stdbool.h>
#include <stdint.h>

#define EVENTS_MAX 8192

enum event_kind {
    EVENT_SERVE,       /* index: a request; the server acts on it, or looks again for a long poll */
    EVENT_ANSWER,      /* index: a request; its answer reaches the worker */
    EVENT_TRANSACTION, /* index: a transaction; it goes on */
    EVENT_SESSION, /* index: worker * SESSIONS_MAX + session; it comes up, is lost, or is free again
                    */
    EVENT_WAKE,    /* index: a worker; its timer is due */
    EVENT_START,   /* index: a worker; it is started (again) */
    EVENT_THAW,    /* index: a worker; it goes on after having been suspended */
    EVENT_TICK,    /* the world looks for what goes wrong by itself */
    EVENT_STORE_BACK,
    EVENT_STORE_CLEAR,
    EVENT_STORE_UNSTUCK,
    EVENT_QUEUE_BACK,
    EVENT_ENTRIES_BACK
};

/* An event is void when its object's ticket is another one by then. */
struct event {
    int64_t due_ms;
    uint32_t order;
    uint32_t ticket;
    uint16_t index;
    uint8_t kind;
};

struct events {
    struct event heap[EVENTS_MAX];
    unsigned count;
    bool overflow; /* a bug of the simulator: the world is to be given up */
};

void events_put(struct events *events, struct le_rng *rng, int64_t due_ms, enum event_kind kind,
                unsigned index, uint32_t ticket);
/* The earliest; count must not be 0. */
struct event events_take(struct events *events);

#endif
