#include "loginetl/base/json.h"
#include "loginetl/sqs/json.h"

#include <assert.h>

/* The first failure sticks, so that a request reads as it is written. */
struct writer {
    struct le_buf *out;
    size_t start;
    enum le_err err;
};

static struct writer begin(struct le_buf *out)
{
    return (struct writer){.out = out, .start = out->len, .err = LE_OK};
}

/* A request that did not become whole leaves nothing behind. */
static enum le_err finish(struct writer *writer)
{
    if (writer->err != LE_OK)
        writer->out->len = writer->start;
    return writer->err;
}

static void put(struct writer *writer, struct le_span text)
{
    if (writer->err == LE_OK)
        writer->err = le_buf_append_span(writer->out, text);
}

#define PUT(writer, literal) put(writer, LE_SPAN_LIT(literal))

static void put_int(struct writer *writer, int value)
{
    assert(value >= 0);
    if (writer->err == LE_OK)
        writer->err = le_buf_append_u64(writer->out, (uint64_t)value);
}

static void put_string(struct writer *writer, struct le_span text)
{
    if (writer->err == LE_OK)
        writer->err = le_json_append_string(writer->out, text);
}

static void put_queue_url(struct writer *writer, struct le_span queue_url)
{
    assert(queue_url.len > 0);
    PUT(writer, "{\"QueueUrl\":");
    put_string(writer, queue_url);
}

enum le_err le_sqs_json_get_queue_url(struct le_buf *out, struct le_span name,
                                      struct le_span account)
{
    assert(name.len > 0);
    struct writer writer = begin(out);
    PUT(&writer, "{\"QueueName\":");
    put_string(&writer, name);
    if (account.len > 0) {
        PUT(&writer, ",\"QueueOwnerAWSAccountId\":");
        put_string(&writer, account);
    }
    PUT(&writer, "}");
    return finish(&writer);
}

enum le_err le_sqs_json_get_queue_attributes(struct le_buf *out, struct le_span queue_url)
{
    struct writer writer = begin(out);
    put_queue_url(&writer, queue_url);
    PUT(&writer, ",\"AttributeNames\":[\"All\"]}");
    return finish(&writer);
}

/* The attributes are asked for under both names: older servers know only the older one. */
enum le_err le_sqs_json_receive(struct le_buf *out, struct le_span queue_url, int max_messages,
                                int wait_s, int visibility_s)
{
    assert(max_messages >= 1 && max_messages <= LE_SQS_BATCH_MAX);
    struct writer writer = begin(out);
    put_queue_url(&writer, queue_url);
    PUT(&writer, ",\"MaxNumberOfMessages\":");
    put_int(&writer, max_messages);
    PUT(&writer, ",\"WaitTimeSeconds\":");
    put_int(&writer, wait_s);
    PUT(&writer, ",\"VisibilityTimeout\":");
    put_int(&writer, visibility_s);
    PUT(&writer,
        ",\"AttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"]"
        ",\"MessageSystemAttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"]}");
    return finish(&writer);
}

static void put_entry_id(struct writer *writer, size_t position)
{
    char id[] = ",{\"Id\":\"0\"";
    _Static_assert(LE_SQS_BATCH_MAX <= 10, "a position is one digit");
    assert(position < LE_SQS_BATCH_MAX);
    id[sizeof id - 3] = (char)('0' + position);
    size_t skip = position == 0 ? 1 : 0; /* no comma before the first */
    put(writer, (struct le_span){id + skip, sizeof id - 1 - skip});
}

static void put_handle(struct writer *writer, size_t position, struct le_span handle)
{
    assert(handle.len > 0);
    put_entry_id(writer, position);
    PUT(writer, ",\"ReceiptHandle\":");
    put_string(writer, handle);
}

enum le_err le_sqs_json_delete_batch(struct le_buf *out, struct le_span queue_url,
                                     const struct le_span *handles, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct writer writer = begin(out);
    put_queue_url(&writer, queue_url);
    PUT(&writer, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        put_handle(&writer, i, handles[i]);
        PUT(&writer, "}");
    }
    PUT(&writer, "]}");
    return finish(&writer);
}

enum le_err le_sqs_json_visibility_batch(struct le_buf *out, struct le_span queue_url,
                                         const struct le_span *handles, size_t count,
                                         int visibility_s)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct writer writer = begin(out);
    put_queue_url(&writer, queue_url);
    PUT(&writer, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        put_handle(&writer, i, handles[i]);
        PUT(&writer, ",\"VisibilityTimeout\":");
        put_int(&writer, visibility_s);
        PUT(&writer, "}");
    }
    PUT(&writer, "]}");
    return finish(&writer);
}

/* SQS refuses attributes with an empty value. */
static void put_attributes(struct writer *writer, const struct le_sqs_send_entry *entry)
{
    bool any = false;
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct le_sqs_attribute *attribute = &entry->attributes[i];
        if (attribute->value.len == 0)
            continue;
        put(writer, any ? LE_SPAN_LIT(",") : LE_SPAN_LIT(",\"MessageAttributes\":{"));
        put_string(writer, attribute->name);
        PUT(writer, ":{\"DataType\":\"String\",\"StringValue\":");
        put_string(writer, attribute->value);
        PUT(writer, "}");
        any = true;
    }
    if (any)
        PUT(writer, "}");
}

enum le_err le_sqs_json_send_batch(struct le_buf *out, struct le_span queue_url,
                                   const struct le_sqs_send_entry *entries, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct writer writer = begin(out);
    put_queue_url(&writer, queue_url);
    PUT(&writer, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        put_entry_id(&writer, i);
        PUT(&writer, ",\"MessageBody\":");
        put_string(&writer, entries[i].body);
        put_attributes(&writer, &entries[i]);
        PUT(&writer, "}");
    }
    PUT(&writer, "]}");
    return finish(&writer);
}
