/* What the pipeline's own files share. Not for others. */
#ifndef LE_PIPELINE_INTERNAL_H
#define LE_PIPELINE_INTERNAL_H

#include "loginetl/base/backoff.h"
#include "loginetl/pipeline/pipeline.h"

#define LE_IDS_BUCKETS           8192u /* a power of two */
#define LE_GROUP_BUCKETS         1024u /* likewise */
#define LE_LANES_MAX             32u   /* --connections' upper bound */
#define LE_LANE_RANGES_MAX       32u   /* log2 of the largest batch, and to spare */
#define LE_ANSWER_BYTES_MAX      ((size_t)16 << 20)
#define LE_ANSWER_BYTES_EXPECTED ((size_t)16 << 10)  /* before the first one has come */
#define LE_SPARE_BLOCK_MIN       ((size_t)128 << 10) /* smaller ones are the allocator's affair */
#define LE_SPARE_TIMES           4u /* a block so many times as large as answers are now is not kept */
#define LE_ENTRIES_OPS_SPARE     8u /* operations beside one delete for each receiver */
#define LE_EXTEND_OPS_MAX        8u
#define LE_RECEIVERS_FEW         3u  /* while answers bring several messages, but are not full */
#define LE_DELETE_LINGER_MS      100 /* waiting for company */
#define LE_TRIES_MAX             30u /* of one message's delete or dead-letter; then the queue keeps it */
#define LE_EMPTY_PAUSE_MS        1000 /* between empty answers that came without waiting */
#define LE_CANCEL_GRACE_MS       1000 /* under load a receive is answered sooner than this */
#define LE_OUTAGE_HOLD_MS        INT64_C(600000) /* how long leases are kept alive for an absent store */
#define LE_HIDDEN_WAIT_MAX_MS \
    INT64_C(300000)                        /* how long a drain waits for what is leased to nobody */
#define LE_LET_GO_WAITS_MAX 3u             /* … and how often for what it let go itself */
#define LE_STARVED_LOG_MS   INT64_C(60000) /* between two lines about lack of memory */
#define LE_UNCLEAR_TRIES    3u /* before a batch refused unclearly, or too slow, is cut in halves */
#define LE_REFUSED_MAX      100u /* rows refused in a row: it may be the table's fault */
#define LE_COMMITS_UNKNOWN  UINT64_MAX
#define LE_NEVER            INT64_MAX

struct le_pipeline;

/* Messages whose last attempt failed, until one common moment. */
struct le_retry {
    struct le_list list;
    struct le_backoff backoff;
    int64_t at_ms; /* LE_NEVER while the list is empty */
};

/* One statement under way at a time. A batch with a data error is cut in halves until the culprit
 * stands alone: the ranges are what is still to be submitted of it, the topmost next. */
struct le_lane {
    struct le_pipeline *pipeline;
    struct le_submit_op op;
    bool busy;      /* op is with the store */
    bool abandoned; /* its rows have been handed back meanwhile: the outcome is the next worker's to
                       find */
    struct le_message **rows;
    struct {
        size_t from, to;
    } ranges[LE_LANE_RANGES_MAX];
    unsigned depth;
    unsigned unclear; /* refusals of the whole batch in a row that name no culprit, or time */
    bool splitting;   /* … and that were enough: it is being cut in halves */
    uint64_t commits; /* the pipeline's, when the statement under way was submitted */
    struct le_backoff backoff;
    int64_t retry_at_ms; /* not before */
};

struct le_pipeline {
    struct le_pipeline_config config;
    struct le_queue_port queue;
    struct le_store_port store;
    struct le_clock_port clock;
    struct le_rng rng;
    struct le_books books;
    uint64_t state_count[LE_MESSAGE_STATE_COUNT]; /* kept by the setter alone; the books are held
                                                     against it */
    size_t bytes;                                 /* charged by answers in use */
    size_t message_size;                          /* with its cells and masks */
    struct le_sqs_message found[LE_SQS_BATCH_MAX];
    size_t spare_bytes; /* of free answers that have kept their block: these come first */
    struct le_list free_answers, used_answers, free_messages, held;

    /* messages by state; a message is in one of them or in an operation */
    struct le_list waiting, rejected, deletable, releasing;
    struct le_list leases; /* every message held, by lease_end_ms */
    struct le_retry delete_retry, reject_retry, release_retry;
    struct le_message *ids[LE_IDS_BUCKETS];
    uint64_t ids_seed;
    struct le_list *groups; /* LE_GROUP_BUCKETS of them; NULL: the queue has no groups */
    uint64_t arrivals;      /* messages that have joined them */
    unsigned behind;        /* of these, how many wait for others */

    /* receiving */
    struct le_receive_op *receive_ops;
    struct le_list free_receives;
    unsigned receives;      /* in flight */
    uint64_t receive_asked; /* messages that receives in flight may bring */
    unsigned receivers;     /* how many there should be: 1 … concurrency */
    int batch_max;          /* messages asked for at once: falls when answers are too large */
    size_t answer_expected; /* bytes: a decaying maximum */
    struct le_backoff receive_backoff;
    int64_t receive_at_ms;   /* not before */
    int64_t hidden_until_ms; /* LE_NEVER, or when messages come back that were leased to us in an
                                answer we could not read, or that were let go; at most
                                LE_HIDDEN_WAIT_MAX_MS ahead */
    bool hides_let_go;       /* some of these were let go */
    unsigned let_go_waits;   /* how often a drain had nothing to do but wait for such */
    int64_t starved_log_ms;  /* no line about lack of memory before */
    bool seen_empty;         /* the last answer of a long poll was empty */

    /* the other operations */
    struct le_entries_op *entries_ops;
    struct le_list free_entries;
    unsigned entries_total, deletes, extends, dead_letters, releases;
    int64_t deletable_since_ms; /* when the first of them came */
    int64_t extend_at_ms;       /* not before: after a failed extension */
    struct le_backoff extend_backoff;

    struct le_lane *lanes;
    size_t rows_max;  /* in a statement: falls when so many take too long, and grows slowly */
    uint64_t commits; /* statements that stored rows */
    unsigned refused; /* rows that the store refused one after the other, with no commit in between
                       */
    bool newest_next; /* behind the brake: which of the waiting rows is tried */

    /* absence and the end */
    int64_t store_away_since_ms;    /* LE_NEVER while it is there */
    int64_t store_failing_since_ms; /* it is there, but no statement gets anywhere: LE_NEVER when
                                       the last one did */
    int64_t queue_away_since_ms;    /* LE_NEVER while it answers */
    int64_t last_poll_ms;
    bool stopping, cancelled, closed;
    int64_t stop_at_ms; /* when stopping began */
    enum le_err why;
};

/* ---- books.c: the one setter, and the books ---- */
const char *le_message_state_word(enum le_message_state state);
void le_message_set_state(struct le_pipeline *pipeline, struct le_message *message,
                          enum le_message_state state);
/* in_flight from the states, asserted against the other figures. */
void le_books_balance(struct le_pipeline *pipeline);
/* The message's way is over: forgets its id and lease, and its buffers when nothing else needs
 * them. */
void le_message_end(struct le_pipeline *pipeline, struct le_message *message);

/* ---- answer.c ---- */
LE_MUST struct le_answer *le_answer_take(
    struct le_pipeline *pipeline); /* refs 1; NULL: no memory */
void le_answer_charge(struct le_pipeline *pipeline, struct le_answer *answer, size_t more);
void le_answer_drop(struct le_pipeline *pipeline, struct le_answer *answer);
/* Gives back the blocks that were kept: the queue is empty. */
void le_answer_drop_spare(struct le_pipeline *pipeline);
LE_MUST struct le_message *le_message_take(struct le_pipeline *pipeline); /* NULL: no memory */
void le_message_give_back(struct le_pipeline *pipeline, struct le_message *message);
void le_memory_free(struct le_pipeline *pipeline);

/* ---- ids.c: which messages are in flight here ---- */
/* A UUID's 16 bytes, or the first 16 of its SHA-256 when it is none. */
LE_MUST enum le_err le_message_key(struct le_span message_id, uint8_t out[16]);
/* It is going to be looked for, or removed: its place in the table is fetched meanwhile. */
void le_ids_expect(const struct le_pipeline *pipeline, const uint8_t id[16]);
struct le_message *le_ids_find(const struct le_pipeline *pipeline, const uint8_t id[16]);
void le_ids_add(struct le_pipeline *pipeline, struct le_message *message);
void le_ids_remove(struct le_pipeline *pipeline, struct le_message *message);

/* ---- group.c: the order within a FIFO queue's groups. A message is with its group from when it is
 * taken up until it is settled (its row committed, or itself deleted after it was rejected) or
 * handed back. Only le_group_leave, le_waiting_put and le_message_abandon are for any queue's ----
 */
LE_MUST enum le_err le_groups_open(struct le_pipeline *pipeline);
/* The queue gave message behind all of its group that are here. broken: an earlier one that came
 * with it is unsettled and not with the group, and so it goes back. */
void le_group_join(struct le_pipeline *pipeline, struct le_message *message,
                   struct le_span group_id, bool broken);
/* It is being handed back. */
void le_group_leave(struct le_pipeline *pipeline, struct le_message *message);
/* It is settled: the next of its group may go. */
void le_group_settle(struct le_pipeline *pipeline, struct le_message *message);
/* Appends to rows, after count, those that may go with them: what waits right behind one of them.
 * Answers how many there are then, at most max. */
size_t le_group_follow(struct le_pipeline *pipeline, struct le_message **rows, size_t count,
                       size_t max);
/* The lane goes on without what stands behind message, which waits for it from now on. */
void le_group_hold_back(struct le_pipeline *pipeline, struct le_lane *lane,
                        const struct le_message *message);
/* Hands back all that wait behind others. */
void le_groups_release(struct le_pipeline *pipeline);
/* A row that is to go into a statement, when it is its turn. */
void le_group_wait(struct le_pipeline *pipeline, struct le_message *message);
static inline void le_waiting_put(struct le_pipeline *pipeline, struct le_message *message)
{
    if (pipeline->groups != NULL)
        le_group_wait(pipeline, message);
    else
        le_list_push(&pipeline->waiting, &message->queue_node);
}
/* Its way here is over, and it may come again: of a FIFO queue, those behind it go back as well,
 * for they come again behind it. */
void le_message_abandon(struct le_pipeline *pipeline, struct le_message *message);

/* ---- retry.c, operations ---- */
void le_retry_init(struct le_retry *retry);
void le_retry_put(struct le_pipeline *pipeline, struct le_retry *retry, struct le_message *message,
                  int64_t now_ms);
/* Moves what is due to ready. Answers when the rest is due. */
int64_t le_retry_release(struct le_retry *retry, struct le_list *ready, int64_t now_ms);
struct le_entries_op *le_entries_take(struct le_pipeline *pipeline,
                                      void (*done)(struct le_entries_op *));
void le_entries_give_back(struct le_pipeline *pipeline, struct le_entries_op *op);
/* What became of entry i, the request's own failure included. */
enum le_entry_outcome le_entries_outcome(const struct le_entries_op *op, size_t i);
/* A request of any kind was answered, or not: the queue's absence is measured by it. A fatal error
 * ends the pipeline. */
void le_queue_answered(struct le_pipeline *pipeline, enum le_err err, int64_t now_ms);
int64_t le_pipeline_now(const struct le_pipeline *pipeline);

/* ---- the parts of a turn; each answers when it wants the next one (LE_NEVER: only after an event)
 * ---- */
int64_t le_receive_turn(struct le_pipeline *pipeline, int64_t now_ms);
int64_t le_commit_turn(struct le_pipeline *pipeline, int64_t now_ms);
int64_t le_reject_turn(struct le_pipeline *pipeline, int64_t now_ms);
int64_t le_delete_turn(struct le_pipeline *pipeline, int64_t now_ms);
int64_t le_lease_turn(struct le_pipeline *pipeline, int64_t now_ms);
int64_t le_release_turn(struct le_pipeline *pipeline, int64_t now_ms);

/* ---- bisect.c: a batch that the store refuses. Ranges are halves of the lane's rows; the topmost
 * goes next ---- */
void le_lane_push(struct le_lane *lane, size_t from, size_t to);
void le_lane_data_error(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to);
void le_lane_unclear(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to);
void le_lane_too_slow(struct le_pipeline *pipeline, struct le_lane *lane, size_t from, size_t to);
/* commit.c: for qsort, the order of a statement's rows. */
int le_by_ledger_key(const void *left, const void *right);
/* Nothing more is submitted until the lane's backoff is over; and the rows, as a range,
 * wait for that. */
void le_lane_wait(struct le_pipeline *pipeline, struct le_lane *lane);
void le_lane_again_later(struct le_pipeline *pipeline, struct le_lane *lane, size_t from,
                         size_t to);

/* The table refuses one row after the other: it goes slowly until one is stored again. */
static inline bool le_pipeline_is_braked(const struct le_pipeline *pipeline)
{
    return pipeline->refused >= LE_REFUSED_MAX;
}

/* lease.c: a release without a word to the queue. */
void le_let_go(struct le_pipeline *pipeline, struct le_message *message);
void le_reject_message(struct le_pipeline *pipeline, struct le_message *message);
void le_deletable_put(struct le_pipeline *pipeline, struct le_message *message, int64_t now_ms);
void le_release_row(struct le_pipeline *pipeline, struct le_message *message);
/* Hands back every row that no statement has stored: what waits, and what is between two attempts.
 */
void le_release_uncommitted(struct le_pipeline *pipeline);
void le_lease_put(struct le_pipeline *pipeline, struct le_message *message, int64_t end_ms);

#endif
