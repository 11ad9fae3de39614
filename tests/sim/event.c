#include "event.h"

#include <assert.h>

static bool before(const struct event *a, const struct event *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

void events_put(struct events *events, struct le_rng *rng, int64_t due_ms, enum event_kind kind,
                unsigned index, uint32_t ticket)
{
    if (events->count == EVENTS_MAX) {
        events->overflow = true;
        return;
    }
    struct event event = {due_ms, (uint32_t)le_rng_next(rng), ticket, (uint16_t)index,
                          (uint8_t)kind};
    unsigned at = events->count++;
    while (at > 0 && before(&event, &events->heap[(at - 1) / 2])) {
        events->heap[at] = events->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    events->heap[at] = event;
}

struct event events_take(struct events *events)
{
    assert(events->count > 0);
    struct event first = events->heap[0], last = events->heap[--events->count];
    unsigned at = 0, child;
    while ((child = 2 * at + 1) < events->count) {
        if (child + 1 < events->count && before(&events->heap[child + 1], &events->heap[child]))
            child++;
        if (!before(&events->heap[child], &last))
            break;
        events->heap[at] = events->heap[child];
        at = child;
    }
    events->heap[at] = last;
    return first;
}
