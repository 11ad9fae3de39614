/* The token of an SSO login is renewed near its end. */
#include "live_blocks.h"
#include "sso_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void check_renewal(struct source_fixture *fixture, size_t number)
{
    static const char body[] = "{\"clientId\":\"client-id\",\"clientSecret\":\"client-psst\","
                               "\"grantType\":\"refresh_token\",\"refreshToken\":\"refresh-psst\"}";
    const struct script_request *asked = script_request(fixture->script, number);
    assert_string_equal(asked->method, "POST");
    assert_string_equal(asked->path, "/token");
    assert_string_equal(script_header(asked, "content-type"), "application/json");
    assert_string_equal(script_header(asked, "host"), fixture->origin + strlen("http://"));
    assert_string_equal(script_header(asked, "authorization"), "");
    assert_int_equal(asked->body_len, sizeof body - 1);
    assert_memory_equal(asked->body, body, sizeof body - 1);
}

static void test_a_token_is_renewed(void **state)
{
    static const char *const texts[] = {SSO_RENEWABLE(SSO_GONE), SSO_RENEWABLE(SSO_NEAR)};
    struct source_fixture *fixture = *state;
    struct stat status;
    for (size_t i = 0; i < COUNT(texts); i++) {
        sso_begin(fixture, texts[i], sso_renewing, SSO_RENEWING_COUNT);
        assert_int_equal(source_refresh(fixture), LE_OK);
        source_check(fixture);
        assert_string_equal(fixture->source->failure->words, "");
        assert_int_equal(script_count(fixture->script), 2);
        check_renewal(fixture, 0);
        sso_check_portal(fixture, 1, "new-psst");
        sso_check_file(SSO_WRITTEN);
        sso_check_folder();
        assert_null(fixture->source->doubt);
        assert_int_equal(stat(sso.cache, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        /* The next time it is good as it lies there. */
        source_script(fixture, SSO_PORTAL_ONLY, 1);
        assert_int_equal(source_refresh(fixture), LE_OK);
        assert_int_equal(script_count(fixture->script), 1);
        sso_check_portal(fixture, 0, "new-psst");
        sso_check_no_secret(fixture);
        assert_int_equal(sso.lines_len, 0);
        source_close(fixture);
    }
}

/* As the SDKs have it: such a login is not renewed again. */
static void test_no_refresh_token_comes(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{\"accessToken\":\"new-psst\",\"expiresIn\":60}"},
        {.status = 200, .body = SSO_ANSWER}};
    struct source_fixture *fixture = *state;
    sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), answers, COUNT(answers));
    assert_int_equal(source_refresh(fixture), LE_OK);
    sso.clock_ms += 59999;
    source_script(fixture, SSO_PORTAL_ONLY, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    sso_check_portal(fixture, 0, "new-psst");
    sso.clock_ms++;
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "has expired: " SSO_LOGIN);
    assert_int_equal(script_count(fixture->script), 1);
    source_close(fixture);
}

static void test_what_is_not_renewed(void **state)
{
    static const struct {
        const char *text;
        bool older; /* a profile without an sso-session */
        enum le_err err;
    } cases[] = {
        {SSO_RENEWABLE(SSO_FAR), false, LE_OK},
        {SSO_RENEWABLE(SSO_NEAR), true, LE_OK},
        {SSO_CACHE(SSO_NEAR, SSO_REGISTERED), false, LE_OK},
        {SSO_CACHE(SSO_NEAR, SSO_CLIENT("2015-08-30T11:36:00Z") ",\"refreshToken\":\"r\""), false,
         LE_OK},
        {SSO_RENEWABLE(SSO_GONE), true, LE_ERR_CREDENTIALS},
        {SSO_CACHE(SSO_GONE, SSO_REGISTERED), false, LE_ERR_CREDENTIALS},
        {SSO_CACHE(SSO_GONE, "\"refreshToken\":\"r\""), false, LE_ERR_CREDENTIALS},
        {SSO_CACHE(SSO_GONE, SSO_CLIENT("2015-08-30T11:36:00Z") ",\"refreshToken\":\"r\""), false,
         LE_ERR_CREDENTIALS},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        sso_write_cache(cases[i].text);
        source_script(fixture, SSO_PORTAL_ONLY, 1);
        assert_int_equal(sso_make_at(fixture, cases[i].older ? NULL : fixture->origin,
                                     cases[i].older ? LE_SPAN_NONE : LE_SPAN_LIT("corp")),
                         LE_OK);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        assert_int_equal(script_count(fixture->script), cases[i].err == LE_OK ? 1 : 0);
        if (cases[i].err == LE_OK)
            sso_check_portal(fixture, 0, "old-psst");
        else
            source_check_failure(fixture, cases[i].older ? "sso_start_url" : "sso_session",
                                 "has expired: run aws sso login --profile work");
        sso_check_no_secret(fixture);
        sso_check_file(cases[i].text);
        source_close(fixture);
    }
}

static const struct {
    struct script_answer answer;
    enum le_err err; /* when the token is none any more */
    const char *setting;
    const char *words;
    unsigned asked;
} failures[] = {
    {{.status = 400, .body = "{\"error\":\"invalid_grant\",\"error_description\":\"psst\"}"},
     LE_ERR_CREDENTIALS,
     "sso_session",
     "has expired: " SSO_LOGIN,
     1},
    {{.status = 401, .body = "{\"error\":\"invalid_client\",\"error_description\":\"psst\"}"},
     LE_ERR_CREDENTIALS,
     "sso_session",
     "has expired: " SSO_LOGIN,
     1},
    {{.status = 403, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_session", "has expired", 1},
    {{.status = 404, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_region", "(status 404)", 1},
    {{.status = 500, .body = "psst"}, LE_ERR_SERVICE, NULL, "(status 500)", 3},
    {{.status = 429, .body = "psst"}, LE_ERR_THROTTLED, NULL, "asks to slow down", 3},
    {{.status = 200, .body = "{\"psst\":1}"}, LE_ERR_PROTOCOL, "sso_region", "not one of a", 1},
    {{.status = 200, .body = "<html>"}, LE_ERR_PROTOCOL, "sso_region", "not one of a token", 1},
};

static void test_a_renewal_fails(void **state)
{
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), &failures[i].answer, 1);
        assert_int_equal(source_refresh(fixture), failures[i].err);
        source_check_failure(fixture, failures[i].setting, failures[i].words);
        assert_int_equal(script_count(fixture->script), failures[i].asked);
        source_check_none(fixture);
        sso_check_no_secret(fixture);
        sso_check_file(SSO_RENEWABLE(SSO_GONE));
        sso_check_folder();
        source_close(fixture);
    }
}

/* The token is good for a while. */
static void test_it_goes_on_without_a_renewal(void **state)
{
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        struct script_answer answers[4];
        for (unsigned k = 0; k < failures[i].asked; k++)
            answers[k] = failures[i].answer;
        answers[failures[i].asked] = *SSO_PORTAL_ONLY;
        sso_begin(fixture, SSO_RENEWABLE(SSO_NEAR), answers, failures[i].asked + 1);
        assert_int_equal(source_refresh(fixture), LE_OK);
        source_check(fixture);
        assert_string_equal(fixture->source->failure->words, "");
        assert_int_equal(script_count(fixture->script), failures[i].asked + 1);
        sso_check_portal(fixture, failures[i].asked, "old-psst");
        source_close(fixture);
    }
}

static void test_nobody_answers(void **state)
{
    struct source_fixture *fixture = *state;
    struct raw_server *server = raw_server_start(&(struct raw_step){.end = RAW_CLOSE}, 1);
    char oidc[64];
    snprintf(oidc, sizeof oidc, "http://127.0.0.1:%d", raw_server_port(server));
    raw_server_stop(server);
    sso_write_cache(SSO_RENEWABLE(SSO_NEAR));
    source_script(fixture, SSO_PORTAL_ONLY, 1);
    assert_int_equal(sso_make_at(fixture, oidc, LE_SPAN_LIT("corp")), LE_OK);
    assert_int_equal(source_refresh(fixture), LE_OK);
    sso_check_portal(fixture, 0, "old-psst");
    sso.clock_ms += LE_SSO_AHEAD_MS;
    assert_int_equal(source_refresh(fixture), LE_ERR_CONNECT);
    source_check_failure(fixture, "sso_region",
                         "the token service of IAM Identity Center cannot be asked");
    source_check(fixture); /* the old ones stay */
    source_close(fixture);
}

static void test_attempts_have_an_interval(void **state)
{
    static const struct {
        int64_t later_ms;
        unsigned asked;
    } steps[] = {{0, 3},
                 {LE_SSO_INTERVAL_MS - 1, 0},
                 {1, 3},
                 {-3600000, 3}, /* a clock that was set */
                 {LE_SSO_INTERVAL_MS - 1, 0},
                 {1, 3}};
    static const struct script_answer failing[] = {{.status = 503}};
    struct source_fixture *fixture = *state;
    sso_begin(fixture, SSO_RENEWABLE("2015-08-30T10:00:00Z"), failing, 1);
    for (size_t i = 0; i < COUNT(steps); i++) {
        sso.clock_ms += steps[i].later_ms;
        source_script(fixture, failing, 1);
        assert_int_equal(source_refresh(fixture), LE_ERR_SERVICE);
        source_check_failure(fixture, NULL, "(status 503)");
        assert_int_equal(script_count(fixture->script), steps[i].asked);
    }
    /* A login is found at once. */
    sso_write_cache(SSO_CACHE(SSO_FAR, SSO_REGISTERED));
    source_script(fixture, SSO_PORTAL_ONLY, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_close(fixture);
}

static unsigned count_renewals(struct source_fixture *fixture)
{
    unsigned count = 0;
    for (size_t i = 0; i < script_count(fixture->script); i++)
        count += strcmp(script_request(fixture->script, i)->method, "POST") == 0;
    return count;
}

/* What has been renewed is not lost: whatever failed, there is a token without a second renewal
 * once one was given. */
static void test_every_allocation_may_fail(void **state)
{
    struct source_fixture *fixture = *state;
    unsigned long failed = 1, nth = 1;
    unsigned checked = 0;
    for (; failed > 0; nth++) {
        sso_write_cache(SSO_RENEWABLE(SSO_GONE));
        source_script(fixture, sso_renewing, SSO_RENEWING_COUNT);
        (void)source_fail_at(fixture, nth, sso_make, &failed); /* either will do */
        /* An answer that there was no memory to read was asked for twice. */
        if (fixture->source != NULL && count_renewals(fixture) == 1) {
            source_script(fixture, SSO_PORTAL_ONLY, 1);
            assert_int_equal(source_refresh(fixture), LE_OK);
            assert_int_equal(script_count(fixture->script), 1);
            sso_check_portal(fixture, 0, "new-psst");
            checked++;
        }
        source_close(fixture);
        sso_check_folder();
    }
    assert_true(nth > 20 && checked > 10);
    assert_null(strstr(sso.lines, "psst"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_token_is_renewed, sso_setup_one, sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_no_refresh_token_comes, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_what_is_not_renewed, sso_setup_one, sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_a_renewal_fails, sso_setup_one, sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_it_goes_on_without_a_renewal, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_nobody_answers, sso_setup_one, sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_attempts_have_an_interval, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, sso_setup_one,
                                        sso_teardown_one),
    };
    return cmocka_run_group_tests(tests, sso_setup, sso_teardown);
}
