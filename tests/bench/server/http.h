/* One HTTP/1.1 request as it comes in, in a buffer of its connection's. Pure. */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include "loginetl/base/buf.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX 16384
#define HTTP_BODY_MAX (2 * 1024 * 1024)
#define HTTP_IN_MAX   (HTTP_HEAD_MAX + HTTP_BODY_MAX + 65536) /* chunks have heads of their own */

enum http_progress { HTTP_MORE, HTTP_READY, HTTP_BAD };

struct http_request {
    size_t head_len; /* 0 until all of the head is there */
    bool chunked, expects_continue, closes;
    size_t body_len;  /* so far, when it is chunked */
    size_t chunk_at;  /* where the next chunk, or what is left of one, starts */
    size_t chunk_len; /* what is left of it */
    bool in_chunk;
    size_t total; /* when it is ready: bytes of the buffer that are its */

    /* Into the buffer, as offsets, for it moves. */
    size_t method_len, target_at, target_len;
    size_t operation_at, operation_len; /* X-Amz-Target */
    size_t host_at, host_len;
};

/* Looks at what has come since the last time; zeroed before the first. A chunked body is put
 * together in place. */
enum http_progress http_parse(struct http_request *request, struct le_buf *in);

/* Valid when it is ready, until the buffer changes. */
char *http_body(const struct http_request *request, struct le_buf *in);
struct le_span http_method(const struct http_request *request, const struct le_buf *in);
struct le_span http_target(const struct http_request *request, const struct le_buf *in);
struct le_span http_operation(const struct http_request *request, const struct le_buf *in);
struct le_span http_host(const struct http_request *request, const struct le_buf *in);

#endif
