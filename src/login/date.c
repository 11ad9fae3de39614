/* Dates: a plain one, or the UTC date of a timestamp in ISO 8601. */
#include "loginetl/base/timefmt.h"
#include "loginetl/login/row.h"

#include <assert.h>

#define MINUTES_PER_HOUR 60
#define MINUTES_PER_DAY  (24 * MINUTES_PER_HOUR)

/* Exactly count digits off the front. */
static bool take_number(struct le_span *text, size_t count, int *out)
{
    if (text->len < count)
        return false;
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        char c = text->ptr[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    text->ptr += count;
    text->len -= count;
    *out = value;
    return true;
}

/* One character out of a set off the front; NUL when another one stands there. */
static char take_any(struct le_span *text, const char *set)
{
    if (text->len == 0 || text->ptr[0] == '\0' || strchr(set, text->ptr[0]) == NULL)
        return '\0';
    text->len--;
    return *text->ptr++;
}

static bool take_date(struct le_span *text, int64_t *days)
{
    int year, month, day;
    if (!take_number(text, 4, &year) || !take_any(text, "-") || !take_number(text, 2, &month) ||
        !take_any(text, "-") || !take_number(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > le_days_in_month(year, month))
        return false;
    *days = le_days_from_civil(year, month, day);
    return true;
}

/* [:SS[.fraction]], checked and forgotten: no offset has seconds, so they never move a date. */
static bool take_seconds(struct le_span *text)
{
    int second, digit;
    if (!take_any(text, ":"))
        return true;
    if (!take_number(text, 2, &second) || second > 60) /* 60 is a leap second */
        return false;
    if (!take_any(text, "."))
        return true;
    if (!take_number(text, 1, &digit))
        return false;
    while (take_number(text, 1, &digit))
        ;
    return true;
}

static bool take_clock(struct le_span *text, int *minutes)
{
    int hour, minute;
    if (!take_number(text, 2, &hour) || !take_any(text, ":") || !take_number(text, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *minutes = hour * MINUTES_PER_HOUR + minute;
    return take_seconds(text);
}

/* [Z|±HH|±HHMM|±HH:MM] */
static bool take_offset(struct le_span *text, int *minutes)
{
    int hour, minute = 0;
    *minutes = 0;
    if (text->len == 0 || take_any(text, "Zz"))
        return true;
    char sign = take_any(text, "+-");
    if (sign == '\0' || !take_number(text, 2, &hour))
        return false;
    if (text->len > 0) {
        (void)take_any(text, ":"); /* may be left out */
        if (!take_number(text, 2, &minute))
            return false;
    }
    if (hour > 23 || minute > 59)
        return false;
    *minutes = hour * MINUTES_PER_HOUR + minute;
    if (sign == '-')
        *minutes = -*minutes;
    return true;
}

static bool take_time(struct le_span *text, int64_t *days)
{
    int clock, offset;
    if (!take_any(text, "Tt ") || !take_clock(text, &clock) || !take_offset(text, &offset))
        return false;
    int utc = clock - offset;
    assert(utc > -MINUTES_PER_DAY && utc < 2 * MINUTES_PER_DAY);
    if (utc < 0)
        (*days)--;
    else if (utc >= MINUTES_PER_DAY)
        (*days)++;
    return true;
}

enum le_reject_reason le_date_parse(struct le_span text, int64_t *days)
{
    assert(days != NULL && (text.ptr != NULL || text.len == 0));
    int64_t found;
    if (text.len > LE_DATE_CHARS_MAX || !take_date(&text, &found))
        return LE_REJECT_MALFORMED_DATE;
    if (text.len > 0 && (!take_time(&text, &found) || text.len > 0))
        return LE_REJECT_MALFORMED_DATE;
    if (found < le_days_from_civil(1, 1, 1) || found > le_days_from_civil(9999, 12, 31))
        return LE_REJECT_MALFORMED_DATE;
    *days = found;
    return LE_REJECT_NONE;
}
