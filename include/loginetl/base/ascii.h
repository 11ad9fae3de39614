/* Letters of ASCII, whatever the locale. */
#ifndef LE_BASE_ASCII_H
#define LE_BASE_ASCII_H

#include <stddef.h>

static inline char le_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline void le_ascii_lower_text(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text[i] = le_ascii_lower(text[i]);
}

#endif
