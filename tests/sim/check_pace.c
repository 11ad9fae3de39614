/* Checks of how a worker tries again: later and later while something fails, soon when it has
 * succeeded meanwhile; and of when it gives up. */
#include "check.h"
#include "loginetl/pipeline/internal.h"
#include "trace.h"
#include "worker.h"

#define MANY         20
#define MANY_MS      1000 /* so many failures in a row take longer, by far */
#define WAIT_BASE_MS LE_BACKOFF_TRANSIENT_MS

/* ---- waits ---- */

static int64_t longest_ms(int64_t base_ms, unsigned failures)
{
    int64_t longest = base_ms;
    for (unsigned i = 1; i < failures && longest < LE_BACKOFF_MAX_MS; i++)
        longest *= 2;
    return longest < LE_BACKOFF_MAX_MS ? longest : LE_BACKOFF_MAX_MS;
}

/* Several that are under way at once make one wait. before_ms: the one before this. */
static void note_wait(struct worker *worker, struct pace *pace, int64_t base_ms, int64_t before_ms,
                      int64_t until_ms, const char *what)
{
    int64_t now_ms = worker_now(worker);
    if (pace->failures++ == 0) {
        pace->since_ms = now_ms;
        pace->waits = 0;
    }
    pace->waits += before_ms <= now_ms;
    if (until_ms - now_ms > longest_ms(base_ms, pace->failures))
        broken(worker->world, worker, PROMISE_PROGRESS,
               "%u. failure of %s in a row, and it waits for %.3f s", pace->failures, what,
               (double)(until_ms - now_ms) / 1000);
    if (pace->waits == MANY && now_ms - pace->since_ms < MANY_MS)
        broken(worker->world, worker, PROMISE_PROGRESS, "%u failures of %s in a row in %.3f s",
               pace->waits, what, (double)(now_ms - pace->since_ms) / 1000);
}

static void must_end(struct worker *worker, const char *why)
{
    worker->must_fail = true;
    if (!worker->pipeline->stopping)
        broken(worker->world, worker, PROMISE_PROGRESS, "it goes on, although %s", why);
}

void check_receive_answered(struct worker *worker, enum le_err err, int batch_max,
                            int64_t before_ms)
{
    const struct le_pipeline *pipeline = worker->pipeline;
    bool fewer_at_once = err == LE_ERR_TOO_LARGE && batch_max > 1;
    if (pipeline->closed || err == LE_ERR_CANCELLED || fewer_at_once)
        return;
    if (err == LE_OK)
        worker->receive_pace.failures = 0;
    else
        note_wait(worker, &worker->receive_pace,
                  err == LE_ERR_THROTTLED ? LE_BACKOFF_THROTTLE_MS : WAIT_BASE_MS, before_ms,
                  pipeline->receive_at_ms, "a receive");
    if (le_err_class(err) == LE_CLASS_FATAL)
        must_end(worker, "a receive was refused for good");
}

static struct le_retry *retry_of(struct le_pipeline *pipeline, enum request_kind kind)
{
    switch (kind) {
    case REQUEST_DELETE: return &pipeline->delete_retry;
    case REQUEST_DEAD_LETTER: return &pipeline->reject_retry;
    case REQUEST_RELEASE: return &pipeline->release_retry;
    case REQUEST_EXTEND:
    case REQUEST_RECEIVE:
    case REQUEST_KINDS: break;
    }
    return NULL;
}

int64_t check_entries_before(const struct worker *worker, enum request_kind kind)
{
    const struct le_retry *retry = retry_of(worker->pipeline, kind);
    return retry != NULL ? retry->at_ms : worker->pipeline->extend_at_ms;
}

static unsigned count_outcomes(const struct request *request, enum le_entry_outcome outcome)
{
    unsigned count = 0;
    for (unsigned i = 0; i < request->count; i++)
        count += request->outcome[i] == (uint8_t)outcome;
    return count;
}

static void check_extended(struct worker *worker, const struct request *request, enum le_err err,
                           int64_t before_ms)
{
    if (err == LE_OK && count_outcomes(request, LE_ENTRY_RETRY) < request->count)
        worker->extend_pace.failures = 0;
    else
        note_wait(worker, &worker->extend_pace, WAIT_BASE_MS, before_ms,
                  worker->pipeline->extend_at_ms, "an extension");
}

/* What failed waits for one moment, which the first of them sets. Of a request some entries may
 * have been done before that, or after. */
static void check_retried(struct worker *worker, const struct request *request, int64_t before_ms,
                          bool some_done)
{
    static const char *const words[] = {[REQUEST_DELETE] = "a delete",
                                        [REQUEST_RELEASE] = "a hand-back",
                                        [REQUEST_DEAD_LETTER] = "a dead letter"};
    struct pace *pace = &worker->entries_pace[request->kind];
    const struct le_retry *retry = retry_of(worker->pipeline, (enum request_kind)request->kind);
    bool waits = before_ms == LE_NEVER && retry->at_ms != LE_NEVER;
    if (waits)
        note_wait(worker, pace, WAIT_BASE_MS, 0, retry->at_ms, words[request->kind]);
    if (some_done)
        pace->failures = waits ? 1 : 0;
}

void check_entries_answered(struct worker *worker, const struct request *request, enum le_err err,
                            int64_t before_ms, bool some_done)
{
    bool settles = request->kind == REQUEST_DELETE || request->kind == REQUEST_DEAD_LETTER;
    if (worker->pipeline->closed)
        return;
    if (request->kind == REQUEST_EXTEND)
        check_extended(worker, request, err, before_ms);
    else
        check_retried(worker, request, before_ms, some_done);
    if (le_err_class(err) == LE_CLASS_FATAL)
        must_end(worker, "a request was refused for good");
    if (err == LE_OK && settles && count_outcomes(request, LE_ENTRY_DENIED) > 0)
        must_end(worker, "a delete or a dead letter is denied");
}

/* When the table refuses row after row, it goes slowly. */
static void check_brake(struct worker *worker, const struct le_submit_op *op)
{
    const struct le_lane *lane = op->owner;
    uint64_t rejected = worker->pipeline->books.rejected_by[LE_REJECT_CONSTRAINT];
    bool by_this = rejected > worker->rejected_seen;
    worker->rejected_seen = rejected;
    if (op->outcome == LE_STORE_COMMITTED && op->inserted > 0)
        worker->rejected_before = rejected;
    if (by_this && rejected - worker->rejected_before >= LE_REFUSED_MAX &&
        lane->retry_at_ms <= worker_now(worker))
        broken(worker->world, worker, PROMISE_PROGRESS,
               "%u rows in a row were refused, and it goes on at once",
               (unsigned)(rejected - worker->rejected_before));
}

void check_statement_answered(struct worker *worker, const struct le_submit_op *op,
                              int64_t before_ms)
{
    const struct le_lane *lane = op->owner;
    struct pace *pace = &worker->lane_pace[lane - worker->pipeline->lanes];
    bool fails = op->outcome == LE_STORE_RETRY || op->outcome == LE_STORE_FATAL;
    if (op->outcome == LE_STORE_COMMITTED)
        pace->failures = 0;
    else if (fails || lane->retry_at_ms != before_ms)
        note_wait(worker, pace, WAIT_BASE_MS, before_ms, lane->retry_at_ms, "a statement");
    check_brake(worker, op);
    if (op->outcome == LE_STORE_FATAL)
        must_end(worker, "the store refuses until a person comes");
}

/* ---- patience ---- */

void check_queue_heard(struct worker *worker, enum le_err err)
{
    if (err == LE_OK || err == LE_ERR_TOO_LARGE)
        worker->queue_failing_ms = INT64_MAX;
    else if (err != LE_ERR_CANCELLED && worker->queue_failing_ms == INT64_MAX)
        worker->queue_failing_ms = worker_now(worker);
}

static bool tired(const struct worker *worker, int64_t since_ms)
{
    return since_ms != INT64_MAX && worker_now(worker) - since_ms >= worker->config.patience_ms;
}

bool check_is_overdue(const struct worker *worker)
{
    bool waits_for_ever = worker->config.patience_ms == 0 || worker->pipeline->stopping;
    return !waits_for_ever &&
           (tired(worker, worker->away_since_ms) || tired(worker, worker->store_failing_ms) ||
            tired(worker, worker->queue_failing_ms));
}

/* Nothing has kept it from a receive since the queue failed, and it has sent none. A clock that
 * jumps takes the time away. */
static bool could_have_asked(const struct worker *worker)
{
    struct le_pipeline_gauges gauges;
    le_pipeline_gauges(worker->pipeline, &gauges);
    return !worker->world->faults.in_group[GROUP_CLOCK] && gauges.bytes == 0 &&
           worker->receives == 0 && worker->away_since_ms == INT64_MAX &&
           worker->receive_sent_ms <= worker->queue_failing_ms;
}

/* At the turn at which it gave up. A table that refuses one row after the other tries a drain's
 * patience as well, and so does lack of memory. */
void check_patience(struct worker *worker)
{
    struct le_pipeline *pipeline = worker->pipeline;
    enum le_err why = LE_OK;
    (void)le_pipeline_finished(pipeline, &why);
    if (check_is_overdue(worker))
        broken(worker->world, worker, PROMISE_PROGRESS,
               "a drain goes on, although its store or its queue has failed for longer than its "
               "patience");
    if (worker->gave_up || (why != LE_ERR_DATABASE && why != LE_ERR_SERVICE))
        return;
    worker->gave_up = true;
    bool store = tired(worker, worker->away_since_ms) || tired(worker, worker->store_failing_ms) ||
                 pipeline->books.rejected_by[LE_REJECT_CONSTRAINT] >= LE_REFUSED_MAX;
    bool queue =
        (tired(worker, worker->queue_failing_ms) && !could_have_asked(worker)) || worker->no_memory;
    if (why == LE_ERR_DATABASE ? !store : !queue)
        broken(worker->world, worker, PROMISE_PROGRESS, "it gave up too early: %s",
               le_err_name(why));
}
