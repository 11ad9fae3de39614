/* What those answer who give credentials out: JSON and XML, well-formed and not. */
#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define MOMENT       "2015-08-30T12:36:00Z"
#define MOMENT_MS    INT64_C(1440938160000)

static char copy[LE_CREDENTIAL_ANSWER_MAX];

static enum le_err read_json(enum le_answer_form form, const char *text,
                             struct le_credential_answer *out)
{
    size_t len = strlen(text);
    assert_true(len < sizeof copy);
    memcpy(copy, text, len);
    return le_credential_answer_read(form, copy, len, out);
}

static enum le_err read_xml(const char *text, struct le_credential_answer *out)
{
    size_t len = strlen(text);
    assert_true(len < sizeof copy);
    memcpy(copy, text, len);
    return le_sts_answer_read(copy, len, out);
}

static void check(const struct le_credential_answer *answer, const char *token, int64_t expires)
{
    assert_true(le_span_is(answer->credentials.access_key_id, "AKID"));
    assert_true(le_span_is(answer->credentials.secret_access_key, "se/cr+et"));
    assert_true(le_span_is(answer->credentials.session_token, token != NULL ? token : ""));
    assert_int_equal(answer->credentials.session_token.ptr == NULL, token == NULL);
    assert_true(answer->expires_at_ms == expires);
    assert_null(answer->code.ptr);
}

static void test_metadata(void **state)
{
    static const char *const right[] = {
        "{\"Code\":\"Success\",\"LastUpdated\":\"" MOMENT "\",\"Type\":\"AWS-HMAC\","
        "\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"se/cr+et\",\"Token\":\"to=ken\","
        "\"Expiration\":\"" MOMENT "\"}",
        " {\"Expiration\":\"" MOMENT "\",\"Token\":\"to\\u003dken\",\"RoleArn\":null,"
        "\"SecretAccessKey\":\"se\\/cr+et\",\"AccessKeyId\":\"AKID\"}\n",
    };
    struct le_credential_answer answer;
    (void)state;
    for (size_t i = 0; i < COUNT(right); i++) {
        assert_int_equal(read_json(LE_ANSWER_METADATA, right[i], &answer), LE_OK);
        check(&answer, "to=ken", MOMENT_MS);
    }
}

static void test_a_refusal_has_its_code(void **state)
{
    static const struct {
        const char *text;
        const char *code;
    } refusals[] = {
        {"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no\"}",
         "AssumeRoleUnauthorizedAccess"},
        {"{\"code\":\"InvalidToken\",\"message\":\"no\"}", "InvalidToken"},
        {"{\"Code\":\"two words\"}", ""},
        {"{\"Code\":\"\"}", ""},
    };
    struct le_credential_answer answer;
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        assert_int_equal(read_json(LE_ANSWER_METADATA, refusals[i].text, &answer),
                         LE_ERR_CREDENTIALS);
        assert_true(le_span_is(answer.code, refusals[i].code));
        assert_null(answer.credentials.access_key_id.ptr);
    }
}

#define PAIR "\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"se/cr+et\""

static void test_process(void **state)
{
    struct le_credential_answer answer;
    (void)state;
    assert_int_equal(read_json(LE_ANSWER_PROCESS, "{\"Version\":1," PAIR "}", &answer), LE_OK);
    check(&answer, NULL, LE_NEVER_EXPIRES);
    assert_int_equal(read_json(LE_ANSWER_PROCESS,
                               "{\"Version\":1," PAIR
                               ",\"SessionToken\":\"t\",\"Expiration\":\"" MOMENT "\"}",
                               &answer),
                     LE_OK);
    check(&answer, "t", MOMENT_MS);
    assert_int_equal(
        read_json(LE_ANSWER_PROCESS, "{\"Version\":1," PAIR ",\"SessionToken\":\"\"}", &answer),
        LE_OK);
    check(&answer, NULL, LE_NEVER_EXPIRES);
}

static void test_sso(void **state)
{
    struct le_credential_answer answer;
    (void)state;
    assert_int_equal(read_json(LE_ANSWER_SSO,
                               "{\"roleCredentials\":{\"accessKeyId\":\"AKID\","
                               "\"secretAccessKey\":\"se/cr+et\",\"sessionToken\":\"t\","
                               "\"expiration\":1440938160000}}",
                               &answer),
                     LE_OK);
    check(&answer, "t", MOMENT_MS);
}

static void test_sso_token(void **state)
{
    static char good[] = "{\"startUrl\":\"https://x\",\"accessToken\":\"abc\","
                         "\"expiresAt\":\"2015-08-30T12:36:00UTC\",\"scopes\":[\"a\"]}";
    static char wrong[][64] = {"{\"accessToken\":\"abc\"}", "{\"expiresAt\":\"" MOMENT "\"}",
                               "{\"accessToken\":\"a\\n\",\"expiresAt\":\"" MOMENT "\"}", "[]", ""};
    struct le_sso_token token;
    (void)state;
    assert_int_equal(le_sso_token_read(good, strlen(good), &token), LE_OK);
    assert_true(le_span_is(token.access_token, "abc"));
    assert_true(token.expires_at_ms == MOMENT_MS);
    assert_false(le_sso_token_renewable(&token, 0));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(le_sso_token_read(wrong[i], strlen(wrong[i]), &token), LE_ERR_PROTOCOL);
        assert_null(token.access_token.ptr);
    }
}

#define CLIENT       "\"clientId\":\"i\\\"d\",\"clientSecret\":\"sec\",\"registrationExpiresAt\":"
#define CACHED(more) "{\"accessToken\":\"abc\",\"expiresAt\":\"" MOMENT "\"," more "}"

static void test_sso_token_that_can_be_renewed(void **state)
{
    static const struct {
        const char *text;
        int64_t now_ms;
        bool renewable;
    } cases[] = {
        {CACHED(CLIENT "\"" MOMENT "\",\"refreshToken\":\"re\""), MOMENT_MS - 1, true},
        {CACHED(CLIENT "\"" MOMENT "\",\"refreshToken\":\"re\""), MOMENT_MS, false},
        {CACHED(CLIENT "\"" MOMENT "\""), 0, false},
        {CACHED(CLIENT "\"" MOMENT "\",\"refreshToken\":\"\""), 0, false},
        {CACHED(CLIENT "\"" MOMENT "\",\"refreshToken\":7"), 0, false},
        {CACHED(CLIENT "\"soon\",\"refreshToken\":\"re\""), 0, false},
        {CACHED(CLIENT "7,\"refreshToken\":\"re\""), 0, false},
        {CACHED("\"clientId\":\"id\",\"clientSecret\":\"sec\",\"refreshToken\":\"re\""), 0, false},
        {CACHED("\"clientId\":\"id\",\"registrationExpiresAt\":\"" MOMENT
                "\",\"refreshToken\":\"re\""),
         0, false},
        {CACHED("\"clientSecret\":\"sec\",\"registrationExpiresAt\":\"" MOMENT
                "\",\"refreshToken\":\"re\""),
         0, false},
    };
    struct le_sso_token token;
    struct le_buf body;
    (void)state;
    for (size_t i = COUNT(cases); i > 0; i--) {
        size_t len = strlen(cases[i - 1].text);
        memcpy(copy, cases[i - 1].text, len);
        assert_int_equal(le_sso_token_read(copy, len, &token), LE_OK);
        assert_int_equal(le_sso_token_renewable(&token, cases[i - 1].now_ms),
                         cases[i - 1].renewable);
    }
    le_buf_init(&body, 1024); /* of the first */
    assert_int_equal(le_sso_renewal_write(&body, &token), LE_OK);
    assert_true(le_span_is(le_buf_span(&body),
                           "{\"clientId\":\"i\\\"d\",\"clientSecret\":\"sec\","
                           "\"grantType\":\"refresh_token\",\"refreshToken\":\"re\"}"));
    le_buf_free(&body);
    le_buf_init(&body, 40);
    assert_int_equal(le_sso_renewal_write(&body, &token), LE_ERR_TOO_LARGE);
    le_buf_free(&body);
}

static enum le_err read_renewed(const char *text, struct le_sso_renewed *out)
{
    size_t len = strlen(text);
    memcpy(copy, text, len);
    return le_sso_renewed_read(copy, len, out);
}

static void test_sso_renewal(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"accessToken\":\"abc\"}",
        "{\"expiresIn\":3600}",
        "{\"accessToken\":\"a b\",\"expiresIn\":3600}",
        "{\"accessToken\":\"abc\",\"expiresIn\":0}",
        "{\"accessToken\":\"abc\",\"expiresIn\":-1}",
        "{\"accessToken\":\"abc\",\"expiresIn\":\"3600\"}",
        "{\"accessToken\":\"abc\",\"expiresIn\":9223372036854775807}",
        "{\"accessToken\":\"abc\",\"expiresIn\":3600}x",
    };
    struct le_sso_renewed renewed;
    (void)state;
    assert_int_equal(read_renewed("{\"accessToken\":\"abc\",\"expiresIn\":3600,\"idToken\":null,"
                                  "\"refreshToken\":\"re\",\"tokenType\":\"Bearer\"}",
                                  &renewed),
                     LE_OK);
    assert_true(le_span_is(renewed.access_token, "abc"));
    assert_true(le_span_is(renewed.refresh_token, "re"));
    assert_true(renewed.lasts_ms == 3600000);
    assert_int_equal(read_renewed("{\"accessToken\":\"abc\",\"expiresIn\":3600}", &renewed), LE_OK);
    assert_null(renewed.refresh_token.ptr);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (read_renewed(wrong[i], &renewed) != LE_ERR_PROTOCOL)
            fail_msg("accepted: %s", wrong[i]);
        assert_null(renewed.access_token.ptr);
    }
}

/* What the cache becomes: members that are not the token's own stay, of whatever kind. */
static void test_sso_cache_written_anew(void **state)
{
    static const struct {
        const char *old;
        const char *others;
    } cases[] = {
        {"{}", ""},
        {"{\"accessToken\":\"x\",\"expiresAt\":1,\"refreshToken\":\"y\",\"startUrl\":2,"
         "\"region\":[]}",
         ""},
        {"{\"clientId\" : \"i\\u0064\", \"n\\u00e9w\":{\"a\":[1,{\"b\":null}]} ,\"c\":-1.5e3}",
         ", \"clientId\": \"i\\u0064\", \"n\xc3\xa9w\":{\"a\":[1,{\"b\":null}]}, \"c\":-1.5e3"},
        {"{\"\\u0061ccessToken\":\"escaped\"}", ""},
    };
    static const char *const wrong[] = {"", "[]", "{\"a\":1", "{\"a\":1}x", "{\"a\"}"};
    const struct le_sso_renewed renewed = {LE_SPAN_LIT("abc"), LE_SPAN_LIT("r\"e"), 3600500};
    const struct le_sso_place place = {LE_SPAN_LIT("https://x"), LE_SPAN_LIT("eu-west-1")};
    char wanted[512];
    struct le_buf out;
    (void)state;
    le_buf_init(&out, 512);
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(wanted, sizeof wanted,
                 "{\"startUrl\": \"https://x\", \"region\": \"eu-west-1\", "
                 "\"accessToken\": \"abc\", \"expiresAt\": \"" MOMENT
                 "\", \"refreshToken\": \"r\\\"e\"%s}",
                 cases[i].others);
        le_buf_clear(&out);
        memcpy(copy, cases[i].old, strlen(cases[i].old));
        assert_int_equal(le_sso_token_write(&out, copy, strlen(cases[i].old), &renewed,
                                            MOMENT_MS - 3600000, &place),
                         LE_OK);
        if (!le_span_is(le_buf_span(&out), wanted))
            fail_msg("%.*s", (int)out.len, out.data);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        memcpy(copy, wrong[i], strlen(wrong[i]));
        le_buf_clear(&out);
        assert_int_equal(
            le_sso_token_write(&out, copy, strlen(wrong[i]), &renewed, MOMENT_MS, &place),
            LE_ERR_PROTOCOL);
    }
    le_buf_free(&out);
}

static void test_other_json_is_refused(void **state)
{
    static const struct {
        enum le_answer_form form;
        const char *text;
    } wrong[] = {
        {LE_ANSWER_METADATA, ""},
        {LE_ANSWER_METADATA, "null"},
        {LE_ANSWER_METADATA, "<html></html>"},
        {LE_ANSWER_METADATA, "{}"},
        {LE_ANSWER_METADATA, "{" PAIR "}"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":\"t\"}"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Expiration\":\"" MOMENT "\"}"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":\"t\",\"Expiration\":\"soon\"}"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":\"t\",\"Expiration\":\"" MOMENT "\""},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":\"t\",\"Expiration\":\"" MOMENT "\"}x"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":\"t\\r\\nX: y\",\"Expiration\":\"" MOMENT "\"}"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":\"t\\u0000\",\"Expiration\":\"" MOMENT "\"}"},
        {LE_ANSWER_METADATA, "{" PAIR ",\"Token\":7,\"Expiration\":\"" MOMENT "\"}"},
        {LE_ANSWER_PROCESS, "{" PAIR "}"},
        {LE_ANSWER_PROCESS, "{\"Version\":2," PAIR "}"},
        {LE_ANSWER_PROCESS, "{\"Version\":\"1\"," PAIR "}"},
        {LE_ANSWER_PROCESS, "{\"Version\":1,\"AccessKeyId\":\"AKID\"}"},
        {LE_ANSWER_PROCESS, "{\"Version\":1," PAIR ",\"Expiration\":\"2015-08-30T12:36:00\"}"},
        {LE_ANSWER_SSO, "{\"accessKeyId\":\"AKID\"}"},
        {LE_ANSWER_SSO, "{\"roleCredentials\":[]}"},
        {LE_ANSWER_SSO, "{\"roleCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"s\","
                        "\"sessionToken\":\"t\",\"expiration\":0}}"},
    };
    struct le_credential_answer answer;
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (read_json(wrong[i].form, wrong[i].text, &answer) != LE_ERR_PROTOCOL)
            fail_msg("accepted: %s", wrong[i].text);
        assert_null(answer.credentials.access_key_id.ptr);
    }
}

#define XML_OF(fields)                                                                          \
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n" \
    "<AssumeRoleWithWebIdentityResult><Audience>sts</Audience><Credentials>" fields             \
    "</Credentials></AssumeRoleWithWebIdentityResult>"                                          \
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"                             \
    "</AssumeRoleWithWebIdentityResponse>"
#define XML_PAIR  "<AccessKeyId>AKID</AccessKeyId><SecretAccessKey>se/cr+et</SecretAccessKey>"
#define XML_TOKEN "<SessionToken>a&lt;&#61;b</SessionToken>"
#define XML_END   "<Expiration>" MOMENT "</Expiration>"

static void test_sts(void **state)
{
    struct le_credential_answer answer;
    (void)state;
    assert_int_equal(read_xml(XML_OF(XML_PAIR XML_TOKEN XML_END), &answer), LE_OK);
    check(&answer, "a<=b", MOMENT_MS);
    assert_int_equal(
        read_xml("<?xml version=\"1.0\"?>" XML_OF(XML_END "<SessionToken><![CDATA[a]]>b"
                                                          "</SessionToken>" XML_PAIR),
                 &answer),
        LE_OK);
    check(&answer, "ab", MOMENT_MS);
}

static void test_sts_refusal(void **state)
{
    struct le_credential_answer answer;
    (void)state;
    assert_int_equal(read_xml("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                              "<Error><Type>Sender</Type><Code>ExpiredTokenException</Code>"
                              "<Message>secret words</Message></Error></ErrorResponse>",
                              &answer),
                     LE_ERR_CREDENTIALS);
    assert_true(le_span_is(answer.code, "ExpiredTokenException"));
}

static void test_other_xml_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "{}",
        "<html><body>no</body></html>",
        "<ErrorResponse><Error><Code>a b</Code></Error></ErrorResponse>",
        XML_OF(XML_PAIR XML_TOKEN),
        XML_OF(XML_PAIR XML_END),
        XML_OF(XML_TOKEN XML_END),
        XML_OF(XML_PAIR XML_TOKEN "<Expiration>now</Expiration>"),
        XML_OF(XML_PAIR XML_END "<SessionToken>a\nb</SessionToken>"),
        XML_OF(XML_PAIR XML_END "<SessionToken>a<b/>c</SessionToken><SessionToken/>"),
        XML_OF(XML_PAIR XML_TOKEN XML_END) "<more/>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>" XML_OF(XML_PAIR XML_TOKEN XML_END),
        "<!DOCTYPE a SYSTEM \"http://localhost/a.dtd\">" XML_OF(XML_PAIR XML_TOKEN XML_END),
        XML_OF(XML_PAIR XML_END "<SessionToken>&own;</SessionToken>"),
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a>"
        "</a></a></a></a></a></a></a>",
        "<a><b><Credentials>" XML_PAIR XML_TOKEN XML_END,
    };
    struct le_credential_answer answer;
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (read_xml(wrong[i], &answer) != LE_ERR_PROTOCOL)
            fail_msg("accepted: %s", wrong[i]);
        assert_null(answer.credentials.access_key_id.ptr);
    }
}

static void test_lengths(void **state)
{
    static char xml[LE_CREDENTIAL_ANSWER_MAX];
    static char token[LE_CREDENTIAL_LEN_MAX + 2];
    struct le_credential_answer answer;
    (void)state;
    memset(token, 't', LE_CREDENTIAL_LEN_MAX + 1);
    snprintf(xml, sizeof xml, XML_OF(XML_PAIR XML_END "<SessionToken>%s</SessionToken>"), token);
    assert_int_equal(read_xml(xml, &answer), LE_ERR_PROTOCOL);
    snprintf(xml, sizeof xml, "{" PAIR ",\"Token\":\"%s\",\"Expiration\":\"" MOMENT "\"}", token);
    assert_int_equal(read_json(LE_ANSWER_METADATA, xml, &answer), LE_ERR_PROTOCOL);
    token[LE_CREDENTIAL_LEN_MAX] = '\0';
    snprintf(xml, sizeof xml, XML_OF(XML_PAIR XML_END "<SessionToken>%s</SessionToken>"), token);
    assert_int_equal(read_xml(xml, &answer), LE_OK);
    check(&answer, token, MOMENT_MS);
    snprintf(xml, sizeof xml, "{" PAIR ",\"Token\":\"%s\",\"Expiration\":\"" MOMENT "\"}", token);
    assert_int_equal(read_json(LE_ANSWER_METADATA, xml, &answer), LE_OK);
    check(&answer, token, MOMENT_MS);
}

static void test_every_allocation_may_fail(void **state)
{
    struct le_credential_answer answer;
    long live = le_mem_live();
    unsigned long nth = 1;
    (void)state;
    for (;; nth++) {
        le_mem_fail_at(nth);
        enum le_err err = read_xml(XML_OF(XML_PAIR XML_TOKEN XML_END), &answer);
        le_mem_fail_at(0);
        assert_int_equal(le_mem_live(), live);
        if (err == LE_OK)
            break;
        assert_int_equal(err, LE_ERR_NOMEM);
    }
    assert_true(nth > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_a_refusal_has_its_code),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_sso),
        cmocka_unit_test(test_sso_token),
        cmocka_unit_test(test_sso_token_that_can_be_renewed),
        cmocka_unit_test(test_sso_renewal),
        cmocka_unit_test(test_sso_cache_written_anew),
        cmocka_unit_test(test_other_json_is_refused),
        cmocka_unit_test(test_sts),
        cmocka_unit_test(test_sts_refusal),
        cmocka_unit_test(test_other_xml_is_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
