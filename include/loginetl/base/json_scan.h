/* Finding the characters that end a plain run of a JSON string, many bytes at a time: the quote,
 * the backslash, and control characters, which JSON forbids in strings. They are called special
 * here. */
#ifndef LE_BASE_JSON_SCAN_H
#define LE_BASE_JSON_SCAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LE_SCAN_ONES  UINT64_C(0x0101010101010101)
#define LE_SCAN_HIGHS UINT64_C(0x8080808080808080)
#define LE_SCAN_BLOCK 64

static inline uint64_t le_scan_load(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The high bit of each byte that is 0, and of no other. */
static inline uint64_t le_scan_zeros(uint64_t word)
{
    return ~(((word & ~LE_SCAN_HIGHS) + ~LE_SCAN_HIGHS) | word) & LE_SCAN_HIGHS;
}

/* le_scan_block in plain C. */
static inline uint64_t le_scan_block_plain(const char *at)
{
    uint64_t found = 0;
    for (unsigned i = 0; i < LE_SCAN_BLOCK; i += 8) {
        uint64_t word = le64toh(le_scan_load(at + i));
        uint64_t highs = le_scan_zeros(word & (LE_SCAN_ONES * 0xE0)) |
                         le_scan_zeros(word ^ (LE_SCAN_ONES * '"')) |
                         le_scan_zeros(word ^ (LE_SCAN_ONES * '\\'));
        /* The product's topmost byte is the eight bits side by side. */
        found |= (highs >> 7) * UINT64_C(0x0102040810204080) >> 56 << i;
    }
    return found;
}

/* Which of LE_SCAN_BLOCK bytes are special: a bit for each, the lowest for the first. With what
 * every x86-64 has it takes a fifth of the instructions. */
static inline uint64_t le_scan_block(const char *at)
{
#ifdef __SSE2__
    const __m128i controls_end = _mm_set1_epi8(0x1F);
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    uint64_t found = 0;
    for (unsigned i = 0; i < LE_SCAN_BLOCK; i += sizeof(__m128i)) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        __m128i marks =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, controls_end), bytes);
        found |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(marks, controls)) << i;
    }
    return found;
#else
    return le_scan_block_plain(at);
#endif
}

#endif
