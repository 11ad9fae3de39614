#include "loginetl/base/json_reader.h"

#include "loginetl/base/hex.h"
#include "loginetl/base/json_scan.h"

#include <assert.h>

#define HEX_INVALID 0xFFFFFFFFu

/* What lies behind the end of the text counts as special. */
static void scan_block(struct le_reader *reader, char *at)
{
    assert(at <= reader->end);
    size_t left = (size_t)(reader->end - at);
    reader->block = at;
    if (left >= LE_SCAN_BLOCK) {
        reader->specials = le_scan_block(at);
        return;
    }
    char last[LE_SCAN_BLOCK] = {0};
    memcpy(last, at, left);
    reader->specials = le_scan_block(last);
}

/* The first special character from at on, or the end. What stands before at may have been changed
 * since its block was looked through, what stands behind may not. */
static inline char *next_special(struct le_reader *reader, char *at)
{
    for (;;) {
        size_t into = (size_t)(at - reader->block);
        uint64_t left = into < LE_SCAN_BLOCK ? reader->specials >> into : 0;
        if (left != 0)
            return at + __builtin_ctzll(left);
        scan_block(reader, into < LE_SCAN_BLOCK ? reader->block + LE_SCAN_BLOCK : at);
        at = reader->block;
    }
}

void le_reader_init(struct le_reader *reader, char *text, size_t len)
{
    assert(reader != NULL && (text != NULL || len == 0));
    static char nothing[1];
    reader->at = text != NULL ? text : nothing;
    reader->end = reader->at + len;
    reader->depth = 0;
    reader->err = LE_OK;
    scan_block(reader, reader->at);
}

/* Errors stick, and nothing more is read: the rest of the text is gone. */
static void fail(struct le_reader *reader)
{
    reader->err = LE_ERR_SYNTAX;
    reader->at = reader->end;
}

/* The next character that is not white space, not taken; 0 at the end of the text. */
static inline char peek(struct le_reader *reader)
{
    for (; reader->at < reader->end; reader->at++) {
        char c = *reader->at;
        if ((unsigned char)c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t'))
            return c;
    }
    return '\0';
}

static inline bool take(struct le_reader *reader, char c)
{
    if (peek(reader) != c)
        return false;
    reader->at++;
    return true;
}

static bool enter(struct le_reader *reader, char bracket)
{
    if (!take(reader, bracket))
        return false;
    if (reader->depth == LE_READER_DEPTH_MAX) {
        fail(reader);
        return false;
    }
    reader->depth++;
    reader->fresh[reader->depth] = true;
    return true;
}

bool le_reader_enter_object(struct le_reader *reader)
{
    return enter(reader, '{');
}

bool le_reader_enter_array(struct le_reader *reader)
{
    return enter(reader, '[');
}

/* Stands before the next element of the container, past its comma; false at the end, which is then
 * left behind. */
static inline bool next(struct le_reader *reader, char bracket)
{
    if (reader->err != LE_OK)
        return false;
    assert(reader->depth > 0);
    bool *fresh = &reader->fresh[reader->depth];
    char mark = peek(reader);
    if (mark == bracket) {
        reader->at++;
        reader->depth--;
        return false;
    }
    if (!*fresh && mark == ',') {
        reader->at++;
        mark = peek(reader);
        if (mark != bracket && mark != '\0')
            return true;
    }
    if (!*fresh || mark == '\0')
        fail(reader);
    *fresh = false;
    return reader->err == LE_OK;
}

/* The value of the four digits behind "\u"; HEX_INVALID when there are none. */
static uint32_t hex4(const char *at, const char *end)
{
    uint8_t bytes[2];
    if (end - at < 4 || !le_unhex((struct le_span){at, 4}, bytes))
        return HEX_INVALID;
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

/* at stands behind "\u". Answers where the escape ends (a pair of surrogates is one), NULL when it
 * is malformed. A lone surrogate becomes its three bytes, so that whoever checks the text for UTF-8
 * finds it. */
static char *unescape_unicode(char *at, const char *end, char **out)
{
    uint32_t c = hex4(at, end);
    if (c == HEX_INVALID)
        return NULL;
    at += 4;
    if (c >= 0xD800 && c < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        uint32_t low = hex4(at + 2, end);
        if (low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00));
            at += 6;
        }
    }
    *out = put_utf8(*out, c);
    return at;
}

static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* at stands on a backslash. Answers where the escape ends, NULL when it is malformed. */
static inline char *unescape_one(char *at, const char *end, char **out)
{
    at++;
    if (at == end)
        return NULL;
    if (*at == 'u') {
        char *to = *out;
        at = unescape_unicode(at + 1, end, &to);
        *out = to;
        return at;
    }
    char c = escapes[(unsigned char)*at];
    if (c == '\0')
        return NULL;
    *(*out)++ = c;
    return at + 1;
}

/* Moves a plain run down, and nothing behind it, for that is still to be read; answers its new end.
 * Bodies that are JSON themselves have a quote every eight bytes or so: to call memmove for each
 * run would take longer than all else. */
static inline char *move_down(char *to, const char *from, size_t len, const char *end)
{
    const size_t word_len = sizeof(uint64_t);
    assert(to < from);
    if (len >= word_len && len <= 2 * word_len) {
        uint64_t first = le_scan_load(from), last = le_scan_load(from + len - word_len);
        memcpy(to, &first, word_len);
        memcpy(to + len - word_len, &last, word_len);
    } else if (len < word_len && (size_t)(end - from) >= word_len && to + word_len <= from + len) {
        uint64_t word = le_scan_load(from);
        memcpy(to, &word, word_len); /* its last bytes fall on what has been read */
    } else {
        memmove(to, from, len);
    }
    return to + len;
}

/* at stands on the first special character of the string that begins at start: not its last quote.
 */
static bool unescape_string(struct le_reader *reader, char *start, char *at, struct le_span *span)
{
    const char *end = reader->end;
    char *out = at;
    while (at < end && *at == '\\') {
        at = unescape_one(at, end, &out);
        if (at == NULL)
            break;
        char *stop = next_special(reader, at);
        out = move_down(out, at, (size_t)(stop - at), end);
        at = stop;
    }
    if (at == NULL || at == end || *at != '"') {
        fail(reader);
        return false;
    }
    reader->at = at + 1;
    *span = (struct le_span){start, (size_t)(out - start)};
    return true;
}

static inline bool take_string(struct le_reader *reader, struct le_span *out)
{
    if (peek(reader) != '"')
        return false;
    char *start = reader->at + 1;
    char *at = next_special(reader, start);
    if (at == reader->end || *at != '"')
        return unescape_string(reader, start, at, out);
    reader->at = at + 1;
    *out = (struct le_span){start, (size_t)(at - start)};
    return true;
}

bool le_reader_string(struct le_reader *reader, struct le_span *out)
{
    return take_string(reader, out);
}

bool le_reader_next_key(struct le_reader *reader, struct le_span *key)
{
    if (!next(reader, '}'))
        return false;
    if (take_string(reader, key) && take(reader, ':'))
        return true;
    fail(reader);
    return false;
}

bool le_reader_next_element(struct le_reader *reader)
{
    return next(reader, ']');
}

static bool take_word(struct le_reader *reader, const char *word, size_t len)
{
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

bool le_reader_bool(struct le_reader *reader, bool *out)
{
    char c = peek(reader);
    if (c != 't' && c != 'f')
        return false;
    *out = c == 't';
    return c == 't' ? take_word(reader, "true", 4) : take_word(reader, "false", 5);
}

static size_t take_digits(struct le_reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - start);
}

/* -?(0|[1-9][0-9]*): true when there is one, taken. */
static bool take_whole(struct le_reader *reader)
{
    if (reader->at < reader->end && *reader->at == '-')
        reader->at++;
    const char *first = reader->at;
    size_t digits = take_digits(reader);
    return digits == 1 || (digits > 1 && *first != '0');
}

static bool take_number(struct le_reader *reader)
{
    if (!take_whole(reader))
        return false;
    if (take_word(reader, ".", 1) && take_digits(reader) == 0)
        return false;
    if (!take_word(reader, "e", 1) && !take_word(reader, "E", 1))
        return true;
    if (!take_word(reader, "+", 1))
        (void)take_word(reader, "-", 1);
    return take_digits(reader) > 0;
}

/* Counts downwards: the least number has no positive counterpart. */
static bool whole_value(const char *at, const char *stop, int64_t *out)
{
    bool negative = *at == '-';
    int64_t value = 0;
    for (at += negative; at < stop; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *at - '0', &value))
            return false;
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}

bool le_reader_int(struct le_reader *reader, int64_t *out)
{
    (void)peek(reader);
    char *start = reader->at;
    bool whole = take_whole(reader);
    char *stop = reader->at;
    if (whole && !(stop < reader->end && strchr(".eE", *stop) != NULL) &&
        whole_value(start, stop, out))
        return true;
    reader->at = start;
    return false;
}

static bool skip_string(struct le_reader *reader)
{
    char *at = reader->at + 1;
    char sink[4];
    for (;;) {
        at = next_special(reader, at);
        if (at == reader->end || *at != '\\')
            break;
        char *out = sink;
        at = unescape_one(at, reader->end, &out);
        if (at == NULL)
            return false;
    }
    if (at == reader->end || *at != '"')
        return false;
    reader->at = at + 1;
    return true;
}

static bool skip_scalar(struct le_reader *reader)
{
    switch (peek(reader)) {
    case '"': return skip_string(reader);
    case 't': return take_word(reader, "true", 4);
    case 'f': return take_word(reader, "false", 5);
    case 'n': return take_word(reader, "null", 4);
    default: return take_number(reader);
    }
}

static bool skip_key(struct le_reader *reader)
{
    return peek(reader) == '"' && skip_string(reader) && take(reader, ':');
}

/* The kinds of the containers around the place that a skip has reached: a bit each, set for an
 * object. */
struct nest {
    uint64_t objects[LE_READER_SKIP_DEPTH_MAX / 64];
    size_t depth;
};

static bool nest_is_object(const struct nest *nest)
{
    assert(nest->depth > 0);
    size_t top = nest->depth - 1;
    return (nest->objects[top / 64] >> (top % 64) & 1) != 0;
}

static bool nest_push(struct nest *nest, bool object)
{
    if (nest->depth == LE_READER_SKIP_DEPTH_MAX)
        return false;
    uint64_t bit = UINT64_C(1) << (nest->depth % 64);
    uint64_t *word = &nest->objects[nest->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    nest->depth++;
    return true;
}

/* Behind a value: leaves the containers that end here and stands before the next value, if one of
 * them goes on. */
static bool skip_ends(struct le_reader *reader, struct nest *nest)
{
    while (nest->depth > 0) {
        bool object = nest_is_object(nest);
        if (take(reader, ','))
            return !object || skip_key(reader);
        if (!take(reader, object ? '}' : ']'))
            return false;
        nest->depth--;
    }
    return true;
}

/* Before a value: takes it if it is a scalar or empty, otherwise its first bracket, and stands
 * before its first element. */
static bool skip_value(struct le_reader *reader, struct nest *nest)
{
    bool object = peek(reader) == '{';
    if (!object && peek(reader) != '[')
        return skip_scalar(reader) && skip_ends(reader, nest);
    if (!nest_push(nest, object))
        return false;
    reader->at++;
    if (peek(reader) == (object ? '}' : ']'))
        return skip_ends(reader, nest);
    return !object || skip_key(reader);
}

void le_reader_skip(struct le_reader *reader)
{
    if (reader->err != LE_OK)
        return;
    struct nest nest;
    nest.depth = 0;
    do { /* each turn takes at least one character */
        if (!skip_value(reader, &nest)) {
            fail(reader);
            return;
        }
    } while (nest.depth > 0);
}

enum le_err le_reader_finish(struct le_reader *reader)
{
    if (reader->err != LE_OK)
        return reader->err;
    assert(reader->depth == 0);
    if (peek(reader) != '\0' || reader->at != reader->end)
        fail(reader);
    return reader->err;
}
