#include "loginetl/base/json.h"
#include "loginetl/sqs/query.h"

#include <assert.h>

#define API_VERSION  "2012-11-05"
#define PIECE_MAX    256
#define SEQUENCE_MAX 12 /* a character of four bytes, each as "%XX" */

/* The first failure sticks, so that a request reads as it is written. */
struct writer {
    struct le_buf *out;
    size_t start;
    enum le_err err;
};

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

static void put_number(struct writer *writer, size_t value)
{
    if (writer->err == LE_OK)
        writer->err = le_buf_append_u64(writer->out, value);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static size_t percent(struct le_span bytes, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        out[3 * i] = '%';
        out[3 * i + 1] = digits[byte >> 4];
        out[3 * i + 2] = digits[byte & 15];
    }
    return 3 * bytes.len;
}

/* The character at text, encoded; *taken: its bytes. What is not UTF-8 becomes U+FFFD, as in JSON.
 * A form has no way to write the lone surrogate that JSON can. */
static size_t encode_one(struct le_span text, char out[SEQUENCE_MAX], size_t *taken)
{
    *taken = 1;
    if (is_unreserved(text.ptr[0])) {
        out[0] = text.ptr[0];
        return 1;
    }
    size_t len = le_utf8_sequence(text.ptr, text.len);
    if (len == 0)
        return percent(LE_SPAN_LIT("\xEF\xBF\xBD"), out);
    *taken = len;
    return percent((struct le_span){text.ptr, len}, out);
}

static void put_encoded(struct writer *writer, struct le_span text)
{
    char piece[PIECE_MAX];
    size_t used = 0, taken;
    while (text.len > 0) {
        used += encode_one(text, piece + used, &taken);
        text.ptr += taken;
        text.len -= taken;
        if (used > sizeof piece - SEQUENCE_MAX || text.len == 0) {
            put(writer, (struct le_span){piece, used});
            used = 0;
        }
    }
}

static struct writer begin(struct le_buf *out, enum le_sqs_operation operation)
{
    struct writer writer = {.out = out, .start = out->len, .err = LE_OK};
    PUT(&writer, "Action=");
    put(&writer, le_span_of(le_sqs_operation_name(operation)));
    PUT(&writer, "&Version=" API_VERSION);
    return writer;
}

static struct writer begin_for_queue(struct le_buf *out, enum le_sqs_operation operation,
                                     struct le_span queue_url)
{
    assert(queue_url.len > 0);
    struct writer writer = begin(out, operation);
    PUT(&writer, "&QueueUrl=");
    put_encoded(&writer, queue_url);
    return writer;
}

enum le_err le_sqs_query_get_queue_url(struct le_buf *out, struct le_span name,
                                       struct le_span account)
{
    assert(name.len > 0);
    struct writer writer = begin(out, LE_SQS_GET_QUEUE_URL);
    PUT(&writer, "&QueueName=");
    put_encoded(&writer, name);
    if (account.len > 0) {
        PUT(&writer, "&QueueOwnerAWSAccountId=");
        put_encoded(&writer, account);
    }
    return finish(&writer);
}

enum le_err le_sqs_query_get_queue_attributes(struct le_buf *out, struct le_span queue_url)
{
    struct writer writer = begin_for_queue(out, LE_SQS_GET_QUEUE_ATTRIBUTES, queue_url);
    PUT(&writer, "&AttributeName.1=All");
    return finish(&writer);
}

/* The attributes are asked for under both names: older servers know only the older one. */
enum le_err le_sqs_query_receive(struct le_buf *out, struct le_span queue_url, int max_messages,
                                 int wait_s, int visibility_s)
{
    assert(max_messages >= 1 && max_messages <= LE_SQS_BATCH_MAX);
    assert(wait_s >= 0 && visibility_s >= 0);
    struct writer writer = begin_for_queue(out, LE_SQS_RECEIVE, queue_url);
    PUT(&writer, "&MaxNumberOfMessages=");
    put_number(&writer, (size_t)max_messages);
    PUT(&writer, "&WaitTimeSeconds=");
    put_number(&writer, (size_t)wait_s);
    PUT(&writer, "&VisibilityTimeout=");
    put_number(&writer, (size_t)visibility_s);
    PUT(&writer, "&AttributeName.1=SentTimestamp&AttributeName.2=ApproximateReceiveCount"
                 "&MessageSystemAttributeName.1=SentTimestamp"
                 "&MessageSystemAttributeName.2=ApproximateReceiveCount");
    return finish(&writer);
}

/* "&DeleteMessageBatchRequestEntry.1": entries count from 1. */
static void put_entry(struct writer *writer, enum le_sqs_operation operation, size_t position)
{
    PUT(writer, "&");
    put(writer, le_span_of(le_sqs_operation_name(operation)));
    PUT(writer, "RequestEntry.");
    put_number(writer, position + 1);
}

/* Ids are positions, and count from 0. */
static void put_entry_id(struct writer *writer, enum le_sqs_operation operation, size_t position)
{
    assert(position < LE_SQS_BATCH_MAX);
    put_entry(writer, operation, position);
    PUT(writer, ".Id=");
    put_number(writer, position);
}

static void put_handle(struct writer *writer, enum le_sqs_operation operation, size_t position,
                       struct le_span handle)
{
    assert(handle.len > 0);
    put_entry_id(writer, operation, position);
    put_entry(writer, operation, position);
    PUT(writer, ".ReceiptHandle=");
    put_encoded(writer, handle);
}

enum le_err le_sqs_query_delete_batch(struct le_buf *out, struct le_span queue_url,
                                      const struct le_span *handles, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct writer writer = begin_for_queue(out, LE_SQS_DELETE_BATCH, queue_url);
    for (size_t i = 0; i < count; i++)
        put_handle(&writer, LE_SQS_DELETE_BATCH, i, handles[i]);
    return finish(&writer);
}

enum le_err le_sqs_query_visibility_batch(struct le_buf *out, struct le_span queue_url,
                                          const struct le_span *handles, size_t count,
                                          int visibility_s)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX && visibility_s >= 0);
    struct writer writer = begin_for_queue(out, LE_SQS_VISIBILITY_BATCH, queue_url);
    for (size_t i = 0; i < count; i++) {
        put_handle(&writer, LE_SQS_VISIBILITY_BATCH, i, handles[i]);
        put_entry(&writer, LE_SQS_VISIBILITY_BATCH, i);
        PUT(&writer, ".VisibilityTimeout=");
        put_number(&writer, (size_t)visibility_s);
    }
    return finish(&writer);
}

static void put_attribute_field(struct writer *writer, size_t position, size_t attribute,
                                struct le_span field, struct le_span value)
{
    put_entry(writer, LE_SQS_SEND_BATCH, position);
    PUT(writer, ".MessageAttribute.");
    put_number(writer, attribute);
    put(writer, field);
    put_encoded(writer, value);
}

/* SQS refuses attributes with an empty value. */
static void put_attributes(struct writer *writer, size_t position,
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

enum le_err le_sqs_query_send_batch(struct le_buf *out, struct le_span queue_url,
                                    const struct le_sqs_send_entry *entries, size_t count)
{
    assert(count >= 1 && count <= LE_SQS_BATCH_MAX);
    struct writer writer = begin_for_queue(out, LE_SQS_SEND_BATCH, queue_url);
    for (size_t i = 0; i < count; i++) {
        put_entry_id(&writer, LE_SQS_SEND_BATCH, i);
        put_entry(&writer, LE_SQS_SEND_BATCH, i);
        PUT(&writer, ".MessageBody=");
        put_encoded(&writer, entries[i].body);
        put_attributes(&writer, i, &entries[i]);
    }
    return finish(&writer);
}
