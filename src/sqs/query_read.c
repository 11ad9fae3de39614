/* Answers of the Query protocol: <XResponse><XResult>…</XResult>…</XResponse>. */
#include "loginetl/sqs/answer.h"
#include "loginetl/sqs/json.h"
#include "loginetl/sqs/query.h"
#include "loginetl/sqs/xml.h"

#include <assert.h>

/* What an element is, told by its name; where it counts, by its depth too. */
enum element {
    OTHER = 0,
    RESPONSE,
    RESULT,
    MESSAGE,
    ATTRIBUTE,
    NAME,
    VALUE,
    MESSAGE_ID,
    RECEIPT_HANDLE,
    BODY_MD5,
    BODY,
    QUEUE_URL,
    DONE_ENTRY,
    FAILED_ENTRY,
    ID,
    SENDER_FAULT,
    CODE,
    ERROR_ELEMENT
};

static const struct {
    struct le_span name;
    enum element element;
} elements[] = {
    {LE_SPAN_LIT("Message"), MESSAGE},
    {LE_SPAN_LIT("Attribute"), ATTRIBUTE},
    {LE_SPAN_LIT("Name"), NAME},
    {LE_SPAN_LIT("Value"), VALUE},
    {LE_SPAN_LIT("MessageId"), MESSAGE_ID},
    {LE_SPAN_LIT("ReceiptHandle"), RECEIPT_HANDLE},
    {LE_SPAN_LIT("MD5OfBody"), BODY_MD5},
    {LE_SPAN_LIT("Body"), BODY},
    {LE_SPAN_LIT("QueueUrl"), QUEUE_URL},
    {LE_SPAN_LIT("DeleteMessageBatchResultEntry"), DONE_ENTRY},
    {LE_SPAN_LIT("ChangeMessageVisibilityBatchResultEntry"), DONE_ENTRY},
    {LE_SPAN_LIT("SendMessageBatchResultEntry"), DONE_ENTRY},
    {LE_SPAN_LIT("BatchResultErrorEntry"), FAILED_ENTRY},
    {LE_SPAN_LIT("Id"), ID},
    {LE_SPAN_LIT("SenderFault"), SENDER_FAULT},
    {LE_SPAN_LIT("Code"), CODE},
    {LE_SPAN_LIT("Error"), ERROR_ELEMENT},
    {LE_SPAN_LIT("GetQueueUrlResult"), RESULT},
    {LE_SPAN_LIT("GetQueueAttributesResult"), RESULT},
    {LE_SPAN_LIT("ReceiveMessageResult"), RESULT},
    {LE_SPAN_LIT("DeleteMessageBatchResult"), RESULT},
    {LE_SPAN_LIT("ChangeMessageVisibilityBatchResult"), RESULT},
    {LE_SPAN_LIT("SendMessageBatchResult"), RESULT},
};

#define ELEMENT_COUNT (sizeof elements / sizeof elements[0])

/* The answer that is being read; what follows path is there for one kind of it each. */
struct answer {
    const char *const *responses; /* names of the outermost element, NULL at the end; NULL: any */
    enum element path[LE_XML_DEPTH_MAX];
    bool (*opened)(struct answer *answer, enum element element, size_t depth); /* may be NULL */
    bool (*closed)(struct answer *answer, enum element element, size_t depth, struct le_span text);
    struct le_span name, value; /* of the attribute that is open */

    struct le_span *queue_url;
    struct le_sqs_queue_attributes *attributes;
    struct le_sqs_message *messages;
    struct le_sqs_entry_result *results;
    size_t count; /* of messages so far; of results asked for */
    struct le_span id;
    struct le_sqs_entry_result result; /* the entry that is open */
    struct le_span code;
};

static enum element element_of(struct le_span name)
{
    for (size_t i = 0; i < ELEMENT_COUNT; i++) {
        if (le_span_equal(name, elements[i].name))
            return elements[i].element;
    }
    return OTHER;
}

static bool is_response(const struct answer *answer, struct le_span name)
{
    if (answer->responses == NULL)
        return true;
    for (const char *const *response = answer->responses; *response != NULL; response++) {
        if (le_span_is(name, *response))
            return true;
    }
    return false;
}

static bool on_open(void *self, size_t depth, struct le_span name)
{
    struct answer *answer = self;
    assert(depth < LE_XML_DEPTH_MAX);
    if (depth == 0) {
        answer->path[0] = answer->responses == NULL ? element_of(name) : RESPONSE;
        return is_response(answer, name);
    }
    enum element element = element_of(name);
    answer->path[depth] = element;
    return answer->opened == NULL || answer->opened(answer, element, depth);
}

static bool on_close(void *self, size_t depth, struct le_span name, struct le_span text)
{
    struct answer *answer = self;
    (void)name;
    return depth == 0 || answer->closed(answer, answer->path[depth], depth, text);
}

/* Is the element at depth the result's child? */
static bool is_in_result(const struct answer *answer, size_t depth)
{
    return depth == 2 && answer->path[1] == RESULT;
}

/* Is it the child of such a child? */
static bool is_within(const struct answer *answer, size_t depth, enum element parent)
{
    return depth == 3 && answer->path[1] == RESULT && answer->path[2] == parent;
}

static enum le_err read_answer(char *text, size_t len, struct answer *answer)
{
    const struct le_xml_visitor visitor = {.open = on_open, .close = on_close, .self = answer};
    return le_xml_read(text, len, &visitor);
}

/* ---- look-ups ---- */

static bool close_queue_url(struct answer *answer, enum element element, size_t depth,
                            struct le_span text)
{
    if (element == QUEUE_URL && is_in_result(answer, depth))
        *answer->queue_url = text;
    return true;
}

enum le_err le_sqs_query_read_queue_url(char *text, size_t len, struct le_span *queue_url)
{
    static const char *const responses[] = {"GetQueueUrlResponse", NULL};
    struct answer answer = {
        .responses = responses, .closed = close_queue_url, .queue_url = queue_url};
    *queue_url = LE_SPAN_NONE;
    enum le_err err = read_answer(text, len, &answer);
    return err == LE_OK && queue_url->len == 0 ? LE_ERR_PROTOCOL : err;
}

/* An attribute's two halves; true when it is whole. */
static bool close_attribute(struct answer *answer, enum element element, struct le_span text)
{
    if (element == NAME)
        answer->name = text;
    else if (element == VALUE)
        answer->value = text;
    return element == ATTRIBUTE;
}

static void open_attribute(struct answer *answer)
{
    answer->name = answer->value = LE_SPAN_NONE;
}

static bool open_queue_attribute(struct answer *answer, enum element element, size_t depth)
{
    if (element == ATTRIBUTE && is_in_result(answer, depth))
        open_attribute(answer);
    return true;
}

static bool close_queue_attribute(struct answer *answer, enum element element, size_t depth,
                                  struct le_span text)
{
    bool whole = element == ATTRIBUTE && is_in_result(answer, depth);
    bool half = element != ATTRIBUTE && is_within(answer, depth, ATTRIBUTE);
    if ((whole || half) && close_attribute(answer, element, text))
        le_sqs_set_attribute(answer->attributes, answer->name, answer->value);
    return true;
}

enum le_err le_sqs_query_read_queue_attributes(char *text, size_t len,
                                               struct le_sqs_queue_attributes *out)
{
    static const char *const responses[] = {"GetQueueAttributesResponse", NULL};
    struct answer answer = {.responses = responses,
                            .opened = open_queue_attribute,
                            .closed = close_queue_attribute,
                            .attributes = out};
    le_sqs_clear_attributes(out);
    if (len == 0)
        return LE_OK;
    enum le_err err = read_answer(text, len, &answer);
    if (err == LE_OK)
        le_sqs_read_redrive(out);
    return err;
}

/* ---- messages ---- */

static bool open_in_message(struct answer *answer, enum element element, size_t depth)
{
    if (element == ATTRIBUTE && is_within(answer, depth, MESSAGE))
        open_attribute(answer);
    if (element != MESSAGE || !is_in_result(answer, depth))
        return true;
    if (answer->count == LE_SQS_BATCH_MAX)
        return false;
    le_sqs_clear_message(&answer->messages[answer->count]);
    return true;
}

static void keep_system_attribute(const struct answer *answer, struct le_sqs_message *message)
{
    if (le_span_is(answer->name, "SentTimestamp"))
        message->sent_at_ms = le_sqs_number(answer->value, LE_SQS_SENT_AT_MS_MAX, -1);
    else if (le_span_is(answer->name, "ApproximateReceiveCount"))
        message->receive_count = (uint32_t)le_sqs_number(answer->value, UINT32_MAX, 0);
    else if (le_span_is(answer->name, "MessageGroupId"))
        message->group_id = answer->value;
}

static void close_member(struct answer *answer, enum element element, struct le_span text)
{
    struct le_sqs_message *message = &answer->messages[answer->count];
    if (element == BODY) {
        message->body = (char *)(uintptr_t)text.ptr;
        message->body_len = text.len;
    } else if (element == RECEIPT_HANDLE) {
        message->receipt_handle = text;
    } else if (element == MESSAGE_ID) {
        message->message_id = text;
    } else if (element == BODY_MD5) {
        message->body_md5 = text;
    } else if (element == ATTRIBUTE) {
        keep_system_attribute(answer, message);
    }
}

/* False when it is not a whole message. */
static bool close_message(struct answer *answer)
{
    const struct le_sqs_message *message = &answer->messages[answer->count];
    bool whole =
        message->message_id.len > 0 && message->receipt_handle.len > 0 && message->body != NULL;
    if (whole)
        answer->count++;
    return whole;
}

static bool close_in_message(struct answer *answer, enum element element, size_t depth,
                             struct le_span text)
{
    bool in_attribute = depth == 4 && is_within(answer, 3, MESSAGE) && answer->path[3] == ATTRIBUTE;
    if (in_attribute)
        (void)close_attribute(answer, element == ATTRIBUTE ? OTHER : element, text);
    else if (is_within(answer, depth, MESSAGE))
        close_member(answer, element, text);
    else if (element == MESSAGE && is_in_result(answer, depth))
        return close_message(answer);
    return true;
}

enum le_err le_sqs_query_read_messages(char *text, size_t len,
                                       struct le_sqs_message out[LE_SQS_BATCH_MAX], size_t *count)
{
    static const char *const responses[] = {"ReceiveMessageResponse", NULL};
    struct answer answer = {.responses = responses,
                            .opened = open_in_message,
                            .closed = close_in_message,
                            .messages = out};
    *count = 0;
    if (len == 0)
        return LE_OK;
    enum le_err err = read_answer(text, len, &answer);
    *count = answer.count;
    return err;
}

/* ---- batches ---- */

static bool open_entry(struct answer *answer, enum element element, size_t depth)
{
    bool entry = element == DONE_ENTRY || element == FAILED_ENTRY;
    if (!entry || !is_in_result(answer, depth))
        return true;
    answer->id = LE_SPAN_NONE;
    answer->result = (struct le_sqs_entry_result){
        .outcome = element == DONE_ENTRY ? LE_SQS_ENTRY_OK : LE_SQS_ENTRY_FAILED,
        .code = LE_SPAN_NONE};
    return true;
}

static void close_entry_member(struct answer *answer, enum element element, struct le_span text)
{
    if (element == ID)
        answer->id = text;
    else if (element == CODE)
        answer->result.code = le_sqs_code_word(text);
    else if (element == SENDER_FAULT)
        answer->result.sender_fault = le_span_is(text, "true") || le_span_is(text, "1");
}

static bool close_in_batch(struct answer *answer, enum element element, size_t depth,
                           struct le_span text)
{
    bool entry = element == DONE_ENTRY || element == FAILED_ENTRY;
    if (entry && is_in_result(answer, depth))
        return le_sqs_keep_entry(answer->id, &answer->result, answer->results, answer->count);
    if (is_within(answer, depth, DONE_ENTRY) || is_within(answer, depth, FAILED_ENTRY))
        close_entry_member(answer, element, text);
    return true;
}

enum le_err le_sqs_query_read_batch(char *text, size_t len, struct le_sqs_entry_result *out,
                                    size_t count)
{
    static const char *const responses[] = {"DeleteMessageBatchResponse",
                                            "ChangeMessageVisibilityBatchResponse",
                                            "SendMessageBatchResponse", NULL};
    struct answer answer = {.responses = responses,
                            .opened = open_entry,
                            .closed = close_in_batch,
                            .results = out,
                            .count = count};
    assert(count <= LE_SQS_BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        out[i] =
            (struct le_sqs_entry_result){.outcome = LE_SQS_ENTRY_MISSING, .code = LE_SPAN_NONE};
    return len == 0 ? LE_OK : read_answer(text, len, &answer);
}

/* ---- errors ---- */

/* <ErrorResponse><Error><Code>, <Response><Errors><Error><Code> or <Error><Code>; the first code
 * counts. */
static bool close_in_error(struct answer *answer, enum element element, size_t depth,
                           struct le_span text)
{
    if (element == CODE && answer->path[depth - 1] == ERROR_ELEMENT && answer->code.ptr == NULL)
        answer->code = le_sqs_code_word(text);
    return true;
}

/* A body that is cut or not XML at all may still have begun with a code: what was found counts. */
struct le_span le_sqs_query_read_error(char *text, size_t len, struct le_span query_error_header)
{
    struct answer answer = {.closed = close_in_error, .code = LE_SPAN_NONE};
    if (len > 0 && text[0] == '{')
        return le_sqs_json_read_error(text, len, query_error_header);
    if (len > 0 && read_answer(text, len, &answer) == LE_ERR_NOMEM)
        answer.code = LE_SPAN_NONE;
    return answer.code.ptr != NULL ? answer.code : le_sqs_code_word(query_error_header);
}
