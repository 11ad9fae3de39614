/* A small world for the pipeline's unit tests: a queue, a store and a clock of our own behind the
 * three ports. */
#ifndef LE_TESTS_WORLD_H
#define LE_TESTS_WORLD_H

#include "loginetl/pipeline/pipeline.h"

#define WORLD_MESSAGES_MAX 4096
#define WORLD_PENDING_MAX  512

struct world_message {
    char id[40];
    char body[256];
    int64_t visible_at_ms; /* INT64_MAX: deleted */
    unsigned receives;
    unsigned handle; /* the newest handle's number */
    bool deleted;
    unsigned rows; /* times it became a row */
    bool in_ledger;
    unsigned dead_letters;
    char reason[32]; /* of its last dead letter */
};

/* What the next operations of a kind do. */
struct world_faults {
    unsigned fail_receives; /* so many receives fail with receive_err */
    enum le_err receive_err;
    unsigned fail_deletes; /* so many delete requests fail as a whole */
    enum le_err delete_err;
    unsigned failed_entries; /* so many delete entries are answered with entry_outcome */
    enum le_entry_outcome entry_outcome;
    unsigned fail_commits;    /* so many submissions answer RETRY */
    bool fail_commits_stored; /* … although they were stored: the answer was lost */
    unsigned fatal_commits;
    unsigned cancel_commits; /* so many submissions are ended as too slow */
    size_t rows_in_time;     /* … and those of more rows than this; 0: any number is in time */
    bool slow_rows;          /* … and those with a row whose user_id is "slow" */
    bool name_last_culprit;  /* a data error says which row it is, the last one first */
    bool store_away;
    bool hold_commits; /* submissions are not answered */
    bool hold_deletes;
    bool hold_extends;     /* but not what hands back */
    bool unclear_commits;  /* every submission is refused with a code that nobody knows */
    bool stall_receives;   /* answers that have begun and do not end */
    unsigned lost_answers; /* so many receives lease and then fail with receive_err */
    unsigned
        starved_answers; /* so many are taken up when there is no memory for their first message */
    size_t padding;      /* bytes before the messages of each answer that has some */
    size_t most_in_answer;   /* an answer brings no more than so many; 0: all that it may */
    int64_t answer_takes_ms; /* from an answer's first byte to its last */
    unsigned damaged_bodies; /* so many bodies come with the MD5 of another one */
    bool twice_in_answer;    /* every message stands twice in its answer */
    bool newest_first;       /* … the later delivery first */
    bool never_hide;         /* messages stay visible: redelivered while in flight */
    unsigned fail_extends;
    bool refuse_extends;        /* every extension entry is given up */
    unsigned retry_releases;    /* so many hand-back entries are answered RETRY */
    unsigned fail_dead_letters; /* so many dead-letter entries are answered RETRY */
    bool refuse_dead_letters;
};

struct world {
    struct world_message messages[WORLD_MESSAGES_MAX];
    size_t count;
    uint64_t steps;
    size_t
        groups; /* the queue is FIFO, and each message of the next of so many groups; 0: it is not
                 */
    struct world_faults faults;
    int64_t now_ms, armed_ms;
    struct {
        enum { WORLD_RECEIVE, WORLD_DELETE, WORLD_EXTEND, WORLD_DEAD_LETTER, WORLD_SUBMIT } kind;
        void *op;
        bool cancelled;
        unsigned handles[LE_SQS_BATCH_MAX];
        int64_t due_ms;
    } pending[WORLD_PENDING_MAX];
    size_t pending_count;
    unsigned receives_now, receives_most, submits_now, lanes;
    unsigned blocks_used_again; /* answers that came with room in them */
    uint64_t receive_requests, delete_requests, deletes_of_uncommitted, stale_deletes, extensions,
        releases, submissions, largest_batch;
    const char *log_words;
    unsigned log_lines; /* with these words in them */
    struct le_fields fields;
    struct le_decoder *decoder;
    struct le_pipeline_config config;
    struct le_pipeline *pipeline;
};

/* A world with the built-in field list and a drain's configuration, which a test may change before
 * world_start. */
struct world *world_new(void);
void world_free(struct world *world);
void world_start(struct world *world);
struct world_message *world_add(struct world *world, const char *body);
void world_add_good(struct world *world, size_t count);
/* Its clock; self: the world. */
int64_t world_now(void *self);
/* Turns, answers what is due, and moves the clock to the next event, until the pipeline has
 * finished. Fails the test after limit steps. Answers why it ended. */
enum le_err world_run(struct world *world, unsigned steps_max);
/* One step: a turn, then every answer that is due now, or else the clock moves. Fails the test when
 * it would go on for ever. */
void world_step(struct world *world);
/* Every good message is one row and deleted; no message was deleted before its commit. */
void world_check_all_stored(struct world *world);
/* From now on counts the lines of the log that hold the words. */
void world_watch_log(struct world *world, const char *words);
const struct le_books *books_of(const struct world *world);
/* Stops the pipeline, and runs until it has. */
void world_stop(struct world *world);

/* ---- a world for each test, at *state ---- */

int world_set_up(void **state);
int world_tear_down(void **state);
/* Another one in its place, for a test that needs several. */
void world_renew(void **state);
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

/* ---- between the files of the world ---- */

/* Of a FIFO queue: is an earlier message of its group still there? */
bool world_is_blocked(const struct world *world, size_t index);
size_t world_index_of(const struct world *world, struct le_span id);
void world_put_pending(struct world *world, int kind, void *op, int64_t due_ms);
struct le_store_port world_store_port(struct world *world);
void world_answer_submit(struct world *world, struct le_submit_op *op);

#endif
