/* Where values come from: arguments, environment, configuration file. */
#include "loginetl/base/options.h"

#include "loginetl/base/shown.h"

#include <assert.h>
#include <stdio.h>

#define NAME_SHOWN_MAX ((size_t)60)

/* ---- names that nearly fit ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t le_edit_distance(struct le_span a, struct le_span b)
{
    if (a.len > LE_OPTION_NAME_MAX || b.len > LE_OPTION_NAME_MAX)
        return SIZE_MAX;
    /* Three rows of the usual table: a swap of neighbours looks two rows back. */
    size_t rows[3][LE_OPTION_NAME_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = above[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

bool le_option_near(struct le_span wrote, struct le_span name)
{
    if (wrote.len >= 3 && wrote.len < name.len && memcmp(wrote.ptr, name.ptr, wrote.len) == 0)
        return true;
    size_t distance = le_edit_distance(wrote, name);
    return distance <= (name.len < 6 ? 1 : name.len / 3);
}

/* A name's letters count, not the beginning that all variables have. */
static struct le_span behind_prefix(struct le_span variable)
{
    const size_t len = sizeof LE_OPTION_PREFIX - 1;
    if (variable.len < len || memcmp(variable.ptr, LE_OPTION_PREFIX, len) != 0)
        return LE_SPAN_NONE;
    return (struct le_span){variable.ptr + len, variable.len - len};
}

/* Of a variable that many programs read, all of them: DATABASE_URL has no prefix to be without. */
static struct le_span own_letters(struct le_span variable)
{
    struct le_span letters = behind_prefix(variable);
    return letters.len > 0 ? letters : variable;
}

static bool is_file_form(struct le_span name, struct le_span variable)
{
    return name.len == variable.len + 5 && memcmp(name.ptr, variable.ptr, variable.len) == 0 &&
           memcmp(name.ptr + variable.len, "_FILE", 5) == 0;
}

bool le_options_know_variable(const struct le_options *options, struct le_span name,
                              const char **near)
{
    struct le_span wrote = behind_prefix(name);
    size_t best_distance = SIZE_MAX;
    *near = NULL;
    for (size_t i = 0; i < options->count; i++) {
        const struct le_option *option = &options->table[i];
        for (size_t k = 0; k < LE_OPTION_VARIABLES_MAX && option->environment[k] != NULL; k++) {
            struct le_span variable = le_span_of(option->environment[k]);
            struct le_span letters = own_letters(variable);
            if (le_span_equal(name, variable) ||
                (option->file_variable && is_file_form(name, variable)))
                return true;
            if (!le_option_near(wrote, letters))
                continue;
            size_t distance = le_edit_distance(wrote, letters);
            if (*near == NULL || distance < best_distance) {
                *near = option->environment[k];
                best_distance = distance;
            }
        }
    }
    return false;
}

void le_options_unknown_variables(const struct le_options *options,
                                  const struct le_options_world *world,
                                  void (*tell)(void *owner, const char *name, const char *near),
                                  void *owner)
{
    assert(options != NULL && world != NULL && world->entry != NULL && tell != NULL);
    const char *entry;
    for (size_t at = 0; (entry = world->entry(world->self, at)) != NULL; at++) {
        struct le_span name = {entry, strcspn(entry, "=")};
        const char *near;
        if (behind_prefix(name).ptr == NULL || le_options_know_variable(options, name, &near))
            continue;
        char shown[NAME_SHOWN_MAX + 1];
        size_t len = least(name.len, NAME_SHOWN_MAX);
        for (size_t i = 0; i < len; i++)
            shown[i] = le_option_is_control(name.ptr[i]) ? '?' : name.ptr[i];
        shown[len] = '\0';
        tell(owner, shown, near);
    }
}

const char *le_options_nearest(const struct le_options *options, struct le_span wrote, bool in_file)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < options->count; i++) {
        const struct le_option *option = &options->table[i];
        struct le_span name = le_span_of(option->name);
        bool fits = option->place == LE_OPTION_ANYWHERE ||
                    (option->place == LE_OPTION_ARGUMENT_ONLY && !in_file);
        if (!fits || !le_option_near(wrote, name))
            continue;
        size_t distance = le_edit_distance(wrote, name);
        if (best == NULL || distance < best_distance) {
            best = option->name;
            best_distance = distance;
        }
    }
    return best;
}

/* ---- arguments ---- */

static enum le_err unknown_argument(struct le_options *options, struct le_span name,
                                    const char *word)
{
    const char *near = le_options_nearest(options, name, false);
    struct le_span shown = LE_SPAN_LIT("a word that begins with -");
    /* Only the part before "=": what follows may be a secret under a mistyped name. And behind -p
     * other programs take a password. */
    if (le_shows_name(name))
        shown = (struct le_span){word, near == NULL && word[1] != '-' ? 2 : strcspn(word, "=")};
    if (near != NULL)
        return le_options_fail(options, "%.*s is not an option (did you mean --%s?)",
                               (int)shown.len, shown.ptr, near);
    return le_options_fail(options, "%.*s is not an option (--help lists them)", (int)shown.len,
                           shown.ptr);
}

static int find_argument(const struct le_options *options, struct le_span name)
{
    int index = le_options_find(options, name);
    if (index >= 0 && options->table[index].place == LE_OPTION_ENVIRONMENT_ONLY)
        return -1;
    return index;
}

/* One "--name", "--name=value" or "--name value"; *taken is how many words it is. */
static enum le_err take_argument(struct le_options *options, int left, char **words, int *taken)
{
    const char *word = words[0];
    const char *start = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(start, '=');
    struct le_span name = {start, equals != NULL ? (size_t)(equals - start) : strlen(start)};
    int index = word[1] == '-' ? find_argument(options, name) : -1;
    if (index < 0)
        return unknown_argument(options, name, word);
    const struct le_option *option = &options->table[index];
    struct le_span value = LE_SPAN_LIT("yes");
    *taken = 1;
    if (equals != NULL) {
        value = le_span_of(equals + 1);
    } else if (option->kind != LE_OPTION_SWITCH) {
        if (left < 2 || strncmp(words[1], "--", 2) == 0)
            return le_options_fail(options, "--%s needs a value: --%s %s", option->name,
                                   option->name, option->argument);
        value = le_span_of(words[1]);
        *taken = 2;
    }
    enum le_err err = le_options_set(options, (size_t)index, value, LE_OPTION_ARGUMENT, NULL, 0);
    if (err == LE_OK && option->secret) /* ps shows the words of a command line */
        memset(words[*taken - 1] + (value.ptr - words[*taken - 1]), '*', value.len);
    return err;
}

enum le_err le_options_arguments(struct le_options *options, int argc, char **argv, int *words)
{
    assert(options != NULL && argc >= 0 && words != NULL);
    bool only_words = false;
    *words = 0;
    for (int at = 0; at < argc;) {
        if (only_words || argv[at][0] != '-' || argv[at][1] == '\0') {
            argv[(*words)++] = argv[at++];
            continue;
        }
        int taken = 1;
        if (strcmp(argv[at], "--") == 0) {
            only_words = true;
        } else {
            enum le_err err = take_argument(options, argc - at, argv + at, &taken);
            if (err != LE_OK)
                return err;
        }
        at += taken;
    }
    return LE_OK;
}

/* ---- environment ---- */

static enum le_err take_file(struct le_options *options, size_t index, const char *variable,
                             const char *path, const struct le_options_world *world)
{
    struct le_buf content;
    const char *reason = "cannot be read";
    le_buf_init(&content, LE_OPTIONS_FILE_MAX);
    enum le_err err = world->read_file(world->self, path, &content, &reason);
    if (err == LE_ERR_TOO_LARGE)
        reason = "is too large";
    if (err == LE_ERR_NOMEM)
        goto done;
    if (err != LE_OK) {
        /* A path, and not the value itself, which belongs into the file. */
        bool shown = le_shows_path(le_span_of(path)) &&
                     (!options->table[index].secret || path[0] == '/' || path[0] == '.');
        err = le_options_fail(options, "%s_FILE: the file %.200s %s", variable,
                              shown ? path : "that it names", reason);
        goto done;
    }
    struct le_span text = {content.len > 0 ? content.data : "", content.len};
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    err = le_options_set(options, index, text, LE_OPTION_VARIABLE_FILE, variable, 0);
done:
    le_buf_free_secret(&content);
    return err;
}

static const char *variable_or_null(const struct le_options_world *world, const char *name)
{
    const char *value = world->variable(world->self, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* *found says whether the variable or its _FILE form gave the value. */
static enum le_err take_variable(struct le_options *options, size_t index, const char *variable,
                                 const struct le_options_world *world, bool *found)
{
    const char *value = variable_or_null(world, variable);
    const char *path = NULL;
    if (options->table[index].file_variable) {
        char file_variable[LE_OPTION_NAME_MAX + 8];
        int len = snprintf(file_variable, sizeof file_variable, "%s_FILE", variable);
        assert(len > 0 && (size_t)len < sizeof file_variable);
        path = variable_or_null(world, file_variable);
    }
    *found = value != NULL || path != NULL;
    if (value != NULL && path != NULL)
        return le_options_fail(options, "%s and %s_FILE are both set: unset one of them", variable,
                               variable);
    if (path != NULL)
        return take_file(options, index, variable, path, world);
    if (value != NULL)
        return le_options_set(options, index, le_span_of(value), LE_OPTION_ENVIRONMENT, variable,
                              0);
    return LE_OK;
}

enum le_err le_options_environment(struct le_options *options, const struct le_options_world *world)
{
    assert(options != NULL && world != NULL && world->variable != NULL);
    for (size_t i = 0; i < options->count; i++) {
        const struct le_option *option = &options->table[i];
        bool found = options->values[i].source == LE_OPTION_ARGUMENT;
        for (size_t k = 0; k < LE_OPTION_VARIABLES_MAX && option->environment[k] != NULL && !found;
             k++) {
            enum le_err err = take_variable(options, i, option->environment[k], world, &found);
            if (err != LE_OK)
                return err;
        }
    }
    return LE_OK;
}

/* ---- configuration file ---- */

struct config {
    struct le_options *options;
    unsigned lines[LE_OPTIONS_MAX]; /* where each option is set; 0: nowhere yet */
};

static enum le_err take_known(struct config *config, size_t index, struct le_span value,
                              unsigned line)
{
    struct le_options *options = config->options;
    if (config->lines[index] != 0)
        return le_options_fail(options, "%.200s line %u: %s is set already in line %u",
                               options->config_file, line, options->table[index].name,
                               config->lines[index]);
    config->lines[index] = line;
    return le_options_set(options, index, value, LE_OPTION_CONFIG_FILE, NULL, line);
}

/* The line may be one of another file, of logins say, or the rest of a secret that was pasted over
 * two lines. */
static enum le_err section(struct le_options *options, struct le_span name, unsigned line)
{
    size_t end = le_span_until(name, "]");
    bool shown = le_shows_name((struct le_span){name.ptr + 1, end - 1});
    size_t len = !shown ? 1 : end < name.len ? end + 1 : end;
    return le_options_fail(options, "%.200s line %u: %.*s: sections are not used",
                           options->config_file, line, (int)len, name.ptr);
}

static enum le_err unknown_setting(struct le_options *options, struct le_span name, unsigned line)
{
    const char *near = le_options_nearest(options, name, true);
    if (near != NULL)
        return le_options_fail(options, "%.200s line %u: %.*s is not a setting (did you mean %s?)",
                               options->config_file, line, (int)name.len, name.ptr, near);
    struct le_span what = le_shows_name(name) ? name : LE_SPAN_LIT("what is before the =");
    return le_options_fail(options, "%.200s line %u: %.*s is not a setting (--help lists them)",
                           options->config_file, line, (int)what.len, what.ptr);
}

static enum le_err take_setting(void *self, struct le_span name, struct le_span value,
                                unsigned line)
{
    struct config *config = self;
    struct le_options *options = config->options;
    int index = le_options_find(options, name);
    if (index >= 0 && options->table[index].place == LE_OPTION_ANYWHERE)
        return take_known(config, (size_t)index, value, line);
    if (index >= 0)
        return le_options_fail(options, "%.200s line %u: %s cannot be set in a file",
                               options->config_file, line, options->table[index].name);
    if (name.len > 0 && name.ptr[0] == '[')
        return section(options, name, line);
    return unknown_setting(options, name, line);
}

enum le_err le_options_config(struct le_options *options, const char *file_name,
                              struct le_span text)
{
    assert(options != NULL && file_name != NULL && text.len <= LE_OPTIONS_FILE_MAX);
    options->config_file = file_name;
    unsigned line = 0;
    struct config config = {.options = options};
    const struct le_config_reader reader = {take_setting, &config};
    enum le_err err = le_config_read(text, &reader, &line);
    if (err == LE_ERR_SYNTAX)
        return le_options_fail(options, "%.200s line %u: expected a line like name = value",
                               file_name, line);
    if (err == LE_ERR_TOO_LARGE)
        return le_options_fail(options, "%.200s line %u: the value is longer than %d characters",
                               file_name, line, LE_OPTION_VALUE_MAX);
    return err;
}
