/* Signatures against the cases of the public SigV4 test suite, and what the signer keeps from one
 * request to the next. */
#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/sqs/canonical.h"
#include "loginetl/sqs/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEADERS_MAX 8
#define SUITE_TIME  INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define HOST        "host:example.amazonaws.com\n"
#define DATE        "x-amz-date:20150830T123600Z\n"
#define SUITE_TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define LONG_TOKEN                                                                                 \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP" \
    "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT" \
    "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlz" \
    "m8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
#define UNRESERVED  "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define FORM        "application/x-www-form-urlencoded"
#define BODY_SHA256 "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"

struct vector {
    const char *method;
    const char *path;
    const char *query;
    const char *headers; /* "name:value\n" each, as our caller gives them */
    const char *body;
    const char *signature;
};

static const struct vector vectors[] = {
    {"GET", "/", "", HOST DATE, "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"POST", "/", "", HOST DATE, "",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    /* headers */
    {"GET", "/", "", HOST "my-header1:value2\nmy-header1:value2\nmy-header1:value1\n" DATE, "",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"GET", "/", "",
     HOST "my-header1:value4\nmy-header1:value1\nmy-header1:value3\nmy-header1:value2\n" DATE, "",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"GET", "/", "", HOST "my-header1: value1\nmy-header2: \"a   b   c\"\n" DATE, "",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"POST", "/", "", HOST "my-header1:value1\n" DATE, "",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"POST", "/", "", HOST "my-header1:VALUE1\n" DATE, "",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"GET", "/", "", HOST DATE "x-amz-security-token:" SUITE_TOKEN "\n", "",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"POST", "/", "", HOST DATE "x-amz-security-token:" LONG_TOKEN "\n", "",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    /* paths */
    {"GET", "/example/..", "", HOST DATE, "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET", "/example1/example2/../..", "", HOST DATE, "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET", "/./", "", HOST DATE, "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET", "/./example", "", HOST DATE, "",
     "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {"GET", "//", "", HOST DATE, "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"GET", "//example//", "", HOST DATE, "",
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"GET", "/example space/", "", HOST DATE, "",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"GET", "/" UNRESERVED, "", HOST DATE, "",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"GET", "/\xE1\x88\xB4", "", HOST DATE, "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    /* queries */
    {"GET", "/", "Param1=value1", HOST DATE, "",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"GET", "/", "Param-3=Value3&Param=Value2&%E1%88%B4=Value1", HOST DATE, "",
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"GET", "/", "Param2=value2&Param1=value1", HOST DATE, "",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"GET", "/", UNRESERVED "=" UNRESERVED, HOST DATE, "",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"GET", "/", "\xE1\x88\xB4=bar", HOST DATE, "",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"POST", "/", "Param1=value1", HOST DATE, "",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    /* bodies */
    {"POST", "/", "",
     "content-length:13\ncontent-type:" FORM "\n" HOST "x-amz-content-sha256:" BODY_SHA256
     "\n" DATE,
     "Param1=value1", "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    {"POST", "/", "",
     "content-length:13\ncontent-type:" FORM "; charset=utf-8\n" HOST
     "x-amz-content-sha256:" BODY_SHA256 "\n" DATE,
     "Param1=value1", "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"},
};

static const struct le_credentials suite_keys = {
    .access_key_id = {"AKIDEXAMPLE", 11},
    .secret_access_key = {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40},
};

static struct le_signer *suite_signer(void)
{
    struct le_signer *signer = le_signer_new(LE_SPAN_LIT("us-east-1"), LE_SPAN_LIT("service"));
    assert_non_null(signer);
    assert_int_equal(le_signer_set_credentials(signer, &suite_keys), LE_OK);
    return signer;
}

static size_t split_headers(const char *text, struct le_http_header out[HEADERS_MAX])
{
    size_t count = 0;
    while (*text != '\0') {
        const char *colon = strchr(text, ':');
        const char *stop = strchr(text, '\n');
        assert_true(colon != NULL && stop != NULL && count < HEADERS_MAX);
        out[count].name = (struct le_span){text, (size_t)(colon - text)};
        out[count++].value = (struct le_span){colon + 1, (size_t)(stop - colon) - 1};
        text = stop + 1;
    }
    return count;
}

static enum le_err authorize(struct le_signer *signer, const struct vector *vector, int64_t wall_ms,
                             struct le_buf *out)
{
    struct le_http_header headers[HEADERS_MAX];
    uint8_t payload[LE_SHA256_LEN];
    assert_int_equal(le_sha256(le_span_of(vector->body), payload), LE_OK);
    struct le_sigv4_request request = {
        .method = le_span_of(vector->method),
        .path = le_span_of(vector->path),
        .query = le_span_of(vector->query),
        .headers = headers,
        .header_count = split_headers(vector->headers, headers),
        .payload_sha256 = payload,
    };
    return le_sigv4_authorization(signer, &request, wall_ms, out);
}

static void check_signature(const struct le_buf *out, const char *signature)
{
    assert_true(out->len > 64);
    if (memcmp(out->data + out->len - 64, signature, 64) != 0)
        fail_msg("%.*s instead of %s", (int)out->len, out->data, signature);
}

static void test_suite_signatures(void **state)
{
    struct le_signer *signer = suite_signer();
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        le_buf_clear(&out);
        assert_int_equal(authorize(signer, &vectors[i], SUITE_TIME, &out), LE_OK);
        check_signature(&out, vectors[i].signature);
    }
    le_buf_free(&out);
    le_signer_free(signer);
}

static void test_the_whole_header(void **state)
{
    static const char expect[] =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;my-header1;x-amz-date, "
        "Signature=c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea";
    struct le_signer *signer = suite_signer();
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 4096);
    assert_int_equal(le_buf_append_text(&out, "before "), LE_OK);
    assert_int_equal(authorize(signer, &vectors[2], SUITE_TIME, &out), LE_OK);
    assert_int_equal(out.len, 7 + sizeof expect - 1);
    assert_memory_equal(out.data + 7, expect, sizeof expect - 1);
    le_buf_free(&out);
    le_signer_free(signer);
}

/* The kept key is of one day and one secret: neither the next day nor other credentials may be
 * signed with it. */
static void test_key_follows_day_and_secret(void **state)
{
    static const struct le_credentials other = {
        {"AKIDOTHER", 9}, {"another secret", 14}, {NULL, 0}};
    struct le_signer *signer = suite_signer();
    struct le_buf first, later, out;
    (void)state;
    le_buf_init(&first, 4096);
    le_buf_init(&later, 4096);
    le_buf_init(&out, 4096);
    assert_int_equal(authorize(signer, &vectors[0], SUITE_TIME, &first), LE_OK);
    assert_int_equal(authorize(signer, &vectors[0], SUITE_TIME + LE_MS_PER_DAY, &later), LE_OK);
    assert_non_null(memmem(later.data, later.len, "/20150831/", 10));
    assert_memory_not_equal(later.data + later.len - 64, vectors[0].signature, 64);
    assert_int_equal(authorize(signer, &vectors[0], SUITE_TIME, &out), LE_OK);
    check_signature(&out, vectors[0].signature);
    assert_int_equal(le_signer_set_credentials(signer, &other), LE_OK);
    le_buf_clear(&out);
    assert_int_equal(authorize(signer, &vectors[0], SUITE_TIME, &out), LE_OK);
    assert_non_null(memmem(out.data, out.len, "=AKIDOTHER/", 11));
    assert_memory_not_equal(out.data + out.len - 64, vectors[0].signature, 64);
    assert_int_equal(le_signer_set_credentials(signer, &suite_keys), LE_OK);
    le_buf_clear(&out);
    assert_int_equal(authorize(signer, &vectors[0], SUITE_TIME, &out), LE_OK);
    check_signature(&out, vectors[0].signature);
    le_buf_free(&first);
    le_buf_free(&later);
    le_buf_free(&out);
    le_signer_free(signer);
}

static void check_path(const char *path, bool normalise, const char *expect)
{
    struct le_buf out;
    le_buf_init(&out, 256);
    assert_int_equal(le_canonical_path(&out, le_span_of(path), normalise), LE_OK);
    assert_int_equal(le_buf_append(&out, "", 1), LE_OK);
    assert_string_equal(out.data, expect);
    le_buf_free(&out);
}

static void test_canonical_paths(void **state)
{
    (void)state;
    check_path("", true, "/");
    check_path("/", true, "/");
    check_path("/..", true, "/");
    check_path("/../../a", true, "/a");
    check_path("/a/b/../c", true, "/a/c");
    check_path("/a/b/..", true, "/a");
    check_path("/a/b/../", true, "/a/");
    check_path("/a/./b//c", true, "/a/b/c");
    check_path("/a/...", true, "/a/...");
    check_path("/a%2Fb", true, "/a%252Fb");
    check_path("/a/../b//c", false, "/a/../b//c");
    check_path("/q+=&$", true, "/q%2B%3D%26%24");
}

static void check_query(const char *query, const char *expect)
{
    struct le_buf out;
    le_buf_init(&out, 256);
    assert_int_equal(le_canonical_query(&out, le_span_of(query)), LE_OK);
    assert_int_equal(le_buf_append(&out, "", 1), LE_OK);
    assert_string_equal(out.data, expect);
    le_buf_free(&out);
}

static void test_canonical_queries(void **state)
{
    (void)state;
    check_query("", "");
    check_query("a", "a=");
    check_query("&&a&&", "a=");
    check_query("=x", "=x");
    check_query("b=2&a=1", "a=1&b=2");
    check_query("a=2&a=1&a", "a=&a=1&a=2");
    check_query("a-b=1&a=2", "a=2&a-b=1");
    check_query("a=b=c", "a=b%3Dc");
    check_query("a=%41%2f%zz%4", "a=%41%2f%25zz%254");
}

static void test_a_query_has_a_limit(void **state)
{
    char query[3 * (LE_CANONICAL_PARAMETERS_MAX + 1)];
    struct le_buf out;
    (void)state;
    for (size_t i = 0; i < sizeof query; i++)
        query[i] = "a=&"[i % 3];
    le_buf_init(&out, 4096);
    assert_int_equal(le_canonical_query(&out, (struct le_span){query, sizeof query - 3}), LE_OK);
    assert_int_equal(le_canonical_query(&out, (struct le_span){query, sizeof query}),
                     LE_ERR_TOO_LARGE);
    le_buf_free(&out);
}

static void test_limits(void **state)
{
    static char secret[5000];
    struct le_signer *signer = suite_signer();
    struct le_credentials keys = {LE_SPAN_LIT("AKID"), {secret, sizeof secret}, LE_SPAN_NONE};
    struct le_buf out;
    (void)state;
    memset(secret, 's', sizeof secret);
    assert_int_equal(le_signer_set_credentials(signer, &keys), LE_ERR_TOO_LARGE);
    le_buf_init(&out, 100);
    assert_int_equal(authorize(signer, &vectors[0], SUITE_TIME, &out), LE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    le_buf_free(&out);
    le_signer_free(signer);
}

/* One whole use of a signer; false when memory failed somewhere. */
static bool use_signer(unsigned long fail_at)
{
    struct le_buf out;
    bool good = false;
    le_buf_init(&out, 4096);
    le_mem_fail_at(fail_at);
    struct le_signer *signer = le_signer_new(LE_SPAN_LIT("us-east-1"), LE_SPAN_LIT("service"));
    if (signer != NULL) {
        enum le_err err = le_signer_set_credentials(signer, &suite_keys);
        err = err == LE_OK ? authorize(signer, &vectors[19], SUITE_TIME, &out) : err;
        assert_true(err == LE_OK || err == LE_ERR_NOMEM);
        good = err == LE_OK;
    }
    le_mem_fail_at(0);
    if (signer != NULL && !good) { /* it is none the worse for it */
        assert_int_equal(le_signer_set_credentials(signer, &suite_keys), LE_OK);
        le_buf_clear(&out);
        assert_int_equal(authorize(signer, &vectors[19], SUITE_TIME, &out), LE_OK);
        check_signature(&out, vectors[19].signature);
    }
    le_signer_free(signer);
    le_buf_free(&out);
    return good;
}

static void test_every_allocation_may_fail(void **state)
{
    unsigned long nth = 1;
    (void)state;
    while (!use_signer(nth))
        assert_true(++nth < 100);
    assert_true(nth > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite_signatures),
        cmocka_unit_test(test_the_whole_header),
        cmocka_unit_test(test_key_follows_day_and_secret),
        cmocka_unit_test(test_canonical_paths),
        cmocka_unit_test(test_canonical_queries),
        cmocka_unit_test(test_a_query_has_a_limit),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
