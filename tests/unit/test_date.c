/* Dates and timestamps as days in UTC. */
#include "loginetl/login/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct date_case {
    const char *text;
    int64_t days;
};

static void expect_days(const struct date_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t days = INT64_MIN;
        enum le_reject_reason reason = le_date_parse(le_span_of(cases[i].text), &days);
        if (reason != LE_REJECT_NONE || days != cases[i].days)
            fail_msg("%s: %s, %lld", cases[i].text, le_reject_word(reason), (long long)days);
    }
}

static void dates_are_days(void **state)
{
    static const struct date_case cases[] = {
        {"1970-01-01", 0},       {"1969-12-31", -1},      {"2000-02-29", 11016},
        {"2023-11-14", 19675},   {"2024-02-29", 19782},   {"2024-12-31", 20088},
        {"0001-01-01", -719162}, {"9999-12-31", 2932896}, {"1900-02-28", -25509},
    };
    (void)state;
    expect_days(cases, COUNT_OF(cases));
}

static void timestamps_are_days_in_utc(void **state)
{
    static const struct date_case cases[] = {
        {"2023-11-14T12:34", 19675},
        {"2023-11-14t12:34:56", 19675},
        {"2023-11-14 12:34:56", 19675},
        {"2023-11-14T12:34:56Z", 19675},
        {"2023-11-14T12:34:56z", 19675},
        {"2023-11-14T12:34Z", 19675},
        {"2023-11-14T12:34:56.7", 19675},
        {"2023-11-14T12:34:56.123456789Z", 19675},
        {"2023-11-14T23:59:59.999+00:00", 19675},
        {"2023-11-14T00:00:00-00:00", 19675},
        {"2023-11-14T23:59:60Z", 19675},
        {"2023-11-14T00:30+01:00", 19674},
        {"2023-11-14T00:30+0100", 19674},
        {"2023-11-14T00:30+01", 19674},
        {"2023-11-14T01:00+01:00", 19675},
        {"2023-11-14T00:59:59+01:00", 19674},
        {"2023-11-14T23:30-01:00", 19676},
        {"2023-11-14T23:30-0030", 19676},
        {"2023-11-14T22:59:60-01:00", 19675},
        {"2023-11-14T23:00-01", 19676},
        {"2023-11-14T05:44+05:45", 19674},
        {"2023-11-14T05:45+05:45", 19675},
        {"2023-11-14T00:00+23:59", 19674},
        {"2023-11-14T23:59-23:59", 19676},
        {"2024-03-01T00:00+00:01", 19782},
        {"2024-02-28T23:59-00:01", 19782},
        {"2024-01-01T00:00:00.5+14:00", 19722},
        {"0001-01-01T00:00:00Z", -719162},
        {"9999-12-31T23:59:60.9Z", 2932896},
        {"0001-01-01T00:00-01:00", -719162},
        {"9999-12-31T23:59+01:00", 2932896},
    };
    (void)state;
    expect_days(cases, COUNT_OF(cases));
}

static void malformed_dates_are_told(void **state)
{
    static const char *const texts[] = {
        "",
        "2023",
        "2023-11",
        "2023-11-1",
        "2023-1-14",
        "23-11-14",
        "20231114",
        "2023/11/14",
        "2023-11/14",
        "14.11.2023",
        "11-14-2023",
        " 2023-11-14",
        "2023-11-14 ",
        "2023-11-14x",
        "+2023-11-14",
        "-2023-11-14",
        "12023-11-14",
        "0000-01-01",
        "2023-00-01",
        "2023-13-01",
        "2023-01-00",
        "2023-01-32",
        "2023-04-31",
        "2023-02-29",
        "1900-02-29",
        "2100-02-29",
        "2000-02-30",
        "2023-W46-2",
        "2023-318",
        "2023-1a-14",
        "today",
        "1700000000",
        /* times */
        "2023-11-14T",
        "2023-11-14T12",
        "2023-11-14T12:",
        "2023-11-14T12:3",
        "2023-11-14T1234",
        "2023-11-14T12:34:",
        "2023-11-14T12:34:5",
        "2023-11-14T12:34:56.",
        "2023-11-14T12:34:56.Z",
        "2023-11-14T12:34:56,5",
        "2023-11-14T12:34.5",
        "2023-11-14T24:00",
        "2023-11-14T24:00:00Z",
        "2023-11-14T12:60",
        "2023-11-14T12:34:61",
        "2023-11-14T-1:00",
        "2023-11-14T12:34:56 Z",
        "2023-11-14T 12:34",
        "2023-11-14  12:34",
        "2023-11-14_12:34",
        "2023-11-14Z",
        "2023-11-14+01:00",
        "2023-11-14T12:34:56ZZ",
        "2023-11-14T12:34:56Zx",
        "2023-11-14T12:34:56Z+01:00",
        "2023-11-14T12:34:56+",
        "2023-11-14T12:34:56+1",
        "2023-11-14T12:34:56+1:00",
        "2023-11-14T12:34:56+01:",
        "2023-11-14T12:34:56+01:0",
        "2023-11-14T12:34:56+010",
        "2023-11-14T12:34:56+01:00:00",
        "2023-11-14T12:34:56+24:00",
        "2023-11-14T12:34:56+01:60",
        "2023-11-14T12:34:56 +01:00",
        "2023-11-14T12:34:56\xE2\x88\x92 01:00", /* the typographer's minus */
        "2023-11-14T12:34:56 GMT",
        "2023-11-14T12:34:56[Europe/Berlin]",
        "2023-11-14T12:34:56.00000000000000000000000000000000000000000000000Z",
        /* outside the years that a date has */
        "0001-01-01T00:00+00:01",
        "9999-12-31T23:59-00:01",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t days = 0;
        if (le_date_parse(le_span_of(texts[i]), &days) != LE_REJECT_MALFORMED_DATE)
            fail_msg("taken for a date: %s", texts[i]);
    }
}

static void a_nul_ends_nothing(void **state)
{
    int64_t days;
    (void)state;
    assert_int_equal(le_date_parse(LE_SPAN_LIT("2023-11-14\0"), &days), LE_REJECT_MALFORMED_DATE);
    assert_int_equal(le_date_parse(LE_SPAN_LIT("2023-11-14T12:34\0"), &days),
                     LE_REJECT_MALFORMED_DATE);
    assert_int_equal(le_date_parse(LE_SPAN_LIT("2023-11-14\0"
                                               "12:34"),
                                   &days),
                     LE_REJECT_MALFORMED_DATE);
    assert_int_equal(le_date_parse(LE_SPAN_NONE, &days), LE_REJECT_MALFORMED_DATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_days),
        cmocka_unit_test(timestamps_are_days_in_utc),
        cmocka_unit_test(malformed_dates_are_told),
        cmocka_unit_test(a_nul_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
