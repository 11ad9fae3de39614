#include "http_read.h"

#include <assert.h>
#include <string.h>

/* A length that is only promised does not get more memory than this ahead of its bytes. */
#define RESERVE_MAX ((uint64_t)(256 * 1024))

#define SWITCHING_PROTOCOLS 101

static void set_state(struct le_http_reader *reader, enum le_http_state state)
{
    assert(reader->state != LE_HTTP_DONE && reader->state != LE_HTTP_FAILED);
    assert(state != LE_HTTP_HEAD);
    reader->state = state;
}

void le_http_reader_init(struct le_http_reader *reader)
{
    memset(reader, 0, sizeof *reader);
    le_buf_init(&reader->head, LE_HTTP_HEAD_MAX);
}

void le_http_reader_free(struct le_http_reader *reader)
{
    le_buf_free(&reader->head);
    reader->header_count = 0;
    reader->body = NULL;
}

void le_http_reader_begin(struct le_http_reader *reader, struct le_buf *body)
{
    assert(reader->head.max == LE_HTTP_HEAD_MAX && body != NULL);
    le_buf_clear(&reader->head);
    reader->state = LE_HTTP_HEAD;
    reader->status = 0;
    reader->keep_alive = false;
    reader->started = false;
    reader->header_count = 0;
    reader->body = body;
    reader->remaining = 0;
    reader->chunk_state = 0;
    reader->interim = 0;
    reader->no_body = false;
    reader->line_len = 0;
}

/* What speaks another protocol (TLS, HTTP/2, a greeting) is known by its first bytes; waiting for
 * the end of a line that never comes would turn that into a timeout. */
static bool prefix_fits(const struct le_http_reader *reader, const char *bytes, size_t len)
{
    static const char prefix[] = "HTTP/1.";
    for (size_t i = reader->head.len; i < sizeof prefix - 1 && i - reader->head.len < len; i++) {
        if (bytes[i - reader->head.len] != prefix[i])
            return false;
    }
    return true;
}

/* The line that ends at end (behind its LF) of bytes, of which line_len bytes have come. */
static bool line_is_empty(const struct le_http_reader *reader, const char *bytes, size_t end)
{
    assert(end > 0 && bytes[end - 1] == '\n');
    if (reader->line_len != 2)
        return reader->line_len == 1;
    char before = end >= 2 ? bytes[end - 2] : reader->head.data[reader->head.len - 1];
    return before == '\r';
}

/* How many of bytes belong to the head; *complete when its empty line is among them. */
static size_t head_part(struct le_http_reader *reader, const char *bytes, size_t len,
                        bool *complete)
{
    size_t at = 0;
    *complete = false;
    while (at < len && !*complete) {
        const char *newline = memchr(bytes + at, '\n', len - at);
        size_t end = newline != NULL ? (size_t)(newline - bytes) + 1 : len;
        reader->line_len += end - at;
        at = end;
        if (newline != NULL) {
            *complete = line_is_empty(reader, bytes, end);
            reader->line_len = 0;
        }
    }
    return at;
}

static enum le_err begin_length(struct le_http_reader *reader, uint64_t length)
{
    if (length == 0) {
        set_state(reader, LE_HTTP_DONE);
        return LE_OK;
    }
    if (length > reader->body->max - reader->body->len)
        return LE_ERR_TOO_LARGE;
    reader->remaining = length;
    set_state(reader, LE_HTTP_BODY_LENGTH);
    return le_buf_reserve(reader->body, (size_t)(length < RESERVE_MAX ? length : RESERVE_MAX));
}

/* RFC 9112, 6.3: how long the body is, in the order of its rules. */
static enum le_err begin_body(struct le_http_reader *reader, const struct le_http_framing *framing)
{
    if (reader->no_body || reader->status == 204 || reader->status == 304) {
        set_state(reader, LE_HTTP_DONE);
        return LE_OK;
    }
    if (framing->chunked) {
        le_http_chunked_begin(reader);
        set_state(reader, LE_HTTP_BODY_CHUNKED);
        return LE_OK;
    }
    if (framing->has_length)
        return begin_length(reader, framing->length);
    reader->keep_alive = false;
    set_state(reader, LE_HTTP_BODY_UNTIL_CLOSE);
    return LE_OK;
}

static enum le_err skip_interim(struct le_http_reader *reader)
{
    /* We never ask for another protocol, so nobody may switch to one. */
    bool switches = reader->status == SWITCHING_PROTOCOLS;
    reader->status = 0;
    if (switches || reader->interim == LE_HTTP_INTERIM_MAX)
        return LE_ERR_PROTOCOL;
    reader->interim++;
    reader->header_count = 0;
    le_buf_clear(&reader->head);
    return LE_OK;
}

static enum le_err end_head(struct le_http_reader *reader)
{
    struct le_http_framing framing;
    enum le_err err = le_http_parse_head(reader, &framing);
    if (err != LE_OK)
        return err;
    assert(reader->status >= 100 && reader->status <= 999);
    if (reader->status < 200)
        return skip_interim(reader);
    /* A chunked answer of HTTP/1.0 is decoded, but RFC 9112, 6.1 calls its framing faulty. */
    reader->keep_alive =
        !framing.says_close && (framing.minor > 0 || (framing.says_keep_alive && !framing.chunked));
    return begin_body(reader, &framing);
}

static enum le_err feed_head(struct le_http_reader *reader, const char *bytes, size_t len,
                             size_t *took)
{
    bool complete;
    size_t part = head_part(reader, bytes, len, &complete);
    if (!prefix_fits(reader, bytes, part))
        return LE_ERR_PROTOCOL;
    enum le_err err = le_buf_append(&reader->head, bytes, part);
    if (err != LE_OK)
        return err;
    *took = part;
    return complete ? end_head(reader) : LE_OK;
}

static enum le_err feed_length(struct le_http_reader *reader, const char *bytes, size_t len,
                               size_t *took)
{
    assert(reader->remaining > 0);
    size_t part = reader->remaining < len ? (size_t)reader->remaining : len;
    enum le_err err = le_buf_append(reader->body, bytes, part);
    if (err != LE_OK)
        return err;
    *took = part;
    reader->remaining -= part;
    if (reader->remaining == 0)
        set_state(reader, LE_HTTP_DONE);
    return LE_OK;
}

static enum le_err feed_chunked(struct le_http_reader *reader, const char *bytes, size_t len,
                                size_t *took)
{
    bool ended = false;
    enum le_err err = le_http_chunked_feed(reader, bytes, len, took, &ended);
    if (err == LE_OK && ended)
        set_state(reader, LE_HTTP_DONE);
    return err;
}

static enum le_err feed_some(struct le_http_reader *reader, const char *bytes, size_t len,
                             size_t *took)
{
    switch (reader->state) {
    case LE_HTTP_HEAD: return feed_head(reader, bytes, len, took);
    case LE_HTTP_BODY_LENGTH: return feed_length(reader, bytes, len, took);
    case LE_HTTP_BODY_CHUNKED: return feed_chunked(reader, bytes, len, took);
    case LE_HTTP_BODY_UNTIL_CLOSE: *took = len; return le_buf_append(reader->body, bytes, len);
    case LE_HTTP_DONE:
    case LE_HTTP_FAILED: break;
    }
    assert(!"an ended answer takes no bytes");
    return LE_ERR_PROTOCOL;
}

enum le_err le_http_reader_feed(struct le_http_reader *reader, const char *bytes, size_t len,
                                size_t *used)
{
    assert(reader->body != NULL && used != NULL && (bytes != NULL || len == 0));
    *used = 0;
    if (reader->state == LE_HTTP_FAILED)
        return LE_ERR_PROTOCOL;
    while (*used < len && reader->state != LE_HTTP_DONE) {
        size_t took = 0;
        reader->started = true;
        enum le_err err = feed_some(reader, bytes + *used, len - *used, &took);
        if (err != LE_OK) {
            set_state(reader, LE_HTTP_FAILED);
            return err;
        }
        assert(took > 0 && took <= len - *used);
        *used += took;
    }
    return LE_OK;
}

enum le_err le_http_reader_eof(struct le_http_reader *reader)
{
    if (reader->state == LE_HTTP_DONE)
        return LE_OK;
    if (reader->state == LE_HTTP_FAILED)
        return LE_ERR_CLOSED;
    bool ends_here = reader->state == LE_HTTP_BODY_UNTIL_CLOSE;
    set_state(reader, ends_here ? LE_HTTP_DONE : LE_HTTP_FAILED);
    return ends_here ? LE_OK : LE_ERR_CLOSED;
}

bool le_http_reader_done(const struct le_http_reader *reader)
{
    return reader->state == LE_HTTP_DONE;
}
