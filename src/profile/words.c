#include "loginetl/profile/words.h"

#include "loginetl/base/mem.h"

#include <assert.h>

struct word {
    struct le_span rest; /* behind what was read */
    char *text;
    size_t len, room;
    enum le_err err; /* the first */
};

static void skip(struct word *word, size_t count)
{
    word->rest = (struct le_span){word->rest.ptr + count, word->rest.len - count};
}

static void fail(struct word *word, enum le_err err)
{
    if (word->err == LE_OK)
        word->err = err;
}

static void put(struct word *word, char c)
{
    if (word->len == word->room)
        fail(word, LE_ERR_TOO_LARGE);
    else
        word->text[word->len++] = c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Within double quotes a backslash means itself, except before them or another. */
static void take_backslash(struct word *word, char quote)
{
    if (word->rest.len == 1) {
        fail(word, LE_ERR_SYNTAX);
        return;
    }
    skip(word, 1);
    char next = word->rest.ptr[0];
    if (quote == '"' && next != '"' && next != '\\')
        put(word, '\\');
    put(word, next);
}

static void take_word(struct word *word)
{
    char quote = '\0';
    for (; word->rest.len > 0; skip(word, 1)) {
        char c = word->rest.ptr[0];
        if (quote == '\0' && is_blank(c))
            break;
        if (c == '\\' && quote != '\'')
            take_backslash(word, quote);
        else if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote && quote != '\0')
            quote = '\0';
        else
            put(word, c);
    }
    if (quote != '\0')
        fail(word, LE_ERR_SYNTAX);
}

enum le_err le_word_next(struct le_span *rest, char *text, size_t room, struct le_span *word)
{
    struct word reading = {.rest = *rest, .text = text, .room = room, .err = LE_OK};
    while (reading.rest.len > 0 && is_blank(reading.rest.ptr[0]))
        skip(&reading, 1);
    bool some = reading.rest.len > 0;
    take_word(&reading);
    *rest = reading.rest;
    *word = some ? (struct le_span){text, reading.len} : LE_SPAN_NONE;
    return reading.err;
}

/* A word takes no more than it did, and its NUL the place of the blank or the end behind it. */
static enum le_err take_words(struct le_span line, struct le_words *out, const char **reason)
{
    struct le_span rest = line, word;
    size_t used = 0;
    for (;;) {
        assert(used < out->size);
        char *text = out->text + used;
        *reason = "has a quote that is not closed, or nothing behind its last backslash";
        enum le_err err = le_word_next(&rest, text, out->size - used - 1, &word);
        if (err != LE_OK || word.ptr == NULL)
            return err;
        *reason = "has more words than a command can have here";
        if (out->count == LE_WORDS_MAX)
            return LE_ERR_TOO_LARGE;
        text[word.len] = '\0';
        used += word.len + 1;
        out->argv[out->count++] = text;
    }
}

enum le_err le_words_split(struct le_span line, struct le_words *out, const char **reason)
{
    *out = (struct le_words){.size = line.len + 2}; /* for "" as well */
    *reason = "holds a NUL character";
    if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL)
        return LE_ERR_SYNTAX;
    out->text = le_alloc(out->size);
    if (out->text == NULL)
        return LE_ERR_NOMEM;
    enum le_err err = take_words(line, out, reason);
    if (err != LE_OK)
        le_words_free(out);
    return err;
}

void le_words_free(struct le_words *words)
{
    le_free_secret(words->text, words->size);
    *words = (struct le_words){.text = NULL};
}
