/* A standard queue as SQS keeps it: ready messages, messages in flight with a lease that ends,
 * receive counts, redrive to a dead-letter queue. Nothing here knows HTTP or JSON, except that a
 * body is kept as the inside of a JSON string, because that is how it leaves, again and again. */
#ifndef STUB_QUEUE_H
#define STUB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "logins.h"

struct call;

enum { QUEUES_MAX = 1024, QUEUE_NAME_MAX = 80, RECEIVE_MAX = 10 };

struct message {
    struct heap_node lease;          /* in the queue's leases while in flight */
    struct message *previous, *next; /* in the queue's ready list otherwise */
    uint64_t serial;                 /* one for each message that ever was */
    uint32_t slot;
    uint32_t receives;
    bool ready;
    int64_t sent_ms, first_received_ms;
    char id[37], md5[33];
    char *attributes; /* MessageAttributes as JSON text; NULL for none; owned */
    size_t length;    /* of body */
    char body[];      /* escaped */
};

/* What to do with a handle that a later receive has replaced, and with one whose message is gone.
 */
enum stale { STALE_IGNORE, STALE_DELETE, STALE_REFUSE };

struct queue_counts {
    uint64_t received, redelivered, doubled, deleted, deleted_again, stale_deletes, extended,
        released, expired, sent, dead_lettered;
};

struct queue {
    char name[QUEUE_NAME_MAX + 1];
    unsigned number;
    struct queue *dead_letters; /* NULL without a redrive policy */
    unsigned receives_max;
    unsigned visibility_s, wait_s;
    unsigned in_flight_max;
    enum stale stale;
    bool refuse_deleted; /* a deleted message's handle fails, as on some servers, instead of
                            succeeding */
    int64_t created_ms;

    struct message *first, *last; /* ready, in the order of arrival */
    uint64_t ready_count;
    struct heap leases;
    struct message **slots; /* every message there is, by slot */
    uint32_t slots_used, slots_capacity;
    uint32_t *free_slots;
    uint32_t free_count;
    struct logins
        *source; /* messages that are made when they are received; NULL without; not owned */
    struct queue_counts counts;
    struct call *waiters, *last_waiter; /* long polls, longest waiting first; the server's */
};

/* Every queue, in the order of creation. */
extern struct queue *queues[QUEUES_MAX];
extern unsigned queue_count;
extern bool
    queues_awake; /* set when a message became ready where somebody waits; the server clears it */

struct queue *queue_find(const char *name, size_t length); /* NULL if there is none */
struct queue *queue_create(const char *name,
                           size_t length); /* the existing one if there is one; NULL if refused */
void queue_purge(struct queue *queue);
void queues_free(void);

/* Takes the attributes over. */
struct message *queue_send(struct queue *queue, const char *body, size_t length, char *attributes);

uint64_t queue_visible(const struct queue *queue);
bool queue_at_limit(const struct queue *queue); /* so many in flight that SQS answers OverLimit */

/* Ends the leases that are over. To be called before anything that looks at the queue. */
void queue_expire(struct queue *queue, int64_t now_us);
/* Leases up to `most` messages; the count of a message that was received too often moves it to the
 * dead letters. */
size_t queue_receive(struct queue *queue, size_t most, unsigned visibility_s,
                     struct message *out[RECEIVE_MAX]);
/* Delivers a leased message once more: a new handle, and the old one is stale. */
void queue_redeliver(struct queue *queue, struct message *message, unsigned visibility_s);
/* Ready again although leased: what a standard queue does now and then. */
void queue_surface(struct queue *queue, struct message *message);

enum outcome { OUTCOME_DONE, OUTCOME_BAD_HANDLE, OUTCOME_NOT_IN_FLIGHT };
enum outcome queue_delete(struct queue *queue, const char *handle, size_t length);
enum outcome queue_change(struct queue *queue, const char *handle, size_t length,
                          unsigned visibility_s);

#endif
