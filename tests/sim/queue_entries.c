/* Requests with entries: deleting, extending and handing back leases, dead letters. */
#include "check.h"
#include "queue.h"
#include "trace.h"
#include "worker.h"

#include <assert.h>
#include <string.h>

#define CONTROL_TIMEOUT_MS 15000

/* What can befall each kind of request. */
struct kind {
    const char *word;
    enum fault lost, failed, retry, refused, unspoken;
};

#define KIND(word_, name)                                                        \
    {                                                                            \
        word_, FAULT_##name##_LOST, FAULT_##name##_FAILED, FAULT_##name##_RETRY, \
            FAULT_##name##_REFUSED, FAULT_##name##_UNSPOKEN                      \
    }

static const struct kind kinds[] = {
    [REQUEST_DELETE] = KIND("delete", DELETE),
    [REQUEST_EXTEND] = KIND("extend", EXTEND),
    [REQUEST_RELEASE] = KIND("hand back", RELEASE),
    [REQUEST_DEAD_LETTER] = KIND("dead-letter", DEAD_LETTER),
};

/* ---- the worker asks ---- */

static void draw_fate(struct world *world, struct request *request)
{
    const struct kind *kind = &kinds[request->kind];
    if (world_strikes(world, kind->lost)) {
        request->fate = FATE_LOST;
    } else if (world_strikes(world, kind->failed)) {
        request->fate = FATE_FAILED;
        request->err = queue_draw_error(world, &world->workers[request->worker]);
    }
    request->alone = request->count > 1 && world_strikes(world, FAULT_ONE_BY_ONE);
}

static void check_asked(struct worker *worker, const struct request *request, unsigned i)
{
    const struct le_entries_op *op = request->op;
    unsigned message = request->message[i];
    switch ((enum request_kind)request->kind) {
    case REQUEST_DELETE: check_delete(worker, message, request->delivery[i]); return;
    case REQUEST_EXTEND: check_extend(worker, message, request->delivery[i]); return;
    case REQUEST_RELEASE: check_release(worker, message, request->delivery[i]); return;
    case REQUEST_DEAD_LETTER: check_dead_letter(worker, message, op->entries[i]); return;
    case REQUEST_RECEIVE:
    case REQUEST_KINDS: break;
    }
    assert(!"a request without entries");
}

/* The handles are read now, and lent only for now: they may be overwritten. */
static bool read_entries(struct worker *worker, struct request *request)
{
    struct world *world = worker->world;
    struct le_entries_op *op = request->op;
    for (unsigned i = 0; i < op->count; i++) {
        unsigned message = world_find(world, op->entries[i]->message_id);
        if (message == MESSAGES_MAX) {
            broken(world, worker, PROMISE_PORTS, "an entry whose message nobody sent");
            return false;
        }
        request->message[i] = (uint16_t)message;
        if (request->kind != REQUEST_DEAD_LETTER)
            request->delivery[i] = queue_read_handle(world, op->handles[i]);
        request->asked[i] = request->delivery[i];
        request->count++;
        check_asked(worker, request, i);
        trace(world, worker, "%s message %u, delivery %u", kinds[request->kind].word, message,
              request->delivery[i]);
    }
    for (unsigned i = 0; i < LE_SQS_BATCH_MAX; i++)
        op->handles[i] = (struct le_span){(const char *)(uintptr_t)0xa5a5, 0xa5a5};
    return true;
}

static void ask(struct worker *worker, struct le_entries_op *op, enum request_kind kind)
{
    struct world *world = worker->world;
    if (op->count < 1 || op->count > LE_SQS_BATCH_MAX) {
        broken(world, worker, PROMISE_PORTS, "a request with %zu entries", op->count);
        return;
    }
    struct request *request = queue_request(worker, kind, op);
    if (request == NULL)
        return;
    request->visibility_s = op->visibility_s;
    if (!read_entries(worker, request)) {
        request->used = false;
        return;
    }
    draw_fate(world, request);
    queue_send(world, request, CONTROL_TIMEOUT_MS);
}

void queue_delete(void *self, struct le_entries_op *op)
{
    ask(self, op, REQUEST_DELETE);
}

void queue_extend(void *self, struct le_entries_op *op)
{
    ask(self, op, op->visibility_s == 0 ? REQUEST_RELEASE : REQUEST_EXTEND);
}

void queue_dead_letter(void *self, struct le_entries_op *op)
{
    check_dead_letters(self, op);
    ask(self, op, REQUEST_DEAD_LETTER);
}

/* ---- the server acts ---- */

static enum le_entry_outcome delete_one(struct world *world, unsigned index, uint32_t delivery)
{
    struct message *message = &world->messages[index];
    if (message->deleted)
        return LE_ENTRY_OK;
    bool expired = world->fifo && message->visible_at_ms <= world->now_ms;
    if ((delivery != message->newest || expired) && world->queue.stale == STALE_REFUSED)
        return LE_ENTRY_GIVE_UP;
    if (delivery != message->newest && world->queue.stale == STALE_IGNORED)
        return LE_ENTRY_OK;
    if (world_strikes(world, FAULT_DELETE_NOT_DONE)) {
        message->excused = message->told_deleted = true;
        return LE_ENTRY_OK;
    }
    check_deleted(world, index);
    message->deleted = true;
    *(message->bad ? &world->open_bad : &world->open_good) -= 1;
    trace(world, NULL, "message %u is deleted", index);
    if (world->fifo)
        queue_wake_polls(world); /* the next of its group may be there */
    return LE_ENTRY_OK;
}

static enum le_entry_outcome hide_one(struct world *world, unsigned index, uint32_t delivery,
                                      int visibility_s)
{
    struct message *message = &world->messages[index];
    bool stale = delivery != message->newest || message->deleted;
    bool expired = message->visible_at_ms <= world->now_ms;
    if (stale && world->queue.stale == STALE_REFUSED)
        return LE_ENTRY_GIVE_UP;
    if (stale && (world->queue.stale == STALE_IGNORED || message->deleted))
        return LE_ENTRY_OK;
    if (expired && world->queue.refuses_expired)
        return LE_ENTRY_GIVE_UP;
    message->visible_at_ms = world->now_ms + (int64_t)visibility_s * 1000;
    if (visibility_s == 0) {
        trace(world, NULL, "message %u is visible again", index);
        queue_wake_polls(world);
    }
    return LE_ENTRY_OK;
}

static enum le_entry_outcome bury_one(struct world *world, unsigned index)
{
    world->messages[index].dead_letters++;
    trace(world, NULL, "message %u is in the dead-letter queue", index);
    return LE_ENTRY_OK;
}

static enum le_entry_outcome act(struct world *world, const struct request *request, unsigned i)
{
    unsigned message = request->message[i];
    switch ((enum request_kind)request->kind) {
    case REQUEST_DELETE: return delete_one(world, message, request->delivery[i]);
    case REQUEST_EXTEND:
    case REQUEST_RELEASE:
        return hide_one(world, message, request->delivery[i], request->visibility_s);
    case REQUEST_DEAD_LETTER: return bury_one(world, message);
    case REQUEST_RECEIVE:
    case REQUEST_KINDS: break;
    }
    assert(!"a request without entries");
    return LE_ENTRY_RETRY;
}

static enum le_entry_outcome serve_entry(struct world *world, const struct request *request,
                                         unsigned i)
{
    const struct kind *kind = &kinds[request->kind];
    struct message *message = &world->messages[request->message[i]];
    if (world->queue.entries_fail || world_strikes(world, kind->retry)) {
        message->excused = true;
        return LE_ENTRY_RETRY;
    }
    if (world_strikes(world, kind->refused)) {
        message->excused = true;
        return LE_ENTRY_GIVE_UP;
    }
    if (fault_strikes_rarely(&world->faults, &world->rng, FAULT_DENIED, 32)) {
        world->workers[request->worker].fatal = true;
        message->excused = true;
        return LE_ENTRY_DENIED;
    }
    enum le_entry_outcome outcome = act(world, request, i);
    return world_strikes(world, kind->unspoken) ? LE_ENTRY_RETRY : outcome;
}

/* A batch that was refused as a whole: each entry goes alone, with the newest handle of its message
 * by then. */
static void read_again(struct world *world, struct request *request)
{
    struct worker *worker = &world->workers[request->worker];
    const struct le_entries_op *op = request->op;
    if (worker->pipeline == NULL || worker->instance != request->instance || request->answered)
        return;
    for (unsigned i = 0; i < request->count; i++) {
        check_entry(worker, request->message[i], op->entries[i]);
        if (request->kind != REQUEST_DEAD_LETTER)
            request->delivery[i] = queue_read_handle(world, op->entries[i]->receipt_handle);
        if (request->kind != REQUEST_DEAD_LETTER && request->delivery[i] == 0)
            broken(world, worker, PROMISE_PORTS,
                   "the handle of message %u was not kept until its request was done",
                   request->message[i]);
    }
}

void queue_serve_entries(struct world *world, struct request *request)
{
    const unsigned count = request->count;
    assert(count <= LE_SQS_BATCH_MAX);
    if (request->alone)
        read_again(world, request);
    for (unsigned i = 0; i < count; i++)
        request->outcome[i] = (uint8_t)serve_entry(world, request, i);
}

/* ---- the answer ---- */

/* Was the answer about the newest handle that the worker has? Else the newer one is still to be
 * deleted. */
static bool about_newest(const struct world *world, const struct request *request, unsigned i)
{
    const struct le_entries_op *op = request->op;
    return queue_read_handle(world, op->entries[i]->receipt_handle) == request->asked[i];
}

static void count_entry(struct worker *worker, const struct request *request, unsigned i)
{
    struct known *known = &worker->known[request->message[i]];
    if (request->outcome[i] != LE_ENTRY_OK)
        return;
    if (request->kind == REQUEST_DELETE && about_newest(worker->world, request, i))
        worker->counts.deleted++;
    if (request->kind == REQUEST_DEAD_LETTER) {
        worker->counts.dead_lettered++;
        known->may_delete = true;
    }
}

/* One of an earlier life of the message may still have been under way: it was left, and came again.
 */
static void note_extension_answered(struct known *known, uint32_t delivery)
{
    if (delivery >= known->first && known->extending > 0)
        known->extending--;
}

/* A deletion counts when it was of the newest handle. */
static bool some_are_done(const struct worker *worker, const struct request *request,
                          uint64_t deleted_before)
{
    bool some = false;
    for (unsigned i = 0; i < request->count; i++)
        some = some || request->outcome[i] == LE_ENTRY_OK;
    return request->kind == REQUEST_DELETE ? worker->counts.deleted > deleted_before : some;
}

void queue_answer_entries(struct worker *worker, struct request *request)
{
    struct le_entries_op *op = request->op;
    uint64_t deleted = worker->counts.deleted;
    op->err = request->fate == FATE_DONE ? LE_OK : request->err;
    for (unsigned i = 0; i < request->count; i++) {
        check_entry(worker, request->message[i], op->entries[i]);
        if (request->kind == REQUEST_EXTEND)
            note_extension_answered(&worker->known[request->message[i]], request->asked[i]);
        op->outcomes[i] =
            op->err == LE_OK ? (enum le_entry_outcome)request->outcome[i] : LE_ENTRY_OK;
        if (op->err == LE_OK)
            count_entry(worker, request, i);
        else
            worker->world->messages[request->message[i]].excused = true;
    }
    if (op->err == LE_OK)
        worker->queue_answered = true;
    trace(worker->world, worker, "%s answered: %s", kinds[request->kind].word,
          le_err_name(op->err));
    bool some_done = op->err == LE_OK && some_are_done(worker, request, deleted);
    int64_t before_ms = check_entries_before(worker, (enum request_kind)request->kind);
    worker_enter(worker);
    check_queue_heard(worker, op->err);
    enum le_err err = op->err;
    op->done(op);
    check_entries_answered(worker, request, err, before_ms, some_done);
    worker_leave(worker);
}
