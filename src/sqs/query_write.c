#include "loginetl/base/json.h"
#include "loginetl/sqs/canonical.h"
#include "loginetl/sqs/query.h"
#include "loginetl/sqs/writer.h"

#include <assert.h>

#define API_VERSION "2012-11-05"

/* What is not UTF-8 becomes U+FFFD, as in JSON. A form has no way to write the lone surrogate that
 * JSON can. */
static void put_encoded(struct le_sqs_writer *writer, struct le_span text)
{
    while (text.len > 0 && writer->err == LE_OK) {
        size_t len = 0, next;
        while (len < text.len && (next = le_utf8_sequence(text.ptr + len, text.len - len)) > 0)
            len += next;
        writer->err = le_percent_encode(writer->out, (struct le_span){text.ptr, len}, '\0');
        text = (struct le_span){text.ptr + len, text.len - len};
        if (text.len == 0)
            return;
        LE_SQS_PUT(writer, "%EF%BF%BD");
        text = (struct le_span){text.ptr + 1, text.len - 1};
    }
}

static struct le_sqs_writer begin(struct le_buf *out, enum le_sqs_operation operation)
{
    struct le_sqs_writer writer = le_sqs_begin(out);
    LE_SQS_PUT(&writer, "Action=");
    le_sqs_put(&writer, le_span_of(le_sqs_operation_name(operation)));
    LE_SQS_PUT(&writer, "&Version=" API_VERSION);
    return writer;
}

static struct le_sqs_writer begin_for_queue(struct le_buf *out, enum le_sqs_operation operation,
                                            struct le_span queue_url)
{
    assert(queue_url.len > 0);
    struct le_sqs_writer writer = begin(out, operation);
    LE_SQS_PUT(&writer, "&QueueUrl=");
    put_encoded(&writer, queue_url);
    return writer;
}

enum le_err le_sqs_query_get_queue_url(struct le_buf *out, struct le_span name,
                                       struct le_span account)
{
    assert(name.len > 0);
    struct le_sqs_writer writer = begin(out, LE_SQS_GET_QUEUE_URL);
    LE_SQS_PUT(&writer, "&QueueName=");
    put_encoded(&writer, name);
    if (account.len > 0) {
        LE_SQS_PUT(&writer, "&QueueOwnerAWSAccountId=");
        put_encoded(&writer, account);
    }
    return le_sqs_finish(&writer);
}

enum le_err le_sqs_query_get_queue_attributes(struct le_buf *out, struct le_span queue_url)
{
    struct le_sqs_writer writer = begin_for_queue(out, LE_SQS_GET_QUEUE_ATTRIBUTES, queue_url);
    LE_SQS_PUT(&writer, "&AttributeName.1=All");
    return le_sqs_finish(&writer);
}

/* The attributes are asked for under both names: servers from before 2024 (LocalStack 2, ElasticMQ
 * 0.15, moto 4) know only the older one. */
enum le_err le_sqs_query_receive(struct le_buf *out, struct le_span queue_url, int max_messages,
                                 int wait_s, int visibility_s)
{
    assert(max_messages >= 1 && max_messages <= LE_SQS_BATCH_MAX);
    assert(wait_s >= 0 && visibility_s >= 0);
    struct le_sqs_writer writer = begin_for_queue(out, LE_SQS_RECEIVE, queue_url);
    LE_SQS_PUT(&writer, "&MaxNumberOfMessages=");
    le_sqs_put_number(&writer, (size_t)max_messages);
    LE_SQS_PUT(&writer, "&WaitTimeSeconds=");
    le_sqs_put_number(&writer, (size_t)wait_s);
    LE_SQS_PUT(&writer, "&VisibilityTimeout=");
    le_sqs_put_number(&writer, (size_t)visibility_s);
    LE_SQS_PUT(&writer, "&AttributeName.1=SentTimestamp&AttributeName.2=ApproximateReceiveCount"
                        "&MessageSystemAttributeName.1=SentTimestamp"
                        "&MessageSystemAttributeName.2=ApproximateReceiveCount");
    if (le_sqs_is_fifo(queue_url))
        LE_SQS_PUT(&writer, "&AttributeName.3=MessageGroupId"
                            "&MessageSystemAttributeName.3=MessageGroupId");
    return le_sqs_finish(&writer);
}

/* "&DeleteMessageBatchRequestEntry.1": entries count from 1. */
static void put_entry(struct le_sqs_writer *writer, enum le_sqs_operation operation,
                      size_t position)
{
    LE_SQS_PUT(writer, "&");
    le_sqs_put(writer, le_span_of(le_sqs_operation_name(operation)));
    LE_SQS_PUT(writer, "RequestEntry.");
    le_sqs_put_number(writer, position + 1);
}

/* Ids are positions, and count from 0. */
static void put_entry_id(struct le_sqs_writer *writer, enum le_sqs_operation operation,
                         size_t position)
{
    assert(position < LE_SQS_BATCH_MAX);
    put_entry(writer, operation, position);
    LE_SQS_PUT(writer, ".Id=");
    le_sqs_put_number(writer, position);
}

static void put_handle(struct le_sqs_writer *writer, enum le_sqs_operation operation,
                       size_t position, struct le_span handle)
{
    assert(handle.len > 0);
    put_entry_id(writer, operation, position);
    put_entry(writer, operation, position);
    LE_SQS_PUT(writer, ".ReceiptHandle=");
    put_encoded(writer, handle);
}

enum le_err le_sqs_query_delete_batch(struct le_buf *out, struct le_span queue_url,
                                      const struct le_span *handles, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct le_sqs_writer writer = begin_for_queue(out, LE_SQS_DELETE_BATCH, queue_url);
    for (size_t i = 0; i < count; i++)
        put_handle(&writer, LE_SQS_DELETE_BATCH, i, handles[i]);
    return le_sqs_finish(&writer);
}

enum le_err le_sqs_query_visibility_batch(struct le_buf *out, struct le_span queue_url,
                                          const struct le_span *handles, size_t count,
                                          int visibility_s)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX && visibility_s >= 0);
    struct le_sqs_writer writer = begin_for_queue(out, LE_SQS_VISIBILITY_BATCH, queue_url);
    for (size_t i = 0; i < count; i++) {
        put_handle(&writer, LE_SQS_VISIBILITY_BATCH, i, handles[i]);
        put_entry(&writer, LE_SQS_VISIBILITY_BATCH, i);
        LE_SQS_PUT(&writer, ".VisibilityTimeout=");
        le_sqs_put_number(&writer, (size_t)visibility_s);
    }
    return le_sqs_finish(&writer);
}

static void put_attribute_field(struct le_sqs_writer *writer, size_t position, size_t attribute,
                                struct le_span field, struct le_span value)
{
    put_entry(writer, LE_SQS_SEND_BATCH, position);
    LE_SQS_PUT(writer, ".MessageAttribute.");
    le_sqs_put_number(writer, attribute);
    le_sqs_put(writer, field);
    put_encoded(writer, value);
}

/* SQS refuses attributes with an empty value. */
static void put_attributes(struct le_sqs_writer *writer, size_t position,
                           const struct le_sqs_send_entry *entry)
{
    size_t number = 0;
    for (size_t i = 0; i < entry->attribute_count; i++) {
        const struct le_sqs_attribute *attribute = &entry->attributes[i];
        if (attribute->value.len == 0)
            continue;
        number++;
        put_attribute_field(writer, position, number, LE_SPAN_LIT(".Name="), attribute->name);
        put_attribute_field(writer, position, number, LE_SPAN_LIT(".Value.DataType="),
                            LE_SPAN_LIT("String"));
        put_attribute_field(writer, position, number, LE_SPAN_LIT(".Value.StringValue="),
                            attribute->value);
    }
}

static void put_member(struct le_sqs_writer *writer, size_t position, struct le_span name,
                       struct le_span value)
{
    if (value.len == 0)
        return;
    put_entry(writer, LE_SQS_SEND_BATCH, position);
    le_sqs_put(writer, name);
    put_encoded(writer, value);
}

enum le_err le_sqs_query_send_batch(struct le_buf *out, struct le_span queue_url,
                                    const struct le_sqs_send_entry *entries, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct le_sqs_writer writer = begin_for_queue(out, LE_SQS_SEND_BATCH, queue_url);
    for (size_t i = 0; i < count; i++) {
        put_entry_id(&writer, LE_SQS_SEND_BATCH, i);
        put_entry(&writer, LE_SQS_SEND_BATCH, i);
        LE_SQS_PUT(&writer, ".MessageBody=");
        put_encoded(&writer, entries[i].body);
        put_attributes(&writer, i, &entries[i]);
        put_member(&writer, i, LE_SPAN_LIT(".MessageGroupId="), entries[i].group_id);
        put_member(&writer, i, LE_SPAN_LIT(".MessageDeduplicationId="),
                   entries[i].deduplication_id);
    }
    return le_sqs_finish(&writer);
}
