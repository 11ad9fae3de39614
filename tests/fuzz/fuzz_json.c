/* Bytes as JSON. The parser is held against a recogniser that is as plain as the grammar (RFC 8259
 * §2 to §7) and shares nothing with it; strings come back as they were written. */
#include "loginetl/base/buf.h"
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The recogniser */

struct plain {
    const char *at, *end;
    size_t values; /* keys too: what the parser counts as tokens */
    size_t depth;
};

static bool value(struct plain *in);

static bool take(struct plain *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static void blank(struct plain *in)
{
    while (take(in, ' ') || take(in, '\t') || take(in, '\n') || take(in, '\r'))
        ;
}

static bool word(struct plain *in, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0)
        return false;
    in->at += len;
    return true;
}

static bool one_of(struct plain *in, const char *set)
{
    if (in->at == in->end || *in->at == '\0' || strchr(set, *in->at) == NULL)
        return false;
    in->at++;
    return true;
}

static bool digit_run(struct plain *in)
{
    if (!one_of(in, "0123456789"))
        return false;
    while (one_of(in, "0123456789"))
        ;
    return true;
}

static bool number(struct plain *in)
{
    (void)take(in, '-');
    if (!take(in, '0') && !digit_run(in))
        return false;
    if (take(in, '.') && !digit_run(in))
        return false;
    if (one_of(in, "eE")) {
        (void)one_of(in, "+-");
        return digit_run(in);
    }
    return true;
}

static bool escape(struct plain *in)
{
    if (!take(in, 'u'))
        return one_of(in, "\"\\/bfnrt");
    for (int i = 0; i < 4; i++) {
        if (!one_of(in, "0123456789abcdefABCDEF"))
            return false;
    }
    return true;
}

static bool string(struct plain *in)
{
    if (!take(in, '"'))
        return false;
    in->values++;
    while (!take(in, '"')) {
        if (in->at == in->end || (unsigned char)*in->at < 0x20)
            return false;
        if (*in->at++ == '\\' && !escape(in))
            return false;
    }
    return true;
}

static bool member(struct plain *in)
{
    blank(in);
    if (!string(in))
        return false;
    blank(in);
    return take(in, ':') && value(in);
}

static bool items(struct plain *in, char end, bool (*item)(struct plain *))
{
    in->values++;
    blank(in);
    if (take(in, end))
        return true;
    do {
        if (!item(in))
            return false;
    } while (take(in, ','));
    return take(in, end);
}

static bool value(struct plain *in)
{
    bool good;
    blank(in);
    if (++in->depth > 2 * LE_JSON_TOKENS_MAX)
        return false;
    if (take(in, '{')) {
        good = items(in, '}', member);
    } else if (take(in, '[')) {
        good = items(in, ']', value);
    } else if (in->at < in->end && *in->at == '"') {
        good = string(in);
    } else {
        in->values++;
        good = word(in, "true") || word(in, "false") || word(in, "null") || number(in);
    }
    in->depth--;
    blank(in);
    return good;
}

/* UTF-8 by its code points. */
static bool plain_utf8(const uint8_t *byte, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t at = 0, count; at < len; at += count) {
        uint32_t code = byte[at];
        count = code < 0x80       ? 1
                : code >> 5 == 6  ? 2
                : code >> 4 == 14 ? 3
                : code >> 3 == 30 ? 4
                                  : 0;
        if (count == 0 || len - at < count)
            return false;
        code &= count == 1 ? 0x7Fu : 0xFFu >> (count + 1);
        for (size_t i = 1; i < count; i++) {
            if (byte[at + i] >> 6 != 2)
                return false;
            code = code << 6 | (byte[at + i] & 0x3Fu);
        }
        if (code < least[count] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
    }
    return true;
}

/* Of valid UTF-8: every byte but those that go on with one. */
static size_t characters(const uint8_t *byte, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += byte[i] >> 6 != 2;
    return count;
}

/* The checks */

static char *copy_of(const void *bytes, size_t len)
{
    char *copy = le_alloc(len);
    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static void check_text(const char *text, size_t len)
{
    assert(le_utf8_valid((struct le_span){text, len}));
    assert(len == 0 || memchr(text, '\0', len) == NULL);
}

/* Writes text as JSON, reads that, and answers its length; out holds it behind the quote. */
static enum le_err there_and_back(struct le_json *json, struct le_span text, struct le_buf *out,
                                  size_t *len)
{
    le_buf_init(out, 6 * INPUT_MAX + 2);
    enum le_err err = le_json_append_string(out, text);
    assert(err == LE_OK);
    err = le_json_parse(json, out->data, out->len);
    assert(err == LE_OK);
    struct le_json_value root = le_json_root(json);
    assert(root.kind == LE_JSON_STRING && root.ptr == out->data + 1);
    *len = root.len;
    return le_json_unescape(out->data + 1, len);
}

static void check_written(struct le_json *json, struct le_span text)
{
    struct le_buf out;
    size_t len;
    bool clean = le_utf8_valid(text) && (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
    enum le_err err = there_and_back(json, text, &out, &len);
    if (clean)
        assert(err == LE_OK && le_span_equal(text, (struct le_span){out.data + 1, len}));
    else
        assert(err == LE_OK || err == LE_ERR_RANGE);
    if (err == LE_OK)
        check_text(out.data + 1, len);
    le_buf_free(&out);
}

static void check_string(struct le_json_value string_value)
{
    char *copy = copy_of(string_value.ptr, string_value.len);
    size_t len = string_value.len;
    enum le_err err = le_json_unescape(copy, &len);
    assert(err == LE_OK || err == LE_ERR_RANGE);
    assert(len <= string_value.len);
    if (err == LE_OK)
        check_text(copy, len);
    le_free(copy);
}

static void check_members(struct le_json *json, const char *text, size_t len)
{
    struct le_json_value key, member_value;
    size_t cursor = 0;
    const char *last = text;
    while (le_json_member(json, &cursor, &key, &member_value)) {
        assert(key.kind == LE_JSON_STRING && key.ptr > last &&
               member_value.ptr > key.ptr + key.len);
        last = member_value.ptr + member_value.len;
        assert(last <= text + len);
        check_string(key);
        if (member_value.kind == LE_JSON_STRING)
            check_string(member_value);
    }
}

static void check_parse(struct le_json *json, const char *text, size_t len)
{
    struct plain plain = {text, text + len, 0, 0};
    bool good = value(&plain) && plain.at == plain.end && plain_utf8((const uint8_t *)text, len);
    enum le_err err = le_json_parse(json, text, len);
    if (err == LE_ERR_TOO_LARGE) {
        assert(!good || plain.values > LE_JSON_TOKENS_MAX);
        return;
    }
    assert(err == (good ? LE_OK : LE_ERR_SYNTAX));
    assert(!good || plain.values <= LE_JSON_TOKENS_MAX);
    if (good && le_json_root(json).kind == LE_JSON_OBJECT)
        check_members(json, text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    struct le_json *json = le_json_new();
    assert(json != NULL);
    char *text = copy_of(data, size);
    bool utf8 = plain_utf8(data, size);
    assert(le_utf8_valid((struct le_span){text, size}) == utf8);
    size_t chars = utf8 ? le_utf8_chars((struct le_span){text, size}) : characters(data, size);
    assert(chars == characters(data, size));
    check_parse(json, text, size);
    check_written(json, (struct le_span){text, size});
    size_t len = size;
    enum le_err err = le_json_unescape(text, &len);
    assert(len <= size && (err == LE_OK || err == LE_ERR_SYNTAX || err == LE_ERR_RANGE));
    le_free(text);
    le_json_free(json);
    return 0;
}
