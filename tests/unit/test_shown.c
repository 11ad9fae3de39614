/* What of a person's words may stand in an error. */
#include "loginetl/base/shown.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEY "wJalrXUtnFEMI/K7MDENGbPxRfiCYEXAMPLEKEYab" /* as AWS has them, without a + */

static void check(bool (*shows)(struct le_span text), const char *const *texts, bool expected)
{
    for (; *texts != NULL; texts++) {
        if (shows(le_span_of(*texts)) != expected)
            fail_msg("%s", *texts);
    }
}

static void test_names(void **state)
{
    (void)state;
    const char *const good[] = {"a", "database-url", "no_such_setting",
                                "39x456789012345678901234567890123456789", NULL};
    const char *const bad[] = {"",    "40x4567890123456789012345678901234567890",
                               "a b", "a:b",
                               "a@b", "a=",
                               "a.b", "\xc3\xa4",
                               KEY,   "a\n",
                               NULL};
    check(le_shows_name, good, true);
    check(le_shows_name, bad, false);
    assert_false(le_shows_name((struct le_span){"a\0b", 3}));
    assert_false(le_shows_name(LE_SPAN_NONE));
}

static void test_values(void **state)
{
    (void)state;
    const char *const good[] = {"",
                                "8x",
                                "-1",
                                "64 MB",
                                "user_id,nobody",
                                "\"8\"",
                                "q.dead",
                                "\xe2\x80\x93 drain",
                                "arn:aws:sqs:eu-west-1:123456789012:login-queue-of-a-long-name",
                                "https://sqs.eu-west-1.amazonaws.com/123456789012/login-queue.fifo",
                                "http://[::1]:9324/queue",
                                "http://localhost:4566",
                                NULL};
    const char *const bad[] = {"http://ann:hunter2",
                               "http://ann:hunter2@host:1",
                               "http://[ann:hunter2",
                               "http://[ann]:hunter2",
                               "http://ann:123456",
                               "http://host/?password=hunter2",
                               "http://ann:half@rest@host/db",
                               "postgres://ann:1/hunter2",
                               "ann:hunter2",
                               "hunter2@host",
                               "password=hunter2",
                               "arn:hunter2@host",
                               "a\033[2J",
                               KEY,
                               NULL};
    check(le_shows_value, good, true);
    check(le_shows_value, bad, false);
    assert_false(le_shows_value((struct le_span){"a\0b", 3}));
}

static void test_paths(void **state)
{
    (void)state;
    const char *const good[] = {"logins.json",
                                "-",
                                "conf",
                                "deploy/environments/production/loginetl.conf",
                                "/a/folder/with/a/name/that/is/longer/than/any/key",
                                "../x+y=1",
                                "~/x:y",
                                "\xc3\xbc x.json",
                                NULL};
    const char *const bad[] = {"postgres://ann:hunter2@h/d",
                               "/x://ann:hunter2@h",
                               "host=h",
                               "ann:hunter2",
                               "ann@h",
                               "/d password=hunter2",
                               KEY,
                               NULL};
    check(le_shows_path, good, true);
    check(le_shows_path, bad, false);
}

static bool holds_as_url(struct le_span text)
{
    return le_holds_password(text, true);
}

static bool holds_as_text(struct le_span text)
{
    return le_holds_password(text, false);
}

static void test_values_that_hold_a_password(void **state)
{
    (void)state;
    const char *const urls[] = {"http://ann:hunter2@h:1",
                                "http://ann:hunter2",
                                "ann:hunter2",
                                "ann@h",
                                "http://ann:",
                                NULL};
    const char *const texts[] = {"http://ann:hunter2@h:1", "postgres://ann:hunter2",
                                 "host=h password=hunter2", NULL};
    const char *const neither[] = {"http://h:1/a:b", "h:4566", "https://[::1]:1/q",
                                   "password",       "",       NULL};
    check(holds_as_url, urls, true);
    check(holds_as_text, texts, true);
    check(holds_as_url, neither, false);
    check(holds_as_text, neither, false);
    assert_false(holds_as_text(LE_SPAN_LIT("ann@h:x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_values_that_hold_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
