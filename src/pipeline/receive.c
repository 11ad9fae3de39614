/* Receiving: how many long polls there are, what an answer brings, and which messages were here
 * already. */
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

/* ---- what an answer brings ---- */

/* Another delivery of a message that is here already: its handle is the one to delete with from now
 * on (an older one can answer success without deleting), and it renews the lease. */
static void adopt_handle(struct le_pipeline *pipeline, struct le_message *message,
                         struct le_answer *answer, const struct le_sqs_message *copy,
                         int64_t leased_at_ms)
{
    if (message->holder != answer) {
        if (message->holder != message->answer)
            le_answer_drop(pipeline, message->holder);
        message->holder = answer;
        if (answer != message->answer)
            answer->refs++;
    }
    message->receipt_handle = copy->receipt_handle;
    message->receive_count = copy->receive_count;
    message->handle_changed = true;
    le_lease_put(pipeline, message, leased_at_ms + (int64_t)pipeline->config.visibility_s * 1000);
}

/* The copy itself is only counted. Answers can overtake each other: the receive count tells which
 * delivery was the later one. */
static void take_copy(struct le_pipeline *pipeline, struct le_message *message,
                      struct le_answer *answer, const struct le_sqs_message *copy,
                      int64_t leased_at_ms)
{
    pipeline->books.duplicate++;
    if (copy->receive_count == 0 || copy->receive_count >= message->receive_count)
        adopt_handle(pipeline, message, answer, copy, leased_at_ms);
}

static void start_message(struct le_pipeline *pipeline, struct le_message *message,
                          struct le_answer *answer, const struct le_sqs_message *found)
{
    assert(message->state == LE_MESSAGE_FREE && message->answer == NULL);
    message->answer = message->holder = answer;
    message->message_id = found->message_id;
    message->receipt_handle = found->receipt_handle;
    message->body = found->body;
    message->body_len = found->body_len;
    message->sent_at_ms = found->sent_at_ms;
    message->receive_count = found->receive_count;
    message->tries = 0;
    message->ended = message->extending = message->unsettled = message->handle_changed = false;
    message->reject = (struct le_reject){.reason = LE_REJECT_NONE};
    answer->refs++;
    le_list_push(&pipeline->held, &message->held_node);
    le_answer_charge(pipeline, answer, pipeline->message_size);
}

/* Escaped values are unescaped beside the body, so that the body can still go into the dead-letter
 * queue as it came. */
static enum le_err take_scratch(struct le_pipeline *pipeline, struct le_message *message)
{
    if (message->body_len == 0 || memchr(message->body, '\\', message->body_len) == NULL)
        return LE_OK;
    message->scratch = le_alloc(message->body_len);
    if (message->scratch == NULL)
        return LE_ERR_NOMEM;
    le_answer_charge(pipeline, message->answer, message->body_len);
    return LE_OK;
}

static enum le_err decode(struct le_pipeline *pipeline, struct le_message *message)
{
    enum le_err err = take_scratch(pipeline, message);
    if (err != LE_OK)
        return err;
    return le_decode(pipeline->config.decoder, message->body, message->body_len,
                     message->sent_at_ms, message->scratch, message->masks, message->cells,
                     &message->reject);
}

/* A drain waits until their leases have ended, but not for hours: then they are the next one's. */
static void note_hidden(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t lease_ms = (int64_t)pipeline->config.visibility_s * 1000;
    pipeline->hidden_until_ms =
        now_ms + (lease_ms < LE_HIDDEN_WAIT_MAX_MS ? lease_ms : LE_HIDDEN_WAIT_MAX_MS);
}

/* What is let go each time it comes does not keep a drain for ever. */
static void note_let_go(struct le_pipeline *pipeline)
{
    if (pipeline->let_go_waits == LE_LET_GO_WAITS_MAX)
        return;
    pipeline->hides_let_go = true;
    note_hidden(pipeline, le_pipeline_now(pipeline));
}

/* Lack of memory passes. Whatever else keeps us from reading one message, keeps us from the others
 * as well: a person must mend it. */
static void note_unread(struct le_pipeline *pipeline, enum le_err why)
{
    int64_t now_ms = le_pipeline_now(pipeline);
    note_let_go(pipeline);
    if (why != LE_ERR_NOMEM) {
        if (pipeline->why == LE_OK)
            le_log(LE_LOG_ERROR, "failed", LE_FS("error", le_err_name(why)),
                   LE_FS("text", "messages cannot be looked at: they are let go, and come again "
                                 "when their leases end"));
        le_pipeline_fail(pipeline, why);
        return;
    }
    if (now_ms < pipeline->starved_log_ms)
        return;
    pipeline->starved_log_ms = now_ms + LE_STARVED_LOG_MS;
    le_log(LE_LOG_WARN, "out_of_memory", LE_FI("released", pipeline->books.released),
           LE_FS("text", "there is no memory to look at messages: they are let go, and come again "
                         "when their leases end"));
}

/* A message that cannot be looked at for lack of memory is let go: it comes back when its lease
 * ends. Handed back it would come at once, to find as little memory and spend its receives. */
static void take_message(struct le_pipeline *pipeline, struct le_message *message,
                         struct le_answer *answer, const struct le_sqs_message *found,
                         const uint8_t id[16], int64_t leased_at_ms)
{
    start_message(pipeline, message, answer, found);
    memcpy(message->id, id, 16);
    le_ids_add(pipeline, message);
    le_lease_put(pipeline, message, leased_at_ms + (int64_t)pipeline->config.visibility_s * 1000);
    enum le_err err = decode(pipeline, message);
    if (err != LE_OK) {
        le_message_set_state(pipeline, message, LE_MESSAGE_RELEASING);
        le_let_go(pipeline, message);
        note_unread(pipeline, err);
    } else if (message->reject.reason != LE_REJECT_NONE) {
        le_reject_message(pipeline, message);
    } else {
        le_message_set_state(pipeline, message, LE_MESSAGE_WAITING);
        le_list_push(&pipeline->waiting, &message->queue_node);
    }
}

/* Nobody can tell what was in it. It is not handed back: it comes again when its lease ends, whole
 * by then, or else it is the queue's redrive that ends it. */
static void let_damaged_go(struct le_pipeline *pipeline, const struct le_sqs_message *found)
{
    pipeline->books.released++;
    note_let_go(pipeline);
    le_log(LE_LOG_WARN, "body_damaged", LE_FSPAN("message_id", found->message_id),
           LE_FS("text",
                 "the body is not the one whose MD5 the queue names; it is left to come again"));
}

struct key {
    enum le_err err; /* why there is none */
    uint8_t id[16];
};

/* All of an answer's at first, so that the ids' places are there when it is their turn. */
static void make_key(const struct le_pipeline *pipeline, const struct le_sqs_message *found,
                     struct key *out)
{
    out->err = le_message_key(found->message_id, out->id);
    if (out->err == LE_OK)
        le_ids_expect(pipeline, out->id);
}

static void take_found(struct le_pipeline *pipeline, struct le_answer *answer,
                       const struct le_sqs_message *found, const struct key *key,
                       int64_t leased_at_ms)
{
    enum le_err err = key->err;
    struct le_message *known = err == LE_OK ? le_ids_find(pipeline, key->id) : NULL;
    pipeline->books.received++;
    if (known != NULL) {
        take_copy(pipeline, known, answer, found, leased_at_ms);
        return;
    }
    if (le_sqs_body_is_damaged(found)) {
        let_damaged_go(pipeline, found);
        return;
    }
    struct le_message *message = err == LE_OK ? le_message_take(pipeline) : NULL;
    if (message != NULL) {
        take_message(pipeline, message, answer, found, key->id, leased_at_ms);
        return;
    }
    pipeline->books.released++; /* never touched: it comes back when its lease ends */
    note_unread(pipeline, err != LE_OK ? err : LE_ERR_NOMEM);
}

/* Did one that came before found, in the same answer and of the same group, end unsettled as soon
 * as it was taken up (damaged, left to the redrive, no memory for it), or is it going back? */
static bool is_broken_before(const struct le_sqs_message *first, const struct le_sqs_message *found,
                             const bool *gone)
{
    for (; first < found; first++, gone++)
        if (*gone && le_span_equal(first->group_id, found->group_id))
            return true;
    return false;
}

/* Of a FIFO queue: what has been taken up joins its group, which is one of its own for those of
 * which the queue does not say it. */
static void join_groups(struct le_pipeline *pipeline, const struct le_answer *answer,
                        const struct key *keys)
{
    bool gone[LE_SQS_BATCH_MAX];
    for (size_t i = 0; i < answer->found_count; i++) {
        const struct le_sqs_message *found = &answer->found[i];
        struct le_message *message =
            keys[i].err == LE_OK ? le_ids_find(pipeline, keys[i].id) : NULL;
        gone[i] = message == NULL || message->state == LE_MESSAGE_RELEASING;
        if (gone[i] || message->answer != answer || le_node_linked(&message->group_node))
            continue; /* or it has been here before */
        le_group_join(pipeline, message, found->group_id,
                      is_broken_before(answer->found, found, gone));
    }
}

static void take_answer(struct le_pipeline *pipeline, struct le_answer *answer,
                        int64_t leased_at_ms)
{
    struct key keys[LE_SQS_BATCH_MAX];
    assert(answer->found_count <= LE_SQS_BATCH_MAX);
    le_answer_charge(pipeline, answer, answer->bytes.cap);
    for (size_t i = 0; i < answer->found_count; i++)
        make_key(pipeline, &answer->found[i], &keys[i]);
    for (size_t i = 0; i < answer->found_count; i++)
        take_found(pipeline, answer, &answer->found[i], &keys[i], leased_at_ms);
    if (pipeline->groups != NULL)
        join_groups(pipeline, answer, keys);
}

/* ---- how many receives ---- */

/* An empty queue is watched by one poll. Messages that have gathered before they were asked for
 * call for another one, that takes what comes while answers are on their way. Each request is paid
 * for: only answers that are full call for more than a few, and whatever called for those, a
 * backlog or a moment's delay, does so no more when messages come alone. */
static unsigned receivers_after(const struct le_pipeline *pipeline, size_t count, size_t asked)
{
    unsigned receivers = pipeline->receivers;
    if (count >= asked)
        receivers *= 2;
    else if (count == 0)
        receivers /= 2;
    else if (count > 1 && receivers < LE_RECEIVERS_FEW)
        receivers++;
    else if (count == 1 && receivers > LE_RECEIVERS_FEW)
        receivers--;
    if (receivers > pipeline->config.concurrency)
        return pipeline->config.concurrency;
    return receivers > 0 ? receivers : 1;
}

/* What we hold of a FIFO queue hides the rest of its groups. */
static bool saw_all(const struct le_pipeline *pipeline, const struct le_receive_op *op)
{
    return pipeline->groups == NULL || op->received == pipeline->books.received;
}

static void learn_from_count(struct le_pipeline *pipeline, const struct le_receive_op *op,
                             int64_t now_ms)
{
    size_t count = op->answer->found_count, bytes = op->answer->bytes.len;
    pipeline->receivers = receivers_after(pipeline, count, (size_t)op->max_messages);
    pipeline->seen_empty = count == 0 && saw_all(pipeline, op);
    if (count == 0)
        le_answer_drop_spare(pipeline);
    /* A server that does not honour the wait must not be asked in a tight loop. */
    if (count == 0 && now_ms - op->sent_at_ms < LE_EMPTY_PAUSE_MS)
        pipeline->receive_at_ms = op->sent_at_ms + LE_EMPTY_PAUSE_MS;
    size_t decayed = pipeline->answer_expected - pipeline->answer_expected / 8;
    pipeline->answer_expected = bytes > decayed ? bytes : decayed;
    if (count > 0 && bytes < LE_ANSWER_BYTES_MAX / 4 && pipeline->batch_max < LE_SQS_BATCH_MAX)
        pipeline->batch_max++;
}

/* Did the queue perhaps lease messages to us, in an answer that we could not read? */
static bool may_have_leased(enum le_err err)
{
    return err == LE_ERR_TIMEOUT || err == LE_ERR_CLOSED || err == LE_ERR_PROTOCOL ||
           err == LE_ERR_TOO_LARGE || err == LE_ERR_NOMEM;
}

/* What was leased comes back by itself; from a large answer, in smaller ones. */
static void learn_from_error(struct le_pipeline *pipeline, enum le_err err, int64_t now_ms)
{
    if (err == LE_ERR_CANCELLED)
        return;
    pipeline->seen_empty = false; /* the last word of a drain is an answer, not a failure */
    if (may_have_leased(err))
        note_hidden(pipeline, now_ms);
    bool halve = (err == LE_ERR_TOO_LARGE || err == LE_ERR_NOMEM) && pipeline->batch_max > 1;
    if (halve)
        pipeline->batch_max /= 2;
    if (halve && err == LE_ERR_TOO_LARGE)
        return;
    pipeline->receivers = 1;
    pipeline->receive_backoff.base_ms =
        err == LE_ERR_THROTTLED ? LE_BACKOFF_THROTTLE_MS : LE_BACKOFF_TRANSIENT_MS;
    pipeline->receive_at_ms = now_ms + le_backoff_next(&pipeline->receive_backoff, &pipeline->rng);
}

static void receive_done(struct le_receive_op *op)
{
    struct le_pipeline *pipeline = op->owner;
    int64_t now_ms = le_pipeline_now(pipeline);
    assert(pipeline->receives > 0 && pipeline->receive_asked >= (uint64_t)op->max_messages);
    pipeline->receives--;
    pipeline->receive_asked -= (uint64_t)op->max_messages;
    if (!pipeline->closed) {
        le_queue_answered(pipeline, op->err, now_ms);
        if (op->err == LE_OK) {
            pipeline->last_poll_ms = now_ms;
            le_backoff_reset(&pipeline->receive_backoff);
            learn_from_count(pipeline, op, now_ms);
            take_answer(pipeline, op->answer, op->began_at_ms != 0 ? op->began_at_ms : now_ms);
        } else {
            learn_from_error(pipeline, op->err, now_ms);
        }
    }
    le_answer_drop(pipeline, op->answer);
    op->answer = NULL;
    le_list_push_front(&pipeline->free_receives, &op->node);
}

/* ---- may another one be sent? ---- */

/* Messages that may still be asked for under --max-messages. */
static uint64_t messages_left(const struct le_pipeline *pipeline)
{
    uint64_t max = pipeline->config.max_messages,
             taken = pipeline->books.received + pipeline->receive_asked;
    if (max == 0)
        return LE_SQS_BATCH_MAX;
    return max > taken ? max - taken : 0;
}

static uint64_t uncommitted(const struct le_pipeline *pipeline)
{
    return pipeline->state_count[LE_MESSAGE_WAITING] + pipeline->state_count[LE_MESSAGE_SUBMITTED];
}

/* A full statement for every other connection: enough that each has rows to commit while others
 * gather, in half the memory that full statements everywhere would take. */
static uint64_t uncommitted_max(const struct le_pipeline *pipeline)
{
    return (uint64_t)pipeline->config.batch_rows * ((pipeline->config.lanes + 1) / 2);
}

/* A queue that is slow to delete would otherwise leave us with all that it is quick to give. */
static bool deletes_are_behind(const struct le_pipeline *pipeline)
{
    uint64_t settled =
        pipeline->state_count[LE_MESSAGE_REJECTED] + pipeline->state_count[LE_MESSAGE_DELETABLE] +
        pipeline->state_count[LE_MESSAGE_DELETING] + pipeline->state_count[LE_MESSAGE_RELEASING];
    uint64_t enough = (uint64_t)pipeline->config.concurrency * 2 * LE_SQS_BATCH_MAX;
    return settled >= (enough > pipeline->config.batch_rows ? enough : pipeline->config.batch_rows);
}

static bool room_for_another(const struct le_pipeline *pipeline)
{
    if (pipeline->receives == 0 && pipeline->bytes == 0)
        return true; /* however large an answer may be, one at a time always goes */
    if (uncommitted(pipeline) >= uncommitted_max(pipeline))
        return false; /* the database is behind: more rows would only wait, with their leases
                         running */
    if (deletes_are_behind(pipeline))
        return false;
    size_t expected = (pipeline->receives + 1) *
                      (pipeline->answer_expected + LE_SQS_BATCH_MAX * pipeline->message_size);
    return pipeline->bytes + expected <= pipeline->config.memory_limit;
}

/* A drain that has found the queue empty asks once more when what is hidden can be seen again; and
 * when the queue failed it last, and what it still waits for would not ask: nobody could tell that
 * the queue is there again, and its patience would end over one failed request. A receive under way
 * tells as well. */
static bool must_look_again(const struct le_pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->receives > 0)
        return false;
    if (pipeline->hidden_until_ms != LE_NEVER && now_ms >= pipeline->hidden_until_ms)
        return true;
    return pipeline->queue_away_since_ms != LE_NEVER &&
           (pipeline->hidden_until_ms != LE_NEVER || uncommitted(pipeline) > 0);
}

static bool may_receive(const struct le_pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->stopping || pipeline->store_away_since_ms != LE_NEVER)
        return false;
    if (pipeline->config.drain && pipeline->seen_empty && !must_look_again(pipeline, now_ms))
        return false; /* the last long poll was empty: wait for the ones under way to say the same
                       */
    return pipeline->receives < pipeline->receivers && room_for_another(pipeline);
}

/* This receive finds what has been hidden so far. It is a drain's wait that is over, unless there
 * was something else to receive. */
static void note_looked_again(struct le_pipeline *pipeline, int64_t now_ms)
{
    if (now_ms < pipeline->hidden_until_ms)
        return;
    pipeline->hidden_until_ms = LE_NEVER;
    pipeline->let_go_waits += pipeline->hides_let_go && pipeline->seen_empty;
    pipeline->hides_let_go = false;
}

static bool send_receive(struct le_pipeline *pipeline, uint64_t left, int64_t now_ms)
{
    struct le_answer *answer = le_answer_take(pipeline);
    if (answer == NULL) {
        le_queue_answered(pipeline, LE_ERR_NOMEM, now_ms);
        return false;
    }
    struct le_receive_op *op =
        le_container_of(le_list_pop(&pipeline->free_receives), struct le_receive_op, node);
    op->max_messages = left < (uint64_t)pipeline->batch_max ? (int)left : pipeline->batch_max;
    op->wait_s = pipeline->config.drain ? 1 : pipeline->config.wait_s;
    op->visibility_s = pipeline->config.visibility_s;
    op->answer = answer;
    op->err = LE_OK;
    op->sent_at_ms = now_ms;
    op->received = pipeline->held.count == 0 ? pipeline->books.received : UINT64_MAX;
    op->began_at_ms = 0;
    op->done = receive_done;
    op->owner = pipeline;
    note_looked_again(pipeline, now_ms);
    pipeline->receives++;
    pipeline->receive_asked += (uint64_t)op->max_messages;
    pipeline->queue.receive(pipeline->queue.self, op);
    return true;
}

/* Under load a receive is answered sooner than this; what is handed back later must find no open
 * poll of ours. */
static int64_t cancel_grace_ms(const struct le_pipeline *pipeline)
{
    int64_t quarter_ms = pipeline->config.shutdown_timeout_ms / 4;
    return quarter_ms < LE_CANCEL_GRACE_MS ? quarter_ms : LE_CANCEL_GRACE_MS;
}

/* When a drain that has found the queue empty is to look once more. */
static int64_t look_again_ms(const struct le_pipeline *pipeline, int64_t now_ms)
{
    bool waits = pipeline->config.drain && pipeline->seen_empty;
    return waits && now_ms < pipeline->hidden_until_ms ? pipeline->hidden_until_ms : LE_NEVER;
}

int64_t le_receive_turn(struct le_pipeline *pipeline, int64_t now_ms)
{
    int64_t again_ms = look_again_ms(pipeline, now_ms);
    if (pipeline->stopping && !pipeline->cancelled && pipeline->receives > 0) {
        int64_t cancel_ms = pipeline->stop_at_ms + cancel_grace_ms(pipeline);
        if (now_ms < cancel_ms)
            return cancel_ms;
        pipeline->cancelled = true;
        pipeline->queue.cancel_receives(pipeline->queue.self);
    }
    while (may_receive(pipeline, now_ms)) {
        uint64_t left = messages_left(pipeline);
        if (left == 0)
            return again_ms;
        if (now_ms < pipeline->receive_at_ms)
            return pipeline->receive_at_ms;
        if (!send_receive(pipeline, left, now_ms))
            return now_ms + LE_EMPTY_PAUSE_MS; /* no memory now */
    }
    return again_ms;
}
