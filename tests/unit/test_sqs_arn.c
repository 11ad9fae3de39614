/* From the redrive policy's ARN to a queue's URL. */
#include "loginetl/sqs/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARN "arn:aws:sqs:us-east-1:111111111111:q-dlq"

static enum le_err url_from(const char *url, const char *arn, struct le_buf *out)
{
    le_buf_clear(out);
    return le_sqs_url_from_arn(out, le_span_of(url), le_span_of(arn));
}

static void check_url(const char *url, const char *arn, const char *expect)
{
    struct le_buf out;
    le_buf_init(&out, 256);
    assert_int_equal(url_from(url, arn, &out), LE_OK);
    if (!le_span_is(le_buf_span(&out), expect))
        fail_msg("%.*s instead of %s", (int)out.len, out.data, expect);
    le_buf_free(&out);
}

static void test_urls_of_all_styles(void **state)
{
    (void)state;
    check_url("http://host:1/000000000000/q", ARN, "http://host:1/111111111111/q-dlq");
    check_url("https://sqs.eu-west-1.amazonaws.com/000000000000/q", ARN,
              "https://sqs.eu-west-1.amazonaws.com/111111111111/q-dlq");
    check_url("http://h:4566/queue/us-east-1/000000000000/q", ARN,
              "http://h:4566/queue/us-east-1/111111111111/q-dlq");
    check_url("http://sqs.us-east-1.localhost:4566/000000000000/q",
              "arn:aws-cn:sqs::000000000000:x.fifo",
              "http://sqs.us-east-1.localhost:4566/000000000000/x.fifo");
}

static void test_refused(void **state)
{
    static const char *const urls[] = {"",
                                       "q",
                                       "/q",
                                       "http://host:1/q",
                                       "http://host/000000000000/",
                                       "000000000000/q",
                                       "http://host/account/q"};
    static const char *const arns[] = {"",
                                       "arn",
                                       "arn:aws:sqs:us-east-1:111111111111:",
                                       "arn:aws:sns:r:1:q",
                                       "arn:aws:sqs:r::q",
                                       "arn:aws:sqs:r:x1:q",
                                       "arn:aws:sqs:r:1:q/../x",
                                       "arn:aws:sqs:r:1:q:more",
                                       "urn:aws:sqs:r:1:q",
                                       "arn::sqs:r:1:q",
                                       "arn:aws:sqs:r:1:q q",
                                       "arn:aws:sqs:r:111111111111111111111:q"};
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 256);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_int_equal(url_from(urls[i], ARN, &out), LE_ERR_SYNTAX);
    for (size_t i = 0; i < sizeof arns / sizeof arns[0]; i++)
        assert_int_equal(url_from("http://host:1/000000000000/q", arns[i], &out), LE_ERR_SYNTAX);
    le_buf_free(&out);
    le_buf_init(&out, 20);
    assert_int_equal(url_from("http://host:1/000000000000/q", ARN, &out), LE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    le_buf_free(&out);
}

static void test_parts(void **state)
{
    struct le_span account, name;
    (void)state;
    assert_int_equal(le_sqs_arn_parts(LE_SPAN_LIT(ARN), &account, &name), LE_OK);
    assert_true(le_span_is(account, "111111111111") && le_span_is(name, "q-dlq"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_of_all_styles),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
