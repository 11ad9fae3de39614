/* Look-ups of the SQS client where JSON is not understood: they are written again as forms. */
#include "queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define REFUSAL \
    "<ErrorResponse><Error><Type>Sender</Type><Code>InternalError</Code></Error></ErrorResponse>"

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    fixture_open_with(&fixture, LE_SQS_PROTOCOL_AUTO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static void call_done(struct le_queue_call *call)
{
    *(bool *)call->owner = true;
    fixture_answered(&fixture);
}

static enum le_err write_look_up(struct le_queue_call *call, const struct le_sqs_codec *codec)
{
    return codec->get_queue_url(&call->request_body, LE_SPAN_LIT("q"), LE_SPAN_NONE);
}

static void run_call(struct le_queue_call *call)
{
    static bool done;
    done = false;
    call->operation = LE_SQS_GET_QUEUE_URL;
    call->done = call_done;
    call->owner = &done;
    le_buf_init(&call->request_body, 1024);
    le_buf_init(&call->answer, 4096);
    assert_int_equal(write_look_up(call, le_queue_codec(fixture.queue)), LE_OK);
    fixture.waiting++;
    le_queue_call(fixture.queue, call);
    fixture_wait(&fixture);
    assert_true(done);
}

static void end_call(struct le_queue_call *call)
{
    le_buf_free(&call->request_body);
    le_buf_free(&call->answer);
}

static void test_calls_are_written_again(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 500, .body = REFUSAL},
        {.status = 200,
         .body = "<GetQueueUrlResponse><GetQueueUrlResult><QueueUrl>http://x/0/q</QueueUrl>"
                 "</GetQueueUrlResult></GetQueueUrlResponse>"}};
    struct le_queue_call call = {.write = write_look_up};
    struct le_span url;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    run_call(&call);
    assert_int_equal(call.err, LE_OK);
    assert_ptr_equal(call.codec, &le_sqs_query);
    assert_int_equal(call.codec->read_queue_url(call.answer.data, call.answer.len, &url), LE_OK);
    assert_true(le_span_is(url, "http://x/0/q"));
    assert_string_equal(script_request(fixture.script, 1)->body,
                        "Action=GetQueueUrl&Version=2012-11-05&QueueName=q");
    assert_string_equal(script_header(script_request(fixture.script, 0), "x-amz-target"),
                        "AmazonSQS.GetQueueUrl");
    assert_string_equal(script_header(script_request(fixture.script, 1), "x-amz-target"), "");
    end_call(&call);
}

static void test_a_call_without_a_writer(void **state)
{
    static const struct script_answer answers[] = {{.status = 500, .body = REFUSAL}};
    struct le_queue_call call = {.write = NULL};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    run_call(&call);
    assert_int_equal(call.err, LE_ERR_SERVICE);
    assert_int_equal(script_count(fixture.script), 1);
    end_call(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_calls_are_written_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_call_without_a_writer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
