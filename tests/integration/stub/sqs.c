#include "sqs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNT "000000000000"
#define ARN     "arn:aws:sqs:us-east-1:" ACCOUNT ":"

enum operation {
    SEND,
    SEND_BATCH,
    RECEIVE,
    DELETE,
    DELETE_BATCH,
    CHANGE,
    CHANGE_BATCH,
    GET_URL,
    GET_ATTRIBUTES,
    SET_ATTRIBUTES,
    CREATE,
    PURGE,
    OPERATIONS
};

static const char *const operations[OPERATIONS] = {
    [SEND] = "SendMessage",
    [SEND_BATCH] = "SendMessageBatch",
    [RECEIVE] = "ReceiveMessage",
    [DELETE] = "DeleteMessage",
    [DELETE_BATCH] = "DeleteMessageBatch",
    [CHANGE] = "ChangeMessageVisibility",
    [CHANGE_BATCH] = "ChangeMessageVisibilityBatch",
    [GET_URL] = "GetQueueUrl",
    [GET_ATTRIBUTES] = "GetQueueAttributes",
    [SET_ATTRIBUTES] = "SetQueueAttributes",
    [CREATE] = "CreateQueue",
    [PURGE] = "PurgeQueue",
};

static uint64_t requests[OPERATIONS];
static const char *url_base = "";

const char *const violation_names[VIOLATION_KINDS] = {
#define X(name) #name,
    VIOLATIONS(X)
#undef X
};
uint64_t violations[VIOLATION_KINDS];

void sqs_url_base(const char *base)
{
    url_base = base;
}

const char *sqs_queue_url(const struct queue *queue)
{
    static char url[512];
    snprintf(url, sizeof url, "%s/" ACCOUNT "/%s", url_base, queue->name);
    return url;
}

const char *sqs_operation(const char *target)
{
    static const char service[] = "AmazonSQS.";
    if (!target || strncmp(target, service, sizeof service - 1) != 0)
        return NULL;
    for (int i = 0; i < OPERATIONS; i++)
        if (!strcmp(target + sizeof service - 1, operations[i]))
            return operations[i];
    return NULL;
}

void sqs_requests_list(struct text *out)
{
    text_puts(out, "{");
    for (int i = 0; i < OPERATIONS; i++)
        text_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "", operations[i], requests[i]);
    text_puts(out, "}");
}

void sqs_error(struct answer *answer, int status, const char *code, const char *message)
{
    answer->status = status;
    snprintf(answer->code, sizeof answer->code, "%s", code);
    text_clear(&answer->body);
    text_printf(&answer->body, "{\"__type\":\"com.amazonaws.sqs#%s\",\"message\":\"", code);
    text_escape(&answer->body, message, strlen(message));
    text_puts(&answer->body, "\"}");
}

void sqs_violation(struct answer *answer, enum violation kind, const char *code,
                   const char *message)
{
    violations[kind]++;
    sqs_error(answer, 400, code, message);
}

bool sqs_body_is_allowed(const char *body, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)body[i] < 0x20 && body[i] != '\t' && body[i] != '\n' && body[i] != '\r')
            return false;
    return true;
}

/* ---- queues ---- */

static struct queue *queue_of(struct json body)
{
    struct text url = {0};
    struct queue *queue = NULL;
    if (json_string(json_member(body, "QueueUrl"), &url)) {
        const char *slash = strrchr(text_string(&url), '/');
        const char *name = slash ? slash + 1 : url.bytes;
        queue = queue_find(name, strlen(name));
    }
    text_free(&url);
    return queue;
}

static void answer_url(struct request *request, const struct queue *queue)
{
    if (queue)
        text_printf(&request->answer.body, "{\"QueueUrl\":\"%s\"}", sqs_queue_url(queue));
    else
        sqs_error(&request->answer, 400, "QueueDoesNotExist",
                  "The specified queue does not exist.");
}

static void get_url(struct request *request, struct json body)
{
    char *name = json_copy(json_member(body, "QueueName"));
    answer_url(request, name ? queue_find(name, strlen(name)) : NULL);
    free(name);
}

static bool redrive_parts(struct json policy, char **arn, double *receives)
{
    *arn = json_copy(json_member(policy, "deadLetterTargetArn"));
    return *arn && !strncmp(*arn, ARN, sizeof ARN - 1) &&
           json_number(json_member(policy, "maxReceiveCount"), 1, 1000, receives);
}

bool sqs_set_redrive(struct queue *queue, const char *policy, size_t length)
{
    char *arn;
    double receives = 0;
    if (!length) { /* an empty policy takes it away, as in SQS */
        queue->dead_letters = NULL;
        return true;
    }
    bool read = redrive_parts(json_parse(policy, length), &arn, &receives);
    struct queue *target =
        read ? queue_find(arn + sizeof ARN - 1, strlen(arn) - sizeof ARN + 1) : NULL;
    free(arn);
    if (!target)
        return false;
    queue->dead_letters = target;
    queue->receives_max = (unsigned)receives;
    return true;
}

/* The redrive policy comes last: it is a document of its own, and its tokens replace the request's.
 */
static bool set_attributes(struct queue *queue, struct json attributes)
{
    double visibility = queue->visibility_s, wait = queue->wait_s;
    struct json value = json_member(attributes, "VisibilityTimeout");
    if (value.type != JSON_NONE && !json_number(value, 0, 43200, &visibility))
        return false;
    value = json_member(attributes, "ReceiveMessageWaitTimeSeconds");
    if (value.type != JSON_NONE && !json_number(value, 0, 20, &wait))
        return false;
    queue->visibility_s = (unsigned)visibility;
    queue->wait_s = (unsigned)wait;
    char *policy = json_copy(json_member(attributes, "RedrivePolicy"));
    bool done = !policy || sqs_set_redrive(queue, policy, strlen(policy));
    free(policy);
    return done;
}

static void set_or_refuse(struct request *request, struct queue *queue, struct json attributes)
{
    if (!set_attributes(queue, attributes))
        sqs_violation(&request->answer, VIOLATION_parameter, "InvalidAttributeValue",
                      "An attribute's value is invalid.");
}

static void create(struct request *request, struct json body)
{
    char *name = json_copy(json_member(body, "QueueName"));
    struct queue *queue = name ? queue_create(name, strlen(name)) : NULL;
    free(name);
    if (!queue) {
        sqs_violation(&request->answer, VIOLATION_parameter, "InvalidParameterValue",
                      "The queue name is invalid.");
        return;
    }
    answer_url(request, queue);
    set_or_refuse(request, queue, json_member(body, "Attributes"));
}

/* ---- attributes ---- */

static void put_redrive(struct text *out, const struct queue *queue)
{
    text_printf(out, "{\\\"deadLetterTargetArn\\\":\\\"" ARN "%s\\\",\\\"maxReceiveCount\\\":%u}",
                queue->dead_letters->name, queue->receives_max);
}

enum attribute {
    VISIBLE,
    NOT_VISIBLE,
    DELAYED,
    VISIBILITY,
    WAIT,
    QUEUE_ARN,
    CREATED,
    MODIFIED,
    SIZE_MAX_,
    RETENTION,
    DELAY,
    REDRIVE,
    ATTRIBUTES
};

static const char *const attributes[ATTRIBUTES] = {
    [VISIBLE] = "ApproximateNumberOfMessages",
    [NOT_VISIBLE] = "ApproximateNumberOfMessagesNotVisible",
    [DELAYED] = "ApproximateNumberOfMessagesDelayed",
    [VISIBILITY] = "VisibilityTimeout",
    [WAIT] = "ReceiveMessageWaitTimeSeconds",
    [QUEUE_ARN] = "QueueArn",
    [CREATED] = "CreatedTimestamp",
    [MODIFIED] = "LastModifiedTimestamp",
    [SIZE_MAX_] = "MaximumMessageSize",
    [RETENTION] = "MessageRetentionPeriod",
    [DELAY] = "DelaySeconds",
    [REDRIVE] = "RedrivePolicy",
};

static void put_value(struct text *out, const struct queue *queue, enum attribute attribute)
{
    switch (attribute) {
    case VISIBLE: text_printf(out, "%" PRIu64, queue_visible(queue)); return;
    case NOT_VISIBLE: text_printf(out, "%zu", queue->leases.count); return;
    case VISIBILITY: text_printf(out, "%u", queue->visibility_s); return;
    case WAIT: text_printf(out, "%u", queue->wait_s); return;
    case QUEUE_ARN: text_printf(out, ARN "%s", queue->name); return;
    case CREATED:
    case MODIFIED: text_printf(out, "%" PRId64, queue->created_ms / 1000); return;
    case SIZE_MAX_: text_puts(out, "1048576"); return;
    case RETENTION: text_puts(out, "345600"); return;
    case REDRIVE: put_redrive(out, queue); return;
    case DELAYED:
    case DELAY:
    case ATTRIBUTES: text_puts(out, "0"); return;
    }
}

static void put_attribute(struct text *out, const struct queue *queue, enum attribute attribute)
{
    if (attribute == REDRIVE && !queue->dead_letters)
        return;
    text_printf(out, "%s\"%s\":\"", out->bytes[out->length - 1] == '{' ? "" : ",",
                attributes[attribute]);
    put_value(out, queue, attribute);
    text_puts(out, "\"");
}

static bool put_named(struct text *out, const struct queue *queue, struct json name)
{
    for (int i = 0; i < ATTRIBUTES; i++)
        if (json_is(name, attributes[i])) {
            put_attribute(out, queue, (enum attribute)i);
            return true;
        }
    if (!json_is(name, "All"))
        return false;
    for (int i = 0; i < ATTRIBUTES; i++)
        put_attribute(out, queue, (enum attribute)i);
    return true;
}

bool sqs_get_attributes(struct request *request, struct queue *queue, struct json body)
{
    struct json name = json_first(json_member(body, "AttributeNames"));
    queue_expire(queue, monotonic_us());
    text_puts(&request->answer.body, "{\"Attributes\":{");
    for (; name.type != JSON_NONE; name = json_next(name))
        if (!put_named(&request->answer.body, queue, name)) {
            sqs_violation(&request->answer, VIOLATION_parameter, "InvalidAttributeName",
                          "Unknown Attribute.");
            return true;
        }
    text_puts(&request->answer.body, "}}");
    return true;
}

/* ---- dispatch ---- */

static int index_of(const char *operation)
{
    int i = 0;
    while (operations[i] != operation)
        i++;
    return i;
}

static bool on_queue(struct request *request, enum operation operation, struct queue *queue,
                     struct json body)
{
    switch (operation) {
    case RECEIVE: return sqs_start_receive(request, queue, body);
    case GET_ATTRIBUTES: return sqs_get_attributes(request, queue, body);
    case SET_ATTRIBUTES:
        set_or_refuse(request, queue, json_member(body, "Attributes"));
        return true;
    case PURGE: queue_purge(queue); return true;
    case SEND:
    case SEND_BATCH:
    case DELETE:
    case DELETE_BATCH:
    case CHANGE:
    case CHANGE_BATCH: sqs_batch(request, queue, body); return true;
    case GET_URL:
    case CREATE:
    case OPERATIONS: break;
    }
    abort();
}

bool sqs_handle(struct request *request)
{
    enum operation operation = (enum operation)index_of(request->operation);
    requests[operation]++;
    request->answer.status = 200;
    struct json body = json_parse(request->body, request->length);
    if (body.type != JSON_OBJECT) {
        sqs_violation(&request->answer, VIOLATION_json, "SerializationException",
                      "The request is not JSON.");
        return true;
    }
    if (operation == GET_URL || operation == CREATE) {
        (operation == CREATE ? create : get_url)(request, body);
        return true;
    }
    struct queue *queue = queue_of(body);
    if (queue)
        return on_queue(request, operation, queue, body);
    sqs_error(&request->answer, 400, "QueueDoesNotExist", "The specified queue does not exist.");
    return true;
}
