/* What all requests to the queue have in common: their way there and back, and what can happen on
 * it. */
#include "queue.h"

#include "check.h"
#include "loginetl/pipeline/internal.h"
#include "trace.h"
#include "worker.h"

#include <string.h>

#define SLOW_MS 60000

void queue_draw(struct world *world)
{
    static const int64_t latencies_ms[] = {1, 5, 20, 80};
    struct queue *queue = &world->queue;
    *queue = (struct queue){
        .stale = (enum stale_handle)world_below(world, 3),
        .gives_counts = world_below(world, 8) != 0,
        .gives_md5 = world_below(world, 4) != 0,
        .refuses_expired = world_below(world, 2) == 0,
        .in_order = world_below(world, 4) == 0,
        .latency_ms = latencies_ms[world_below(world, 4)],
        .answer_max = LE_ANSWER_BYTES_MAX,
    };
    if (world->faults.chance[FAULT_LARGE_BODY] > 0 && world_below(world, 8) != 0)
        queue->gives_md5 = false; /* hashing it takes longer than all the rest */
    if (world->faults.chance[FAULT_RECEIVE_LARGE] > 0 && world->faults.chance[FAULT_LARGE_BODY] > 0)
        queue->answer_max = (size_t)(5 + world_below(world, 60)) << 18;
    else if (world->faults.chance[FAULT_RECEIVE_LARGE] > 0)
        queue->answer_max = 600 + world_below(world, 2000);
    if (world_below(world, 4) == 0 && !world->crowd)
        queue->redrive_at = 2 + (unsigned)world_below(world, 6);
}

/* ---- handles ---- */

size_t queue_write_handle(char out[HANDLE_MAX], uint32_t delivery)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    out[len++] = 'r';
    for (int shift = 28; shift >= 0; shift -= 4)
        out[len++] = digits[delivery >> shift & 15];
    for (uint32_t i = delivery % 31; i > 0; i--)
        out[len++] = '=';
    return len;
}

uint32_t queue_read_handle(const struct world *world, struct le_span handle)
{
    char text[HANDLE_MAX];
    uint32_t delivery = 0;
    if (handle.ptr == NULL || handle.len < 9 || handle.len > HANDLE_MAX)
        return 0;
    for (int i = 1; i <= 8; i++) {
        char c = handle.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return 0;
        delivery = delivery << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (delivery == 0 || delivery > world->delivery_count)
        return 0;
    size_t len = queue_write_handle(text, delivery);
    return len == handle.len && memcmp(text, handle.ptr, len) == 0 ? delivery : 0;
}

/* ---- requests ---- */

struct request *queue_request(struct worker *worker, enum request_kind kind, void *op)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &world->requests[world->request_hint++ % REQUESTS_MAX];
        if (request->used)
            continue;
        *request = (struct request){.used = true,
                                    .kind = (uint8_t)kind,
                                    .worker = (uint8_t)worker->index,
                                    .instance = worker->instance,
                                    .op = op,
                                    .sent_ms = world->now_ms};
        worker->acted = true;
        return request;
    }
    broken(world, worker, PROMISE_PROGRESS,
           "more requests are under way than the simulator can hold");
    return NULL;
}

void queue_end_request(struct request *request)
{
    if (request->served && request->answered)
        request->used = false;
}

int64_t queue_latency(struct world *world)
{
    return world_spread(world, world->queue.latency_ms);
}

static unsigned index_of(const struct world *world, const struct request *request)
{
    return (unsigned)(request - world->requests);
}

static void serve_at(struct world *world, struct request *request, int64_t at_ms)
{
    request->serve_ticket = world_ticket(world);
    world_put(world, at_ms, EVENT_SERVE, index_of(world, request), request->serve_ticket);
}

void queue_answer_at(struct world *world, struct request *request, int64_t at_ms)
{
    request->answer_ticket = world_ticket(world);
    world_put(world, at_ms, EVENT_ANSWER, index_of(world, request), request->answer_ticket);
}

/* What may pass when it is tried again; the port makes a failure of the service of refused
 * credentials once it has had an answer. */
enum le_err queue_draw_error(struct world *world, const struct worker *worker)
{
    static const enum le_err errors[] = {LE_ERR_TIMEOUT, LE_ERR_CLOSED,  LE_ERR_CONNECT,
                                         LE_ERR_SERVICE, LE_ERR_RESOLVE, LE_ERR_PROTOCOL,
                                         LE_ERR_NOMEM};
    (void)worker;
    return errors[world_below(world, sizeof errors / sizeof errors[0])];
}

static enum le_err draw_fatal(struct world *world, struct worker *worker)
{
    static const enum le_err errors[] = {LE_ERR_DENIED, LE_ERR_NO_QUEUE, LE_ERR_CRYPTO,
                                         LE_ERR_CREDENTIALS, LE_ERR_TLS};
    enum le_err err = errors[world_below(world, worker->queue_answered ? 3 : 5)];
    worker->fatal = true;
    return err;
}

/* What befalls any request, whatever it asks for. */
static enum le_err common_failure(struct world *world, struct worker *worker)
{
    if (world->queue.away)
        return world->queue.away_err;
    if (world_strikes(world, FAULT_THROTTLED))
        return LE_ERR_THROTTLED;
    if (fault_strikes_rarely(&world->faults, &world->rng, FAULT_DENIED, 16))
        return draw_fatal(world, worker);
    return LE_OK;
}

/* On its way: the server acts on it some time later, and answers some time after that. A request
 * that is to fail is answered without the server; one whose answer is lost is served sooner or
 * later than its sender gives up. */
void queue_send(struct world *world, struct request *request, int64_t timeout_ms)
{
    struct worker *worker = &world->workers[request->worker];
    enum le_err err = common_failure(world, worker);
    bool slow = world_strikes(world, FAULT_SLOW_ANSWER);
    int64_t there_ms = world->now_ms + queue_latency(world);
    request->give_up_ms = world->now_ms + timeout_ms;
    if (err != LE_OK) {
        request->fate = FATE_FAILED;
        request->err = err;
    }
    if (slow)
        there_ms += world_spread(world, SLOW_MS);
    if (request->fate == FATE_FAILED) {
        request->served = true;
        queue_answer_at(world, request,
                        there_ms < request->give_up_ms ? there_ms : request->give_up_ms);
        return;
    }
    if (request->fate == FATE_LOST)
        request->err = queue_draw_error(world, worker);
    if (request->fate == FATE_LOST && world_below(world, 4) == 0)
        there_ms += world_spread(world, 2 * timeout_ms);
    /* The answer's event comes with serving, unless its sender gives up before. */
    queue_answer_at(world, request, request->give_up_ms);
    serve_at(world, request, there_ms);
}

/* Nobody hears the answer: what it leased stays leased. */
static void answer_nobody(struct world *world, struct request *request)
{
    for (unsigned i = 0; i < request->count; i++)
        world->messages[request->message[i]].excused = true;
}

static bool is_waited_for(const struct worker *worker, const struct request *request)
{
    return worker->pipeline != NULL && worker->instance == request->instance;
}

/* The sender gives up before the answer is there. */
static void time_out(struct request *request)
{
    if (request->fate != FATE_DONE)
        return;
    request->err = LE_ERR_TIMEOUT;
    request->fate = FATE_LOST;
}

void queue_serve(struct world *world, struct request *request)
{
    if (request->kind == REQUEST_RECEIVE)
        queue_serve_receive(world, request);
    else
        queue_serve_entries(world, request);
    if (request->polling)
        return;
    request->served = true;
    request->served_ms = world->now_ms;
    if (request->answered || !is_waited_for(&world->workers[request->worker], request))
        answer_nobody(world, request);
    int64_t at_ms = world->now_ms + queue_latency(world);
    int64_t drags_ms = request->answered ? 0 : queue_answer_drags_ms(world, request, at_ms);
    if (request->answered)
        queue_end_request(request);
    else if (request->fate == FATE_CANCELLED)
        return; /* its answer is on its way */
    else if (at_ms < request->give_up_ms)
        queue_answer_at(world, request, at_ms + drags_ms);
    else
        time_out(request);
}

void queue_answer(struct world *world, struct request *request)
{
    struct worker *worker = &world->workers[request->worker];
    if (!request->served)
        time_out(request);
    request->answered = true;
    if (!is_waited_for(worker, request)) {
        answer_nobody(world, request);
    } else if (request->kind == REQUEST_RECEIVE) {
        queue_answer_receive(worker, request);
    } else {
        queue_answer_entries(worker, request);
    }
    queue_end_request(request);
}

void queue_wake_polls(struct world *world)
{
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &world->requests[i];
        if (request->used && request->polling)
            serve_at(world, request, world->now_ms);
    }
}

/* ---- the queue as a whole ---- */

void queue_leave(struct world *world)
{
    static const enum le_err errors[] = {LE_ERR_SERVICE, LE_ERR_CONNECT, LE_ERR_RESOLVE,
                                         LE_ERR_TIMEOUT};
    world->queue.away = true;
    world->queue.away_err = errors[world_below(world, 4)];
    int64_t for_ms = world_spread(world, 600000);
    trace(world, NULL, "the queue is away for %.3f s (%s)", (double)for_ms / 1000,
          le_err_name(world->queue.away_err));
    world_put(world, world->now_ms + for_ms, EVENT_QUEUE_BACK, 0, 0);
}

void queue_back(struct world *world)
{
    if (world->queue.away)
        trace(world, NULL, "the queue is back");
    world->queue.away = false;
}

void queue_fail_entries(struct world *world)
{
    world->queue.entries_fail = true;
    int64_t for_ms = world_spread(world, 600000);
    trace(world, NULL, "every entry fails for %.3f s", (double)for_ms / 1000);
    world_put(world, world->now_ms + for_ms, EVENT_ENTRIES_BACK, 0, 0);
}

static void end_operation(struct worker *worker, struct request *request)
{
    worker_enter(worker);
    if (request->kind == REQUEST_RECEIVE) {
        struct le_receive_op *op = request->op;
        op->err = LE_ERR_CANCELLED;
        op->answer->found_count = 0;
        op->done(op);
    } else {
        struct le_entries_op *op = request->op;
        op->err = LE_ERR_CANCELLED;
        op->done(op);
    }
    worker_leave(worker);
}

void queue_forget(struct worker *worker, bool done)
{
    struct world *world = worker->world;
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &world->requests[i];
        if (!request->used || request->answered || !is_waited_for(worker, request))
            continue;
        if (done)
            end_operation(worker, request);
        answer_nobody(world, request);
        request->answered = true;
        /* What it sent in its last moment may not have left the machine; a poll's end is noticed.
         */
        bool unsent = request->sent_ms == world->now_ms && world_below(world, 2) == 0;
        if (request->polling || unsent) {
            request->served = true;
            request->polling = false;
        }
        if (!request->served && request->kind == REQUEST_RECEIVE)
            request->fate = FATE_LOST;
        queue_end_request(request);
    }
}

unsigned queue_open_polls(const struct worker *worker)
{
    unsigned count = 0;
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        const struct request *request = &worker->world->requests[i];
        count += request->used && request->kind == REQUEST_RECEIVE && !request->answered &&
                 !request->served && request->fate == FATE_DONE && is_waited_for(worker, request);
    }
    return count;
}

struct le_queue_port queue_port(struct worker *worker)
{
    return (struct le_queue_port){.self = worker,
                                  .receive = queue_receive,
                                  .delete_batch = queue_delete,
                                  .extend = queue_extend,
                                  .dead_letter = queue_dead_letter,
                                  .cancel_receives = queue_cancel};
}

/* ---- a FIFO queue ---- */

bool world_is_blocked(const struct world *world, unsigned index)
{
    bool blocked = false;
    for (unsigned i = 0; i < index && world->fifo; i++)
        blocked = blocked || (world->messages[i].group == world->messages[index].group &&
                              !world->messages[i].deleted);
    return blocked;
}

int64_t world_free_at_ms(const struct world *world, unsigned index)
{
    int64_t at_ms = world->messages[index].visible_at_ms;
    unsigned end = world->queue.earlier_only ? index : world->message_count;
    for (unsigned i = 0; i < end && world->fifo; i++)
        if (world->messages[i].group == world->messages[index].group &&
            !world->messages[i].deleted && world->messages[i].visible_at_ms > at_ms)
            at_ms = world->messages[i].visible_at_ms;
    return at_ms;
}
