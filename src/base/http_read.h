/* What the files of the answer reader share. */
#ifndef LE_BASE_HTTP_READ_H
#define LE_BASE_HTTP_READ_H

#include "loginetl/base/http.h"

/* How the head says that the body is delimited, and what becomes of the connection. */
struct le_http_framing {
    int minor; /* HTTP/1.minor */
    bool has_length;
    uint64_t length;
    bool chunked;
    bool says_close;
    bool says_keep_alive;
};

/* Lengths above it are an attack or an accident: their arithmetic would overflow somewhere. */
#define LE_HTTP_LENGTH_MAX ((uint64_t)INT64_MAX)

/* Reads reader->head, which ends with its empty line, into status, headers and framing. */
LE_MUST enum le_err le_http_parse_head(struct le_http_reader *reader,
                                       struct le_http_framing *framing);

/* tchar of RFC 9110: what names are made of. */
bool le_http_is_tchar(unsigned char byte);
/* What a field value or a chunk extension may hold: no control character but the tab. */
bool le_http_is_text(unsigned char byte);

/* The chunked coding, in reader->chunk_state, remaining and line_len. */
void le_http_chunked_begin(struct le_http_reader *reader);
/* *took is at least 1 unless it fails; *ended when the trailers' empty line has been read. */
LE_MUST enum le_err le_http_chunked_feed(struct le_http_reader *reader, const char *bytes,
                                         size_t len, size_t *took, bool *ended);

#endif
