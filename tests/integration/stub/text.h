/* Growable text, and the encodings that an SQS answer needs. Running out of memory ends the
 * program: this is a test server, and a stub that answers half of what it should would hide what
 * the test looks for. */
#ifndef STUB_TEXT_H
#define STUB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes; /* owned; not terminated unless text_string was called */
    size_t length;
    size_t capacity;
};

void *must_alloc(size_t size);
char *must_copy(const char *bytes, size_t length); /* terminated copy, freed by the caller */

void text_clear(struct text *text); /* keeps the memory for the next use */
void text_free(struct text *text);
void text_reserve(struct text *text, size_t more);
void text_add(struct text *text, const char *bytes, size_t length);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *text_string(struct text *text); /* terminates; valid until the next change */
char *text_take(struct text *text,
                size_t *length); /* ownership moves to the caller, the text is empty after */

/* The bytes as the inside of a JSON string. Bytes from 0x80 up pass unchanged, so that broken UTF-8
 * can be served. */
void text_escape(struct text *text, const char *bytes, size_t length);
/* The same string with every UTF-16 unit as \uXXXX: what a client must read too. `escaped` is
 * text_escape's output. */
void text_escape_hard(struct text *text, const char *escaped, size_t length);
/* The value of a JSON string's inside. False for a broken escape or a lone surrogate. */
bool text_unescape(struct text *text, const char *escaped, size_t length);

void md5_hex(const char *bytes, size_t length, char hex[33]);
void md5_close(void);

/* splitmix64's finaliser: a different well-mixed number for every x. All that is "random" here
 * comes from it, so that a run with the same seed is the same run. */
uint64_t mix64(uint64_t x);
void uuid_from(uint64_t high, uint64_t low, char uuid[37]);

int64_t monotonic_us(void);
int64_t wall_ms(void);

#endif
