/* The SQS client when things go wrong: what the pipeline is told, what a person is told, and how
 * often. */
#include "loginetl/base/mem.h"
#include "queue_fixture.h"
#include "raw_server.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ERROR_BODY(code) \
    "{\"__type\":\"com.amazonaws.sqs#" code "\",\"message\":\"words with handle-0 and 192.0.2.9\"}"
#define ONE_MESSAGE \
    "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"handle-1\",\"Body\":\"b\"}]}"

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

static enum le_err receive_once(void)
{
    struct fixture_receive receive;
    enum le_err err = fixture_receive(&fixture, &receive);
    fixture_receive_free(&receive);
    return err;
}

static enum le_err delete_once(struct fixture_entries *entries, size_t count)
{
    fixture_entries_fill(&fixture, entries, count);
    return fixture_entries(entries, fixture.port.delete_batch);
}

static void check_words(const char *format_with_port)
{
    char expect[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(expect, sizeof expect, format_with_port, fixture.server_port);
#pragma GCC diagnostic pop
    assert_string_equal(le_queue_last_failure(fixture.queue), expect);
}

static bool logged(const char *text)
{
    return strstr(fixture.log, text) != NULL;
}

/* One line when it begins, one when it is over, however many requests fail. */
static void test_changes_of_state_are_logged_once(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 500, .body = ERROR_BODY("InternalError")},
        {.status = 500, .body = ERROR_BODY("InternalError")},
        {.status = 500, .body = ERROR_BODY("InternalError")},
        {.status = 400, .body = ERROR_BODY("ThrottlingException")},
        {.status = 503, .body = "<html>busy</html>", .content_type = "text/html"},
        {.status = 200, .body = "{}"},
        {.status = 200, .body = "{}"},
    };
    static const size_t lines[] = {1, 1, 1, 2, 3, 4, 4};
    static const enum le_err errs[] = {
        LE_ERR_SERVICE, LE_ERR_SERVICE, LE_ERR_SERVICE, LE_ERR_THROTTLED,
        LE_ERR_SERVICE, LE_OK,          LE_OK};
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    for (size_t i = 0; i < COUNT(answers); i++) {
        assert_int_equal(receive_once(), errs[i]);
        assert_int_equal(fixture.log_lines, lines[i]);
    }
    assert_true(logged("event=queue_failed"));
    assert_true(logged("operation=ReceiveMessage error=service code=InternalError status=500"));
    assert_true(logged("error=throttled code=ThrottlingException status=400"));
    assert_true(logged("event=queue_recovered"));
    assert_int_equal(le_queue_stats(fixture.queue)->requests[LE_SQS_RECEIVE], 7);
    assert_int_equal(le_queue_stats(fixture.queue)->failures[LE_SQS_RECEIVE], 5);
}

static void test_answers_that_are_none(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "<html>hello</html>", .content_type = "text/html"},
        {.status = 200, .body = "{\"Messages\":[{\"MessageId\":\"i\"}]}"},
        {.status = 200, .body = "{\"Messages\":["},
        {.status = 200, .body = "[]"},
        {.status = 200, .body = "{\"Successful\":[{\"Id\":\"7\"}]}"},
    };
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(receive_once(), LE_ERR_PROTOCOL);
    assert_int_equal(fixture.log_lines, 1);
    check_words(
        "the answer of http://127.0.0.1:%d to ReceiveMessage is not one of SQS: does --endpoint-url name "
        "an SQS service, and should it be https://?");
    assert_int_equal(delete_once(&entries, 2), LE_ERR_PROTOCOL);
}

static void test_credentials_are_fatal_until_they_worked(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 403, .body = ERROR_BODY("InvalidClientTokenId")},
        {.status = 400, .body = ERROR_BODY("ExpiredTokenException")},
        {.status = 200, .body = "{}"},
        {.status = 403, .body = ERROR_BODY("InvalidClientTokenId")},
    };
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive_once(), LE_ERR_CREDENTIALS);
    check_words(
        "the queue service at http://127.0.0.1:%d refused the credentials (InvalidClientTokenId): check "
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or --profile");
    assert_true(logged("level=error"));
    assert_int_equal(delete_once(&entries, 1), LE_ERR_CREDENTIALS);
    check_words(
        "the queue service at http://127.0.0.1:%d says that the credentials have expired "
        "(ExpiredTokenException): set new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or renew the profile's");
    assert_int_equal(receive_once(), LE_OK);
    assert_int_equal(receive_once(), LE_ERR_SERVICE);
    assert_int_equal(delete_once(&entries, 1), LE_ERR_SERVICE);
}

static void test_missing_queues(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{}"},
        {.status = 400,
         .body = "<e/>",
         .query_error = "AWS.SimpleQueueService.NonExistentQueue;Sender"},
        {.status = 400, .body = ERROR_BODY("QueueDoesNotExist")},
    };
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive_once(), LE_OK);
    assert_int_equal(receive_once(), LE_ERR_NO_QUEUE);
    check_words(
        "queue login-queue does not exist at http://127.0.0.1:%d (AWS.SimpleQueueService.NonExistentQueue): "
        "check --queue and --region");
    fixture_entries_fill(&fixture, &entries, 3);
    assert_int_equal(fixture_entries(&entries, fixture.port.dead_letter), LE_ERR_NO_QUEUE);
    check_words(
        "queue login-queue-dlq does not exist at http://127.0.0.1:%d (QueueDoesNotExist): check --dlq-url");
}

static void test_denied(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{}"},
        {.status = 403, .body = ERROR_BODY("AccessDenied")},
        {.status = 200,
         .body =
             "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"1\",\"SenderFault\":true,\"Code\":\"AccessDenied\"}]}"},
        {.status = 400, .body = ERROR_BODY("KMS.AccessDeniedException")},
    };
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(receive_once(), LE_OK);
    assert_int_equal(delete_once(&entries, 2), LE_ERR_DENIED);
    assert_string_equal(
        le_queue_last_failure(fixture.queue),
        "DeleteMessageBatch on queue login-queue is denied (AccessDenied): allow the action "
        "sqs:DeleteMessage in the policy");
    fixture_entries_fill(&fixture, &entries, 2);
    assert_int_equal(fixture_entries(&entries, fixture.port.extend), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_DENIED);
    assert_true(logged("sqs:ChangeMessageVisibility"));
    assert_int_equal(receive_once(), LE_ERR_DENIED);
    assert_true(logged("sqs:ReceiveMessage and kms:Decrypt"));
}

/* A batch that is refused as a whole goes entry by entry; only the entry at fault is given up. */
static void test_refused_batch_goes_one_by_one(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 400, .body = ERROR_BODY("InvalidParameterValue")},
        {.status = 200, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
        {.status = 400, .body = ERROR_BODY("InvalidParameterValue")},
        {.status = 200,
         .body = "{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":false,\"Code\":\"InternalError\"}]}"},
        {.status = 500, .body = ""},
        {.status = 200, .body = "{}"},
    };
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(delete_once(&entries, 5), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_GIVE_UP);
    assert_int_equal(entries.op.outcomes[2], LE_ENTRY_RETRY);
    assert_int_equal(entries.op.outcomes[3], LE_ENTRY_RETRY);
    assert_int_equal(entries.op.outcomes[4], LE_ENTRY_RETRY);
    assert_int_equal(script_count(fixture.script), 5);
    assert_non_null(strstr(script_request(fixture.script, 1)->body,
                           "{\"Id\":\"0\",\"ReceiptHandle\":\"handle-0\"}]"));
    assert_non_null(strstr(script_request(fixture.script, 4)->body,
                           "{\"Id\":\"0\",\"ReceiptHandle\":\"handle-3\"}]"));
}

/* Starts a deletion, after which a redelivery of its first message brings a newer handle: the one
 * that was lent is gone. */
static void delete_and_redeliver(void *self, struct le_entries_op *op)
{
    fixture.port.delete_batch(self, op);
    op->entries[0]->receipt_handle = LE_SPAN_LIT("newer-0");
    for (size_t i = 0; i < op->count; i++)
        op->handles[i] = LE_SPAN_LIT("freed");
}

static void test_one_by_one_takes_the_newest_handle(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 400, .body = ERROR_BODY("InvalidParameterValue")},
        {.status = 200, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
    };
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 2);
    assert_int_equal(fixture_entries(&entries, delete_and_redeliver), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
    assert_int_equal(entries.op.outcomes[1], LE_ENTRY_OK);
    assert_non_null(strstr(script_request(fixture.script, 0)->body, "handle-0"));
    assert_non_null(strstr(script_request(fixture.script, 1)->body, "newer-0"));
    assert_non_null(strstr(script_request(fixture.script, 2)->body, "handle-1"));
}

static void test_a_refused_entry_alone(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 400, .body = ERROR_BODY("InvalidMessageContents")}};
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    fixture_entries_fill(&fixture, &entries, 1);
    assert_int_equal(fixture_entries(&entries, fixture.port.dead_letter), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_GIVE_UP);
    assert_int_equal(script_count(fixture.script), 1);
    assert_int_equal(receive_once(), LE_ERR_REFUSED);
}

#define SKEWED ERROR_BODY("SignatureDoesNotMatch")

static void test_a_wrong_clock_is_corrected(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 403, .body = SKEWED, .date = "Thu, 01 Jan 2026 00:10:00 GMT"},
        {.status = 200, .body = ONE_MESSAGE},
        {.status = 200, .body = "{}"},
    };
    struct fixture_receive receive;
    struct fixture_entries entries;
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
    assert_int_equal(receive.answer.found_count, 1);
    fixture_receive_free(&receive);
    const struct script_request *again = script_request(fixture.script, 1);
    assert_string_equal(script_header(script_request(fixture.script, 0), "x-amz-date"),
                        FIXTURE_NOW_AMZ);
    assert_string_equal(script_header(again, "x-amz-date"), "20260101T001000Z");
    assert_string_equal(again->body, script_request(fixture.script, 0)->body);
    assert_true(logged("event=clock_skew") && logged("skew=600"));
    fixture.wall_ms += 1000;
    assert_int_equal(delete_once(&entries, 1), LE_OK);
    assert_string_equal(script_header(script_request(fixture.script, 2), "x-amz-date"),
                        "20260101T001001Z");
}

/* The clock is not to blame: no second try, and no third when it was and the secret is wrong too.
 */
static void test_other_refusals_are_not_skew(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 403, .body = SKEWED, .date = "Thu, 01 Jan 2026 00:04:59 GMT"},
        {.status = 403, .body = SKEWED},
        {.status = 403, .body = SKEWED, .date = "yesterday"},
        {.status = 403,
         .body = ERROR_BODY("InvalidClientTokenId"),
         .date = "Thu, 01 Jan 2026 01:00:00 GMT"},
        {.status = 403, .body = SKEWED, .date = "Thu, 01 Jan 2026 01:00:00 GMT"},
        {.status = 403, .body = SKEWED, .date = "Thu, 01 Jan 2026 03:00:00 GMT"},
    };
    (void)state;
    script_set(fixture.script, answers, COUNT(answers));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(receive_once(), LE_ERR_CREDENTIALS);
    assert_int_equal(script_count(fixture.script), 4);
    assert_int_equal(receive_once(), LE_ERR_CREDENTIALS);
    assert_int_equal(script_count(fixture.script), 6);
    check_words(
        "the queue service at http://127.0.0.1:%d refused the signature (SignatureDoesNotMatch): check "
        "AWS_SECRET_ACCESS_KEY, --region and this machine's clock");
}

static void test_an_answer_beyond_its_buffer(void **state)
{
    static char body[8192];
    static struct script_answer answers[] = {{.status = 200, .body = body},
                                             {.status = 200, .body = ONE_MESSAGE}};
    struct fixture_receive receive;
    (void)state;
    memset(body, ' ', sizeof body - 1);
    script_set(fixture.script, answers, COUNT(answers));
    assert_int_equal(fixture_receive(&fixture, &receive), LE_ERR_TOO_LARGE);
    fixture_receive_free(&receive);
    assert_int_equal(fixture_receive(&fixture, &receive), LE_OK);
    assert_int_equal(receive.answer.found_count, 1);
    fixture_receive_free(&receive);
}

/* A dead letter that no request can hold is given up, and not asked for ever. */
static void test_a_message_beyond_every_request(void **state)
{
    const size_t size = 17 * 1024 * 1024;
    char *body = le_alloc(size);
    struct fixture_entries entries;
    (void)state;
    assert_non_null(body);
    memset(body, 'x', size);
    fixture_entries_fill(&fixture, &entries, 1);
    entries.messages[0].body = body;
    entries.messages[0].body_len = size;
    assert_int_equal(fixture_entries(&entries, fixture.port.dead_letter), LE_OK);
    assert_int_equal(entries.op.outcomes[0], LE_ENTRY_GIVE_UP);
    le_free(body);
}

/* ---- with servers of other kinds ---- */

static struct raw_server *server;

static void open_raw(const struct raw_step *steps, size_t count)
{
    server = raw_server_start(steps, count);
    fixture_open(&fixture, raw_server_port(server));
}

static void close_raw(void)
{
    fixture_close(&fixture);
    raw_server_stop(server);
}

#define RAW_ANSWER(body) "HTTP/1.1 200 OK\r\nContent-Length: " body

static void test_cut_and_mangled_answers(void **state)
{
    static const struct raw_step steps[] = {
        {.bytes = RAW_ANSWER("100\r\n\r\n{\"Messages\":["), .end = RAW_CLOSE},
        {.bytes = RAW_ANSWER("100\r\n\r\n{\"Messages\":["), .end = RAW_RESET},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Le", .end = RAW_CLOSE},
        {.bytes = "220 mail.example ESMTP\r\n", .end = RAW_CLOSE},
        {.bytes = RAW_ANSWER("2\r\n\r\n{}"), .piece = 1, .end = RAW_KEEP},
    };
    (void)state;
    open_raw(steps, COUNT(steps));
    assert_int_equal(receive_once(), LE_ERR_CLOSED);
    assert_int_equal(receive_once(), LE_ERR_CLOSED);
    assert_int_equal(receive_once(), LE_ERR_CLOSED);
    assert_int_equal(receive_once(), LE_ERR_PROTOCOL);
    assert_int_equal(receive_once(), LE_OK);
    assert_int_equal(fixture.log_lines, 3);
    close_raw();
}

/* Its messages are leased: an answer that has begun is read to its end. */
static void test_cancel_leaves_a_begun_answer(void **state)
{
    static const struct raw_step steps[] = {
        {.bytes = RAW_ANSWER("70\r\n\r\n") ONE_MESSAGE, .piece = 4, .held = true, .hold_at = 20},
    };
    struct fixture_receive receive;
    (void)state;
    assert_int_equal(sizeof ONE_MESSAGE - 1, 70);
    open_raw(steps, COUNT(steps));
    fixture_receive_begin(&fixture, &receive);
    while (raw_server_said(server) < 20)
        fixture_turn(&fixture, 1);
    fixture_turn(&fixture, 5); /* reads it */
    assert_int_equal(receive.done, 0);
    fixture.port.cancel_receives(fixture.port.self);
    raw_server_let_go(server);
    fixture_wait(&fixture);
    assert_int_equal(receive.op.err, LE_OK);
    assert_int_equal(receive.answer.found_count, 1);
    fixture_receive_free(&receive);
    close_raw();
}

/* A port of ours that nobody listens on. */
static int closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

/* Nobody there concerns all operations, so it is said once. */
static void test_nobody_there(void **state)
{
    struct fixture_entries entries;
    char begin[128];
    (void)state;
    fixture_open(&fixture, closed_port());
    assert_int_equal(receive_once(), LE_ERR_CONNECT);
    assert_int_equal(delete_once(&entries, 1), LE_ERR_CONNECT);
    assert_int_equal(receive_once(), LE_ERR_CONNECT);
    assert_int_equal(fixture.log_lines, 1);
    int len =
        snprintf(begin, sizeof begin, "cannot reach the queue service at http://127.0.0.1:%d (",
                 fixture.server_port);
    const char *words = le_queue_last_failure(fixture.queue);
    assert_int_equal(strncmp(words, begin, (size_t)len), 0);
    assert_non_null(strstr(words, "): check --endpoint-url or the network"));
    print_message("%s\n", words);
    fixture_close(&fixture);
}

/* Every allocation of a receive and of a batch fails once; each operation ends all the same, and
 * the next one goes well. */
static void test_every_allocation_may_fail(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{\"Successful\":[{\"Id\":\"0\"}],\"Messages\":[]}"}};
    struct fixture_entries entries;
    unsigned failed = 0;
    (void)state;
    for (unsigned long nth = 1; nth < 60; nth++) {
        fixture_open(&fixture, 0);
        script_set(fixture.script, answers, COUNT(answers));
        le_mem_fail_at(nth);
        enum le_err received = receive_once();
        enum le_err deleted = delete_once(&entries, 1);
        le_mem_fail_at(0);
        failed += received != LE_OK || deleted != LE_OK;
        assert_int_equal(receive_once(), LE_OK);
        assert_int_equal(delete_once(&entries, 1), LE_OK);
        fixture_close(&fixture);
    }
    assert_true(failed >= 5);
}

#define QUEUE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_changes_of_state_are_logged_once),
        QUEUE_TEST(test_answers_that_are_none),
        QUEUE_TEST(test_credentials_are_fatal_until_they_worked),
        QUEUE_TEST(test_missing_queues),
        QUEUE_TEST(test_denied),
        QUEUE_TEST(test_refused_batch_goes_one_by_one),
        QUEUE_TEST(test_one_by_one_takes_the_newest_handle),
        QUEUE_TEST(test_a_refused_entry_alone),
        QUEUE_TEST(test_a_wrong_clock_is_corrected),
        QUEUE_TEST(test_other_refusals_are_not_skew),
        QUEUE_TEST(test_an_answer_beyond_its_buffer),
        QUEUE_TEST(test_a_message_beyond_every_request),
        cmocka_unit_test(test_cut_and_mangled_answers),
        cmocka_unit_test(test_cancel_leaves_a_begun_answer),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
