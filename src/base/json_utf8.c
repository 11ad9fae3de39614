/* UTF-8 as RFC 3629 has it. Bodies are nearly always ASCII, which is seen sixteen bytes at a time.
 */
#include "loginetl/base/json.h"
#include "loginetl/base/json_scan.h"

#include <assert.h>
#include <stdint.h>

/* An operation on one is done on each of its bytes; processors without such registers get a loop of
 * words from the compiler. */
typedef unsigned char block __attribute__((vector_size(16)));

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

/* What any of the bytes is, at its place in a block. */
struct seen {
    block all, controls, backslashes;
};

static inline void see(struct seen *seen, const char *at)
{
    block bytes;
    memcpy(&bytes, at, sizeof bytes);
    seen->all |= bytes;
    seen->controls |= (block)(bytes < 0x20);
    seen->backslashes |= (block)(bytes == '\\');
}

static struct seen see_all(struct le_span text)
{
    struct seen seen = {{0}, {0}, {0}};
    if (text.len < sizeof(block)) {
        char filled[sizeof(block)];
        memset(filled, ' ', sizeof filled);
        if (text.len > 0)
            memcpy(filled, text.ptr, text.len);
        see(&seen, filled);
        return seen;
    }
    const char *last = text.ptr + text.len - sizeof(block);
    for (const char *at = text.ptr; at < last; at += sizeof(block))
        see(&seen, at);
    see(&seen, last); /* some of it again */
    return seen;
}

static bool any(block bytes, uint64_t bits)
{
    uint64_t words[2];
    _Static_assert(sizeof words == sizeof bytes, "two words are a block");
    memcpy(words, &bytes, sizeof words);
    return ((words[0] | words[1]) & bits) != 0;
}

static bool sequences_are_valid(struct le_span text)
{
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= sizeof(uint64_t) &&
            (le_scan_load(text.ptr + at) & LE_SCAN_HIGHS) == 0) {
            at += sizeof(uint64_t);
            continue;
        }
        size_t len = le_utf8_sequence(text.ptr + at, text.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    assert(at == text.len);
    return true;
}

bool le_utf8_scan(struct le_span text, struct le_text_marks *marks)
{
    assert(text.ptr != NULL || text.len == 0);
    assert(marks != NULL);
    struct seen seen = see_all(text);
    marks->controls = any(seen.controls, UINT64_MAX);
    marks->backslashes = any(seen.backslashes, UINT64_MAX);
    return !any(seen.all, LE_SCAN_HIGHS) || sequences_are_valid(text);
}

bool le_utf8_valid(struct le_span text)
{
    struct le_text_marks marks;
    return le_utf8_scan(text, &marks);
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
