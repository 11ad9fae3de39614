/* Receiving: which messages the queue gives, what it leases, and the answer as the port hands it
 * over. */
#include "check.h"
#include "loginetl/base/crypto.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"
#include "queue.h"
#include "trace.h"
#include "worker.h"

#include <string.h>

#define RECEIVE_MARGIN_MS 10000
#define DRAGS_ON_MS       500
#define BEGUN_MS          8000 /* how long an answer that has begun may take to its end */

/* ---- the worker asks ---- */

static void draw_fate(struct world *world, struct request *request)
{
    if (world_strikes(world, FAULT_RECEIVE_LOST)) {
        request->fate = FATE_LOST;
    } else if (world_strikes(world, FAULT_RECEIVE_FAILED)) {
        request->fate = FATE_FAILED;
        request->err = queue_draw_error(world, &world->workers[request->worker]);
    }
}

void queue_receive(void *self, struct le_receive_op *op)
{
    struct worker *worker = self;
    struct world *world = worker->world;
    check_receive(worker, op);
    struct request *request = queue_request(worker, REQUEST_RECEIVE, op);
    if (request == NULL)
        return;
    worker->receives++;
    worker->received_at_ms = world->now_ms;
    check_receive_sent(worker);
    request->max_messages = op->max_messages;
    request->visibility_s = op->visibility_s;
    request->poll_end_ms = world->now_ms + (int64_t)op->wait_s * 1000;
    draw_fate(world, request);
    trace(world, worker, "receive %d, wait %d, hide %d", op->max_messages, op->wait_s,
          op->visibility_s);
    queue_send(world, request, (int64_t)op->wait_s * 1000 + RECEIVE_MARGIN_MS);
}

/* An answer has begun when the server has acted on the request; its end may take a while. */
void queue_cancel(void *self)
{
    struct worker *worker = self;
    struct world *world = worker->world;
    trace(world, worker, "cancel receives");
    worker->acted = true;
    for (unsigned i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &world->requests[i];
        if (!request->used || request->kind != REQUEST_RECEIVE || request->answered ||
            request->instance != worker->instance)
            continue;
        if (request->served && request->fate == FATE_DONE &&
            (world->sound || world_below(world, 4) != 0)) {
            if (!world->sound || request->drags)
                queue_answer_at(world, request,
                                world->now_ms +
                                    world_spread(world, world->sound ? DRAGS_ON_MS : BEGUN_MS));
            continue;
        }
        bool leases_all_the_same = !request->served && world_strikes(world, FAULT_CANCEL_LEASES);
        request->fate = FATE_CANCELLED;
        request->err = LE_ERR_CANCELLED;
        if (!leases_all_the_same && !request->served) {
            request->served = true;
            request->polling = false;
        }
        queue_answer_at(world, request, world->now_ms);
    }
}

/* ---- the server gives ---- */

static void deliver(struct world *world, struct request *request, unsigned index)
{
    struct message *message = &world->messages[index];
    if (world->delivery_count + 1 >= DELIVERIES_MAX || request->count == LE_SQS_BATCH_MAX)
        return;
    check_delivery(world, index);
    message->receives++;
    message->excused = false;
    message->newest = ++world->delivery_count;
    message->visible_at_ms = world->now_ms + (int64_t)request->visibility_s * 1000;
    world->deliveries[message->newest] =
        (struct delivery){.instance = request->instance,
                          .message = (uint16_t)index,
                          .receive_count = (uint16_t)message->receives,
                          .worker = request->worker};
    request->message[request->count] = (uint16_t)index;
    request->delivery[request->count++] = message->newest;
    trace(world, &world->workers[request->worker],
          "leased message %u, delivery %u, for the %u. time", index, message->newest,
          message->receives);
}

static void swap_last_two(struct request *request)
{
    unsigned last = request->count - 1;
    uint32_t delivery = request->delivery[last];
    request->delivery[last] = request->delivery[last - 1];
    request->delivery[last - 1] = delivery;
}

static bool redriven(struct world *world, unsigned index)
{
    struct message *message = &world->messages[index];
    if (world->queue.redrive_at == 0 || message->receives < world->queue.redrive_at)
        return false;
    check_delivery(world,
                   index); /* its receive count was spent as well as if it had been delivered */
    message->deleted = message->redriven = true;
    message->dead_letters++;
    *(message->bad ? &world->open_bad : &world->open_good) -= 1;
    trace(world, NULL, "redrive takes message %u after %u deliveries", index, message->receives);
    return true;
}

static void deliver_and_maybe_twice(struct world *world, struct request *request, unsigned index)
{
    struct message *message = &world->messages[index];
    deliver(world, request, index);
    if ((int)request->count >= request->max_messages)
        return;
    bool swapped = world_strikes(world, FAULT_COPY_ORDER);
    if (!swapped && !world_strikes(world, FAULT_COPY))
        return;
    message->excused = true;
    unsigned before = request->count;
    deliver(world, request, index);
    if (swapped && request->count == before + 1)
        swap_last_two(request);
}

/* One that is hidden, or was deleted, comes all the same. */
static void deliver_unduly(struct world *world, struct request *request)
{
    unsigned index = (unsigned)world_below(world, world->message_count);
    struct message *message = &world->messages[index];
    if (world->message_count == 0 || message->receives == 0 || message->redriven)
        return;
    if (message->deleted) {
        if (!world_strikes(world, FAULT_DELETED_RETURNS))
            return;
        message->deleted = false;
        *(message->bad ? &world->open_bad : &world->open_good) += 1;
    } else if (message->visible_at_ms <= world->now_ms || !world_strikes(world, FAULT_REDELIVERY)) {
        return;
    }
    message->excused = true;
    if (!redriven(world, index))
        deliver(world, request, index);
}

static void take_visible(struct world *world, struct request *request)
{
    unsigned count = world->message_count;
    unsigned from = world->queue.in_order || count == 0 ? 0 : (unsigned)world_below(world, count);
    for (unsigned i = 0; i < count && (int)request->count < request->max_messages; i++) {
        unsigned index = from + i < count ? from + i : from + i - count;
        struct message *message = &world->messages[index];
        if (message->deleted || message->visible_at_ms > world->now_ms)
            continue;
        if (request->count > 0 && world_below(world, 64) == 0)
            return; /* an answer may be shorter than the queue */
        if (!redriven(world, index))
            deliver_and_maybe_twice(world, request, index);
    }
}

static bool is_in_flight(const struct world *world, const struct message *message)
{
    return !message->deleted && message->visible_at_ms > world->now_ms;
}

/* Of a FIFO queue: none of a group of which some are in flight, and none before an earlier one. */
static void take_in_order(struct world *world, struct request *request)
{
    bool closed[GROUPS_MAX] = {false};
    for (unsigned i = 0; i < world->message_count && !world->queue.earlier_only; i++)
        closed[world->messages[i].group] |= is_in_flight(world, &world->messages[i]);
    for (unsigned i = 0; i < world->message_count; i++) {
        const struct message *message = &world->messages[i];
        closed[message->group] |= is_in_flight(world, message);
        if ((int)request->count == request->max_messages)
            return;
        if (message->deleted || closed[message->group])
            continue;
        if (request->count > 0 && world_below(world, 32) == 0)
            closed[message->group] = true; /* an answer may be shorter than the queue */
        else if (!redriven(world, i))
            deliver(world, request, i);
    }
}

static void take_any(struct world *world, struct request *request)
{
    if (world->fifo)
        take_in_order(world, request);
    else
        take_visible(world, request);
}

static int64_t next_visible_ms(const struct world *world)
{
    int64_t next_ms = INT64_MAX;
    for (unsigned i = 0; i < world->message_count; i++) {
        const struct message *message = &world->messages[i];
        if (!message->deleted && message->visible_at_ms > world->now_ms &&
            message->visible_at_ms < next_ms)
            next_ms = message->visible_at_ms;
    }
    return next_ms;
}

static void poll_on(struct world *world, struct request *request)
{
    int64_t next_ms = next_visible_ms(world);
    request->polling = true;
    request->serve_ticket = world_ticket(world);
    world_put(world, next_ms < request->poll_end_ms ? next_ms : request->poll_end_ms, EVENT_SERVE,
              (unsigned)(request - world->requests), request->serve_ticket);
}

/* The first answer went into a connection that was closed meanwhile; the pool asked again on
 * another. */
static void lose_the_first(struct world *world, struct request *request)
{
    if (request->count == 0 || !world_strikes(world, FAULT_RECEIVE_TWICE))
        return;
    for (unsigned i = 0; i < request->count; i++)
        world->messages[request->message[i]].excused = true;
    request->count = 0;
    take_any(world, request);
}

/* When an answer begins, its end may still be far; but less far than the leases that it brings, for
 * else they could not be kept. */
int64_t queue_answer_drags_ms(struct world *world, struct request *request, int64_t began_ms)
{
    if (request->kind != REQUEST_RECEIVE || request->count == 0 || request->fate != FATE_DONE ||
        !world_strikes(world, FAULT_ANSWER_DRAGS))
        return 0;
    request->drags = true;
    request->began_ms = began_ms;
    return 1 + (int64_t)world_below(world, (uint64_t)request->visibility_s * 750);
}

void queue_serve_receive(struct world *world, struct request *request)
{
    request->polling = false;
    take_any(world, request);
    lose_the_first(world, request);
    if ((int)request->count < request->max_messages && !world->fifo)
        deliver_unduly(world, request);
    if (request->count == 0 && world->now_ms < request->poll_end_ms && !request->answered)
        poll_on(world, request);
}

/* ---- the answer ---- */

static enum le_err put(struct le_buf *bytes, const void *text, size_t len, size_t *at)
{
    *at = bytes->len;
    return le_buf_append(bytes, text, len);
}

static void hash_body(struct message *message)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum[LE_MD5_LEN] = {0};
    struct le_span body = {message->body, message->body_len};
    if (message->md5[0] != '\0' || le_md5(body, sum) != LE_OK)
        return;
    for (int i = 0; i < LE_MD5_LEN; i++) {
        message->md5[2 * i] = digits[sum[i] >> 4];
        message->md5[2 * i + 1] = digits[sum[i] & 15];
    }
}

/* Offsets first: the buffer may move while it grows. */
struct place {
    size_t id, handle, handle_len, body, md5, group;
};

/* "g" and more of them than there are letters for: lengths differ too. */
static struct le_span group_id(unsigned group)
{
    static const char text[] = "gggggggggggggggggggggggggggggggggggggggg";
    _Static_assert(GROUPS_MAX < sizeof text - 1, "each has a length of its own");
    return (struct le_span){text, group + 1};
}

static enum le_err put_message(struct world *world, const struct request *request, unsigned i,
                               struct le_buf *bytes, struct place *place)
{
    struct message *message = &world->messages[request->message[i]];
    char handle[HANDLE_MAX];
    place->handle_len = queue_write_handle(handle, request->delivery[i]);
    enum le_err err = put(bytes, message->id, strlen(message->id), &place->id);
    err = err == LE_OK ? put(bytes, handle, place->handle_len, &place->handle) : err;
    err = err == LE_OK ? put(bytes, message->body, message->body_len, &place->body) : err;
    if (world->queue.gives_md5) {
        hash_body(message);
        err = err == LE_OK ? put(bytes, message->md5, strlen(message->md5), &place->md5) : err;
    }
    struct le_span group = group_id(message->group);
    if (world->fifo)
        err = err == LE_OK ? put(bytes, group.ptr, group.len, &place->group) : err;
    return err;
}

/* A byte of it got lost on the way. */
static bool damage(struct world *world, struct message *message, struct le_sqs_message *found)
{
    if (!world->queue.gives_md5 || found->body_len == 0 ||
        !world_strikes(world, FAULT_RECEIVE_DAMAGED))
        return false;
    found->body[world_below(world, found->body_len)] ^= 1;
    message->excused = true;
    return true;
}

static void find(struct world *world, const struct request *request, unsigned i,
                 const struct le_buf *bytes, const struct place *place,
                 struct le_sqs_message *found)
{
    struct message *message = &world->messages[request->message[i]];
    uint32_t count = world->deliveries[request->delivery[i]].receive_count;
    *found = (struct le_sqs_message){
        .message_id = {bytes->data + place->id, strlen(message->id)},
        .receipt_handle = {bytes->data + place->handle, place->handle_len},
        .body = bytes->data + place->body,
        .body_len = message->body_len,
        .sent_at_ms = message->sent_at_ms,
        .receive_count = world->queue.gives_counts ? count : 0,
    };
    if (world->queue.gives_md5)
        found->body_md5 = (struct le_span){bytes->data + place->md5, strlen(message->md5)};
    if (world->fifo)
        found->group_id =
            (struct le_span){bytes->data + place->group, group_id(message->group).len};
}

static enum le_err fill(struct world *world, const struct request *request,
                        struct le_answer *answer)
{
    struct place places[LE_SQS_BATCH_MAX];
    for (unsigned i = 0; i < request->count; i++) {
        enum le_err err = put_message(world, request, i, &answer->bytes, &places[i]);
        if (err != LE_OK)
            return err;
    }
    for (unsigned i = 0; i < request->count; i++)
        find(world, request, i, &answer->bytes, &places[i], &answer->found[i]);
    answer->found_count = request->count;
    return LE_OK;
}

static size_t answer_size(const struct world *world, const struct request *request)
{
    size_t size = 0;
    for (unsigned i = 0; i < request->count; i++)
        size += world->messages[request->message[i]].body_len + 200;
    return size;
}

/* What the worker knows from now on. A copy of what it holds brings a newer handle, unless it was
 * overtaken. */
static void note_told(struct worker *worker, const struct request *request, unsigned i,
                      bool damaged)
{
    struct world *world = worker->world;
    unsigned index = request->message[i];
    struct known *known = &worker->known[index];
    bool held = le_ids_find(worker->pipeline, world->messages[index].key) != NULL;
    for (unsigned before = 0; before < i && !held; before++)
        held = request->message[before] == index && known->newest != 0;
    uint32_t delivery = request->delivery[i];
    if (damaged && !held)
        return;
    if (!held)
        known->handing_back = false;
    if (known->first == 0 || delivery < known->first)
        known->first = delivery;
    if (!held || !world->queue.gives_counts || delivery > known->newest)
        known->newest = delivery;
}

static void forget_earlier(struct known *known)
{
    known->newest = known->first = known->alone_refused = known->extending = 0;
    known->refused_at = known->began_at = 0;
    known->refused_clearly = false;
}

static void tell(struct worker *worker, struct request *request, struct le_receive_op *op)
{
    struct world *world = worker->world;
    struct le_answer *answer = op->answer;
    /* What it was told in earlier lives of the message counts no more. */
    for (unsigned i = 0; i < request->count; i++)
        if (le_ids_find(worker->pipeline, world->messages[request->message[i]].key) == NULL)
            forget_earlier(&worker->known[request->message[i]]);
    for (unsigned i = 0; i < request->count; i++) {
        struct message *message = &world->messages[request->message[i]];
        note_told(worker, request, i, damage(world, message, &answer->found[i]));
    }
    worker->counts.received += request->count;
    world->delivered += request->count;
}

void queue_answer_receive(struct worker *worker, struct request *request)
{
    struct world *world = worker->world;
    struct le_receive_op *op = request->op;
    struct le_sqs_message *found = op->answer->found;
    worker->receives--;
    worker_enter(worker);
    op->err = request->fate == FATE_DONE ? LE_OK : request->err;
    size_t size = answer_size(world, request);
    if (op->err == LE_OK && size > world->queue.answer_max) {
        op->err = LE_ERR_TOO_LARGE;
        world->faults.happened[FAULT_RECEIVE_LARGE]++;
    }
    if (op->err == LE_OK)
        op->err = fill(world, request, op->answer);
    if (op->err == LE_OK) {
        worker->queue_answered = true;
        /* It began to come at some time since; a port need not say when. */
        if (request->drags)
            op->began_at_ms = worker_now(worker) - (world->now_ms - request->began_ms);
        else if (world_below(world, 2) == 0)
            op->began_at_ms =
                worker_now(worker) -
                (int64_t)world_below(world, (uint64_t)(world->now_ms - request->served_ms) + 1);
        tell(worker, request, op);
    } else {
        op->answer->found_count = 0;
        for (unsigned i = 0; i < request->count; i++)
            world->messages[request->message[i]].excused = true;
    }
    trace(world, worker, "receive answered: %s, %zu messages", le_err_name(op->err),
          op->answer->found_count);
    enum le_err err = op->err;
    int batch_max = worker->pipeline->batch_max;
    int64_t before_ms = worker->pipeline->receive_at_ms;
    uint64_t let_go = worker->pipeline->books.released;
    worker->heard_empty = err == LE_OK && op->answer->found_count == 0;
    check_queue_heard(worker, err);
    op->done(op);
    check_receive_answered(worker, err, batch_max, before_ms);
    check_hidden(worker, err, worker->pipeline->books.released > let_go);
    memset(found, 0xa5, LE_SQS_BATCH_MAX * sizeof *found);
    worker_leave(worker);
}
