/* Presigned requests against the cases of the public SigV4 test suite, and the tokens for databases
 * that are made of them. */
#include "loginetl/base/mem.h"
#include "loginetl/sqs/rds_token.h"
#include "torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SUITE_TIME  INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define SUITE_TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define SCOPE                                                        \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%" \
    "2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600"

static const struct le_credentials suite_keys = {
    LE_SPAN_LIT("AKIDEXAMPLE"), LE_SPAN_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    LE_SPAN_NONE};

static const struct le_http_header headers[] = {
    {LE_SPAN_LIT("host"), LE_SPAN_LIT("example.amazonaws.com")},
    {LE_SPAN_LIT("my-header1"), LE_SPAN_LIT(" value1")},
    {LE_SPAN_LIT("my-header2"), LE_SPAN_LIT("\"a   b   c\"")}};

struct vector {
    const char *path;
    const char *query;
    size_t header_count;
    const char *token;
    const char *expect;
};

static const struct vector vectors[] = {
    {"/", "Param2=value2&Param1=value1", 1, NULL,
     "Param2=value2&Param1=value1&" SCOPE "&X-Amz-SignedHeaders=host&X-Amz-Signature="
     "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5"},
    {"/", "", 3, NULL,
     SCOPE "&X-Amz-SignedHeaders=host%3Bmy-header1%3Bmy-header2&X-Amz-Signature="
           "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4"},
    {"/", "", 1, SUITE_TOKEN,
     SCOPE "&X-Amz-SignedHeaders=host&X-Amz-Security-Token=" SUITE_TOKEN "&X-Amz-Signature="
           "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"},
    {"/\xe1\x88\xb4", "", 1, NULL,
     SCOPE "&X-Amz-SignedHeaders=host&X-Amz-Signature="
           "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44"},
};

static enum le_err presign(const struct vector *vector, struct le_buf *out)
{
    uint8_t payload[LE_SHA256_LEN];
    struct le_signer *signer = le_signer_new(LE_SPAN_LIT("us-east-1"), LE_SPAN_LIT("service"));
    enum le_err err = le_sha256(LE_SPAN_LIT(""), payload);
    const struct le_sigv4_request request = {LE_SPAN_LIT("GET"),        le_span_of(vector->path),
                                             le_span_of(vector->query), headers,
                                             vector->header_count,      payload};
    if (signer == NULL)
        return LE_ERR_NOMEM;
    err = err == LE_OK ? le_signer_set_credentials(signer, &suite_keys) : err;
    if (err == LE_OK)
        err = le_sigv4_presign(signer, &request, le_span_of(vector->token), 3600, SUITE_TIME, out);
    le_signer_free(signer);
    return err;
}

static void presigned_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct le_buf out;
        le_buf_init(&out, 4096);
        assert_int_equal(le_buf_append_text(&out, "?"), LE_OK);
        assert_int_equal(presign(&vectors[i], &out), LE_OK);
        assert_int_equal(le_buf_append(&out, "", 1), LE_OK);
        assert_string_equal(out.data + 1, vectors[i].expect);
        le_buf_free(&out);
    }
}

static void a_presigned_request_is_whole_or_not_there(void **state)
{
    (void)state;
    const size_t whole = strlen(vectors[2].expect) + 1;
    for (size_t max = 1; max <= whole; max++) {
        struct le_buf out;
        le_buf_init(&out, max);
        assert_int_equal(le_buf_append_text(&out, "?"), LE_OK);
        assert_int_equal(presign(&vectors[2], &out), max < whole ? LE_ERR_TOO_LARGE : LE_OK);
        assert_int_equal(out.len, max < whole ? 1 : whole);
        le_buf_free(&out);
    }
}

/* ---- tokens ---- */

static const struct le_rds_login login = {LE_SPAN_LIT("eu-west-1"),
                                          LE_SPAN_LIT("Db-1.abc.eu-west-1.rds.amazonaws.com"),
                                          LE_SPAN_LIT("5432"), LE_SPAN_LIT("lo@der/ü")};

/* As botocore makes it. */
static void a_token(void **state)
{
    struct le_buf out;
    (void)state;
    le_buf_init(&out, LE_RDS_TOKEN_MAX + 1);
    assert_int_equal(le_rds_token(&login, &suite_keys, SUITE_TIME, &out), LE_OK);
    assert_true(out.cap >= LE_RDS_TOKEN_MAX);
    assert_int_equal(le_buf_append(&out, "", 1), LE_OK);
    assert_string_equal(
        out.data,
        "Db-1.abc.eu-west-1.rds.amazonaws.com:5432/?Action=connect&DBUser=lo%40der%2F%C3%BC"
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%"
        "2Frds-db%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "903814dbe0e1f7dc86a63576ae1bfdd5767684e8e94b1daf698a83e1c2becc99");
    le_buf_free(&out);
}

static void what_is_too_long(void **state)
{
    static char name[2000];
    struct le_rds_login other = login;
    struct le_buf out;
    (void)state;
    memset(name, 'n', sizeof name);
    le_buf_init(&out, 2 * LE_RDS_TOKEN_MAX);
    other.user = (struct le_span){name, sizeof name};
    assert_int_equal(le_rds_token(&other, &suite_keys, SUITE_TIME, &out), LE_ERR_TOO_LARGE);
    other.user = login.user;
    other.host = (struct le_span){name, sizeof name};
    assert_int_equal(le_rds_token(&other, &suite_keys, SUITE_TIME, &out), LE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    le_buf_free(&out);
    le_buf_init(&out, LE_RDS_TOKEN_MAX - 1);
    assert_int_equal(le_rds_token(&login, &suite_keys, SUITE_TIME, &out), LE_ERR_TOO_LARGE);
    le_buf_free(&out);
}

static enum le_err make_a_token(void *arg)
{
    struct le_buf out;
    (void)arg;
    le_buf_init(&out, LE_RDS_TOKEN_MAX);
    enum le_err err = le_rds_token(&login, &suite_keys, SUITE_TIME, &out);
    assert_true(err == LE_OK || out.len == 0);
    le_buf_free(&out);
    return err;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    torture(make_a_token, NULL, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presigned_requests),
        cmocka_unit_test(a_presigned_request_is_whole_or_not_there),
        cmocka_unit_test(a_token),
        cmocka_unit_test(what_is_too_long),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
