#include "loginetl/base/http.h"

#include <assert.h>
#include <string.h>

#define LENGTH_NAME "Content-Length: "
#define LINE_END    "\r\n"
#define VERSION     " HTTP/1.1\r\n"
#define DIGITS_MAX  20

/* A line end inside a part would begin a header, or a request, of somebody else's making. */
static bool is_clean(struct le_span part)
{
    bool bad = false;
    for (size_t i = 0; i < part.len; i++)
        bad |= part.ptr[i] == '\r' || part.ptr[i] == '\n' || part.ptr[i] == '\0';
    return !bad;
}

/* Method and target stand between blanks, a name before its colon. */
static bool is_word(struct le_span part, char delimiter)
{
    return part.len > 0 && is_clean(part) && memchr(part.ptr, delimiter, part.len) == NULL;
}

static bool headers_are_clean(const struct le_http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_word(headers[i].name, ':') || memchr(headers[i].name.ptr, ' ', headers[i].name.len))
            return false;
        if (!is_clean(headers[i].value))
            return false;
    }
    return true;
}

static size_t head_size_max(struct le_span method, struct le_span target,
                            const struct le_http_header *headers, size_t count)
{
    size_t size = method.len + 1 + target.len + sizeof VERSION + sizeof LENGTH_NAME + DIGITS_MAX +
                  2 * sizeof LINE_END;
    for (size_t i = 0; i < count; i++)
        size += headers[i].name.len + 2 + headers[i].value.len + 2;
    return size;
}

static char *put(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static char *put_span(char *at, struct le_span span)
{
    return span.len > 0 ? put(at, span.ptr, span.len) : at;
}

static char *put_length(char *at, size_t length)
{
    char digits[DIGITS_MAX];
    size_t first = DIGITS_MAX;
    do {
        assert(first > 0);
        digits[--first] = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
    at = put(at, LENGTH_NAME, sizeof LENGTH_NAME - 1);
    at = put(at, digits + first, DIGITS_MAX - first);
    return put(at, LINE_END, sizeof LINE_END - 1);
}

static char *put_headers(char *at, const struct le_http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at = put_span(at, headers[i].name);
        at = put(at, ": ", 2);
        at = put_span(at, headers[i].value);
        at = put(at, LINE_END, sizeof LINE_END - 1);
    }
    return at;
}

enum le_err le_http_write_head(struct le_buf *out, struct le_span method, struct le_span target,
                               const struct le_http_header *headers, size_t count, size_t body_len)
{
    assert(out != NULL && (headers != NULL || count == 0));
    if (!is_word(method, ' ') || !is_word(target, ' ') || !headers_are_clean(headers, count))
        return LE_ERR_SYNTAX;
    size_t size = head_size_max(method, target, headers, count);
    enum le_err err = le_buf_reserve(out, size);
    if (err != LE_OK)
        return err;
    char *start = out->data + out->len;
    char *at = put_span(start, method);
    *at++ = ' ';
    at = put_span(at, target);
    at = put(at, VERSION, sizeof VERSION - 1);
    at = put_headers(at, headers, count);
    if (body_len > 0 || le_span_is(method, "POST") || le_span_is(method, "PUT"))
        at = put_length(at, body_len);
    at = put(at, LINE_END, sizeof LINE_END - 1);
    assert((size_t)(at - start) <= size);
    out->len += (size_t)(at - start);
    return LE_OK;
}
