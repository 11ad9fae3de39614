#include "service_internal.h"

#include <string.h>

/* Backlogs are a tenth of a millisecond apart, as if they had come at ten thousand a second. */
#define BACKLOG_STEP_NS 100000

enum le_err service_init(struct service *service, uint32_t messages, int64_t now_ns,
                         int64_t wall_ns)
{
    enum le_err err = queue_init(&service->queue, now_ns);
    if (err == LE_OK)
        err = logins_init(&service->logins);
    if (err == LE_OK)
        err = sent_init(&service->sent);
    service->queue.arrivals.wall_ns = wall_ns;
    if (err == LE_OK)
        err = arrivals_add(&service->queue.arrivals, messages, BACKLOG_STEP_NS, now_ns);
    return err;
}

void service_free(struct service *service)
{
    queue_free(&service->queue);
    logins_free(&service->logins);
    sent_free(&service->sent);
}

/* --- writing --- */

void context_put(struct context *context, struct le_span text)
{
    if (context->err == LE_OK)
        context->err = le_buf_append_span(context->reply->out, text);
}

void context_number(struct context *context, uint64_t number)
{
    if (context->err == LE_OK)
        context->err = le_buf_append_u64(context->reply->out, number);
}

void context_refuse(struct context *context, const char *code, const char *message)
{
    struct reply *reply = context->reply;
    reply->status = 400;
    reply->error = code;
    reply->out->len = reply->start;
    context->err = le_buf_printf(
        reply->out, "{\"__type\":\"com.amazonaws.sqs#%s\",\"message\":\"%s\"}", code, message);
}

bool is_dead_letter(struct le_span queue)
{
    return queue.len >= 4 && memcmp(queue.ptr + queue.len - 4, "-dlq", 4) == 0;
}

/* --- operations --- */

static const struct operation {
    const char *name;
    void (*run)(struct context *context);
} operations[] = {
    {"ReceiveMessage", NULL}, /* the one that can wait */
    {"DeleteMessageBatch", service_delete_batch},
    {"DeleteMessage", service_delete},
    {"ChangeMessageVisibilityBatch", service_change_batch},
    {"ChangeMessageVisibility", service_change},
    {"SendMessageBatch", service_send_batch},
    {"SendMessage", service_send},
    {"GetQueueUrl", service_queue_url},
    {"CreateQueue", service_queue_url}, /* whatever its name, it is there */
    {"GetQueueAttributes", service_attributes},
};

static const struct operation *find(struct le_span name)
{
    static const char prefix[] = "AmazonSQS.";
    const size_t len = sizeof prefix - 1;
    if (name.len < len || memcmp(name.ptr, prefix, len) != 0)
        return NULL;
    name = (struct le_span){name.ptr + len, name.len - len};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (le_span_is(name, operations[i].name))
            return &operations[i];
    return NULL;
}

static enum service_progress finish(const struct context *context)
{
    if (context->err != LE_OK)
        return SERVICE_FAILED;
    context->service->refused += context->reply->error != NULL;
    return SERVICE_ANSWERED;
}

enum service_progress service_call(struct service *service, struct le_span operation, char *body,
                                   size_t len, struct le_span host, int64_t now_ns,
                                   struct reply *reply, struct receive *receive)
{
    struct call call;
    struct context context = {service, &call, host, now_ns, reply, LE_OK};
    const struct operation *found = find(operation);
    reply->status = 200;
    reply->error = NULL;
    service->requests++;
    if (service->first_request_ns == 0)
        service->first_request_ns = now_ns;
    if (found == NULL)
        context_refuse(&context, "UnknownOperationException", "Not an operation of this server.");
    else if (call_read(&call, body, len) != LE_OK)
        context_refuse(&context, "SerializationException", "Not a JSON object.");
    else if (found->run != NULL)
        found->run(&context);
    else if (!service_start_receive(&context, receive))
        return SERVICE_WAITS;
    return finish(&context);
}
