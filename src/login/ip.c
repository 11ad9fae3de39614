/* The canonical text of an address. Own and strict, because the C library's functions differ in
 * what they take (shortened or zero-led dotted decimals) and in what they write (::1.2.3.4), and a
 * mask must be the same everywhere. */
#include "loginetl/base/hex.h"
#include "loginetl/login/mask.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define GROUPS 8
#define OCTETS 4

/* Reads 0 … 255 without leading zeros; answers the characters read, 0 when there is no such number.
 */
static size_t read_octet(struct le_span text, uint8_t *out)
{
    unsigned value = 0;
    size_t len = 0;
    while (len < text.len && len < 3 && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        value = value * 10 + (unsigned)(text.ptr[len++] - '0');
    if (len == 0 || value > UINT8_MAX || (len > 1 && text.ptr[0] == '0'))
        return 0;
    *out = (uint8_t)value;
    return len;
}

static bool parse_v4(struct le_span text, uint8_t out[OCTETS])
{
    for (int i = 0; i < OCTETS; i++) {
        if (i > 0) {
            if (text.len == 0 || text.ptr[0] != '.')
                return false;
            text.ptr++;
            text.len--;
        }
        size_t used = read_octet(text, &out[i]);
        if (used == 0)
            return false;
        text.ptr += used;
        text.len -= used;
    }
    return text.len == 0;
}

struct v6 {
    uint16_t groups[GROUPS];
    int count;
    int gap; /* groups before the "::", -1 without one */
};

static bool add_hex_group(struct v6 *v6, struct le_span text)
{
    unsigned value = 0;
    if (text.len == 0 || text.len > 4 || v6->count == GROUPS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = le_hex_value(text.ptr[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    v6->groups[v6->count++] = (uint16_t)value;
    return true;
}

static bool add_dotted_tail(struct v6 *v6, struct le_span text)
{
    uint8_t octets[OCTETS];
    if (v6->count + 2 > GROUPS || !parse_v4(text, octets))
        return false;
    v6->groups[v6->count++] = (uint16_t)(octets[0] << 8 | octets[1]);
    v6->groups[v6->count++] = (uint16_t)(octets[2] << 8 | octets[3]);
    return true;
}

/* Makes of "a::b" the eight groups that it stands for. */
static bool fill_gap(struct v6 *v6)
{
    if (v6->gap < 0)
        return v6->count == GROUPS;
    int zeros = GROUPS - v6->count;
    if (zeros < 1)
        return false;
    int behind = v6->count - v6->gap;
    assert(behind >= 0);
    memmove(&v6->groups[v6->gap + zeros], &v6->groups[v6->gap],
            (size_t)behind * sizeof v6->groups[0]);
    memset(&v6->groups[v6->gap], 0, (size_t)zeros * sizeof v6->groups[0]);
    return true;
}

static bool starts_with_gap(struct le_span text)
{
    return text.len >= 2 && text.ptr[0] == ':' && text.ptr[1] == ':';
}

static struct le_span skip(struct le_span text, size_t count)
{
    assert(count <= text.len);
    return (struct le_span){text.ptr + count, text.len - count};
}

/* Takes one group, and what parts it from the next, off the front. */
static bool take_group(struct v6 *v6, struct le_span *text)
{
    const char *colon = memchr(text->ptr, ':', text->len);
    if (colon == NULL) {
        struct le_span last = *text;
        *text = skip(last, last.len);
        return memchr(last.ptr, '.', last.len) != NULL ? add_dotted_tail(v6, last)
                                                       : add_hex_group(v6, last);
    }
    size_t len = (size_t)(colon - text->ptr);
    if (!add_hex_group(v6, (struct le_span){text->ptr, len}))
        return false;
    *text = skip(*text, len);
    if (!starts_with_gap(*text)) {
        *text = skip(*text, 1);
        return text->len > 0; /* no single colon at the end */
    }
    if (v6->gap >= 0)
        return false;
    v6->gap = v6->count;
    *text = skip(*text, 2);
    return true;
}

static bool parse_v6(struct le_span text, uint16_t groups[GROUPS])
{
    struct v6 v6 = {.count = 0, .gap = -1};
    if (starts_with_gap(text)) {
        v6.gap = 0;
        text = skip(text, 2);
    }
    while (text.len > 0) {
        if (!take_group(&v6, &text))
            return false;
    }
    if (!fill_gap(&v6))
        return false;
    memcpy(groups, v6.groups, sizeof v6.groups);
    return true;
}

static char *write_octet(char *out, unsigned value)
{
    assert(value <= UINT8_MAX);
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *write_dotted(char *out, uint16_t high, uint16_t low)
{
    const unsigned octets[OCTETS] = {high >> 8u, high & 0xFFu, low >> 8u, low & 0xFFu};
    for (int i = 0; i < OCTETS; i++) {
        if (i > 0)
            *out++ = '.';
        out = write_octet(out, octets[i]);
    }
    return out;
}

static char *write_group(char *out, unsigned value)
{
    static const char hex[] = "0123456789abcdef";
    int shift = 12;
    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *out++ = hex[value >> shift & 0xF];
    return out;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952 §4.2); *run is 0 when
 * there is none. */
static int longest_zeros(const uint16_t groups[GROUPS], int *run)
{
    int best = 0;
    *run = 0;
    for (int from = 0; from < GROUPS; from++) {
        int to = from;
        while (to < GROUPS && groups[to] == 0)
            to++;
        if (to - from > 1 && to - from > *run) {
            best = from;
            *run = to - from;
        }
        from = to;
    }
    return best;
}

static bool is_v4_mapped(const uint16_t groups[GROUPS])
{
    static const uint16_t prefix[6] = {0, 0, 0, 0, 0, 0xFFFF};
    return memcmp(groups, prefix, sizeof prefix) == 0;
}

static char *write_v6(const uint16_t groups[GROUPS], char *out)
{
    int run;
    int gap = longest_zeros(groups, &run);
    int hex_groups = is_v4_mapped(groups) ? GROUPS - 2 : GROUPS;
    for (int i = 0; i < hex_groups; i++) {
        if (run > 0 && i == gap) {
            *out++ = ':';
            i += run - 1;
            if (i == GROUPS - 1)
                *out++ = ':';
            continue;
        }
        if (i > 0)
            *out++ = ':';
        out = write_group(out, groups[i]);
    }
    if (hex_groups == GROUPS)
        return out;
    *out++ = ':';
    return write_dotted(out, groups[GROUPS - 2], groups[GROUPS - 1]);
}

size_t le_ip_canonical(struct le_span text, char out[LE_IP_CHARS_MAX])
{
    assert(out != NULL && (text.ptr != NULL || text.len == 0));
    uint8_t octets[OCTETS];
    uint16_t groups[GROUPS];
    if (text.len == 0 || text.len >= LE_IP_CHARS_MAX)
        return 0;
    if (parse_v4(text, octets)) {
        memcpy(out, text.ptr,
               text.len); /* without leading zeros there is only one way to write it */
        return text.len;
    }
    if (!parse_v6(text, groups))
        return 0;
    size_t len = (size_t)(write_v6(groups, out) - out);
    assert(len >= 2 && len < LE_IP_CHARS_MAX);
    return len;
}
