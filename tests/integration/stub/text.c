#include "text.h"

#include <mbedtls/md.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *must_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory) {
        fputs("sqs_stub: out of memory\n", stderr);
        abort();
    }
    return memory;
}

char *must_copy(const char *bytes, size_t length)
{
    char *copy = must_alloc(length + 1);
    memcpy(copy, bytes, length);
    return copy;
}

void text_clear(struct text *text)
{
    text->length = 0;
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

void text_reserve(struct text *text, size_t more)
{
    if (text->capacity - text->length >= more)
        return;
    size_t capacity = text->capacity ? text->capacity * 2 : 256;
    while (capacity < text->length + more)
        capacity *= 2;
    text->bytes = realloc(text->bytes, capacity);
    if (!text->bytes) {
        fputs("sqs_stub: out of memory\n", stderr);
        abort();
    }
    text->capacity = capacity;
}

void text_add(struct text *text, const char *bytes, size_t length)
{
    if (!length)
        return;
    text_reserve(text, length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text_reserve(text, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

const char *text_string(struct text *text)
{
    text_reserve(text, 1);
    text->bytes[text->length] = '\0';
    return text->bytes;
}

char *text_take(struct text *text, size_t *length)
{
    text_string(text);
    char *bytes = text->bytes;
    *length = text->length;
    *text = (struct text){0};
    return bytes;
}

static char short_escape(unsigned char c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

static void escape_one(struct text *text, unsigned char c)
{
    char letter = short_escape(c);
    if (letter)
        text_add(text, (char[]){'\\', letter}, 2);
    else
        text_printf(text, "\\u%04x", c);
}

void text_escape(struct text *text, const char *bytes, size_t length)
{
    size_t plain = 0; /* start of the run that needs no escape: runs are copied at once */
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_add(text, bytes + plain, i - plain);
        escape_one(text, c);
        plain = i + 1;
    }
    text_add(text, bytes + plain, length - plain);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static long hex_unit(const char *digits, size_t left)
{
    long unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = left > i ? hex_digit(digits[i]) : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static void add_utf8(struct text *text, unsigned long point)
{
    char utf8[4];
    size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; point >>= 6)
        utf8[i] = (char)(0x80 | (point & 0x3f));
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    utf8[0] = (char)(lead[length] | point);
    text_add(text, utf8, length);
}

/* Reads the four digits after \u, and a second escape when they are the first half of a pair.
 * Returns the characters used, 0 if the escape is broken. */
static size_t unescape_unicode(struct text *text, const char *at, size_t left)
{
    long unit = hex_unit(at, left);
    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
        return 0;
    if (unit < 0xd800 || unit >= 0xe000) {
        add_utf8(text, (unsigned long)unit);
        return 4;
    }
    long low = left > 6 && at[4] == '\\' && at[5] == 'u' ? hex_unit(at + 6, left - 6) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    add_utf8(text,
             0x10000 + (((unsigned long)unit - 0xd800) << 10) + ((unsigned long)low - 0xdc00));
    return 10;
}

static char unescape_letter(char c)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(letters, c) : NULL;
    return found ? values[found - letters] : 0;
}

bool text_unescape(struct text *text, const char *escaped, size_t length)
{
    for (size_t i = 0; i < length;) {
        const char *slash = memchr(escaped + i, '\\', length - i);
        size_t run = slash ? (size_t)(slash - escaped) - i : length - i;
        text_add(text, escaped + i, run);
        i += run + 1;
        if (!slash || i >= length)
            return !slash;
        size_t used = 0;
        if (escaped[i] == 'u')
            used = unescape_unicode(text, escaped + i + 1, length - i - 1);
        char value = unescape_letter(escaped[i]);
        if (value)
            text_add(text, &value, 1);
        if (!value && !used)
            return false;
        i += 1 + used;
    }
    return true;
}

/* One character of UTF-8 as UTF-16; broken bytes stand for themselves, the client shall see
 * something wrong. */
static size_t hard_one(struct text *out, const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0x80    ? 1
                    : at[0] >= 0xf0 ? 4
                    : at[0] >= 0xe0 ? 3
                    : at[0] >= 0xc2 ? 2
                                    : 1;
    if (length > left)
        length = 1;
    unsigned long point = length == 1 ? at[0] : at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++)
        point = point << 6 | (at[i] & 0x3f);
    if (point < 0x10000)
        text_printf(out, "\\u%04lx", point);
    else
        text_printf(out, "\\u%04lx\\u%04lX", 0xd800 + ((point - 0x10000) >> 10),
                    0xdc00 + ((point - 0x10000) & 0x3ff));
    return length;
}

void text_escape_hard(struct text *text, const char *escaped, size_t length)
{
    struct text plain = {0};
    if (text_unescape(&plain, escaped, length))
        for (size_t i = 0; i < plain.length;)
            i += hard_one(text, (const unsigned char *)plain.bytes + i, plain.length - i);
    text_free(&plain);
}

static mbedtls_md_context_t
    md5; /* kept: setting one up for every body costs more than the digest */
static bool md5_ready;

void md5_hex(const char *bytes, size_t length, char hex[33])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[16];
    if (!md5_ready && mbedtls_md_setup(&md5, mbedtls_md_info_from_type(MBEDTLS_MD_MD5), 0))
        abort();
    md5_ready = true;
    if (mbedtls_md_starts(&md5) || mbedtls_md_update(&md5, (const unsigned char *)bytes, length) ||
        mbedtls_md_finish(&md5, digest))
        abort();
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[32] = '\0';
}

void md5_close(void)
{
    mbedtls_md_free(&md5);
}

uint64_t mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

void uuid_from(uint64_t high, uint64_t low, char uuid[37])
{
    static const char digits[] = "0123456789abcdef";
    high = (high & ~0xf000ULL) | 0x4000; /* version 4, variant 10 */
    low = (low & ~(3ULL << 62)) | 1ULL << 63;
    size_t at = 0;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            uuid[at++] = '-';
        uint64_t half = i < 16 ? high : low;
        uuid[at++] = digits[half >> (60 - 4 * (i % 16)) & 15];
    }
    uuid[at] = '\0';
}

int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
