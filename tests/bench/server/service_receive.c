#include "handle.h"
#include "service_internal.h"

#include "loginetl/base/json.h"

#include <string.h>

#define BYTES_SOFT_MAX (1024 * 1024) /* an answer of this size gets no further message */
#define AROUND         1024          /* what stands around a body, and more */
#define VISIBILITY_MAX 43200
#define WAIT_MAX       20

/* --- one message --- */

static char *put(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

#define LITERAL(out, literal) put(out, literal, sizeof(literal) - 1)

static char *put_number(char *out, uint64_t number)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return put(out, at, (size_t)(digits + sizeof digits - at));
}

static char *put_ids(const struct service *service, struct delivery delivery, char *out)
{
    out = LITERAL(out, "{\"MessageId\":\"");
    logins_put_id(&service->logins, delivery.number, out);
    out = LITERAL(out + LOGINS_ID_LEN, "\",\"ReceiptHandle\":\"");
    handle_put(delivery, out);
    return LITERAL(out + HANDLE_LEN, "\",\"MD5OfBody\":\"");
}

static char *put_attributes(char *out, uint32_t wanted, int64_t sent_ms, uint32_t receives)
{
    const char *start;
    out = LITERAL(out, ",\"Attributes\":{");
    start = out;
    if (wanted & 1U << CALL_SenderId)
        out = LITERAL(out, "\"SenderId\":\"AIDAIENQZJOLO23YVJ4VO\",");
    if (wanted & 1U << CALL_SentTimestamp) {
        out = put_number(LITERAL(out, "\"SentTimestamp\":\""), (uint64_t)sent_ms);
        out = LITERAL(out, "\",");
    }
    if (wanted & 1U << CALL_ApproximateReceiveCount) {
        out = put_number(LITERAL(out, "\"ApproximateReceiveCount\":\""), receives);
        out = LITERAL(out, "\",");
    }
    return LITERAL(out > start ? out - 1 : out, "}"); /* without the last comma */
}

static enum le_err put_made_up(struct service *service, const struct receive *receive,
                               const struct run *run, struct delivery delivery, struct le_buf *out)
{
    struct logins *logins = &service->logins;
    enum le_err err = le_buf_reserve(out, logins->body_bytes + LOGINS_ROOM + AROUND);
    if (err != LE_OK)
        return err;
    char *start = out->data + out->len;
    char *md5 = put_ids(service, delivery, start);
    char *at = LITERAL(md5 + LOGINS_MD5_LEN, "\",\"Body\":\"");
    at = logins_put_body(logins, delivery.number, at, md5);
    int64_t sent_ms = arrivals_sent_ms(&service->queue.arrivals, run, delivery.number);
    at = LITERAL(put_attributes(LITERAL(at, "\""), receive->attributes, sent_ms, delivery.receives),
                 "}");
    out->len += (size_t)(at - start);
    return LE_OK;
}

static enum le_err put_sent(struct service *service, const struct receive *receive,
                            struct delivery delivery, struct le_buf *out)
{
    int64_t sent_ms;
    struct le_span body = sent_body(&service->sent, delivery.number, &sent_ms);
    enum le_err err = le_buf_reserve(out, AROUND);
    if (err != LE_OK)
        return err;
    char *at = put_ids(service, delivery, out->data + out->len);
    logins_md5(&service->logins, body.ptr, body.len, at);
    at = LITERAL(at + LOGINS_MD5_LEN, "\",\"Body\":");
    out->len = (size_t)(at - out->data);
    err = le_json_append_string(out, body);
    if (err == LE_OK)
        err = le_buf_reserve(out, AROUND);
    if (err != LE_OK)
        return err;
    at = put_attributes(out->data + out->len, receive->attributes, sent_ms, delivery.receives);
    out->len = (size_t)(LITERAL(at, "}") - out->data);
    return LE_OK;
}

/* --- an answer --- */

static void put_message(struct context *context, const struct receive *receive,
                        struct delivery delivery)
{
    struct service *service = context->service;
    const struct run *run = arrivals_run(&service->queue.arrivals, delivery.number);
    struct le_buf *out = context->reply->out;
    if (context->err == LE_OK)
        context->err = run->sent ? put_sent(service, receive, delivery, out)
                                 : put_made_up(service, receive, run, delivery, out);
}

static void put_messages(struct context *context, const struct receive *receive)
{
    struct service *service = context->service;
    struct delivery delivery;
    uint32_t count = 0;
    while (count < receive->most && context->reply->out->len < BYTES_SOFT_MAX &&
           !receive->nothing &&
           queue_receive(&service->queue, context->now_ns, receive->visibility_s, &delivery)) {
        if (count++ == 0)
            PUT(context, "{\"Messages\":[");
        else
            PUT(context, ",");
        put_message(context, receive, delivery);
    }
    if (count > 0)
        PUT(context, "]}");
    else
        PUT(context, "{}"); /* without messages the key is absent */
    service->receives++;
    service->empty_receives += count == 0;
    if (count > 0 && service->first_receive_ns == 0)
        service->first_receive_ns = context->now_ns;
}

enum service_progress service_receive(struct service *service, const struct receive *receive,
                                      int64_t now_ns, struct reply *reply)
{
    struct context context = {service, NULL, LE_SPAN_NONE, now_ns, reply, LE_OK};
    reply->status = 200;
    reply->error = NULL;
    put_messages(&context, receive);
    return context.err == LE_OK ? SERVICE_ANSWERED : SERVICE_FAILED;
}

bool service_can_receive(const struct service *service, const struct receive *receive,
                         int64_t now_ns)
{
    return !receive->nothing && queue_has(&service->queue, now_ns);
}

static bool in_range(int64_t value, int64_t least, int64_t most)
{
    return value == CALL_NUMBER_ABSENT || (value >= least && value <= most);
}

bool service_start_receive(struct context *context, struct receive *receive)
{
    const struct call *call = context->call;
    if (!in_range(call->most, 1, CALL_ENTRIES_MAX) || !in_range(call->wait_s, 0, WAIT_MAX) ||
        !in_range(call->single.visibility_s, 0, VISIBILITY_MAX)) {
        context_refuse(context, "InvalidParameterValue", "A parameter is out of its range.");
        return true;
    }
    bool named = call->single.visibility_s != CALL_NUMBER_ABSENT;
    *receive = (struct receive){.wait_s = call->wait_s != CALL_NUMBER_ABSENT ? call->wait_s : 0,
                                .most = call->most != CALL_NUMBER_ABSENT ? (uint32_t)call->most : 1,
                                .visibility_s = named ? (uint32_t)call->single.visibility_s
                                                      : context->service->visibility_s,
                                .attributes = call->attributes,
                                .nothing = is_dead_letter(call->queue_url)};
    if (receive->wait_s > 0 && !service_can_receive(context->service, receive, context->now_ns))
        return false;
    put_messages(context, receive);
    return true;
}
