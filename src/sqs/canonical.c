#include "loginetl/sqs/canonical.h"

#include <assert.h>

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

enum le_err le_percent_encode(struct le_buf *out, struct le_span text, char keep)
{
    static const char digits[] = "0123456789ABCDEF";
    enum le_err err = LE_OK;
    for (size_t i = 0; i < text.len && err == LE_OK; i++) {
        char c = text.ptr[i];
        bool encoded =
            c == '%' && i + 2 < text.len && is_hex(text.ptr[i + 1]) && is_hex(text.ptr[i + 2]);
        if (is_unreserved(c) || (c != '\0' && c == keep && (keep != '%' || encoded))) {
            err = le_buf_append(out, &c, 1);
        } else {
            unsigned char byte = (unsigned char)c;
            char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            err = le_buf_append(out, code, sizeof code);
        }
    }
    return err;
}

/* Takes the last segment off what was written from start on, for "..". */
static void drop_segment(struct le_buf *out, size_t start)
{
    while (out->len > start && out->data[out->len - 1] != '/')
        out->len--;
    if (out->len > start)
        out->len--;
}

static enum le_err append_segment(struct le_buf *out, size_t start, struct le_span segment)
{
    if (segment.len == 0 || le_span_is(segment, "."))
        return LE_OK;
    if (le_span_is(segment, "..")) {
        drop_segment(out, start);
        return LE_OK;
    }
    enum le_err err = le_buf_append(out, "/", 1);
    return err == LE_OK ? le_percent_encode(out, segment, '/') : err;
}

enum le_err le_canonical_path(struct le_buf *out, struct le_span path, bool normalise)
{
    if (path.len <= 1)
        return le_buf_append(out, "/", 1);
    assert(path.ptr[0] == '/');
    if (!normalise)
        return le_percent_encode(out, path, '/');
    size_t start = out->len;
    enum le_err err = LE_OK;
    const char *end = path.ptr + path.len;
    for (const char *at = path.ptr + 1; at <= end && err == LE_OK;) {
        const char *slash = at < end ? memchr(at, '/', (size_t)(end - at)) : NULL;
        const char *stop = slash != NULL ? slash : end;
        err = append_segment(out, start, (struct le_span){at, (size_t)(stop - at)});
        at = stop + 1;
    }
    if (err == LE_OK && (out->len == start || path.ptr[path.len - 1] == '/'))
        err = le_buf_append(out, "/", 1);
    return err;
}

/* A parameter as it stands in the query. */
struct parameter {
    struct le_span name;
    struct le_span value;
};

static int compare(struct le_span a, struct le_span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool parameter_before(const struct parameter *a, const struct parameter *b)
{
    int order = compare(a->name, b->name);
    return order < 0 || (order == 0 && compare(a->value, b->value) < 0);
}

static struct parameter parameter_of(struct le_span text)
{
    const char *equals = text.len > 0 ? memchr(text.ptr, '=', text.len) : NULL;
    size_t name_len = equals != NULL ? (size_t)(equals - text.ptr) : text.len;
    size_t skip = equals != NULL ? name_len + 1 : name_len;
    return (struct parameter){{text.ptr, name_len}, {text.ptr + skip, text.len - skip}};
}

/* Encodes every parameter, so that they are compared as they will stand; the text goes behind out's
 * content. */
static enum le_err encode_query(struct le_buf *out, struct le_span query)
{
    enum le_err err = LE_OK;
    const char *end = query.ptr + query.len;
    for (const char *at = query.ptr; at <= end && err == LE_OK;) {
        const char *stop = at < end ? memchr(at, '&', (size_t)(end - at)) : NULL;
        if (stop == NULL)
            stop = end;
        struct parameter parameter = parameter_of((struct le_span){at, (size_t)(stop - at)});
        if (stop > at) {
            err = le_percent_encode(out, parameter.name, '%');
            err = err == LE_OK ? le_buf_append(out, "=", 1) : err;
            err = err == LE_OK ? le_percent_encode(out, parameter.value, '%') : err;
            err = err == LE_OK ? le_buf_append(out, "&", 1) : err;
        }
        at = stop + 1;
    }
    return err;
}

/* Inserts in order each parameter of text, which encode_query made. */
static enum le_err sort_parameters(struct le_span text, struct parameter *sorted, size_t *count)
{
    *count = 0;
    for (size_t at = 0; at < text.len;) {
        if (*count == LE_CANONICAL_PARAMETERS_MAX)
            return LE_ERR_TOO_LARGE;
        const char *stop = memchr(text.ptr + at, '&', text.len - at);
        assert(stop != NULL);
        size_t len = (size_t)(stop - text.ptr) - at;
        struct parameter parameter = parameter_of((struct le_span){text.ptr + at, len});
        size_t i = (*count)++;
        for (; i > 0 && parameter_before(&parameter, &sorted[i - 1]); i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = parameter;
        at += len + 1;
    }
    return LE_OK;
}

static enum le_err append_parameters(struct le_buf *out, const struct parameter *sorted,
                                     size_t count)
{
    enum le_err err = LE_OK;
    for (size_t i = 0; i < count && err == LE_OK; i++) {
        err = i > 0 ? le_buf_append(out, "&", 1) : LE_OK;
        err = err == LE_OK ? le_buf_append_span(out, sorted[i].name) : err;
        err = err == LE_OK ? le_buf_append(out, "=", 1) : err;
        err = err == LE_OK ? le_buf_append_span(out, sorted[i].value) : err;
    }
    return err;
}

enum le_err le_canonical_query(struct le_buf *out, struct le_span query)
{
    if (query.len == 0)
        return LE_OK;
    struct parameter sorted[LE_CANONICAL_PARAMETERS_MAX];
    size_t count = 0;
    struct le_buf encoded;
    le_buf_init(&encoded, out->max);
    enum le_err err = encode_query(&encoded, query);
    err = err == LE_OK ? sort_parameters(le_buf_span(&encoded), sorted, &count) : err;
    err = err == LE_OK ? append_parameters(out, sorted, count) : err;
    le_buf_free(&encoded);
    return err;
}

static struct le_span trim(struct le_span text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Runs of spaces become one. */
static enum le_err append_value(struct le_buf *out, struct le_span value)
{
    value = trim(value);
    enum le_err err = LE_OK;
    while (value.len > 0 && err == LE_OK) {
        const char *space = memchr(value.ptr, ' ', value.len);
        if (space == NULL)
            return le_buf_append_span(out, value);
        size_t len = (size_t)(space - value.ptr) + 1;
        err = le_buf_append(out, value.ptr, len);
        value = trim((struct le_span){value.ptr + len, value.len - len});
    }
    return err;
}

enum le_err le_canonical_headers(struct le_buf *out, const struct le_http_header *headers,
                                 size_t count)
{
    enum le_err err = LE_OK;
    for (size_t i = 0; i < count && err == LE_OK; i++) {
        bool again = i > 0 && le_span_equal(headers[i - 1].name, headers[i].name);
        assert(i == 0 || compare(headers[i - 1].name, headers[i].name) <= 0);
        if (i > 0)
            err = le_buf_append(out, again ? "," : "\n", 1);
        if (err == LE_OK && !again) {
            err = le_buf_append_span(out, headers[i].name);
            err = err == LE_OK ? le_buf_append(out, ":", 1) : err;
        }
        err = err == LE_OK ? append_value(out, headers[i].value) : err;
    }
    return err == LE_OK ? le_buf_append(out, "\n", 1) : err;
}

enum le_err le_canonical_names(struct le_buf *out, const struct le_http_header *headers,
                               size_t count)
{
    enum le_err err = LE_OK;
    for (size_t i = 0; i < count && err == LE_OK; i++) {
        if (i > 0 && le_span_equal(headers[i - 1].name, headers[i].name))
            continue;
        err = i > 0 ? le_buf_append(out, ";", 1) : LE_OK;
        err = err == LE_OK ? le_buf_append_span(out, headers[i].name) : err;
    }
    return err;
}
