/* The SQS client against a scripted server: what it sends, and what it makes of good answers. */
#include "loginetl/base/timefmt.h"
#include "queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TWO_MESSAGES                                                                                                     \
    "{\"Messages\":[{\"MessageId\":\"id-1\",\"ReceiptHandle\":\"handle-1\",\"Body\":\"{\\\"ip\\\":\\\"192.0.2.7\\\"}\"," \
    "\"Attributes\":{\"SentTimestamp\":\"1767225500123\",\"ApproximateReceiveCount\":\"3\"}},"                           \
    "{\"MessageId\":\"id-2\",\"ReceiptHandle\":\"handle-2\",\"Body\":\"x\"}]}"

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

/* The signature that the headers as they arrived should have, made with the signer that the suite's
 * vectors check. */
static void check_signed_at(const struct script_request *request, int64_t wall_ms)
{
    static const char *const names[] = {"content-type", "host", "x-amz-date",
                                        "x-amz-security-token", "x-amz-target"};
    const struct le_credentials credentials = {
        LE_SPAN_LIT("AKIDEXAMPLE"), LE_SPAN_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        LE_SPAN_NONE};
    struct le_http_header headers[COUNT(names)];
    uint8_t payload[LE_SHA256_LEN];
    struct le_buf expect;
    for (size_t i = 0; i < COUNT(names); i++)
        headers[i] = (struct le_http_header){le_span_of(names[i]),
                                             le_span_of(script_header(request, names[i]))};
    assert_int_equal(le_sha256((struct le_span){request->body, request->body_len}, payload), LE_OK);
    struct le_sigv4_request signing = {LE_SPAN_LIT("POST"), le_span_of(request->path),
                                       LE_SPAN_NONE,        headers,
                                       COUNT(names),        payload};
    struct le_signer *signer = le_signer_new(LE_SPAN_LIT("us-east-1"), LE_SPAN_LIT("sqs"));
    assert_non_null(signer);
    assert_int_equal(le_signer_set_credentials(signer, &credentials), LE_OK);
    le_buf_init(&expect, 4096);
    assert_int_equal(le_sigv4_authorization(signer, &signing, wall_ms, &expect), LE_OK);
    assert_int_equal(le_buf_append(&expect, "", 1), LE_OK);
    assert_string_equal(script_header(request, "authorization"), expect.data);
    le_buf_free(&expect);
    le_signer_free(signer);
}

static void check_signed(const struct script_request *request)
{
    check_signed_at(request, FIXTURE_NOW_MS);
}

static void check_request(size_t position, const char *target, const char *body)
{
    const struct script_request *request = script_request(fixture.script, position);
    char host[32];
    (void)snprintf(host, sizeof host, "127.0.0.1:%d", fixture.server_port);
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->path, "/");
    assert_string_equal(script_header(request, "host"), host);
    assert_string_equal(script_header(request, "content-type"), "application/x-amz-json-1.0");
    assert_string_equal(script_header(request, "x-amz-date"), FIXTURE_NOW_AMZ);
    assert_string_equal(script_header(request, "x-amz-target"), target);
    assert_string_equal(script_header(request, "x-amz-security-token"), FIXTURE_TOKEN);
    assert_string_equal(request->body, body);
    check_signed(request);
}

static void test_receive(void **state)
{
    static const struct script_answer answers[] = {{.status = 200, .body = TWO_MESSAGES},
                                                   {.status = 200, .body = "{}"}};
    static const char body[] =
        "{\"QueueUrl\":\"" FIXTURE_QUEUE_URL
        "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":1,\"VisibilityTimeout\":60,"
        "\"AttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"],"
        "\"MessageSystemAttributeNames\":[\"SentTimestamp\",\"ApproximateReceiveCount\"]}";
    struct fixture_receive receive;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
    assert_int_equal(receive.answer.found_count, 2);
    const struct le_sqs_message *found = receive.answer.found;
    assert_true(le_span_is(found[0].message_id, "id-1") &&
                le_span_is(found[0].receipt_handle, "handle-1"));
    assert_int_equal(found[0].body_len, 18);
    assert_memory_equal(found[0].body, "{\"ip\":\"192.0.2.7\"}", 18);
    assert_true(found[0].sent_at_ms == INT64_C(1767225500123) && found[0].receive_count == 3);
    assert_true(found[1].sent_at_ms == -1 && found[1].receive_count == 0);
    fixture_receive_free(&receive);
    assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
    assert_int_equal(receive.answer.found_count, 0);
    fixture_receive_free(&receive);
    check_request(0, "AmazonSQS.ReceiveMessage", body);
    check_request(1, "AmazonSQS.ReceiveMessage", body);
    assert_int_equal(le_queue_stats(fixture.queue)->requests[LE_SQS_RECEIVE], 2);
    assert_int_equal(le_queue_stats(fixture.queue)->failures[LE_SQS_RECEIVE], 0);
}

/* The kept body follows what is asked for, and the queue's URL. */
static void test_receive_bodies_change(void **state)
{
    static const struct script_answer answers[] = {{.status = 200, .body = "{}"}};
    struct fixture_receive receive;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
    fixture_receive_free(&receive);
    receive.done = 0;
    receive.op.max_messages = 3;
    receive.op.wait_s = 0;
    receive.op.visibility_s = 7;
    fixture.waiting++;
    fixture.port.receive(fixture.port.self, &receive.op);
    fixture_wait(&fixture);
    fixture_receive_free(&receive);
    assert_int_equal(le_queue_set_url(fixture.queue, LE_SPAN_LIT("http://other/1/q")), LE_OK);
    receive.done = 0;
    fixture.waiting++;
    fixture.port.receive(fixture.port.self, &receive.op);
    fixture_wait(&fixture);
    fixture_receive_free(&receive);
    const char *second = script_request(fixture.script, 1)->body;
    assert_non_null(
        strstr(second, "\"MaxNumberOfMessages\":3,\"WaitTimeSeconds\":0,\"VisibilityTimeout\":7,"));
    assert_non_null(
        strstr(script_request(fixture.script, 2)->body, "\"QueueUrl\":\"http://other/1/q\""));
    check_signed(script_request(fixture.script, 1));
    check_signed(script_request(fixture.script, 2));
}

/* A signature serves for its own second only, whichever way the clock goes. */
static void test_receives_are_signed_for_their_second(void **state)
{
    static const struct script_answer answers[] = {{.status = 200, .body = "{}"}};
    static const int64_t offsets_ms[] = {0, 999, 1000, 1000, 1999, 86400000, 1000, 0};
    struct fixture_receive receive;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    for (size_t i = 0; i < COUNT(offsets_ms); i++) {
        fixture.wall_ms = FIXTURE_NOW_MS + offsets_ms[i];
        assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
        fixture_receive_free(&receive);
        const struct script_request *request = script_request(fixture.script, i);
        char date[17];
        le_format_amz_date(fixture.wall_ms, date);
        assert_string_equal(script_header(request, "x-amz-date"), date);
        check_signed_at(request, fixture.wall_ms);
    }
}

static void test_receives_side_by_side(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = TWO_MESSAGES, .delay_ms = 100}};
    struct fixture_receive receives[4];
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    for (size_t i = 0; i < COUNT(receives); i++)
        fixture_receive_begin(&fixture, &receives[i]);
    fixture_wait(&fixture);
    for (size_t i = 0; i < COUNT(receives); i++) {
        assert_int_equal(receives[i].op.err, LE_OK);
        assert_int_equal(receives[i].answer.found_count, 2);
        fixture_receive_free(&receives[i]);
    }
}

static void test_delete_in_part(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200,
         .body =
             "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":["
             "{\"Id\":\"1\",\"SenderFault\":false,\"Code\":\"InternalError\"},"
             "{\"Id\":\"2\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\",\"Message\":\"handle-2\"},"
             "{\"Id\":\"4\",\"SenderFault\":true,\"Code\":\"RequestThrottled\"}]}"}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 5);
    assert_int_equal(fixture_entries(&entries, fixture.port.delete_batch), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_RETRY);
    assert_int_equal(entries.op.outcomes[2], LE_ENTRY_GIVE_UP);
    assert_int_equal(entries.op.outcomes[3], LE_ENTRY_RETRY);
    assert_int_equal(entries.op.outcomes[4], LE_ENTRY_RETRY);
    check_request(
        0, "AmazonSQS.DeleteMessageBatch",
        "{\"QueueUrl\":\"" FIXTURE_QUEUE_URL
        "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"handle-0\"},"
        "{\"Id\":\"1\",\"ReceiptHandle\":\"handle-1\"},{\"Id\":\"2\",\"ReceiptHandle\":\"handle-2\"},"
        "{\"Id\":\"3\",\"ReceiptHandle\":\"handle-3\"},{\"Id\":\"4\",\"ReceiptHandle\":\"handle-4\"}]}");
}

static void test_extend_and_release(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[]}"},
        {.status = 200,
         .body =
             "{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"InvalidParameterValue\"}]}"}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 1);
    entries.op.visibility_s = 60;
    assert_int_equal(fixture_entries(&entries, fixture.port.extend), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    entries.op.visibility_s = 0;
    assert_int_equal(fixture_entries(&entries, fixture.port.extend), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_GIVE_UP);
    check_request(0, "AmazonSQS.ChangeMessageVisibilityBatch",
                  "{\"QueueUrl\":\"" FIXTURE_QUEUE_URL
                  "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"handle-0\","
                  "\"VisibilityTimeout\":60}]}");
    check_request(1, "AmazonSQS.ChangeMessageVisibilityBatch",
                  "{\"QueueUrl\":\"" FIXTURE_QUEUE_URL
                  "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"handle-0\","
                  "\"VisibilityTimeout\":0}]}");
}

static void test_dead_letter(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200,
         .body =
             "{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"n\",\"MD5OfMessageBody\":\"m\"},{\"Id\":\"1\"}]}"}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 2);
    entries.messages[1].body = "not \"JSON\"\n\xED\xA0\x80";
    entries.messages[1].body_len = 14;
    entries.messages[1].reject = (struct le_reject){.reason = LE_REJECT_NOT_JSON};
    assert_int_equal(fixture_entries(&entries, fixture.port.dead_letter), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_OK);
    check_request(
        0, "AmazonSQS.SendMessageBatch",
        "{\"QueueUrl\":\"" FIXTURE_DLQ_URL "\",\"Entries\":[{\"Id\":\"0\",\"MessageBody\":"
        "\"{\\\"ip\\\": \\\"192.0.2.1\\\"}\",\"MessageAttributes\":{"
        "\"loginetl_reason\":{\"DataType\":\"String\",\"StringValue\":\"missing\"},"
        "\"loginetl_key\":{\"DataType\":\"String\",\"StringValue\":\"user_id\"},"
        "\"loginetl_message_id\":{\"DataType\":\"String\",\"StringValue\":\"id-0\"}}},"
        "{\"Id\":\"1\",\"MessageBody\":\"not \\\"JSON\\\"\\n\\ud800\",\"MessageAttributes\":{"
        "\"loginetl_reason\":{\"DataType\":\"String\",\"StringValue\":\"not_json\"},"
        "\"loginetl_message_id\":{\"DataType\":\"String\",\"StringValue\":\"id-1\"}}}]}");
}

struct call {
    struct le_queue_call call;
    bool done;
};

static void call_done(struct le_queue_call *call)
{
    struct call *mine = call->owner;
    assert_false(mine->done);
    mine->done = true;
    fixture_answered(&fixture);
}

static void begin_call(struct call *mine, enum le_sqs_operation operation)
{
    *mine = (struct call){
        .call = {.operation = operation, .timeout_ms = 5000, .done = call_done, .owner = mine}};
    le_buf_init(&mine->call.request_body, 1024);
    le_buf_init(&mine->call.answer, 4096);
}

static void run_call(struct call *mine)
{
    fixture.waiting++;
    le_queue_call(fixture.queue, &mine->call);
    assert_false(mine->done);
    fixture_wait(&fixture);
    assert_true(mine->done);
}

static void end_call(struct call *mine)
{
    le_buf_free(&mine->call.request_body);
    le_buf_free(&mine->call.answer);
}

static void test_calls(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{\"QueueUrl\":\"http://x/0/q\"}"},
        {.status = 400,
         .body =
             "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"secret words\"}",
         .query_error = "AWS.SimpleQueueService.NonExistentQueue;Sender"}};
    const struct le_sqs_codec *codec = le_queue_codec(fixture.queue);
    struct le_span url;
    struct call mine;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    begin_call(&mine, LE_SQS_GET_QUEUE_URL);
    assert_int_equal(codec->get_queue_url(&mine.call.request_body, LE_SPAN_LIT("q"), LE_SPAN_NONE),
                     LE_OK);
    run_call(&mine);
    assert_true(mine.call.err == LE_OK && mine.call.status == 200);
    assert_int_equal(codec->read_queue_url(mine.call.answer.data, mine.call.answer.len, &url),
                     LE_OK);
    assert_true(le_span_is(url, "http://x/0/q"));
    check_request(0, "AmazonSQS.GetQueueUrl", "{\"QueueName\":\"q\"}");
    mine.done = false;
    mine.call.quiet = true;
    mine.call.about = LE_SPAN_LIT("login-q");
    run_call(&mine);
    assert_true(mine.call.err == LE_ERR_NO_QUEUE && mine.call.status == 400);
    assert_string_equal(mine.call.code, "QueueDoesNotExist");
    assert_int_equal(fixture.log_lines, 0);
    char expect[200];
    (void)snprintf(
        expect, sizeof expect,
        "queue login-q does not exist at http://127.0.0.1:%d (QueueDoesNotExist): check --queue and --region "
        "(a FIFO queue's name ends in .fifo)",
        fixture.server_port);
    assert_string_equal(le_queue_last_failure(fixture.queue), expect);
    end_call(&mine);
}

/* What is asked before the first receive goes over its connection, if it says so; and what makes it
 * fail is known all the same. */
static void ask_then_receive(bool before_receives)
{
    static const struct script_answer answers[] = {{.status = 200, .body = "{}"}};
    struct fixture_receive receive;
    struct call mine;
    script_set(fixture.script, answers, COUNT(answers));
    for (int i = 0; i < 2; i++) {
        begin_call(&mine, LE_SQS_GET_QUEUE_ATTRIBUTES);
        mine.call.before_receives = before_receives;
        assert_int_equal(le_buf_append_text(&mine.call.request_body, "{}"), LE_OK);
        run_call(&mine);
        assert_int_equal(mine.call.err, LE_OK);
        end_call(&mine);
    }
    assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
    fixture_receive_free(&receive);
    const int first = script_request(fixture.script, 0)->client_port;
    assert_int_equal(script_request(fixture.script, 1)->client_port, first);
    bool same = script_request(fixture.script, 2)->client_port == first;
    assert_int_equal(same, before_receives);
}

static void test_a_call_opens_the_way_for_receives(void **state)
{
    (void)state;
    ask_then_receive(true);
}

static void test_other_calls_keep_off_it(void **state)
{
    (void)state;
    ask_then_receive(false);
}

static void test_why_a_call_before_receives_failed(void **state)
{
    struct call mine;
    (void)state;
    script_stop(fixture.script);
    fixture.script = script_start(); /* somewhere else */
    for (int i = 0; i < 2; i++) {
        begin_call(&mine, LE_SQS_GET_QUEUE_ATTRIBUTES);
        mine.call.before_receives = i == 0;
        mine.call.quiet = true;
        assert_int_equal(le_buf_append_text(&mine.call.request_body, "{}"), LE_OK);
        run_call(&mine);
        end_call(&mine);
        assert_int_equal(mine.call.err, LE_ERR_CONNECT);
        const char *words = le_queue_last_failure(fixture.queue);
        if (strstr(words, "Failed to connect") == NULL && strstr(words, "refused") == NULL)
            fail_msg("without the reason: %s", words);
    }
}

/* What is under way when the client closes is answered, and nothing is left behind. */
static void test_close_answers_everything(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{}", .delay_ms = 20000}};
    struct fixture_receive receives[6];
    struct fixture_entries entries;
    struct call mine;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    for (size_t i = 0; i < COUNT(receives); i++)
        fixture_receive_begin(&fixture, &receives[i]);
    fixture_entries_fill(&fixture, &entries, 10);
    fixture.waiting += 2;
    fixture.port.delete_batch(fixture.port.self, &entries.op);
    begin_call(&mine, LE_SQS_GET_QUEUE_ATTRIBUTES);
    assert_int_equal(le_buf_append_text(&mine.call.request_body, "{}"), LE_OK);
    le_queue_call(fixture.queue, &mine.call);
    fixture_turn(&fixture, 100);
    le_queue_close(fixture.queue);
    fixture.queue = NULL;
    fixture_wait(&fixture);
    for (size_t i = 0; i < COUNT(receives); i++) {
        assert_int_equal(receives[i].op.err, LE_ERR_CANCELLED);
        fixture_receive_free(&receives[i]);
    }
    assert_int_equal(entries.op.err, LE_ERR_CANCELLED);
    assert_int_equal(mine.call.err, LE_ERR_CANCELLED);
    end_call(&mine);
}

static void test_cancel_receives(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = TWO_MESSAGES},
        {.status = 200, .body = "{\"Successful\":[{\"Id\":\"0\"}]}", .delay_ms = 300},
        {.status = 200, .body = "{}", .delay_ms = 20000},
    };
    struct fixture_receive first, hanging;
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(fixture_receive(&fixture, &first), LE_OK);
    fixture_entries_fill(&fixture, &entries, 1);
    fixture.waiting++;
    fixture.port.delete_batch(fixture.port.self, &entries.op);
    fixture_run_requests(&fixture, 2);
    fixture_receive_begin(&fixture, &hanging);
    fixture_run_requests(&fixture, 3);
    fixture.port.cancel_receives(fixture.port.self);
    assert_int_equal(hanging.done, 0);
    fixture_wait(&fixture);
    assert_int_equal(hanging.op.err, LE_ERR_CANCELLED);
    assert_true(entries.op.err == LE_OK && entries.op.outcomes[0] == LE_ENTRY_OK);
    assert_int_equal(fixture.log_lines, 0);
    fixture_receive_free(&first);
    fixture_receive_free(&hanging);
}

#define QUEUE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_receive),
        QUEUE_TEST(test_receive_bodies_change),
        QUEUE_TEST(test_receives_are_signed_for_their_second),
        QUEUE_TEST(test_receives_side_by_side),
        QUEUE_TEST(test_delete_in_part),
        QUEUE_TEST(test_extend_and_release),
        QUEUE_TEST(test_dead_letter),
        QUEUE_TEST(test_calls),
        QUEUE_TEST(test_a_call_opens_the_way_for_receives),
        QUEUE_TEST(test_other_calls_keep_off_it),
        QUEUE_TEST(test_why_a_call_before_receives_failed),
        QUEUE_TEST(test_close_answers_everything),
        QUEUE_TEST(test_cancel_receives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
