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
    struct le_span token;
    int64_t expires = 0;
    (void)state;
    assert_int_equal(le_sso_token_read(good, strlen(good), &token, &expires), LE_OK);
    assert_true(le_span_is(token, "abc"));
    assert_true(expires == MOMENT_MS);
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(le_sso_token_read(wrong[i], strlen(wrong[i]), &token, &expires),
                         LE_ERR_PROTOCOL);
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
        cmocka_unit_test(test_other_json_is_refused),
        cmocka_unit_test(test_sts),
        cmocka_unit_test(test_sts_refusal),
        cmocka_unit_test(test_other_xml_is_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
