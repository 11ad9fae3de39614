/* Dates and times as text, without the C library's zone and locale. All times are UTC. */
#ifndef LE_BASE_TIMEFMT_H
#define LE_BASE_TIMEFMT_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdint.h>

struct le_civil {
    int year; /* proleptic Gregorian; 1 … 9999 in everything read here */
    int month, day, hour, minute, second, millisecond;
};

#define LE_MS_PER_DAY INT64_C(86400000)

int64_t le_days_from_civil(int year, int month, int day); /* since 1970-01-01 */
void le_civil_from_ms(int64_t unix_ms, struct le_civil *out);
int le_days_in_month(int year, int month);

/* A time outside the years 1 … 9999 is shown as the nearest one inside.
 * "20150830T123600Z": 16 characters and a NUL. */
void le_format_amz_date(int64_t unix_ms, char out[17]);
/* "2015-08-30T12:36:00.000Z": 24 characters and a NUL. */
void le_format_iso_ms(int64_t unix_ms, char out[25]);
/* An HTTP Date header in its only form still sent, "Sun, 06 Nov 1994 08:49:37 GMT". LE_ERR_SYNTAX.
 * Whether the day's name belongs to the date is not looked at. */
LE_MUST enum le_err le_parse_http_date(struct le_span text, int64_t *unix_ms);
/* A moment as services write it (RFC 3339): "2015-08-30T12:36:00Z", with or without a fraction of
 * the second, of which the milliseconds count; "+02:00" or the word "UTC" in place of the Z.
 * LE_ERR_SYNTAX, and that is also a time without a zone: nobody can tell when it is. */
LE_MUST enum le_err le_parse_iso_time(struct le_span text, int64_t *unix_ms);

#endif
