#include "loginetl/base/timefmt.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* The calendar repeats every 400 years. Years are counted from March, so that the leap day is a
 * year's last. */
#define DAYS_PER_ERA            146097
#define DAYS_PER_CENTURY        36524
#define DAYS_PER_4_YEARS        1461
#define DAYS_0000_03_01_TO_1970 719468

#define MS_0001_01_01     INT64_C(-62135596800000)
#define MS_9999_12_31_END INT64_C(253402300799999)

static int64_t floor_div(int64_t a, int64_t b)
{
    assert(b > 0);
    return a / b - (a % b < 0 ? 1 : 0);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int le_days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

int64_t le_days_from_civil(int year, int month, int day)
{
    assert(month >= 1 && month <= 12 && day >= 1 && day <= le_days_in_month(year, month));
    int64_t march_year = (int64_t)year - (month <= 2 ? 1 : 0);
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    /* Months from March have 31, 30, 31, 30, 31 days over and over: 153 in five. */
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    assert(day_of_era >= 0 && day_of_era < DAYS_PER_ERA);
    return era * DAYS_PER_ERA + day_of_era - DAYS_0000_03_01_TO_1970;
}

static void civil_from_days(int64_t days, struct le_civil *out)
{
    int64_t since_0000 = days + DAYS_0000_03_01_TO_1970;
    int64_t era = floor_div(since_0000, DAYS_PER_ERA);
    int64_t day_of_era = since_0000 - era * DAYS_PER_ERA;
    /* Leap days before this day are taken out, so that years are 365 days and the division is
     * exact. */
    int64_t year_of_era = (day_of_era - day_of_era / (DAYS_PER_4_YEARS - 1) +
                           day_of_era / DAYS_PER_CENTURY - day_of_era / (DAYS_PER_ERA - 1)) /
                          365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    out->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    out->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    out->year = (int)(year_of_era + era * 400 + (out->month <= 2 ? 1 : 0));
    assert(out->month >= 1 && out->month <= 12);
    assert(out->day >= 1 && out->day <= le_days_in_month(out->year, out->month));
}

void le_civil_from_ms(int64_t unix_ms, struct le_civil *out)
{
    assert(out != NULL);
    int64_t days = floor_div(unix_ms, LE_MS_PER_DAY);
    int64_t ms = unix_ms % LE_MS_PER_DAY;
    ms += ms < 0 ? LE_MS_PER_DAY : 0;
    assert(ms >= 0 && ms < LE_MS_PER_DAY);
    civil_from_days(days, out);
    out->hour = (int)(ms / 3600000);
    out->minute = (int)(ms / 60000 % 60);
    out->second = (int)(ms / 1000 % 60);
    out->millisecond = (int)(ms % 1000);
}

static char *put(char *at, int value, int digits)
{
    assert(value >= 0);
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    assert(value == 0);
    return at + digits;
}

/* A clock far outside the calendar is shown as its nearest end: the forms have four digits for the
 * year. */
static void civil_shown(int64_t unix_ms, struct le_civil *out)
{
    if (unix_ms < MS_0001_01_01)
        unix_ms = MS_0001_01_01;
    if (unix_ms > MS_9999_12_31_END)
        unix_ms = MS_9999_12_31_END;
    le_civil_from_ms(unix_ms, out);
    assert(out->year >= 1 && out->year <= 9999);
}

void le_format_amz_date(int64_t unix_ms, char out[17])
{
    struct le_civil civil;
    civil_shown(unix_ms, &civil);
    char *at = put(out, civil.year, 4);
    at = put(at, civil.month, 2);
    at = put(at, civil.day, 2);
    *at++ = 'T';
    at = put(at, civil.hour, 2);
    at = put(at, civil.minute, 2);
    at = put(at, civil.second, 2);
    *at++ = 'Z';
    *at = '\0';
    assert(at == out + 16);
}

void le_format_iso_ms(int64_t unix_ms, char out[25])
{
    struct le_civil civil;
    civil_shown(unix_ms, &civil);
    char *at = put(out, civil.year, 4);
    *at++ = '-';
    at = put(at, civil.month, 2);
    *at++ = '-';
    at = put(at, civil.day, 2);
    *at++ = 'T';
    at = put(at, civil.hour, 2);
    *at++ = ':';
    at = put(at, civil.minute, 2);
    *at++ = ':';
    at = put(at, civil.second, 2);
    *at++ = '.';
    at = put(at, civil.millisecond, 3);
    *at++ = 'Z';
    *at = '\0';
    assert(at == out + 24);
}

static bool read_digits(const char *at, int count, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        value = value * 10 + (at[i] - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

/* The number, from 1, of the three letters at at among the count words run together in words; 0
 * when it is none. */
static int word_number(const char *at, const char *words, int count)
{
    for (int i = 0; i < count; i++)
        if (memcmp(at, words + 3 * (size_t)i, 3) == 0)
            return i + 1;
    return 0;
}

enum le_err le_parse_http_date(struct le_span text, int64_t *unix_ms)
{
    static const char form[] = "___, __ ___ ____ __:__:__ GMT";
    assert(unix_ms != NULL);
    if (text.ptr == NULL || text.len != sizeof form - 1)
        return LE_ERR_SYNTAX;
    const char *at = text.ptr;
    for (size_t i = 0; i < text.len; i++)
        if (form[i] != '_' && at[i] != form[i])
            return LE_ERR_SYNTAX;
    struct le_civil c = {.month = word_number(at + 8, "JanFebMarAprMayJunJulAugSepOctNovDec", 12)};
    if (word_number(at, "MonTueWedThuFriSatSun", 7) == 0 || c.month == 0 ||
        !read_digits(at + 12, 4, 1, 9999, &c.year) ||
        !read_digits(at + 5, 2, 1, le_days_in_month(c.year, c.month), &c.day) ||
        !read_digits(at + 17, 2, 0, 23, &c.hour) || !read_digits(at + 20, 2, 0, 59, &c.minute) ||
        !read_digits(at + 23, 2, 0, 60, &c.second)) /* 60: a leap second */
        return LE_ERR_SYNTAX;
    int64_t seconds = (c.hour * INT64_C(60) + c.minute) * 60 + c.second;
    *unix_ms = le_days_from_civil(c.year, c.month, c.day) * LE_MS_PER_DAY + seconds * 1000;
    return LE_OK;
}

/* What stands behind the seconds, if it is a fraction; the milliseconds of it. */
static struct le_span skip_fraction(struct le_span rest, int *ms)
{
    size_t len = 1;
    int unit = 100;
    *ms = 0;
    if (rest.len < 2 || rest.ptr[0] != '.')
        return rest;
    for (; len < rest.len && rest.ptr[len] >= '0' && rest.ptr[len] <= '9'; len++) {
        *ms += (rest.ptr[len] - '0') * unit;
        unit /= 10;
    }
    /* A point without a digit is left where it is: no zone begins with one. */
    return len > 1 ? (struct le_span){rest.ptr + len, rest.len - len} : rest;
}

static bool read_zone(struct le_span zone, int64_t *minutes_east)
{
    int hours, minutes;
    *minutes_east = 0;
    if (le_span_is(zone, "Z") || le_span_is(zone, "UTC"))
        return true;
    if (zone.len != 6 || (zone.ptr[0] != '+' && zone.ptr[0] != '-') || zone.ptr[3] != ':' ||
        !read_digits(zone.ptr + 1, 2, 0, 23, &hours) ||
        !read_digits(zone.ptr + 4, 2, 0, 59, &minutes))
        return false;
    *minutes_east = (zone.ptr[0] == '-' ? -1 : 1) * (hours * INT64_C(60) + minutes);
    return true;
}

enum le_err le_parse_iso_time(struct le_span text, int64_t *unix_ms)
{
    static const char form[] = "____-__-__T__:__:__";
    const size_t len = sizeof form - 1;
    assert(unix_ms != NULL);
    if (text.ptr == NULL || text.len < len)
        return LE_ERR_SYNTAX;
    const char *at = text.ptr;
    for (size_t i = 0; i < len; i++)
        if (form[i] != '_' && at[i] != form[i])
            return LE_ERR_SYNTAX;
    struct le_civil c;
    int64_t minutes_east;
    struct le_span zone = skip_fraction((struct le_span){at + len, text.len - len}, &c.millisecond);
    if (!read_digits(at, 4, 1, 9999, &c.year) || !read_digits(at + 5, 2, 1, 12, &c.month) ||
        !read_digits(at + 8, 2, 1, le_days_in_month(c.year, c.month), &c.day) ||
        !read_digits(at + 11, 2, 0, 23, &c.hour) || !read_digits(at + 14, 2, 0, 59, &c.minute) ||
        !read_digits(at + 17, 2, 0, 60, &c.second) || !read_zone(zone, &minutes_east))
        return LE_ERR_SYNTAX;
    int64_t seconds = (c.hour * INT64_C(60) + c.minute - minutes_east) * 60 + c.second;
    *unix_ms =
        le_days_from_civil(c.year, c.month, c.day) * LE_MS_PER_DAY + seconds * 1000 + c.millisecond;
    return LE_OK;
}
