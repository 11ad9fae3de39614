#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sqs.h"

enum { ENTRIES_MAX = 10, ID_MAX = 80, BYTES_MAX = 1048576 };

struct failure {
    const char *code; /* NULL for success */
    const char *message;
    bool sender;
};

/* Does one entry, or one single request, which has the same keys. `more` gets what its success adds
 * to the answer. */
typedef struct failure (*entry_function)(struct queue *queue, struct json entry, struct text *more);

static const struct failure done = {NULL, NULL, false};

static struct failure bad(enum violation kind, const char *code, const char *message)
{
    violations[kind]++;
    return (struct failure){code, message, true};
}

/* ---- one entry ---- */

static struct failure of_outcome(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_DONE: return done;
    case OUTCOME_BAD_HANDLE:
        return bad(VIOLATION_handle, "ReceiptHandleIsInvalid",
                   "The input receipt handle is invalid.");
    case OUTCOME_NOT_IN_FLIGHT:
        return (struct failure){"InvalidParameterValue",
                                "The message does not exist or is not available for this change.",
                                true};
    }
    abort();
}

static struct failure delete_entry(struct queue *queue, struct json entry, struct text *more)
{
    (void)more;
    struct json handle = json_member(entry, "ReceiptHandle");
    if (handle.type != JSON_STRING)
        return bad(VIOLATION_parameter, "MissingParameter",
                   "The request must contain the parameter ReceiptHandle.");
    return of_outcome(queue_delete(queue, handle.at, handle.length));
}

static struct failure change_entry(struct queue *queue, struct json entry, struct text *more)
{
    (void)more;
    struct json handle = json_member(entry, "ReceiptHandle");
    double visibility;
    if (handle.type != JSON_STRING ||
        !json_number(json_member(entry, "VisibilityTimeout"), 0, 43200, &visibility))
        return bad(VIOLATION_parameter, "InvalidParameterValue",
                   "VisibilityTimeout must be between 0 and 43200.");
    return of_outcome(queue_change(queue, handle.at, handle.length, (unsigned)visibility));
}

static struct failure send_entry(struct queue *queue, struct json entry, struct text *more)
{
    struct text body = {0};
    struct json attributes = json_member(entry, "MessageAttributes");
    struct failure failure = done;
    if (!json_string(json_member(entry, "MessageBody"), &body) || !body.length)
        failure = bad(VIOLATION_parameter, "MissingParameter",
                      "The request must contain the parameter MessageBody.");
    else if (!sqs_body_is_allowed(body.bytes, body.length))
        failure = bad(VIOLATION_parameter, "InvalidMessageContents",
                      "Invalid characters found in the message body.");
    else if (body.length > BYTES_MAX)
        failure = bad(VIOLATION_too_large, "InvalidParameterValue",
                      "Message must be shorter than 1048576 bytes.");
    if (!failure.code) {
        char *copy =
            attributes.type == JSON_OBJECT ? must_copy(attributes.at, attributes.length) : NULL;
        struct message *message = queue_send(queue, body.bytes, body.length, copy);
        text_printf(more, ",\"MessageId\":\"%s\",\"MD5OfMessageBody\":\"%s\"", message->id,
                    message->md5);
    }
    text_free(&body);
    return failure;
}

static entry_function function_of(const char *operation)
{
    return *operation == 'D' ? delete_entry : *operation == 'C' ? change_entry : send_entry;
}

/* ---- a batch ---- */

static bool id_is_valid(struct json id)
{
    if (id.type != JSON_STRING || !id.length || id.length > ID_MAX)
        return false;
    for (size_t i = 0; i < id.length; i++)
        if (!isalnum((unsigned char)id.at[i]) && id.at[i] != '-' && id.at[i] != '_')
            return false;
    return true;
}

static bool same(struct json a, struct json b)
{
    return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

static bool ids_are_distinct(const struct json ids[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (same(ids[i], ids[k]))
                return false;
    return true;
}

static size_t message_bytes(struct json entry)
{
    struct text body = {0};
    json_string(json_member(entry, "MessageBody"), &body);
    size_t length = body.length + json_member(entry, "MessageAttributes").length;
    text_free(&body);
    return length;
}

/* What SQS checks before it looks at any entry. Leaves the entries' ids. */
static struct failure check_entries(struct json entries, struct json ids[ENTRIES_MAX],
                                    size_t *count)
{
    size_t bytes = 0;
    *count = 0;
    for (struct json entry = json_first(entries); entry.type != JSON_NONE;
         entry = json_next(entry)) {
        if (*count == ENTRIES_MAX)
            return bad(VIOLATION_entry_count, "TooManyEntriesInBatchRequest",
                       "Maximum number of entries per request are 10.");
        ids[*count] = json_member(entry, "Id");
        if (!id_is_valid(ids[(*count)++]))
            return bad(VIOLATION_entry_ids, "InvalidBatchEntryId",
                       "A batch entry id can only contain alphanumeric characters, "
                       "hyphens and underscores. It can be at most 80 letters long.");
        bytes += message_bytes(entry);
    }
    if (!*count)
        return bad(VIOLATION_empty_batch, "EmptyBatchRequest",
                   "There should be at least one entry in the request.");
    if (!ids_are_distinct(ids, *count))
        return bad(VIOLATION_entry_ids, "BatchEntryIdsNotDistinct",
                   "Two or more batch entries in the request have the same Id.");
    if (bytes > BYTES_MAX)
        return bad(VIOLATION_too_large, "BatchRequestTooLong",
                   "Batch requests cannot be longer than 1048576 bytes.");
    return done;
}

struct batch {
    const struct request *request;
    struct queue *queue;
    entry_function function;
    struct text successful, failed;
};

/* Counts over all batches, so that an entry that failed because it was every n-th is another one
 * when it is retried. */
static bool every(const struct effects *effects, enum fault fault, uint64_t *counter)
{
    return effect(effects, fault) && ++*counter % (uint64_t)effects->n[fault] == 0;
}

static struct failure do_entry(struct batch *batch, struct json entry, struct text *more)
{
    static uint64_t counter;
    const struct effects *effects = batch->request->effects;
    if (every(effects, FAULT_PARTIAL, &counter))
        return (struct failure){
            effects->code ? effects->code : "InternalError",
            effects->text ? effects->text : "We encountered an internal error. Please try again.",
            effects->sender_fault};
    if (effect(effects, FAULT_PRETEND))
        return done;
    return batch->function(batch->queue, entry, more);
}

static void put_entry(struct batch *batch, struct json id, const struct failure *failure,
                      struct text *more)
{
    struct text *out = failure->code ? &batch->failed : &batch->successful;
    text_puts(out, out->length ? ",{\"Id\":\"" : "{\"Id\":\"");
    text_add(out, id.at, id.length);
    text_puts(out, "\"");
    if (failure->code) {
        text_printf(out, ",\"SenderFault\":%s,\"Code\":\"%s\",\"Message\":\"",
                    failure->sender ? "true" : "false", failure->code);
        text_escape(out, failure->message, strlen(failure->message));
        text_puts(out, "\"");
    }
    text_add(out, more->bytes, more->length);
    text_puts(out, "}");
}

static void do_entries(struct batch *batch, struct json entries, const struct json ids[])
{
    static uint64_t counter;
    struct text more = {0};
    size_t i = 0;
    for (struct json entry = json_first(entries); entry.type != JSON_NONE;
         entry = json_next(entry), i++) {
        text_clear(&more);
        struct failure failure = do_entry(batch, entry, &more);
        if (!every(batch->request->effects, FAULT_OMIT, &counter))
            put_entry(batch, ids[i], &failure, &more);
    }
    text_free(&more);
}

static void put_batch(struct batch *batch, struct text *out)
{
    text_puts(out, "{");
    if (batch->successful.length) {
        text_puts(out, "\"Successful\":[");
        text_add(out, batch->successful.bytes, batch->successful.length);
        text_puts(out, batch->failed.length ? "]," : "]");
    }
    if (batch->failed.length) {
        text_puts(out, "\"Failed\":[");
        text_add(out, batch->failed.bytes, batch->failed.length);
        text_puts(out, "]");
    }
    text_puts(out, "}");
    text_free(&batch->successful);
    text_free(&batch->failed);
}

static void one_entry(struct request *request, struct queue *queue, struct json body)
{
    struct text more = {0};
    struct failure failure = function_of(request->operation)(queue, body, &more);
    if (failure.code)
        sqs_error(&request->answer, 400, failure.code, failure.message);
    else
        text_puts(&request->answer.body, "{");
    if (!failure.code) {
        text_add(&request->answer.body, more.length ? more.bytes + 1 : "",
                 more.length ? more.length - 1 : 0);
        text_puts(&request->answer.body, "}");
    }
    text_free(&more);
}

void sqs_batch(struct request *request, struct queue *queue, struct json body)
{
    struct json ids[ENTRIES_MAX], entries = json_member(body, "Entries");
    struct batch batch = {
        .request = request, .queue = queue, .function = function_of(request->operation)};
    size_t count;
    if (!strstr(request->operation, "Batch")) {
        one_entry(request, queue, body);
        return;
    }
    struct failure failure = check_entries(entries, ids, &count);
    if (failure.code) {
        sqs_error(&request->answer, 400, failure.code, failure.message);
        return;
    }
    do_entries(&batch, entries, ids);
    put_batch(&batch, &request->answer.body);
}
