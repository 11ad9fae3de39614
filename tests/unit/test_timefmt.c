#include "loginetl/base/rng.h"
#include "loginetl/base/timefmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_0001_01_01 INT64_C(-719162)
#define DAY_9999_12_31 INT64_C(2932896)

/* Every day that the forms can show, against the C library's calendar. */
static void test_every_day_is_the_c_librarys(void **state)
{
    (void)state;
    for (int64_t day = DAY_0001_01_01; day <= DAY_9999_12_31; day++) {
        struct tm expected;
        struct le_civil civil;
        time_t seconds = (time_t)(day * 86400);
        assert_non_null(gmtime_r(&seconds, &expected));
        le_civil_from_ms(day * LE_MS_PER_DAY, &civil);
        if (civil.year != expected.tm_year + 1900 || civil.month != expected.tm_mon + 1 ||
            civil.day != expected.tm_mday ||
            le_days_from_civil(civil.year, civil.month, civil.day) != day)
            fail_msg("day %lld", (long long)day);
    }
}

static void test_times_of_day_before_and_after_1970(void **state)
{
    (void)state;
    struct le_civil c;
    le_civil_from_ms(-1, &c);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.month, 12);
    assert_int_equal(c.day, 31);
    assert_int_equal(c.hour, 23);
    assert_int_equal(c.minute, 59);
    assert_int_equal(c.second, 59);
    assert_int_equal(c.millisecond, 999);
    le_civil_from_ms(INT64_MIN, &c);
    assert_true(c.year < -292000000);
    le_civil_from_ms(INT64_MAX, &c);
    assert_true(c.year > 292000000);
}

static void test_lengths_of_months(void **state)
{
    (void)state;
    assert_int_equal(le_days_in_month(2023, 2), 28);
    assert_int_equal(le_days_in_month(2024, 2), 29);
    assert_int_equal(le_days_in_month(1900, 2), 28);
    assert_int_equal(le_days_in_month(2000, 2), 29);
    assert_int_equal(le_days_in_month(2024, 1), 31);
    assert_int_equal(le_days_in_month(2024, 4), 30);
    assert_int_equal(le_days_in_month(2024, 12), 31);
}

static void assert_shown(int64_t ms, const char *iso_expected, const char *amz_expected)
{
    char iso[25], amz[17];
    memset(iso, 'x', sizeof iso);
    memset(amz, 'x', sizeof amz);
    le_format_iso_ms(ms, iso);
    le_format_amz_date(ms, amz);
    assert_string_equal(iso, iso_expected);
    assert_string_equal(amz, amz_expected);
}

static void test_forms(void **state)
{
    (void)state;
    assert_shown(0, "1970-01-01T00:00:00.000Z", "19700101T000000Z");
    assert_shown(INT64_C(1440938160000), "2015-08-30T12:36:00.000Z", "20150830T123600Z");
    assert_shown(-1, "1969-12-31T23:59:59.999Z", "19691231T235959Z");
    assert_shown(INT64_C(1709210096789), "2024-02-29T12:34:56.789Z", "20240229T123456Z");
    assert_shown(INT64_MIN, "0001-01-01T00:00:00.000Z", "00010101T000000Z");
    assert_shown(INT64_MAX, "9999-12-31T23:59:59.999Z", "99991231T235959Z");
}

static enum le_err parse(const char *text, int64_t *ms)
{
    return le_parse_http_date(le_span_of(text), ms);
}

static void test_http_dates_are_read(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_int_equal(parse("Sun, 06 Nov 1994 08:49:37 GMT", &ms), LE_OK);
    assert_int_equal(ms, INT64_C(784111777000));
    assert_int_equal(parse("Thu, 01 Jan 1970 00:00:00 GMT", &ms), LE_OK);
    assert_int_equal(ms, 0);
    assert_int_equal(parse("Thu, 29 Feb 2024 23:59:59 GMT", &ms), LE_OK);
    assert_int_equal(ms, INT64_C(1709251199000));
    assert_int_equal(parse("Sat, 31 Dec 2016 23:59:60 GMT", &ms), LE_OK);
    assert_int_equal(ms, INT64_C(1483228800000));
}

static void test_other_dates_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GM",
        "Sonn 06 Nov 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nev 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms = 42;
        if (parse(wrong[i], &ms) != LE_ERR_SYNTAX)
            fail_msg("accepted: %s", wrong[i]);
        assert_int_equal(ms, 42);
    }
    int64_t ms = 42;
    assert_int_equal(le_parse_http_date(LE_SPAN_NONE, &ms), LE_ERR_SYNTAX);
}

static void test_dates_of_strftime_come_back(void **state)
{
    (void)state;
    struct le_rng rng;
    le_rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        struct tm tm;
        int64_t ms = -1;
        time_t seconds = (time_t)(le_rng_below(&rng, (DAY_9999_12_31 - DAY_0001_01_01) * 86400)) +
                         (time_t)(DAY_0001_01_01 * 86400);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(strftime(text, sizeof text, "%a, %d %b ", &tm), 12);
        assert_int_equal(snprintf(text + 12, sizeof text - 12, "%04d %02d:%02d:%02d GMT",
                                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec),
                         17);
        assert_int_equal(parse(text, &ms), LE_OK);
        assert_int_equal(ms, (int64_t)seconds * 1000);
    }
}

/* One byte changed: refused, or a date whose every part is still in range. */
static void test_damaged_dates_do_no_harm(void **state)
{
    (void)state;
    for (size_t at = 0; at < 29; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[30] = "Sun, 06 Nov 1994 08:49:37 GMT";
            text[at] = (char)byte;
            int64_t ms = 0;
            if (le_parse_http_date((struct le_span){text, 29}, &ms) == LE_OK)
                assert_in_range(ms + INT64_C(62135596800000), 0, INT64_C(315537897600000));
        }
    }
}

static void test_moments_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        {"2015-08-30T12:36:00Z", INT64_C(1440938160000)},
        {"2015-08-30T12:36:00UTC", INT64_C(1440938160000)},
        {"2015-08-30T12:36:00.5Z", INT64_C(1440938160500)},
        {"2015-08-30T12:36:00.123456789Z", INT64_C(1440938160123)},
        {"2015-08-30T12:36:00+00:00", INT64_C(1440938160000)},
        {"2015-08-30T14:36:00+02:00", INT64_C(1440938160000)},
        {"2015-08-30T07:06:00.007-05:30", INT64_C(1440938160007)},
        {"1970-01-01T00:00:00Z", 0},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        int64_t ms = 42;
        assert_int_equal(le_parse_iso_time(le_span_of(right[i].text), &ms), LE_OK);
        assert_int_equal(ms, right[i].ms);
    }
}

static void test_other_moments_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "2015-08-30",
        "2015-08-30T12:36:00",
        "2015-08-30 12:36:00Z",
        "2015-08-30T12:36:00.Z",
        "2015-08-30T12:36:00.",
        "2015-08-30T12:36:00.5",
        "2015-08-30T12:36:00ZZ",
        "2015-08-30T12:36:00z",
        "2015-08-30T12:36:00+0200",
        "2015-08-30T12:36:00+24:00",
        "2015-08-30T12:36:00+00:60",
        "2015-13-30T12:36:00Z",
        "2015-02-29T12:36:00Z",
        "0000-01-01T12:36:00Z",
        "2015-08-30T24:00:00Z",
        "2015-08-30T12:60:00Z",
        "2015-08-30T12:36:61Z",
        "2015-08-3 T12:36:00Z",
        "1440938160000",
    };
    (void)state;
    int64_t ms = 42;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (le_parse_iso_time(le_span_of(wrong[i]), &ms) != LE_ERR_SYNTAX)
            fail_msg("accepted: %s", wrong[i]);
    }
    assert_int_equal(le_parse_iso_time(LE_SPAN_NONE, &ms), LE_ERR_SYNTAX);
    assert_int_equal(ms, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_is_the_c_librarys),
        cmocka_unit_test(test_times_of_day_before_and_after_1970),
        cmocka_unit_test(test_lengths_of_months),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_http_dates_are_read),
        cmocka_unit_test(test_other_dates_are_refused),
        cmocka_unit_test(test_dates_of_strftime_come_back),
        cmocka_unit_test(test_damaged_dates_do_no_harm),
        cmocka_unit_test(test_moments_are_read),
        cmocka_unit_test(test_other_moments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
