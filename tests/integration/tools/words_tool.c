/* Takes lines apart, so that a test can hold their words against another implementation's. Each
 * line of stdin ends in a NUL. Its answer is a line of stdout: its words in hex, each with a blank
 * before it, or "malformed". */
#include "loginetl/profile/words.h"

#include <stdio.h>
#include <stdlib.h>

static void print_word(const char *text)
{
    (void)putchar(' ');
    for (; *text != '\0'; text++)
        printf("%02x", (unsigned)(unsigned char)*text);
}

static bool answer(struct le_span line)
{
    struct le_words words;
    const char *reason;
    enum le_err err = le_words_split(line, &words, &reason);
    if (err == LE_ERR_SYNTAX)
        return puts("malformed") >= 0;
    if (err != LE_OK)
        return false;
    for (size_t i = 0; i < words.count; i++)
        print_word(words.argv[i]);
    le_words_free(&words);
    return putchar('\n') >= 0;
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool well = true;
    while (well && (len = getdelim(&line, &size, '\0', stdin)) > 0)
        well = answer((struct le_span){line, (size_t)len - 1});
    free(line);
    return well && ferror(stdin) == 0 ? 0 : 1;
}
