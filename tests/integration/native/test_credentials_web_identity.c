/* A role's credentials from STS, for the token of a web identity. */
#include "live_blocks.h"
#include "sts_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ARN          "AWS_ROLE_ARN"
#define TOKEN_FILE   "AWS_WEB_IDENTITY_TOKEN_FILE"

static const struct script_answer good[] = {{.status = 200, .body = STS_ANSWER}};
static char token_file[] = "/tmp/loginetl-identity-XXXXXX";

static int setup(void **state)
{
    int fd = mkstemp(token_file);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    source_write_file(token_file, "head.body-1_2.sign");
    return sts_setup(state);
}

static int teardown(void **state)
{
    assert_int_equal(unlink(token_file), 0);
    return source_teardown(state);
}

static enum le_err make_from(struct source_fixture *fixture, const struct le_sts_params *sts,
                             const char *path, struct le_setting_fault *fault)
{
    const struct le_web_identity_params params = {*sts, le_span_of(path)};
    return le_credentials_web_identity(&fixture->world, &params, &fixture->source, fault);
}

static void make(struct source_fixture *fixture, const char *session_name, const char *path)
{
    const struct le_sts_params sts = sts_params(fixture, session_name);
    struct le_setting_fault fault;
    assert_int_equal(make_from(fixture, &sts, path, &fault), LE_OK);
    assert_string_equal(fixture->source->name, "web identity");
    source_check_none(fixture);
}

/* Nobody signs it, and STS, which knows JSON too, is asked for what is understood. */
static void test_the_request(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    const struct script_request *asked = script_request(fixture->script, 0);
    assert_string_equal(asked->method, "POST");
    assert_string_equal(asked->path, "/");
    assert_string_equal(
        asked->body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" STS_ARN_QUOTED
                     "&RoleSessionName=worker&WebIdentityToken=head.body-1_2.sign");
    assert_string_equal(script_header(asked, "content-type"),
                        "application/x-www-form-urlencoded; charset=utf-8");
    assert_string_equal(script_header(asked, "accept"), "text/xml");
    assert_string_equal(script_header(asked, "host"), fixture->origin + strlen("http://"));
    assert_string_equal(script_header(asked, "authorization"), "");
    assert_string_equal(script_header(asked, "x-amz-date"), "");
    source_close(fixture);
}

static void test_credentials_that_come_expired(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check_expired(fixture, "AWS_ENDPOINT_URL_STS", "STS");
    source_close(fixture);
}

static void test_a_session_name_is_made_of_the_time(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, NULL, token_file);
    fixture->wall_ms += 5000; /* it was made when the source was, and stays */
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_non_null(strstr(script_request(fixture->script, 0)->body,
                           "&RoleSessionName=loginetl-1440934560000&"));
    fixture->wall_ms = SOURCE_START_MS;
    source_close(fixture);
}

static void refresh_with(struct source_fixture *fixture, const char *token, const char *sent)
{
    source_write_file(token_file, token);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    const char *at = strstr(script_request(fixture->script, 0)->body, "&WebIdentityToken=");
    assert_non_null(at);
    assert_string_equal(at + strlen("&WebIdentityToken="), sent);
}

static void test_the_token_is_read_each_time(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    refresh_with(fixture, "first", "first");
    refresh_with(fixture, "second\r\n", "second");
    refresh_with(fixture, "a+/=&b", "a%2B%2F%3D%26b");
    source_write_file(token_file, "");
    assert_int_equal(source_refresh(fixture), LE_ERR_CONFIG);
    source_check_failure(fixture, TOKEN_FILE, "is empty");
    source_check(fixture); /* the old ones stay */
    refresh_with(fixture, "third", "third");
    assert_string_equal(fixture->source->failure->words, "");
    source_close(fixture);
}

static void check_bad_file(struct source_fixture *fixture, const char *path, const char *words)
{
    make(fixture, "worker", path);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_CONFIG);
    source_check_failure(fixture, TOKEN_FILE, words);
    source_check_none(fixture);
    assert_int_equal(script_count(fixture->script), 0);
    source_close(fixture);
}

static void test_other_files_are_refused(void **state)
{
    struct source_fixture *fixture = *state;
    check_bad_file(fixture, "/tmp", "is not a regular file");
    check_bad_file(fixture, "/nowhere/token", "does not exist");
    source_write_file(token_file, "\n");
    check_bad_file(fixture, token_file, "is empty");
    source_write_file(token_file, "two words");
    check_bad_file(fixture, token_file, "that no token has");
    source_write_file(token_file, "two\nlines");
    check_bad_file(fixture, token_file, "that no token has");
    source_write_file(token_file, "token");
}

static void test_refusals(void **state)
{
    static const struct {
        unsigned status;
        const char *code;
        enum le_err err;
        const char *setting, *words;
    } cases[] = {
        {403, "AccessDenied", LE_ERR_DENIED, ARN, "trust policy"},
        {400, "ExpiredTokenException", LE_ERR_CREDENTIALS, TOKEN_FILE, "the token has expired"},
        {400, "InvalidIdentityToken", LE_ERR_REFUSED, TOKEN_FILE, "does not accept the token"},
        {403, "IDPRejectedClaim", LE_ERR_DENIED, TOKEN_FILE, "rejects the token"},
        {400, "ValidationError", LE_ERR_REFUSED, ARN, "malformed"},
        {403, "RegionDisabledException", LE_ERR_DENIED, "AWS_REGION", "switched off"},
        {400, "Throttling", LE_ERR_THROTTLED, NULL, "slow down"},
        {400, "PackedPolicyTooLarge", LE_ERR_REFUSED, NULL, "gives no credentials"},
        {503, "ServiceUnavailable", LE_ERR_SERVICE, NULL, "gives no credentials"},
    };
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    for (size_t i = 0; i < COUNT(cases); i++)
        sts_check_refusal(fixture, cases[i].status, cases[i].code, cases[i].err, cases[i].setting,
                          cases[i].words);
    source_check_none(fixture);
    source_close(fixture);
}

/* STS asks another service, and that one may only have been slow. */
static void test_a_provider_out_of_reach_is_asked_for_again(void **state)
{
    static const struct script_answer passing[] = {
        {.status = 400, .body = STS_ERROR("IDPCommunicationError")},
        {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    source_script(fixture, passing, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_SERVICE);
    source_check_failure(fixture, NULL, "cannot reach the identity provider");
    assert_int_equal(script_count(fixture->script), 3);
    source_script(fixture, passing, COUNT(passing));
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_int_equal(script_count(fixture->script), 2);
    assert_string_equal(script_request(fixture->script, 0)->body,
                        script_request(fixture->script, 1)->body);
    source_check(fixture);
    source_close(fixture);
}

static void test_answers_that_are_none(void **state)
{
    static const struct {
        struct script_answer answer;
        enum le_err err;
        const char *words;
    } cases[] = {
        {{.status = 200, .body = "{}"}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 200, .body = NULL}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 200, .body = "<a/>"}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 200, .body = STS_ERROR("Odd")}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 404, .body = "psst"}, LE_ERR_CREDENTIALS, "(status 404)"},
        {{.status = 302, .body = NULL}, LE_ERR_CREDENTIALS, "(status 302)"},
        {{.status = 403, .body = STS_ERROR("not a word")}, LE_ERR_CREDENTIALS, "(status 403)"},
        {{.status = 403, .body = STS_ANSWER}, LE_ERR_CREDENTIALS, "(status 403)"},
    };
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    for (size_t i = 0; i < COUNT(cases); i++) {
        source_script(fixture, &cases[i].answer, 1);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        source_check_none(fixture);
        source_check_failure(fixture, "AWS_ENDPOINT_URL_STS", cases[i].words);
        assert_null(strstr(fixture->source->failure->words, "psst"));
        assert_int_equal(script_count(fixture->script), 1);
    }
    source_close(fixture);
}

/* Unlike a container's service it is not this machine's own. */
static void test_proxies_are_gone_through(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, "worker", token_file);
    setenv("no_proxy", "", 1);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_CONNECT);
    source_check_failure(fixture, "AWS_ENDPOINT_URL_STS", "STS cannot be asked");
    assert_int_equal(script_count(fixture->script), 0);
    setenv("no_proxy", "127.0.0.1", 1);
    source_close(fixture);
}

static void test_parameters_that_are_refused(void **state)
{
    static char long_name[66], long_arn[2100];
    static const struct {
        const char *arn, *session_name, *endpoint, *setting;
    } wrong[] = {
        {"x", "worker", NULL, ARN},
        {"arn:", "worker", NULL, ARN},
        {"arn:aws:iam::1:role/a b", "worker", NULL, ARN},
        {"arn:aws:iam::1:role/a\r\n", "worker", NULL, ARN},
        {long_arn, "worker", NULL, ARN},
        {STS_ARN, "w", NULL, "AWS_ROLE_SESSION_NAME"},
        {STS_ARN, "two words", NULL, "AWS_ROLE_SESSION_NAME"},
        {STS_ARN, "a/b", NULL, "AWS_ROLE_SESSION_NAME"},
        {STS_ARN, long_name, NULL, "AWS_ROLE_SESSION_NAME"},
        {STS_ARN, "worker", "localhost:4566", "AWS_ENDPOINT_URL_STS"},
    };
    struct source_fixture *fixture = *state;
    memset(long_name, 'n', sizeof long_name - 1);
    snprintf(long_arn, sizeof long_arn, "arn:%02090d", 1);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct le_sts_params sts = sts_params(fixture, wrong[i].session_name);
        struct le_setting_fault fault = {NULL, NULL};
        sts.role_arn = le_span_of(wrong[i].arn);
        if (wrong[i].endpoint != NULL)
            sts.endpoint = wrong[i].endpoint;
        if (make_from(fixture, &sts, token_file, &fault) != LE_ERR_CONFIG)
            fail_msg("accepted: %s %s", wrong[i].arn, wrong[i].session_name);
        assert_null(fixture->source);
        assert_string_equal(fault.setting, wrong[i].setting);
    }
}

/* Whatever it waits for: a file, a connection, an answer. */
static void test_it_can_be_ended_at_any_time(void **state)
{
    static const struct raw_step silent[] = {{.end = RAW_HANG}};
    struct source_fixture *fixture = *state;
    struct raw_server *server = raw_server_start(silent, 1);
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", raw_server_port(server));
    struct le_sts_params sts = sts_params(fixture, NULL);
    struct le_setting_fault fault;
    sts.endpoint = origin;
    for (unsigned waits = 0; waits < 2; waits++) {
        assert_int_equal(make_from(fixture, &sts, token_file, &fault), LE_OK);
        assert_int_equal(source_begin(fixture), LE_OK);
        while (waits > 0 && raw_server_requests(server) == 0)
            (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
        source_close(fixture);
    }
    raw_server_stop(server);
}

static enum le_err make_any(struct source_fixture *fixture)
{
    const struct le_sts_params sts = sts_params(fixture, NULL);
    struct le_setting_fault fault;
    return make_from(fixture, &sts, token_file, &fault);
}

static void test_every_allocation_may_fail(void **state)
{
    source_torture(*state, good, 1, make_any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_request),
        cmocka_unit_test(test_credentials_that_come_expired),
        cmocka_unit_test(test_a_session_name_is_made_of_the_time),
        cmocka_unit_test(test_the_token_is_read_each_time),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_provider_out_of_reach_is_asked_for_again),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_proxies_are_gone_through),
        cmocka_unit_test(test_parameters_that_are_refused),
        cmocka_unit_test(test_it_can_be_ended_at_any_time),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
