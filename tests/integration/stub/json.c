#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#define JSMN_STRICT
#include <jsmn.h>

enum { TOKENS_MAX = 8192 };

/* One document at a time: the stub is one thread, and no request outlives the parse of its body. */
static jsmntok_t tokens[TOKENS_MAX];
static int token_count;
static const char *document;

static struct json value_of(int token)
{
    static const enum json_type types[] = {[JSMN_OBJECT] = JSON_OBJECT,
                                           [JSMN_ARRAY] = JSON_ARRAY,
                                           [JSMN_STRING] = JSON_STRING,
                                           [JSMN_PRIMITIVE] = JSON_OTHER};
    if (token < 0 || token >= token_count)
        return (struct json){0};
    const jsmntok_t *t = &tokens[token];
    return (struct json){types[t->type], document + t->start, (size_t)(t->end - t->start), token};
}

struct json json_parse(const char *bytes, size_t length)
{
    jsmn_parser parser;
    jsmn_init(&parser);
    document = bytes;
    token_count = jsmn_parse(&parser, bytes, length, tokens, TOKENS_MAX);
    if (token_count < 0)
        token_count = 0;
    return value_of(0);
}

/* The first token after this one and all that it holds. */
static int after(int token)
{
    int end = tokens[token].end;
    for (token++; token < token_count && tokens[token].start < end; token++) {
    }
    return token;
}

struct json json_member(struct json object, const char *key)
{
    struct json found = {0};
    if (object.type != JSON_OBJECT)
        return found;
    int token = object.token + 1;
    while (token + 1 < token_count && tokens[token].parent == object.token) {
        if (json_is(value_of(token), key))
            found = value_of(token + 1);
        token = after(token + 1);
    }
    return found;
}

struct json json_first(struct json array)
{
    bool any = array.type == JSON_ARRAY && tokens[array.token].size > 0;
    return any ? value_of(array.token + 1) : (struct json){0};
}

struct json json_next(struct json element)
{
    int token = after(element.token);
    bool same = token < token_count && tokens[token].parent == tokens[element.token].parent;
    return same ? value_of(token) : (struct json){0};
}

bool json_is(struct json value, const char *string)
{
    return value.type == JSON_STRING && value.length == strlen(string) &&
           !memcmp(value.at, string, value.length);
}

bool json_string(struct json value, struct text *text)
{
    return value.type == JSON_STRING && text_unescape(text, value.at, value.length);
}

char *json_copy(struct json value)
{
    struct text text = {0};
    size_t length;
    if (json_string(value, &text))
        return text_take(&text, &length);
    text_free(&text);
    return NULL;
}

bool json_number(struct json value, double low, double high, double *number)
{
    char digits[32], *end;
    if ((value.type != JSON_OTHER && value.type != JSON_STRING) || !value.length ||
        value.length >= sizeof digits)
        return false;
    memcpy(digits, value.at, value.length);
    digits[value.length] = '\0';
    double parsed = strtod(digits, &end);
    if (*end || !(parsed >= low && parsed <= high))
        return false;
    *number = parsed;
    return true;
}

bool json_true(struct json value)
{
    return value.type == JSON_OTHER && *value.at == 't';
}
