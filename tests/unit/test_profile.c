/* The SDKs' shared files: how they are read, and what a profile says. */
#include "loginetl/base/mem.h"
#include "loginetl/profile/profiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_value(struct le_span value, const char *expect)
{
    if (expect == NULL)
        assert_null(value.ptr);
    else if (!le_span_is(value, expect))
        fail_msg("'%.*s' instead of '%s'", (int)value.len, value.ptr, expect);
}

static void read_profiles(struct le_profiles *profiles, const char *config, const char *credentials)
{
    unsigned line;
    const char *words;
    assert_int_equal(le_profile_file_read(&profiles->files[LE_PROFILE_CONFIG], le_span_of(config),
                                          &line, &words),
                     LE_OK);
    assert_int_equal(le_profile_file_read(&profiles->files[LE_PROFILE_CREDENTIALS],
                                          le_span_of(credentials), &line, &words),
                     LE_OK);
}

/* In [a] of the credentials file. */
static void check_key(const char *text, const char *key, const char *expect)
{
    struct le_profiles profiles;
    read_profiles(&profiles, "", text);
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("a"), key), expect);
    le_profiles_free(&profiles);
}

static void test_values(void **state)
{
    (void)state;
    check_key("[a]\nk = v\n", "k", "v");
    check_key("[a]\nk=v", "k", "v");
    check_key("[a]\nK : v=w \t\n", "k", "v=w");
    check_key("[a]\nk = v ; w # x\n", "k", "v ; w # x");
    check_key("[a]\nk = \"v\"\n", "k", "\"v\"");
    check_key("[a]\nk =\n", "k", "");
    check_key("[a]\n# k = v\n;k = w\n", "k", NULL);
    check_key("[a]\r\nk = v\r\nl = w\r\n", "l", "w");
    check_key("[a]\rk = v\rl = w", "k", "v");
    check_key("[b]\nk = v\n", "k", NULL);
    check_key("[DEFAULT]\nk = d\n[a]\n", "k", "d");
    check_key("[DEFAULT]\nk = d\n[a]\nk = v\n", "k", "v");
    check_key("[DEFAULT]\nk = d\n", "k", NULL);
}

static void test_values_that_go_on(void **state)
{
    (void)state;
    check_key("[a]\nk = v\n  w\n", "k", "v\nw");
    check_key("[a]\nk = v\n\n  w\n\n\n", "k", "v\n\nw");
    check_key("[a]\nk = v\n  # no\n  w\n", "k", "v\nw");
    check_key("[a]\n  k = v\n  l = w\n", "l", "w");
    check_key("[a]\n  k = v\nl = w\n", "l", "w");
    check_key("[a]\nk = v\n  l = w\n", "l", NULL);
    check_key("[a]\nk =\n  l = w\n", "k", "\nl = w");
}

static void test_nested(void **state)
{
    (void)state;
    const struct le_span value = LE_SPAN_LIT("\na = 1\n b=2 = 3\na = 4");
    check_value(le_profile_nested(value, "a"), "4");
    check_value(le_profile_nested(value, "b"), "2 = 3");
    check_value(le_profile_nested(value, "c"), NULL);
    check_value(le_profile_nested(LE_SPAN_LIT("a = 1"), "a"), NULL);
    check_value(le_profile_nested(LE_SPAN_NONE, "a"), NULL);
}

static bool named(const char *section, const char *name)
{
    const struct le_profile_section it = {le_span_of(section), 0, 0};
    return le_profile_section_is(&it, "profile", le_span_of(name));
}

static void test_names_of_sections(void **state)
{
    (void)state;
    assert_true(named("profile a", "a"));
    assert_true(named("profile\t 'a b' ", "a b"));
    assert_true(named("profile \"a\\\" \\b\"", "a\" \\b"));
    assert_true(named("profile a\\ b", "a b"));
    assert_true(named("profile ''", ""));
    assert_false(named("profile a b", "a"));
    assert_false(named("profile", ""));
    assert_false(named("profile \"a", "a"));
    assert_false(named("profile a\\", "a"));
    assert_false(named("services a", "a"));
    char longer[400] = "profile ";
    memset(longer + 8, 'x', sizeof longer - 9);
    longer[sizeof longer - 1] = '\0';
    assert_false(named(longer, longer + 8));
}

static void check_fault(const char *text, size_t len, unsigned expect)
{
    struct le_profile_file file;
    unsigned line = 0;
    const char *words = NULL;
    assert_int_equal(le_profile_file_read(&file, (struct le_span){text, len}, &line, &words),
                     LE_ERR_SYNTAX);
    assert_int_equal(line, expect);
    assert_non_null(words);
    assert_null(file.text);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {{"k = v\n", 1},
                 {"\n[a]\nword\n", 3},
                 {"[a]\n= v\n", 2},
                 {"[]\n", 1},
                 {"[a\n", 1},
                 {"[a]\nk = 1\nK: 2\n", 3},
                 {"[a]\n[b]\n[a]\n", 3},
                 {"\xef\xbb\xbf[a]\n", 1},
                 {"[a]\nk = \xff\n", 2},
                 {"[a]\nk =\n  word\n", 3},
                 {"[a]\nk =\n  word\n[b]\n", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_fault(cases[i].text, strlen(cases[i].text), cases[i].line);
    check_fault("[a]\nk = \0\n", 10, 2);
}

static void test_limits(void **state)
{
    (void)state;
    struct le_profile_file file;
    unsigned line;
    const char *words;
    struct le_buf text;
    le_buf_init(&text, LE_PROFILE_FILE_MAX + 1);
    for (int i = 0; i <= LE_PROFILE_SECTIONS_MAX; i++)
        assert_int_equal(le_buf_printf(&text, "[%d]\n", i), LE_OK);
    assert_int_equal(le_profile_file_read(&file, le_buf_span(&text), &line, &words),
                     LE_ERR_TOO_LARGE);
    assert_int_equal(line, LE_PROFILE_SECTIONS_MAX + 1);
    while (text.len <= LE_PROFILE_FILE_MAX)
        assert_int_equal(le_buf_append_text(&text, "\n"), LE_OK);
    assert_int_equal(le_profile_file_read(&file, le_buf_span(&text), &line, &words),
                     LE_ERR_TOO_LARGE);
    assert_int_equal(line, 0);
    le_buf_free(&text);
}

static void test_both_files(void **state)
{
    (void)state;
    struct le_profiles profiles;
    read_profiles(&profiles,
                  "[profile a]\nk = config\nl = config\n[a]\nm = nobody's\n[default]\nk = first\n"
                  "[profile default]\nk = last\n[sso-session s]\nk = session\n",
                  "[a]\nk = credentials\n[profile b]\nk = v\n");
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("a"), "k"), "credentials");
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("a"), "l"), "config");
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("a"), "m"), NULL);
    check_value(le_profile_get_in(&profiles, LE_PROFILE_CONFIG, LE_SPAN_LIT("a"), "k"), "config");
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("default"), "k"), "last");
    assert_true(le_profile_exists(&profiles, LE_SPAN_LIT("profile b")));
    assert_false(le_profile_exists(&profiles, LE_SPAN_LIT("b")));
    assert_non_null(le_profile_other(&profiles, "sso-session", LE_SPAN_LIT("s")));
    assert_null(le_profile_other(&profiles, "services", LE_SPAN_LIT("s")));
    le_profiles_free(&profiles);
}

static const char *variable(void *self, const char *name)
{
    (void)self;
    if (strcmp(name, "HOME") == 0)
        return "/h/x/";
    if (strcmp(name, "WHERE") == 0)
        return "there";
    return strcmp(name, "AWS_CONFIG_FILE") == 0 ? "$WHERE/${WHERE}$NONE${" : NULL;
}

static void test_paths(void **state)
{
    (void)state;
    const struct le_environment environment = {variable, NULL};
    struct le_buf path;
    le_buf_init(&path, 100);
    assert_int_equal(le_profile_path(&environment, LE_PROFILE_CREDENTIALS, &path), LE_OK);
    check_value(le_buf_span(&path), "/h/x/.aws/credentials");
    le_buf_clear(&path);
    assert_int_equal(le_profile_path(&environment, LE_PROFILE_CONFIG, &path), LE_OK);
    check_value(le_buf_span(&path), "there/there$NONE${");
    le_buf_free(&path);
    le_buf_init(&path, 10);
    assert_int_equal(le_profile_path(&environment, LE_PROFILE_CREDENTIALS, &path),
                     LE_ERR_TOO_LARGE);
    le_buf_free(&path);
}

static void test_every_allocation_fails(void **state)
{
    (void)state;
    enum le_err err = LE_ERR_NOMEM;
    long live = le_mem_live();
    for (unsigned long nth = 1; err != LE_OK; nth++) {
        struct le_profile_file file;
        unsigned line;
        const char *words;
        le_mem_fail_at(nth);
        err = le_profile_file_read(&file, LE_SPAN_LIT("[a]\nk = v\nl = w\n[b]\nk = v\n"), &line,
                                   &words);
        le_mem_fail_at(0);
        assert_true(err == LE_OK || err == LE_ERR_NOMEM);
        assert_true(nth < 20);
        le_profile_file_free(&file);
        assert_int_equal(le_mem_live(), live);
    }
}

static void test_keys_are_forgotten(void **state)
{
    static const char config[] = "[profile b]\naws_session_token = hushed1\nregion = r-1\n";
    static const char credentials[] =
        "[DEFAULT]\naws_security_token = hushed2\n"
        "[a]\naws_access_key_id = A\naws_secret_access_key = hushed3\n"
        "[b]\naws_secret_access_key =\n";
    struct le_profiles profiles;
    (void)state;
    read_profiles(&profiles, config, credentials);
    le_profiles_forget_keys(&profiles);
    for (int i = 0; i < LE_PROFILE_PLACES; i++)
        assert_null(memmem(profiles.files[i].text, profiles.files[i].size, "hushed", 6));
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("a"), "aws_access_key_id"), "A");
    check_value(le_profile_get(&profiles, LE_SPAN_LIT("b"), "region"), "r-1");
    assert_int_equal(le_profile_get(&profiles, LE_SPAN_LIT("a"), "aws_secret_access_key").len, 7);
    le_profiles_free(&profiles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_values_that_go_on),
        cmocka_unit_test(test_nested),     cmocka_unit_test(test_names_of_sections),
        cmocka_unit_test(test_malformed),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_both_files), cmocka_unit_test(test_keys_are_forgotten),
        cmocka_unit_test(test_paths),      cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
