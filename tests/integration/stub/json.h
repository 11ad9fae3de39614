/* A JSON request as jsmn tokens. Spans point into the request's own bytes and hold escapes as they
 * came. */
#ifndef STUB_JSON_H
#define STUB_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct text;

enum json_type { JSON_NONE, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_OTHER };

struct json {
    enum json_type type;
    const char *at; /* for a string without its quotes, for the others the whole value */
    size_t length;
    int token; /* index in the token table of the last json_parse: one document at a time */
};

/* The root of a document; type JSON_NONE if it is not JSON or has more than 8,192 tokens. */
struct json json_parse(const char *bytes, size_t length);

struct json json_member(struct json object,
                        const char *key);   /* the last one of that name; JSON_NONE without */
struct json json_first(struct json array);  /* JSON_NONE when empty */
struct json json_next(struct json element); /* JSON_NONE after the last */

bool json_is(struct json value,
             const char *string); /* a string without escapes of exactly this text */
bool json_string(struct json value,
                 struct text *text); /* appends the unescaped value; false if it is no string */
char *json_copy(struct json value);  /* the same, allocated; NULL if it is no string */
bool json_number(struct json value, double low, double high,
                 double *number); /* also from a string of digits */
bool json_true(struct json value);

#endif
