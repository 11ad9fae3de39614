/* Which source credentials are to come from, and what is handed to it. That the order is botocore's
 * is tested against botocore itself. */
#include "loginetl/profile/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VARIABLES_MAX 8

/* Files, variables ("NAME=value") and what came of them. */
struct rig {
    const char *variables[VARIABLES_MAX];
    struct le_environment environment;
    struct le_profiles profiles;
    struct le_plan_input input;
    struct le_plan plan;
    struct le_profile_fault fault;
};

static const char *get(void *self, const char *name)
{
    const struct rig *rig = self;
    size_t len = strlen(name);
    for (size_t i = 0; i < VARIABLES_MAX && rig->variables[i] != NULL; i++) {
        if (strncmp(rig->variables[i], name, len) == 0 && rig->variables[i][len] == '=')
            return rig->variables[i] + len + 1;
    }
    return NULL;
}

static void open_rig(struct rig *rig, const char *config, const char *credentials)
{
    unsigned line;
    const char *words;
    *rig = (struct rig){.environment = {get, rig}};
    rig->input = (struct le_plan_input){&rig->environment, &rig->profiles, LE_SPAN_NONE, false};
    assert_int_equal(le_profile_file_read(&rig->profiles.files[LE_PROFILE_CONFIG],
                                          le_span_of(config), &line, &words),
                     LE_OK);
    assert_int_equal(le_profile_file_read(&rig->profiles.files[LE_PROFILE_CREDENTIALS],
                                          le_span_of(credentials), &line, &words),
                     LE_OK);
}

static enum le_err make(struct rig *rig)
{
    enum le_err err = le_plan_make(&rig->input, &rig->plan, &rig->fault);
    assert_true(err == LE_OK || rig->fault.text[0] != '\0');
    return err;
}

static void check(struct le_span value, const char *expect)
{
    if (!le_span_equal(value, le_span_of(expect)))
        fail_msg("'%.*s' instead of '%s'", (int)value.len, value.ptr, expect);
}

static void test_keys(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "[default]\naws_session_token = other\n",
             "[default]\naws_access_key_id = A\naws_secret_access_key = s\n"
             "aws_session_token = t\n");
    assert_int_equal(make(&rig), LE_OK);
    assert_string_equal(le_plan_word(&rig.plan), "profile");
    check(rig.plan.keys.access_key_id, "A");
    check(rig.plan.keys.secret_access_key, "s");
    check(rig.plan.keys.session_token, "t");
    check(rig.plan.profile, "default");
    assert_int_equal(rig.plan.keys.place, LE_PROFILE_CREDENTIALS);
    le_profiles_free(&rig.profiles);
}

static void test_empty_variables_are_none(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "", "");
    rig.variables[0] = "AWS_ACCESS_KEY_ID=";
    rig.variables[1] = "AWS_SECRET_ACCESS_KEY=";
    rig.variables[2] = "AWS_WEB_IDENTITY_TOKEN_FILE=";
    rig.variables[3] = "AWS_CONTAINER_CREDENTIALS_FULL_URI=";
    rig.variables[4] = "AWS_EC2_METADATA_DISABLED=True";
    assert_int_equal(make(&rig), LE_OK);
    assert_int_equal(rig.plan.source, LE_PLAN_NONE);
    rig.variables[1] = "AWS_SECRET_ACCESS_KEY=s";
    assert_int_equal(make(&rig), LE_ERR_CONFIG);
}

static void test_role(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig,
             "[profile a]\nrole_arn = arn:a\nsource_profile = b\nrole_session_name = n\n"
             "external_id = e\nduration_seconds = 900\n"
             "[profile b]\nrole_arn = arn:b\ncredential_source = EcsContainer\n"
             "duration_seconds = 1h\n",
             "");
    rig.input.profile = LE_SPAN_LIT("a");
    rig.variables[0] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x";
    assert_int_equal(make(&rig), LE_OK);
    assert_string_equal(le_plan_word(&rig.plan), "assume-role");
    assert_int_equal(rig.plan.role_count, 2);
    check(rig.plan.roles[0].profile, "a");
    check(rig.plan.roles[0].role_arn, "arn:a");
    check(rig.plan.roles[0].session_name, "n");
    check(rig.plan.roles[0].external_id, "e");
    assert_int_equal(rig.plan.roles[0].duration_s, 900);
    check(rig.plan.roles[1].profile, "b");
    check(rig.plan.roles[1].role_arn, "arn:b");
    assert_null(rig.plan.roles[1].external_id.ptr);
    assert_int_equal(rig.plan.roles[1].duration_s, 0);
    assert_int_equal(rig.plan.source, LE_PLAN_CONTAINER);
    assert_true(rig.plan.container.relative);
    check(rig.plan.container.uri, "/x");
    le_profiles_free(&rig.profiles);
}

static void chain(char *text, size_t size, int length)
{
    size_t used = 0;
    for (int i = 0; i < length; i++)
        used += (size_t)snprintf(text + used, size - used,
                                 "[profile p%d]\nrole_arn = r\nsource_profile = p%d\n", i, i + 1);
    (void)snprintf(text + used, size - used,
                   "[profile p%d]\naws_access_key_id = A\naws_secret_access_key = s\n", length);
}

static void test_chain_has_an_end(void **state)
{
    (void)state;
    static char text[2000];
    struct rig rig;
    for (int length = 1; length <= LE_ROLES_MAX + 1; length++) {
        chain(text, sizeof text, length);
        open_rig(&rig, text, "");
        rig.input.profile = LE_SPAN_LIT("p0");
        assert_int_equal(make(&rig), length <= LE_ROLES_MAX ? LE_OK : LE_ERR_CONFIG);
        if (length <= LE_ROLES_MAX)
            assert_int_equal(rig.plan.role_count, length);
        le_profiles_free(&rig.profiles);
    }
}

static void check_refused(const char *config, const char *words)
{
    struct rig rig;
    open_rig(&rig, config, "");
    assert_int_equal(make(&rig), LE_ERR_CONFIG);
    if (strstr(rig.fault.text, words) == NULL)
        fail_msg("'%s' says nothing of %s", rig.fault.text, words);
    assert_null(strstr(rig.fault.text, "hidden"));
    le_profiles_free(&rig.profiles);
}

static void test_faults_name_no_value(void **state)
{
    (void)state;
    check_refused("[default]\naws_access_key_id = hidden\n", "aws_secret_access_key");
    check_refused("[default]\nrole_arn = hidden\n", "neither");
    check_refused("[default]\nrole_arn = hidden\nsource_profile = a\ncredential_source = b\n",
                  "not both");
    check_refused("[default]\nrole_arn = r\nsource_profile = default\nmfa_serial = hidden\n",
                  "mfa_serial");
    check_refused("[default]\nrole_arn =\nsource_profile = default\n", "role_arn is empty");
    check_refused("[default]\nrole_arn = r\ncredential_source = hidden\n", "credential_source");
    check_refused("[default]\nrole_arn = r\nsource_profile = a\x1b[1m\n[profile a\x1b[1m]\na = b\n",
                  "profile a?[1m is a source_profile");
    check_refused("[default]\nrole_arn = r\nsource_profile = b\n",
                  "its source_profile b does not exist");
    check_refused("[default]\nrole_arn = r\nsource_profile = u:hidden@h\n",
                  "its source_profile is none that exists");
    check_refused("[default]\nweb_identity_token_file = hidden\n", "AWS_ROLE_ARN");
    check_refused("[default]\ncredential_process =\n", "credential_process");
    check_refused("[default]\nsso_account_id = hidden\n", "sso_role_name");
    check_refused("[default]\nsso_account_id = 1\nsso_role_name = r\nsso_region = hidden\n"
                  "sso_session = s\n[sso-session s]\nsso_region = r\n",
                  "sso_region");
}

static void test_sso(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig,
             "[default]\nsso_account_id = 1\nsso_role_name = r\nsso_session = my-sso\n"
             "[sso-session my-sso]\nsso_start_url = https://x\nsso_region = eu-west-1\n",
             "");
    assert_int_equal(make(&rig), LE_OK);
    assert_int_equal(rig.plan.source, LE_PLAN_SSO);
    check(rig.plan.sso.start_url, "https://x");
    check(rig.plan.sso.region, "eu-west-1");
    check(rig.plan.sso.account_id, "1");
    check(rig.plan.sso.role_name, "r");
    assert_string_equal(rig.plan.sso.cache_file, "0ad374308c5a4e22f723adf10145eafad7c4031c.json");
    le_profiles_free(&rig.profiles);
}

static void test_container_uris(void **state)
{
    (void)state;
    static const char *const allowed[] = {"https://any.example/x", "http://127.0.0.1/x",
                                          "http://127.255.1.2:80", "http://localhost:1/x",
                                          "http://[::1]:1/x",      "http://[fd00:ec2::23]/x",
                                          "http://169.254.170.2/", "http://169.254.170.23?x"};
    static const char *const refused[] = {"",
                                          "http://",
                                          "ftp://127.0.0.1",
                                          "http://any.example/",
                                          "http://127.0.0.1.example/",
                                          "http://127.0.0.1@any.example/",
                                          "http://127.0.0.1:1@any.example/",
                                          "http://127.0.0/",
                                          "http://127.0.0.256/",
                                          "http://127.0..1/",
                                          "http://0127.0.0.1/",
                                          "http://169.254.169.254/",
                                          "http://[::1/x",
                                          "http://[::1]x/",
                                          "http://localhost.example/"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        assert_true(le_container_uri_allowed(le_span_of(allowed[i])));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (le_container_uri_allowed(le_span_of(refused[i])))
            fail_msg("%s", refused[i]);
    }
}

static void test_place(void **state)
{
    (void)state;
    struct rig rig;
    struct le_place place;
    open_rig(&rig,
             "[default]\nregion = r\nservices = s\nendpoint_url = http://p\n"
             "use_fips_endpoint = TRUE\nuse_dualstack_endpoint = true\n"
             "[services s]\nsqs =\n  endpoint_url = http://q\n",
             "");
    rig.variables[0] = "AWS_USE_DUALSTACK_ENDPOINT=no";
    assert_int_equal(le_place_find(&rig.input, false, &place, &rig.fault), LE_OK);
    check(place.region, "r");
    check(place.endpoint_url, "http://q");
    assert_true(place.fips && !place.dualstack && !place.ignores_configured);
    assert_int_equal(le_place_find(&rig.input, true, &place, &rig.fault), LE_OK);
    assert_null(place.endpoint_url.ptr);
    le_profiles_free(&rig.profiles);
}

static void test_an_instance_and_empty_variables(void **state)
{
    (void)state;
    struct rig rig;
    struct le_instance_place place;
    open_rig(&rig, "", "");
    assert_int_equal(le_place_instance(&rig.input, true, &place, &rig.fault), LE_OK);
    check(place.url, "http://169.254.169.254");
    assert_true(place.setting == NULL && place.timeout_s == 0 && place.attempts == 0);
    le_profiles_free(&rig.profiles);

    open_rig(&rig,
             "[default]\nec2_metadata_service_endpoint_mode = IPv6\nmetadata_service_timeout = 5\n",
             "");
    rig.variables[0] = "AWS_EC2_METADATA_SERVICE_ENDPOINT=";
    rig.variables[1] = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=";
    rig.variables[2] = "AWS_METADATA_SERVICE_TIMEOUT=";
    rig.variables[3] = "AWS_METADATA_SERVICE_NUM_ATTEMPTS=1000";
    assert_int_equal(le_place_instance(&rig.input, true, &place, &rig.fault), LE_OK);
    check(place.url, "http://[fd00:ec2::254]");
    assert_string_equal(place.setting, "the profile's ec2_metadata_service_endpoint_mode");
    assert_true(place.timeout_s == 5 && place.attempts == 1000);
    le_profiles_free(&rig.profiles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_empty_variables_are_none),
        cmocka_unit_test(test_role),
        cmocka_unit_test(test_chain_has_an_end),
        cmocka_unit_test(test_faults_name_no_value),
        cmocka_unit_test(test_sso),
        cmocka_unit_test(test_container_uris),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_an_instance_and_empty_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
