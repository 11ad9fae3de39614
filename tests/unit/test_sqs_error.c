/* What a refusal means: codes out of answers of every kind of server, and what becomes of them. */
#include "loginetl/sqs/codec.h"
#include "loginetl/sqs/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_code(const char *body, const char *header, const char *expect)
{
    char *text = strdup(body);
    assert_non_null(text);
    struct le_span code = le_sqs_json.read_error(text, strlen(text), le_span_of(header));
    if (expect == NULL ? code.ptr != NULL : !le_span_is(code, expect))
        fail_msg("%s: %.*s", body, (int)code.len, code.ptr != NULL ? code.ptr : "");
    free(text);
}

static void test_codes_of_all_servers(void **state)
{
    (void)state;
    check_code(
        "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified queue …\"}",
        "AWS.SimpleQueueService.NonExistentQueue;Sender", "QueueDoesNotExist");
    check_code("{\"__type\": \"QueueDoesNotExist\", \"message\": \"…\"}", NULL,
               "QueueDoesNotExist");
    check_code("{\"message\":\"x\",\"__type\":\"com.amazonaws.sqs#ReceiptHandleIsInvalid\"}", NULL,
               "ReceiptHandleIsInvalid");
    check_code(
        "{\"Message\":\"User: … is not authorized\",\"__type\":\"com.amazon.coral.service#AccessDenied"
        "Exception\"}",
        NULL, "AccessDeniedException");
    check_code(
        "{\"__type\":\"InvalidClientTokenId:http://internal.example/coral/\",\"message\":null}",
        NULL, "InvalidClientTokenId");
    check_code("{\"Type\":\"Sender\",\"Code\":\"InvalidParameterValue\",\"Message\":\"…\"}", NULL,
               "InvalidParameterValue");
    check_code(
        "{\"Error\":{\"Type\":\"Sender\",\"Code\":\"MissingParameter\",\"Message\":\"…\"},\"RequestId\":\"1\"}",
        NULL, "MissingParameter");
    check_code("{\"code\":\"SlowDown\"}", NULL, "SlowDown");
    check_code("{\"Code\":\"Other\",\"__type\":\"a#First\"}", NULL, "First");
    check_code("{\"__type\":\"a#First\",\"Code\":\"Other\"}", NULL, "First");
}

static void test_header_stands_in(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "{\"message\":\"x\"}",
        "<?xml version=\"1.0\"?><ErrorResponse/>",
        "<html>…</html>",
        "[]",
        "null",
        "{\"__type\":null}",
        "{\"__type\":[\"a\"]}",
        "{\"__type\":\"\"}",
        "{\"__type\":\"a sentence of the server's\"}",
        "{\"__type\":\"#\"}",
        "{\"__type\":\"line\\nfeed\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        check_code(bodies[i], "AWS.SimpleQueueService.NonExistentQueue;Sender",
                   "AWS.SimpleQueueService.NonExistentQueue");
        check_code(bodies[i], "OverLimit", "OverLimit");
        check_code(bodies[i], NULL, NULL);
        check_code(bodies[i], "not a code", NULL);
    }
}

static void test_a_cut_body_keeps_its_code(void **state)
{
    (void)state;
    check_code("{\"__type\":\"com.amazonaws.sqs#OverLimit\",\"message\":\"too ma", NULL,
               "OverLimit");
    check_code("{\"__type\":\"com.amazonaws.sqs#OverL", "InternalError;Receiver", "InternalError");
}

static void test_a_code_is_short(void **state)
{
    char body[200] = "{\"__type\":\"";
    (void)state;
    memset(body + 11, 'A', 64);
    memcpy(body + 75, "\"}", 3);
    check_code(body, NULL, NULL);
    memcpy(body + 74, "\"}", 3);
    body[11 + 63] = '"';
    struct le_span code = le_sqs_json.read_error(body, strlen(body), LE_SPAN_NONE);
    assert_int_equal(code.len, 63);
}

struct meaning {
    int status;
    const char *code;
    enum le_err err;
};

static void test_meanings(void **state)
{
    static const struct meaning meanings[] = {
        {400, "Throttling", LE_ERR_THROTTLED},
        {400, "ThrottlingException", LE_ERR_THROTTLED},
        {400, "ThrottledException", LE_ERR_THROTTLED},
        {403, "RequestThrottled", LE_ERR_THROTTLED},
        {400, "RequestThrottledException", LE_ERR_THROTTLED},
        {400, "TooManyRequestsException", LE_ERR_THROTTLED},
        {400, "RequestLimitExceeded", LE_ERR_THROTTLED},
        {503, "SlowDown", LE_ERR_THROTTLED},
        {403, "OverLimit", LE_ERR_THROTTLED},
        {400, "KmsThrottled", LE_ERR_THROTTLED},
        {429, NULL, LE_ERR_THROTTLED},
        {400, "RequestTimeout", LE_ERR_SERVICE},
        {408, NULL, LE_ERR_SERVICE},
        {500, NULL, LE_ERR_SERVICE},
        {500, "InternalError", LE_ERR_SERVICE},
        {400, "InternalFailure", LE_ERR_SERVICE},
        {502, NULL, LE_ERR_SERVICE},
        {503, "ServiceUnavailable", LE_ERR_SERVICE},
        {504, NULL, LE_ERR_SERVICE},
        {500, "Unheard.Of", LE_ERR_SERVICE},
        {403, "InvalidClientTokenId", LE_ERR_CREDENTIALS},
        {400, "UnrecognizedClientException", LE_ERR_CREDENTIALS},
        {403, "SignatureDoesNotMatch", LE_ERR_CREDENTIALS},
        {400, "InvalidSignatureException", LE_ERR_CREDENTIALS},
        {403, "RequestExpired", LE_ERR_CREDENTIALS},
        {403, "ExpiredToken", LE_ERR_CREDENTIALS},
        {400, "ExpiredTokenException", LE_ERR_CREDENTIALS},
        {403, "MissingAuthenticationToken", LE_ERR_CREDENTIALS},
        {401, NULL, LE_ERR_CREDENTIALS},
        {403, "AccessDenied", LE_ERR_DENIED},
        {400, "AccessDeniedException", LE_ERR_DENIED},
        {400, "KMS.AccessDeniedException", LE_ERR_DENIED},
        {403, NULL, LE_ERR_DENIED},
        {400, "QueueDoesNotExist", LE_ERR_NO_QUEUE},
        {400, "AWS.SimpleQueueService.NonExistentQueue", LE_ERR_NO_QUEUE},
        {404, "InvalidAddress", LE_ERR_NO_QUEUE},
        {400, "InvalidParameterValue", LE_ERR_REFUSED},
        {400, NULL, LE_ERR_REFUSED},
        {404, NULL, LE_ERR_REFUSED},
        {301, NULL, LE_ERR_REFUSED},
        {415, NULL, LE_ERR_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        const struct meaning *meaning = &meanings[i];
        enum le_err err = le_sqs_error(meaning->status, le_span_of(meaning->code));
        if (err != meaning->err)
            fail_msg("%d %s: %s", meaning->status, meaning->code != NULL ? meaning->code : "",
                     le_err_name(err));
    }
}

static void test_skew(void **state)
{
    static const char *const skewed[] = {"RequestTimeTooSkewed",      "RequestExpired",
                                         "RequestInTheFuture",        "SignatureDoesNotMatch",
                                         "InvalidSignatureException", "AuthFailure"};
    (void)state;
    for (size_t i = 0; i < sizeof skewed / sizeof skewed[0]; i++)
        assert_true(le_sqs_is_skew(le_span_of(skewed[i])));
    assert_false(le_sqs_is_skew(LE_SPAN_LIT("InvalidClientTokenId")));
    assert_false(le_sqs_is_skew(LE_SPAN_LIT("AccessDenied")));
    assert_false(le_sqs_is_skew(LE_SPAN_NONE));
}

static bool retryable(enum le_sqs_outcome outcome, bool sender_fault, const char *code)
{
    struct le_sqs_entry_result result = {outcome, sender_fault, le_span_of(code)};
    return le_sqs_entry_retryable(&result);
}

static void test_entries_worth_another_try(void **state)
{
    (void)state;
    assert_true(retryable(LE_SQS_ENTRY_MISSING, false, NULL));
    assert_true(retryable(LE_SQS_ENTRY_FAILED, false, "InternalError"));
    assert_true(retryable(LE_SQS_ENTRY_FAILED, false, NULL));
    assert_true(retryable(LE_SQS_ENTRY_FAILED, true, "RequestThrottled"));
    assert_false(retryable(LE_SQS_ENTRY_OK, false, NULL));
    assert_false(retryable(LE_SQS_ENTRY_FAILED, true, "InternalError"));
    assert_false(retryable(LE_SQS_ENTRY_FAILED, true, NULL));
    assert_false(retryable(LE_SQS_ENTRY_FAILED, false, "ReceiptHandleIsInvalid"));
    assert_false(retryable(LE_SQS_ENTRY_FAILED, false, "InvalidParameterValue"));
    assert_false(retryable(LE_SQS_ENTRY_FAILED, false, "AccessDenied"));
}

static void test_entries_denied(void **state)
{
    struct le_sqs_entry_result result = {LE_SQS_ENTRY_FAILED, true, LE_SPAN_LIT("AccessDenied")};
    (void)state;
    assert_true(le_sqs_entry_denied(&result));
    result.code = LE_SPAN_LIT("ReceiptHandleIsInvalid");
    assert_false(le_sqs_entry_denied(&result));
    result = (struct le_sqs_entry_result){LE_SQS_ENTRY_OK, false, LE_SPAN_LIT("AccessDenied")};
    assert_false(le_sqs_entry_denied(&result));
}

static void test_operations_have_names(void **state)
{
    (void)state;
    assert_string_equal(le_sqs_operation_name(LE_SQS_GET_QUEUE_URL), "GetQueueUrl");
    assert_string_equal(le_sqs_operation_name(LE_SQS_SEND_BATCH), "SendMessageBatch");
    for (int i = 0; i < LE_SQS_OPERATION_COUNT; i++)
        assert_non_null(le_sqs_operation_name((enum le_sqs_operation)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_of_all_servers),
        cmocka_unit_test(test_header_stands_in),
        cmocka_unit_test(test_a_cut_body_keeps_its_code),
        cmocka_unit_test(test_a_code_is_short),
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_entries_worth_another_try),
        cmocka_unit_test(test_entries_denied),
        cmocka_unit_test(test_operations_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
