#include "loginetl/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_every_error_has_a_name_words_and_a_class(void **state)
{
    (void)state;
    for (int i = 0; i < LE_ERR_COUNT; i++) {
        enum le_err err = (enum le_err)i;
        assert_true(strlen(le_err_text(err)) > 0);
        const char *name = le_err_name(err);
        assert_true(strlen(name) > 0);
        assert_int_equal(strlen(name), strspn(name, "abcdefghijklmnopqrstuvwxyz_"));
        assert_ptr_equal(name, le_err_name(err));
        assert_int_equal(le_err_class(err) == LE_CLASS_OK, err == LE_OK);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, le_err_name((enum le_err)j));
    }
}

static void test_names_are_stable(void **state)
{
    (void)state;
    assert_string_equal(le_err_name(LE_OK), "ok");
    assert_string_equal(le_err_name(LE_ERR_TIMEOUT), "timeout");
    assert_string_equal(le_err_name(LE_ERR_NO_QUEUE), "no_queue");
    assert_string_equal(le_err_name(LE_ERR_DATABASE_FATAL), "database_fatal");
}

static void test_classes_say_what_to_do(void **state)
{
    (void)state;
    assert_int_equal(le_err_class(LE_ERR_NOMEM), LE_CLASS_RETRY);
    assert_int_equal(le_err_class(LE_ERR_CLOSED), LE_CLASS_RETRY);
    assert_int_equal(le_err_class(LE_ERR_THROTTLED), LE_CLASS_RETRY);
    assert_int_equal(le_err_class(LE_ERR_SYNTAX), LE_CLASS_REJECT);
    assert_int_equal(le_err_class(LE_ERR_NO_QUEUE), LE_CLASS_FATAL);
    assert_int_equal(le_err_class(LE_ERR_CREDENTIALS), LE_CLASS_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_name_words_and_a_class),
        cmocka_unit_test(test_names_are_stable),
        cmocka_unit_test(test_classes_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
