/* Answers of the queue service: the first byte chooses the reader. What is read lies within the
 * answer, and makes requests. */
#include "sqs_answers.h"

#include <stdlib.h>

static const struct le_sqs_codec *codec;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_within(struct le_span span, const char *text, size_t len)
{
    must(span.ptr == NULL || (span.ptr >= text && span.ptr + span.len <= text + len));
}

static void check_code(struct le_span code, const char *text, size_t len)
{
    check_within(code, text, len);
    for (size_t i = 0; i < code.len; i++)
        must((unsigned char)code.ptr[i] > ' ' && (unsigned char)code.ptr[i] < 0x7F &&
             code.ptr[i] != '"');
}

static void write_requests(const struct le_sqs_message *messages, size_t count)
{
    const struct le_span url = LE_SPAN_LIT("http://localhost:4566/000000000000/login-queue");
    struct le_span handles[LE_SQS_BATCH_MAX];
    struct le_sqs_attribute attributes[LE_SQS_BATCH_MAX];
    struct le_sqs_send_entry entries[LE_SQS_BATCH_MAX];
    struct le_buf out;
    le_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        handles[i] = messages[i].receipt_handle;
        attributes[i] =
            (struct le_sqs_attribute){LE_SPAN_LIT("loginetl_message_id"), messages[i].message_id};
        entries[i] = (struct le_sqs_send_entry){.body = {messages[i].body, messages[i].body_len},
                                                .attributes = &attributes[i],
                                                .attribute_count = 1,
                                                .group_id = messages[i].group_id,
                                                .deduplication_id = messages[i].message_id};
    }
    must(codec->delete_batch(&out, url, handles, count) == LE_OK);
    must(codec->visibility_batch(&out, url, handles, count, 60) == LE_OK);
    must(codec->send_batch(&out, url, entries, count) == LE_OK);
    le_buf_free(&out);
}

static void read_messages(char *text, size_t len)
{
    struct le_sqs_message messages[LE_SQS_BATCH_MAX];
    size_t count;
    if (codec->read_messages(text, len, messages, &count) != LE_OK)
        return;
    must(count <= LE_SQS_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        check_within(messages[i].message_id, text, len);
        check_within(messages[i].receipt_handle, text, len);
        check_within((struct le_span){messages[i].body, messages[i].body_len}, text, len);
        must(messages[i].message_id.len > 0 && messages[i].receipt_handle.len > 0 &&
             messages[i].body != NULL);
        must(messages[i].sent_at_ms >= -1);
        must(!le_sqs_body_is_damaged(&messages[i]) || messages[i].body_md5.len == 32);
    }
    if (count > 0)
        write_requests(messages, count);
}

static void read_batch(char *text, size_t len)
{
    struct le_sqs_entry_result results[LE_SQS_BATCH_MAX];
    if (codec->read_batch(text, len, results, 7) != LE_OK)
        return;
    for (size_t i = 0; i < 7; i++) {
        check_code(results[i].code, text, len);
        must(results[i].outcome != LE_SQS_ENTRY_OK || !le_sqs_entry_retryable(&results[i]));
        must(!le_sqs_entry_denied(&results[i]) || !le_sqs_entry_retryable(&results[i]));
    }
}

/* Whatever a server says its URL is goes into every further request. */
static void write_look_ups(struct le_span queue_url)
{
    struct le_buf out;
    le_buf_init(&out, 1 << 20);
    must(codec->get_queue_url(&out, queue_url, LE_SPAN_NONE) == LE_OK);
    must(codec->get_queue_url(&out, queue_url, queue_url) == LE_OK);
    must(codec->get_queue_attributes(&out, queue_url) == LE_OK);
    must(codec->receive(&out, queue_url, 10, 20, 60) == LE_OK);
    le_buf_free(&out);
}

static void follow_arn(struct le_span queue_url, struct le_span arn)
{
    struct le_sqs_arn parts;
    struct le_buf out;
    le_buf_init(&out, 1 << 20);
    enum le_err err = le_sqs_arn_parse(arn, &parts);
    must(err == LE_OK || err == LE_ERR_SYNTAX);
    if (err == LE_OK) {
        check_within(parts.account, arn.ptr, arn.len);
        check_within(parts.name, arn.ptr, arn.len);
    }
    enum le_err found = le_sqs_url_from_arn(&out, queue_url, arn);
    must(found == LE_ERR_SYNTAX || (found == LE_OK && err == LE_OK && out.len > parts.name.len));
    le_buf_free(&out);
}

static void read_look_ups(char *text, size_t len, bool url)
{
    struct le_sqs_queue_attributes attributes;
    struct le_span queue_url;
    if (url) {
        if (codec->read_queue_url(text, len, &queue_url) != LE_OK)
            return;
        check_within(queue_url, text, len);
        write_look_ups(queue_url);
        follow_arn(queue_url, LE_SPAN_LIT("arn:aws:sqs:eu-west-1:111111111111:dead"));
    } else if (codec->read_queue_attributes(text, len, &attributes) == LE_OK) {
        check_within(attributes.arn, text, len);
        check_within(attributes.redrive_policy, text, len);
        check_within(attributes.dead_letter_arn, text, len);
        must(attributes.max_receive_count >= 0 && attributes.visible >= -1);
        if (attributes.dead_letter_arn.ptr != NULL)
            follow_arn(LE_SPAN_LIT("http://localhost:4566/000000000000/q"),
                       attributes.dead_letter_arn);
    }
}

static void read_error(char *text, size_t len)
{
    static const int statuses[] = {300, 400, 403, 404, 413, 429, 500, 503};
    struct le_span code = codec->read_error(text, len, LE_SPAN_NONE);
    check_code(code, text, len);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        must(le_sqs_error(statuses[i], code) != LE_OK);
    must(!le_sqs_is_skew(code) || code.len > 0);
}

void fuzz_sqs_answer(const struct le_sqs_codec *by, const uint8_t *data, size_t size)
{
    if (size == 0 || size > 64 * 1024)
        return;
    codec = by;
    size_t len = size - 1;
    char *text = malloc(len > 0 ? len : 1);
    must(text != NULL);
    memcpy(text, data + 1, len);
    switch (data[0]) {
    case 'm': read_messages(text, len); break;
    case 'b': read_batch(text, len); break;
    case 'u': read_look_ups(text, len, true); break;
    case 'a': read_look_ups(text, len, false); break;
    case 'e': read_error(text, len); break;
    default: break;
    }
    free(text);
}
