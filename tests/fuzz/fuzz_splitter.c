/* The splitter gives the same messages, lines and errors however its input is cut. */
#include "loginetl/base/splitter.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 64
#define FEED_MAX    512

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void put(struct le_buf *out, const struct le_split *split)
{
    must(split->too_large || (split->text.len > 0 && split->text.len <= MESSAGE_MAX));
    must(le_buf_append_u64(out, split->line) == LE_OK);
    must(le_buf_append_text(out, split->too_large ? "!" : ":") == LE_OK);
    if (!split->too_large)
        must(le_buf_append_span(out, split->text) == LE_OK);
}

static void split_all(const uint8_t *data, size_t size, size_t step, struct le_buf *out)
{
    struct le_splitter splitter;
    struct le_split split;
    uint64_t line = 0;
    size_t at = 0;
    le_splitter_init(&splitter, MESSAGE_MAX, FEED_MAX);
    for (;;) {
        while (le_splitter_next(&splitter, &split))
            put(out, &split);
        if (splitter.ended || le_splitter_error(&splitter, &line) != LE_OK)
            break;
        size_t len = size - at < step ? size - at : step;
        if (len > 0)
            must(le_splitter_feed(&splitter, (const char *)data + at, len) == LE_OK);
        else
            le_splitter_end(&splitter);
        at += len;
    }
    if (le_splitter_error(&splitter, &line) != LE_OK)
        must(le_buf_append_u64(out, line) == LE_OK);
    le_splitter_free(&splitter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct le_buf once, again;
    if (size == 0)
        return 0;
    le_buf_init(&once, 1 << 24);
    le_buf_init(&again, 1 << 24);
    split_all(data, size, FEED_MAX, &once);
    split_all(data, size, 1 + data[0] % 31, &again);
    must(le_span_equal(le_buf_span(&once), le_buf_span(&again)));
    le_buf_free(&once);
    le_buf_free(&again);
    return 0;
}
