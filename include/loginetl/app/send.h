/* `send`: files into the queue. The reader and the batches of the command; not for others. */
#ifndef LE_APP_SEND_H
#define LE_APP_SEND_H

#include "loginetl/app/lookup.h"
#include "loginetl/app/world.h"
#include "loginetl/base/crypto.h"
#include "loginetl/base/json.h"
#include "loginetl/base/splitter.h"

#define LE_SEND_CHUNK     65536
#define LE_SEND_SLOTS_MAX 16
#define LE_SEND_TOLD_MAX  20 /* refused messages that are told one by one */

struct le_sender;

/* A batch of messages that is being filled, or sent until the queue has taken or refused all of it.
 */
struct le_send_slot {
    struct le_sender *sender;
    struct le_queue_call call;
    struct le_buf text; /* the bodies, one behind the other */
    struct {
        size_t at, len;
        uint64_t line;
        const char *file;
        uint64_t number; /* of all that are sent */
    } entries[LE_SQS_BATCH_MAX];
    size_t count;
    size_t asked;    /* entries of the request under way: the first ones */
    bool one_by_one; /* the queue refused the batch as a whole: which of them is at fault? */
    bool busy;
    int64_t since_ms; /* of the last success */
    struct le_backoff backoff;
    uv_timer_t timer;
};

struct le_sender {
    struct le_world world;
    struct le_lookup lookup;
    char **files;
    int file_count;

    int file;        /* the one being read */
    uv_file fd;      /* -1: not open */
    uv_fs_t request; /* one at a time */
    bool reading;
    bool input_ended;
    char chunk[LE_SEND_CHUNK];
    struct le_splitter splitter;

    struct le_send_slot slots[LE_SEND_SLOTS_MAX];
    size_t slot_count;
    struct le_send_slot *filling; /* NULL: none */
    uv_timer_t linger; /* a slow input's part of a batch does not wait for more for long */

    /* of a FIFO queue: one batch at a time, and one of a group in a request, so that they arrive in
     * their order */
    struct le_json *json;    /* NULL: the queue is none */
    struct le_span group_id; /* of all; absent: each user's logins are a group */
    uint64_t run;            /* tells this run's messages from any other's */

    uint64_t taken, sent, refused;
    bool queue_known;
    bool failed;
    bool done;
};

/* ---- reading (send_read.c) ---- */

/* The next message. *more: none now, but the reader is at work and will turn the sender. */
bool le_send_next(struct le_sender *sender, struct le_split *split, bool *more);

/* ---- batches (send_batch.c) ---- */

void le_send_open_slots(struct le_sender *sender);
/* Closes timers; the calls must have been answered or cancelled before the memory goes. */
void le_send_close_slots(struct le_sender *sender);
/* Frees what the slots hold, after the loop has ended. */
void le_send_free_slots(struct le_sender *sender);
struct le_send_slot *le_send_free_slot(struct le_sender *sender);
bool le_send_fits(const struct le_send_slot *slot, size_t len);
LE_MUST enum le_err le_send_add(struct le_send_slot *slot, const struct le_split *split,
                                const char *file);
void le_send_slot_send(struct le_send_slot *slot);
bool le_send_all_idle(const struct le_sender *sender);

/* May a batch be sent now? */
bool le_send_may_send(const struct le_sender *sender);

/* ---- FIFO queues (send_order.c) ---- */

struct le_send_order {
    char group[2 * LE_SHA256_LEN];
    char deduplication[40];
};
LE_MUST enum le_err le_send_order_open(struct le_sender *sender); /* LE_ERR_NOMEM */
void le_send_order_close(struct le_sender *sender);
/* Sets entry's group and deduplication id, which may point into out. The latter is the same
 * whenever the message is sent again because nobody heard whether it was taken, and another one for
 * equal bodies: they are two logins. LE_ERR_CRYPTO. */
LE_MUST enum le_err le_send_order(struct le_sender *sender, uint64_t number,
                                  struct le_send_order *out, struct le_sqs_send_entry *entry);

/* ---- the command (send.c) ---- */

/* Fills and sends whatever can be; ends when all is done. */
void le_send_turn(struct le_sender *sender);
void le_send_fail(struct le_sender *sender, const char *text);
void le_send_tell_refused(struct le_sender *sender, const char *file, uint64_t line,
                          const char *why);

#endif
