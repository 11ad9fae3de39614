/* The pull reader against the strict parser: both must take the same texts, whether values are
 * skipped or walked, and what is unescaped must come back the same through the writer. */
#include "loginetl/base/json.h"
#include "loginetl/base/json_reader.h"

#include "loginetl/base/buf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static char *copy_of(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    must(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

static void check_string(struct le_span text)
{
    struct le_buf buf;
    struct le_reader reader;
    struct le_span again;
    le_buf_init(&buf, 1 << 20);
    must(le_json_append_string(&buf, text) == LE_OK);
    le_reader_init(&reader, buf.data, buf.len);
    must(le_reader_string(&reader, &again) && le_reader_finish(&reader) == LE_OK);
    must(!le_utf8_valid(text) || le_span_equal(text, again));
    le_buf_free(&buf);
}

/* Recursion ends at LE_READER_DEPTH_MAX. */
static void walk(struct le_reader *reader)
{
    struct le_span text;
    bool yes;
    int64_t number;
    if (le_reader_enter_object(reader)) {
        while (le_reader_next_key(reader, &text))
            walk(reader);
    } else if (le_reader_enter_array(reader)) {
        while (le_reader_next_element(reader))
            walk(reader);
    } else if (le_reader_string(reader, &text)) {
        check_string(text);
    } else if (!le_reader_bool(reader, &yes) && !le_reader_int(reader, &number)) {
        le_reader_skip(reader);
    }
}

static enum le_err walk_all(const uint8_t *data, size_t size)
{
    struct le_reader reader;
    char *copy = copy_of(data, size);
    le_reader_init(&reader, copy, size);
    walk(&reader);
    enum le_err err = le_reader_finish(&reader);
    free(copy);
    return err;
}

static enum le_err skip_all(const uint8_t *data, size_t size)
{
    struct le_reader reader;
    char *copy = copy_of(data, size);
    le_reader_init(&reader, copy, size);
    le_reader_skip(&reader);
    enum le_err err = le_reader_finish(&reader);
    must(size == 0 || memcmp(copy, data, size) == 0);
    free(copy);
    return err;
}

static enum le_err parse_all(struct le_json *json, const uint8_t *data, size_t size)
{
    char *copy = copy_of(data, size);
    enum le_err err = le_json_parse(json, copy, size);
    free(copy);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct le_json *json;
    if (json == NULL)
        json = le_json_new();
    must(json != NULL);
    if (size > 64 * 1024)
        return 0;
    enum le_err skipped = skip_all(data, size);
    enum le_err walked = walk_all(data, size);
    must(walked != LE_OK || skipped == LE_OK);
    if (!le_utf8_valid((struct le_span){(const char *)data, size}))
        return 0;
    enum le_err parsed = parse_all(json, data, size);
    if (parsed == LE_OK)
        must(skipped == LE_OK);
    else
        must(skipped != LE_OK || parsed == LE_ERR_TOO_LARGE);
    return 0;
}
