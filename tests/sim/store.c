/* Statements as transactions: keys are inserted one after the other, in the batch's order, and one
 * that another transaction has inserted, but not committed, is waited for. */
#include "store.h"

#include "check.h"
#include "loginetl/pipeline/internal.h"
#include "trace.h"
#include "worker.h"

#include <assert.h>
#include <string.h>

#define SLOW_MS    (10 * 60 * 1000)
#define ROOM_ROWS  7
#define ROOM_BYTES (64u << 20)

/* ---- a worker submits ---- */

static unsigned index_of(const struct world *world, const struct transaction *transaction)
{
    return (unsigned)(transaction - world->transactions);
}

static void go_on_at(struct world *world, struct transaction *transaction, int64_t at_ms)
{
    transaction->ticket = world_ticket(world);
    world_put(world, at_ms, EVENT_TRANSACTION, index_of(world, transaction), transaction->ticket);
}

static struct transaction *take_transaction(struct world *world)
{
    for (unsigned i = 0; i < TRANSACTIONS_MAX; i++) {
        struct transaction *transaction =
            &world->transactions[world->transaction_hint++ % TRANSACTIONS_MAX];
        if (transaction->used)
            continue;
        memset(transaction, 0, offsetof(struct transaction, message));
        transaction->used = true;
        return transaction;
    }
    broken(world, NULL, PROMISE_PROGRESS,
           "more transactions are under way than the simulator can hold");
    return NULL;
}

static void fail_with(struct transaction *transaction, enum le_store_outcome outcome,
                      const char *sqlstate)
{
    transaction->outcome = outcome;
    transaction->sqlstate = sqlstate;
    transaction->err = outcome == LE_STORE_FATAL ? LE_ERR_DATABASE_FATAL : LE_ERR_DATABASE;
    transaction->aborts = true;
}

static void draw_fate(struct world *world, struct transaction *transaction)
{
    static const char *const passing[] = {"40001", "53200", "55P03", "53300"};
    transaction->outcome = LE_STORE_COMMITTED;
    transaction->sqlstate = "";
    transaction->bad_row = -1;
    if (world_strikes(world, FAULT_COMMIT_LOST))
        transaction->answer_lost = true;
    else if (world_strikes(world, FAULT_COMMIT_FAILED))
        fail_with(transaction, LE_STORE_RETRY, passing[world_below(world, 4)]);
    else if (world_strikes(world, FAULT_COMMIT_CANCELLED))
        fail_with(transaction, LE_STORE_TOO_SLOW, "57014");
    else if (world_strikes(world, FAULT_COMMIT_DEADLOCK))
        fail_with(transaction, LE_STORE_RETRY, "40P01");
    else if (transaction->count > 1 && world_strikes(world, FAULT_BATCH_LARGE))
        fail_with(transaction, LE_STORE_DATA_ERROR, "54000");
    else if (fault_strikes_rarely(&world->faults, &world->rng, FAULT_STORE_FATAL, 16))
        fail_with(transaction, LE_STORE_FATAL, "42501");
    else if (world_strikes(world, FAULT_SESSION_LOST)) {
        transaction->answer_lost = true;
        transaction->aborts = world_below(world, 2) == 0;
    }
    transaction->slow = world_strikes(world, FAULT_COMMIT_SLOW);
}

static struct session *idle_session(struct worker *worker)
{
    for (unsigned i = 0; i < worker->config.lanes; i++)
        if (worker->sessions[i].state == SESSION_IDLE)
            return &worker->sessions[i];
    return NULL;
}

void store_submit(void *self, struct le_submit_op *op)
{
    struct worker *worker = self;
    struct world *world = worker->world;
    struct session *session = idle_session(worker);
    worker->acted = true;
    check_submit(worker, op);
    if (session == NULL || worker->store_failed || world->broken != PROMISE_NONE) {
        broken(world, worker, PROMISE_PORTS, "a statement was submitted while no session was idle");
        return;
    }
    struct transaction *transaction = take_transaction(world);
    if (transaction == NULL)
        return;
    transaction->worker = (uint8_t)worker->index;
    transaction->instance = worker->instance;
    transaction->session = (uint8_t)(session - worker->sessions);
    transaction->op = op;
    transaction->commits = worker->commits;
    transaction->count = (unsigned)op->count;
    for (size_t i = 0; i < op->count; i++)
        transaction->message[i] = (uint16_t)world_find(world, op->rows[i]->message_id);
    draw_fate(world, transaction);
    session->state = SESSION_BUSY;
    session->transaction = index_of(world, transaction) + 1;
    trace(world, worker, "submit %zu rows in session %u", op->count, transaction->session);
    go_on_at(world, transaction, world->now_ms + world_spread(world, 20));
}

/* ---- the answer ---- */

/* The rows are told when the pipeline still waits for them. */
static bool is_heard(const struct le_submit_op *op)
{
    return op->rows[0]->state == LE_MESSAGE_SUBMITTED;
}

/* What may be held against a row: it was refused alone, often enough, and others were stored before
 * the last time. */
static void note_refusal(struct worker *worker, const struct transaction *transaction)
{
    for (unsigned i = 0; i < transaction->count; i++) {
        struct known *known = &worker->known[transaction->message[i]];
        if (known->refused_at == 0)
            known->refused_at = worker->commits + 1;
        known->alone_refused += transaction->count == 1;
        known->began_at = transaction->commits + 1;
        if (check_may_convict(known))
            worker->world->messages[transaction->message[i]].excused =
                true; /* it may be left to the redrive */
    }
}

static void note_answer(struct worker *worker, const struct transaction *transaction,
                        const struct le_submit_op *op)
{
    bool gets_on = op->outcome == LE_STORE_COMMITTED || op->outcome == LE_STORE_DATA_ERROR;
    bool may_get_on = op->outcome == LE_STORE_TOO_SLOW && op->count > 1; /* with fewer rows */
    bool heard = is_heard(op) && !worker->pipeline->closed;
    if (gets_on && heard)
        worker->store_failing_ms = INT64_MAX;
    else if (heard && !may_get_on && worker->store_failing_ms == INT64_MAX)
        worker->store_failing_ms = worker_now(worker);
    if (op->outcome == LE_STORE_FATAL)
        worker->fatal = true;
    if (op->outcome == LE_STORE_DATA_ERROR && heard && (op->count == 1 || op->bad_row >= 0))
        worker->known[transaction->message[op->count == 1 ? 0 : op->bad_row]].refused_clearly =
            true;
    if (op->outcome == LE_STORE_UNCLEAR && heard)
        note_refusal(worker, transaction);
    if (op->outcome != LE_STORE_COMMITTED)
        return;
    worker->commits += heard && op->inserted > 0;
    for (unsigned i = 0; i < transaction->count; i++)
        worker->known[transaction->message[i]].may_delete = true;
    if (!heard)
        return;
    worker->counts.inserted += op->inserted;
    worker->counts.duplicate += op->count - op->inserted;
}

void store_answer(struct worker *worker, struct transaction *transaction,
                  enum le_store_outcome outcome)
{
    struct le_submit_op *op = transaction->op;
    transaction->op = NULL;
    check_rows(worker, op, transaction->message);
    op->outcome = outcome;
    op->err =
        outcome == LE_STORE_COMMITTED || outcome == LE_STORE_DATA_ERROR ? LE_OK : transaction->err;
    op->inserted = outcome == LE_STORE_COMMITTED ? transaction->inserted : 0;
    op->bad_row = outcome == LE_STORE_DATA_ERROR ? transaction->bad_row : -1;
    memset(op->sqlstate, 0, sizeof op->sqlstate);
    memcpy(op->sqlstate, transaction->sqlstate, strlen(transaction->sqlstate));
    note_answer(worker, transaction, op);
    trace(worker->world, worker,
          "statement of %zu rows answered: outcome %d, %zu inserted, bad row %ld", op->count,
          (int)outcome, op->inserted, op->bad_row);
    bool heard = is_heard(op) && !worker->pipeline->closed;
    int64_t before_ms = ((const struct le_lane *)op->owner)->retry_at_ms;
    worker_enter(worker);
    op->done(op);
    if (heard)
        check_statement_answered(worker, op, before_ms);
    worker_leave(worker);
}

static struct worker *waiting_worker(struct world *world, const struct transaction *transaction)
{
    struct worker *worker = &world->workers[transaction->worker];
    bool there = transaction->op != NULL && worker->pipeline != NULL &&
                 worker->instance == transaction->instance;
    return there && !transaction->orphan ? worker : NULL;
}

/* ---- locks ---- */

static void unlock(struct world *world, struct transaction *transaction)
{
    bool held = false;
    for (unsigned i = 0; i < transaction->locked; i++) {
        struct message *message = &world->messages[transaction->message[i]];
        if (message->locked_by != index_of(world, transaction) + 1)
            continue;
        message->locked_by = 0;
        held = true;
    }
    for (unsigned i = 0; held && i < TRANSACTIONS_MAX; i++) {
        struct transaction *other = &world->transactions[i];
        if (other->used && other->state == TRANSACTION_LOCKING)
            go_on_at(world, other, world->now_ms);
    }
}

/* Whoever waits for one that waits for it, would wait for ever. */
static void look_for_ring(struct world *world, const struct transaction *transaction)
{
    const struct transaction *at = transaction;
    for (unsigned hops = 0; hops < TRANSACTIONS_MAX; hops++) {
        if (at->state != TRANSACTION_LOCKING || at->locked >= at->count)
            return;
        unsigned holder = world->messages[at->message[at->locked]].locked_by;
        if (holder == 0)
            return;
        at = &world->transactions[holder - 1];
        if (at == transaction) {
            broken(world, &world->workers[transaction->worker], PROMISE_PORTS,
                   "two workers' statements wait for each other's keys");
            return;
        }
    }
}

/* True when it has passed all of its keys. */
static bool lock(struct world *world, struct transaction *transaction)
{
    unsigned self = index_of(world, transaction) + 1;
    transaction->state = TRANSACTION_LOCKING;
    while (transaction->locked < transaction->count) {
        struct message *message = &world->messages[transaction->message[transaction->locked]];
        if (!message->in_ledger && message->locked_by != 0 && message->locked_by != self) {
            look_for_ring(world, transaction);
            return false;
        }
        if (!message->in_ledger)
            message->locked_by = self;
        transaction->locked++;
    }
    transaction->state = TRANSACTION_HOLDING;
    return true;
}

/* ---- a transaction's way ---- */

static void commit(struct world *world, struct transaction *transaction)
{
    for (unsigned i = 0; i < transaction->count; i++) {
        struct message *message = &world->messages[transaction->message[i]];
        if (message->in_ledger)
            continue;
        message->in_ledger = true;
        message->rows++;
        transaction->inserted++;
        check_row(world, transaction->message[i]);
    }
    for (unsigned i = 0; i < transaction->count; i++)
        check_order(world, transaction->message[i]);
}

/* Nothing of it comes to the table, which alone refuses. */
static bool knows_all(const struct world *world, const struct transaction *transaction)
{
    bool all = true;
    for (unsigned i = 0; i < transaction->count; i++)
        all = all && world->messages[transaction->message[i]].in_ledger;
    return all;
}

static void refuse_unclearly(struct world *world, struct transaction *transaction)
{
    world->faults.happened[FAULT_STORE_UNCLEAR]++;
    fail_with(transaction, LE_STORE_UNCLEAR, "XX000");
    transaction->slow = transaction->slow || world_below(world, 4) == 0;
}

/* It can be stored when nothing else is left: that it is tried again and again must not hold up the
 * others. A worker with so little room that the slow ones fill it can do no other. */
/* The others of a slow row's group wait for it: those behind it for its turn, and one before it,
 * that is to be received and deleted once more, for its end. */
static bool waits_for_slow_row(const struct world *world, unsigned index)
{
    bool waits = false;
    for (unsigned i = 0; i < world->message_count && world->fifo; i++)
        waits = waits || (world->messages[i].group == world->messages[index].group &&
                          world->messages[i].slow && !world->messages[i].deleted);
    return waits;
}

static bool holds_slow_row(const struct world *world, const struct transaction *transaction)
{
    bool slow = false, others = false;
    for (unsigned i = 0; i < transaction->count; i++) {
        const struct message *message = &world->messages[transaction->message[i]];
        slow = slow || (message->slow && !(world->fifo && message->deleted));
    }
    for (unsigned i = 0; slow && i < world->message_count; i++) {
        const struct message *message = &world->messages[i];
        others = others || (!message->bad && !message->slow && !message->deleted &&
                            !waits_for_slow_row(world, i));
    }
    const struct le_pipeline_config *config = &world->workers[transaction->worker].config;
    unsigned rows = world->fifo ? ROOM_ROWS * LE_SQS_BATCH_MAX : ROOM_ROWS;
    bool roomy = config->batch_rows >= rows && config->memory_limit >= ROOM_BYTES &&
                 config->max_messages == 0;
    return slow && others && roomy && world->phase < PHASE_LAST;
}

static void run_out_of_time(struct world *world, struct transaction *transaction)
{
    enum fault fault = world->store.stuck ? FAULT_STORE_STUCK : FAULT_STATEMENT_LIMIT;
    world->faults.happened[fault]++;
    fail_with(transaction, LE_STORE_TOO_SLOW, "57014");
    transaction->out_of_time = true;
}

/* Of several culprits the server names any. */
static void find_bad_row(struct world *world, struct transaction *transaction)
{
    unsigned bad = 0;
    for (unsigned i = 0; i < transaction->count; i++) {
        const struct message *message = &world->messages[transaction->message[i]];
        if (!message->bad_row || (bad++ > 0 && world_below(world, bad) != 0))
            continue;
        bool unclear = message->unclear && !world->store.clear_rows;
        if (unclear)
            fail_with(transaction, LE_STORE_UNCLEAR, "XX001");
        else
            fail_with(transaction, LE_STORE_DATA_ERROR, "23514");
        transaction->bad_row = world->store.names_rows && !unclear ? (long)i : -1;
    }
}

static void end(struct world *world, struct transaction *transaction)
{
    struct worker *worker = waiting_worker(world, transaction);
    if (!transaction->aborts)
        commit(world, transaction);
    unlock(world, transaction);
    transaction->state = TRANSACTION_OVER;
    if (worker == NULL) {
        transaction->used = false;
        return;
    }
    if (transaction->answer_lost || world->store.down) {
        store_lose_session(worker, transaction->session);
        transaction->used = false;
        return;
    }
    go_on_at(world, transaction, world->now_ms + world_spread(world, 5));
}

static void tell(struct world *world, struct transaction *transaction)
{
    struct worker *worker = waiting_worker(world, transaction);
    transaction->used = false;
    if (worker == NULL)
        return;
    if (transaction->outcome == LE_STORE_FATAL)
        worker->store_failed = true;
    store_free_session(worker, transaction->session);
    store_answer(worker, transaction, transaction->outcome);
}

static void go_for_keys(struct world *world, struct transaction *transaction)
{
    int64_t takes_ms = world_spread(world, transaction->slow ? SLOW_MS : 20);
    if (transaction->out_of_time)
        takes_ms = world->store.limit_ms;
    if (lock(world, transaction))
        go_on_at(world, transaction, world->now_ms + takes_ms);
}

static void begin(struct world *world, struct transaction *transaction)
{
    if (world->store.down) {
        transaction->swallowed = true; /* nobody is there; its session will notice */
        return;
    }
    if (transaction->outcome == LE_STORE_COMMITTED && !transaction->aborts) {
        if (world->store.stuck || transaction->count > world->store.rows_max ||
            holds_slow_row(world, transaction))
            run_out_of_time(world, transaction);
        else if (world->store.unclear && !knows_all(world, transaction))
            refuse_unclearly(world, transaction);
        else
            find_bad_row(world, transaction);
    }
    go_for_keys(world, transaction);
}

void store_transaction(struct world *world, struct transaction *transaction)
{
    switch ((enum transaction_state)transaction->state) {
    case TRANSACTION_SENT: begin(world, transaction); return;
    case TRANSACTION_LOCKING: go_for_keys(world, transaction); return;
    case TRANSACTION_HOLDING: end(world, transaction); return;
    case TRANSACTION_OVER: tell(world, transaction); return;
    }
    assert(!"a state that is none");
}
