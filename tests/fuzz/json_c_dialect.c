#include "json_c_dialect.h"

#include <stddef.h>
#include <string.h>

static size_t digits(const char *at)
{
    return strspn(at, "0123456789");
}

/* Is the run of number characters one that json-c reads as a number? */
static bool json_c_number(const char *run, size_t len)
{
    const char *at = run + (*run == '-');
    size_t whole = digits(at), fraction = 0;
    bool zeros = strspn(at, "0") >= whole, real = at[whole] == '.' || (at[whole] | 0x20) == 'e';
    if (!real && *run != '-' && *run == '0' && !zeros)
        return false;
    at += whole;
    if (*at == '.') {
        fraction = digits(at + 1);
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        if (digits(at) == 0)
            return false;
        at += digits(at);
    }
    return at == run + len;
}

/* Of those, the ones that RFC 8259 has not. */
static bool beyond_rfc(const char *run)
{
    const char *at = run + (*run == '-');
    size_t whole = digits(at);
    return whole == 0 || (*at == '0' && whole > 1) ||
           (at[whole] == '.' && digits(at + whole + 1) == 0);
}

static void put_zero(char *at, size_t len)
{
    memset(at, ' ', len);
    *at = '0';
}

#define NUMBER_CHARACTERS "+-.0123456789eE"

static size_t rewrite_number(char *at, bool *changed)
{
    size_t len = strspn(at, NUMBER_CHARACTERS);
    if (strncmp(at, "-Infinity", 9) == 0) {
        put_zero(at, len = 9);
        *changed = true;
    } else if (strchr("-0123456789", *at) != NULL && json_c_number(at, len) && beyond_rfc(at)) {
        put_zero(at, len);
        *changed = true;
    }
    /* A word behind a number is no value of its own. */
    return len + strcspn(at + len, "\" \t\n\r{}[]:,/");
}

/* A name may stand in single quotes; what is within them need not be escaped, then. */
static size_t rewrite_string(char *text, bool *changed)
{
    char quote = *text, *at = text + 1;
    for (; *at != '\0' && *at != quote; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            *at = '_';
        if ((unsigned char)*at < 0x20) {
            *at = ' ';
            *changed = true;
        }
    }
    if (*at == '\0' || quote == '"')
        return (size_t)(at - text) + (*at != '\0');
    *text = *at = '"';
    *changed = true;
    return (size_t)(at - text) + 1;
}

static size_t rewrite_word(char *at, bool *changed)
{
    size_t len = strncmp(at, "NaN", 3) == 0 ? 3 : strncmp(at, "Infinity", 8) == 0 ? 8 : 0;
    if (len == 0)
        return 1;
    put_zero(at, len);
    *changed = true;
    return len;
}

struct place {
    char open[JSON_C_DIALECT_DEPTH_MAX + 1]; /* brackets */
    size_t depth;
    bool name; /* a name may stand here */
};

/* What one character does to the place behind it. false: too deep. */
static bool step(struct place *place, char c)
{
    if (strchr(" \t\n\r", c) != NULL)
        return true;
    if (c == '{' || c == '[') {
        if (place->depth == JSON_C_DIALECT_DEPTH_MAX)
            return false;
        place->open[place->depth++] = c;
    }
    if ((c == '}' || c == ']') && place->depth > 0)
        place->depth--;
    bool object = place->depth > 0 && place->open[place->depth - 1] == '{';
    place->name = object && (c == '{' || c == ',');
    return true;
}

bool json_c_dialect_rewrite(char *text, bool *changed)
{
    struct place place = {.depth = 0};
    while (*text != '\0') {
        bool name = place.name;
        if (!step(&place, *text))
            return false;
        if (*text == '"' || (*text == '\'' && name))
            text += rewrite_string(text, changed);
        else if (strchr(NUMBER_CHARACTERS, *text) != NULL)
            text += rewrite_number(text, changed);
        else
            text += rewrite_word(text, changed);
    }
    return true;
}
