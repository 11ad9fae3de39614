/* What the SQS client is made with: endpoints with a path, credentials that change, time limits,
 * and too little memory. */
#include "loginetl/base/mem.h"
#include "queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct script_answer empty[] = {{.status = 200, .body = "{}"}};
static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, 0);
    script_set(fixture.script, empty, COUNT(empty));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static int64_t wall_ms(void *self)
{
    (void)self;
    return FIXTURE_NOW_MS;
}

static enum le_err open_second(const char *endpoint, struct le_queue **out)
{
    const struct le_queue_config config = {
        .net = fixture.net,
        .loop = &fixture.loop,
        .endpoint = le_span_of(endpoint),
        .region = LE_SPAN_LIT("eu-west-1"),
        .receivers_max = 1,
        .control_max = 1,
        .wall_ms = wall_ms,
    };
    return le_queue_new(&config, out);
}

static enum le_err receive_from(struct le_queue *queue)
{
    struct fixture_receive receive;
    struct le_queue_port own = fixture.port;
    fixture.port = le_queue_port(queue);
    enum le_err err = fixture_receive(&fixture, &receive);
    fixture_receive_free(&receive);
    fixture.port = own;
    return err;
}

static void test_endpoint_with_a_path(void **state)
{
    const struct le_credentials credentials = {LE_SPAN_LIT("AKIDOTHER"), LE_SPAN_LIT("other"),
                                               LE_SPAN_NONE};
    struct le_queue *queue;
    char endpoint[64];
    (void)state;
    (void)snprintf(endpoint, sizeof endpoint, "http://localhost:%d/base/sqs", fixture.server_port);
    assert_int_equal(open_second(endpoint, &queue), LE_OK);
    assert_int_equal(le_queue_set_credentials(queue, &credentials), LE_OK);
    assert_int_equal(le_queue_set_url(queue, LE_SPAN_LIT("http://elsewhere/1/q")), LE_OK);
    assert_true(le_span_is(le_queue_url(queue), "http://elsewhere/1/q"));
    assert_null(le_queue_dead_letter_url(queue).ptr);
    assert_int_equal(receive_from(queue), LE_OK);
    const struct script_request *request = script_request(fixture.script, 0);
    assert_string_equal(request->path, "/base/sqs");
    assert_int_equal(strncmp(script_header(request, "host"), "localhost:", 10), 0);
    assert_string_equal(script_header(request, "x-amz-security-token"), "");
    const char *authorization = script_header(request, "authorization");
    assert_non_null(
        strstr(authorization, "Credential=AKIDOTHER/20260101/eu-west-1/sqs/aws4_request"));
    assert_non_null(
        strstr(authorization, "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"));
    le_queue_close(queue);
}

/* From the next request on. */
static void test_credentials_change(void **state)
{
    const struct le_credentials fresh = {LE_SPAN_LIT("ASIAFRESH"), LE_SPAN_LIT("s"),
                                         LE_SPAN_LIT("fresh-token")};
    const struct le_credentials lasting = {LE_SPAN_LIT("AKIDLASTING"), LE_SPAN_LIT("s"),
                                           LE_SPAN_NONE};
    (void)state;
    assert_int_equal(receive_from(fixture.queue), LE_OK);
    assert_int_equal(le_queue_set_credentials(fixture.queue, &fresh), LE_OK);
    assert_int_equal(receive_from(fixture.queue), LE_OK);
    assert_int_equal(le_queue_set_credentials(fixture.queue, &lasting), LE_OK);
    assert_int_equal(receive_from(fixture.queue), LE_OK);
    static const char *const ids[] = {"=AKIDEXAMPLE/", "=ASIAFRESH/", "=AKIDLASTING/"};
    static const char *const tokens[] = {FIXTURE_TOKEN, "fresh-token", ""};
    for (size_t i = 0; i < COUNT(ids); i++) {
        const struct script_request *request = script_request(fixture.script, i);
        assert_non_null(strstr(script_header(request, "authorization"), ids[i]));
        assert_string_equal(script_header(request, "x-amz-security-token"), tokens[i]);
    }
}

static void test_endpoints_that_are_none(void **state)
{
    static const char *const bad[] = {"", "localhost:4566", "ftp://h", "http://u:p@h",
                                      "http://h/?a"};
    struct le_queue *queue;
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(open_second(bad[i], &queue), LE_ERR_CONFIG);
        assert_null(queue);
    }
}

static void test_every_allocation_of_new_may_fail(void **state)
{
    struct le_queue *queue = NULL;
    unsigned long nth = 1;
    (void)state;
    for (;; nth++) {
        le_mem_fail_at(nth);
        enum le_err err = open_second("http://localhost:1", &queue);
        le_mem_fail_at(0);
        if (err == LE_OK)
            break;
        assert_int_equal(err, LE_ERR_NOMEM);
        assert_null(queue);
        assert_true(nth < 100);
    }
    assert_true(nth > 5);
    le_queue_close(queue);
}

static void timed_out(struct le_queue_call *call)
{
    *(bool *)call->owner = true;
    fixture_answered(&fixture);
}

static void test_a_call_has_a_time_limit(void **state)
{
    static const struct script_answer slow[] = {{.status = 200, .body = "{}", .delay_ms = 20000}};
    bool done = false;
    struct le_queue_call call = {.operation = LE_SQS_GET_QUEUE_ATTRIBUTES,
                                 .timeout_ms = 50,
                                 .done = timed_out,
                                 .owner = &done};
    (void)state;
    script_set(fixture.script, slow, COUNT(slow));
    le_buf_init(&call.request_body, 16);
    le_buf_init(&call.answer, 16);
    assert_int_equal(le_buf_append_text(&call.request_body, "{}"), LE_OK);
    fixture.waiting++;
    le_queue_call(fixture.queue, &call);
    fixture_wait(&fixture);
    assert_true(done);
    assert_int_equal(call.err, LE_ERR_TIMEOUT);
    assert_int_equal(call.status, 0);
    assert_non_null(strstr(le_queue_last_failure(fixture.queue),
                           "no answer to GetQueueAttributes from http://127.0.0.1"));
    le_buf_free(&call.request_body);
    le_buf_free(&call.answer);
}

#define QUEUE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_endpoint_with_a_path),    QUEUE_TEST(test_credentials_change),
        QUEUE_TEST(test_endpoints_that_are_none), QUEUE_TEST(test_every_allocation_of_new_may_fail),
        QUEUE_TEST(test_a_call_has_a_time_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
