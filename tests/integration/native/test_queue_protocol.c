/* The SQS client against servers that speak Query only, or JSON, or neither. */
#include "queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define FORM_URL     "http%3A%2F%2Fsqs.us-east-1.localhost%3A4566%2F000000000000%2Flogin-queue"
#define RECEIVE_FORM                                                                       \
    "Action=ReceiveMessage&Version=2012-11-05&QueueUrl=" FORM_URL                          \
    "&MaxNumberOfMessages=10&WaitTimeSeconds=1&VisibilityTimeout=60"                       \
    "&AttributeName.1=SentTimestamp&AttributeName.2=ApproximateReceiveCount"               \
    "&MessageSystemAttributeName.1=SentTimestamp&MessageSystemAttributeName.2=Approximate" \
    "ReceiveCount"
#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define JSON_TYPE "application/x-amz-json-1.0"
#define ONE_MESSAGE                                                                            \
    "<?xml version=\"1.0\"?>\n<ReceiveMessageResponse><ReceiveMessageResult><Message>"         \
    "<MessageId>id-1</MessageId><ReceiptHandle>handle-1</ReceiptHandle><Body>{&quot;ip&quot;:" \
    "&quot;192.0.2.7&quot;}</Body></Message></ReceiveMessageResult></ReceiveMessageResponse>"
#define NO_MESSAGES "<ReceiveMessageResponse><ReceiveMessageResult/></ReceiveMessageResponse>"
#define XML_ERROR(code)                                                                     \
    "<?xml version=\"1.0\"?><ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code>" \
    "<Message>words of a server</Message></Error></ErrorResponse>"

static struct fixture fixture;

static int set_up(void **state)
{
    fixture_open_with(&fixture, *(const enum le_sqs_protocol *)*state);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static bool is_form(size_t position)
{
    const struct script_request *request = script_request(fixture.script, position);
    const char *type = script_header(request, "content-type");
    const char *target = script_header(request, "x-amz-target");
    bool form = strncmp(request->body, "Action=", 7) == 0;
    assert_string_equal(type, form ? FORM_TYPE : JSON_TYPE);
    assert_int_equal(target[0] == '\0', form);
    return form;
}

/* How often the log tells of the protocol. */
static size_t told(void)
{
    size_t count = 0;
    for (const char *at = fixture.log; (at = strstr(at, "event=protocol")) != NULL; at++)
        count++;
    return count;
}

/* A receive that ends so; how many messages it has. */
static size_t receive(enum le_err expect)
{
    struct fixture_receive mine;
    assert_int_equal(fixture_receive(&fixture, &mine), expect);
    size_t count = mine.answer.found_count;
    fixture_receive_free(&mine);
    return count;
}

/* Receives that are under way at the same time, the last request of each is answered well; how many
 * messages each has. */
static void receive_together(size_t count, size_t each)
{
    struct fixture_receive receives[3];
    assert_true(count <= COUNT(receives));
    for (size_t i = 0; i < count; i++)
        fixture_receive_begin(&fixture, &receives[i]);
    fixture_run_requests(&fixture, count);
    fixture_wait(&fixture);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(receives[i].op.err, LE_OK);
        assert_int_equal(receives[i].answer.found_count, each);
        fixture_receive_free(&receives[i]);
    }
}

static void test_query_from_the_start(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = ONE_MESSAGE, .content_type = "text/xml"}};
    struct fixture_receive mine;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(fixture_receive(&fixture, &mine), LE_OK);
    assert_int_equal(mine.answer.found_count, 1);
    assert_true(le_span_is(mine.answer.found[0].receipt_handle, "handle-1"));
    assert_int_equal(mine.answer.found[0].body_len, strlen("{\"ip\":\"192.0.2.7\"}"));
    assert_memory_equal(mine.answer.found[0].body, "{\"ip\":\"192.0.2.7\"}", 18);
    fixture_receive_free(&mine);
    const struct script_request *request = script_request(fixture.script, 0);
    assert_true(is_form(0));
    assert_string_equal(request->body, RECEIVE_FORM);
    assert_non_null(strstr(script_header(request, "authorization"),
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"));
    assert_int_equal(told(), 1);
    assert_non_null(strstr(fixture.log, "why=\"--sqs-protocol says so\""));
}

static void test_entries_in_query(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200,
         .body = "<DeleteMessageBatchResponse><DeleteMessageBatchResult>"
                 "<DeleteMessageBatchResultEntry><Id>1</Id></DeleteMessageBatchResultEntry>"
                 "<BatchResultErrorEntry><Id>0</Id><Code>ReceiptHandleIsInvalid</Code>"
                 "<SenderFault>true</SenderFault></BatchResultErrorEntry>"
                 "</DeleteMessageBatchResult></DeleteMessageBatchResponse>"},
        {.status = 200, .body = "<SendMessageBatchResponse/>"}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 3);
    assert_int_equal(fixture_entries(&entries, fixture.port.delete_batch), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_GIVE_UP);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_OK);
    assert_int_equal(entries.op.outcomes[2], LE_ENTRY_RETRY);
    fixture_entries_fill(&fixture, &entries, 1);
    assert_int_equal(fixture_entries(&entries, fixture.port.dead_letter), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_RETRY);
    assert_true(is_form(0) && is_form(1));
}

/* What Query-only servers say to JSON. */
static void test_found_out_at_the_first_answer(void **state)
{
    static const struct script_answer refusals[] = {
        {.status = 400, .body = XML_ERROR("MissingAction"), .content_type = "text/xml"},
        {.status = 415, .body = "unsupported", .content_type = "text/plain"},
        {.status = 415, .body = "{\"__type\":\"UnsupportedMediaType\"}"},
        {.status = 500, .body = XML_ERROR("InternalError"), .content_type = "text/xml"},
        {.status = 500, .body = XML_ERROR("InternalError"), .content_type = "text/plain"},
        {.status = 400, .body = "\n" XML_ERROR("X"), .content_type = "application/xml"},
        {.status = 400, .body = "{\"message\":\"no action\"}"},
        {.status = 500},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct script_answer answers[] = {refusals[i],
                                                {.status = 200, .body = ONE_MESSAGE},
                                                {.status = 200, .body = NO_MESSAGES}};
        fixture_open_with(&fixture, LE_SQS_PROTOCOL_AUTO);
        script_set(fixture.script, answers, COUNT(answers));
        assert_int_equal(receive(LE_OK), 1);
        assert_int_equal(receive(LE_OK), 0);
        assert_int_equal(script_count(fixture.script), 3);
        assert_true(!is_form(0) && is_form(1) && is_form(2));
        assert_string_equal(script_request(fixture.script, 2)->body, RECEIVE_FORM);
        assert_int_equal(told(), 1);
        assert_non_null(strstr(fixture.log, "protocol=query"));
        assert_null(strstr(fixture.log, "queue_failed"));
        assert_null(strstr(fixture.log, "words of a server"));
        fixture_close(&fixture);
    }
}

/* One server does what it was asked in JSON and says so in XML: the answer counts, and is not asked
 * for again. */
static void test_found_out_at_a_good_answer(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = ONE_MESSAGE, .content_type = "text/html; charset=utf-8"},
        {.status = 200, .body = NO_MESSAGES, .content_type = "text/html; charset=utf-8"}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive(LE_OK), 1);
    assert_int_equal(receive(LE_OK), 0);
    assert_int_equal(script_count(fixture.script), 2);
    assert_true(!is_form(0) && is_form(1));
    assert_int_equal(told(), 1);
    assert_non_null(strstr(fixture.log, "protocol=query"));
    assert_null(strstr(fixture.log, "queue_failed"));
}

/* The server did not find the entries in JSON, and says nothing of them. */
static void test_entries_of_a_good_answer(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "<DeleteMessageBatchResponse/>", .content_type = "text/html"}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 2);
    assert_int_equal(fixture_entries(&entries, fixture.port.delete_batch), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_RETRY);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_RETRY);
    assert_int_equal(script_count(fixture.script), 1);
    assert_int_equal(told(), 1);
}

/* Another service's page, another operation's answer: they say nothing of what the service speaks
 * that answers later. */
static void test_good_answers_of_neither_protocol(void **state)
{
    static const struct script_answer pages[] = {
        {.status = 200, .body = "<html>please log in</html>", .content_type = "text/html"},
        {.status = 200, .body = "\n<!DOCTYPE html>", .content_type = "text/html"},
        {.status = 200, .body = "welcome", .content_type = "text/plain"},
        {.status = 200, .body = "<ListBucketsResponse/>", .content_type = "text/xml"}};
    static const struct script_answer answers[] = {
        {.status = 500, .body = XML_ERROR("InternalError"), .content_type = "text/xml"},
        {.status = 200, .body = ONE_MESSAGE}};
    (void)state;
    for (size_t i = 0; i < COUNT(pages); i++) {
        fixture_open_with(&fixture, LE_SQS_PROTOCOL_AUTO);
        script_set(fixture.script, &pages[i], 1);
        assert_int_equal(receive(LE_ERR_PROTOCOL), 0);
        assert_int_equal(receive(LE_ERR_PROTOCOL), 0);
        assert_true(!is_form(0) && !is_form(1));
        assert_int_equal(told(), 0);
        script_set(fixture.script, answers, COUNT(answers));
        assert_int_equal(receive(LE_OK), 1);
        assert_true(!is_form(0) && is_form(1));
        assert_int_equal(told(), 1);
        assert_non_null(strstr(fixture.log, "protocol=query"));
        fixture_close(&fixture);
    }
}

/* Who refuses JSON and answers a form with a page speaks neither. */
static void test_a_page_for_a_form(void **state)
{
    static const struct script_answer pages[] = {
        {.status = 404, .body = "<html>not here</html>", .content_type = "text/html"},
        {.status = 200, .body = "<html>please log in</html>", .content_type = "text/html"}};
    static const struct script_answer good[] = {{.status = 200, .body = "\n {}"}};
    (void)state;
    script_set(fixture.script, pages, COUNT(pages));
    assert_int_equal(receive(LE_ERR_PROTOCOL), 0);
    assert_true(!is_form(0) && is_form(1));
    assert_int_equal(told(), 0);
    script_set(fixture.script, good, COUNT(good));
    assert_int_equal(receive(LE_OK), 0);
    assert_false(is_form(0));
    assert_int_equal(told(), 1);
    assert_non_null(strstr(fixture.log, "protocol=json"));
}

/* What was under way in JSON when another request found out. */
static void test_good_answers_under_way(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = ONE_MESSAGE, .delay_ms = 500},
        {.status = 200, .body = ONE_MESSAGE, .delay_ms = 500}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    receive_together(2, 1);
    assert_int_equal(script_count(fixture.script), 2);
    assert_true(!is_form(0) && !is_form(1));
    assert_int_equal(told(), 1);
}

static void test_settled_by_a_good_answer(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{}"},
        {.status = 500, .body = XML_ERROR("InternalError"), .content_type = "text/xml"},
        {.status = 200, .body = "{}"}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive(LE_OK), 0);
    assert_int_equal(receive(LE_ERR_SERVICE), 0);
    assert_int_equal(receive(LE_OK), 0);
    assert_int_equal(script_count(fixture.script), 3);
    assert_true(!is_form(0) && !is_form(1) && !is_form(2));
    assert_int_equal(told(), 1);
    assert_non_null(
        strstr(fixture.log, "protocol=json why=\"a JSON request was answered in JSON\""));
}

/* Errors of a service that speaks JSON, and of what stands before one. */
static void test_errors_that_say_nothing_of_the_protocol(void **state)
{
    static const struct {
        struct script_answer answer;
        enum le_err err;
    } cases[] = {
        {{.status = 400, .body = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}"},
         LE_ERR_NO_QUEUE},
        {{.status = 400, .body = "{\"Type\":\"Sender\",\"Code\":\"AccessDenied\"}"}, LE_ERR_DENIED},
        {{.status = 400, .body = "{}", .query_error = "AWS.SimpleQueueService.NonExistentQueue;x"},
         LE_ERR_NO_QUEUE},
        {{.status = 500, .body = "{\"__type\":\"InternalFailure\"}"}, LE_ERR_SERVICE},
        {{.status = 502, .body = "<html>Bad Gateway</html>", .content_type = "text/html"},
         LE_ERR_SERVICE},
        {{.status = 503}, LE_ERR_SERVICE},
        {{.status = 429, .body = "<html/>"}, LE_ERR_THROTTLED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        script_set(fixture.script, &cases[i].answer, 1);
        assert_int_equal(receive(cases[i].err), 0);
        assert_int_equal(script_count(fixture.script), 1);
        assert_false(is_form(0));
    }
    assert_int_equal(told(), 0);
}

/* A page for every request is no answer of either protocol: JSON again, until there is one. */
static void test_neither_protocol(void **state)
{
    static const struct script_answer page[] = {
        {.status = 404, .body = "<html>not here</html>", .content_type = "text/html"}};
    static const struct script_answer good[] = {{.status = 200, .body = "{}"}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        script_set(fixture.script, page, COUNT(page));
        assert_int_equal(receive(LE_ERR_REFUSED), 0);
        assert_int_equal(script_count(fixture.script), 2);
        assert_true(!is_form(0) && is_form(1));
    }
    script_set(fixture.script, good, COUNT(good));
    assert_int_equal(receive(LE_OK), 0);
    assert_false(is_form(0));
    assert_int_equal(told(), 1);
}

/* An error in XML is an answer of the protocol too. */
static void test_settled_by_an_error(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 400, .body = XML_ERROR("MissingAction")},
        {.status = 400, .body = XML_ERROR("AWS.SimpleQueueService.NonExistentQueue")},
        {.status = 500, .body = "<html/>"},
        {.status = 200, .body = NO_MESSAGES}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive(LE_ERR_NO_QUEUE), 0);
    assert_int_equal(told(), 1);
    assert_int_equal(receive(LE_ERR_SERVICE), 0);
    assert_int_equal(receive(LE_OK), 0);
    assert_true(!is_form(0) && is_form(1) && is_form(2) && is_form(3));
    assert_int_equal(told(), 1);
}

/* Those under way together are all refused, and all go once more. */
static void test_requests_under_way(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 500, .body = XML_ERROR("InternalError"), .delay_ms = 500},
        {.status = 500, .body = XML_ERROR("InternalError"), .delay_ms = 500},
        {.status = 500, .body = XML_ERROR("InternalError"), .delay_ms = 500},
        {.status = 200, .body = NO_MESSAGES}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    receive_together(3, 0);
    assert_int_equal(script_count(fixture.script), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(is_form(i), i >= 3);
    assert_int_equal(told(), 1);
}

static void test_entries_are_encoded_again(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 415},
        {.status = 200,
         .body = "<ChangeMessageVisibilityBatchResponse><ChangeMessageVisibilityBatchResult>"
                 "<ChangeMessageVisibilityBatchResultEntry><Id>0</Id>"
                 "</ChangeMessageVisibilityBatchResultEntry></ChangeMessageVisibilityBatchResult>"
                 "</ChangeMessageVisibilityBatchResponse>"}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 1);
    entries.op.visibility_s = 30;
    assert_int_equal(fixture_entries(&entries, fixture.port.extend), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    assert_string_equal(script_request(fixture.script, 1)->body,
                        "Action=ChangeMessageVisibilityBatch&Version=2012-11-05&QueueUrl=" FORM_URL
                        "&ChangeMessageVisibilityBatchRequestEntry.1.Id=0"
                        "&ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle=handle-0"
                        "&ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout=30");
}

/* A form that is refused for the time it was signed with goes once more as it is. */
static void test_skew_in_query(void **state)
{
    static const struct script_answer answers[] = {{.status = 403,
                                                    .body = XML_ERROR("RequestExpired"),
                                                    .date = "Thu, 01 Jan 2026 01:00:00 GMT"},
                                                   {.status = 200, .body = NO_MESSAGES}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive(LE_OK), 0);
    assert_string_equal(script_request(fixture.script, 1)->body, RECEIVE_FORM);
    assert_string_equal(script_header(script_request(fixture.script, 1), "x-amz-date"),
                        "20260101T010000Z");
    assert_true(is_form(0) && is_form(1));
}

static void test_json_when_it_was_said(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 500, .body = XML_ERROR("InternalError"), .content_type = "text/xml"}};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive(LE_ERR_SERVICE), 0);
    assert_int_equal(script_count(fixture.script), 1);
    assert_false(is_form(0));
}

#define WITH(protocol, test) \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, &protocol)

int main(void)
{
    static enum le_sqs_protocol automatic = LE_SQS_PROTOCOL_AUTO, query = LE_SQS_PROTOCOL_QUERY,
                                json = LE_SQS_PROTOCOL_JSON;
    const struct CMUnitTest tests[] = {
        WITH(query, test_query_from_the_start),
        WITH(query, test_entries_in_query),
        WITH(query, test_skew_in_query),
        WITH(json, test_json_when_it_was_said),
        cmocka_unit_test(test_found_out_at_the_first_answer),
        WITH(automatic, test_found_out_at_a_good_answer),
        WITH(automatic, test_entries_of_a_good_answer),
        cmocka_unit_test(test_good_answers_of_neither_protocol),
        WITH(automatic, test_a_page_for_a_form),
        WITH(automatic, test_good_answers_under_way),
        WITH(automatic, test_settled_by_a_good_answer),
        WITH(automatic, test_errors_that_say_nothing_of_the_protocol),
        WITH(automatic, test_neither_protocol),
        WITH(automatic, test_settled_by_an_error),
        WITH(automatic, test_requests_under_way),
        WITH(automatic, test_entries_are_encoded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
