#include "loginetl/base/options.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

static bool has_choices(const struct le_option *option)
{
    return option->choices != NULL && option->choices[0] != '\0';
}

static void check_row(const struct le_option *option)
{
    assert(option->name != NULL && strlen(option->name) < LE_OPTION_NAME_MAX);
    assert(option->group != NULL && option->help != NULL);
    assert((option->kind == LE_OPTION_SWITCH) == (option->argument == NULL));
    assert((option->kind == LE_OPTION_CHOICE) == has_choices(option));
    assert(option->min <= option->max);
    assert(option->place != LE_OPTION_ENVIRONMENT_ONLY || option->environment[0] != NULL);
}

void le_options_init(struct le_options *options, const struct le_option *table, size_t count)
{
    assert(options != NULL && table != NULL && count > 0 && count <= LE_OPTIONS_MAX);
    memset(options, 0, sizeof *options);
    options->table = table;
    options->count = count;
    for (size_t i = 0; i < count; i++)
        check_row(&table[i]);
}

static void drop_text(struct le_option_value *value)
{
    if (value->text != NULL)
        le_free_secret(value->text, strlen(value->text));
    value->text = NULL;
}

void le_options_free(struct le_options *options)
{
    for (size_t i = 0; i < options->count; i++)
        drop_text(&options->values[i]);
    options->count = 0;
}

enum le_err le_options_fail(struct le_options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    /* A message that does not fit is cut: it is for a person, and nothing reads it again. */
    (void)vsnprintf(options->error, sizeof options->error, format, arguments);
    va_end(arguments);
    /* Words of the command line and names of files are anybody's: they stay on the line. */
    for (char *at = options->error; *at != '\0'; at++) {
        if (le_option_is_control(*at))
            *at = '?';
    }
    return LE_ERR_CONFIG;
}

void le_options_forget(struct le_options *options, size_t index)
{
    assert(index < options->count);
    drop_text(&options->values[index]);
}

int le_options_find(const struct le_options *options, struct le_span name)
{
    for (size_t i = 0; i < options->count; i++) {
        if (le_span_is(name, options->table[i].name))
            return (int)i;
    }
    return -1;
}

enum le_err le_options_set(struct le_options *options, size_t index, struct le_span text,
                           enum le_option_source source, const char *variable, unsigned line)
{
    assert(index < options->count && text.ptr != NULL && source != LE_OPTION_UNSET);
    struct le_option_value *value = &options->values[index];
    if (value->source > source)
        return LE_OK;
    const struct le_option *option = &options->table[index];
    if (text.len > LE_OPTION_VALUE_MAX)
        return le_options_fail(options, "%s: its value is longer than %d bytes", option->name,
                               LE_OPTION_VALUE_MAX);
    if (memchr(text.ptr, '\0', text.len) != NULL)
        return le_options_fail(options, "%s: its value holds a NUL byte", option->name);
    char *copy = le_strndup(text.ptr, text.len);
    if (copy == NULL)
        return LE_ERR_NOMEM;
    drop_text(value);
    *value = (struct le_option_value){
        .text = copy, .source = source, .variable = variable, .line = line};
    return LE_OK;
}

const char *le_option_text(const struct le_options *options, size_t index)
{
    assert(index < options->count);
    return options->values[index].text;
}

int64_t le_option_number(const struct le_options *options, size_t index)
{
    assert(index < options->count && options->values[index].text != NULL);
    assert(options->table[index].kind != LE_OPTION_TEXT);
    return options->values[index].number;
}

bool le_option_on(const struct le_options *options, size_t index)
{
    assert(index < options->count && options->table[index].kind == LE_OPTION_SWITCH);
    return options->values[index].text != NULL && options->values[index].number != 0;
}

bool le_option_given(const struct le_options *options, size_t index)
{
    assert(index < options->count);
    return options->values[index].source > LE_OPTION_DEFAULT;
}

struct le_option_origin le_options_source(const struct le_options *options, size_t index)
{
    assert(index < options->count);
    if (options->values[index].source == LE_OPTION_ARGUMENT)
        return (struct le_option_origin){"the command line"};
    return le_options_origin(options, index);
}

static struct le_option_origin variable_origin(const struct le_option_value *value)
{
    struct le_option_origin origin;
    const char *suffix = value->source == LE_OPTION_VARIABLE_FILE ? "_FILE" : "";
    (void)snprintf(origin.text, sizeof origin.text, "%s%s", value->variable, suffix);
    return origin;
}

struct le_option_origin le_options_origin(const struct le_options *options, size_t index)
{
    assert(index < options->count);
    const struct le_option_value *value = &options->values[index];
    struct le_option_origin origin = {""};
    switch (value->source) {
    case LE_OPTION_UNSET: (void)snprintf(origin.text, sizeof origin.text, "not set"); break;
    case LE_OPTION_DEFAULT: (void)snprintf(origin.text, sizeof origin.text, "default"); break;
    case LE_OPTION_PROFILE:
        (void)snprintf(origin.text, sizeof origin.text, "profile %.100s", value->variable);
        break;
    case LE_OPTION_CONFIG_FILE:
        (void)snprintf(origin.text, sizeof origin.text, "%.100s line %u", options->config_file,
                       value->line);
        break;
    case LE_OPTION_ENVIRONMENT:
    case LE_OPTION_VARIABLE_FILE: return variable_origin(value);
    case LE_OPTION_ARGUMENT:
        (void)snprintf(origin.text, sizeof origin.text, "--%s", options->table[index].name);
        break;
    }
    return origin;
}
