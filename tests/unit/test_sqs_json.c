/* Requests and answers of the JSON 1.0 protocol, byte by byte, in every variant that servers are
 * known to give. */
#include "sqs_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_requests(void **state)
{
    const struct le_span handles[] = {LE_SPAN_LIT("AQEB+/=="), LE_SPAN_LIT("odd \"h\xC3\xA9\"")};
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    sqs_check_written(&out,
                      le_sqs_json.get_queue_url(&out, LE_SPAN_LIT("login-queue"), LE_SPAN_NONE),
                      "{\"QueueName\":\"login-queue\"}");
    sqs_check_written(
        &out, le_sqs_json.get_queue_url(&out, LE_SPAN_LIT("q"), LE_SPAN_LIT("123456789012")),
        "{\"QueueName\":\"q\",\"QueueOwnerAWSAccountId\":\"123456789012\"}");
    sqs_check_written(&out, le_sqs_json.get_queue_attributes(&out, QUEUE_URL),
                      "{\"QueueUrl\":\"" URL "\",\"AttributeNames\":[\"All\"]}");
    sqs_check_written(
        &out, le_sqs_json.receive(&out, QUEUE_URL, 10, 20, 60),
        "{\"QueueUrl\":\"" URL
        "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,\"VisibilityTimeout\":60,"
        "\"AttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"],"
        "\"MessageSystemAttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"]}");
    sqs_check_written(&out, le_sqs_json.receive(&out, LE_SPAN_LIT("q.fifo"), 1, 0, 5),
                      "{\"QueueUrl\":\"q.fifo\",\"MaxNumberOfMessages\":1,\"WaitTimeSeconds\":0,"
                      "\"VisibilityTimeout\":5,\"AttributeNames\":[\"SentTimestamp\","
                      "\"ApproximateReceiveCount\",\"MessageGroupId\"],"
                      "\"MessageSystemAttributeNames\":[\"SentTimestamp\","
                      "\"ApproximateReceiveCount\",\"MessageGroupId\"]}");
    sqs_check_written(&out, le_sqs_json.delete_batch(&out, QUEUE_URL, handles, 2),
                      "{\"QueueUrl\":\"" URL
                      "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/==\"},"
                      "{\"Id\":\"1\",\"ReceiptHandle\":\"odd \\\"h\xC3\xA9\\\"\"}]}");
    sqs_check_written(&out, le_sqs_json.visibility_batch(&out, QUEUE_URL, handles, 1, 0),
                      "{\"QueueUrl\":\"" URL
                      "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/==\","
                      "\"VisibilityTimeout\":0}]}");
    le_buf_free(&out);
}

static void test_send_request(void **state)
{
    const struct le_sqs_attribute attributes[] = {
        {LE_SPAN_LIT("loginetl_key"), LE_SPAN_NONE},
        {LE_SPAN_LIT("loginetl_reason"), LE_SPAN_LIT("missing")},
        {LE_SPAN_LIT("empty"), LE_SPAN_LIT("")},
        {LE_SPAN_LIT("loginetl_message_id"), LE_SPAN_LIT("id \"1\"")},
    };
    const struct le_sqs_send_entry entries[] = {
        {.body = LE_SPAN_LIT("{\"a\": \"\xED\xA0\x80\"}\n"),
         .attributes = attributes,
         .attribute_count = 4},
        {.body = LE_SPAN_LIT("plain"), .attributes = attributes, .attribute_count = 1},
        {.body = LE_SPAN_LIT(""),
         .group_id = LE_SPAN_LIT("g \"1\""),
         .deduplication_id = LE_SPAN_LIT("d")},
    };
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    sqs_check_written(
        &out, le_sqs_json.send_batch(&out, QUEUE_URL, entries, 3),
        "{\"QueueUrl\":\"" URL "\",\"Entries\":["
        "{\"Id\":\"0\",\"MessageBody\":\"{\\\"a\\\": \\\"\\ud800\\\"}\\n\",\"MessageAttributes\":{"
        "\"loginetl_reason\":{\"DataType\":\"String\",\"StringValue\":\"missing\"},"
        "\"loginetl_message_id\":{\"DataType\":\"String\",\"StringValue\":\"id \\\"1\\\"\"}}},"
        "{\"Id\":\"1\",\"MessageBody\":\"plain\"},{\"Id\":\"2\",\"MessageBody\":\"\",\"MessageGroupId\":\"g \\\"1\\\"\",\"MessageDeduplicationId\":\"d\"}]}");
    le_buf_free(&out);
}

static void test_a_request_has_a_limit(void **state)
{
    (void)state;
    sqs_check_limit(&le_sqs_json, 500);
}

/* ---- answers ---- */

static enum le_err read_url(const char *text, struct le_span *url)
{
    return le_sqs_json.read_queue_url(sqs_fresh(text, strlen(text)), strlen(text), url);
}

static void test_queue_url(void **state)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"QueueUrl\":null}",
                                      "{\"QueueUrl\":\"\"}",
                                      "{\"QueueUrl\":\"x\"",
                                      "{\"QueueUrl\":\"x\"}}",
                                      "<GetQueueUrlResponse/>",
                                      "null"};
    struct le_span url;
    (void)state;
    assert_int_equal(read_url("{\"QueueUrl\":\"" URL "\"}", &url), LE_OK);
    assert_true(le_span_equal(url, QUEUE_URL));
    assert_int_equal(
        read_url("{\"ResponseMetadata\":{\"a\":[]},\"QueueUrl\": \"http:\\/\\/h\\/q\" }\n", &url),
        LE_OK);
    assert_true(le_span_is(url, "http://h/q"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_url(bad[i], &url), LE_ERR_PROTOCOL);
}

static enum le_err read_attributes(const char *text, struct le_sqs_queue_attributes *out)
{
    return le_sqs_json.read_queue_attributes(sqs_fresh(text, strlen(text)), strlen(text), out);
}

static void test_queue_attributes(void **state)
{
    struct le_sqs_queue_attributes got;
    (void)state;
    assert_int_equal(
        read_attributes(
            "{\"Attributes\":{\"QueueArn\":\"arn:aws:sqs:us-east-1:000000000000:login-queue\","
            "\"ApproximateNumberOfMessages\":\"12\",\"ApproximateNumberOfMessagesNotVisible\":\"3\","
            "\"ApproximateNumberOfMessagesDelayed\":\"0\",\"VisibilityTimeout\":\"30\",\"Policy\":\"{}\",\"SqsManaged\":null,"
            "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:000000000000:dlq\\\","
            "\\\"maxReceiveCount\\\":3}\"}}",
            &got),
        LE_OK);
    assert_true(le_span_is(got.arn, "arn:aws:sqs:us-east-1:000000000000:login-queue"));
    assert_true(le_span_is(got.dead_letter_arn, "arn:aws:sqs:us-east-1:000000000000:dlq"));
    assert_true(le_span_is(got.redrive_policy,
                           "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dlq\","
                           "\"maxReceiveCount\":3}"));
    assert_true(got.visible == 12 && got.not_visible == 3 && got.delayed == 0);
    assert_true(got.visibility_timeout_s == 30 && got.max_receive_count == 3);
}

static void test_queue_attributes_in_part(void **state)
{
    static const char *const none[] = {
        "",
        "{}",
        "{\"Attributes\":null}",
        "{\"Attributes\":{}}",
        "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"many\"}}",
        "{\"Attributes\":{\"RedrivePolicy\":\"\"}}"};
    static const char *const policies[] = {"null", "{", "[]", "{\\\"maxReceiveCount\\\":\\\"0\\\"}",
                                           "{\\\"deadLetterTargetArn\\\":5}"};
    struct le_sqs_queue_attributes got;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(read_attributes(none[i], &got), LE_OK);
        assert_true(got.visible == -1 && got.not_visible == -1 && got.delayed == -1 &&
                    got.visibility_timeout_s == -1);
        assert_true(got.max_receive_count == 0 && got.redrive_policy.ptr == NULL &&
                    got.dead_letter_arn.ptr == NULL);
    }
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "{\"Attributes\":{\"RedrivePolicy\":\"%s\"}}",
                       policies[i]);
        assert_int_equal(read_attributes(text, &got), LE_OK);
        assert_true(got.max_receive_count == 0 && got.dead_letter_arn.ptr == NULL &&
                    got.redrive_policy.len > 0);
    }
    assert_int_equal(
        read_attributes(
            "{\"Attributes\":{\"RedrivePolicy\":\"{\\\"maxReceiveCount\\\": \\\"5\\\"}\"}}", &got),
        LE_OK);
    assert_int_equal(got.max_receive_count, 5);
    assert_int_equal(read_attributes("[1]", &got), LE_ERR_PROTOCOL);
    assert_int_equal(read_attributes("{\"Attributes\":{", &got), LE_ERR_PROTOCOL);
}

static struct le_sqs_message messages[LE_SQS_BATCH_MAX];
static size_t message_count;

static enum le_err read_messages(const char *text)
{
    return le_sqs_json.read_messages(sqs_fresh(text, strlen(text)), strlen(text), messages,
                                     &message_count);
}

static void test_empty_answers(void **state)
{
    static const char *const empty[] = {"",
                                        "{}",
                                        " { } \n",
                                        "{\"Messages\":[]}",
                                        "{\"Messages\":null}",
                                        "{\"Messages\": [ ] , \"x\":1}"};
    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_int_equal(read_messages(empty[i]), LE_OK);
        assert_int_equal(message_count, 0);
    }
}

static void test_messages(void **state)
{
    (void)state;
    assert_int_equal(
        read_messages(
            "{\"Messages\":[{\"MessageId\":\"id-1\",\"ReceiptHandle\":\"h\\/1\",\"MD5OfBody\":\"00\","
            "\"Body\":\"{\\\"user_id\\\": \\\"\\u00e9\\ud83d\\ude00\\\"}\",\"Attributes\":{\"MessageGroupId\":\"g\\u0031\","
            "\"SentTimestamp\":\"1700000000123\",\"ApproximateReceiveCount\":\"2\"},"
            "\"MessageAttributes\":{\"k\":{\"StringValue\":\"}]\",\"DataType\":\"String\"}}},\n"
            "  { \"Body\" : \"\", \"ReceiptHandle\":\"h2\", \"Attributes\":null, \"MessageId\":\"id-2\" }]}"),
        LE_OK);
    assert_int_equal(message_count, 2);
    assert_true(le_span_is(messages[0].message_id, "id-1"));
    assert_true(le_span_is(messages[0].receipt_handle, "h/1"));
    struct le_span body = {messages[0].body, messages[0].body_len};
    assert_true(le_span_is(body, "{\"user_id\": \"\xC3\xA9\xF0\x9F\x98\x80\"}"));
    assert_true(messages[0].body > messages[0].receipt_handle.ptr);
    assert_true(messages[0].sent_at_ms == INT64_C(1700000000123) && messages[0].receive_count == 2);
    assert_true(le_span_is(messages[0].group_id, "g1") && messages[1].group_id.ptr == NULL);
    assert_true(le_span_is(messages[1].message_id, "id-2") &&
                le_span_is(messages[1].receipt_handle, "h2"));
    assert_true(messages[1].body != NULL && messages[1].body_len == 0);
    assert_true(messages[1].sent_at_ms == -1 && messages[1].receive_count == 0);
}

static void test_damaged_bodies(void **state)
{
    static const struct {
        const char *md5;
        bool damaged;
    } cases[] = {
        {"", false}, /* none was given */
        {",\"MD5OfBody\":null", false},
        {",\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c592\"", false},
        {",\"MD5OfBody\":\"5D41402ABC4B2A76B9719D911017C592\"", false},
        {",\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c593\"", true},
        {",\"MD5OfBody\":\"00000000000000000000000000000000\"", true},
        {",\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c59\"", false}, /* not an MD5 */
        {",\"MD5OfBody\":\"5d41402abc4b2a76b9719d911017c59g\"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":"
                       "\"h\\u0065llo\"%s}]}",
                       cases[i].md5);
        assert_int_equal(read_messages(text), LE_OK);
        assert_int_equal(le_sqs_body_is_damaged(&messages[0]), cases[i].damaged);
    }
}

static void test_odd_system_attributes(void **state)
{
    static const char *const odd[] = {"\"-1\"",
                                      "\"\"",
                                      "\"1.5\"",
                                      "null",
                                      "17",
                                      "\"253402300800000\"",
                                      "\"99999999999999999999\"",
                                      "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char text[256];
        (void)snprintf(
            text, sizeof text,
            "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"b\",\"Attributes\":{"
            "\"SentTimestamp\":%s,\"ApproximateReceiveCount\":%s}}]}",
            odd[i], i == 5 ? "\"4294967296\"" : odd[i]);
        assert_int_equal(read_messages(text), LE_OK);
        assert_true(messages[0].sent_at_ms == -1 && messages[0].receive_count == 0);
    }
}

static void test_answers_that_are_none(void **state)
{
    static const char *const bad[] = {
        "[]",
        "null",
        "\"x\"",
        "<ReceiveMessageResponse/>",
        "{\"Messages\":[{}]}",
        "{\"Messages\":[null]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\"}]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"Body\":\"b\"}]}",
        "{\"Messages\":[{\"ReceiptHandle\":\"h\",\"Body\":\"b\"}]}",
        "{\"Messages\":[{\"MessageId\":\"\",\"ReceiptHandle\":\"h\",\"Body\":\"b\"}]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"\",\"Body\":\"b\"}]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":null}]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"b\nb\"}]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"\\x\"}]}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"b\"}",
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"b\"}]} x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_messages(bad[i]) != LE_ERR_PROTOCOL)
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_ten_messages_and_no_more(void **state)
{
    char text[2048];
    (void)state;
    for (int count = 10; count <= 11; count++) {
        int len = snprintf(text, sizeof text, "{\"Messages\":[");
        for (int i = 0; i < count; i++)
            len += snprintf(text + len, sizeof text - (size_t)len,
                            "%s{\"MessageId\":\"i%d\",\"ReceiptHandle\":\"h\",\"Body\":\"b\"}",
                            i > 0 ? "," : "", i);
        (void)snprintf(text + len, sizeof text - (size_t)len, "]}");
        assert_int_equal(read_messages(text), count == 10 ? LE_OK : LE_ERR_PROTOCOL);
        assert_int_equal(message_count, 10);
    }
}

/* An answer cut anywhere is never taken for a whole one. */
static void test_cut_answers(void **state)
{
    static const char whole[] =
        "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"{\\\"a\\\":1}\","
        "\"Attributes\":{\"SentTimestamp\":\"1\"}}]}";
    (void)state;
    for (size_t len = 1; len < sizeof whole - 1; len++) {
        char *text = sqs_fresh(whole, len);
        assert_int_equal(le_sqs_json.read_messages(text, len, messages, &message_count),
                         LE_ERR_PROTOCOL);
    }
}

static struct le_sqs_entry_result results[LE_SQS_BATCH_MAX];

static enum le_err read_batch(const char *text, size_t count)
{
    return le_sqs_json.read_batch(sqs_fresh(text, strlen(text)), strlen(text), results, count);
}

static void test_batch_results(void **state)
{
    (void)state;
    assert_int_equal(
        read_batch(
            "{\"Successful\":[{\"Id\":\"1\"},{\"Id\":\"0\",\"MessageId\":\"x\",\"MD5OfMessageBody\":\"y\"}],"
            "\"Failed\":[{\"Id\":\"3\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\","
            "\"Message\":\"The handle \\\"AQEB\\\" …\"},{\"Id\":\"4\",\"Code\":\"InternalError\","
            "\"SenderFault\":false}]}",
            5),
        LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_OK);
    assert_int_equal(results[1].outcome, LE_SQS_ENTRY_OK);
    assert_int_equal(results[2].outcome, LE_SQS_ENTRY_MISSING);
    assert_int_equal(results[3].outcome, LE_SQS_ENTRY_FAILED);
    assert_true(results[3].sender_fault && le_span_is(results[3].code, "ReceiptHandleIsInvalid"));
    assert_int_equal(results[4].outcome, LE_SQS_ENTRY_FAILED);
    assert_true(!results[4].sender_fault && le_span_is(results[4].code, "InternalError"));
}

static void test_batch_results_in_part(void **state)
{
    static const char *const silent[] = {"", "{}", "{\"Successful\":[],\"Failed\":[]}",
                                         "{\"Successful\":null}",
                                         "{\"Failed\":null,\"ResponseMetadata\":{}}"};
    (void)state;
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        assert_int_equal(read_batch(silent[i], 2), LE_OK);
        assert_int_equal(results[0].outcome, LE_SQS_ENTRY_MISSING);
        assert_int_equal(results[1].outcome, LE_SQS_ENTRY_MISSING);
    }
    assert_int_equal(
        read_batch(
            "{\"Failed\":[{\"Id\":\"0\",\"Code\":\"com.amazonaws.sqs#A\",\"SenderFault\":\"yes\"}]}",
            1),
        LE_OK);
    assert_true(le_span_is(results[0].code, "A") && !results[0].sender_fault);
    assert_int_equal(read_batch("{\"Failed\":[{\"Id\":\"0\",\"Code\":\"a sentence\"}]}", 1), LE_OK);
    assert_true(results[0].outcome == LE_SQS_ENTRY_FAILED && results[0].code.ptr == NULL);
}

/* Said to have worked and to have failed: a delete is tried again rather than believed. */
static void test_failed_beats_successful(void **state)
{
    (void)state;
    assert_int_equal(read_batch("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"0\"}]}", 1),
                     LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_FAILED);
    assert_int_equal(read_batch("{\"Failed\":[{\"Id\":\"0\"}],\"Successful\":[{\"Id\":\"0\"}]}", 1),
                     LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_FAILED);
}

static void test_batch_results_that_are_none(void **state)
{
    static const char *const bad[] = {
        "[]",
        "<DeleteMessageBatchResponse/>",
        "{\"Successful\":[{\"Id\":\"2\"}]}",
        "{\"Successful\":[{\"Id\":\"a\"}]}",
        "{\"Failed\":[{\"Id\":\"00\"}]}",
        "{\"Failed\":[{\"Id\":\"\"}]}",
        "{\"Successful\":[{}]}",
        "{\"Successful\":[\"0\"]}",
        "{\"Successful\":[{\"Id\":0}]}",
        "{\"Successful\":[{\"Id\":\"0\"}",
        "{\"Failed\":{}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_batch(bad[i], 2) != LE_ERR_PROTOCOL)
            fail_msg("taken: %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_send_request),
        cmocka_unit_test(test_a_request_has_a_limit),
        cmocka_unit_test(test_queue_url),
        cmocka_unit_test(test_queue_attributes),
        cmocka_unit_test(test_queue_attributes_in_part),
        cmocka_unit_test(test_empty_answers),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_damaged_bodies),
        cmocka_unit_test(test_odd_system_attributes),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_ten_messages_and_no_more),
        cmocka_unit_test(test_cut_answers),
        cmocka_unit_test(test_batch_results),
        cmocka_unit_test(test_batch_results_in_part),
        cmocka_unit_test(test_failed_beats_successful),
        cmocka_unit_test(test_batch_results_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, sqs_drop_fresh);
}
