#include "http_read.h"

#include <assert.h>
#include <string.h>

#define STATUS_AT  9 /* "HTTP/1.x " */
#define STATUS_END 12

/* What a byte may be part of; 1 marks a tchar of RFC 9110, 5.6.2. */
static const unsigned char tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
    ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
    ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,  ['F'] = 1, ['G'] = 1,
    ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1,  ['N'] = 1, ['O'] = 1,
    ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1,
    ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,  ['d'] = 1, ['e'] = 1,
    ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1, ['m'] = 1,
    ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,  ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

bool le_http_is_tchar(unsigned char byte)
{
    return tchar[byte] != 0;
}

bool le_http_is_text(unsigned char byte)
{
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

#define EACH_BYTE(value) (UINT64_MAX / 255 * (value))
#define HIGH_BITS        EACH_BYTE(0x80)

/* Is any of eight bytes a control character? Bytes from 0x80 on are text. */
static bool has_control(uint64_t eight)
{
    uint64_t delete_bytes = eight ^ EACH_BYTE(0x7f);
    uint64_t below_space = (eight - EACH_BYTE(0x20)) & ~eight;
    uint64_t is_delete = (delete_bytes - EACH_BYTE(0x01)) & ~delete_bytes;
    return ((below_space | is_delete) & HIGH_BITS) != 0;
}

/* Values are most of a head, so eight bytes at a time; only a tab, or a refusal, needs a closer
 * look. */
static bool all_text(struct le_span span)
{
    size_t at = 0;
    for (uint64_t eight; at + sizeof eight <= span.len; at += sizeof eight) {
        memcpy(&eight, span.ptr + at, sizeof eight);
        if (has_control(eight))
            break;
    }
    for (; at < span.len; at++) {
        if (!le_http_is_text((unsigned char)span.ptr[at]))
            return false;
    }
    return true;
}

static bool all_tchar(struct le_span span)
{
    for (size_t i = 0; i < span.len; i++) {
        if (!le_http_is_tchar((unsigned char)span.ptr[i]))
            return false;
    }
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* word is lower case. */
static bool is_word(struct le_span span, const char *word)
{
    for (size_t i = 0; i < span.len; i++) {
        char c = span.ptr[i];
        char lower = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        if (lower != word[i])
            return false; /* also where word has ended */
    }
    return word[span.len] == '\0';
}

static struct le_span trim(struct le_span span)
{
    while (span.len > 0 && (span.ptr[0] == ' ' || span.ptr[0] == '\t')) {
        span.ptr++;
        span.len--;
    }
    while (span.len > 0 && (span.ptr[span.len - 1] == ' ' || span.ptr[span.len - 1] == '\t'))
        span.len--;
    return span;
}

/* The next member of a comma separated list, trimmed; list becomes what follows, with ptr NULL at
 * the end. */
static struct le_span next_member(struct le_span *list)
{
    assert(list->ptr != NULL);
    struct le_span member = *list;
    const char *comma = list->len > 0 ? memchr(list->ptr, ',', list->len) : NULL;
    if (comma == NULL) {
        *list = LE_SPAN_NONE;
    } else {
        member.len = (size_t)(comma - list->ptr);
        list->ptr += member.len + 1;
        list->len -= member.len + 1;
    }
    return trim(member);
}

static enum le_err parse_length(struct le_span digits, uint64_t *out)
{
    uint64_t value = 0;
    if (digits.len == 0)
        return LE_ERR_PROTOCOL;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.ptr[i]))
            return LE_ERR_PROTOCOL;
        unsigned digit = (unsigned)(digits.ptr[i] - '0');
        if (value > (LE_HTTP_LENGTH_MAX - digit) / 10)
            return LE_ERR_PROTOCOL;
        value = value * 10 + digit;
    }
    *out = value;
    return LE_OK;
}

/* The same length said twice does no harm (RFC 9110, 8.6); two lengths are two opinions on where
 * the answer ends. */
static enum le_err note_length(struct le_http_framing *framing, struct le_span value)
{
    while (value.ptr != NULL) {
        uint64_t length;
        enum le_err err = parse_length(next_member(&value), &length);
        if (err != LE_OK)
            return err;
        if (framing->has_length && framing->length != length)
            return LE_ERR_PROTOCOL;
        framing->has_length = true;
        framing->length = length;
    }
    return LE_OK;
}

static enum le_err note_coding(struct le_http_framing *framing, struct le_span value)
{
    if (framing->chunked || !is_word(value, "chunked"))
        return LE_ERR_PROTOCOL;
    framing->chunked = true;
    return LE_OK;
}

static void note_connection(struct le_http_framing *framing, struct le_span value)
{
    while (value.ptr != NULL) {
        struct le_span option = next_member(&value);
        if (is_word(option, "close"))
            framing->says_close = true;
        else if (is_word(option, "keep-alive"))
            framing->says_keep_alive = true;
    }
}

static enum le_err note_header(struct le_http_framing *framing, const struct le_http_header *header)
{
    /* The length sorts out nearly every header for the price of one comparison. */
    switch (header->name.len) {
    case sizeof "connection" - 1:
        if (is_word(header->name, "connection"))
            note_connection(framing, header->value);
        return LE_OK;
    case sizeof "content-length" - 1:
        return is_word(header->name, "content-length") ? note_length(framing, header->value)
                                                       : LE_OK;
    case sizeof "transfer-encoding" - 1:
        return is_word(header->name, "transfer-encoding") ? note_coding(framing, header->value)
                                                          : LE_OK;
    default: return LE_OK;
    }
}

/* The line at *at without its end, which is LF or CR LF (RFC 9112, 2.2); *at becomes the next
 * line's. */
static struct le_span take_line(const struct le_buf *head, size_t *at)
{
    assert(*at < head->len);
    const char *line = head->data + *at;
    const char *newline = memchr(line, '\n', head->len - *at);
    assert(newline != NULL);
    size_t len = (size_t)(newline - line);
    *at += len + 1;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    return (struct le_span){line, len};
}

static enum le_err parse_status_line(struct le_span line, int *minor, int *status)
{
    if (line.len < STATUS_END || memcmp(line.ptr, "HTTP/1.", 7) != 0 || !is_digit(line.ptr[7]) ||
        line.ptr[8] != ' ' || !all_text(line))
        return LE_ERR_PROTOCOL;
    for (size_t i = STATUS_AT; i < STATUS_END; i++) {
        if (!is_digit(line.ptr[i]))
            return LE_ERR_PROTOCOL;
    }
    /* Many servers leave out the space before an absent reason phrase. */
    if (line.len > STATUS_END && line.ptr[STATUS_END] != ' ')
        return LE_ERR_PROTOCOL;
    *minor = line.ptr[7] - '0';
    *status = (line.ptr[STATUS_AT] - '0') * 100 + (line.ptr[STATUS_AT + 1] - '0') * 10 +
              (line.ptr[STATUS_AT + 2] - '0');
    return *status >= 100 ? LE_OK : LE_ERR_PROTOCOL;
}

/* White space before the colon and at the line's start (obsolete folding) is no tchar, so both are
 * refused here. */
static enum le_err parse_header(struct le_span line, struct le_http_header *out)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL || colon == line.ptr)
        return LE_ERR_PROTOCOL;
    out->name = (struct le_span){line.ptr, (size_t)(colon - line.ptr)};
    out->value = (struct le_span){colon + 1, line.len - out->name.len - 1};
    if (!all_tchar(out->name) || !all_text(out->value))
        return LE_ERR_PROTOCOL;
    out->value = trim(out->value);
    return LE_OK;
}

static enum le_err parse_headers(struct le_http_reader *reader, size_t at,
                                 struct le_http_framing *framing)
{
    while (at < reader->head.len) {
        struct le_span line = take_line(&reader->head, &at);
        if (line.len == 0)
            break;
        if (reader->header_count == LE_HTTP_HEADERS_MAX)
            return LE_ERR_TOO_LARGE;
        struct le_http_header *header = &reader->headers[reader->header_count];
        enum le_err err = parse_header(line, header);
        if (err == LE_OK)
            err = note_header(framing, header);
        if (err != LE_OK)
            return err;
        reader->header_count++;
    }
    assert(at == reader->head.len);
    return LE_OK;
}

enum le_err le_http_parse_head(struct le_http_reader *reader, struct le_http_framing *framing)
{
    assert(reader->state == LE_HTTP_HEAD && reader->header_count == 0);
    assert(reader->head.len > 0 && reader->head.data[reader->head.len - 1] == '\n');
    *framing = (struct le_http_framing){0};
    size_t at = 0;
    int status;
    enum le_err err = parse_status_line(take_line(&reader->head, &at), &framing->minor, &status);
    if (err == LE_OK)
        err = parse_headers(reader, at, framing);
    if (err != LE_OK)
        return err;
    if (framing->chunked && framing->has_length)
        return LE_ERR_PROTOCOL;
    reader->status = status;
    return LE_OK;
}

struct le_span le_http_reader_header(const struct le_http_reader *reader, const char *name)
{
    assert(name != NULL && name[0] != '\0');
    char lower[64];
    size_t len = strlen(name);
    assert(len < sizeof lower);
    for (size_t i = 0; i <= len; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
    for (size_t i = 0; i < reader->header_count; i++) {
        if (reader->headers[i].name.len == len && is_word(reader->headers[i].name, lower))
            return reader->headers[i].value;
    }
    return LE_SPAN_NONE;
}
