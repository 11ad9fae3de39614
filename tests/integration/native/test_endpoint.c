/* Endpoints and regions: what is taken apart, what is chosen, what is refused. */
#include "loginetl/aws/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct parts {
    const char *url;
    const char *origin;
    const char *host;
    const char *path;
};

static void test_parts(void **state)
{
    static const struct parts good[] = {
        {"https://sqs.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com",
         "sqs.eu-west-1.amazonaws.com", "/"},
        {"http://localhost:4566", "http://localhost:4566", "localhost:4566", "/"},
        {"http://localhost:4566/", "http://localhost:4566", "localhost:4566", "/"},
        {"http://localhost:80/a/b/", "http://localhost:80", "localhost", "/a/b/"},
        {"https://h:443", "https://h:443", "h", "/"},
        {"https://h:80/x", "https://h:80", "h:80", "/x"},
        {"http://h:443", "http://h:443", "h:443", "/"},
        {"http://[::1]:4566/q", "http://[::1]:4566", "[::1]:4566", "/q"},
        {"http://[::1]", "http://[::1]", "[::1]", "/"},
        {"http://[::1]:80", "http://[::1]:80", "[::1]", "/"},
    };
    struct le_endpoint got;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(le_endpoint_parse(le_span_of(good[i].url), &got), LE_OK);
        assert_true(le_span_is(got.origin, good[i].origin));
        assert_true(le_span_is(got.host, good[i].host));
        assert_true(le_span_is(got.path, good[i].path));
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "localhost",
        "localhost:4566",
        "ftp://h",
        "HTTP",
        "http://",
        "https://",
        "http:///path",
        "http://:80",
        "http://h:",
        "http://h:x",
        "http://h:123456",
        "http://h:80:80",
        "http://u@h",
        "http://u:p@h",
        "http://h?a=b",
        "http://h/?a",
        "http://h/#f",
        "http://h/a b",
        "http://h/\r\nX: 1",
        "http://h\x80",
        "http://[::1",
        "http://[]",
        "http://[::1]x",
        "http://h/a\\b",
        "http://h/<x>",
    };
    struct le_endpoint got;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (le_endpoint_parse(le_span_of(bad[i]), &got) != LE_ERR_CONFIG)
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_regions_of_urls(void **state)
{
    static const struct parts urls[] = {
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1", NULL, NULL},
        {"https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1", NULL, NULL},
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/1/q", "us-gov-west-1", NULL, NULL},
        {"https://eu-west-1.queue.amazonaws.com/1/q", "eu-west-1", NULL, NULL},
        {"https://queue.amazonaws.com/1/q", "us-east-1", NULL, NULL},
        {"https://vpce-0a-1b.sqs.ap-south-2.vpce.amazonaws.com/1/q", "ap-south-2", NULL, NULL},
        {"http://sqs.us-east-1.localhost:4566/0/q", "us-east-1", NULL, NULL},
        {"http://localhost:4566/000000000000/q", NULL, NULL, NULL},
        {"http://sqs.example.com/1/q", NULL, NULL, NULL},
        {"http://127.0.0.1/1/q", NULL, NULL, NULL},
        {"not a url", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct le_span region = le_region_of_url(le_span_of(urls[i].url));
        if (urls[i].origin == NULL)
            assert_null(region.ptr);
        else
            assert_true(le_span_is(region, urls[i].origin));
    }
}

static void check_region(const char *given, const char *url, const char *endpoint,
                         const char *expect)
{
    struct le_span region;
    enum le_err err =
        le_region_choose(le_span_of(given), le_span_of(url), le_span_of(endpoint), &region);
    assert_int_equal(err, expect != NULL ? LE_OK : LE_ERR_CONFIG);
    if (expect != NULL)
        assert_true(le_span_is(region, expect));
}

static void test_choice_of_region(void **state)
{
    static const char url[] = "https://sqs.eu-west-1.amazonaws.com/1/q";
    (void)state;
    check_region("us-west-2", url, NULL, "us-west-2");
    check_region(NULL, url, "http://localhost:1", "eu-west-1");
    check_region(NULL, NULL, "https://sqs.ap-east-1.amazonaws.com/", "ap-east-1");
    check_region(NULL, NULL, "http://localhost:4566", "us-east-1");
    check_region("", "", "", NULL);
    check_region(NULL, NULL, NULL, NULL);
    check_region(NULL, NULL, "https://somewhere.amazonaws.com/", NULL);
    check_region("US-EAST-1", NULL, NULL, NULL);
    check_region("eu-west-1.evil.example/", NULL, NULL, NULL);
    check_region("eu west", url, NULL, NULL);
}

static void check_kind(struct le_endpoint_kind kind, const char *region, const char *expect)
{
    struct le_buf out;
    le_buf_init(&out, 256);
    assert_int_equal(le_endpoint_choose(&out, LE_SPAN_NONE, LE_SPAN_NONE, le_span_of(region), kind),
                     LE_OK);
    assert_true(le_span_is(le_buf_span(&out), expect));
    le_buf_free(&out);
}

/* With the rules of SQS's own model: GovCloud's plain endpoint is the certified one. */
static void test_kinds_of_endpoint(void **state)
{
    (void)state;
    const struct le_endpoint_kind fips = {true, false}, dualstack = {false, true},
                                  both = {true, true};
    check_kind(fips, "us-east-1", "https://sqs-fips.us-east-1.amazonaws.com");
    check_kind(dualstack, "eu-west-1", "https://sqs.eu-west-1.api.aws");
    check_kind(both, "us-east-2", "https://sqs-fips.us-east-2.api.aws");
    check_kind(fips, "us-gov-west-1", "https://sqs.us-gov-west-1.amazonaws.com");
    check_kind(both, "us-gov-west-1", "https://sqs-fips.us-gov-west-1.api.aws");
    check_kind(dualstack, "cn-north-1", "https://sqs.cn-north-1.api.amazonwebservices.com.cn");
    check_kind(fips, "us-isob-east-1", "https://sqs-fips.us-isob-east-1.sc2s.sgov.gov");
}

static void check_endpoint(const char *given, const char *url, const char *region,
                           const char *expect)
{
    struct le_buf out;
    le_buf_init(&out, 256);
    enum le_err err =
        le_endpoint_choose(&out, le_span_of(given), le_span_of(url), le_span_of(region),
                           (struct le_endpoint_kind){false, false});
    assert_int_equal(err, expect != NULL ? LE_OK : LE_ERR_CONFIG);
    if (expect != NULL)
        assert_true(le_span_is(le_buf_span(&out), expect));
    le_buf_free(&out);
}

static void test_choice_of_endpoint(void **state)
{
    (void)state;
    check_endpoint(NULL, NULL, "eu-west-1", "https://sqs.eu-west-1.amazonaws.com");
    check_endpoint("", "", "cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn");
    check_endpoint(NULL, "http://h:4566/000000000000/q", "us-east-1", "http://h:4566");
    check_endpoint("http://h:1/base", "http://other/0/q", "us-east-1", "http://h:1/base");
    check_endpoint("h:1", NULL, "us-east-1", NULL);
    check_endpoint(NULL, "login-queue", "us-east-1", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_regions_of_urls),
        cmocka_unit_test(test_choice_of_region),
        cmocka_unit_test(test_choice_of_endpoint),
        cmocka_unit_test(test_kinds_of_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
