/* Finding the end of a run of plain characters in a JSON string, eight bytes at a time. */
#ifndef LE_BASE_JSON_SCAN_H
#define LE_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LE_SCAN_ONES  UINT64_C(0x0101010101010101)
#define LE_SCAN_HIGHS UINT64_C(0x8080808080808080)

/* A character that ends a plain run: a quote, a backslash, or a control character, which JSON
 * forbids in strings. */
static inline bool le_json_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

static inline uint64_t le_scan_load(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Not 0 when one of the word's eight bytes is special. The lowest bit set tells the first of them
 * truly; bits above it may be borrows of the subtraction. */
static inline uint64_t le_scan_specials(uint64_t word)
{
    uint64_t quote = word ^ (LE_SCAN_ONES * '"');
    uint64_t backslash = word ^ (LE_SCAN_ONES * '\\');
    uint64_t controls = (word - LE_SCAN_ONES * 0x20) & ~word;
    quote = (quote - LE_SCAN_ONES) & ~quote;
    backslash = (backslash - LE_SCAN_ONES) & ~backslash;
    return (controls | quote | backslash) & LE_SCAN_HIGHS;
}

/* How many bytes come before the first special one in the word that le_scan_specials answered for;
 * not for 0. */
static inline size_t le_scan_first(uint64_t specials, const char *at)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    (void)at;
    return (size_t)__builtin_ctzll(specials) / 8;
#else
    size_t count = 0;
    (void)specials;
    while (count < sizeof specials && !le_json_special(at[count]))
        count++;
    return count;
#endif
}

/* The first special character in [at, end), or end. */
static inline const char *le_json_plain_end(const char *at, const char *end)
{
    while ((size_t)(end - at) >= sizeof(uint64_t)) {
        uint64_t specials = le_scan_specials(le_scan_load(at));
        if (specials != 0)
            return at + le_scan_first(specials, at);
        at += sizeof(uint64_t);
    }
    while (at < end && !le_json_special(*at))
        at++;
    return at;
}

#endif
