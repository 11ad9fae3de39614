/* The flow: receive, decode, commit, delete, with leases, rejects and the books. Policy only: it
 * acts in le_pipeline_turn, at its own pace; the ports' callbacks only note what happened. */
#ifndef LE_PIPELINE_PIPELINE_H
#define LE_PIPELINE_PIPELINE_H

#include "loginetl/base/error.h"
#include "loginetl/login/row.h"
#include "loginetl/pipeline/ports.h"

#include <stdbool.h>
#include <stdint.h>

enum le_on_reject { LE_ON_REJECT_DLQ, LE_ON_REJECT_LEAVE, LE_ON_REJECT_DISCARD };

/* received = inserted + duplicate + rejected + released + in_flight, at every instant (asserted).
 */
struct le_books {
    uint64_t received;
    uint64_t inserted;
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t released;  /* handed back, or let go when the program ends */
    uint64_t in_flight; /* neither of these yet */
    uint64_t rejected_by[LE_REJECT_COUNT];
    /* What became of the receipts; a message counts once. */
    uint64_t deleted;
    uint64_t delete_failed; /* given up: the message comes back and the ledger knows it */
    uint64_t dead_lettered;
    uint64_t left;      /* rejected and left to the queue's redrive */
    uint64_t discarded; /* rejected and deleted unread */
    uint64_t leases_extended;
    uint64_t leases_lost;
};

struct le_pipeline_config {
    unsigned concurrency; /* most receives in flight */
    int wait_s;
    int visibility_s;
    unsigned batch_rows;
    unsigned lanes;        /* statements under way at once: the database connections */
    size_t memory_limit;   /* bytes of message data held */
    uint64_t max_messages; /* 0: no limit */
    bool drain;
    bool fifo; /* the queue's messages have groups, each of which is an order to keep */
    enum le_on_reject on_reject;
    int64_t shutdown_timeout_ms;
    int64_t patience_ms; /* gives up (RETRY errors become the end) after so long without the store
                            or the queue; 0: never */
    uint64_t seed;       /* jitter */
    struct le_decoder *decoder; /* lent; outlives the pipeline */
    size_t field_count;
};

struct le_pipeline;

/* Ports are copied; what they point to outlives the pipeline. NULL: no memory. Nothing happens
 * before the first turn. */
LE_MUST struct le_pipeline *le_pipeline_new(const struct le_pipeline_config *config,
                                            const struct le_queue_port *queue,
                                            const struct le_store_port *store,
                                            const struct le_clock_port *clock);
/* Only after the ports have been made to forget their operations: a statement whose rows were
 * handed back may still be with the store when le_pipeline_finished says so. */
void le_pipeline_free(struct le_pipeline *pipeline);

/* Does whatever can be done now. To be called after events and when the armed time has come;
 * calling more often is harmless. */
void le_pipeline_turn(struct le_pipeline *pipeline);
/* SIGTERM: stops receiving, commits what is decoded, deletes what is committed, gives the rest
 * back, under one deadline. */
void le_pipeline_stop(struct le_pipeline *pipeline);
/* The same, because of an error that a person must mend; the first one given is what
 * le_pipeline_finished tells. */
void le_pipeline_fail(struct le_pipeline *pipeline, enum le_err why);
/* Nothing is in flight and nothing more will be done: drained, or stopped, or failed (*why says,
 * LE_OK when as asked). */
bool le_pipeline_finished(const struct le_pipeline *pipeline, enum le_err *why);
/* The books as they are now. Valid as long as the pipeline; figures move on. */
const struct le_books *le_pipeline_books(struct le_pipeline *pipeline);

struct le_pipeline_gauges {
    unsigned receivers; /* receives in flight */
    unsigned waiting;   /* rows that wait for a connection */
    unsigned submitted; /* rows in statements */
    unsigned deleting;  /* deletable or in a delete request */
    size_t bytes;       /* held of message data */
    int64_t
        last_poll_ms; /* monotonic; when the last receive was answered without an error; 0 never */
};
void le_pipeline_gauges(const struct le_pipeline *pipeline, struct le_pipeline_gauges *out);

#endif
