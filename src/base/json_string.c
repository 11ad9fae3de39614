/* JSON strings: what their escapes stand for, and how a text is written as one. */
#include "loginetl/base/buf.h"
#include "loginetl/base/hex.h"
#include "loginetl/base/json.h"

#include <assert.h>
#include <stdint.h>

#define HIGH_FIRST UINT32_C(0xD800)
#define LOW_FIRST  UINT32_C(0xDC00)
#define LOW_LAST   UINT32_C(0xDFFF)

static bool is_high(uint32_t code)
{
    return code >= HIGH_FIRST && code < LOW_FIRST;
}

static bool is_low(uint32_t code)
{
    return code >= LOW_FIRST && code <= LOW_LAST;
}

/* Reads a \uXXXX at *in. */
static bool read_unit(const char **in, const char *end, uint32_t *unit)
{
    const char *at = *in;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return false;
    uint8_t bytes[2];
    if (!le_unhex((struct le_span){at + 2, 4}, bytes))
        return false;
    *unit = (uint32_t)bytes[0] << 8 | bytes[1];
    *in = at + 6;
    return true;
}

static enum le_err read_code_point(const char **in, const char *end, uint32_t *code)
{
    uint32_t low;
    if (!read_unit(in, end, code))
        return LE_ERR_SYNTAX;
    if (*code == 0 || is_low(*code))
        return LE_ERR_RANGE;
    if (!is_high(*code))
        return LE_OK;
    if (!read_unit(in, end, &low) || !is_low(low))
        return LE_ERR_RANGE;
    *code = 0x10000 + ((*code - HIGH_FIRST) << 10) + (low - LOW_FIRST);
    return LE_OK;
}

static enum le_err read_escape(const char **in, const char *end, uint32_t *code)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    assert(*in < end && **in == '\\');
    if (end - *in < 2)
        return LE_ERR_SYNTAX;
    char name = (*in)[1];
    if (name == 'u')
        return read_code_point(in, end, code);
    const char *found = memchr(names, name, sizeof names - 1);
    if (found == NULL)
        return LE_ERR_SYNTAX;
    *code = (unsigned char)values[found - names];
    *in += 2;
    return LE_OK;
}

/* Never more bytes than the escape had: at most 3 for \uXXXX, 4 for a pair of them. */
static char *write_utf8(char *out, uint32_t code)
{
    assert(code <= 0x10FFFF && !is_high(code) && !is_low(code));
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (code & 0x3F));
    return out;
}

enum le_err le_json_unescape(char *text, size_t *len)
{
    assert(len != NULL && (text != NULL || *len == 0));
    char *out = *len > 0 ? memchr(text, '\\', *len) : NULL;
    if (out == NULL)
        return LE_OK;
    const char *in = out;
    const char *end = text + *len;
    while (in < end) {
        uint32_t code;
        enum le_err err = read_escape(&in, end, &code);
        if (err != LE_OK)
            return err;
        out = write_utf8(out, code);
        assert(out <= in);
        const char *next = memchr(in, '\\', (size_t)(end - in));
        size_t plain = (size_t)((next != NULL ? next : end) - in);
        memmove(out, in, plain);
        out += plain;
        in += plain;
    }
    assert(out <= end);
    *len = (size_t)(out - text);
    return LE_OK;
}

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* How many bytes from the front may stand in a JSON string as they are. */
static size_t plain_prefix(struct le_span text)
{
    size_t at = 0;
    while (at < text.len && !needs_escape((unsigned char)text.ptr[at])) {
        size_t len = le_utf8_sequence(text.ptr + at, text.len - at);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

/* A surrogate's code point in the form of UTF-8: what le_reader_string makes of a lone one. */
static bool is_encoded_surrogate(struct le_span text)
{
    const unsigned char *byte = (const unsigned char *)text.ptr;
    return text.len >= 3 && byte[0] == 0xED && (byte[1] & 0xE0) == 0xA0 && (byte[2] & 0xC0) == 0x80;
}

static enum le_err append_unit(struct le_buf *out, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[] = {
        '\\',           'u', hex[unit >> 12 & 0xF], hex[unit >> 8 & 0xF], hex[unit >> 4 & 0xF],
        hex[unit & 0xF]};
    assert(unit <= 0xFFFF);
    return le_buf_append(out, text, sizeof text);
}

static enum le_err append_control(struct le_buf *out, char byte)
{
    static const char values[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *found = memchr(values, byte, sizeof values - 1);
    if (found == NULL)
        return append_unit(out, (unsigned char)byte);
    char text[] = {'\\', names[found - values]};
    return le_buf_append(out, text, sizeof text);
}

/* Appends what stands at the front of text, which is not plain, and tells how many bytes that was.
 */
static enum le_err append_special(struct le_buf *out, struct le_span text, size_t *used)
{
    const unsigned char *byte = (const unsigned char *)text.ptr;
    *used = 1;
    if (needs_escape(byte[0]))
        return append_control(out, text.ptr[0]);
    if (!is_encoded_surrogate(text))
        return le_buf_append_text(out, "\xEF\xBF\xBD");
    *used = 3;
    return append_unit(out, 0xD000 | (byte[1] & 0x3Fu) << 6 | (byte[2] & 0x3Fu));
}

static enum le_err append_content(struct le_buf *out, struct le_span text)
{
    while (text.len > 0) {
        size_t used = plain_prefix(text);
        enum le_err err =
            used > 0 ? le_buf_append(out, text.ptr, used) : append_special(out, text, &used);
        if (err != LE_OK)
            return err;
        assert(used > 0 && used <= text.len);
        text.ptr += used;
        text.len -= used;
    }
    return LE_OK;
}

/* No quote, backslash or control character, and nothing from 0x80 on. No way out of the loop and
 * nothing wider than a byte in it: so compilers look at sixteen bytes at once, four times as fast.
 */
static bool is_plain_ascii(struct le_span text)
{
    unsigned char bad = 0;
    for (size_t i = 0; i < text.len; i++) {
        signed char c = (signed char)text.ptr[i]; /* from 0x80 on it is below 0 */
        bad |= (unsigned char)((c < 0x20) | (c == '"') | (c == '\\'));
    }
    return bad == 0;
}

/* As they stand: handles, URLs, and nearly all else that is written. */
static enum le_err append_quoted(struct le_buf *out, struct le_span text)
{
    enum le_err err = le_buf_reserve(out, text.len + 2);
    if (err != LE_OK)
        return err;
    char *at = out->data + out->len;
    at[0] = at[text.len + 1] = '"';
    memcpy(at + 1, text.ptr, text.len);
    out->len += text.len + 2;
    return LE_OK;
}

enum le_err le_json_append_string(struct le_buf *out, struct le_span text)
{
    assert(out != NULL && (text.ptr != NULL || text.len == 0));
    if (text.len > 0 && is_plain_ascii(text))
        return append_quoted(out, text);
    size_t start = out->len;
    enum le_err err = le_buf_append_text(out, "\"");
    if (err == LE_OK)
        err = append_content(out, text);
    if (err == LE_OK)
        err = le_buf_append_text(out, "\"");
    if (err != LE_OK)
        out->len = start; /* half a string is worse than none */
    return err;
}
