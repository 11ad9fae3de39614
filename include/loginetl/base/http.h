/* HTTP/1.1 as bytes (RFC 9112): a request writer and an answer reader, without sockets. */
#ifndef LE_BASE_HTTP_H
#define LE_BASE_HTTP_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct le_http_header {
    struct le_span name;
    struct le_span value;
};

/* Appends request line, headers and the empty line. Content-Length is written when body_len > 0 or
 * the method is POST or PUT. LE_ERR_SYNTAX: CR, LF or NUL in any part. */
LE_MUST enum le_err le_http_write_head(struct le_buf *out, struct le_span method,
                                       struct le_span target, const struct le_http_header *headers,
                                       size_t count, size_t body_len);

#define LE_HTTP_HEAD_MAX    (32 * 1024) /* status line and headers together, and trailers */
#define LE_HTTP_HEADERS_MAX 64
#define LE_HTTP_INTERIM_MAX 8 /* 1xx answers before the final one */

enum le_http_state {
    LE_HTTP_HEAD,
    LE_HTTP_BODY_LENGTH,
    LE_HTTP_BODY_CHUNKED,
    LE_HTTP_BODY_UNTIL_CLOSE,
    LE_HTTP_DONE,
    LE_HTTP_FAILED
};

struct le_http_reader {
    enum le_http_state state; /* changed by one setter */
    int status;               /* of the final answer; 0 before it is read */
    bool keep_alive;          /* valid when done: may the connection carry another request? */
    bool started;             /* at least one byte of an answer has come */
    struct le_buf head;       /* the final answer's head; header spans point into it */
    struct le_http_header headers[LE_HTTP_HEADERS_MAX];
    size_t header_count;
    struct le_buf
        *body; /* where the decoded body goes; the caller's; its maximum is the body's limit */
    uint64_t remaining; /* of the body or of the chunk */
    unsigned chunk_state;
    unsigned interim;
    bool no_body; /* answer to HEAD */
    size_t line_len;
};

/* One reader serves many answers in turn; its head buffer is kept between them. */
void le_http_reader_init(struct le_http_reader *reader);
void le_http_reader_free(struct le_http_reader *reader);
/* Makes ready for the next answer. body is appended to, not cleared, and must outlive the answer.
 */
void le_http_reader_begin(struct le_http_reader *reader, struct le_buf *body);
/* Takes bytes; *used tells how many belonged to this answer (all of them unless it is done: what is
 * left over is the peer's fault, the connection is not to be kept). LE_ERR_PROTOCOL: malformed
 * (bare CR, both lengths at once, bad or huge length, unknown transfer coding, obsolete folding,
 * too many interim answers). LE_ERR_TOO_LARGE: head or body over its limit. LE_ERR_NOMEM. After an
 * error the connection is to be closed. */
LE_MUST enum le_err le_http_reader_feed(struct le_http_reader *reader, const char *bytes,
                                        size_t len, size_t *used);
/* The peer closed. LE_OK when that ends the body properly, LE_ERR_CLOSED when the answer is cut. */
LE_MUST enum le_err le_http_reader_eof(struct le_http_reader *reader);
bool le_http_reader_done(const struct le_http_reader *reader);
/* First header of that name (any case), trimmed; LE_SPAN_NONE when there is none. Valid until the
 * next begin. */
struct le_span le_http_reader_header(const struct le_http_reader *reader, const char *name);

#endif
