/* The HTTP/1.1 answer reader: however the bytes are split, the result is the same. */
#include "loginetl/base/http.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX 512 /* small, so that inputs reach it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct le_http_reader reader;
    struct le_buf body;
    enum le_err err;
    size_t used;
};

/* Pieces of step bytes, or of lengths drawn from seed when step is 0; then the connection closes.
 */
static void read_answer(const char *bytes, size_t len, size_t step, uint32_t seed,
                        struct outcome *out)
{
    le_http_reader_init(&out->reader);
    le_buf_init(&out->body, BODY_MAX);
    le_http_reader_begin(&out->reader, &out->body);
    out->reader.no_body = (seed & 0x80) != 0;
    out->err = LE_OK;
    out->used = 0;
    while (out->err == LE_OK && !le_http_reader_done(&out->reader) && out->used < len) {
        seed = seed * 1664525u + 1013904223u;
        size_t part = step > 0 ? step : 1 + (seed >> 24) % 40;
        if (part > len - out->used)
            part = len - out->used;
        size_t used = 0;
        out->err = le_http_reader_feed(&out->reader, bytes + out->used, part, &used);
        assert(used <= part);
        assert(used == part || out->err != LE_OK || le_http_reader_done(&out->reader));
        out->used += used;
    }
    if (out->err == LE_OK)
        out->err = le_http_reader_eof(&out->reader);
    assert((out->err == LE_OK) == le_http_reader_done(&out->reader));
}

/* The first of that name, or none. */
static void check_header(const struct le_http_reader *reader, const char *name)
{
    struct le_span value = le_http_reader_header(reader, name);
    size_t i = 0;
    while (i < reader->header_count &&
           (reader->headers[i].name.len != strlen(name) ||
            strncasecmp(reader->headers[i].name.ptr, name, strlen(name)) != 0))
        i++;
    assert(i == reader->header_count ? value.ptr == NULL
                                     : value.ptr == reader->headers[i].value.ptr &&
                                           value.len == reader->headers[i].value.len);
}

static void check_sound(const struct outcome *out)
{
    const struct le_buf *head = &out->reader.head;
    assert(out->body.len <= BODY_MAX && head->len <= LE_HTTP_HEAD_MAX);
    assert(out->reader.interim <= LE_HTTP_INTERIM_MAX);
    if (out->err != LE_OK)
        return;
    assert(out->reader.status >= 200 && out->reader.status <= 999);
    for (size_t i = 0; i < out->reader.header_count; i++) {
        struct le_span name = out->reader.headers[i].name, value = out->reader.headers[i].value;
        assert(name.len > 0 && name.ptr > head->data);
        assert(value.ptr > name.ptr && value.ptr + value.len <= head->data + head->len);
        assert(memchr(value.ptr, '\n', value.len) == NULL);
        assert(memchr(value.ptr, '\r', value.len) == NULL);
    }
    check_header(&out->reader, "Content-Length");
    check_header(&out->reader, "date");
    check_header(&out->reader, "x-amzn-query-error");
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    assert(a->err == b->err && a->reader.status == b->reader.status);
    if (a->err != LE_OK)
        return;
    assert(a->used == b->used && a->reader.keep_alive == b->reader.keep_alive);
    assert(a->reader.header_count == b->reader.header_count);
    assert(le_span_equal(le_buf_span(&a->reader.head), le_buf_span(&b->reader.head)));
    assert(le_span_equal(le_buf_span(&a->body), le_buf_span(&b->body)));
}

static void clean(struct outcome *out)
{
    le_http_reader_free(&out->reader);
    le_buf_free(&out->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data + 1; /* the first byte chooses the splits */
    size_t len = size - 1;
    struct outcome whole, single, random;
    read_answer(bytes, len, len + 1, data[0], &whole);
    check_sound(&whole);
    read_answer(bytes, len, 1, data[0], &single);
    check_same(&whole, &single);
    clean(&single);
    read_answer(bytes, len, 0, data[0], &random);
    check_same(&whole, &random);
    clean(&random);
    clean(&whole);
    return 0;
}
