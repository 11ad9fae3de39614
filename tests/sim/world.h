/* A simulated world: one clock, one queue, one store, and up to four workers, each a pipeline of
 * its own. Everything that happens in it follows from its seed. One world is simulated at a time,
 * in memory that is used again. */
#ifndef LE_SIM_WORLD_H
#define LE_SIM_WORLD_H

#include "event.h"
#include "fault.h"
#include "loginetl/pipeline/pipeline.h"

#define MESSAGES_MAX     256
#define DELIVERIES_MAX   65536
#define WORKERS_MAX      4
#define SESSIONS_MAX     8
#define REQUESTS_MAX     1024
#define TRANSACTIONS_MAX 512
#define GROUPS_MAX       32
#define BODY_LARGE       (1u << 20)
#define HOUR_MS          (INT64_C(3600) * 1000)

/* What is promised; a world that breaks one of them has failed. */
#define SIM_PROMISES(X)                                          \
    X(LOST, "nothing is lost")                                   \
    X(TWICE, "nothing is counted twice")                         \
    X(ORDER, "the order within a group is kept")                 \
    X(ONE_BAD, "a bad message harms only itself")                \
    X(OUTAGE, "an outage costs no receive count")                \
    X(LEASE, "a lease is kept while its message is in work")     \
    X(MEMORY, "memory is bounded")                               \
    X(BOOKS, "the books balance")                                \
    X(SHUTDOWN, "a stop ends in time and gives everything back") \
    X(PROGRESS, "everything ends in bounded time and steps")     \
    X(PORTS, "the contract of the ports is kept")

enum promise {
    PROMISE_NONE,
#define X(name, words) PROMISE_##name,
    SIM_PROMISES(X)
#undef X
        PROMISE_COUNT
};
const char *promise_words(enum promise promise);

struct message {
    char id[40];
    uint8_t key[16]; /* the ledger's */
    int64_t sent_at_ms;
    char *body;
    uint32_t body_len;
    char md5[33];   /* of the body, in hex; "" until it is asked for */
    bool bad;       /* can never become a row … */
    bool unclear;   /* … with a code that may be the server's fault as well */
    bool bad_row;   /* … because the store refuses it */
    bool slow;      /* good, but somebody holds a lock on it for long */
    unsigned group; /* of a FIFO queue; a group's messages stand in the order they were sent in */
    /* in the queue */
    bool convicted; /* good, but taken for bad, with reason: see check_port.c */
    bool deleted, redriven;
    bool told_deleted; /* somebody was answered that it is, and it is not */
    int64_t visible_at_ms;
    uint32_t receives, newest; /* newest: the last delivery's number */
    bool excused;              /* something explains that it is delivered once more */
    unsigned outage;           /* in which outage of the store it was last handed back */
    /* in the store */
    bool in_ledger;
    unsigned rows, locked_by; /* locked_by: a transaction's index + 1 */
    /* elsewhere */
    unsigned dead_letters;
    bool discarded;
};

struct delivery {
    uint32_t instance;
    uint16_t message;
    uint16_t receive_count;
    uint8_t worker;
};

/* What a worker was told of a message. */
struct known {
    uint32_t newest; /* the newest handle that it was given: its delivery's number */
    uint32_t first;  /* the earliest one since it took the message up */
    bool may_delete; /* it has read that the row is committed, or that the message is safe elsewhere
                      */
    bool refused_clearly;          /* with a code that names a row's fault */
    unsigned alone_refused;        /* unclear refusals of it alone */
    uint64_t refused_at, began_at; /* the worker's commits at the first one, and when the last one's
                                      statement began */
    unsigned extending;            /* extensions under way, since it took the message up */
    bool handing_back;             /* since it took the message up */
};

struct session {
    enum { SESSION_DOWN, SESSION_IDLE, SESSION_BUSY, SESSION_UPKEEP } state;
    uint32_t ticket;
    unsigned transaction; /* + 1, of a busy one */
};

enum request_kind {
    REQUEST_RECEIVE,
    REQUEST_DELETE,
    REQUEST_EXTEND,
    REQUEST_RELEASE,
    REQUEST_DEAD_LETTER,
    REQUEST_KINDS
};

/* What should stand in its books, counted by the world. */
struct counts {
    uint64_t received, copies, inserted, duplicate, deleted, dead_lettered, settled, delete_failed;
};

/* How something that fails is tried again. */
struct pace {
    unsigned failures; /* in a row */
    unsigned waits;    /* that they made */
    int64_t since_ms;  /* the worker's clock: when the first of them was */
};

struct worker {
    struct world *world;
    unsigned index;
    struct le_pipeline *pipeline; /* NULL: not running */
    struct le_pipeline_config config;
    struct le_decoder *decoder;
    uint32_t instance; /* counts its starts, world-wide */
    bool dirty;        /* something happened: it is to turn before time goes on */
    bool asked_to_stop, queue_answered, fatal, no_memory, frozen,
        fell_behind;       /* fell_behind: was frozen */
    int64_t stop_at_ms;    /* its own clock */
    int64_t late_since_ms; /* the world's clock: since when it should have stopped */
    int64_t clock_ms;      /* its monotonic clock is so far ahead of the world's */
    int64_t wall_ms;
    int64_t frozen_at_ms, thaw_ms; /* the world's clock */
    bool clock_stands;             /* while it is suspended */
    int64_t armed_ms;              /* its own clock; INT64_MAX: not */
    uint32_t wake_ticket, thaw_ticket;
    int64_t away_since_ms; /* its own clock: since when it has seen no session up; INT64_MAX: it
                              sees one */
    int64_t queue_failing_ms, store_failing_ms; /* its own clock; INT64_MAX: not */
    bool gave_up;                               /* for lack of patience, and it has been judged */
    bool must_fail;                             /* it was told of what a person must mend */
    /* What a drain has to wait for: messages that are leased to it, and held by nobody. */
    int64_t hidden_until_ms;                 /* its own clock; INT64_MAX: there are none */
    bool hides_let_go;                       /* it let some of them go itself */
    unsigned let_go_waits;                   /* how often it had nothing but such to look for */
    int64_t receive_sent_ms;                 /* its own clock: the last one */
    bool heard_empty;                        /* the last receive was answered, with no message */
    uint64_t rejected_before, rejected_seen; /* for the store's sake: when a row was stored last,
                                                and at the last answer */
    struct pace receive_pace, extend_pace, entries_pace[REQUEST_KINDS], lane_pace[SESSIONS_MAX];
    unsigned long_outage;  /* the last one that outlasted its patience with leases */
    int64_t long_until_ms; /* the world's clock: when it was last in it */
    unsigned outage;       /* the outage it sees or saw last */
    bool store_failed;
    struct session sessions[SESSIONS_MAX];
    uint64_t commits;       /* whose answers it has read */
    unsigned receives;      /* in flight */
    int64_t received_at_ms; /* when the last one was sent; the world's clock */
    unsigned idle_turns;    /* timers in a row after which it did nothing */
    int64_t idle_since_ms;
    bool acted;
    size_t bytes_bound; /* see check.c */
    struct counts counts;
    struct known known[MESSAGES_MAX];
};

enum request_fate { FATE_DONE, FATE_LOST, FATE_FAILED, FATE_CANCELLED };

/* One request to the queue. It outlives the worker that sent it: the server does what it was asked.
 */
struct request {
    bool used, served, answered, polling, alone, drags;
    uint8_t kind, fate, worker;
    uint32_t instance, serve_ticket, answer_ticket;
    void *op;
    enum le_err err;
    int max_messages, visibility_s;
    int64_t sent_ms, poll_end_ms, give_up_ms, served_ms, began_ms;
    unsigned count;
    uint16_t message[LE_SQS_BATCH_MAX];
    uint32_t delivery[LE_SQS_BATCH_MAX];
    uint32_t asked[LE_SQS_BATCH_MAX]; /* the delivery whose handle was lent at first */
    uint8_t outcome[LE_SQS_BATCH_MAX];
};

enum transaction_state {
    TRANSACTION_SENT,
    TRANSACTION_LOCKING,
    TRANSACTION_HOLDING,
    TRANSACTION_OVER
};

/* One statement, as the server has it. It outlives the worker and the session that sent it. */
struct transaction {
    bool used, orphan, aborts, slow, swallowed; /* swallowed: nothing will come of it by itself */
    uint8_t state, worker, session;
    uint32_t instance, ticket;
    struct le_submit_op *op;
    enum le_store_outcome outcome;
    enum le_err err;
    const char *sqlstate;
    bool answer_lost, out_of_time;
    long bad_row;
    size_t inserted;
    uint64_t commits;       /* the worker's when it began */
    unsigned count, locked; /* locked: rows whose keys it has passed */
    uint16_t message[MESSAGES_MAX];
};

struct store {
    bool down, crashed; /* crashed: what was not committed is gone; else only the network is */
    bool unclear;       /* it refuses everything, and does not say why */
    bool stuck;         /* no statement is done within the time limit */
    unsigned rows_max;  /* so many are done within the time limit */
    int64_t limit_ms;   /* the time limit */
    bool clear_rows;    /* rows are refused with a clear code only */
    int64_t back_ms;
    unsigned outages;
    int64_t down_since_ms;
    int64_t notice_ms; /* how long sessions may take to notice */
    bool names_rows;   /* a data error says which row it was */
};

enum stale_handle { STALE_IGNORED, STALE_DELETES, STALE_REFUSED };

struct queue {
    bool away, entries_fail;
    enum le_err away_err;
    unsigned redrive_at; /* maxReceiveCount; 0: no redrive */
    enum stale_handle stale;
    bool gives_counts, gives_md5, refuses_expired, in_order;
    bool earlier_only; /* FIFO: those in flight keep back only what stands behind them */
    int64_t latency_ms;
    size_t answer_max;
};

enum phase { PHASE_CHAOS, PHASE_CALM, PHASE_LAST, PHASE_OVER };

struct world {
    uint64_t seed;
    struct le_rng rng;
    bool tracing;
    int64_t now_ms;
    uint64_t steps, turns;
    enum phase phase;
    int64_t phase_end_ms;
    uint64_t phase_steps;
    unsigned last_rounds;
    struct faults faults;
    bool sound; /* queue, clocks and memory are without faults */
    bool mixed_rejects;
    bool fifo; /* the queue is FIFO; what that needs is drawn apart, so that the other */
    struct le_rng groups_rng; /* worlds are what they would be without */
    unsigned group_count;
    bool crowd;          /* of bad rows that come again and again */
    unsigned fresh;      /* the newest good message among them */
    int64_t fresh_by_ms; /* when it is to be a row; INT64_MAX: it is one */
    enum le_on_reject on_reject;
    int64_t tick_ms;
    struct events events;
    uint32_t tickets;
    struct message messages[MESSAGES_MAX];
    unsigned message_count, refills_left;
    unsigned open_good, open_bad; /* still in the queue */
    struct delivery deliveries[DELIVERIES_MAX];
    uint32_t delivery_count;
    struct queue queue;
    struct store store;
    struct request requests[REQUESTS_MAX];
    struct transaction transactions[TRANSACTIONS_MAX];
    unsigned request_hint, transaction_hint;
    struct worker workers[WORKERS_MAX];
    unsigned worker_count;
    uint32_t instances;
    unsigned acting; /* the worker whose code ran last: whose log it is */
    uint64_t convicted;
    uint64_t delivered; /* messages in answers that reached a worker */
    enum promise broken;
    char verdict[400];
};

/* Simulates the world of that seed from beginning to end. False: it broke a promise; broken and
 * verdict say which and how. What it needs of memory for good is taken once. */
bool world_run(struct world *world, uint64_t seed, bool tracing);

/* Does an earlier message of its group, which is not settled, keep it from being received? */
bool world_is_blocked(const struct world *world, unsigned index);
/* When it can be received: not while others of its group are in flight. */
int64_t world_free_at_ms(const struct world *world, unsigned index);
/* The message, told by its id; MESSAGES_MAX when there is none such. */
unsigned world_find(const struct world *world, struct le_span id);
uint32_t world_ticket(struct world *world);
uint64_t world_below(struct world *world, uint64_t bound);
/* From 1 to bound; often small, sometimes near it. */
int64_t world_spread(struct world *world, int64_t bound);
bool world_strikes(struct world *world, enum fault fault);
void world_put(struct world *world, int64_t due_ms, enum event_kind kind, unsigned index,
               uint32_t ticket);

#endif
