/* The three ports: all that the pipeline knows of the world. The program plugs in SQS, PostgreSQL
 * and uv, the simulator its own. An operation is owned by the pipeline and lent to the port until
 * its done callback, which the port calls exactly once and never from inside the call that started
 * it. The handles array is valid during the starting call only, because a redelivery can replace a
 * handle while its operation is under way; the entries' messages, with their newest handle, their
 * body and their reason, are valid until done. */
#ifndef LE_PIPELINE_PORTS_H
#define LE_PIPELINE_PORTS_H

#include "loginetl/base/error.h"
#include "loginetl/pipeline/message.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- queue: each operation is one attempt; trying again is the pipeline's affair ---- */

struct le_receive_op {
    int max_messages; /* 1 … 10 */
    int wait_s;
    int visibility_s;
    struct le_answer *answer; /* bytes is empty, with its maximum set; to be filled on LE_OK */
    enum le_err err;
    int64_t sent_at_ms;  /* monotonic, set by the pipeline */
    uint64_t received;   /* the pipeline's books when it was sent; UINT64_MAX: some were held */
    int64_t began_at_ms; /* monotonic, set by the port with LE_OK: when the answer began to come,
                            since when the leases of its messages run, however long the rest took;
                            0 counts as the moment of done */
    void (*done)(struct le_receive_op *op);
    void *owner;
    void *port_data; /* the port's */
    struct le_node node;
};

enum le_entry_outcome {
    LE_ENTRY_RETRY,   /* failed, or not spoken of: worth another try */
    LE_ENTRY_OK,      /* done */
    LE_ENTRY_GIVE_UP, /* the sender is at fault or the handle is no longer valid: never again with
                         this handle */
    LE_ENTRY_DENIED   /* access denied: fatal */
};

struct le_entries_op {
    struct le_message *entries[LE_SQS_BATCH_MAX];
    struct le_span handles[LE_SQS_BATCH_MAX]; /* delete, extend: the handles to use */
    size_t count;
    int visibility_s; /* extend only; 0 hands the messages back */
    enum le_err err;  /* of the request as a whole; entries' outcomes count only on LE_OK */
    enum le_entry_outcome outcomes[LE_SQS_BATCH_MAX];
    int64_t sent_at_ms; /* monotonic, set by the pipeline */
    void (*done)(struct le_entries_op *op);
    void *owner;
    void *port_data;
    struct le_node node;
};

struct le_queue_port {
    void *self;
    void (*receive)(void *self, struct le_receive_op *op);
    void (*delete_batch)(void *self, struct le_entries_op *op);
    void (*extend)(void *self, struct le_entries_op *op);
    /* Sends body and reject reason of each entry to the dead-letter queue. Entries together are at
     * most LE_SQS_BATCH_BYTES_MAX, unless there is a single one, and of one group. */
    void (*dead_letter)(void *self, struct le_entries_op *op);
    /* Ends receives of whose answer nothing has come yet: each is done with LE_ERR_CANCELLED. An
     * answer that has begun is read to its end (messages in it are leased: dropping it would hide
     * them for a whole timeout). */
    void (*cancel_receives)(void *self);
};

/* ---- store ---- */

enum le_store_outcome {
    LE_STORE_COMMITTED,
    LE_STORE_DATA_ERROR, /* SQLSTATE class 22 or 23: nothing of it was stored */
    LE_STORE_UNCLEAR,  /* refused with a code that a row may have caused, or else the server: tried
                          again, in ever smaller parts */
    LE_STORE_TOO_SLOW, /* ended before it was done, by a time limit of the server's or a person:
                          tried again, in ever smaller parts, and never a row's fault */
    LE_STORE_RETRY, /* transient, or the outcome is unknown: submit again, the ledger absorbs what
                       was stored */
    LE_STORE_FATAL  /* a person must change something; the port has logged what */
};

struct le_submit_op {
    struct le_message *const *rows; /* ids unique, sorted by (sent_at_ms, id); stays until done */
    size_t count;
    enum le_store_outcome outcome;
    size_t inserted;  /* COMMITTED: new rows; the others were duplicates */
    long bad_row;     /* DATA_ERROR: position of the culprit, or -1 when the server does not say */
    char sqlstate[6]; /* "" when there is none */
    enum le_err err;  /* UNCLEAR, TOO_SLOW, RETRY, FATAL */
    void (*done)(struct le_submit_op *op);
    void *owner;
    void *port_data;
};

struct le_store_port {
    void *self;
    unsigned (*up)(void *self);   /* connections that work, idle or busy; 0: the store is away */
    unsigned (*idle)(void *self); /* of these, how many take a submission now */
    void (*submit)(void *self, struct le_submit_op *op); /* only while idle() > 0 */
};

/* ---- clock ---- */

struct le_clock_port {
    void *self;
    int64_t (*now_ms)(void *self);  /* monotonic */
    int64_t (*wall_ms)(void *self); /* since 1970 */
    /* Asks for le_pipeline_turn at or soon after at_ms (monotonic); replaces the previous wish. */
    void (*arm)(void *self, int64_t at_ms);
};

#endif
