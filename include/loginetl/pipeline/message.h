/* What the pipeline holds of the queue's messages: answers (up to ten messages that share one
 * buffer) and messages. */
#ifndef LE_PIPELINE_MESSAGE_H
#define LE_PIPELINE_MESSAGE_H

#include "loginetl/base/buf.h"
#include "loginetl/base/list.h"
#include "loginetl/login/reject.h"
#include "loginetl/login/row.h"
#include "loginetl/sqs/codec.h"

#include <stdint.h>

/* A message's way. Every change goes through one setter, which keeps the books. */
#define LE_MESSAGE_STATES(X)                                                                  \
    X(FREE, "free")           /* not a message now */                                         \
    X(WAITING, "waiting")     /* a row that waits for a database connection */                \
    X(SUBMITTED, "submitted") /* in a statement whose outcome has not been read */            \
    X(REJECTED, "rejected")   /* on its way into the dead-letter queue */                     \
    X(DELETABLE, "deletable") /* committed, or rejected and kept elsewhere: may be deleted */ \
    X(DELETING, "deleting")   /* in a delete request */                                       \
    X(RELEASING, "releasing") /* being handed back */

enum le_message_state {
#define X(name, word) LE_MESSAGE_##name,
    LE_MESSAGE_STATES(X)
#undef X
        LE_MESSAGE_STATE_COUNT
};

struct le_answer;

/* What every step of a message's way looks at comes first and together: under load a thousand are
 * held, more than the near caches keep, and each line of one is a wait. */
struct le_message {
    struct le_node queue_node; /* in the list of its state */
    uint8_t
        id[16]; /* the ledger's key: message_id as a UUID, or the first 16 bytes of its SHA-256 */
    int64_t sent_at_ms;
    enum le_message_state state;
    uint32_t tries; /* failed attempts of the step under way: to store it alone, delete it or
                       dead-letter it */
    uint64_t unclear_commits; /* the pipeline's commits when a statement of its batch with it was
                                 first refused unclearly */
    bool extending;           /* in an extension that has not been answered */
    bool unsettled;           /* handed back although a statement with it has not been answered */
    bool ended;               /* its way is over; only the operation under way still points to it */
    bool handle_changed;      /* a newer handle came while the old one was in a delete request */
    uint32_t receive_count;
    struct le_span receipt_handle; /* the newest one known */

    struct le_message *id_next; /* in the table of ids in flight */
    struct le_node lease_node;  /* in the list of leases, ordered by lease_end_ms */
    int64_t
        lease_end_ms; /* monotonic; counted from the answer's arrival: half a lease is the margin */
    struct le_node held_node; /* in the list of all that are held */
    struct le_answer *answer; /* whose buffer holds id and body */
    struct le_answer
        *holder;   /* whose buffer holds the receipt handle: another one after a redelivery */
    char *scratch; /* body_len bytes, only for a body with escapes; rare, so allocated */

    /* FIFO queues only, see group.c */
    struct le_span group_id;
    struct le_node group_node; /* with its group, in the order they came in, until it is settled */
    uint64_t arrival;          /* counts */
    bool behind;               /* waiting, but for an earlier one of its group */

    struct le_cell *cells; /* the row; fields->count of them, behind the message in its block */
    char *masks;           /* behind the cells */
    struct le_span message_id;
    const char *body;
    size_t body_len;
    struct le_reject reject;
};

/* The bytes of one answer, which its messages point into. The queue port appends them, and sets
 * found and found_count just before it calls done. */
struct le_answer {
    struct le_buf bytes;
    struct le_sqs_message *found; /* LE_SQS_BATCH_MAX of them, lent by the pipeline to all answers:
                                     used in done and not later */
    size_t found_count;
    unsigned refs;            /* messages that need bytes, and one for a receive under way */
    size_t charged;           /* bytes counted against the memory limit */
    struct le_node free_node; /* in the list of answers free, or in use */
};

#endif
