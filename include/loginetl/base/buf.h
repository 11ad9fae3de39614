/* A growing buffer that gets its maximum when it is made. */
#ifndef LE_BASE_BUF_H
#define LE_BASE_BUF_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct le_buf {
    char *data; /* moves when the buffer grows: keep offsets, not pointers, across an append */
    size_t len;
    size_t cap;
    size_t max; /* appending past it answers LE_ERR_TOO_LARGE and changes nothing */
};

/* No memory is taken before the first append. */
void le_buf_init(struct le_buf *buf, size_t max);
void le_buf_free(struct le_buf *buf);
/* Overwrites before freeing. Reserve the whole at once: growing leaves copies behind. */
void le_buf_free_secret(struct le_buf *buf);
/* Forgets the content, keeps the memory. */
void le_buf_clear(struct le_buf *buf);
/* Forgets the content and gives memory above keep bytes back: after an unusually large answer. */
void le_buf_shrink(struct le_buf *buf, size_t keep);
/* Room for extra more bytes behind len. LE_ERR_TOO_LARGE or LE_ERR_NOMEM. */
LE_MUST enum le_err le_buf_reserve(struct le_buf *buf, size_t extra);
/* The bytes must not lie in the buffer itself: it may move. */
LE_MUST enum le_err le_buf_append(struct le_buf *buf, const void *bytes, size_t len);
LE_MUST enum le_err le_buf_append_span(struct le_buf *buf, struct le_span span);
LE_MUST enum le_err le_buf_append_text(struct le_buf *buf, const char *text);
LE_MUST enum le_err le_buf_append_u64(struct le_buf *buf, uint64_t value); /* decimal */
LE_MUST enum le_err le_buf_printf(struct le_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops count bytes from the front (count <= len). */
void le_buf_consume(struct le_buf *buf, size_t count);

static inline struct le_span le_buf_span(const struct le_buf *buf)
{
    return (struct le_span){buf->data, buf->len};
}

#endif
