#include <inttypes.h>
#include <string.h>

#include "handle.h"
#include "sqs.h"

enum wants {
    WANT_SENDER = 1,
    WANT_SENT = 2,
    WANT_COUNT = 4,
    WANT_FIRST = 8,
    WANT_SYSTEM = 15,
    WANT_ATTRIBUTES = 16,
};

static unsigned wanted_system(struct json name)
{
    static const char *const names[] = {"SenderId", "SentTimestamp", "ApproximateReceiveCount",
                                        "ApproximateFirstReceiveTimestamp"};
    for (unsigned i = 0; i < 4; i++)
        if (json_is(name, names[i]))
            return 1U << i;
    return json_is(name, "All") ? WANT_SYSTEM : 0;
}

static unsigned wanted(struct json body)
{
    static const char *const lists[] = {"MessageSystemAttributeNames", "AttributeNames"};
    unsigned wants = 0;
    for (int i = 0; i < 2; i++)
        for (struct json name = json_first(json_member(body, lists[i])); name.type != JSON_NONE;
             name = json_next(name))
            wants |= wanted_system(name);
    /* Any name asks for all of them: enough for a test, and no client counts on the rest being left
     * out. */
    if (json_first(json_member(body, "MessageAttributeNames")).type != JSON_NONE)
        wants |= WANT_ATTRIBUTES;
    return wants;
}

static bool read_optional(struct json body, const char *key, double low, double high,
                          unsigned *number)
{
    struct json value = json_member(body, key);
    double read = *number;
    if (value.type != JSON_NONE && !json_number(value, low, high, &read))
        return false;
    *number = (unsigned)read;
    return true;
}

static bool read_receive(struct receive *receive, struct json body)
{
    unsigned most = 1;
    receive->visibility_s = receive->queue->visibility_s;
    receive->wait_s = receive->queue->wait_s;
    receive->wants = wanted(body);
    bool read = read_optional(body, "MaxNumberOfMessages", 1, RECEIVE_MAX, &most) &&
                read_optional(body, "VisibilityTimeout", 0, 43200, &receive->visibility_s) &&
                read_optional(body, "WaitTimeSeconds", 0, 20, &receive->wait_s);
    receive->most = most;
    return read;
}

static void put_system(struct text *out, const struct message *message, unsigned wants)
{
    text_puts(out, ",\"Attributes\":{");
    size_t start = out->length;
    if (wants & WANT_SENDER)
        text_puts(out, "\"SenderId\":\"AIDAIENQZJOLO23YVJ4VO\",");
    if (wants & WANT_SENT)
        text_printf(out, "\"SentTimestamp\":\"%" PRId64 "\",", message->sent_ms);
    if (wants & WANT_COUNT)
        text_printf(out, "\"ApproximateReceiveCount\":\"%" PRIu32 "\",", message->receives);
    if (wants & WANT_FIRST)
        text_printf(out, "\"ApproximateFirstReceiveTimestamp\":\"%" PRId64 "\",",
                    message->first_received_ms);
    if (out->length > start)
        out->length--; /* the last comma */
    text_puts(out, "}");
}

static void put_body(struct text *out, const struct message *message, const struct effects *effects)
{
    text_puts(out, "\",\"MD5OfBody\":\"");
    text_puts(out,
              effect(effects, FAULT_WRONG_MD5) ? "d41d8cd98f00b204e9800998ecf8427e" : message->md5);
    text_puts(out, "\",\"Body\":\"");
    if (effect(effects, FAULT_ESCAPED))
        text_escape_hard(out, message->body, message->length);
    else
        text_add(out, message->body, message->length);
    text_puts(out, "\"");
}

static void put_message(struct request *request, const struct message *message)
{
    struct text *out = &request->answer.body;
    const struct receive *receive = &request->receive;
    char handle[HANDLE_MAX];
    size_t length = handle_write(
        (struct handle){receive->queue->number, message->slot, message->receives, message->serial},
        handle);
    text_puts(out, out->bytes[out->length - 1] == '[' ? "{\"MessageId\":\"" : ",{\"MessageId\":\"");
    text_puts(out, message->id);
    text_puts(out, "\",\"ReceiptHandle\":\"");
    text_add(out, handle, length);
    put_body(out, message, request->effects);
    if (receive->wants & WANT_SYSTEM)
        put_system(out, message, receive->wants);
    if (message->attributes && receive->wants & WANT_ATTRIBUTES) {
        text_puts(out, ",\"MessageAttributes\":");
        text_puts(out, message->attributes);
    }
    text_puts(out, "}");
}

static void put_again(struct request *request, struct message *messages[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        queue_redeliver(request->receive.queue, messages[i], request->receive.visibility_s);
        put_message(request, messages[i]);
    }
}

bool sqs_receive(struct request *request, bool time_is_up)
{
    struct receive *receive = &request->receive;
    struct message *messages[RECEIVE_MAX];
    bool twice = effect(request->effects, FAULT_DUPLICATE);
    size_t most = twice ? (receive->most + 1) / 2 : receive->most;
    queue_expire(receive->queue, monotonic_us());
    if (queue_at_limit(receive->queue)) {
        sqs_error(&request->answer, 400, "OverLimit", "Too many messages are in flight.");
        return true;
    }
    size_t count = queue_receive(receive->queue, most, receive->visibility_s, messages);
    if (!count && !time_is_up)
        return false;
    struct text *out = &request->answer.body;
    text_puts(out, count ? "{\"Messages\":[" : "{"); /* without messages the key is absent */
    for (size_t i = 0; i < count; i++)
        put_message(request, messages[i]);
    if (twice && receive->most > 1)
        put_again(request, messages, count < receive->most - count ? count : receive->most - count);
    for (size_t i = 0; i < count && effect(request->effects, FAULT_AGAIN); i++)
        queue_surface(receive->queue, messages[i]);
    text_puts(out, count ? "]}" : "}");
    return true;
}

bool sqs_start_receive(struct request *request, struct queue *queue, struct json body)
{
    request->receive.queue = queue;
    if (read_receive(&request->receive, body))
        return sqs_receive(request, !request->receive.wait_s);
    sqs_violation(&request->answer, VIOLATION_parameter, "InvalidParameterValue",
                  "A parameter is out of its range.");
    return true;
}
