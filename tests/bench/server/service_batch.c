#include "handle.h"
#include "service_internal.h"

#include <string.h>

#define ID_MAX         80
#define BODY_MAX       1048576
#define VISIBILITY_MAX 43200

struct failure {
    const char *code; /* NULL: none */
    const char *message;
};

static const struct failure none = {NULL, NULL};
static const struct failure bad_handle = {"ReceiptHandleIsInvalid",
                                          "The input receipt handle is invalid."};

/* --- one entry --- */

static void count_deleted(struct context *context)
{
    struct service *service = context->service;
    int64_t second = (context->now_ns - service->first_request_ns) / 1000000000;
    service->last_delete_ns = context->now_ns;
    service->curve[second < SERVICE_CURVE_MAX ? second : SERVICE_CURVE_MAX - 1]++;
}

static struct failure delete_one(struct context *context, const struct call_entry *entry)
{
    struct delivery delivery;
    bool was_there;
    if (!handle_read(entry->handle, &delivery) ||
        !queue_delete(&context->service->queue, delivery, &was_there))
        return bad_handle;
    if (was_there)
        count_deleted(context);
    return none;
}

static struct failure change_one(struct context *context, const struct call_entry *entry)
{
    struct delivery delivery;
    if (entry->visibility_s < 0 || entry->visibility_s > VISIBILITY_MAX)
        return (struct failure){"InvalidParameterValue", "VisibilityTimeout is out of its range."};
    if (!handle_read(entry->handle, &delivery) ||
        !queue_change(&context->service->queue, context->now_ns, delivery,
                      (uint32_t)entry->visibility_s))
        return bad_handle;
    return none;
}

static struct failure keep(struct context *context, struct le_span body, uint32_t *number)
{
    struct arrivals *arrivals = &context->service->queue.arrivals;
    int64_t sent_ms = (context->now_ns + arrivals->wall_ns) / 1000000;
    uint32_t next = arrivals_count(arrivals, context->now_ns);
    if (next >= ARRIVALS_MESSAGES_MAX ||
        sent_add(&context->service->sent, next, sent_ms, body) != LE_OK ||
        arrivals_send(arrivals, context->now_ns, number) != LE_OK)
        return (struct failure){"OverLimit", "This server keeps no more messages."};
    return none;
}

/* A dead letter is counted and forgotten. Either way the entry of the answer is begun here. */
static struct failure send_one(struct context *context, const struct call_entry *entry)
{
    uint32_t number = UINT32_MAX - (uint32_t)context->service->dead_lettered;
    if (entry->body.ptr == NULL || entry->body.len == 0)
        return (struct failure){"MissingParameter", "The parameter MessageBody is required."};
    if (entry->body.len > BODY_MAX)
        return (struct failure){"InvalidParameterValue", "The message is too long."};
    if (is_dead_letter(context->call->queue_url)) {
        context->service->dead_lettered++;
    } else {
        struct failure failure = keep(context, entry->body, &number);
        if (failure.code != NULL)
            return failure;
    }
    char id[LOGINS_ID_LEN], md5[LOGINS_MD5_LEN];
    logins_put_id(&context->service->logins, number, id);
    logins_md5(&context->service->logins, entry->body.ptr, entry->body.len, md5);
    PUT(context, "{\"MessageId\":\"");
    context_put(context, (struct le_span){id, sizeof id});
    PUT(context, "\",\"MD5OfMessageBody\":\"");
    context_put(context, (struct le_span){md5, sizeof md5});
    PUT(context, "\"");
    return none;
}

/* --- requests of one --- */

typedef struct failure (*entry_function)(struct context *context, const struct call_entry *entry);

static void run_single(struct context *context, entry_function run)
{
    struct failure failure = run(context, &context->call->single);
    if (failure.code != NULL)
        context_refuse(context, failure.code, failure.message);
    else if (context->reply->out->len > context->reply->start)
        PUT(context, "}");
    else
        PUT(context, "{}");
}

void service_delete(struct context *context)
{
    context->service->delete_requests++;
    run_single(context, delete_one);
}

void service_change(struct context *context)
{
    run_single(context, change_one);
}

void service_send(struct context *context)
{
    run_single(context, send_one);
}

/* --- batches --- */

static bool id_is_valid(struct le_span id)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (id.len == 0 || id.len > ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] == '\0' || strchr(letters, id.ptr[i]) == NULL)
            return false;
    return true;
}

/* Is the entry's id another one than those before it? */
static bool id_is_new(const struct call *call, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (le_span_equal(call->entries[i].id, call->entries[at].id))
            return false;
    return true;
}

/* What SQS checks before it looks at any entry. */
static struct failure check_batch(const struct call *call)
{
    if (call->entry_count == 0)
        return (struct failure){"EmptyBatchRequest", "There is no entry in the request."};
    if (call->entry_count > CALL_ENTRIES_MAX)
        return (struct failure){"TooManyEntriesInBatchRequest", "More than 10 entries."};
    for (size_t i = 0; i < call->entry_count; i++) {
        if (!id_is_valid(call->entries[i].id))
            return (struct failure){"InvalidBatchEntryId", "An entry's id is invalid."};
        if (!id_is_new(call, i))
            return (struct failure){"BatchEntryIdsNotDistinct", "Two entries have the same id."};
    }
    return none;
}

/* Successes are written at once; the failures, few if any, behind them. */
static void put_success(struct context *context, const struct call_entry *entry, size_t start)
{
    if (context->reply->out->len > start)
        PUT(context, ",\"Id\":\""); /* behind what the entry has said itself */
    else
        PUT(context, "{\"Id\":\"");
    context_put(context, entry->id);
    PUT(context, "\"}");
}

static void put_failure(struct context *context, const struct call_entry *entry,
                        struct failure failure)
{
    PUT(context, "{\"Id\":\"");
    context_put(context, entry->id);
    PUT(context, "\",\"SenderFault\":true,\"Code\":\"");
    context_put(context, le_span_of(failure.code));
    PUT(context, "\",\"Message\":\"");
    context_put(context, le_span_of(failure.message));
    PUT(context, "\"}");
}

static void put_failures(struct context *context, const struct failure *failures)
{
    const char *before = ",\"Failed\":[";
    bool any = false;
    for (size_t i = 0; i < context->call->entry_count; i++) {
        if (failures[i].code == NULL)
            continue;
        context_put(context, le_span_of(any ? "," : before));
        put_failure(context, &context->call->entries[i], failures[i]);
        any = true;
    }
    if (any)
        PUT(context, "]");
}

static void run_batch(struct context *context, entry_function run)
{
    const struct call *call = context->call;
    struct failure failures[CALL_ENTRIES_MAX];
    struct failure failure = check_batch(call);
    if (failure.code != NULL) {
        context_refuse(context, failure.code, failure.message);
        return;
    }
    bool any = false;
    PUT(context, "{\"Successful\":[");
    for (size_t i = 0; i < call->entry_count; i++) {
        size_t start = context->reply->out->len;
        if (any)
            PUT(context, ",");
        size_t inside = context->reply->out->len;
        failures[i] = run(context, &call->entries[i]);
        if (failures[i].code == NULL)
            put_success(context, &call->entries[i], inside);
        else
            context->reply->out->len = start;
        any = any || failures[i].code == NULL;
    }
    PUT(context, "]");
    put_failures(context, failures);
    PUT(context, "}");
}

void service_delete_batch(struct context *context)
{
    context->service->delete_requests++;
    run_batch(context, delete_one);
}

void service_change_batch(struct context *context)
{
    run_batch(context, change_one);
}

void service_send_batch(struct context *context)
{
    run_batch(context, send_one);
}
