/* The table as text: --help and --print-config. */
#include "loginetl/base/options.h"

#include "loginetl/base/shown.h"

#include <assert.h>
#include <stdio.h>

#define HELP_INDENT 27 /* where an option's sentences begin */

/* ---- words into columns ---- */

struct column {
    struct le_buf *out;
    size_t used; /* characters in the line so far */
};

static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static enum le_err fill(struct column *column, size_t until)
{
    enum le_err err = LE_OK;
    for (; column->used < until && err == LE_OK; column->used++)
        err = le_buf_append_text(column->out, " ");
    return err;
}

static enum le_err new_line(struct column *column)
{
    column->used = 0;
    return le_buf_append_text(column->out, "\n");
}

/* Appends the text's words, breaking lines before they get too long. */
static enum le_err wrap(struct column *column, const char *text, size_t indent)
{
    enum le_err err = LE_OK;
    while (*text != '\0' && err == LE_OK) {
        size_t len = strcspn(text, " ");
        size_t width = characters(text, len);
        if (column->used > indent && column->used + 1 + width > LE_HELP_COLUMNS)
            err = new_line(column);
        if (err == LE_OK)
            err = column->used < indent    ? fill(column, indent)
                  : column->used == indent ? LE_OK
                                           : fill(column, column->used + 1);
        if (err == LE_OK)
            err = le_buf_append(column->out, text, len);
        column->used += width;
        text += len;
        text += strspn(text, " ");
    }
    return err;
}

/* ---- one option ---- */

static void bound_text(const struct le_option *option, int64_t bound, char *out, size_t size)
{
    const char *unit = "";
    if (option->kind == LE_OPTION_SIZE && bound > 0 && bound % (1 << 30) == 0) {
        bound >>= 30;
        unit = "GiB";
    } else if (option->kind == LE_OPTION_SIZE && bound > 0 && bound % (1 << 20) == 0) {
        bound >>= 20;
        unit = "MiB";
    }
    (void)snprintf(out, size, "%lld%s", (long long)bound, unit);
}

static enum le_err range_text(const struct le_option *option, struct le_buf *out)
{
    if (option->kind == LE_OPTION_CHOICE)
        return le_buf_printf(out, "; %s", option->choices);
    if (option->kind != LE_OPTION_COUNT && option->kind != LE_OPTION_SIZE)
        return LE_OK;
    char low[32], high[32];
    bound_text(option, option->min, low, sizeof low);
    bound_text(option, option->max, high, sizeof high);
    if (option->max == INT64_MAX)
        return le_buf_printf(out, "; %s or more", low);
    return le_buf_printf(out, "; %s to %s", low, high);
}

static enum le_err default_text(const struct le_option *option, struct le_buf *out)
{
    if (option->standard != NULL && option->kind != LE_OPTION_SWITCH)
        return le_buf_printf(out, "; default %s", option->standard);
    if (option->otherwise != NULL)
        return le_buf_printf(out, "; default: %s", option->otherwise);
    return LE_OK;
}

static enum le_err variables_text(const struct le_option *option, struct le_buf *out)
{
    enum le_err err = LE_OK;
    for (size_t k = 0; k < 3 && option->environment[k] != NULL && err == LE_OK; k++) {
        if (option->place != LE_OPTION_ENVIRONMENT_ONLY)
            err = le_buf_printf(out, "; %s", option->environment[k]);
        if (err == LE_OK && option->file_variable && option->secret)
            err = le_buf_printf(out, "; %s_FILE", option->environment[k]);
    }
    return err;
}

/* "[default 8; 1 to 256; LOGINETL_CONCURRENCY]", or nothing. */
static enum le_err facts(const struct le_option *option, struct column *column)
{
    char space[400];
    struct le_buf text;
    le_buf_init(&text, sizeof space);
    enum le_err err = default_text(option, &text);
    if (err == LE_OK)
        err = range_text(option, &text);
    if (err == LE_OK)
        err = variables_text(option, &text);
    if (err == LE_OK && text.len > 0) {
        /* The leading "; " becomes the bracket. */
        (void)snprintf(space, sizeof space, "[%.*s]", (int)text.len - 2, text.data + 2);
        err = new_line(column);
        if (err == LE_OK)
            err = wrap(column, space, HELP_INDENT);
    }
    le_buf_free(&text);
    return err;
}

static enum le_err option_help(const struct le_option *option, struct le_buf *out)
{
    struct column column = {out, 0};
    char head[120];
    const char *dashes = option->place == LE_OPTION_ENVIRONMENT_ONLY ? "" : "--";
    (void)snprintf(head, sizeof head, "%s%s%s%s", dashes, option->name,
                   option->argument != NULL && dashes[0] != '\0' ? " " : "",
                   option->argument != NULL && dashes[0] != '\0' ? option->argument : "");
    enum le_err err = fill(&column, 2);
    if (err == LE_OK)
        err = le_buf_append_text(out, head);
    column.used += strlen(head);
    if (err == LE_OK && column.used > HELP_INDENT - 2)
        err = new_line(&column);
    if (err == LE_OK)
        err = wrap(&column, option->help, HELP_INDENT);
    if (err == LE_OK)
        err = facts(option, &column);
    if (err == LE_OK)
        err = new_line(&column);
    return err;
}

enum le_err le_options_help(const struct le_option *table, size_t count, unsigned commands,
                            struct le_buf *out)
{
    assert(table != NULL && count <= LE_OPTIONS_MAX && out != NULL);
    const char *group = NULL;
    enum le_err err = LE_OK;
    for (size_t i = 0; i < count && err == LE_OK; i++) {
        if ((table[i].commands & commands) == 0)
            continue;
        if (group == NULL || strcmp(group, table[i].group) != 0) {
            err = le_buf_printf(out, "\n%s\n", table[i].group);
            group = table[i].group;
        }
        if (err == LE_OK)
            err = option_help(&table[i], out);
    }
    return err;
}

/* ---- every value ---- */

enum le_err le_options_print(const struct le_options *options, struct le_buf *out)
{
    assert(options != NULL && out != NULL);
    enum le_err err = LE_OK;
    for (size_t i = 0; i < options->count && err == LE_OK; i++) {
        const struct le_option *option = &options->table[i];
        const char *text = options->values[i].text;
        struct le_option_origin origin = le_options_origin(options, i);
        if (option->place == LE_OPTION_ARGUMENT_ONLY)
            continue;
        /* What is not set, not shown, or cannot stand in a file, is a comment there. */
        if (text == NULL) {
            err = le_buf_printf(out, "# %s: not set%s%s%s\n", option->name,
                                option->otherwise != NULL ? " (" : "",
                                option->otherwise != NULL ? option->otherwise : "",
                                option->otherwise != NULL ? ")" : "");
            continue;
        }
        const bool hidden = le_option_is_hidden(option, text) ||
                            (options->values[i].refused && !le_shows_value(le_span_of(text)));
        const bool comment = option->place != LE_OPTION_ANYWHERE || hidden;
        err = le_buf_printf(out, "%s%s = %s  ; %s\n", comment ? "# " : "", option->name,
                            hidden ? "***" : text, origin.text);
    }
    return err;
}
