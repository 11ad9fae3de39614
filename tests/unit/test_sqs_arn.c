/* ARNs, URLs and names of queues. */
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
    check_url("https://sqs.eu-west-1.amazonaws.com/000000000000/q/", ARN,
              "https://sqs.eu-west-1.amazonaws.com/111111111111/q-dlq");
    check_url("http://h:9324/queue/q", ARN, "http://h:9324/queue/q-dlq");
    check_url("http://h:9324/queue/q//", ARN, "http://h:9324/queue/q-dlq");
    check_url("http://[::1]:9324/base/000000000000/q.fifo", "arn:aws:sqs:r:1:d.fifo",
              "http://[::1]:9324/base/1/d.fifo");
}

static void test_refused(void **state)
{
    static const char *const urls[] = {"",
                                       "q",
                                       "/q",
                                       "http://host:1/q",
                                       "http://host/000000000000/",
                                       "http://host/",
                                       "http://12345/q",
                                       "http://12345",
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
                                       "arn:aws:sqs:r:1:q.dead",
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

static void test_parts_of_arns(void **state)
{
    struct le_sqs_arn arn;
    (void)state;
    assert_int_equal(le_sqs_arn_parse(LE_SPAN_LIT(ARN), &arn), LE_OK);
    assert_true(le_span_is(arn.region, "us-east-1"));
    assert_true(le_span_is(arn.account, "111111111111") && le_span_is(arn.name, "q-dlq"));
}

static void test_parts_of_urls(void **state)
{
    static const struct {
        const char *url, *base, *account, *name;
    } urls[] = {
        {"https://h/1/q", "https://h/", "1", "q"},
        {"https://h/1/q//", "https://h/", "1", "q"},
        {"http://h:1/queue/r-1/1/q.fifo", "http://h:1/queue/r-1/", "1", "q.fifo"},
        {"http://h/queue/q", "http://h/queue/", "", "q"},
        {"http://h/a1/q", "http://h/a1/", "", "q"},
        {"http://1/q", "http://1/", "", "q"},
        {"http://1", "http://1", "", ""},
        {"http://1/", "http://1/", "", ""},
        {"q", "q", "", ""},
        {"", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct le_sqs_url parts = le_sqs_url_take_apart(le_span_of(urls[i].url));
        assert_true(le_span_is(parts.account, urls[i].account));
        assert_true(le_span_is(parts.name, urls[i].name));
        if (urls[i].name[0] != '\0')
            assert_true(le_span_is(parts.base, urls[i].base));
    }
}

static void check_same(const char *a, const char *b, bool expect)
{
    assert_int_equal(le_sqs_is_same_queue(le_span_of(a), le_span_of(b)), expect);
    assert_int_equal(le_sqs_is_same_queue(le_span_of(b), le_span_of(a)), expect);
}

static void test_same_queue(void **state)
{
    (void)state;
    check_same("http://h/1/q", "http://other:1/1/q/", true);
    check_same("http://h/1/q", "http://h/queue/us-east-1/1/q", true);
    check_same("http://h/queue/q", "http://h/000000000000/q", true);
    check_same("http://h/1/q", "http://h/2/q", false);
    check_same("http://h/1/q", "http://h/1/q-dlq", false);
    check_same("", "", false);
    check_same("http://h/", "http://h/", false);
}

static void test_names(void **state)
{
    static const char *const bad[] = {"",      ".fifo", "a.b",       "a.fifo.fifo", "a.FIFO",
                                      "a b",   "a/b",   "q\xc3\xa4", "a:b",         ".",
                                      "a.fif", "a?",    "a\n"};
    char longest[82];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(le_sqs_is_queue_name(le_span_of(bad[i])));
    assert_true(le_sqs_is_queue_name(LE_SPAN_LIT("Az09-_")));
    assert_true(le_sqs_is_queue_name(LE_SPAN_LIT("-.fifo")));
    memset(longest, 'a', sizeof longest);
    assert_true(le_sqs_is_queue_name((struct le_span){longest, 80}));
    assert_false(le_sqs_is_queue_name((struct le_span){longest, 81}));
    memcpy(longest + 75, ".fifo", 5);
    assert_true(le_sqs_is_queue_name((struct le_span){longest, 80}));
    memcpy(longest + 76, ".fifo", 5);
    assert_false(le_sqs_is_queue_name((struct le_span){longest, 81}));
}

static void test_fifo(void **state)
{
    (void)state;
    assert_true(le_sqs_is_fifo(LE_SPAN_LIT("http://host:1/000000000000/q.fifo")));
    assert_true(le_sqs_is_fifo(LE_SPAN_LIT("http://host:1/000000000000/q.fifo/")));
    assert_true(le_sqs_is_fifo(LE_SPAN_LIT("q.fifo")));
    assert_false(le_sqs_is_fifo(LE_SPAN_LIT("http://q.fifo:1/000000000000/q")));
    assert_false(le_sqs_is_fifo(LE_SPAN_LIT(".fifo")));
    assert_false(le_sqs_is_fifo(LE_SPAN_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_of_all_styles),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_parts_of_arns),
        cmocka_unit_test(test_parts_of_urls),
        cmocka_unit_test(test_same_queue),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fifo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
