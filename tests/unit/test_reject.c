/* The words of the reject reasons are an interface: other programs read them off the dead-letter
 * queue. */
#include "loginetl/login/reject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reasons_have_their_words(void **state)
{
    static const char *const words[LE_REJECT_COUNT] = {
        [LE_REJECT_NONE] = "none",
        [LE_REJECT_NOT_JSON] = "not_json",
        [LE_REJECT_NOT_AN_OBJECT] = "not_an_object",
        [LE_REJECT_TOO_LARGE] = "too_large",
        [LE_REJECT_MISSING] = "missing",
        [LE_REJECT_WRONG_TYPE] = "wrong_type",
        [LE_REJECT_TOO_LONG] = "too_long",
        [LE_REJECT_OUT_OF_RANGE] = "out_of_range",
        [LE_REJECT_MALFORMED_VERSION] = "malformed_version",
        [LE_REJECT_MALFORMED_DATE] = "malformed_date",
        [LE_REJECT_BAD_TEXT] = "bad_text",
        [LE_REJECT_CONSTRAINT] = "constraint",
    };
    (void)state;
    for (int i = 0; i < LE_REJECT_COUNT; i++) {
        assert_non_null(words[i]);
        assert_string_equal(le_reject_word((enum le_reject_reason)i), words[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_have_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
