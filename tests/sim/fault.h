/* The faults: what can go wrong in a world, how often it is to go wrong in this one, and how often
 * it really did. */
#ifndef LE_SIM_FAULT_H
#define LE_SIM_FAULT_H

#include "loginetl/base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, GROUP, "words"). The groups say which checks a fault excuses: while the queue, the clocks
 * and the memory are sound, leases must hold and what is handed back must be seen at once, whatever
 * the store, the signals and the crashes do, and however slow answers are. */
#define SIM_FAULTS(X)                                                             \
    /* receiving */                                                               \
    X(REDELIVERY, QUEUE, "delivered again while in flight")                       \
    X(COPY, QUEUE, "twice in one answer")                                         \
    X(COPY_ORDER, QUEUE, "twice in one answer, the later delivery first")         \
    X(RECEIVE_LOST, QUEUE, "leased, but the answer is lost")                      \
    X(RECEIVE_TWICE, QUEUE, "leased, and asked again on a new connection")        \
    X(RECEIVE_FAILED, QUEUE, "a receive fails")                                   \
    X(RECEIVE_LARGE, QUEUE, "an answer is larger than its limit")                 \
    X(RECEIVE_DAMAGED, QUEUE, "a body is not the one that was hashed")            \
    X(CANCEL_LEASES, QUEUE, "a cancelled receive leases all the same")            \
    X(DELETED_RETURNS, QUEUE, "a deleted message comes back")                     \
    /* requests with entries */                                                   \
    X(DELETE_LOST, QUEUE, "deleted, but the answer is lost")                      \
    X(DELETE_FAILED, QUEUE, "a delete request fails")                             \
    X(DELETE_RETRY, QUEUE, "a delete's entry fails")                              \
    X(DELETE_REFUSED, QUEUE, "a delete's entry is refused")                       \
    X(DELETE_UNSPOKEN, QUEUE, "a delete's entry is done, but not spoken of")      \
    X(DELETE_NOT_DONE, QUEUE, "a delete answers success without deleting")        \
    X(EXTEND_LOST, QUEUE, "extended, but the answer is lost")                     \
    X(EXTEND_FAILED, QUEUE, "an extension fails")                                 \
    X(EXTEND_RETRY, QUEUE, "an extension's entry fails")                          \
    X(EXTEND_REFUSED, QUEUE, "an extension's entry is refused")                   \
    X(EXTEND_UNSPOKEN, QUEUE, "an extension's entry is done, but not spoken of")  \
    X(RELEASE_LOST, QUEUE, "handed back, but the answer is lost")                 \
    X(RELEASE_FAILED, QUEUE, "a hand-back fails")                                 \
    X(RELEASE_RETRY, QUEUE, "a hand-back's entry fails")                          \
    X(RELEASE_REFUSED, QUEUE, "a hand-back's entry is refused")                   \
    X(RELEASE_UNSPOKEN, QUEUE, "a hand-back's entry is done, but not spoken of")  \
    X(DEAD_LETTER_LOST, QUEUE, "dead-lettered, but the answer is lost")           \
    X(DEAD_LETTER_FAILED, QUEUE, "a dead-letter request fails")                   \
    X(DEAD_LETTER_RETRY, QUEUE, "a dead letter fails")                            \
    X(DEAD_LETTER_REFUSED, QUEUE, "a dead letter is refused")                     \
    X(DEAD_LETTER_UNSPOKEN, QUEUE, "a dead letter is done, but not spoken of")    \
    X(ONE_BY_ONE, QUEUE, "a batch is refused and goes entry by entry")            \
    /* any request */                                                             \
    X(THROTTLED, QUEUE, "throttled")                                              \
    X(SLOW_ANSWER, QUEUE, "an answer takes up to a minute")                       \
    X(DENIED, QUEUE, "access denied")                                             \
    X(QUEUE_OUTAGE, QUEUE, "the queue is away, or refuses the credentials")       \
    X(ENTRIES_FAIL, QUEUE, "the queue answers, and for a while each entry fails") \
    X(ANSWER_DRAGS, SLOW, "an answer's end comes long after its beginning")       \
    /* the store */                                                               \
    X(COMMIT_LOST, STORE, "committed, but the answer is lost")                    \
    X(COMMIT_FAILED, STORE, "a commit fails")                                     \
    X(COMMIT_DEADLOCK, STORE, "a deadlock with somebody else")                    \
    X(COMMIT_SLOW, STORE, "a commit takes longer than a lease")                   \
    X(SESSION_LOST, STORE, "a session is lost, with or without its commit")       \
    X(COMMIT_CANCELLED, STORE, "a statement is cancelled by somebody")            \
    X(STATEMENT_LIMIT, STORE, "a statement has too many rows for its time limit") \
    X(STORE_STUCK, STORE, "for a while no statement meets its time limit")        \
    X(BATCH_LARGE, STORE, "a batch is too large as a whole")                      \
    X(STORE_FATAL, STORE, "the store refuses until a person comes")               \
    X(STORE_UNCLEAR, STORE, "the store refuses everything with an unclear code")  \
    X(STORE_OUTAGE, STORE, "the store is away for a while")                       \
    X(LONG_OUTAGE, STORE, "the store is away for hours")                          \
    X(UPKEEP, STORE, "a session is busy with something else")                     \
    /* the worker and its machine */                                              \
    X(CRASH, WORKER, "a worker is killed")                                        \
    X(STOP, WORKER, "a worker gets SIGTERM")                                      \
    X(FREEZE, CLOCK, "a worker is suspended")                                     \
    X(MONOTONIC_JUMP, CLOCK, "the monotonic clock jumps ahead")                   \
    X(WALL_JUMP, WORKER, "the wall clock jumps by hours")                         \
    X(LATE_TIMER, CLOCK, "a timer is late")                                       \
    X(NO_MEMORY, MEMORY, "an allocation fails")                                   \
    /* what the queue holds */                                                    \
    X(BAD_BODY, DATA, "a body that cannot become a row")                          \
    X(BAD_ROW, DATA, "a row that the store refuses")                              \
    X(UNCLEAR_ROW, DATA, "a row that the store refuses with an unclear code")     \
    X(SLOW_ROW, DATA, "a row that no statement stores in time, for long")         \
    X(LARGE_BODY, DATA, "a body of up to a megabyte")                             \
    X(REFILL, DATA, "the queue is filled again")                                  \
    X(BAD_CROWD, CROWD, "a row of a crowd of bad ones that come again and again")

enum fault {
#define X(name, group, words) FAULT_##name,
    SIM_FAULTS(X)
#undef X
        FAULT_COUNT
};

enum fault_group {
    GROUP_QUEUE,
    GROUP_SLOW,
    GROUP_STORE,
    GROUP_WORKER,
    GROUP_CLOCK,
    GROUP_MEMORY,
    GROUP_DATA,
    GROUP_CROWD, /* in worlds of its own, where all else goes well */
    GROUP_COUNT
};

struct faults {
    uint32_t chance[FAULT_COUNT]; /* of 65,536; 0: not in this world */
    uint64_t happened[FAULT_COUNT];
    bool in_group[GROUP_COUNT]; /* does this world have any of the group? */
};

const char *fault_words(enum fault fault);
/* Which faults the world has, and how often. */
void faults_draw(struct faults *faults, struct le_rng *rng);
/* A crowd of bad rows, and nothing else. */
void faults_draw_crowd(struct faults *faults);
/* From now on all goes well. */
void faults_cease(struct faults *faults);
/* Is it to happen here and now? To be asked only where it would have an effect: what is answered
 * with true is counted. */
bool fault_strikes(struct faults *faults, struct le_rng *rng, enum fault fault);
/* The same with a chance that is so many times smaller. */
bool fault_strikes_rarely(struct faults *faults, struct le_rng *rng, enum fault fault,
                          unsigned rarer);

#endif
