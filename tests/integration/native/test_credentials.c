/* Credentials out of the environment, and a profile's own. */
#include "loginetl/aws/credentials.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct variable {
    const char *name;
    const char *value;
};

/* Three variables; those with a NULL name are not set. */
static const char *look_up(void *self, const char *name)
{
    const struct variable *variables = self;
    for (size_t i = 0; i < 3; i++) {
        if (variables[i].name != NULL && strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    }
    return NULL;
}

static enum le_err read_environment(struct variable *variables,
                                    struct le_credential_source **source,
                                    struct le_setting_fault *fault)
{
    const struct le_environment environment = {look_up, variables};
    *fault = (struct le_setting_fault){NULL, NULL};
    return le_credentials_environment(&environment, source, fault);
}

static void test_keys_and_token(void **state)
{
    struct variable variables[3] = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                    {"AWS_SECRET_ACCESS_KEY", "se/cr+et="},
                                    {"AWS_SESSION_TOKEN", "token"}};
    struct le_credential_source *source;
    struct le_credentials got;
    struct le_setting_fault fault;
    int64_t expires = 0;
    (void)state;
    assert_int_equal(read_environment(variables, &source, &fault), LE_OK);
    assert_non_null(source);
    assert_string_equal(source->name, "environment");
    assert_int_equal(source->get(source, &got, &expires), LE_OK);
    assert_true(le_span_is(got.access_key_id, "AKID") &&
                le_span_is(got.secret_access_key, "se/cr+et="));
    assert_true(le_span_is(got.session_token, "token"));
    assert_true(expires == LE_NEVER_EXPIRES);
    assert_true(source->refresh == NULL);
    source->destroy(source);
    variables[2].value = "";
    assert_int_equal(read_environment(variables, &source, &fault), LE_OK);
    assert_int_equal(source->get(source, &got, &expires), LE_OK);
    assert_null(got.session_token.ptr);
    source->destroy(source);
}

static void test_none_is_not_an_error(void **state)
{
    struct variable sets[3][3] = {
        {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}},
        {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}, {NULL, NULL}},
        {{"AWS_SESSION_TOKEN", "left over"}, {NULL, NULL}, {NULL, NULL}},
    };
    struct le_credential_source *source;
    struct le_setting_fault fault;
    (void)state;
    sets[2][0].value = "left-over";
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_environment(sets[i], &source, &fault), LE_OK);
        assert_null(source);
    }
}

static void test_half_of_a_pair(void **state)
{
    struct variable id_only[3] = {{"AWS_ACCESS_KEY_ID", "AKID"}};
    struct variable secret_only[3] = {{"AWS_SECRET_ACCESS_KEY", "secret"},
                                      {"AWS_ACCESS_KEY_ID", ""}};
    struct le_credential_source *source;
    struct le_setting_fault fault;
    (void)state;
    assert_int_equal(read_environment(id_only, &source, &fault), LE_ERR_CONFIG);
    assert_null(source);
    assert_string_equal(fault.setting, "AWS_SECRET_ACCESS_KEY");
    assert_string_equal(fault.words, "is not set, though AWS_ACCESS_KEY_ID is");
    assert_int_equal(read_environment(secret_only, &source, &fault), LE_ERR_CONFIG);
    assert_string_equal(fault.setting, "AWS_ACCESS_KEY_ID");
}

/* A value with a line end would write headers of its own. */
static void test_characters_that_no_credential_has(void **state)
{
    static const char *const bad[] = {"a\r\nX-Evil: 1", "a\n",   "a\r",     "a b", "a\t",
                                      "\x01",           "a\x7F", "\xC3\xA9"};
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN"};
    struct le_credential_source *source;
    struct le_setting_fault fault;
    (void)state;
    for (size_t which = 0; which < 3; which++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct variable variables[3] = {
                {names[0], "AKID"}, {names[1], "secret"}, {names[2], "token"}};
            variables[which].value = bad[i];
            assert_int_equal(read_environment(variables, &source, &fault), LE_ERR_CONFIG);
            assert_null(source);
            assert_string_equal(fault.setting, names[which]);
            assert_null(strstr(fault.words, bad[i]));
        }
    }
}

static void test_lengths(void **state)
{
    static char longest[4098];
    struct variable variables[3] = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                    {"AWS_SECRET_ACCESS_KEY", "secret"},
                                    {"AWS_SESSION_TOKEN", longest}};
    struct le_credential_source *source;
    struct le_setting_fault fault;
    (void)state;
    memset(longest, 't', 4097);
    assert_int_equal(read_environment(variables, &source, &fault), LE_ERR_CONFIG);
    longest[4096] = '\0';
    assert_int_equal(read_environment(variables, &source, &fault), LE_OK);
    source->destroy(source);
}

static void test_every_allocation_may_fail(void **state)
{
    struct variable variables[3] = {{"AWS_ACCESS_KEY_ID", "AKID"},
                                    {"AWS_SECRET_ACCESS_KEY", "secret"},
                                    {"AWS_SESSION_TOKEN", "token"}};
    struct le_credential_source *source;
    struct le_setting_fault fault;
    unsigned long nth = 1;
    (void)state;
    for (;; nth++) {
        le_mem_fail_at(nth);
        enum le_err err = read_environment(variables, &source, &fault);
        le_mem_fail_at(0);
        if (err == LE_OK)
            break;
        assert_int_equal(err, LE_ERR_NOMEM);
        assert_null(source);
    }
    assert_int_equal(nth, 5);
    source->destroy(source);
}

static struct le_plan plan_of(const char *profile, const char *secret, const char *token)
{
    return (struct le_plan){.source = LE_PLAN_KEYS,
                            .profile = le_span_of(profile),
                            .keys = {.access_key_id = LE_SPAN_LIT("AKID"),
                                     .secret_access_key = le_span_of(secret),
                                     .session_token = le_span_of(token),
                                     .place = LE_PROFILE_CREDENTIALS}};
}

static void test_keys_of_a_profile(void **state)
{
    struct le_plan plan = plan_of("w\x1b[2Jk", "se/cr+et=", NULL);
    struct le_credential_source *source;
    struct le_credentials got;
    struct le_setting_fault fault;
    int64_t expires = 0;
    (void)state;
    assert_int_equal(le_credentials_profile(&plan, &source, &fault), LE_OK);
    plan.keys.secret_access_key = LE_SPAN_NONE; /* it has its own by now */
    assert_string_equal(source->name, "profile w?[2Jk in the credentials file");
    assert_int_equal(source->get(source, &got, &expires), LE_OK);
    assert_true(le_span_is(got.access_key_id, "AKID") &&
                le_span_is(got.secret_access_key, "se/cr+et="));
    assert_null(got.session_token.ptr);
    assert_true(expires == LE_NEVER_EXPIRES);
    source->destroy(source);
    plan = plan_of("a", "two words", "token");
    assert_int_equal(le_credentials_profile(&plan, &source, &fault), LE_ERR_CONFIG);
    assert_null(source);
    assert_string_equal(fault.setting, "aws_secret_access_key");
    assert_null(strstr(fault.words, "two words"));
}

static void test_every_allocation_for_a_profile_may_fail(void **state)
{
    const struct le_plan plan = plan_of("a", "secret", "token");
    struct le_credential_source *source;
    struct le_setting_fault fault;
    enum le_err err = LE_ERR_NOMEM;
    long live = le_mem_live();
    (void)state;
    for (unsigned long nth = 1; err != LE_OK; nth++) {
        le_mem_fail_at(nth);
        err = le_credentials_profile(&plan, &source, &fault);
        le_mem_fail_at(0);
        assert_int_equal(err, nth <= 4 ? LE_ERR_NOMEM : LE_OK);
        if (err == LE_OK)
            source->destroy(source);
        assert_int_equal(le_mem_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_token),
        cmocka_unit_test(test_none_is_not_an_error),
        cmocka_unit_test(test_half_of_a_pair),
        cmocka_unit_test(test_characters_that_no_credential_has),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_keys_of_a_profile),
        cmocka_unit_test(test_every_allocation_for_a_profile_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
