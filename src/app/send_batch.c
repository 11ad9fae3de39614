/* Batches on their way: each is sent until every message of it is taken, or refused for good. */
#include "loginetl/app/send.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

#define CALL_TIMEOUT_MS 30000
/* A body in JSON can be six times as long ("\u0001"); what is around it is small. */
#define REQUEST_MAX ((size_t)6 * LE_SQS_BATCH_BYTES_MAX + 65536)
#define ANSWER_MAX  ((size_t)256 * 1024)

static void send_now(struct le_send_slot *slot);

static void on_timer(uv_timer_t *timer)
{
    send_now(timer->data);
}

void le_send_open_slots(struct le_sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++) {
        struct le_send_slot *slot = &sender->slots[i];
        slot->sender = sender;
        le_buf_init(&slot->text, LE_SQS_BATCH_BYTES_MAX);
        le_buf_init(&slot->call.request_body, REQUEST_MAX);
        le_buf_init(&slot->call.answer, ANSWER_MAX);
        le_backoff_init(&slot->backoff, LE_BACKOFF_TRANSIENT_MS * 4, LE_GIVE_UP_MS / 4);
        uv_timer_init(&sender->world.loop, &slot->timer);
        slot->timer.data = slot;
    }
}

void le_send_close_slots(struct le_sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++)
        uv_close((uv_handle_t *)&sender->slots[i].timer, NULL);
}

void le_send_free_slots(struct le_sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++) {
        le_buf_free(&sender->slots[i].text);
        le_buf_free(&sender->slots[i].call.request_body);
        le_buf_free(&sender->slots[i].call.answer);
    }
}

struct le_send_slot *le_send_free_slot(struct le_sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++) {
        if (!sender->slots[i].busy && &sender->slots[i] != sender->filling)
            return &sender->slots[i];
    }
    return NULL;
}

bool le_send_all_idle(const struct le_sender *sender)
{
    for (size_t i = 0; i < sender->slot_count; i++) {
        if (sender->slots[i].busy)
            return false;
    }
    return true;
}

bool le_send_may_send(const struct le_sender *sender)
{
    return sender->json == NULL || le_send_all_idle(sender);
}

/* ---- filling ---- */

bool le_send_fits(const struct le_send_slot *slot, size_t len)
{
    return slot->count < LE_SQS_BATCH_MAX && slot->text.len + len <= LE_SQS_BATCH_BYTES_MAX;
}

enum le_err le_send_add(struct le_send_slot *slot, const struct le_split *split, const char *file)
{
    assert(!slot->busy && le_send_fits(slot, split->text.len));
    size_t at = slot->text.len;
    enum le_err err = le_buf_append_span(&slot->text, split->text);
    if (err != LE_OK)
        return err;
    slot->entries[slot->count].at = at;
    slot->entries[slot->count].len = split->text.len;
    slot->entries[slot->count].line = split->line;
    slot->entries[slot->count].file = file;
    slot->entries[slot->count].number = slot->sender->taken++;
    slot->count++;
    return LE_OK;
}

/* ---- answers ---- */

static void finish(struct le_send_slot *slot)
{
    slot->busy = false;
    slot->count = 0;
    slot->one_by_one = false;
    le_buf_shrink(&slot->text, LE_SEND_CHUNK);
    le_buf_shrink(&slot->call.request_body, LE_SEND_CHUNK);
    le_send_turn(slot->sender);
}

static void fail(struct le_send_slot *slot, enum le_err err)
{
    const char *words = le_queue_last_failure(slot->sender->world.queue);
    slot->busy = false;
    le_send_fail(slot->sender, words[0] != '\0' ? words : le_err_text(err));
}

static void retry(struct le_send_slot *slot, enum le_err err)
{
    struct le_world *world = &slot->sender->world;
    if (le_world_now_ms(world) - slot->since_ms >= LE_GIVE_UP_MS) {
        fail(slot, err);
        return;
    }
    uv_timer_start(&slot->timer, on_timer, (uint64_t)le_backoff_next(&slot->backoff, &world->rng),
                   0);
}

static void progress(struct le_send_slot *slot)
{
    slot->since_ms = le_world_now_ms(&slot->sender->world);
    le_backoff_reset(&slot->backoff);
}

static void remove_entry(struct le_send_slot *slot, size_t i)
{
    slot->count--;
    memmove(&slot->entries[i], &slot->entries[i + 1], (slot->count - i) * sizeof slot->entries[0]);
}

static void refuse(struct le_send_slot *slot, size_t i, const char *why)
{
    le_send_tell_refused(slot->sender, slot->entries[i].file, slot->entries[i].line, why);
    remove_entry(slot, i);
}

/* Takes the entries out that are settled; what stays is sent again. */
static void settle_entries(struct le_send_slot *slot, const struct le_sqs_entry_result *results)
{
    for (size_t i = slot->asked; i-- > 0;) {
        char code[64];
        if (results[i].outcome == LE_SQS_ENTRY_OK) {
            slot->sender->sent++;
            remove_entry(slot, i);
            progress(slot);
        } else if (results[i].outcome == LE_SQS_ENTRY_FAILED &&
                   !le_sqs_entry_retryable(&results[i])) {
            (void)snprintf(code, sizeof code, "%.*s", (int)results[i].code.len,
                           results[i].code.len > 0 ? results[i].code.ptr : "");
            refuse(slot, i, code);
            progress(slot);
        }
    }
}

static void take_results(struct le_send_slot *slot)
{
    struct le_sqs_entry_result results[LE_SQS_BATCH_MAX];
    size_t before = slot->count;
    enum le_err err = slot->call.codec->read_batch(slot->call.answer.data, slot->call.answer.len,
                                                   results, slot->asked);
    if (err == LE_OK)
        settle_entries(slot, results);
    if (slot->count == 0)
        finish(slot);
    else if (slot->count < before)
        send_now(slot);
    else
        retry(slot, err != LE_OK ? err : LE_ERR_SERVICE);
}

/* Some servers refuse a batch for a single entry's sake. */
static void take_refusal(struct le_send_slot *slot, const char *why)
{
    if (slot->asked > 1) {
        slot->one_by_one = true;
        send_now(slot);
        return;
    }
    refuse(slot, 0, why);
    progress(slot);
    if (slot->count == 0)
        finish(slot);
    else
        send_now(slot);
}

static void on_answer(struct le_queue_call *call)
{
    struct le_send_slot *slot = call->owner;
    if (slot->sender->failed || call->err == LE_ERR_CANCELLED)
        slot->busy = false;
    else if (call->err == LE_OK)
        take_results(slot);
    else if (call->err == LE_ERR_REFUSED)
        take_refusal(slot, call->code);
    else if (le_err_class(call->err) == LE_CLASS_RETRY)
        retry(slot, call->err);
    else
        fail(slot, call->err);
}

/* ---- requests ---- */

static bool group_is_before(const struct le_sqs_send_entry *entries, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (le_span_equal(entries[before].group_id, entries[i].group_id))
            return true;
    return false;
}

/* The first entries. Of a FIFO queue's group there is one in a request: if the queue refused it for
 * the moment and took a later one, they would change places. */
static enum le_err write_request(struct le_queue_call *call, const struct le_sqs_codec *codec)
{
    struct le_send_slot *slot = call->owner;
    struct le_sender *sender = slot->sender;
    struct le_span url = le_queue_url(sender->world.queue);
    struct le_sqs_send_entry entries[LE_SQS_BATCH_MAX];
    struct le_send_order orders[LE_SQS_BATCH_MAX];
    enum le_err err = LE_OK;
    for (size_t i = 0; err == LE_OK && i < slot->asked; i++) {
        entries[i] = (struct le_sqs_send_entry){
            .body = {slot->text.data + slot->entries[i].at, slot->entries[i].len}};
        if (sender->json == NULL)
            continue;
        err = le_send_order(sender, slot->entries[i].number, &orders[i], &entries[i]);
        if (group_is_before(entries, i))
            slot->asked = i;
    }
    if (err != LE_OK)
        return err;
    return codec->send_batch(&call->request_body, url, entries, slot->asked);
}

static void send_now(struct le_send_slot *slot)
{
    assert(slot->busy && slot->count > 0);
    if (slot->sender->failed) {
        slot->busy = false;
        return;
    }
    slot->asked = slot->one_by_one ? 1 : slot->count;
    slot->call.operation = LE_SQS_SEND_BATCH;
    slot->call.timeout_ms = CALL_TIMEOUT_MS;
    slot->call.write = write_request;
    slot->call.done = on_answer;
    slot->call.owner = slot;
    slot->call.quiet = true;
    le_buf_clear(&slot->call.request_body);
    le_buf_clear(&slot->call.answer);
    enum le_err err = write_request(&slot->call, le_queue_codec(slot->sender->world.queue));
    if (err == LE_OK)
        le_queue_call(slot->sender->world.queue, &slot->call);
    else
        fail(slot, err);
}

void le_send_slot_send(struct le_send_slot *slot)
{
    assert(!slot->busy && slot->count > 0);
    slot->busy = true;
    slot->since_ms = le_world_now_ms(&slot->sender->world);
    send_now(slot);
}
