/* Credentials from a container's metadata service. */
#include "live_blocks.h"
#include "source_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define RELATIVE     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL         "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN        "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE   "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

static const struct script_answer good[] = {{.status = 200, .body = SOURCE_ANSWER}};

static void make(struct source_fixture *fixture, const struct le_container_params *params)
{
    struct le_setting_fault fault;
    assert_int_equal(le_credentials_container(&fixture->world, params, &fixture->source, &fault),
                     LE_OK);
    assert_string_equal(fixture->source->name, "container");
}

static void make_relative(struct source_fixture *fixture, const char *token, const char *token_file)
{
    const struct le_container_params params = {.relative_uri = "/v2/credentials/1?a=b",
                                               .relative_origin = fixture->origin,
                                               .token = token,
                                               .token_file = token_file};
    make(fixture, &params);
}

static void test_relative(void **state)
{
    struct source_fixture *fixture = *state;
    make_relative(fixture, NULL, NULL);
    source_check_none(fixture);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    const struct script_request *asked = script_request(fixture->script, 0);
    assert_string_equal(asked->method, "GET");
    assert_non_null(strstr(asked->path, "/v2/credentials/1"));
    assert_string_equal(script_header(asked, "authorization"), "");
    assert_string_equal(script_header(asked, "host"), fixture->origin + strlen("http://"));
    source_close(fixture);
}

static void test_full_with_a_token(void **state)
{
    struct source_fixture *fixture = *state;
    char url[128];
    snprintf(url, sizeof url, "%s/get-credentials", fixture->origin);
    const struct le_container_params params = {.full_uri = url, .token = "Basic abc="};
    make(fixture, &params);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    const struct script_request *asked = script_request(fixture->script, 0);
    assert_string_equal(asked->path, "/get-credentials");
    assert_string_equal(script_header(asked, "authorization"), "Basic abc=");
    source_close(fixture);
}

/* Whoever issues the token replaces it in its file. */
static void test_the_token_file_is_read_each_time(void **state)
{
    struct source_fixture *fixture = *state;
    char path[] = "/tmp/loginetl-token-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    make_relative(fixture, "not this", path);
    source_script(fixture, good, 1);
    source_write_file(path, "first");
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_write_file(path, "second");
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_string_equal(script_header(script_request(fixture->script, 0), "authorization"),
                        "first");
    assert_string_equal(script_header(script_request(fixture->script, 1), "authorization"),
                        "second");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(source_refresh(fixture), LE_ERR_CONFIG);
    source_check_failure(fixture, TOKEN_FILE, "does not exist");
    source_check(fixture); /* the old ones stay */
    assert_int_equal(script_count(fixture->script), 2);
    source_close(fixture);
}

static void check_bad_file(struct source_fixture *fixture, const char *path, const char *words)
{
    make_relative(fixture, NULL, path);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_CONFIG);
    source_check_failure(fixture, TOKEN_FILE, words);
    source_check_none(fixture);
    assert_int_equal(script_count(fixture->script), 0);
    source_close(fixture);
}

static void test_other_token_files_are_refused(void **state)
{
    struct source_fixture *fixture = *state;
    static char large[LE_CREDENTIAL_LEN_MAX * 6];
    char folder[] = "/tmp/loginetl-token-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/token", folder);
    check_bad_file(fixture, folder, "is not a regular file");
    check_bad_file(fixture, path, "does not exist");
    source_write_file(path, "");
    check_bad_file(fixture, path, "is empty");
    source_write_file(path, "token\r\nX-Evil: 1");
    check_bad_file(fixture, path, "line end");
    source_write_file(path, "token\n");
    check_bad_file(fixture, path, "line end");
    memset(large, 't', sizeof large - 1);
    source_write_file(path, large);
    check_bad_file(fixture, path, "larger than any token");
    assert_int_equal(unlink(path), 0);
    /* Nobody ever writes into it. */
    assert_int_equal(mkfifo(path, 0600), 0);
    check_bad_file(fixture, path, "is not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_credentials_that_come_expired(void **state)
{
    struct source_fixture *fixture = *state;
    make_relative(fixture, NULL, NULL);
    source_script(fixture, good, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check_expired(fixture, RELATIVE, "the container's metadata service");
    source_close(fixture);
}

/* Ours may run ahead: then the service's clock tells that they are good; not the other way round.
 */
static void test_the_clock_that_is_behind_decides(void **state)
{
    static const char answer[] =
        "{\"Code\":\"Success\",\"AccessKeyId\":\"OTHER\",\"SecretAccessKey\":\"secret\","
        "\"Token\":\"token\",\"Expiration\":\"2015-08-30T11:30:59Z\"}";
    static const struct {
        const char *date;
        enum le_err err;
    } cases[] = {{"Sun, 30 Aug 2015 11:35:59 GMT", LE_OK},
                 {"Sun, 30 Aug 2015 11:36:00 GMT", LE_ERR_CREDENTIALS},
                 {"Sun, 30 Aug 2015 23:00:00 GMT", LE_ERR_CREDENTIALS},
                 {"today", LE_ERR_CREDENTIALS}};
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct script_answer late = {.status = 200, .body = answer, .date = cases[i].date};
        struct le_credentials got;
        int64_t expires;
        make_relative(fixture, NULL, NULL);
        source_script(fixture, good, 1);
        assert_int_equal(source_refresh(fixture), LE_OK);
        source_script(fixture, &late, 1);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        assert_int_equal(fixture->source->get(fixture->source, &got, &expires), LE_OK);
        const char *key = cases[i].err == LE_OK ? "OTHER" : "AKID"; /* the old ones stay */
        assert_true(le_span_is(got.access_key_id, key));
        assert_int_equal(expires == SOURCE_EXPIRES_MS, cases[i].err != LE_OK);
        source_close(fixture);
    }
}

static void test_answers_that_are_none(void **state)
{
    static const struct {
        struct script_answer answer;
        enum le_err err;
        const char *words;
    } cases[] = {
        {{.status = 200, .body = "{}"}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 200, .body = "<html>"}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 200, .body = NULL}, LE_ERR_PROTOCOL, "is not one of credentials"},
        {{.status = 200, .body = "{\"code\":\"AccessDenied\",\"message\":\"psst\"}"},
         LE_ERR_CREDENTIALS,
         "(AccessDenied)"},
        {{.status = 404, .body = "psst"}, LE_ERR_CREDENTIALS, "(status 404)"},
        {{.status = 302, .body = "psst"}, LE_ERR_CREDENTIALS, "(status 302)"},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        make_relative(fixture, NULL, NULL);
        source_script(fixture, &cases[i].answer, 1);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        source_check_none(fixture);
        source_check_failure(fixture, RELATIVE, cases[i].words);
        assert_null(strstr(fixture->source->failure->words, "psst"));
        assert_int_equal(script_count(fixture->script), 1);
        source_close(fixture);
    }
}

static void test_a_failure_that_passes_is_tried_again(void **state)
{
    static const struct script_answer passing[] = {
        {.status = 500}, {.status = 429}, {.status = 200, .body = SOURCE_ANSWER}};
    static const struct script_answer lasting[] = {{.status = 503, .body = "psst"}};
    struct source_fixture *fixture = *state;
    make_relative(fixture, NULL, NULL);
    source_script(fixture, lasting, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_SERVICE);
    assert_int_equal(script_count(fixture->script), 3);
    source_check_failure(fixture, NULL, "(status 503)");
    source_script(fixture, passing, COUNT(passing));
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    source_close(fixture);
}

static void test_an_answer_that_is_too_large(void **state)
{
    static char body[80 * 1024];
    struct source_fixture *fixture = *state;
    const struct script_answer answer = {.status = 200, .body = body};
    memset(body, ' ', sizeof body - 1);
    make_relative(fixture, NULL, NULL);
    source_script(fixture, &answer, 1);
    assert_int_equal(source_refresh(fixture), LE_ERR_TOO_LARGE);
    source_check_failure(fixture, RELATIVE, "larger than its limit");
    source_close(fixture);
}

static void test_hosts(void **state)
{
    static const char *const right[] = {
        "http://169.254.170.2/v1",  "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1", "http://127.0.0.1:8080/v1?x=y",
        "http://127.255.0.3/",      "http://localhost:1338/",
        "http://[::1]:80/v1",       "https://credentials.example.com/v1",
    };
    static const char *const wrong[] = {
        "http://169.254.170.3/v1",
        "http://credentials.example.com/",
        "http://127.0.0.1.example.com/",
        "http://127.example.com/",
        "http://127.0.0/",
        "http://localhost.example.com/",
        "http://[fd00:ec2::24]/",
        "http://localhost@example.com/",
        "http://192.168.0.1/",
        "http://169.254.170.2.example.com/",
        "http://169.254.170.2/#f",
        "http://169.254.170.2/a b",
        "http://169.254.170.2/\r\nX: 1",
        "http://169.254.170.2?a=b",
        "ftp://127.0.0.1/",
        "",
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(right); i++) {
        const struct le_container_params params = {.full_uri = right[i]};
        make(fixture, &params);
        source_close(fixture);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const struct le_container_params params = {.full_uri = wrong[i]};
        struct le_setting_fault fault = {NULL, NULL};
        if (le_credentials_container(&fixture->world, &params, &fixture->source, &fault) !=
            LE_ERR_CONFIG)
            fail_msg("accepted: %s", wrong[i]);
        assert_null(fixture->source);
        assert_string_equal(fault.setting, FULL);
    }
}

static void test_other_parameters_are_refused(void **state)
{
    static const struct {
        struct le_container_params params;
        const char *setting;
    } wrong[] = {
        {{.relative_uri = "v2/credentials"}, RELATIVE},
        {{.relative_uri = "@example.com/"}, RELATIVE},
        {{.relative_uri = ""}, RELATIVE},
        {{.relative_uri = "/a b"}, RELATIVE},
        {{.relative_uri = "/a\r\nX-Evil: 1"}, RELATIVE},
        {{.relative_uri = "/a", .token = "a\r\nX-Evil: 1"}, TOKEN},
        {{.relative_uri = "/a", .token = "a\n"}, TOKEN},
        {{.relative_uri = "/a", .token = ""}, TOKEN},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct le_setting_fault fault = {NULL, NULL};
        assert_int_equal(
            le_credentials_container(&fixture->world, &wrong[i].params, &fixture->source, &fault),
            LE_ERR_CONFIG);
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
    const struct le_container_params params[] = {
        {.relative_uri = "/", .relative_origin = origin},
        {.relative_uri = "/", .relative_origin = origin, .token_file = "/etc/passwd"},
    };
    for (size_t i = 0; i < COUNT(params); i++) {
        make(fixture, &params[i]);
        assert_int_equal(source_begin(fixture), LE_OK);
        source_close(fixture);
    }
    make(fixture, &params[0]);
    assert_int_equal(source_begin(fixture), LE_OK);
    unsigned before = raw_server_requests(server);
    while (raw_server_requests(server) == before)
        (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
    source_close(fixture);
    raw_server_stop(server);
}

static enum le_err make_with_token(struct source_fixture *fixture)
{
    const struct le_container_params params = {
        .relative_uri = "/", .relative_origin = fixture->origin, .token = "token"};
    struct le_setting_fault fault;
    return le_credentials_container(&fixture->world, &params, &fixture->source, &fault);
}

static void test_every_allocation_may_fail(void **state)
{
    source_torture(*state, good, 1, make_with_token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_full_with_a_token),
        cmocka_unit_test(test_the_token_file_is_read_each_time),
        cmocka_unit_test(test_other_token_files_are_refused),
        cmocka_unit_test(test_credentials_that_come_expired),
        cmocka_unit_test(test_the_clock_that_is_behind_decides),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_a_failure_that_passes_is_tried_again),
        cmocka_unit_test(test_an_answer_that_is_too_large),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_other_parameters_are_refused),
        cmocka_unit_test(test_it_can_be_ended_at_any_time),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, source_setup, source_teardown);
}
