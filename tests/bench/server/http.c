#include "http.h"

#include <string.h>
#include <strings.h>

/* --- the head --- */

static bool name_is(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

/* 16 for what is no digit. */
static unsigned digit_of(unsigned char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - (unsigned)'0';
    letter |= 32;
    return letter >= 'a' && letter <= 'f' ? letter - (unsigned)'a' + 10 : 16;
}

/* What is written in digits of that base and fits; false: anything else. */
static bool read_number(const char *text, size_t len, unsigned base, size_t *number)
{
    *number = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = digit_of((unsigned char)text[i]);
        if (digit >= base || *number > HTTP_BODY_MAX)
            return false;
        *number = *number * base + digit;
    }
    return len > 0 && *number <= HTTP_BODY_MAX;
}

static bool take_header(struct http_request *request, const char *start, const char *line,
                        size_t name_len, struct le_span value)
{
    if (name_is(line, name_len, "content-length"))
        return read_number(value.ptr, value.len, 10, &request->body_len);
    if (name_is(line, name_len, "x-amz-target")) {
        request->operation_at = (size_t)(value.ptr - start);
        request->operation_len = value.len;
    } else if (name_is(line, name_len, "host")) {
        request->host_at = (size_t)(value.ptr - start);
        request->host_len = value.len;
    } else if (name_is(line, name_len, "transfer-encoding")) {
        request->chunked = name_is(value.ptr, value.len, "chunked");
        return request->chunked;
    } else if (name_is(line, name_len, "expect")) {
        request->expects_continue = name_is(value.ptr, value.len, "100-continue");
    } else if (name_is(line, name_len, "connection")) {
        request->closes = name_is(value.ptr, value.len, "close");
    }
    return true;
}

static struct le_span trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct le_span){from, (size_t)(to - from)};
}

/* "POST /path HTTP/1.1" */
static bool take_request_line(struct http_request *request, const char *start, const char *end)
{
    const char *space = memchr(start, ' ', (size_t)(end - start));
    const char *target = space != NULL ? space + 1 : end;
    const char *after = memchr(target, ' ', (size_t)(end - target));
    if (after == NULL || end - after != 9 || memcmp(after, " HTTP/1.", 8) != 0)
        return false;
    request->method_len = (size_t)(space - start);
    request->target_at = (size_t)(target - start);
    request->target_len = (size_t)(after - target);
    request->closes = end[-1] == '0';
    return true;
}

static bool take_head(struct http_request *request, const char *start, size_t len)
{
    const char *stop = start + len - 2; /* before the empty line */
    const char *end = memchr(start, '\r', len);
    if (end[1] != '\n' || !take_request_line(request, start, end))
        return false;
    for (const char *line = end + 2; line < stop; line = end + 2) {
        end = memchr(line, '\r', (size_t)(start + len - line));
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (end[1] != '\n' || colon == NULL)
            return false;
        if (!take_header(request, start, line, (size_t)(colon - line), trimmed(colon + 1, end)))
            return false;
    }
    return true;
}

/* With the empty line; 0: it is not whole. From line to line, for memmem goes from byte to byte. */
static size_t head_len(const struct le_buf *in)
{
    const char *stop = in->data + in->len, *at = in->data;
    while ((at = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
        at++;
        if (stop - at >= 2 && at[0] == '\r' && at[1] == '\n')
            return (size_t)(at + 2 - in->data);
    }
    return 0;
}

static enum http_progress find_head(struct http_request *request, struct le_buf *in)
{
    size_t len = head_len(in);
    if (len == 0)
        return in->len < HTTP_HEAD_MAX ? HTTP_MORE : HTTP_BAD;
    if (len > HTTP_HEAD_MAX || !take_head(request, in->data, len))
        return HTTP_BAD;
    request->head_len = request->chunk_at = len;
    if (request->chunked)
        request->body_len = 0;
    return HTTP_READY;
}

/* --- a chunked body, moved together behind the head --- */

static void take_bytes(struct http_request *request, struct le_buf *in)
{
    size_t here = in->len - request->chunk_at;
    size_t len = here < request->chunk_len ? here : request->chunk_len;
    memmove(in->data + request->head_len + request->body_len, in->data + request->chunk_at, len);
    request->body_len += len;
    request->chunk_at += len;
    request->chunk_len -= len;
}

/* The line end behind a chunk and the size of the next. READY: that was the last. */
static enum http_progress take_chunk_head(struct http_request *request, struct le_buf *in)
{
    const char *line = in->data + request->chunk_at;
    const char *end = in->data + in->len;
    if (request->in_chunk) {
        if (end - line < 2)
            return HTTP_MORE;
        if (memcmp(line, "\r\n", 2) != 0)
            return HTTP_BAD;
        line += 2;
    }
    const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
    if (line_end == NULL)
        return end - line < 64 ? HTTP_MORE : HTTP_BAD;
    const char *extension = memchr(line, ';', (size_t)(line_end - line));
    size_t digits = (size_t)((extension != NULL ? extension : line_end) - line);
    if (!read_number(line, digits, 16, &request->chunk_len) ||
        request->body_len + request->chunk_len > HTTP_BODY_MAX)
        return HTTP_BAD;
    if (request->chunk_len == 0) { /* what may follow are trailers */
        const char *last = memmem(line_end, (size_t)(end - line_end), "\r\n\r\n", 4);
        if (last == NULL)
            return end - line_end < HTTP_HEAD_MAX ? HTTP_MORE : HTTP_BAD;
        request->total = (size_t)(last - in->data) + 4;
        return HTTP_READY;
    }
    request->in_chunk = true;
    request->chunk_at = (size_t)(line_end - in->data) + 2;
    return HTTP_READY;
}

static enum http_progress take_chunks(struct http_request *request, struct le_buf *in)
{
    for (;;) {
        if (request->chunk_len > 0) {
            take_bytes(request, in);
            if (request->chunk_len > 0)
                return HTTP_MORE;
        }
        enum http_progress progress = take_chunk_head(request, in);
        if (progress != HTTP_READY || request->total > 0)
            return progress;
    }
}

/* --- */

enum http_progress http_parse(struct http_request *request, struct le_buf *in)
{
    if (request->head_len == 0) {
        enum http_progress progress = find_head(request, in);
        if (progress != HTTP_READY)
            return progress;
    }
    if (request->chunked)
        return take_chunks(request, in);
    request->total = request->head_len + request->body_len;
    return in->len >= request->total ? HTTP_READY : HTTP_MORE;
}

char *http_body(const struct http_request *request, struct le_buf *in)
{
    return in->data + request->head_len;
}

struct le_span http_method(const struct http_request *request, const struct le_buf *in)
{
    return (struct le_span){in->data, request->method_len};
}

struct le_span http_target(const struct http_request *request, const struct le_buf *in)
{
    return (struct le_span){in->data + request->target_at, request->target_len};
}

struct le_span http_operation(const struct http_request *request, const struct le_buf *in)
{
    return (struct le_span){in->data + request->operation_at, request->operation_len};
}

struct le_span http_host(const struct http_request *request, const struct le_buf *in)
{
    return (struct le_span){in->data + request->host_at, request->host_len};
}
