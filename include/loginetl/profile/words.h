/* A line as words, by the quoting of a POSIX shell and nothing else of it: as Python's shlex.split,
 * which is what botocore takes names of sections and credential_process apart with. */
#ifndef LE_PROFILE_WORDS_H
#define LE_PROFILE_WORDS_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#define LE_WORDS_MAX 128

/* Writes the first word of *rest, without its quotes, to text, and *rest is what stands behind it.
 * *word points into text; absent: there was none. LE_ERR_SYNTAX: a quote is not closed, or nothing
 * is behind a backslash; LE_ERR_TOO_LARGE: the word is longer than room. */
LE_MUST enum le_err le_word_next(struct le_span *rest, char *text, size_t room,
                                 struct le_span *word);

/* All words, for a new process. */
struct le_words {
    char *argv[LE_WORDS_MAX + 1]; /* NUL-terminated each, NULL behind the last */
    size_t count;
    char *text; /* what argv points into */
    size_t size;
};

/* LE_ERR_SYNTAX, LE_ERR_TOO_LARGE (more than LE_WORDS_MAX): *reason says what is wrong with it.
 * LE_ERR_NOMEM. After an error there is nothing to free. */
LE_MUST enum le_err le_words_split(struct le_span line, struct le_words *out, const char **reason);
/* Wipes them: a command may hold a password. */
void le_words_free(struct le_words *words);

#endif
