/* What a value means, and what is said of one that means nothing. */
#include "loginetl/base/options.h"

#include "loginetl/base/shown.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum le_err le_option_parse_count(struct le_span text, int64_t *out)
{
    assert(out != NULL);
    if (text.len == 0)
        return LE_ERR_SYNTAX;
    int64_t number = 0;
    bool huge = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return LE_ERR_SYNTAX;
        huge = huge || __builtin_mul_overflow(number, INT64_C(10), &number) ||
               __builtin_add_overflow(number, (int64_t)(text.ptr[i] - '0'), &number);
    }
    *out = number;
    return huge ? LE_ERR_RANGE : LE_OK;
}

/* Always powers of 1024, as memory is counted. MB is not taken: to some it is a million bytes. */
static unsigned unit_shift(struct le_span text, size_t *unit_len)
{
    static const struct {
        const char *word;
        unsigned shift;
    } units[] = {{"K", 10}, {"M", 20}, {"G", 30}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t len = strlen(units[i].word);
        if (text.len > len && memcmp(text.ptr + text.len - len, units[i].word, len) == 0) {
            *unit_len = len;
            return units[i].shift;
        }
    }
    *unit_len = 0;
    return 0;
}

enum le_err le_option_parse_size(struct le_span text, int64_t *out)
{
    size_t unit_len = 0;
    unsigned shift = unit_shift(text, &unit_len);
    int64_t number = 0;
    enum le_err err =
        le_option_parse_count((struct le_span){text.ptr, text.len - unit_len}, &number);
    if (err != LE_OK)
        return err;
    if (number > (INT64_MAX >> shift))
        return LE_ERR_RANGE;
    *out = number << shift;
    return LE_OK;
}

/* Position of the word in "a|b|c", or -1. */
static int choice_position(const char *choices, struct le_span word)
{
    int position = 0;
    for (const char *at = choices;; position++) {
        size_t len = strcspn(at, "|");
        if (le_span_equal(word, (struct le_span){at, len}))
            return position;
        if (at[len] == '\0')
            return -1;
        at += len + 1;
    }
}

/* "20", or "64MiB" where that says the same. */
static void format_bound(const struct le_option *option, int64_t bound, char *out, size_t size)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB"};
    unsigned unit = 0;
    while (option->kind == LE_OPTION_SIZE && unit < 3 && bound > 0 && bound % 1024 == 0) {
        bound /= 1024;
        unit++;
    }
    (void)snprintf(out, size, "%" PRId64 "%s", bound, units[unit]);
}

static void format_range(const struct le_option *option, char *out, size_t size)
{
    char low[32], high[32];
    const char *what = option->kind == LE_OPTION_SIZE ? "a size" : "a whole number";
    format_bound(option, option->min, low, sizeof low);
    format_bound(option, option->max, high, sizeof high);
    int len = option->max == INT64_MAX ? snprintf(out, size, "%s of %s or more", what, low)
                                       : snprintf(out, size, "%s from %s to %s", what, low, high);
    /* 64MB or 64m is not taken: the example shows how a unit is written. */
    if (option->kind == LE_OPTION_SIZE && option->standard != NULL && (size_t)len < size)
        (void)snprintf(out + len, size - (size_t)len, ", such as %s", option->standard);
}

static void format_expected(const struct le_option *option, char *out, size_t size)
{
    switch (option->kind) {
    case LE_OPTION_TEXT: break; /* takes anything */
    case LE_OPTION_COUNT:
    case LE_OPTION_SIZE: format_range(option, out, size); break;
    case LE_OPTION_CHOICE: (void)snprintf(out, size, "one of %s", option->choices); break;
    case LE_OPTION_SWITCH: (void)snprintf(out, size, "yes or no"); break;
    }
}

bool le_option_is_hidden(const struct le_option *option, const char *text)
{
    bool url = option->argument != NULL && strcmp(option->argument, "URL") == 0;
    bool file = option->argument != NULL && strcmp(option->argument, "FILE") == 0;
    return option->secret || le_holds_password(le_span_of(text), url) ||
           (file && !le_shows_path(le_span_of(text)));
}

/* The value as it may stand in a message: short, and nothing that may have been meant for another
 * option, which is secret. */
static void quote(const struct le_option *option, const char *text, char *out, size_t size)
{
    assert(size > 8);
    if (option->secret || !le_shows_value(le_span_of(text))) {
        (void)snprintf(out, size, "its value");
        return;
    }
    size_t len = strlen(text);
    bool cut = len > size - 8;
    (void)snprintf(out, size, "\"%.*s%s\"", (int)(cut ? size - 8 : len), text, cut ? "..." : "");
}

static const char *dashes(const struct le_option *option)
{
    return option->place == LE_OPTION_ENVIRONMENT_ONLY ? "" : "--";
}

enum le_err le_options_refuse(struct le_options *options, size_t index, const char *what)
{
    assert(index < options->count && what != NULL);
    const struct le_option *option = &options->table[index];
    char value[80];
    options->values[index].refused = true;
    quote(option, options->values[index].text != NULL ? options->values[index].text : "", value,
          sizeof value);
    return le_options_fail(options, "%s%s: %s %s (from %s)", dashes(option), option->name, value,
                           what, le_options_source(options, index).text);
}

static enum le_err refuse_value(struct le_options *options, size_t index)
{
    char expected[200] = "";
    char what[240];
    if (options->table[index].kind == LE_OPTION_TEXT)
        return le_options_refuse(options, index,
                                 options->values[index].text[0] == '\0'
                                     ? "is empty: it needs a value"
                                     : "holds a control character");
    format_expected(&options->table[index], expected, sizeof expected);
    (void)snprintf(what, sizeof what, "is not %s", expected);
    return le_options_refuse(options, index, what);
}

static bool number_fits(const struct le_option *option, struct le_span text, int64_t *number)
{
    enum le_err err = option->kind == LE_OPTION_SIZE ? le_option_parse_size(text, number)
                                                     : le_option_parse_count(text, number);
    return err == LE_OK && *number >= option->min && *number <= option->max;
}

bool le_option_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* It is shown by --print-config, as a line of a file. A secret is not shown, and may be anything.
 */
static bool text_fits(const struct le_option *option, struct le_span text)
{
    for (size_t i = 0; i < text.len && !option->secret; i++) {
        if (le_option_is_control(text.ptr[i]))
            return false;
    }
    return text.len > 0 || option->may_be_empty;
}

static bool value_fits(const struct le_option *option, struct le_option_value *value)
{
    struct le_span text = le_span_of(value->text);
    switch (option->kind) {
    case LE_OPTION_TEXT: return text_fits(option, text);
    case LE_OPTION_COUNT:
    case LE_OPTION_SIZE: return number_fits(option, text, &value->number);
    case LE_OPTION_CHOICE: value->number = choice_position(option->choices, text); break;
    case LE_OPTION_SWITCH: value->number = choice_position("no|yes", text); break;
    }
    return value->number >= 0;
}

enum le_err le_options_finish(struct le_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct le_option *option = &options->table[i];
        if (option->standard != NULL) {
            enum le_err err = le_options_set(options, i, le_span_of(option->standard),
                                             LE_OPTION_DEFAULT, NULL, 0);
            if (err != LE_OK)
                return err;
        }
        struct le_option_value *value = &options->values[i];
        if (value->text != NULL && !value_fits(option, value))
            return refuse_value(options, i);
    }
    return LE_OK;
}
