/* Requests and answers of the Query protocol, byte by byte, in every variant that servers are known
 * to give. */
#include "sqs_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FORM_URL "http%3A%2F%2Flocalhost%3A4566%2F000000000000%2Flogin-queue"

static void test_look_up_requests(void **state)
{
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    sqs_check_written(&out,
                      le_sqs_query.get_queue_url(&out, LE_SPAN_LIT("login-queue"), LE_SPAN_NONE),
                      "Action=GetQueueUrl&Version=2012-11-05&QueueName=login-queue");
    sqs_check_written(
        &out, le_sqs_query.get_queue_url(&out, LE_SPAN_LIT("q.fifo"), LE_SPAN_LIT("123456789012")),
        "Action=GetQueueUrl&Version=2012-11-05&QueueName=q.fifo"
        "&QueueOwnerAWSAccountId=123456789012");
    sqs_check_written(&out, le_sqs_query.get_queue_attributes(&out, QUEUE_URL),
                      "Action=GetQueueAttributes&Version=2012-11-05&QueueUrl=" FORM_URL
                      "&AttributeName.1=All");
    le_buf_free(&out);
}

static void test_requests(void **state)
{
    const struct le_span handles[] = {LE_SPAN_LIT("AQEB+/=="), LE_SPAN_LIT("odd &h\xC3\xA9~")};
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    sqs_check_written(&out, le_sqs_query.receive(&out, QUEUE_URL, 10, 20, 60),
                      "Action=ReceiveMessage&Version=2012-11-05&QueueUrl=" FORM_URL
                      "&MaxNumberOfMessages=10&WaitTimeSeconds=20&VisibilityTimeout=60"
                      "&AttributeName.1=SentTimestamp&AttributeName.2=ApproximateReceiveCount"
                      "&MessageSystemAttributeName.1=SentTimestamp"
                      "&MessageSystemAttributeName.2=ApproximateReceiveCount");
    sqs_check_written(&out, le_sqs_query.receive(&out, LE_SPAN_LIT("q.fifo"), 1, 0, 5),
                      "Action=ReceiveMessage&Version=2012-11-05&QueueUrl=q.fifo"
                      "&MaxNumberOfMessages=1&WaitTimeSeconds=0&VisibilityTimeout=5"
                      "&AttributeName.1=SentTimestamp&AttributeName.2=ApproximateReceiveCount"
                      "&MessageSystemAttributeName.1=SentTimestamp"
                      "&MessageSystemAttributeName.2=ApproximateReceiveCount"
                      "&AttributeName.3=MessageGroupId"
                      "&MessageSystemAttributeName.3=MessageGroupId");
    sqs_check_written(&out, le_sqs_query.delete_batch(&out, QUEUE_URL, handles, 2),
                      "Action=DeleteMessageBatch&Version=2012-11-05&QueueUrl=" FORM_URL
                      "&DeleteMessageBatchRequestEntry.1.Id=0"
                      "&DeleteMessageBatchRequestEntry.1.ReceiptHandle=AQEB%2B%2F%3D%3D"
                      "&DeleteMessageBatchRequestEntry.2.Id=1"
                      "&DeleteMessageBatchRequestEntry.2.ReceiptHandle=odd%20%26h%C3%A9~");
    sqs_check_written(&out, le_sqs_query.visibility_batch(&out, QUEUE_URL, handles, 1, 0),
                      "Action=ChangeMessageVisibilityBatch&Version=2012-11-05&QueueUrl=" FORM_URL
                      "&ChangeMessageVisibilityBatchRequestEntry.1.Id=0"
                      "&ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle=AQEB%2B%2F%3D%3D"
                      "&ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout=0");
    le_buf_free(&out);
}

static void test_send_request(void **state)
{
    const struct le_sqs_attribute attributes[] = {
        {LE_SPAN_LIT("loginetl_key"), LE_SPAN_NONE},
        {LE_SPAN_LIT("loginetl_reason"), LE_SPAN_LIT("missing")},
        {LE_SPAN_LIT("empty"), LE_SPAN_LIT("")},
        {LE_SPAN_LIT("loginetl_message_id"), LE_SPAN_LIT("id=1")},
    };
    const struct le_sqs_send_entry entries[] = {
        {.body = LE_SPAN_LIT("{\"a\": 1}\r\n"), .attributes = attributes, .attribute_count = 4},
        {.body = LE_SPAN_LIT("plain"), .attributes = attributes, .attribute_count = 1},
        {.body = LE_SPAN_LIT(""),
         .group_id = LE_SPAN_LIT("g \"1\""),
         .deduplication_id = LE_SPAN_LIT("d")},
    };
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    sqs_check_written(&out, le_sqs_query.send_batch(&out, QUEUE_URL, entries, 3),
                      "Action=SendMessageBatch&Version=2012-11-05&QueueUrl=" FORM_URL
                      "&SendMessageBatchRequestEntry.1.Id=0"
                      "&SendMessageBatchRequestEntry.1.MessageBody=%7B%22a%22%3A%201%7D%0D%0A"
                      "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=loginetl_reason"
                      "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String"
                      "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=missing"
                      "&SendMessageBatchRequestEntry.1.MessageAttribute.2.Name=loginetl_message_id"
                      "&SendMessageBatchRequestEntry.1.MessageAttribute.2.Value.DataType=String"
                      "&SendMessageBatchRequestEntry.1.MessageAttribute.2.Value.StringValue=id%3D1"
                      "&SendMessageBatchRequestEntry.2.Id=1"
                      "&SendMessageBatchRequestEntry.2.MessageBody=plain"
                      "&SendMessageBatchRequestEntry.3.Id=2"
                      "&SendMessageBatchRequestEntry.3.MessageBody="
                      "&SendMessageBatchRequestEntry.3.MessageGroupId=g%20%221%22"
                      "&SendMessageBatchRequestEntry.3.MessageDeduplicationId=d");
    le_buf_free(&out);
}

/* Every byte comes back as it was, also where a piece ends; what is not UTF-8 becomes U+FFFD. */
static void test_forms_keep_every_character(void **state)
{
    char body[2000], *at = body;
    struct le_sqs_send_entry entry = {.body = LE_SPAN_NONE};
    struct le_buf out;
    (void)state;
    for (int i = 0; i < 200; i++)
        at += snprintf(at, sizeof body - (size_t)(at - body), "a%.*s\xF0\x9F\x98\x80", i % 5,
                       "%+&=.");
    entry.body = (struct le_span){body, (size_t)(at - body)};
    le_buf_init(&out, 1 << 20);
    assert_int_equal(le_sqs_query.send_batch(&out, QUEUE_URL, &entry, 1), LE_OK);
    const char *form = memmem(out.data, out.len, "Body=", 5);
    assert_non_null(form);
    form += 5;
    for (size_t i = 0; i < entry.body.len; i++) {
        unsigned value = (unsigned char)*form++;
        if (value == '%') {
            assert_int_equal(sscanf(form, "%2X", &value), 1);
            form += 2;
        }
        assert_int_equal(value, (unsigned char)body[i]);
    }
    assert_ptr_equal(form, out.data + out.len);
    le_buf_clear(&out);
    entry.body = LE_SPAN_LIT("\xED\xA0\x80|\xFF");
    sqs_check_written(
        &out, le_sqs_query.send_batch(&out, LE_SPAN_LIT("u"), &entry, 1),
        "Action=SendMessageBatch&Version=2012-11-05&QueueUrl=u"
        "&SendMessageBatchRequestEntry.1.Id=0&SendMessageBatchRequestEntry.1.MessageBody="
        "%EF%BF%BD%EF%BF%BD%EF%BF%BD%7C%EF%BF%BD");
    le_buf_free(&out);
}

static void test_a_request_has_a_limit(void **state)
{
    (void)state;
    sqs_check_limit(&le_sqs_query, 1000);
}

/* ---- answers ---- */

static enum le_err read_url(const char *text, struct le_span *url)
{
    return le_sqs_query.read_queue_url(sqs_fresh(text, strlen(text)), strlen(text), url);
}

#define URL_ANSWER(url)                                                   \
    "<GetQueueUrlResponse><GetQueueUrlResult>" url "</GetQueueUrlResult>" \
    "</GetQueueUrlResponse>"

static void test_queue_url(void **state)
{
    static const char *const bad[] = {
        "",
        " \n",
        "{}",
        URL_ANSWER(""),
        URL_ANSWER("<QueueUrl/>"),
        URL_ANSWER("<QueueUrl><b>x</b></QueueUrl>"),
        URL_ANSWER("<a><QueueUrl>x</QueueUrl></a>"),
        URL_ANSWER("<QueueUrl>x</QueueUrl>") "x",
        URL_ANSWER("<QueueUrl>x</QueueURL>"),
        "<GetQueueUrlResponse><QueueUrl>x</QueueUrl></GetQueueUrlResponse>",
        "<html><GetQueueUrlResult><QueueUrl>x</QueueUrl></GetQueueUrlResult></html>",
    };
    struct le_span url;
    (void)state;
    assert_int_equal(read_url("\n<?xml version=\"1.0\"?>\n<GetQueueUrlResponse "
                              "xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\n"
                              "  <ResponseMetadata>\n    <RequestId>1</RequestId>\n"
                              "  </ResponseMetadata>\n  <GetQueueUrlResult>\n"
                              "    <QueueUrl>" URL "</QueueUrl>\n"
                              "  </GetQueueUrlResult>\n</GetQueueUrlResponse>\n",
                              &url),
                     LE_OK);
    assert_true(le_span_equal(url, QUEUE_URL));
    assert_int_equal(read_url(URL_ANSWER("<QueueUrl>http://h/q?a=1&amp;b</QueueUrl>"), &url),
                     LE_OK);
    assert_true(le_span_is(url, "http://h/q?a=1&b"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_url(bad[i], &url) != LE_ERR_PROTOCOL)
            fail_msg("taken: %s", bad[i]);
    }
}

static enum le_err read_attributes(const char *text, struct le_sqs_queue_attributes *out)
{
    return le_sqs_query.read_queue_attributes(sqs_fresh(text, strlen(text)), strlen(text), out);
}

#define ATTRIBUTES(list)                                                                        \
    "<GetQueueAttributesResponse><GetQueueAttributesResult>" list "</GetQueueAttributesResult>" \
    "</GetQueueAttributesResponse>"
#define ATTRIBUTE(name, value) \
    "<Attribute><Name>" name "</Name><Value>" value "</Value></Attribute>"

static void test_queue_attributes(void **state)
{
    struct le_sqs_queue_attributes got;
    (void)state;
    assert_int_equal(
        read_attributes(
            ATTRIBUTES(
                ATTRIBUTE("QueueArn", "arn:aws:sqs:us-east-1:000000000000:login-queue")
                    ATTRIBUTE("ApproximateNumberOfMessages", "12") ATTRIBUTE(
                        "ApproximateNumberOfMessagesNotVisible",
                        "3") "<Attribute><Value>0</Value><Name>"
                             "ApproximateNumberOfMessagesDelayed</Name>"
                             "</Attribute>" ATTRIBUTE("VisibilityTimeout", "30")
                                 ATTRIBUTE("Policy", "{}") ATTRIBUTE(
                                     "RedrivePolicy",
                                     "{&quot;deadLetterTargetArn&quot;:&quot;arn:aws:sqs:us-east-1:"
                                     "000000000000:dlq&quot;,&quot;maxReceiveCount&quot;:3}")),
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
        "<GetQueueAttributesResponse/>",
        ATTRIBUTES(""),
        ATTRIBUTES("<Attribute/>"),
        ATTRIBUTES("<Attribute><Name>VisibilityTimeout</Name></Attribute>"),
        ATTRIBUTES("<Attribute><Value>30</Value></Attribute>"),
        ATTRIBUTES("<Attribute><Name>VisibilityTimeout</Name></Attribute>"
                   "<Attribute><Value>30</Value></Attribute>"),
        ATTRIBUTES(ATTRIBUTE("ApproximateNumberOfMessages", "many")),
        ATTRIBUTES(ATTRIBUTE("RedrivePolicy", "")),
        ATTRIBUTES("<x>" ATTRIBUTE("VisibilityTimeout", "30") "</x>"),
    };
    struct le_sqs_queue_attributes got;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(read_attributes(none[i], &got), LE_OK);
        assert_true(got.visible == -1 && got.not_visible == -1 && got.delayed == -1 &&
                    got.visibility_timeout_s == -1);
        assert_true(got.max_receive_count == 0 && got.redrive_policy.ptr == NULL &&
                    got.dead_letter_arn.ptr == NULL);
    }
    assert_int_equal(read_attributes(ATTRIBUTES(ATTRIBUTE("RedrivePolicy", "{")), &got), LE_OK);
    assert_true(got.redrive_policy.len == 1 && got.max_receive_count == 0);
    assert_int_equal(read_attributes("<GetQueueUrlResponse/>", &got), LE_ERR_PROTOCOL);
    assert_int_equal(read_attributes("<GetQueueAttributesResponse>", &got), LE_ERR_PROTOCOL);
}

static struct le_sqs_entry_result results[LE_SQS_BATCH_MAX];

static enum le_err read_batch(const char *text, size_t count)
{
    return le_sqs_query.read_batch(sqs_fresh(text, strlen(text)), strlen(text), results, count);
}

#define BATCH(list)                                                         \
    "<DeleteMessageBatchResponse><DeleteMessageBatchResult>" list           \
    "</DeleteMessageBatchResult><ResponseMetadata><RequestId>1</RequestId>" \
    "</ResponseMetadata></DeleteMessageBatchResponse>"
#define DONE(id)       "<DeleteMessageBatchResultEntry>" id "</DeleteMessageBatchResultEntry>"
#define FAILED(fields) "<BatchResultErrorEntry>" fields "</BatchResultErrorEntry>"

static void test_batch_results(void **state)
{
    (void)state;
    assert_int_equal(
        read_batch(BATCH(DONE("<Id>1</Id>") DONE("<Id>0</Id>") FAILED(
                       "<Id>3</Id><Code>ReceiptHandleIsInvalid</Code><Message>The handle "
                       "&quot;AQEB&quot;</Message><SenderFault>true</SenderFault>")
                             FAILED("<SenderFault>false</SenderFault><Code>InternalError</Code>"
                                    "<Id>4</Id>")),
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

static void test_batch_results_of_the_others(void **state)
{
    (void)state;
    assert_int_equal(
        read_batch("<ChangeMessageVisibilityBatchResponse><ChangeMessageVisibilityBatchResult>"
                   "<ChangeMessageVisibilityBatchResultEntry><Id>0</Id>"
                   "</ChangeMessageVisibilityBatchResultEntry></ChangeMessageVisibilityBatchResult>"
                   "</ChangeMessageVisibilityBatchResponse>",
                   1),
        LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_OK);
    assert_int_equal(
        read_batch("<SendMessageBatchResponse><SendMessageBatchResult><SendMessageBatchResultEntry>"
                   "<Id>0</Id><MessageId>m</MessageId><MD5OfMessageBody>x</MD5OfMessageBody>"
                   "</SendMessageBatchResultEntry></SendMessageBatchResult>"
                   "</SendMessageBatchResponse>",
                   1),
        LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_OK);
}

static void test_batch_results_in_part(void **state)
{
    static const char *const silent[] = {"", BATCH(""), "<DeleteMessageBatchResponse/>",
                                         BATCH("<x>" DONE("<Id>0</Id>") "</x>")};
    (void)state;
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        assert_int_equal(read_batch(silent[i], 2), LE_OK);
        assert_int_equal(results[0].outcome, LE_SQS_ENTRY_MISSING);
        assert_int_equal(results[1].outcome, LE_SQS_ENTRY_MISSING);
    }
    assert_int_equal(read_batch(BATCH(FAILED("<Id>0</Id><Code>a sentence</Code><SenderFault>yes"
                                             "</SenderFault>")),
                                1),
                     LE_OK);
    assert_true(results[0].outcome == LE_SQS_ENTRY_FAILED && results[0].code.ptr == NULL);
    assert_false(results[0].sender_fault);
}

/* Said to have worked and to have failed: a delete is tried again rather than believed. */
static void test_failed_beats_successful(void **state)
{
    (void)state;
    assert_int_equal(read_batch(BATCH(DONE("<Id>0</Id>") FAILED("<Id>0</Id>")), 1), LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_FAILED);
    assert_int_equal(read_batch(BATCH(FAILED("<Id>0</Id>") DONE("<Id>0</Id>")), 1), LE_OK);
    assert_int_equal(results[0].outcome, LE_SQS_ENTRY_FAILED);
}

static void test_batch_results_that_are_none(void **state)
{
    static const char *const bad[] = {
        "{}",
        "<ReceiveMessageResponse/>",
        BATCH(DONE("<Id>2</Id>")),
        BATCH(DONE("<Id>a</Id>")),
        BATCH(FAILED("<Id>00</Id>")),
        BATCH(FAILED("<Id/>")),
        BATCH(DONE("")),
        BATCH(DONE("0")),
        BATCH(DONE("<Id>0</Id>") DONE("")), /* not the id of the one before */
        "<DeleteMessageBatchResponse><DeleteMessageBatchResult>" DONE("<Id>0</Id>"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_batch(bad[i], 2) != LE_ERR_PROTOCOL)
            fail_msg("taken: %s", bad[i]);
    }
}

static void check_code(const char *body, const char *header, const char *expect)
{
    struct le_span code =
        le_sqs_query.read_error(sqs_fresh(body, strlen(body)), strlen(body), le_span_of(header));
    if (expect == NULL ? code.ptr != NULL : !le_span_is(code, expect))
        fail_msg("%s: %.*s", body, (int)code.len, code.ptr != NULL ? code.ptr : "");
}

static void test_error_codes(void **state)
{
    (void)state;
    check_code("<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/\">"
               "<Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
               "<Message>The specified queue does not exist</Message><Detail/></Error>"
               "<RequestId>1</RequestId></ErrorResponse>",
               NULL, "AWS.SimpleQueueService.NonExistentQueue");
    check_code("<Response>\n <Errors>\n  <Error>\n   <Code>MissingAction</Code>\n  </Error>\n "
               "</Errors>\n</Response>",
               NULL, "MissingAction");
    check_code("<Error><Code>AccessDenied</Code></Error>", NULL, "AccessDenied");
    check_code("<ErrorResponse><Error><Code>First</Code><Code>Second</Code></Error>", NULL,
               "First"); /* and cut */
    check_code("<ErrorResponse><Error><Code>a sentence</Code></Error></ErrorResponse>", NULL, NULL);
    check_code("<ErrorResponse><Code>Stray</Code></ErrorResponse>", NULL, NULL);
    check_code("<!DOCTYPE html><html><Error><Code>No</Code></Error></html>", NULL, NULL);
    check_code("{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}", NULL, "QueueDoesNotExist");
    check_code("", "AWS.SimpleQueueService.NonExistentQueue;Sender",
               "AWS.SimpleQueueService.NonExistentQueue");
    check_code("Bad Gateway", "Throttling;Sender", "Throttling");
    check_code("Bad Gateway", NULL, NULL);
    assert_int_equal(le_sqs_error(400, LE_SPAN_LIT("AWS.SimpleQueueService.NonExistentQueue")),
                     LE_ERR_NO_QUEUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_up_requests),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_send_request),
        cmocka_unit_test(test_forms_keep_every_character),
        cmocka_unit_test(test_a_request_has_a_limit),
        cmocka_unit_test(test_queue_url),
        cmocka_unit_test(test_queue_attributes),
        cmocka_unit_test(test_queue_attributes_in_part),
        cmocka_unit_test(test_batch_results),
        cmocka_unit_test(test_batch_results_of_the_others),
        cmocka_unit_test(test_batch_results_in_part),
        cmocka_unit_test(test_failed_beats_successful),
        cmocka_unit_test(test_batch_results_that_are_none),
        cmocka_unit_test(test_error_codes),
    };
    return cmocka_run_group_tests(tests, NULL, sqs_drop_fresh);
}
