#include "world.h"

#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define STEPS_MAX 500000

/* ---- the clock ---- */

int64_t world_now(void *self)
{
    return ((struct world *)self)->now_ms;
}

static void clock_arm(void *self, int64_t at_ms)
{
    ((struct world *)self)->armed_ms = at_ms;
}

/* ---- the queue ---- */

size_t world_index_of(const struct world *world, struct le_span id)
{
    for (size_t i = 0; i < world->count; i++)
        if (le_span_is(id, world->messages[i].id))
            return i;
    fail_msg("a message that nobody sent");
    return 0;
}

void world_put_pending(struct world *world, int kind, void *op, int64_t due_ms)
{
    assert_true(world->pending_count < WORLD_PENDING_MAX);
    world->pending[world->pending_count].kind = (unsigned)kind;
    world->pending[world->pending_count].op = op;
    world->pending[world->pending_count].cancelled = false;
    world->pending[world->pending_count++].due_ms = due_ms;
}

static struct le_message *entry(void *op, size_t i)
{
    return ((struct le_entries_op *)op)->entries[i];
}

/* Handles are read now, as a port encodes them now: "h<number>". */
static void put_entries(struct world *world, int kind, struct le_entries_op *op, int64_t due_ms)
{
    assert_in_range(op->count, 1, LE_SQS_BATCH_MAX);
    world_put_pending(world, kind, op, due_ms);
    for (size_t i = 0; kind != WORLD_DEAD_LETTER && i < op->count; i++) {
        char text[16] = "";
        memcpy(text, op->handles[i].ptr, op->handles[i].len);
        assert_int_equal(sscanf(text, "h%u", &world->pending[world->pending_count - 1].handles[i]),
                         1);
    }
}

static void queue_receive(void *self, struct le_receive_op *op)
{
    struct world *world = self;
    assert_in_range(op->max_messages, 1, LE_SQS_BATCH_MAX);
    assert_int_equal(op->answer->bytes.len, 0);
    world->receive_requests++;
    if (++world->receives_now > world->receives_most)
        world->receives_most = world->receives_now;
    world_put_pending(world, WORLD_RECEIVE, op, world->now_ms + 5);
}

static void queue_delete(void *self, struct le_entries_op *op)
{
    struct world *world = self;
    world->delete_requests++;
    put_entries(world, WORLD_DELETE, op, world->now_ms + 3);
}

static void queue_extend(void *self, struct le_entries_op *op)
{
    struct world *world = self;
    /* What is handed back must not fall into a poll of our own that is still open. */
    if (op->visibility_s == 0 && !world->faults.stall_receives && world->groups == 0)
        assert_int_equal(world->receives_now, 0);
    put_entries(world, WORLD_EXTEND, op, world->now_ms + 3);
}

static void queue_dead_letter(void *self, struct le_entries_op *op)
{
    for (size_t i = 1; i < op->count; i++)
        assert_true(le_span_equal(op->entries[i]->group_id, op->entries[0]->group_id));
    put_entries(self, WORLD_DEAD_LETTER, op, ((struct world *)self)->now_ms + 3);
}

static void queue_cancel(void *self)
{
    struct world *world = self;
    for (size_t i = 0; i < world->pending_count; i++)
        if (world->pending[i].kind == WORLD_RECEIVE && !world->faults.stall_receives) {
            world->pending[i].cancelled = true;
            world->pending[i].due_ms = world->now_ms;
        }
}

/* Each group's name has a length of its own. */
static struct le_span group_id(const struct world *world, const struct world_message *message)
{
    static const char text[] = "gggggggggggggggggggggggggggggggg";
    size_t group = (size_t)(message - world->messages) % world->groups;
    assert_in_range(group, 0, sizeof text - 2);
    return (struct le_span){text, group + 1};
}

/* Some of its group are in flight, or an earlier one was not given. */
static bool is_closed(const struct world *world, size_t index)
{
    bool closed = false;
    for (size_t i = world->groups > 0 ? index % world->groups : index;
         i<world->count; i += world->groups> 0 ? world->groups : world->count)
        closed = closed ||
                 (!world->messages[i].deleted && world->messages[i].visible_at_ms > world->now_ms);
    return closed;
}

bool world_is_blocked(const struct world *world, size_t index)
{
    bool blocked = false;
    for (size_t i = 0; world->groups > 0 && i < index; i++)
        blocked = blocked || (i % world->groups == index % world->groups &&
                              !world->messages[i].deleted && !world->messages[i].in_ledger);
    return blocked;
}

/* The delivery before the last one by so many. false: no memory for it. */
static bool deliver(struct world *world, struct le_answer *answer, struct world_message *message,
                    unsigned before)
{
    char text[512];
    int len = snprintf(text, sizeof text, "%sh%u", message->id, message->handle - before);
    size_t at = answer->bytes.len;
    if (le_buf_append(&answer->bytes, text, (size_t)len) != LE_OK ||
        le_buf_append_text(&answer->bytes, message->body) != LE_OK)
        return false;
    struct le_sqs_message *found = &answer->found[answer->found_count++];
    /* Offsets for now: the buffer may still move. */
    found->message_id = (struct le_span){(char *)(uintptr_t)at, strlen(message->id)};
    found->receipt_handle = (struct le_span){(char *)(uintptr_t)(at + strlen(message->id)),
                                             (size_t)len - strlen(message->id)};
    found->body = (char *)(uintptr_t)(at + (size_t)len);
    found->body_len = strlen(message->body);
    found->sent_at_ms = 1700000000000 + (message - world->messages);
    found->receive_count = message->receives - before;
    found->body_md5 = LE_SPAN_NONE;
    found->group_id = world->groups > 0 ? group_id(world, message) : LE_SPAN_NONE;
    if (world->faults.damaged_bodies > 0) {
        world->faults.damaged_bodies--;
        found->body_md5 = LE_SPAN_LIT("d41d8cd98f00b204e9800998ecf8427e"); /* the empty one's */
    }
    return true;
}

static void place(struct le_answer *answer)
{
    for (size_t i = 0; i < answer->found_count; i++) {
        struct le_sqs_message *found = &answer->found[i];
        found->message_id.ptr = answer->bytes.data + (uintptr_t)found->message_id.ptr;
        found->receipt_handle.ptr = answer->bytes.data + (uintptr_t)found->receipt_handle.ptr;
        found->body = answer->bytes.data + (uintptr_t)found->body;
    }
}

static enum le_err pad(struct world *world, struct le_answer *answer)
{
    size_t padding = answer->bytes.len == 0 ? world->faults.padding : 0;
    enum le_err err = padding > 0 ? le_buf_reserve(&answer->bytes, padding) : LE_OK;
    if (err == LE_OK && padding > 0) {
        memset(answer->bytes.data, ' ', padding);
        answer->bytes.len = padding;
    }
    return err;
}

/* As from a port without memory for an answer: it fails, and what it would have brought is leased.
 */
static void fill_answer(struct world *world, struct le_receive_op *op)
{
    struct le_answer *answer = op->answer;
    size_t max = (size_t)op->max_messages, most = world->faults.most_in_answer;
    if (most > 0 && most < max)
        max = most;
    bool closed[WORLD_MESSAGES_MAX];
    for (size_t i = 0; i < world->count; i++)
        closed[i] = world->messages[i].deleted || is_closed(world, i);
    for (size_t i = 0; op->err == LE_OK && i < world->count && answer->found_count < max; i++) {
        struct world_message *message = &world->messages[i];
        if (closed[i])
            continue;
        bool twice = world->faults.twice_in_answer && answer->found_count + 2 <= max;
        message->receives += twice ? 2 : 1;
        message->handle += twice ? 2 : 1;
        if (!world->faults.never_hide)
            message->visible_at_ms = world->now_ms + op->visibility_s * 1000;
        bool first_last = twice && world->faults.newest_first;
        if (pad(world, answer) != LE_OK ||
            (twice && !deliver(world, answer, message, first_last ? 0 : 1)) ||
            !deliver(world, answer, message, first_last ? 1 : 0))
            op->err = LE_ERR_NOMEM;
    }
    if (op->err == LE_OK)
        place(answer);
}

static void answer_receive(struct world *world, struct le_receive_op *op, bool cancelled)
{
    world->receives_now--;
    world->blocks_used_again += op->answer->bytes.cap > 0;
    op->err = cancelled ? LE_ERR_CANCELLED : LE_OK;
    if (!cancelled && world->faults.fail_receives > 0) {
        world->faults.fail_receives--;
        op->err = world->faults.receive_err;
    }
    if (op->err == LE_OK)
        fill_answer(world, op);
    if (op->err == LE_OK && world->faults.lost_answers > 0 && op->answer->found_count > 0) {
        world->faults.lost_answers--;
        op->err = world->faults.receive_err;
    }
    op->began_at_ms = world->now_ms;
    world->now_ms += world->faults.answer_takes_ms;
    bool starved = world->faults.starved_answers > 0 && op->answer->found_count > 0;
    if (starved) {
        world->faults.starved_answers--;
        le_mem_fail_at(1);
    }
    op->done(op);
    if (starved) /* else a test may have a plan of its own */
        le_mem_fail_at(0);
}

static enum le_entry_outcome delete_one(struct world *world, struct world_message *message,
                                        unsigned handle)
{
    if (world->faults.failed_entries > 0) {
        world->faults.failed_entries--;
        return world->faults.entry_outcome;
    }
    bool discards = world->config.on_reject == LE_ON_REJECT_DISCARD;
    if (message->rows == 0 && message->dead_letters == 0 && !message->in_ledger && !discards)
        world->deletes_of_uncommitted++;
    if (handle != message->handle) {
        world->stale_deletes++; /* a standard queue answers success and deletes nothing */
        return LE_ENTRY_OK;
    }
    message->deleted = true;
    return LE_ENTRY_OK;
}

static void answer_delete(struct world *world, struct le_entries_op *op, const unsigned *handles)
{
    op->err = LE_OK;
    if (world->faults.fail_deletes > 0) {
        world->faults.fail_deletes--;
        op->err = world->faults.delete_err;
    }
    for (size_t i = 0; op->err == LE_OK && i < op->count; i++)
        op->outcomes[i] = delete_one(
            world, &world->messages[world_index_of(world, entry(op, i)->message_id)], handles[i]);
    op->done(op);
}

static void answer_extend(struct world *world, struct le_entries_op *op, const unsigned *handles)
{
    op->err = LE_OK;
    if (world->faults.fail_extends > 0) {
        world->faults.fail_extends--;
        op->err = LE_ERR_SERVICE;
    }
    for (size_t i = 0; op->err == LE_OK && i < op->count; i++) {
        if (op->visibility_s > 0 && entry(op, i)->ended) {
            op->outcomes[i] = LE_ENTRY_GIVE_UP;
            continue;
        }
        if (op->visibility_s == 0 && world->faults.retry_releases > 0) {
            world->faults.retry_releases--;
            op->outcomes[i] = LE_ENTRY_RETRY;
            continue;
        }
        struct world_message *message =
            &world->messages[world_index_of(world, entry(op, i)->message_id)];
        if (world->faults.refuse_extends || message->deleted || handles[i] != message->handle) {
            op->outcomes[i] = LE_ENTRY_GIVE_UP;
            continue;
        }
        message->visible_at_ms = world->now_ms + op->visibility_s * 1000;
        op->outcomes[i] = LE_ENTRY_OK;
        if (op->visibility_s > 0)
            world->extensions++;
        else
            world->releases++;
    }
    op->done(op);
}

static void answer_dead_letter(struct world *world, struct le_entries_op *op)
{
    op->err = LE_OK;
    for (size_t i = 0; i < op->count; i++) {
        struct world_message *message =
            &world->messages[world_index_of(world, entry(op, i)->message_id)];
        op->outcomes[i] = world->faults.refuse_dead_letters ? LE_ENTRY_GIVE_UP : LE_ENTRY_OK;
        if (world->faults.fail_dead_letters > 0) {
            world->faults.fail_dead_letters--;
            op->outcomes[i] = LE_ENTRY_RETRY;
        }
        if (op->outcomes[i] != LE_ENTRY_OK)
            continue;
        message->dead_letters++;
        (void)snprintf(message->reason, sizeof message->reason, "%s",
                       le_reject_word(entry(op, i)->reject.reason));
        assert_int_equal(entry(op, i)->body_len, strlen(message->body));
        assert_memory_equal(entry(op, i)->body, message->body, strlen(message->body));
    }
    op->done(op);
}

/* ---- the world ---- */

struct world *world_new(void)
{
    struct world *world = le_calloc(1, sizeof *world);
    assert_non_null(world);
    le_fields_builtin(&world->fields);
    world->now_ms = 1000;
    world->armed_ms = INT64_MAX;
    world->lanes = 2;
    struct le_decoder_config decoder = {
        .fields = &world->fields, .mask = LE_MASK_SHA256, .body_max = 1 << 20};
    world->decoder = le_decoder_new(&decoder);
    assert_non_null(world->decoder);
    world->config = (struct le_pipeline_config){.concurrency = 8,
                                                .wait_s = 20,
                                                .visibility_s = 60,
                                                .batch_rows = 100,
                                                .lanes = 2,
                                                .memory_limit = 64 << 20,
                                                .drain = true,
                                                .on_reject = LE_ON_REJECT_DLQ,
                                                .shutdown_timeout_ms = 25000,
                                                .seed = 1,
                                                .decoder = world->decoder,
                                                .field_count = world->fields.count};
    return world;
}

void world_start(struct world *world)
{
    struct le_queue_port queue = {world,        queue_receive,     queue_delete,
                                  queue_extend, queue_dead_letter, queue_cancel};
    struct le_store_port store = world_store_port(world);
    struct le_clock_port clock = {world, world_now, world_now, clock_arm};
    world->lanes = world->config.lanes;
    world->config.fifo = world->groups > 0;
    world->pipeline = le_pipeline_new(&world->config, &queue, &store, &clock);
    assert_non_null(world->pipeline);
}

void world_free(struct world *world)
{
    le_log_init(NULL);
    le_pipeline_free(world->pipeline);
    le_decoder_free(world->decoder);
    le_free(world);
}

struct world_message *world_add(struct world *world, const char *body)
{
    assert_true(world->count < WORLD_MESSAGES_MAX);
    struct world_message *message = &world->messages[world->count];
    (void)snprintf(message->id, sizeof message->id, "00000000-0000-4000-8000-%012zx",
                   world->count++);
    (void)snprintf(message->body, sizeof message->body, "%s", body);
    return message;
}

void world_add_good(struct world *world, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"user_id\":\"u%zu\",\"app_version\":\"2.3.0\",\"ip\":\"192.0.2.%zu\"}", i,
                       i % 250);
        world_add(world, body);
    }
}

static bool held(const struct world *world, size_t i)
{
    unsigned kind = world->pending[i].kind;
    return (kind == WORLD_RECEIVE && world->faults.stall_receives) ||
           (kind == WORLD_EXTEND && world->faults.hold_extends &&
            ((struct le_entries_op *)world->pending[i].op)->visibility_s > 0) ||
           (kind == WORLD_SUBMIT && world->faults.hold_commits) ||
           (kind == WORLD_DELETE && world->faults.hold_deletes);
}

static void answer(struct world *world, size_t i)
{
    unsigned kind = world->pending[i].kind, handles[LE_SQS_BATCH_MAX];
    void *op = world->pending[i].op;
    bool cancelled = world->pending[i].cancelled;
    memcpy(handles, world->pending[i].handles, sizeof handles);
    world->pending[i] = world->pending[--world->pending_count];
    if (kind == WORLD_RECEIVE)
        answer_receive(world, op, cancelled);
    else if (kind == WORLD_DELETE)
        answer_delete(world, op, handles);
    else if (kind == WORLD_EXTEND)
        answer_extend(world, op, handles);
    else if (kind == WORLD_DEAD_LETTER)
        answer_dead_letter(world, op);
    else
        world_answer_submit(world, op);
}

void world_step(struct world *world)
{
    assert_true(world->steps++ < STEPS_MAX);
    le_pipeline_turn(world->pipeline);
    size_t earliest = SIZE_MAX;
    for (size_t i = 0; i < world->pending_count; i++)
        if (!held(world, i) &&
            (earliest == SIZE_MAX || world->pending[i].due_ms < world->pending[earliest].due_ms))
            earliest = i;
    if (earliest != SIZE_MAX && world->pending[earliest].due_ms <= world->armed_ms) {
        if (world->pending[earliest].due_ms > world->now_ms)
            world->now_ms = world->pending[earliest].due_ms;
        answer(world, earliest);
        return;
    }
    if (world->armed_ms == INT64_MAX)
        world->now_ms += 1000; /* nothing will happen by itself: time passes */
    else if (world->armed_ms > world->now_ms)
        world->now_ms = world->armed_ms;
    world->armed_ms = INT64_MAX;
}

enum le_err world_run(struct world *world, unsigned steps_max)
{
    enum le_err why = LE_OK;
    for (unsigned step = 0; !le_pipeline_finished(world->pipeline, &why); step++) {
        assert_true(step < steps_max);
        world_step(world);
    }
    const struct le_books *books = le_pipeline_books(world->pipeline);
    assert_int_equal(books->received, books->inserted + books->duplicate + books->rejected +
                                          books->released + books->in_flight);
    assert_int_equal(world->deletes_of_uncommitted, 0);
    return why;
}
