/* Credentials from an EC2 instance's metadata service. */
#include "loginetl/aws/refresh.h"

#include "live_blocks.h"
#include "source_fixture.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SETTING      "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#define ROLE_PATH    "/latest/meta-data/iam/security-credentials/"

static const struct script_answer good[] = {
    {.status = 200, .body = "instance-token=="},
    {.status = 200, .body = "my-role"},
    {.status = 200, .body = SOURCE_ANSWER},
};

static void make(struct source_fixture *fixture, const char *endpoint, int64_t timeout_ms)
{
    const struct le_instance_params params = {
        .endpoint = le_span_of(endpoint), .setting = SETTING, .timeout_ms = timeout_ms};
    struct le_setting_fault fault;
    assert_int_equal(le_credentials_instance(&fixture->world, &params, &fixture->source, &fault),
                     LE_OK);
    assert_string_equal(fixture->source->name, "instance");
}

static void test_three_steps(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, fixture->origin, 60000);
    source_check_none(fixture);
    source_script(fixture, good, COUNT(good));
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    assert_int_equal(script_count(fixture->script), 3);
    const struct script_request *put = script_request(fixture->script, 0);
    assert_string_equal(put->method, "PUT");
    assert_string_equal(put->path, "/latest/api/token");
    assert_string_equal(script_header(put, "x-aws-ec2-metadata-token-ttl-seconds"), "60");
    assert_string_equal(script_header(put, "content-length"), "0");
    const struct script_request *role = script_request(fixture->script, 1);
    assert_string_equal(role->method, "GET");
    assert_string_equal(role->path, ROLE_PATH);
    assert_string_equal(script_header(role, "x-aws-ec2-metadata-token"), "instance-token==");
    const struct script_request *credentials = script_request(fixture->script, 2);
    assert_string_equal(credentials->path, ROLE_PATH "my-role");
    assert_string_equal(script_header(credentials, "x-aws-ec2-metadata-token"), "instance-token==");
    /* One connection for all three. */
    assert_int_equal(put->client_port, credentials->client_port);
    source_close(fixture);
}

/* It has no others, and AWS takes them: their end is put off. */
static void test_credentials_that_come_expired(void **state)
{
    struct source_fixture *fixture = *state;
    struct le_credentials got;
    int64_t expires;
    make(fixture, fixture->origin, 60000);
    for (unsigned i = 0; i < 2; i++) {
        fixture->wall_ms = SOURCE_EXPIRES_MS + (i == 0 ? 0 : INT64_C(86400000));
        source_script(fixture, good, COUNT(good));
        assert_int_equal(source_refresh(fixture), LE_OK);
        assert_int_equal(fixture->source->get(fixture->source, &got, &expires), LE_OK);
        assert_true(le_span_is(got.access_key_id, "AKID"));
        assert_true(expires == fixture->wall_ms + LE_REFRESH_AHEAD_MS);
    }
    fixture->wall_ms = SOURCE_EXPIRES_MS - 1;
    source_script(fixture, good, COUNT(good));
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    fixture->wall_ms = SOURCE_START_MS;
    source_close(fixture);
}

static void test_each_refresh_has_a_token_of_its_own(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "one"},         {.status = 200, .body = "role\n"},
        {.status = 200, .body = SOURCE_ANSWER}, {.status = 200, .body = "two"},
        {.status = 200, .body = "role\nother"}, {.status = 200, .body = SOURCE_ANSWER},
    };
    struct source_fixture *fixture = *state;
    make(fixture, fixture->origin, 60000);
    source_script(fixture, answers, COUNT(answers));
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_string_equal(script_request(fixture->script, 5)->path, ROLE_PATH "role");
    assert_string_equal(
        script_header(script_request(fixture->script, 5), "x-aws-ec2-metadata-token"), "two");
    source_close(fixture);
}

static void test_what_can_go_wrong_on_the_way(void **state)
{
    static const struct {
        struct script_answer answers[3];
        size_t count;
        enum le_err err;
        const char *setting;
        const char *words;
    } cases[] = {
        {{{.status = 403}}, 1, LE_ERR_CREDENTIALS, NULL, "switched off"},
        {{{.status = 404, .body = "psst"}}, 1, LE_ERR_CREDENTIALS, SETTING, "(status 404)"},
        {{{.status = 200, .body = ""}}, 1, LE_ERR_PROTOCOL, SETTING, "is not a token"},
        {{{.status = 200, .body = "a\r\nX-Evil: 1"}}, 1, LE_ERR_PROTOCOL, SETTING, "not a token"},
        {{{.status = 200, .body = "t"}, {.status = 404}}, 2, LE_ERR_CREDENTIALS, NULL, "no role"},
        {{{.status = 200, .body = "t"}, {.status = 401}},
         2,
         LE_ERR_CREDENTIALS,
         NULL,
         "(status 401)"},
        {{{.status = 200, .body = "t"}, {.status = 200, .body = "<html>psst"}},
         2,
         LE_ERR_PROTOCOL,
         SETTING,
         "is not the name of a role"},
        {{{.status = 200, .body = "t"}, {.status = 200, .body = "a/../b"}},
         2,
         LE_ERR_PROTOCOL,
         SETTING,
         "is not the name of a role"},
        {{{.status = 200, .body = "t"}, {.status = 200, .body = ""}},
         2,
         LE_ERR_PROTOCOL,
         SETTING,
         "is not the name of a role"},
        {{{.status = 200, .body = "t"},
          {.status = 200, .body = "r"},
          {.status = 200, .body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"}},
         3,
         LE_ERR_CREDENTIALS,
         NULL,
         "(AssumeRoleUnauthorizedAccess)"},
        {{{.status = 200, .body = "t"},
          {.status = 200, .body = "r"},
          {.status = 200, .body = "psst"}},
         3,
         LE_ERR_PROTOCOL,
         SETTING,
         "is not one of credentials"},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        make(fixture, fixture->origin, 60000);
        source_script(fixture, cases[i].answers, cases[i].count);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        source_check_none(fixture);
        source_check_failure(fixture, cases[i].setting, cases[i].words);
        assert_null(strstr(fixture->source->failure->words, "psst"));
        assert_int_equal(script_count(fixture->script), cases[i].count);
        source_close(fixture);
    }
}

/* What it looks like when the answer may make one hop only. */
static void test_no_answer_to_the_first_step(void **state)
{
    static const struct raw_step silent[] = {{.end = RAW_HANG}};
    struct source_fixture *fixture = *state;
    struct raw_server *server = raw_server_start(silent, 1);
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", raw_server_port(server));
    make(fixture, origin, 50);
    assert_int_equal(source_refresh(fixture), LE_ERR_TIMEOUT);
    source_check_failure(fixture, SETTING, "HttpPutResponseHopLimit has to be 2");
    source_close(fixture);
    raw_server_stop(server);
}

static void test_other_endpoints_are_refused(void **state)
{
    static const char *const wrong[] = {"", "169.254.169.254", "http://", "http://a b/",
                                        "http://127.0.0.1/\r\nX: 1"};
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const struct le_instance_params params = {.endpoint = le_span_of(wrong[i])};
        struct le_setting_fault fault = {NULL, NULL};
        assert_int_equal(
            le_credentials_instance(&fixture->world, &params, &fixture->source, &fault),
            LE_ERR_CONFIG);
        assert_null(fixture->source);
        assert_string_equal(fault.setting, SETTING);
    }
}

/* Nobody is at port 1, by whichever family. */
static void test_who_said_where_it_is_is_named(void **state)
{
    static const struct {
        const char *endpoint, *setting, *words;
    } cases[] = {
        {"http://[::1]:1", SETTING "_MODE", "check " SETTING "_MODE or the network"},
        {"http://127.0.0.1:1", "the profile's x", "check the profile's x or the network"},
        {"http://127.0.0.1:1", NULL, ": check the network"},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct le_instance_params params = {.endpoint = le_span_of(cases[i].endpoint),
                                                  .setting = cases[i].setting};
        struct le_setting_fault fault;
        assert_int_equal(
            le_credentials_instance(&fixture->world, &params, &fixture->source, &fault), LE_OK);
        assert_int_equal(source_refresh(fixture), LE_ERR_CONNECT);
        source_check_failure(fixture, cases[i].setting, cases[i].words);
        source_close(fixture);
    }
}

static enum le_err make_instance(struct source_fixture *fixture)
{
    const struct le_instance_params params = {.endpoint = le_span_of(fixture->origin),
                                              .timeout_ms = 60000};
    struct le_setting_fault fault;
    return le_credentials_instance(&fixture->world, &params, &fixture->source, &fault);
}

static void test_every_allocation_may_fail(void **state)
{
    source_torture(*state, good, COUNT(good), make_instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_steps),
        cmocka_unit_test(test_credentials_that_come_expired),
        cmocka_unit_test(test_each_refresh_has_a_token_of_its_own),
        cmocka_unit_test(test_what_can_go_wrong_on_the_way),
        cmocka_unit_test(test_no_answer_to_the_first_step),
        cmocka_unit_test(test_other_endpoints_are_refused),
        cmocka_unit_test(test_who_said_where_it_is_is_named),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, source_setup, source_teardown);
}
