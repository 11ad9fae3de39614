/* One text as a version, a date and an address, each held against another way to the same answer.
 */
#include "loginetl/login/mask.h"
#include "loginetl/login/row.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX 255

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Addresses */

static void check_v6_text(const unsigned char address[16], struct le_span canonical)
{
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    static const unsigned char zeros[12] = {0};
    char libc[INET6_ADDRSTRLEN];
    assert(inet_ntop(AF_INET6, address, libc, sizeof libc) == libc);
    /* The C library gives the deprecated IPv4-compatible addresses a dotted tail, RFC 5952 does
     * not. */
    if (memcmp(address, mapped, sizeof mapped) == 0 || memcmp(address, zeros, sizeof zeros) != 0)
        assert(le_span_is(canonical, libc));
}

static void check_ip(struct le_span text, const char *terminated)
{
    char out[LE_IP_CHARS_MAX + 1], again[LE_IP_CHARS_MAX];
    unsigned char v4[4], v6[16], back[16];
    size_t len = le_ip_canonical(text, out);
    bool whole = memchr(terminated, '\0', text.len + 1) == terminated + text.len;
    bool is_v4 = whole && inet_pton(AF_INET, terminated, v4) == 1;
    bool is_v6 = whole && inet_pton(AF_INET6, terminated, v6) == 1;
    assert((len > 0) == (is_v4 || is_v6));
    if (len == 0)
        return;
    assert(len < LE_IP_CHARS_MAX);
    out[len] = '\0';
    struct le_span canonical = {out, len};
    assert(le_ip_canonical(canonical, again) == len && memcmp(out, again, len) == 0);
    if (is_v4) {
        assert(le_span_equal(canonical, text));
        return;
    }
    int parsed = inet_pton(AF_INET6, out, back);
    assert(parsed == 1 && memcmp(v6, back, sizeof back) == 0);
    check_v6_text(v6, canonical);
}

/* Dates */

/* Only for a text that was found well formed, so it may be careless. */
static int64_t utc_day(const char *text)
{
    struct tm tm = {0};
    int read = sscanf(text, "%4d-%2d-%2d%*c%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                      &tm.tm_hour, &tm.tm_min);
    assert(read == 3 || read == 5);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t minutes = timegm(&tm) / 60;
    const char *sign = strlen(text) > 11 ? strpbrk(text + 11, "+-") : NULL;
    if (sign != NULL) {
        int hour = 0, minute = 0;
        read = sscanf(sign + 1, strchr(sign, ':') != NULL ? "%2d:%2d" : "%2d%2d", &hour, &minute);
        assert(read >= 1);
        minutes += (*sign == '+' ? -1 : 1) * (hour * 60 + minute);
    }
    int64_t days = minutes / 1440;
    return minutes % 1440 < 0 ? days - 1 : days;
}

static void check_date(struct le_span text, const char *terminated)
{
    int64_t days = INT64_MIN;
    enum le_reject_reason reason = le_date_parse(text, &days);
    assert(reason == LE_REJECT_NONE || reason == LE_REJECT_MALFORMED_DATE);
    if (reason == LE_REJECT_NONE)
        assert(days == utc_day(terminated));
    else
        assert(days == INT64_MIN);
}

/* Versions */

static bool plainly_a_version(struct le_span text, const char *terminated)
{
    return text.len > 0 && text.len <= LE_VERSION_CHARS_MAX &&
           strspn(terminated, "0123456789.") == text.len && terminated[0] != '.' &&
           terminated[text.len - 1] != '.' && strstr(terminated, "..") == NULL;
}

/* Digits of one part, or of all, as a number; at its end for want of room. */
static __int128 number_of(const char **at, bool over_dots)
{
    static const __int128 enough = (__int128)1 << 100;
    __int128 sum = 0;
    for (; **at != '\0' && (over_dots || **at != '.'); (*at)++) {
        if (**at != '.' && sum < enough)
            sum = sum * 10 + (**at - '0');
    }
    if (**at == '.')
        (*at)++;
    return sum;
}

static enum le_reject_reason pack(const char *at, __int128 *sum)
{
    enum le_reject_reason reason = LE_REJECT_NONE;
    *sum = number_of(&at, false) * 1000000;
    for (int scale = 1000; *at != '\0'; scale /= 1000) {
        if (scale == 0)
            return LE_REJECT_MALFORMED_VERSION;
        __int128 part = number_of(&at, false);
        if (part > 999)
            reason = LE_REJECT_OUT_OF_RANGE;
        *sum += part * scale;
    }
    return reason;
}

static void check_version_how(struct le_span text, const char *terminated, enum le_app_version how,
                              int64_t max)
{
    int64_t number = -1;
    __int128 want = 0;
    enum le_reject_reason reason = le_version_parse(text, how, max, &number);
    enum le_reject_reason expected = LE_REJECT_NONE;
    if (!plainly_a_version(text, terminated))
        expected = LE_REJECT_MALFORMED_VERSION;
    else if (how == LE_APP_VERSION_PACKED)
        expected = pack(terminated, &want);
    else
        want = number_of(&terminated, how == LE_APP_VERSION_DIGITS);
    if (expected == LE_REJECT_NONE && want > max)
        expected = LE_REJECT_OUT_OF_RANGE;
    assert(reason == expected);
    assert(reason != LE_REJECT_NONE || number == want);
}

static void check_version(struct le_span text, const char *terminated)
{
    static const int64_t limits[] = {INT16_MAX, INT32_MAX, INT64_MAX};
    assert(le_version_well_formed(text) == plainly_a_version(text, terminated));
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        check_version_how(text, terminated, LE_APP_VERSION_DIGITS, limits[i]);
        check_version_how(text, terminated, LE_APP_VERSION_PACKED, limits[i]);
        check_version_how(text, terminated, LE_APP_VERSION_MAJOR, limits[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char terminated[TEXT_MAX + 1];
    if (size > TEXT_MAX)
        return 0;
    memcpy(terminated, data, size);
    terminated[size] = '\0';
    struct le_span text = {(const char *)data, size};
    check_ip(text, terminated);
    check_date(text, terminated);
    check_version(text, terminated);
    return 0;
}
