#include "loginetl/base/json.h"
#include "loginetl/sqs/json.h"
#include "loginetl/sqs/writer.h"

#include <assert.h>

static void put_string(struct le_sqs_writer *writer, struct le_span text)
{
    if (writer->err == LE_OK)
        writer->err = le_json_append_string(writer->out, text);
}

static void put_queue_url(struct le_sqs_writer *writer, struct le_span queue_url)
{
    assert(queue_url.len > 0);
    LE_SQS_PUT(writer, "{\"QueueUrl\":");
    put_string(writer, queue_url);
}

enum le_err le_sqs_json_get_queue_url(struct le_buf *out, struct le_span name,
                                      struct le_span account)
{
    assert(name.len > 0);
    struct le_sqs_writer writer = le_sqs_begin(out);
    LE_SQS_PUT(&writer, "{\"QueueName\":");
    put_string(&writer, name);
    if (account.len > 0) {
        LE_SQS_PUT(&writer, ",\"QueueOwnerAWSAccountId\":");
        put_string(&writer, account);
    }
    LE_SQS_PUT(&writer, "}");
    return le_sqs_finish(&writer);
}

enum le_err le_sqs_json_get_queue_attributes(struct le_buf *out, struct le_span queue_url)
{
    struct le_sqs_writer writer = le_sqs_begin(out);
    put_queue_url(&writer, queue_url);
    LE_SQS_PUT(&writer, ",\"AttributeNames\":[\"All\"]}");
    return le_sqs_finish(&writer);
}

/* The attributes are asked for under both names: servers from before 2024 (LocalStack 2, ElasticMQ
 * 0.15, moto 4) know only the older one. */
enum le_err le_sqs_json_receive(struct le_buf *out, struct le_span queue_url, int max_messages,
                                int wait_s, int visibility_s)
{
    assert(max_messages >= 1 && max_messages <= LE_SQS_BATCH_MAX);
    assert(wait_s >= 0 && visibility_s >= 0);
    struct le_sqs_writer writer = le_sqs_begin(out);
    put_queue_url(&writer, queue_url);
    LE_SQS_PUT(&writer, ",\"MaxNumberOfMessages\":");
    le_sqs_put_number(&writer, (size_t)max_messages);
    LE_SQS_PUT(&writer, ",\"WaitTimeSeconds\":");
    le_sqs_put_number(&writer, (size_t)wait_s);
    LE_SQS_PUT(&writer, ",\"VisibilityTimeout\":");
    le_sqs_put_number(&writer, (size_t)visibility_s);
    struct le_span more =
        le_sqs_is_fifo(queue_url) ? LE_SPAN_LIT(",\"MessageGroupId\"") : LE_SPAN_NONE;
    LE_SQS_PUT(&writer, ",\"AttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"");
    le_sqs_put(&writer, more);
    LE_SQS_PUT(&writer, "],\"MessageSystemAttributeNames\":[\"SentTimestamp\""
                        ",\"ApproximateReceiveCount\"");
    le_sqs_put(&writer, more);
    LE_SQS_PUT(&writer, "]}");
    return le_sqs_finish(&writer);
}

static void put_entry_id(struct le_sqs_writer *writer, size_t position)
{
    char id[] = ",{\"Id\":\"0\"";
    _Static_assert(LE_SQS_BATCH_MAX <= 10, "a position is one digit");
    assert(position < LE_SQS_BATCH_MAX);
    id[sizeof id - 3] = (char)('0' + position);
    size_t skip = position == 0 ? 1 : 0; /* no comma before the first */
    le_sqs_put(writer, (struct le_span){id + skip, sizeof id - 1 - skip});
}

static void put_handle(struct le_sqs_writer *writer, size_t position, struct le_span handle)
{
    assert(handle.len > 0);
    put_entry_id(writer, position);
    LE_SQS_PUT(writer, ",\"ReceiptHandle\":");
    put_string(writer, handle);
}

enum le_err le_sqs_json_delete_batch(struct le_buf *out, struct le_span queue_url,
                                     const struct le_span *handles, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct le_sqs_writer writer = le_sqs_begin(out);
    put_queue_url(&writer, queue_url);
    LE_SQS_PUT(&writer, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        put_handle(&writer, i, handles[i]);
        LE_SQS_PUT(&writer, "}");
    }
    LE_SQS_PUT(&writer, "]}");
    return le_sqs_finish(&writer);
}

enum le_err le_sqs_json_visibility_batch(struct le_buf *out, struct le_span queue_url,
                                         const struct le_span *handles, size_t count,
                                         int visibility_s)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX && visibility_s >= 0);
    struct le_sqs_writer writer = le_sqs_begin(out);
    put_queue_url(&writer, queue_url);
    LE_SQS_PUT(&writer, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        put_handle(&writer, i, handles[i]);
        LE_SQS_PUT(&writer, ",\"VisibilityTimeout\":");
        le_sqs_put_number(&writer, (size_t)visibility_s);
        LE_SQS_PUT(&writer, "}");
    }
    LE_SQS_PUT(&writer, "]}");
    return le_sqs_finish(&writer);
}

static void put_member(struct le_sqs_writer *writer, struct le_span name, struct le_span value)
{
    if (value.len == 0)
        return;
    le_sqs_put(writer, name);
    put_string(writer, value);
}

/* SQS refuses attributes with an empty value. */
static void put_attributes(struct le_sqs_writer *writer, const struct le_sqs_send_entry *entry)
{
    bool any = false;
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct le_sqs_attribute *attribute = &entry->attributes[i];
        if (attribute->value.len == 0)
            continue;
        le_sqs_put(writer, any ? LE_SPAN_LIT(",") : LE_SPAN_LIT(",\"MessageAttributes\":{"));
        put_string(writer, attribute->name);
        LE_SQS_PUT(writer, ":{\"DataType\":\"String\",\"StringValue\":");
        put_string(writer, attribute->value);
        LE_SQS_PUT(writer, "}");
        any = true;
    }
    if (any)
        LE_SQS_PUT(writer, "}");
}

enum le_err le_sqs_json_send_batch(struct le_buf *out, struct le_span queue_url,
                                   const struct le_sqs_send_entry *entries, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct le_sqs_writer writer = le_sqs_begin(out);
    put_queue_url(&writer, queue_url);
    LE_SQS_PUT(&writer, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        put_entry_id(&writer, i);
        LE_SQS_PUT(&writer, ",\"MessageBody\":");
        put_string(&writer, entries[i].body);
        put_attributes(&writer, &entries[i]);
        put_member(&writer, LE_SPAN_LIT(",\"MessageGroupId\":"), entries[i].group_id);
        put_member(&writer, LE_SPAN_LIT(",\"MessageDeduplicationId\":"),
                   entries[i].deduplication_id);
        LE_SQS_PUT(&writer, "}");
    }
    LE_SQS_PUT(&writer, "]}");
    return le_sqs_finish(&writer);
}
