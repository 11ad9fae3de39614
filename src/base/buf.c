#include "loginetl/base/buf.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CAP_MIN    64
#define U64_DIGITS 20

static bool holds(const struct le_buf *buf)
{
    return buf->len <= buf->cap && buf->cap <= buf->max && (buf->data != NULL || buf->cap == 0);
}

void le_buf_init(struct le_buf *buf, size_t max)
{
    assert(max < SIZE_MAX / 2);
    *buf = (struct le_buf){.max = max};
}

void le_buf_free(struct le_buf *buf)
{
    assert(holds(buf));
    le_free(buf->data);
    le_buf_init(buf, buf->max);
}

void le_buf_free_secret(struct le_buf *buf)
{
    if (buf->data != NULL)
        le_wipe(buf->data, buf->cap);
    le_buf_free(buf);
}

void le_buf_clear(struct le_buf *buf)
{
    assert(holds(buf));
    buf->len = 0;
}

/* Every block has one byte more than cap, so that vsnprintf has a place for its NUL when the text
 * fills cap exactly. */
static bool resize(struct le_buf *buf, size_t cap)
{
    assert(cap >= buf->len && cap <= buf->max);
    char *data = le_realloc(buf->data, cap + 1);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

void le_buf_shrink(struct le_buf *buf, size_t keep)
{
    le_buf_clear(buf);
    if (buf->cap <= keep)
        return;
    if (keep == 0) {
        le_buf_free(buf);
        return;
    }
    /* A system that cannot even make a block smaller leaves us the larger one, which is as good. */
    (void)resize(buf, keep);
}

enum le_err le_buf_reserve(struct le_buf *buf, size_t extra)
{
    assert(holds(buf));
    if (extra > buf->max - buf->len)
        return LE_ERR_TOO_LARGE;
    size_t need = buf->len + extra;
    if (need <= buf->cap && buf->data != NULL)
        return LE_OK;
    size_t cap = buf->cap * 2 > CAP_MIN ? buf->cap * 2 : CAP_MIN;
    if (cap < need)
        cap = need;
    if (cap > buf->max)
        cap = buf->max;
    return resize(buf, cap) ? LE_OK : LE_ERR_NOMEM;
}

enum le_err le_buf_append(struct le_buf *buf, const void *bytes, size_t len)
{
    assert(bytes != NULL || len == 0);
    if (len == 0)
        return LE_OK;
    enum le_err err = le_buf_reserve(buf, len);
    if (err != LE_OK)
        return err;
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    return LE_OK;
}

enum le_err le_buf_append_span(struct le_buf *buf, struct le_span span)
{
    return le_buf_append(buf, span.ptr, span.len);
}

enum le_err le_buf_append_text(struct le_buf *buf, const char *text)
{
    assert(text != NULL);
    return le_buf_append(buf, text, strlen(text));
}

enum le_err le_buf_append_u64(struct le_buf *buf, uint64_t value)
{
    char digits[U64_DIGITS];
    size_t at = U64_DIGITS;
    do {
        assert(at > 0);
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return le_buf_append(buf, digits + at, U64_DIGITS - at);
}

__attribute__((format(printf, 2, 0))) static int print_at_end(struct le_buf *buf,
                                                              const char *format, va_list args)
{
    va_list copy;
    va_copy(copy, args);
    size_t room = buf->data != NULL ? buf->cap - buf->len + 1 : 0;
    char *end = buf->data != NULL ? buf->data + buf->len : NULL;
    int count = vsnprintf(end, room, format, copy);
    va_end(copy);
    return count;
}

__attribute__((format(printf, 2, 0))) static enum le_err vprint(struct le_buf *buf,
                                                                const char *format, va_list args)
{
    int count = print_at_end(buf, format, args);
    if (count < 0)
        return LE_ERR_SYNTAX; /* only an encoding error can do this, and our formats have no wide
                                 characters */
    size_t need = (size_t)count;
    if (buf->data == NULL || need > buf->cap - buf->len) {
        enum le_err err = le_buf_reserve(buf, need);
        if (err != LE_OK)
            return err;
        count = print_at_end(buf, format, args);
        assert(count >= 0 && (size_t)count == need);
    }
    buf->len += need;
    return LE_OK;
}

enum le_err le_buf_printf(struct le_buf *buf, const char *format, ...)
{
    assert(holds(buf));
    va_list args;
    va_start(args, format);
    enum le_err err = vprint(buf, format, args);
    va_end(args);
    return err;
}

void le_buf_consume(struct le_buf *buf, size_t count)
{
    assert(holds(buf));
    assert(count <= buf->len);
    if (count > 0 && count < buf->len)
        memmove(buf->data, buf->data + count, buf->len - count);
    buf->len -= count;
}
