/* jsmn finds where values begin and end. It is content with much that is not JSON, so whether
 * commas, colons and brackets stand where they must is checked afterwards in the gaps between its
 * tokens, and each token's own form too. */
#include "loginetl/base/json.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <limits.h>

/* Not JSMN_STRICT: that refuses a number as the whole text, which is JSON, and every other thing it
 * refuses is refused here. Parent links make closing a bracket independent of how many tokens came
 * before. */
#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

struct le_json {
    const char *text;
    size_t count;               /* tokens of the last text that was JSON; 0 when none was */
    struct le_text_marks marks; /* of that text */
    jsmntok_t tokens[LE_JSON_TOKENS_MAX];
};

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING
};

struct check {
    const char *text;
    jsmntok_t *tokens;
    size_t at;     /* where the gap begins */
    int open;      /* the innermost open container's token, -1 outside of all */
    bool controls; /* the text holds control characters: strings must not */
    enum expect expect;
};

struct le_json *le_json_new(void)
{
    struct le_json *json = le_alloc(sizeof *json);
    if (json != NULL) {
        json->text = NULL;
        json->count = 0;
    }
    return json;
}

void le_json_free(struct le_json *json)
{
    le_free(json);
}

static bool open_is_object(const struct check *check)
{
    return check->open >= 0 && check->tokens[check->open].type == JSMN_OBJECT;
}

static void value_ended(struct check *check)
{
    check->expect = check->open < 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static bool takes_value(const struct check *check)
{
    return check->expect == EXPECT_VALUE || check->expect == EXPECT_VALUE_OR_END;
}

static bool close_container(struct check *check, char bracket)
{
    bool object = bracket == '}';
    enum expect fresh = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    if (check->open < 0 || open_is_object(check) != object)
        return false;
    if (check->expect != fresh && check->expect != EXPECT_COMMA_OR_END)
        return false;
    check->open = check->tokens[check->open].parent;
    value_ended(check);
    return true;
}

static bool check_mark(struct check *check, char mark)
{
    switch (mark) {
    case ' ':
    case '\t':
    case '\n':
    case '\r': return true;
    case ':':
        if (check->expect != EXPECT_COLON)
            return false;
        check->expect = EXPECT_VALUE;
        return true;
    case ',':
        if (check->expect != EXPECT_COMMA_OR_END)
            return false;
        check->expect = open_is_object(check) ? EXPECT_KEY : EXPECT_VALUE;
        return true;
    case '}':
    case ']': return close_container(check, mark);
    default: return false;
    }
}

static bool check_gap(struct check *check, size_t end)
{
    assert(check->at <= end);
    for (; check->at < end; check->at++) {
        if (!check_mark(check, check->text[check->at]))
            return false;
    }
    return true;
}

static bool has_controls(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20)
            return true;
    }
    return false;
}

static bool check_string(struct check *check, const jsmntok_t *token)
{
    size_t len = (size_t)(token->end - token->start);
    if (check->controls && has_controls(check->text + token->start, len))
        return false;
    check->at = (size_t)token->end + 1;
    if (takes_value(check)) {
        value_ended(check);
        return true;
    }
    if (check->expect != EXPECT_KEY && check->expect != EXPECT_KEY_OR_END)
        return false;
    check->expect = EXPECT_COLON;
    return true;
}

static size_t digits(const char *at, const char *end)
{
    const char *from = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - from);
}

static bool is_number(const char *at, const char *end)
{
    if (at < end && *at == '-')
        at++;
    size_t whole = digits(at, end);
    if (whole == 0 || (*at == '0' && whole > 1))
        return false;
    at += whole;
    if (at < end && *at == '.') {
        size_t fraction = digits(at + 1, end);
        if (fraction == 0)
            return false;
        at += 1 + fraction;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        size_t exponent = digits(at, end);
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return at == end;
}

static bool check_primitive(struct check *check, const jsmntok_t *token)
{
    const char *from = check->text + token->start;
    struct le_span span = {from, (size_t)(token->end - token->start)};
    if (!takes_value(check))
        return false;
    if (!is_number(from, from + span.len) && !le_span_is(span, "true") &&
        !le_span_is(span, "false") && !le_span_is(span, "null"))
        return false;
    check->at = (size_t)token->end;
    value_ended(check);
    return true;
}

static bool check_container(struct check *check, int index)
{
    jsmntok_t *token = &check->tokens[index];
    if (!takes_value(check))
        return false;
    /* jsmn's link goes to the member's key; from here on it goes to the container around. */
    token->parent = check->open;
    check->open = index;
    check->at = (size_t)token->start + 1;
    check->expect = token->type == JSMN_OBJECT ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return true;
}

static bool check_token(struct check *check, int index)
{
    const jsmntok_t *token = &check->tokens[index];
    switch (token->type) {
    case JSMN_STRING: return check_string(check, token);
    case JSMN_PRIMITIVE: return check_primitive(check, token);
    case JSMN_OBJECT:
    case JSMN_ARRAY: return check_container(check, index);
    case JSMN_UNDEFINED: break;
    }
    assert(!"jsmn gave a token without a type");
    return false;
}

/* Where the gap before a token ends. */
static size_t gap_end(const jsmntok_t *token)
{
    size_t quote = token->type == JSMN_STRING ? 1 : 0;
    return (size_t)token->start - quote;
}

/* Each token with the gap before it, and the gap behind them. end: the text's, or 0 when it may
 * have more tokens than these. */
static bool check_tokens(struct check *check, size_t count, size_t end)
{
    assert(count <= LE_JSON_TOKENS_MAX);
    for (size_t i = 0; i < count || end > 0; i++) {
        if (!check_gap(check, i < count ? gap_end(&check->tokens[i]) : end))
            return false;
        if (i == count)
            return true;
        if (!check_token(check, (int)i))
            return false;
    }
    return true;
}

enum le_err le_json_parse(struct le_json *json, const char *text, size_t len)
{
    assert(json != NULL && (text != NULL || len == 0));
    jsmn_parser parser;
    json->count = 0;
    json->text = text;
    if (len > INT_MAX) /* jsmn's offsets are ints */
        return LE_ERR_TOO_LARGE;
    if (!le_utf8_scan((struct le_span){text, len}, &json->marks))
        return LE_ERR_SYNTAX;
    jsmn_init(&parser);
    int count = jsmn_parse(&parser, text, len, json->tokens, LE_JSON_TOKENS_MAX);
    bool too_many = count == JSMN_ERROR_NOMEM;
    if (too_many)
        count = LE_JSON_TOKENS_MAX;
    else if (count <= 0 || parser.pos != len) /* it stops at a NUL and is content */
        return LE_ERR_SYNTAX;
    struct check check = {text, json->tokens, 0, -1, json->marks.controls, EXPECT_VALUE};
    if (!check_tokens(&check, (size_t)count, too_many ? 0 : len))
        return LE_ERR_SYNTAX; /* a long text in words, too, however many tokens it would make */
    if (too_many)
        return LE_ERR_TOO_LARGE;
    if (check.expect != EXPECT_NOTHING)
        return LE_ERR_SYNTAX;
    assert(check.open < 0);
    json->count = (size_t)count;
    return LE_OK;
}

static enum le_json_kind primitive_kind(char first)
{
    switch (first) {
    case 't': return LE_JSON_TRUE;
    case 'f': return LE_JSON_FALSE;
    case 'n': return LE_JSON_NULL;
    default: return LE_JSON_NUMBER;
    }
}

static enum le_json_kind token_kind(const struct le_json *json, const jsmntok_t *token)
{
    switch (token->type) {
    case JSMN_OBJECT: return LE_JSON_OBJECT;
    case JSMN_ARRAY: return LE_JSON_ARRAY;
    case JSMN_STRING: return LE_JSON_STRING;
    case JSMN_PRIMITIVE: return primitive_kind(json->text[token->start]);
    case JSMN_UNDEFINED: break;
    }
    assert(!"a checked token without a type");
    return LE_JSON_NULL;
}

static inline struct le_json_value token_value(const struct le_json *json, size_t index)
{
    assert(index < json->count);
    const jsmntok_t *token = &json->tokens[index];
    assert(token->start >= 0 && token->end >= token->start);
    return (struct le_json_value){token_kind(json, token), json->text + token->start,
                                  (size_t)(token->end - token->start)};
}

bool le_json_has_escapes(const struct le_json *json)
{
    assert(json != NULL && json->count > 0);
    return json->marks.backslashes;
}

struct le_json_value le_json_root(const struct le_json *json)
{
    assert(json != NULL && json->count > 0);
    return token_value(json, 0);
}

bool le_json_member(const struct le_json *json, size_t *cursor, struct le_json_value *key,
                    struct le_json_value *value)
{
    assert(json != NULL && cursor != NULL && key != NULL && value != NULL);
    assert(json->count > 0 && json->tokens[0].type == JSMN_OBJECT);
    size_t at = *cursor == 0 ? 1 : *cursor;
    if (at >= json->count)
        return false;
    *key = token_value(json, at);
    *value = token_value(json, at + 1);
    assert(key->kind == LE_JSON_STRING);
    int end = json->tokens[at + 1].end;
    at += 2;
    while (at < json->count && json->tokens[at].start < end)
        at++;
    *cursor = at;
    return true;
}
