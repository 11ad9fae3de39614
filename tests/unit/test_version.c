/* App versions as integers. */
#include "loginetl/login/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct version_case {
    const char *text;
    int64_t max;
    enum le_reject_reason reason;
    int64_t number;
};

static void expect(enum le_app_version how, const struct version_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct le_span text = {cases[i].text, strlen(cases[i].text)};
        int64_t number = -1;
        enum le_reject_reason reason = le_version_parse(text, how, cases[i].max, &number);
        if (reason != cases[i].reason)
            fail_msg("%s: %s", cases[i].text, le_reject_word(reason));
        if (reason == LE_REJECT_NONE)
            assert_int_equal(number, cases[i].number);
    }
}

static void digits_are_joined(void **state)
{
    static const struct version_case cases[] = {
        {"2.3.0", INT32_MAX, LE_REJECT_NONE, 230},
        {"2.00", INT32_MAX, LE_REJECT_NONE, 200},
        {"6.4.8", INT32_MAX, LE_REJECT_NONE, 648},
        {"0.16", INT32_MAX, LE_REJECT_NONE, 16},
        {"0.1.6", INT32_MAX, LE_REJECT_NONE, 16},
        {"16", INT32_MAX, LE_REJECT_NONE, 16},
        {"0", INT32_MAX, LE_REJECT_NONE, 0},
        {"0.0.0.0", INT32_MAX, LE_REJECT_NONE, 0},
        {"1.2.3.4.5.6", INT32_MAX, LE_REJECT_NONE, 123456},
        {"007.1", INT32_MAX, LE_REJECT_NONE, 71},
        {"32767", INT16_MAX, LE_REJECT_NONE, 32767},
        {"3.2.768", INT16_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"2.147.483.647", INT32_MAX, LE_REJECT_NONE, INT32_MAX},
        {"2.147.483.648", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"9223372036854775807", INT64_MAX, LE_REJECT_NONE, INT64_MAX},
        {"9223372036854775808", INT64_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"9.2233.7203.6854.7758.08", INT64_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"99999999999999999999999999999999999999", INT64_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"0000000000000000000000000000000000000000000000000000000000000001", INT16_MAX,
         LE_REJECT_NONE, 1},
        {"5", 4, LE_REJECT_OUT_OF_RANGE, 0},
        {"4", 4, LE_REJECT_NONE, 4},
        {"10", 4, LE_REJECT_OUT_OF_RANGE, 0},
    };
    (void)state;
    expect(LE_APP_VERSION_DIGITS, cases, COUNT_OF(cases));
}

static void packed_versions_sort(void **state)
{
    static const struct version_case cases[] = {
        {"2.3.0", INT32_MAX, LE_REJECT_NONE, 2003000},
        {"0.16", INT32_MAX, LE_REJECT_NONE, 16000},
        {"0.1.6", INT32_MAX, LE_REJECT_NONE, 1006},
        {"16", INT32_MAX, LE_REJECT_NONE, 16000000},
        {"0", INT32_MAX, LE_REJECT_NONE, 0},
        {"1.999.999", INT32_MAX, LE_REJECT_NONE, 1999999},
        {"1.0001.0002", INT32_MAX, LE_REJECT_NONE, 1001002},
        {"1.1000", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"1.0.1000", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"1.99999999999999999999", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"2147.483.647", INT32_MAX, LE_REJECT_NONE, INT32_MAX},
        {"2147.483.648", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"2147.484", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"2148", INT32_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"0.32.767", INT16_MAX, LE_REJECT_NONE, 32767},
        {"0.32.768", INT16_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"1", INT16_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"9223372036854.775.807", INT64_MAX, LE_REJECT_NONE, INT64_MAX},
        {"9223372036854.775.808", INT64_MAX, LE_REJECT_OUT_OF_RANGE, 0},
        {"1.2.3.4", INT32_MAX, LE_REJECT_MALFORMED_VERSION, 0},
        {"99999.2000.3.4", INT32_MAX, LE_REJECT_MALFORMED_VERSION, 0},
    };
    (void)state;
    expect(LE_APP_VERSION_PACKED, cases, COUNT_OF(cases));
}

static void major_is_the_first_part(void **state)
{
    static const struct version_case cases[] = {
        {"2.3.0", INT32_MAX, LE_REJECT_NONE, 2},
        {"16", INT32_MAX, LE_REJECT_NONE, 16},
        {"0.16", INT32_MAX, LE_REJECT_NONE, 0},
        {"012.1", INT32_MAX, LE_REJECT_NONE, 12},
        {"3.99999999999999999999.1.2", INT16_MAX, LE_REJECT_NONE, 3},
        {"32768.0", INT16_MAX, LE_REJECT_OUT_OF_RANGE, 0},
    };
    (void)state;
    expect(LE_APP_VERSION_MAJOR, cases, COUNT_OF(cases));
}

static void malformed_versions_are_told(void **state)
{
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "1.",
        ".1",
        "1..2",
        "1.2.",
        "v1.2",
        "1.2b",
        "1.2-rc1",
        "1,2",
        " 1.2",
        "1.2 ",
        "1. 2",
        "-1",
        "+1",
        "1e5",
        "1E5",
        "2.3e1",
        "0x10",
        "1_000",
        "1.2\n",
        "abc",
        "\xD9\xA1",
        "\xEF\xBC\x91",
        "1/2",
        "1.-2",
        "1.2.x",
        "99999999999999999999.x",
        "00000000000000000000000000000000000000000000000000000000000000001",
    };
    static const enum le_app_version hows[] = {LE_APP_VERSION_DIGITS, LE_APP_VERSION_PACKED,
                                               LE_APP_VERSION_MAJOR};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct version_case one = {texts[i], INT32_MAX, LE_REJECT_MALFORMED_VERSION, 0};
        assert_false(le_version_well_formed(le_span_of(texts[i])));
        for (size_t j = 0; j < COUNT_OF(hows); j++)
            expect(hows[j], &one, 1);
    }
    assert_false(le_version_well_formed(LE_SPAN_LIT("1\0")));
    assert_false(le_version_well_formed(LE_SPAN_NONE));
    assert_true(le_version_well_formed(LE_SPAN_LIT("0.16")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_joined),
        cmocka_unit_test(packed_versions_sort),
        cmocka_unit_test(major_is_the_first_part),
        cmocka_unit_test(malformed_versions_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
