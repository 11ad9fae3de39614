#include "http_read.h"

#include "loginetl/base/hex.h"

#include <assert.h>

/* A chunk's size and its extensions. */
#define SIZE_LINE_MAX 4096

/* The lines of the framing end in CR LF and nothing else (RFC 9112, 7.1); trailers are fields, and
 * may end in LF alone as the fields of the head may. */
enum chunk_state {
    SIZE_FIRST,
    SIZE,
    SIZE_SPACE, /* some servers pad the size with blanks */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    ENDED,
    REFUSED
};

void le_http_chunked_begin(struct le_http_reader *reader)
{
    reader->chunk_state = SIZE_FIRST;
    reader->remaining = 0;
    reader->line_len = 0;
}

static enum chunk_state after_size(unsigned char c)
{
    switch (c) {
    case '\r': return SIZE_LF;
    case ';': return EXTENSION;
    case ' ':
    case '\t': return SIZE_SPACE;
    default: return REFUSED;
    }
}

static enum chunk_state in_size(struct le_http_reader *reader, unsigned char c)
{
    int digit = le_hex_value((char)c);
    if (digit < 0)
        return reader->chunk_state == SIZE ? after_size(c) : REFUSED;
    if (reader->remaining > LE_HTTP_LENGTH_MAX >> 4)
        return REFUSED;
    reader->remaining = reader->remaining << 4 | (unsigned)digit;
    return SIZE;
}

static enum chunk_state in_extension(unsigned char c)
{
    if (c == '\r')
        return SIZE_LF;
    return le_http_is_text(c) ? EXTENSION : REFUSED;
}

static enum chunk_state after_size_line(struct le_http_reader *reader, unsigned char c)
{
    if (c != '\n')
        return REFUSED;
    reader->line_len = 0; /* of the trailers from here on, all lines together */
    return reader->remaining > 0 ? DATA : TRAILER_FIRST;
}

static enum chunk_state after_data(struct le_http_reader *reader, unsigned char c)
{
    if (c != '\n')
        return REFUSED;
    le_http_chunked_begin(reader);
    return SIZE_FIRST;
}

static enum chunk_state in_trailer(unsigned state, unsigned char c)
{
    if (state == TRAILER_FIRST && c == '\r')
        return LAST_LF;
    if (state == TRAILER_FIRST && c == '\n')
        return ENDED;
    if (state != TRAILER_VALUE && le_http_is_tchar(c))
        return TRAILER_NAME;
    if (state == TRAILER_NAME && c == ':')
        return TRAILER_VALUE;
    if (state == TRAILER_VALUE && c == '\r')
        return TRAILER_LF;
    if (state == TRAILER_VALUE && c == '\n')
        return TRAILER_FIRST;
    return state == TRAILER_VALUE && le_http_is_text(c) ? TRAILER_VALUE : REFUSED;
}

static enum chunk_state next_state(struct le_http_reader *reader, unsigned char c)
{
    switch ((enum chunk_state)reader->chunk_state) {
    case SIZE_FIRST:
    case SIZE: return in_size(reader, c);
    case SIZE_SPACE: return after_size(c);
    case EXTENSION: return in_extension(c);
    case SIZE_LF: return after_size_line(reader, c);
    case DATA_CR: return c == '\r' ? DATA_LF : REFUSED;
    case DATA_LF: return after_data(reader, c);
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE: return in_trailer(reader->chunk_state, c);
    case TRAILER_LF: return c == '\n' ? TRAILER_FIRST : REFUSED;
    case LAST_LF: return c == '\n' ? ENDED : REFUSED;
    case DATA:
    case ENDED:
    case REFUSED: break;
    }
    assert(!"no byte belongs here");
    return REFUSED;
}

static enum le_err check_limits(const struct le_http_reader *reader)
{
    bool in_trailers = reader->chunk_state >= TRAILER_FIRST;
    if (reader->line_len > (in_trailers ? LE_HTTP_HEAD_MAX : SIZE_LINE_MAX))
        return LE_ERR_TOO_LARGE;
    if (reader->chunk_state == DATA && reader->remaining > reader->body->max - reader->body->len)
        return LE_ERR_TOO_LARGE;
    return LE_OK;
}

static enum le_err feed_data(struct le_http_reader *reader, const char *bytes, size_t len,
                             size_t *took)
{
    assert(reader->remaining > 0);
    size_t part = reader->remaining < len ? (size_t)reader->remaining : len;
    enum le_err err = le_buf_append(reader->body, bytes, part);
    if (err != LE_OK)
        return err;
    reader->remaining -= part;
    *took = part;
    if (reader->remaining == 0)
        reader->chunk_state = DATA_CR;
    return LE_OK;
}

enum le_err le_http_chunked_feed(struct le_http_reader *reader, const char *bytes, size_t len,
                                 size_t *took, bool *ended)
{
    assert(reader->chunk_state < ENDED && len > 0);
    *took = 0;
    while (*took < len && reader->chunk_state != ENDED) {
        if (reader->chunk_state == DATA) {
            size_t part = 0;
            enum le_err err = feed_data(reader, bytes + *took, len - *took, &part);
            if (err != LE_OK)
                return err;
            *took += part;
            continue;
        }
        reader->line_len++;
        reader->chunk_state = next_state(reader, (unsigned char)bytes[*took]);
        if (reader->chunk_state == REFUSED)
            return LE_ERR_PROTOCOL;
        enum le_err err = check_limits(reader);
        if (err != LE_OK)
            return err;
        ++*took;
    }
    *ended = reader->chunk_state == ENDED;
    return LE_OK;
}
