#include "loginetl/base/json_reader.h"
#include "loginetl/sqs/answer.h"
#include "loginetl/sqs/json.h"

#include <assert.h>

/* Enters the answer's object; false when it is empty, which counts as {}, or something else, which
 * is an error. */
static bool enter_answer(struct le_reader *reader, char *text, size_t len, enum le_err *err)
{
    le_reader_init(reader, text, len);
    *err = len == 0 ? LE_OK : LE_ERR_PROTOCOL;
    return len > 0 && le_reader_enter_object(reader);
}

/* A string; one of another kind (null, mostly) is skipped and absent. */
static struct le_span read_text(struct le_reader *reader)
{
    struct le_span text = LE_SPAN_NONE;
    if (!le_reader_string(reader, &text))
        le_reader_skip(reader);
    return text;
}

static enum le_err finish(struct le_reader *reader)
{
    return le_reader_finish(reader) == LE_OK ? LE_OK : LE_ERR_PROTOCOL;
}

enum le_err le_sqs_json_read_queue_url(char *text, size_t len, struct le_span *queue_url)
{
    struct le_reader reader;
    struct le_span key;
    enum le_err err;
    *queue_url = LE_SPAN_NONE;
    if (!enter_answer(&reader, text, len, &err))
        return LE_ERR_PROTOCOL;
    while (le_reader_next_key(&reader, &key)) {
        struct le_span value = read_text(&reader);
        if (le_span_is(key, "QueueUrl"))
            *queue_url = value;
    }
    err = finish(&reader);
    return err == LE_OK && queue_url->len == 0 ? LE_ERR_PROTOCOL : err;
}

enum le_err le_sqs_json_read_queue_attributes(char *text, size_t len,
                                              struct le_sqs_queue_attributes *out)
{
    struct le_reader reader;
    struct le_span key;
    enum le_err err;
    le_sqs_clear_attributes(out);
    if (!enter_answer(&reader, text, len, &err))
        return err;
    while (le_reader_next_key(&reader, &key)) {
        if (!le_span_is(key, "Attributes") || !le_reader_enter_object(&reader)) {
            le_reader_skip(&reader);
            continue;
        }
        while (le_reader_next_key(&reader, &key))
            le_sqs_set_attribute(out, key, read_text(&reader));
    }
    err = finish(&reader);
    if (err == LE_OK)
        le_sqs_read_redrive(out);
    return err;
}

static void read_system_attributes(struct le_reader *reader, struct le_sqs_message *message)
{
    struct le_span key;
    if (!le_reader_enter_object(reader)) {
        le_reader_skip(reader);
        return;
    }
    while (le_reader_next_key(reader, &key)) {
        struct le_span value = read_text(reader);
        if (le_span_is(key, "SentTimestamp"))
            message->sent_at_ms = le_sqs_number(value, LE_SQS_SENT_AT_MS_MAX, -1);
        else if (le_span_is(key, "ApproximateReceiveCount"))
            message->receive_count = (uint32_t)le_sqs_number(value, UINT32_MAX, 0);
        else if (le_span_is(key, "MessageGroupId"))
            message->group_id = value;
    }
}

static void read_message_member(struct le_reader *reader, struct le_span key,
                                struct le_sqs_message *message)
{
    if (le_span_is(key, "Body")) {
        struct le_span body = read_text(reader);
        message->body = (char *)(uintptr_t)body.ptr;
        message->body_len = body.len;
    } else if (le_span_is(key, "ReceiptHandle")) {
        message->receipt_handle = read_text(reader);
    } else if (le_span_is(key, "MessageId")) {
        message->message_id = read_text(reader);
    } else if (le_span_is(key, "MD5OfBody")) {
        message->body_md5 = read_text(reader);
    } else if (le_span_is(key, "Attributes")) {
        read_system_attributes(reader, message);
    } else {
        le_reader_skip(reader);
    }
}

/* False when it is not a whole message. */
static bool read_message(struct le_reader *reader, struct le_sqs_message *message)
{
    struct le_span key;
    le_sqs_clear_message(message);
    if (!le_reader_enter_object(reader))
        return false;
    while (le_reader_next_key(reader, &key))
        read_message_member(reader, key, message);
    return message->message_id.len > 0 && message->receipt_handle.len > 0 && message->body != NULL;
}

/* An array under a repeated key adds to what is there: each of its messages is leased. */
static bool read_message_array(struct le_reader *reader, struct le_sqs_message *out, size_t *count)
{
    if (!le_reader_enter_array(reader)) {
        le_reader_skip(reader);
        return true;
    }
    while (le_reader_next_element(reader)) {
        if (*count == LE_SQS_BATCH_MAX || !read_message(reader, &out[*count]))
            return false;
        (*count)++;
    }
    return true;
}

enum le_err le_sqs_json_read_messages(char *text, size_t len,
                                      struct le_sqs_message out[LE_SQS_BATCH_MAX], size_t *count)
{
    struct le_reader reader;
    struct le_span key;
    enum le_err err;
    *count = 0;
    if (!enter_answer(&reader, text, len, &err))
        return err;
    while (le_reader_next_key(&reader, &key)) {
        if (!le_span_is(key, "Messages"))
            le_reader_skip(&reader);
        else if (!read_message_array(&reader, out, count))
            return LE_ERR_PROTOCOL;
    }
    return finish(&reader);
}

struct entry {
    struct le_span id;
    struct le_sqs_entry_result result;
};

static bool read_entry(struct le_reader *reader, struct entry *entry)
{
    struct le_span key;
    if (!le_reader_enter_object(reader))
        return false;
    while (le_reader_next_key(reader, &key)) {
        if (le_span_is(key, "Id"))
            entry->id = read_text(reader);
        else if (le_span_is(key, "Code"))
            entry->result.code = le_sqs_code_word(read_text(reader));
        else if (!le_span_is(key, "SenderFault") ||
                 !le_reader_bool(reader, &entry->result.sender_fault))
            le_reader_skip(reader);
    }
    return true;
}

static bool read_entries(struct le_reader *reader, enum le_sqs_outcome outcome,
                         struct le_sqs_entry_result *out, size_t count)
{
    if (!le_reader_enter_array(reader)) {
        le_reader_skip(reader); /* null: none */
        return true;
    }
    while (le_reader_next_element(reader)) {
        struct entry entry = {.id = LE_SPAN_NONE,
                              .result = {.outcome = outcome, .code = LE_SPAN_NONE}};
        if (!read_entry(reader, &entry) || !le_sqs_keep_entry(entry.id, &entry.result, out, count))
            return false;
    }
    return true;
}

enum le_err le_sqs_json_read_batch(char *text, size_t len, struct le_sqs_entry_result *out,
                                   size_t count)
{
    struct le_reader reader;
    struct le_span key;
    enum le_err err;
    assert(count <= LE_SQS_BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        out[i] =
            (struct le_sqs_entry_result){.outcome = LE_SQS_ENTRY_MISSING, .code = LE_SPAN_NONE};
    if (!enter_answer(&reader, text, len, &err))
        return err;
    while (le_reader_next_key(&reader, &key)) {
        bool good = true;
        if (le_span_is(key, "Successful"))
            good = read_entries(&reader, LE_SQS_ENTRY_OK, out, count);
        else if (le_span_is(key, "Failed"))
            good = read_entries(&reader, LE_SQS_ENTRY_FAILED, out, count);
        else
            le_reader_skip(&reader);
        if (!good)
            return LE_ERR_PROTOCOL;
    }
    return finish(&reader);
}
