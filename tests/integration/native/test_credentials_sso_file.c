/* The file of a renewed SSO token: others use it, and it cannot always be written. */
#include "sso_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Two use one login: the refresh token of the one that comes second is refused. */
static void test_another_process_was_first(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 400, .body = "{\"error\":\"invalid_grant\"}"},
        {.status = 200, .body = SSO_ANSWER}};
    struct source_fixture *fixture = *state;
    sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), answers, COUNT(answers));
    sso.other_text = SSO_WRITTEN;
    sso.other_when = fixture->script;
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_null(sso.other_text);
    source_check(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    assert_int_equal(script_count(fixture->script), 2);
    sso_check_portal(fixture, 1, "new-psst");
    sso_check_file(SSO_WRITTEN);
    source_close(fixture);
}

/* It has the new token, and takes its time to write it. The time is asked for three times at most
 * from one look at the file to the next. */
static void test_another_process_is_slow(void **state)
{
    static const struct script_answer refused[] = {
        {.status = 400, .body = "{\"error\":\"invalid_grant\"}"},
        {.status = 200, .body = SSO_ANSWER}};
    struct source_fixture *fixture = *state;
    for (unsigned later = 1; later <= 9; later++) {
        sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), refused, COUNT(refused));
        sso.other_text = SSO_WRITTEN;
        sso.other_when = fixture->script;
        sso.other_later = later;
        assert_int_equal(source_refresh(fixture), LE_OK);
        assert_null(sso.other_text);
        assert_string_equal(fixture->source->failure->words, "");
        assert_int_equal(script_count(fixture->script), 2);
        sso_check_portal(fixture, 1, "new-psst");
        source_close(fixture);
    }
}

static void test_logged_out_meanwhile(void **state)
{
    static const struct script_answer answers[] = {{.status = 400, .body = "{}"}};
    struct source_fixture *fixture = *state;
    sso_begin(fixture, SSO_RENEWABLE(SSO_NEAR), answers, COUNT(answers));
    sso.other_text = "";
    sso.other_when = fixture->script;
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "does not exist: " SSO_LOGIN);
    sso_write_cache("");
    source_close(fixture);
}

/* What was renewed does not bring the login back. */
static void test_logged_out_while_it_is_renewed(void **state)
{
    struct source_fixture *fixture = *state;
    sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), sso_renewing, SSO_RENEWING_COUNT);
    sso.other_text = "";
    sso.other_when = fixture->script;
    assert_int_equal(source_refresh(fixture), LE_OK);
    sso_check_portal(fixture, 1, "new-psst");
    assert_int_equal(access(sso.cache, F_OK), -1);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "does not exist: " SSO_LOGIN);
    sso_write_cache("");
    sso_check_folder();
    source_close(fixture);
}

/* Of so long a name that nothing can be written beside it. */
static void lengthen_name(void)
{
    size_t len = strlen(sso.cache);
    memset(sso.cache + len, 'x', 240);
    sso.cache[len + 240] = '\0';
}

static void test_the_file_cannot_be_written(void **state)
{
    static const char another[] = SSO_CACHE(SSO_FAR, SSO_REGISTERED);
    struct source_fixture *fixture = *state;
    lengthen_name();
    sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), sso_renewing, SSO_RENEWING_COUNT);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    sso_check_file(SSO_RENEWABLE(SSO_GONE));
    sso_check_folder();
    assert_non_null(strstr(sso.lines, "event=sso_token_not_saved"));
    assert_non_null(strstr(sso.lines, "cannot be written"));
    assert_non_null(fixture->source->doubt);
    assert_non_null(strstr(sso.lines, fixture->source->doubt));
    sso_check_no_secret(fixture);
    sso.lines_len = 0;
    sso.lines[0] = '\0';
    /* It goes on with what it has, as often as need be, and renews that in its turn. */
    source_script(fixture, SSO_PORTAL_ONLY, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_int_equal(script_count(fixture->script), 1);
    sso_check_portal(fixture, 0, "new-psst");
    sso.clock_ms += 3600000;
    source_script(fixture, sso_renewing, SSO_RENEWING_COUNT);
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_non_null(strstr(script_request(fixture->script, 0)->body, "next-psst"));
    assert_int_equal(sso.lines_len, 0); /* it has been said */
    assert_non_null(fixture->source->doubt);
    /* Whatever comes into the file counts. */
    sso.clock_ms = SSO_NOW_MS;
    sso_write_cache(another);
    source_script(fixture, SSO_PORTAL_ONLY, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    sso_check_portal(fixture, 0, "old-psst");
    assert_null(fixture->source->doubt);
    assert_int_equal(unlink(sso.cache), 0);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "does not exist");
    sso_write_cache(another);
    source_close(fixture);
}

/* A file that would be larger than any that is read is not written. */
static void test_lengths(void **state)
{
    static char answer[LE_SECRET_FILE_MAX + 256];
    static const size_t refresh_len[] = {LE_SECRET_FILE_MAX - 1024, LE_SECRET_FILE_MAX};
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(refresh_len); i++) {
        int len = snprintf(answer, sizeof answer,
                           "{\"accessToken\":\"new-psst\",\"expiresIn\":60,\"refreshToken\":\"");
        memset(answer + len, 'r', refresh_len[i]);
        memcpy(answer + (size_t)len + refresh_len[i], "\"}", sizeof "\"}");
        const struct script_answer answers[] = {{.status = 200, .body = answer}, *SSO_PORTAL_ONLY};
        sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), answers, 2);
        assert_int_equal(source_refresh(fixture), i == 0 ? LE_OK : LE_ERR_PROTOCOL);
        if (i == 1)
            sso_check_file(SSO_RENEWABLE(SSO_GONE));
        source_close(fixture);
    }
}

/* At any moment: the file is the old one or, if there is to be one, the new one, whole, and nothing
 * lies beside it. A request that was given up may reach the service late, and take an answer of the
 * one behind it, which then ends otherwise. */
static void end_at_any_time(struct source_fixture *fixture, const struct script_answer *answers,
                            size_t count, enum le_err err, const char *at_end)
{
    unsigned turns = 1;
    for (bool done = false; !done; turns++) {
        assert_true(turns < 10000);
        char text[1024] = "";
        sso_begin(fixture, SSO_RENEWABLE(SSO_GONE), answers, count);
        assert_int_equal(source_begin(fixture), LE_OK);
        for (unsigned i = 0; i < turns && fixture->done == 0; i++)
            (void)uv_run(&fixture->loop, UV_RUN_ONCE);
        done = fixture->done > 0 && fixture->err == err;
        source_close(fixture);
        sso_check_folder();
        FILE *file = fopen(sso.cache, "r");
        assert_non_null(file);
        assert_true(fread(text, 1, sizeof text - 1, file) > 0);
        assert_int_equal(fclose(file), 0);
        assert_true(strcmp(text, at_end) == 0 ||
                    (!done && strcmp(text, SSO_RENEWABLE(SSO_GONE)) == 0));
    }
    assert_true(turns > 5);
}

static void test_it_can_be_ended_at_any_time(void **state)
{
    static const struct script_answer refused[] = {{.status = 400, .body = "{}"}};
    end_at_any_time(*state, sso_renewing, SSO_RENEWING_COUNT, LE_OK, SSO_WRITTEN);
    end_at_any_time(*state, refused, COUNT(refused), LE_ERR_CREDENTIALS, SSO_RENEWABLE(SSO_GONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_another_process_was_first, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_another_process_is_slow, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_logged_out_meanwhile, sso_setup_one, sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_logged_out_while_it_is_renewed, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_the_file_cannot_be_written, sso_setup_one,
                                        sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_lengths, sso_setup_one, sso_teardown_one),
        cmocka_unit_test_setup_teardown(test_it_can_be_ended_at_any_time, sso_setup_one,
                                        sso_teardown_one),
    };
    return cmocka_run_group_tests(tests, sso_setup, sso_teardown);
}
