#include "service_internal.h"

#include <string.h>

#define ACCOUNT      "000000000000"
#define ARN          "arn:aws:sqs:us-east-1:" ACCOUNT ":"
#define NAME_MAX_LEN 80
#define RECEIVES     "1000" /* the server moves no message itself: who receives it does */

/* The last part of a URL; all that is a letter of a queue's name, so that it needs no escape. */
static struct le_span name_in(struct le_span text)
{
    static const struct le_span bench = {"bench", 5};
    const char *slash = text.ptr != NULL ? memrchr(text.ptr, '/', text.len) : NULL;
    const char *start = slash != NULL ? slash + 1 : text.ptr;
    size_t len = start != NULL ? (size_t)(text.ptr + text.len - start) : 0;
    if (len == 0 || len > NAME_MAX_LEN)
        return bench;
    for (size_t i = 0; i < len; i++)
        if (!strchr("-_.", start[i]) && !((start[i] | 32) >= 'a' && (start[i] | 32) <= 'z') &&
            !(start[i] >= '0' && start[i] <= '9'))
            return bench;
    return (struct le_span){start, len};
}

void service_queue_url(struct context *context)
{
    struct le_span host = context->host;
    PUT(context, "{\"QueueUrl\":\"");
    context_put(context, le_span_of(context->service->scheme));
    PUT(context, "://");
    for (size_t i = 0; i < host.len; i++) /* it came from outside and goes into JSON */
        if (strchr("\"\\", host.ptr[i]) != NULL || (unsigned char)host.ptr[i] < 0x20)
            host.len = 0;
    context_put(context, host);
    PUT(context, "/" ACCOUNT "/");
    context_put(context, name_in(context->call->queue_name));
    PUT(context, "\"}");
}

/* --- attributes --- */

static void put_redrive(struct context *context, struct le_span name)
{
    PUT(context, "{\\\"deadLetterTargetArn\\\":\\\"" ARN);
    context_put(context, name);
    PUT(context, "-dlq\\\",\\\"maxReceiveCount\\\":\\\"" RECEIVES "\\\"}");
}

static void put_value(struct context *context, enum call_attribute attribute, struct le_span name)
{
    const struct service *service = context->service;
    bool dead = is_dead_letter(name);
    switch (attribute) {
    case CALL_ApproximateNumberOfMessages:
        context_number(context, dead ? service->dead_lettered
                                     : queue_visible(&service->queue, context->now_ns));
        return;
    case CALL_ApproximateNumberOfMessagesNotVisible:
        context_number(context, dead ? 0 : service->queue.in_flight);
        return;
    case CALL_ApproximateNumberOfMessagesDelayed:
    case CALL_ReceiveMessageWaitTimeSeconds: PUT(context, "0"); return;
    case CALL_VisibilityTimeout: context_number(context, service->visibility_s); return;
    case CALL_MaximumMessageSize: PUT(context, "1048576"); return;
    case CALL_QueueArn:
        PUT(context, ARN);
        context_put(context, name);
        return;
    case CALL_RedrivePolicy: put_redrive(context, name); return;
    case CALL_SenderId:
    case CALL_SentTimestamp:
    case CALL_ApproximateReceiveCount:
    case CALL_ATTRIBUTE_COUNT: return;
    }
}

static bool has(const struct context *context, enum call_attribute attribute, struct le_span name)
{
    if (attribute < CALL_ApproximateNumberOfMessages)
        return false; /* a message's */
    if (attribute == CALL_RedrivePolicy && (!context->service->redrives || is_dead_letter(name)))
        return false;
    return context->call->attributes & UINT32_C(1) << attribute;
}

void service_attributes(struct context *context)
{
    struct le_span name = name_in(context->call->queue_url);
    const char *comma = "";
    PUT(context, "{\"Attributes\":{");
    for (unsigned i = 0; i < CALL_ATTRIBUTE_COUNT; i++) {
        if (!has(context, i, name))
            continue;
        context_put(context, le_span_of(comma));
        PUT(context, "\"");
        context_put(context, le_span_of(call_attribute_names[i]));
        PUT(context, "\":\"");
        put_value(context, i, name);
        PUT(context, "\"");
        comma = ",";
    }
    PUT(context, "}}");
}
