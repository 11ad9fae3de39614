/* A run of bytes that somebody else owns. */
#ifndef LE_BASE_SPAN_H
#define LE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct le_span {
    const char *ptr; /* not NUL-terminated; NULL means absent, which is not the same as empty */
    size_t len;
};

#define LE_SPAN_LIT(text) ((struct le_span){(text), sizeof(text) - 1})
#define LE_SPAN_NONE      ((struct le_span){NULL, 0})

static inline struct le_span le_span_of(const char *text)
{
    return (struct le_span){text, text != NULL ? strlen(text) : 0};
}

static inline bool le_span_equal(struct le_span a, struct le_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool le_span_is(struct le_span a, const char *text)
{
    return le_span_equal(a, le_span_of(text));
}

static inline bool le_span_begins(struct le_span text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.ptr, with, len) == 0;
}

static inline bool le_span_ends(struct le_span text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.ptr + text.len - len, with, len) == 0;
}

/* Length of the part of text before the first of these characters. */
static inline size_t le_span_until(struct le_span text, const char *stops)
{
    size_t len = 0;
    while (len < text.len && strchr(stops, text.ptr[len]) == NULL)
        len++;
    return len;
}

#endif
