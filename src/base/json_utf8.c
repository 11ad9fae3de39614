/* UTF-8 as RFC 3629 has it. Bodies are nearly always ASCII, so eight bytes are looked at together
 * until one is not. */
#include "loginetl/base/json.h"

#include <assert.h>
#include <stdint.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define SPACES    UINT64_C(0x2020202020202020)

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static bool continues(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

static bool continue_all(const unsigned char *byte, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!continues(byte[i]))
            return false;
    }
    return true;
}

/* The second byte carries what keeps overlong forms, surrogates and code points past U+10FFFF out
 * (RFC 3629 §4). */
static bool second_byte_allowed(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0;
    case 0xED: return second <= 0x9F;
    case 0xF0: return second >= 0x90;
    case 0xF4: return second <= 0x8F;
    default: return true;
    }
}

size_t le_utf8_sequence(const char *text, size_t left)
{
    assert(text != NULL && left > 0);
    const unsigned char *byte = (const unsigned char *)text;
    size_t len;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] >= 0xC2 && byte[0] <= 0xDF)
        len = 2;
    else if (byte[0] >= 0xE0 && byte[0] <= 0xEF)
        len = 3;
    else if (byte[0] >= 0xF0 && byte[0] <= 0xF4)
        len = 4;
    else
        return 0;
    if (left < len || !continue_all(byte + 1, len - 1) || !second_byte_allowed(byte[0], byte[1]))
        return 0;
    return len;
}

bool le_utf8_scan(struct le_span text, bool *controls)
{
    assert(text.ptr != NULL || text.len == 0);
    assert(controls != NULL);
    uint64_t low = 0;
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= sizeof(uint64_t)) {
            uint64_t word = load_word(text.ptr + at);
            if ((word & HIGH_BITS) == 0) {
                /* A byte below 0x20 borrows into its own high bit; a wrong bit can only follow a
                 * right one. */
                low |= (word - SPACES) & HIGH_BITS;
                at += sizeof word;
                continue;
            }
        }
        size_t len = le_utf8_sequence(text.ptr + at, text.len - at);
        if (len == 0)
            return false;
        low |= (unsigned char)text.ptr[at] < 0x20;
        at += len;
    }
    assert(at == text.len);
    *controls = low != 0;
    return true;
}

bool le_utf8_valid(struct le_span text)
{
    bool controls;
    return le_utf8_scan(text, &controls);
}

size_t le_utf8_chars(struct le_span text)
{
    assert(text.ptr != NULL || text.len == 0);
    size_t chars = 0;
    for (size_t i = 0; i < text.len; i++)
        chars += !continues((unsigned char)text.ptr[i]);
    assert(chars <= text.len);
    return chars;
}
