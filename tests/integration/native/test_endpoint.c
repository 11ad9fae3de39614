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
        {"HTTPS://H:443/Q", "HTTPS://H:443", "H", "/Q"},
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
        "http://u:1/p@h",
        "http://h/p@h",
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

/* One row for each form that a queue's URL has, or had, at AWS and at emulators. */
static void test_forms_of_queue_urls(void **state)
{
    static const struct {
        const char *url;
        const char *region; /* that requests are signed for when nobody gives one; NULL: refused */
        const char *endpoint;
        bool aws;
    } forms[] = {
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q", "eu-west-1",
         "https://sqs.eu-west-1.amazonaws.com", true},
        {"https://eu-west-1.queue.amazonaws.com/123456789012/q", "eu-west-1",
         "https://eu-west-1.queue.amazonaws.com", true},
        {"https://queue.amazonaws.com/123456789012/q", "us-east-1", "https://queue.amazonaws.com",
         true},
        {"http://queue.amazonaws.com:80/123456789012/q", "us-east-1",
         "http://queue.amazonaws.com:80", true},
        {"https://sqs.eu-west-1.api.aws/123456789012/q", "eu-west-1",
         "https://sqs.eu-west-1.api.aws", true},
        {"https://sqs-fips.us-east-1.amazonaws.com/123456789012/q", "us-east-1",
         "https://sqs-fips.us-east-1.amazonaws.com", true},
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/q", "us-gov-west-1",
         "https://sqs-fips.us-gov-west-1.amazonaws.com", true},
        {"https://sqs.us-gov-east-1.amazonaws.com/123456789012/q", "us-gov-east-1",
         "https://sqs.us-gov-east-1.amazonaws.com", true},
        {"https://sqs-fips.us-east-2.api.aws/123456789012/q", "us-east-2",
         "https://sqs-fips.us-east-2.api.aws", true},
        {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "cn-north-1",
         "https://sqs.cn-north-1.amazonaws.com.cn", true},
        {"https://cn-north-1.queue.amazonaws.com.cn/123456789012/q", "cn-north-1",
         "https://cn-north-1.queue.amazonaws.com.cn", true},
        {"https://sqs.cn-north-1.api.amazonwebservices.com.cn/123456789012/q", "cn-north-1",
         "https://sqs.cn-north-1.api.amazonwebservices.com.cn", true},
        {"https://sqs.us-iso-east-1.c2s.ic.gov/123456789012/q", "us-iso-east-1",
         "https://sqs.us-iso-east-1.c2s.ic.gov", true},
        {"https://sqs.us-isob-east-1.sc2s.sgov.gov/123456789012/q", "us-isob-east-1",
         "https://sqs.us-isob-east-1.sc2s.sgov.gov", true},
        {"https://sqs.eu-isoe-west-1.cloud.adc-e.uk/123456789012/q", "eu-isoe-west-1",
         "https://sqs.eu-isoe-west-1.cloud.adc-e.uk", true},
        {"https://sqs.us-isof-south-1.csp.hci.ic.gov/123456789012/q", "us-isof-south-1",
         "https://sqs.us-isof-south-1.csp.hci.ic.gov", true},
        {"https://sqs.eusc-de-east-1.amazonaws.eu/123456789012/q", "eusc-de-east-1",
         "https://sqs.eusc-de-east-1.amazonaws.eu", true},
        {"https://vpce-0123-abcd.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q", "eu-west-1",
         "https://vpce-0123-abcd.sqs.eu-west-1.vpce.amazonaws.com", true},
        {"https://vpce-0123-abcd-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q",
         "eu-west-1", "https://vpce-0123-abcd-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com", true},
        {"HTTPS://SQS.EU-West-1.AmazonAWS.com:443/123456789012/Q", "eu-west-1",
         "https://sqs.eu-west-1.amazonaws.com:443", true},
        {"https://sqs.eu-west-1.amazonaws.com/123456789012/q/", "eu-west-1",
         "https://sqs.eu-west-1.amazonaws.com", true},
        {"https://sqs.example.amazonaws.com/123456789012/q", NULL, NULL, true},
        {"http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/q", "eu-west-1",
         "http://sqs.eu-west-1.localhost.localstack.cloud:4566", false},
        {"http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000000/q", "eu-west-1",
         "http://eu-west-1.queue.localhost.localstack.cloud:4566", false},
        {"http://queue.localhost.localstack.cloud:4566/000000000000/q", "us-east-1",
         "http://queue.localhost.localstack.cloud:4566", false},
        {"http://localhost:4566/queue/eu-west-1/000000000000/q", "eu-west-1",
         "http://localhost:4566", false},
        {"http://localhost:4566/000000000000/q", "us-east-1", "http://localhost:4566", false},
        {"http://localhost:9324/queue/q", "us-east-1", "http://localhost:9324", false},
        {"http://localhost:9324/queue/us-west-2", "us-east-1", "http://localhost:9324", false},
        {"http://localhost:9324/000000000000/q/", "us-east-1", "http://localhost:9324", false},
        {"http://[::1]:4566/000000000000/q", "us-east-1", "http://[::1]:4566", false},
        {"http://[FD00::EC2]/000000000000/q", "us-east-1", "http://[fd00::ec2]", false},
        {"http://127.0.0.1/1/q", "us-east-1", "http://127.0.0.1", false},
        {"http://sqs.amazonaws.com.example/1/q", "us-east-1", "http://sqs.amazonaws.com.example",
         false},
        {"http://notamazonaws.com/1/q", "us-east-1", "http://notamazonaws.com", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct le_span url = le_span_of(forms[i].url);
        char region[LE_REGION_MAX];
        enum le_err err = le_region_choose(LE_SPAN_NONE, url, url, region);
        if (le_endpoint_is_aws(url) != forms[i].aws)
            fail_msg("whose is %s?", forms[i].url);
        assert_int_equal(err, forms[i].region != NULL ? LE_OK : LE_ERR_CONFIG);
        if (forms[i].region == NULL)
            continue;
        assert_string_equal(region, forms[i].region);
        check_endpoint(NULL, forms[i].url, region, forms[i].endpoint);
    }
}

static void test_urls_without_a_region(void **state)
{
    static const char *const urls[] = {"", "not a url", "http://sqs.example.com/1/q",
                                       "http://localhost/queue/eu-west-1", "http://localhost"};
    char region[LE_REGION_MAX];
    char longest[300] = "http://";
    (void)state;
    memset(longest + 7, 'a', sizeof longest - 8);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_false(le_region_of_url(le_span_of(urls[i]), region));
        assert_string_equal(region, "");
    }
    assert_false(le_region_of_url(le_span_of(longest), region));
    assert_false(le_endpoint_is_aws(le_span_of(longest)));
    assert_false(le_endpoint_is_aws(LE_SPAN_NONE));
}

static void test_regions_of_databases(void **state)
{
    static const char *const hosts[][2] = {
        {"db-1.abc123.eu-west-1.rds.amazonaws.com", "eu-west-1"},
        {"logins.cluster-abc123.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"},
        {"logins.cluster-ro-abc123.us-east-2.rds.amazonaws.com", "us-east-2"},
        {"front.proxy-abc123.ap-south-1.rds.amazonaws.com", "ap-south-1"},
        {"db-1.abc123.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"logins.cluster-abc9.rds.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"},
        {"db-1.abc123.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"},
        {"rds.abc123.eu-west-1.rds.amazonaws.com", "eu-west-1"},
        {"rds.cluster-abc9.eu-west-1.rds.amazonaws.com", "eu-west-1"},
        {"DB-1.ABC123.EU-WEST-1.RDS.AMAZONAWS.COM", "eu-west-1"},
        {"Db-1.Abc123.Rds.Cn-North-1.Amazonaws.Com.Cn", "cn-north-1"},
        {"db.eu-west-1.rds.example.com", NULL},
        {"db.example.com", NULL},
        {"rds.amazonaws.com", NULL},
        {"10.0.0.1", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char region[LE_REGION_MAX];
        bool found = le_region_of_database(le_span_of(hosts[i][0]), region);
        assert_int_equal(found, hosts[i][1] != NULL);
        assert_string_equal(region, found ? hosts[i][1] : "");
    }
}

static void check_region(const char *given, const char *url, const char *endpoint,
                         const char *expect)
{
    char region[LE_REGION_MAX];
    enum le_err err =
        le_region_choose(le_span_of(given), le_span_of(url), le_span_of(endpoint), region);
    assert_int_equal(err, expect != NULL ? LE_OK : LE_ERR_CONFIG);
    if (expect != NULL)
        assert_string_equal(region, expect);
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

static void test_choice_of_endpoint(void **state)
{
    (void)state;
    check_endpoint(NULL, NULL, "eu-west-1", "https://sqs.eu-west-1.amazonaws.com");
    check_endpoint("", "", "cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn");
    check_endpoint(NULL, "http://h:4566/000000000000/q", "us-east-1", "http://h:4566");
    check_endpoint("http://h:1/base", "http://other/0/q", "us-east-1", "http://h:1/base");
    check_endpoint("HTTP://H:1/Base", NULL, "us-east-1", "http://h:1/Base");
    check_endpoint("h:1", NULL, "us-east-1", NULL);
    check_endpoint(NULL, "login-queue", "us-east-1", NULL);
}

static void check_sts(const char *region, struct le_endpoint_kind kind, bool legacy,
                      const char *expect, const char *signed_for)
{
    struct le_buf out;
    struct le_span got;
    le_buf_init(&out, 256);
    assert_int_equal(le_endpoint_sts(&out, le_span_of(region), kind, legacy, &got), LE_OK);
    assert_true(le_span_is(le_buf_span(&out), expect));
    assert_true(le_span_is(got, signed_for));
    le_buf_free(&out);
}

static void test_endpoints_of_sts(void **state)
{
    (void)state;
    const struct le_endpoint_kind none = {false, false}, fips = {true, false},
                                  dualstack = {false, true};
    check_sts("eu-west-1", none, false, "https://sts.eu-west-1.amazonaws.com", "eu-west-1");
    check_sts("eu-west-1", none, true, "https://sts.amazonaws.com", "us-east-1");
    check_sts("eu-south-1", none, true, "https://sts.eu-south-1.amazonaws.com", "eu-south-1");
    check_sts("us-east-1", fips, true, "https://sts-fips.us-east-1.amazonaws.com", "us-east-1");
    check_sts("us-east-2", dualstack, true, "https://sts.us-east-2.api.aws", "us-east-2");
    check_sts("us-gov-west-1", fips, false, "https://sts.us-gov-west-1.amazonaws.com",
              "us-gov-west-1");
    check_sts("cn-north-1", none, true, "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_forms_of_queue_urls),
        cmocka_unit_test(test_urls_without_a_region),
        cmocka_unit_test(test_regions_of_databases),
        cmocka_unit_test(test_choice_of_region),
        cmocka_unit_test(test_choice_of_endpoint),
        cmocka_unit_test(test_kinds_of_endpoint),
        cmocka_unit_test(test_endpoints_of_sts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
