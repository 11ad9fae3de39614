/* The pipeline's queue port, and the calls beside it: each asks for one operation and answers what
 * became of it. */
#include "loginetl/aws/queue_internal.h"

#include <assert.h>

#define RECEIVE_MARGIN_MS  10000 /* beyond the long poll */
#define CONTROL_TIMEOUT_MS 15000
#define BODY_KEEP          (64 * 1024)
#define DEAD_ATTRIBUTES    3

/* ---- receive ---- */

static void finish_receive(struct le_operation *op, enum le_err err)
{
    struct le_queue *queue = op->queue;
    struct le_receive_op *receive = op->asked.receive;
    struct le_answer *answer = receive->answer;
    answer->found_count = 0;
    if (err == LE_OK)
        err = op->codec->read_messages(answer->bytes.data, answer->bytes.len, answer->found,
                                       &answer->found_count);
    if (err != LE_OK)
        answer->found_count = 0;
    le_queue_report(op, err, LE_SPAN_NONE, false);
    int64_t began_at_ms = op->exchange.answer_began_ms;
    le_operation_release(op);
    receive->err = le_queue_port_error(queue, err);
    receive->began_at_ms = began_at_ms;
    receive->done(receive);
}

/* The request for the same number, wait and visibility is always the same: made and hashed once. */
static enum le_err ensure_receive_body(struct le_queue *queue, const struct le_receive_op *receive)
{
    struct le_receive_body *body = &queue->receive_body;
    bool same = body->max_messages == receive->max_messages && body->wait_s == receive->wait_s &&
                body->visibility_s == receive->visibility_s;
    if (same && body->text.len > 0)
        return LE_OK;
    le_buf_clear(&body->text);
    le_buf_clear(&body->head);
    enum le_err err =
        queue->codec->receive(&body->text, le_span_of(queue->url), receive->max_messages,
                              receive->wait_s, receive->visibility_s);
    err = err == LE_OK ? le_sha256_bulk(le_buf_span(&body->text), body->sha256) : err;
    if (err != LE_OK) {
        le_buf_clear(&body->text);
        return err;
    }
    body->max_messages = receive->max_messages;
    body->wait_s = receive->wait_s;
    body->visibility_s = receive->visibility_s;
    return LE_OK;
}

static enum le_err send_receive(struct le_operation *op)
{
    struct le_queue *queue = op->queue;
    assert(op->codec == queue->codec);
    enum le_err err = ensure_receive_body(queue, op->asked.receive);
    if (err != LE_OK)
        return err;
    memcpy(op->sha256, queue->receive_body.sha256, sizeof op->sha256);
    return le_operation_send(op, le_buf_span(&queue->receive_body.text));
}

static enum le_err start_receive(struct le_queue *queue, struct le_receive_op *receive)
{
    struct le_operation *op = le_operation_take(queue, LE_SQS_RECEIVE);
    if (op == NULL)
        return LE_ERR_NOMEM;
    op->asked.receive = receive;
    op->answer_to = &receive->answer->bytes;
    op->timeout_ms = (int64_t)receive->wait_s * 1000 + RECEIVE_MARGIN_MS;
    op->encode = send_receive;
    op->finish = finish_receive;
    enum le_err err = send_receive(op);
    if (err != LE_OK)
        le_operation_release(op);
    return err;
}

static void port_receive(void *self, struct le_receive_op *receive)
{
    struct le_queue *queue = self;
    assert(receive->answer->bytes.len == 0 && queue->url != NULL);
    enum le_err err = queue->closing ? LE_ERR_CANCELLED : start_receive(queue, receive);
    if (err == LE_OK)
        return;
    le_queue_report_unsent(queue, LE_SQS_RECEIVE, err);
    le_queue_late_receive(queue, receive, err);
}

static void port_cancel_receives(void *self)
{
    struct le_queue *queue = self;
    struct le_node *node = le_list_first(&queue->active);
    while (node != NULL) {
        struct le_operation *op = le_container_of(node, struct le_operation, node);
        node = le_list_next(&queue->active, node);
        if (op->operation != LE_SQS_RECEIVE)
            continue;
        op->cancelled = true;
        le_pool_cancel(queue->receive_pool, &op->exchange, true);
    }
}

/* ---- entries ---- */

/* It keeps its group; one from a queue without groups is a group of its own. Sent again because
 * nobody heard whether it had been taken, it is not taken twice. */
static void order_dead_letter(struct le_sqs_send_entry *entry, const struct le_message *message)
{
    entry->group_id = message->group_id.len > 0 ? message->group_id : message->message_id;
    entry->deduplication_id = message->message_id;
}

static enum le_err write_dead_letters(struct le_buf *out, const struct le_operation *op,
                                      struct le_message *const *messages)
{
    const struct le_span url = le_span_of(op->queue->dead_letter_url);
    size_t count = op->count;
    struct le_sqs_attribute attributes[LE_SQS_BATCH_MAX][DEAD_ATTRIBUTES];
    struct le_sqs_send_entry entries[LE_SQS_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct le_message *message = messages[i];
        struct le_span reason = le_span_of(le_reject_word(message->reject.reason));
        assert(message->reject.reason != LE_REJECT_NONE && message->body != NULL);
        attributes[i][0] = (struct le_sqs_attribute){LE_SPAN_LIT("loginetl_reason"), reason};
        attributes[i][1] =
            (struct le_sqs_attribute){LE_SPAN_LIT("loginetl_key"), message->reject.key};
        attributes[i][2] =
            (struct le_sqs_attribute){LE_SPAN_LIT("loginetl_message_id"), message->message_id};
        entries[i] = (struct le_sqs_send_entry){.body = {message->body, message->body_len},
                                                .attributes = attributes[i],
                                                .attribute_count = DEAD_ATTRIBUTES};
        if (le_sqs_is_fifo(url))
            order_dead_letter(&entries[i], message);
    }
    return op->codec->send_batch(out, url, entries, count);
}

static enum le_err write_entries(const struct le_operation *op, struct le_buf *out)
{
    const struct le_queue *queue = op->queue;
    const struct le_entries_op *entries = op->asked.entries;
    const struct le_span url = le_span_of(queue->url);
    assert(op->count > 0 && op->first + op->count <= entries->count);
    le_buf_clear(out);
    switch (op->operation) {
    case LE_SQS_DELETE_BATCH:
        return op->codec->delete_batch(out, url, entries->handles + op->first, op->count);
    case LE_SQS_VISIBILITY_BATCH:
        return op->codec->visibility_batch(out, url, entries->handles + op->first, op->count,
                                           entries->visibility_s);
    case LE_SQS_SEND_BATCH: return write_dead_letters(out, op, entries->entries + op->first);
    case LE_SQS_GET_QUEUE_URL:
    case LE_SQS_GET_QUEUE_ATTRIBUTES:
    case LE_SQS_RECEIVE:
    case LE_SQS_OPERATION_COUNT: break;
    }
    assert(!"an operation without entries");
    return LE_ERR_PROTOCOL;
}

static enum le_err send_entries(struct le_operation *op)
{
    struct le_buf *body = &op->queue->body;
    enum le_err err = write_entries(op, body);
    err = err == LE_OK ? le_sha256_bulk(le_buf_span(body), op->sha256) : err;
    err = err == LE_OK ? le_operation_send(op, le_buf_span(body)) : err;
    le_buf_shrink(body, BODY_KEEP);
    return err;
}

static enum le_entry_outcome outcome_of(const struct le_sqs_entry_result *result)
{
    if (result->outcome == LE_SQS_ENTRY_OK)
        return LE_ENTRY_OK;
    if (le_sqs_entry_denied(result))
        return LE_ENTRY_DENIED;
    return le_sqs_entry_retryable(result) ? LE_ENTRY_RETRY : LE_ENTRY_GIVE_UP;
}

/* *denied: the code of an entry that was denied, if one was. */
static enum le_err read_outcomes(struct le_operation *op, struct le_span *denied)
{
    struct le_sqs_entry_result results[LE_SQS_BATCH_MAX];
    enum le_err err = op->codec->read_batch(op->answer.data, op->answer.len, results, op->count);
    if (err != LE_OK)
        return err;
    for (size_t i = 0; i < op->count; i++) {
        enum le_entry_outcome outcome = outcome_of(&results[i]);
        op->asked.entries->outcomes[op->first + i] = outcome;
        if (outcome == LE_ENTRY_DENIED)
            *denied = results[i].code;
    }
    return LE_OK;
}

static void set_outcomes(struct le_entries_op *entries, size_t first, size_t count,
                         enum le_entry_outcome outcome)
{
    for (size_t i = first; i < first + count; i++)
        entries->outcomes[i] = outcome;
}

static void end_entries(struct le_operation *op, enum le_err err)
{
    struct le_entries_op *entries = op->asked.entries;
    struct le_queue *queue = op->queue;
    le_operation_release(op);
    entries->err = le_queue_port_error(queue, err);
    entries->done(entries);
}

/* A refused batch: its entries go one by one, and one that is refused alone is given up. False when
 * they have all had their turn. When something else goes wrong on the way, the entries that are
 * left are tried again as others are. */
static bool send_next_alone(struct le_operation *op, enum le_err err)
{
    struct le_entries_op *entries = op->asked.entries;
    if (op->count > 1 && op->count == entries->count) {
        op->count = 1;
    } else {
        if (err != LE_OK)
            entries->outcomes[op->first] =
                err == LE_ERR_REFUSED ? LE_ENTRY_GIVE_UP : LE_ENTRY_RETRY;
        op->first++;
    }
    if (op->first == entries->count)
        return false;
    /* The handle that was lent may be gone: a redelivery replaces a message's handle. */
    entries->handles[op->first] = entries->entries[op->first]->receipt_handle;
    if ((err == LE_OK || err == LE_ERR_REFUSED) && send_entries(op) == LE_OK)
        return true;
    set_outcomes(entries, op->first, entries->count - op->first, LE_ENTRY_RETRY);
    return false;
}

static void finish_entries(struct le_operation *op, enum le_err err)
{
    bool alone = op->count < op->asked.entries->count;
    struct le_span denied = LE_SPAN_NONE;
    if (err == LE_OK)
        err = read_outcomes(op, &denied);
    if (denied.ptr != NULL)
        le_operation_set_code(op, denied);
    le_queue_report(op, denied.ptr != NULL ? LE_ERR_DENIED : err, LE_SPAN_NONE, false);
    bool final = err == LE_ERR_DENIED || err == LE_ERR_NO_QUEUE || err == LE_ERR_CANCELLED;
    if (final || (!alone && err != LE_ERR_REFUSED)) {
        end_entries(op, err);
        return;
    }
    op->resent = false;
    if (!send_next_alone(op, err))
        end_entries(op, LE_OK);
}

static enum le_err start_entries(struct le_queue *queue, struct le_entries_op *entries,
                                 enum le_sqs_operation operation)
{
    struct le_operation *op = le_operation_take(queue, operation);
    if (op == NULL)
        return LE_ERR_NOMEM;
    op->asked.entries = entries;
    op->timeout_ms = CONTROL_TIMEOUT_MS;
    op->encode = send_entries;
    op->finish = finish_entries;
    op->first = 0;
    op->count = entries->count;
    enum le_err err = send_entries(op);
    if (err != LE_OK)
        le_operation_release(op);
    return err;
}

static void ask_entries(struct le_queue *queue, struct le_entries_op *entries,
                        enum le_sqs_operation operation)
{
    assert(entries->count >= 1 && entries->count <= LE_SQS_BATCH_MAX && queue->url != NULL);
    enum le_err err = queue->closing ? LE_ERR_CANCELLED : start_entries(queue, entries, operation);
    if (err == LE_OK)
        return;
    le_queue_report_unsent(queue, operation, err);
    if (err == LE_ERR_TOO_LARGE) { /* no other try would make it smaller */
        set_outcomes(entries, 0, entries->count, LE_ENTRY_GIVE_UP);
        err = LE_OK;
    }
    le_queue_late_entries(queue, entries, err);
}

static void port_delete(void *self, struct le_entries_op *entries)
{
    ask_entries(self, entries, LE_SQS_DELETE_BATCH);
}

static void port_extend(void *self, struct le_entries_op *entries)
{
    assert(entries->visibility_s >= 0);
    ask_entries(self, entries, LE_SQS_VISIBILITY_BATCH);
}

static void port_dead_letter(void *self, struct le_entries_op *entries)
{
    assert(((const struct le_queue *)self)->dead_letter_url != NULL);
    ask_entries(self, entries, LE_SQS_SEND_BATCH);
}

struct le_queue_port le_queue_port(struct le_queue *queue)
{
    return (struct le_queue_port){
        .self = queue,
        .receive = port_receive,
        .delete_batch = port_delete,
        .extend = port_extend,
        .dead_letter = port_dead_letter,
        .cancel_receives = port_cancel_receives,
    };
}

/* ---- calls outside of the port ---- */

static void finish_call(struct le_operation *op, enum le_err err)
{
    struct le_queue_call *call = op->asked.call;
    _Static_assert(sizeof call->code == sizeof op->code, "codes are copied whole");
    le_queue_report(op, err, call->about, call->quiet);
    call->err = err;
    call->codec = op->codec;
    call->status = op->status;
    memcpy(call->code, op->code, sizeof call->code);
    le_operation_release(op);
    call->done(call);
}

static enum le_err send_call(struct le_operation *op)
{
    struct le_span body = le_buf_span(&op->asked.call->request_body);
    enum le_err err = le_sha256_bulk(body, op->sha256);
    return err == LE_OK ? le_operation_send(op, body) : err;
}

static enum le_err encode_call(struct le_operation *op)
{
    struct le_queue_call *call = op->asked.call;
    if (call->write == NULL)
        return LE_ERR_PROTOCOL;
    le_buf_clear(&call->request_body);
    enum le_err err = call->write(call, op->codec);
    return err == LE_OK ? send_call(op) : err;
}

static enum le_err start_call(struct le_queue *queue, struct le_queue_call *call)
{
    struct le_operation *op = le_operation_take(queue, call->operation);
    if (op == NULL)
        return LE_ERR_NOMEM;
    op->asked.call = call;
    if (call->before_receives)
        op->pool = queue->receive_pool;
    op->answer_to = &call->answer;
    op->timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : CONTROL_TIMEOUT_MS;
    op->encode = encode_call;
    op->finish = finish_call;
    enum le_err err = send_call(op);
    if (err != LE_OK)
        le_operation_release(op);
    return err;
}

void le_queue_call(struct le_queue *queue, struct le_queue_call *call)
{
    assert(call->request_body.len > 0 && call->answer.max > 0 && call->done != NULL);
    call->codec = queue->codec;
    call->status = 0;
    call->code[0] = '\0';
    enum le_err err = queue->closing ? LE_ERR_CANCELLED : start_call(queue, call);
    if (err != LE_OK)
        le_queue_late_call(queue, call, err);
}
