/* Credentials of IAM Identity Center, for a token out of a file. */
#include "live_blocks.h"
#include "source_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TOKEN(text, until) \
    "{\"startUrl\":\"u\",\"accessToken\":\"" text "\",\"expiresAt\":\"" until "\"}"
#define GOOD    TOKEN("login-token", "2015-08-30T12:36:00Z")
#define EXPIRED TOKEN("login-token", "2015-08-30T11:36:00Z")
#define LOGIN   "aws sso login --profile work (or --sso-session corp)"
#define ANSWER                                                                       \
    "{\"roleCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"secret\"," \
    "\"sessionToken\":\"token\",\"expiration\":1440938160000}}"

static const struct script_answer good[] = {{.status = 200, .body = ANSWER}};
static char cache[] = "/tmp/loginetl-sso-XXXXXX";

static void write_cache(const char *text)
{
    FILE *file = fopen(cache, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static enum le_err make_at(struct source_fixture *fixture, const char *endpoint,
                           struct le_span session)
{
    const struct le_sso_params params = {
        .endpoint = endpoint,
        .oidc = endpoint,
        .cache = cache,
        .start_url = LE_SPAN_LIT("u"),
        .region = LE_SPAN_LIT("eu-west-1"),
        .account_id = LE_SPAN_LIT("111111111111"),
        .role_name = LE_SPAN_LIT("read only&"),
        .profile = LE_SPAN_LIT("work"),
        .session = session,
    };
    struct le_setting_fault fault = {NULL, NULL};
    return le_credentials_sso(&fixture->world, &params, &fixture->source, &fault);
}

static enum le_err make_one(struct source_fixture *fixture)
{
    return make_at(fixture, fixture->origin, LE_SPAN_LIT("corp"));
}

static void make(struct source_fixture *fixture)
{
    assert_int_equal(make_one(fixture), LE_OK);
    assert_string_equal(fixture->source->name, "SSO login");
}

static void check_request(struct source_fixture *fixture, size_t number, const char *token)
{
    const struct script_request *asked = script_request(fixture->script, number);
    assert_string_equal(asked->method, "GET");
    assert_string_equal(script_header(asked, "host"), fixture->origin + strlen("http://"));
    assert_string_equal(script_header(asked, "x-amz-sso_bearer_token"), token);
    assert_string_equal(script_header(asked, "authorization"), "");
}

static void test_credentials(void **state)
{
    struct source_fixture *fixture = *state;
    write_cache(GOOD);
    make(fixture);
    source_check_none(fixture);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    assert_int_equal(script_count(fixture->script), 1);
    check_request(fixture, 0, "login-token");
    source_close(fixture);
}

/* An endpoint that has a path of its own; the server takes the query off. */
static void test_paths(void **state)
{
    static const char *const paths[][2] = {{"", "/federation/credentials"},
                                           {"/", "/federation/credentials"},
                                           {"/x", "/x/federation/credentials"},
                                           {"/x/", "/x/federation/credentials"}};
    struct source_fixture *fixture = *state;
    char endpoint[128];
    write_cache(GOOD);
    for (size_t i = 0; i < COUNT(paths); i++) {
        snprintf(endpoint, sizeof endpoint, "%s%s", fixture->origin, paths[i][0]);
        assert_int_equal(make_at(fixture, endpoint, LE_SPAN_NONE), LE_OK);
        source_script(fixture, good, 1);
        assert_int_equal(source_refresh(fixture), LE_OK);
        assert_string_equal(script_request(fixture->script, 0)->path, paths[i][1]);
        source_close(fixture);
    }
}

/* Each kind of login that is none any more, and then one that is. */
static void test_a_later_login_is_found(void **state)
{
    static const struct {
        const char *text; /* NULL: no file */
        const char *words;
    } bad[] = {
        {NULL, "does not exist"},
        {"", "holds none"},
        {"[]", "holds none"},
        {"{\"accessToken\":\"login-token\"}", "holds none"},
        {TOKEN("two words", "2015-08-30T12:36:00Z"), "holds none"},
        {TOKEN("login-token", "soon"), "holds none"},
        {EXPIRED, "has expired"},
    };
    struct source_fixture *fixture = *state;
    make(fixture);
    source_script(fixture, good, 1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (bad[i].text != NULL)
            write_cache(bad[i].text);
        else
            assert_int_equal(unlink(cache), 0);
        assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
        source_check_failure(fixture, "sso_session", bad[i].words);
        source_check_failure(fixture, "sso_session", LOGIN);
        assert_null(strstr(fixture->source->failure->words, "token\""));
        source_check_none(fixture);
    }
    assert_int_equal(script_count(fixture->script), 0);
    write_cache(GOOD);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    write_cache(TOKEN("second", "2015-08-30T12:36:00UTC"));
    assert_int_equal(source_refresh(fixture), LE_OK);
    check_request(fixture, 1, "second");
    write_cache(EXPIRED);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check(fixture); /* the old ones stay */
    source_close(fixture);
}

static void test_credentials_that_come_expired(void **state)
{
    struct source_fixture *fixture = *state;
    write_cache(TOKEN("login-token", "2015-08-30T23:36:00Z"));
    make(fixture);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check_expired(fixture, "sso_region", "IAM Identity Center");
    source_close(fixture);
}

static void test_the_words_without_a_session(void **state)
{
    struct source_fixture *fixture = *state;
    write_cache(EXPIRED);
    assert_int_equal(make_at(fixture, fixture->origin, LE_SPAN_NONE), LE_OK);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_start_url", "run aws sso login --profile work");
    assert_null(strstr(fixture->source->failure->words, "--sso-session"));
    source_close(fixture);
}

static void test_answers_that_are_none(void **state)
{
    static const struct {
        struct script_answer answer;
        enum le_err err;
        const char *setting;
        const char *words;
    } cases[] = {
        {{.status = 401, .body = "{\"__type\":\"UnauthorizedException\",\"message\":\"psst\"}"},
         LE_ERR_CREDENTIALS,
         "sso_session",
         "not valid any more: run " LOGIN},
        {{.status = 403, .body = "{\"__type\":\"ForbiddenException\",\"message\":\"psst\"}"},
         LE_ERR_CREDENTIALS,
         "sso_role_name",
         "sso_account_id and sso_role_name of profile work"},
        {{.status = 404, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_role_name", "(status 404)"},
        {{.status = 400, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_role_name", "(status 400)"},
        {{.status = 302, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_region", "(status 302)"},
        {{.status = 200, .body = "{}"}, LE_ERR_PROTOCOL, "sso_region", "not one of credentials"},
        {{.status = 200, .body = "<html>"}, LE_ERR_PROTOCOL, "sso_region", "not one of"},
        {{.status = 200, .body = NULL}, LE_ERR_PROTOCOL, "sso_region", "not one of"},
    };
    struct source_fixture *fixture = *state;
    write_cache(GOOD);
    for (size_t i = 0; i < COUNT(cases); i++) {
        make(fixture);
        source_script(fixture, &cases[i].answer, 1);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        source_check_none(fixture);
        source_check_failure(fixture, cases[i].setting, cases[i].words);
        assert_null(strstr(fixture->source->failure->words, "psst"));
        assert_null(strstr(fixture->source->failure->words, "login-token"));
        assert_int_equal(script_count(fixture->script), 1);
        source_close(fixture);
    }
}

static void test_a_failure_that_passes_is_tried_again(void **state)
{
    static const struct script_answer passing[] = {
        {.status = 500}, {.status = 429}, {.status = 200, .body = ANSWER}};
    static const struct script_answer lasting[] = {{.status = 429, .body = "psst"}};
    struct source_fixture *fixture = *state;
    write_cache(GOOD);
    make(fixture);
    source_script(fixture, lasting, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_THROTTLED);
    assert_int_equal(script_count(fixture->script), 3);
    source_script(fixture, passing, COUNT(passing));
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    source_close(fixture);
}

static void test_other_parameters_are_refused(void **state)
{
    static char name[4096];
    struct source_fixture *fixture = *state;
    struct le_sso_params params = {.endpoint = "ftp://x/", .cache = cache};
    struct le_setting_fault fault = {NULL, NULL};
    assert_int_equal(le_credentials_sso(&fixture->world, &params, &fixture->source, &fault),
                     LE_ERR_CONFIG);
    assert_string_equal(fault.setting, "AWS_ENDPOINT_URL_SSO");
    memset(name, 'r', sizeof name);
    params.endpoint = fixture->origin;
    params.role_name = (struct le_span){name, sizeof name};
    assert_int_equal(le_credentials_sso(&fixture->world, &params, &fixture->source, &fault),
                     LE_ERR_CONFIG);
    assert_string_equal(fault.setting, "sso_role_name");
    params.role_name = LE_SPAN_LIT("r");
    params.session = LE_SPAN_LIT("corp");
    params.start_url = params.region = LE_SPAN_LIT("x");
    params.oidc = "ftp://x/";
    assert_int_equal(le_credentials_sso(&fixture->world, &params, &fixture->source, &fault),
                     LE_ERR_CONFIG);
    assert_string_equal(fault.setting, "AWS_ENDPOINT_URL_SSO_OIDC");
    assert_null(fixture->source);
}

/* Whatever it waits for: the file, a connection, an answer. */
static void test_it_can_be_ended_at_any_time(void **state)
{
    static const struct raw_step silent[] = {{.end = RAW_HANG}};
    struct source_fixture *fixture = *state;
    struct raw_server *server = raw_server_start(silent, 1);
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", raw_server_port(server));
    write_cache(GOOD);
    assert_int_equal(make_at(fixture, endpoint, LE_SPAN_NONE), LE_OK);
    assert_int_equal(source_begin(fixture), LE_OK);
    source_close(fixture);
    assert_int_equal(make_at(fixture, endpoint, LE_SPAN_NONE), LE_OK);
    assert_int_equal(source_begin(fixture), LE_OK);
    unsigned before = raw_server_requests(server);
    while (raw_server_requests(server) == before)
        (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
    source_close(fixture);
    raw_server_stop(server);
}

static void test_every_allocation_may_fail(void **state)
{
    write_cache(GOOD);
    source_torture(*state, good, 1, make_one);
}

static int setup(void **state)
{
    int fd = mkstemp(cache);
    if (fd < 0 || close(fd) != 0 || source_setup(state) != 0)
        return -1;
    return setenv("no_proxy", "127.0.0.1", 1); /* it is asked through proxies, where there are */
}

static int teardown(void **state)
{
    return unlink(cache) == 0 ? source_teardown(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_a_later_login_is_found),
        cmocka_unit_test(test_credentials_that_come_expired),
        cmocka_unit_test(test_the_words_without_a_session),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_a_failure_that_passes_is_tried_again),
        cmocka_unit_test(test_other_parameters_are_refused),
        cmocka_unit_test(test_it_can_be_ended_at_any_time),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
