/* The program's own options from all their sources at once. Each line of the input is a source:
 *
 *   a--queue=q           a word of the command line
 *   vDATABASE_URL=x      a variable
 *   f<text>              a line of the file that NAME_FILE variables name, whichever they name
 *   c<text>              a line of the configuration file
 *
 * A record separator (0x1E) stands for a newline within one. Who wins is worked out a second time
 * from the header's rules. What is printed is read again and gives the same. Nobody's secret is in
 * an error or in what is printed. */
#include "loginetl/app/option_table.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 16384
#define LINES_MAX 64
#define SECRET    "hunter2"

struct sources {
    char text[INPUT_MAX + 1];
    char *lines[LINES_MAX];
    size_t count;
    struct le_buf file, config;
};

/* ---- the input ---- */

static void add_line(struct le_buf *buf, const char *line)
{
    enum le_err err = le_buf_append_text(buf, line);
    if (err == LE_OK)
        err = le_buf_append_text(buf, "\n");
    assert(err == LE_OK);
}

static void split(struct sources *sources, const uint8_t *data, size_t size)
{
    char *save = NULL;
    sources->count = 0;
    if (size > 0)
        memcpy(sources->text, data, size);
    sources->text[size] = '\0';
    le_buf_init(&sources->file, 2 * INPUT_MAX);
    le_buf_init(&sources->config, 2 * INPUT_MAX);
    for (char *line = strtok_r(sources->text, "\n", &save);
         line != NULL && sources->count < LINES_MAX; line = strtok_r(NULL, "\n", &save)) {
        for (char *at = line; (at = strchr(at, '\x1e')) != NULL;)
            *at = '\n';
        sources->lines[sources->count++] = line;
        if (line[0] == 'f')
            add_line(&sources->file, line + 1);
        else if (line[0] == 'c')
            add_line(&sources->config, line + 1);
    }
}

/* Changes the order of out, as le_options_arguments does. */
static int words_of(const struct sources *sources, char *out[LINES_MAX])
{
    int count = 0;
    for (size_t i = 0; i < sources->count; i++)
        if (sources->lines[i][0] == 'a')
            out[count++] = sources->lines[i] + 1;
    return count;
}

static const char *variable(void *self, const char *name)
{
    const struct sources *sources = self;
    size_t len = strlen(name);
    for (size_t i = 0; i < sources->count; i++) {
        const char *line = sources->lines[i];
        if (line[0] == 'v' && strncmp(line + 1, name, len) == 0 && line[1 + len] == '=')
            return line + 2 + len;
    }
    return NULL;
}

static enum le_err read_file(void *self, const char *path, struct le_buf *out, const char **reason)
{
    const struct sources *sources = self;
    *reason = "is not there";
    if (strcmp(path, "none") == 0)
        return LE_ERR_SYSTEM;
    return le_buf_append_span(out, le_buf_span(&sources->file));
}

/* Does the secret stand right there, where a password does that was given to another option? */
static bool is_right_at(const char *line, const char *place)
{
    size_t len = strlen(place);
    return strncmp(line, place, len) == 0 && strncmp(line + len, SECRET, strlen(SECRET)) == 0;
}

static bool is_misplaced(const char *line)
{
    static const char *const places[] = {"a--http://ann:",
                                         "a--endpoint-url=http://ann:",
                                         "a--queue=postgres://ann:",
                                         "a--mask=ann:",
                                         "vLOGINETL_QUEUE=http://ann:",
                                         "vLOGINETL_WAIT_TIME=password=",
                                         "cdlq-url = ann:",
                                         "c[ann:"};
    bool there = false;
    for (size_t k = 0; k < sizeof places / sizeof places[0]; k++)
        there = there || is_right_at(line, places[k]);
    return there;
}

/* On the command line, which shows a secret's value to nobody once it has been taken; what another
 * option is given stays there. */
static enum le_err read_arguments(struct le_options *options, struct sources *sources, bool secret)
{
    static char as_given[INPUT_MAX + 1];
    char *words[LINES_MAX];
    int count = words_of(sources, words), left;
    bool hidden = secret;
    for (int i = 0; i < count; i++)
        hidden = hidden && strcmp(words[i], "--") != 0; /* behind it are no options */
    for (size_t i = 0; i < sources->count; i++)
        hidden = hidden && !is_misplaced(sources->lines[i]);
    memcpy(as_given, sources->text, sizeof as_given);
    enum le_err err = le_options_arguments(options, count, words, &left);
    assert(err != LE_OK || left <= count);
    for (int i = 0; i < count; i++)
        assert(err != LE_OK || !hidden || strstr(words[i], SECRET) == NULL);
    memcpy(sources->text, as_given, sizeof as_given);
    return err;
}

static enum le_err read_all(struct le_options *options, struct sources *sources, bool secret)
{
    const struct le_options_world world = {
        .variable = variable, .read_file = read_file, .self = sources};
    le_options_init(options, le_option_table, LE_OPT_COUNT);
    enum le_err err = read_arguments(options, sources, secret);
    if (err == LE_OK)
        err = le_options_environment(options, &world);
    if (err == LE_OK)
        err = le_options_config(options, "f", le_buf_span(&sources->config));
    return err == LE_OK ? le_options_finish(options) : err;
}

/* ---- who wins ---- */

/* The last argument that gives the option a value. The command line is known to be right. */
static const char *by_argument(const struct sources *sources, const struct le_option *option)
{
    char *words[LINES_MAX];
    const char *found = NULL;
    int count = words_of(sources, words);
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        if (words[i][0] != '-' || words[i][1] == '\0')
            continue;
        size_t len = strcspn(words[i] + 2, "=");
        int index = -1;
        for (int k = 0; k < LE_OPT_COUNT; k++)
            if (strlen(le_option_table[k].name) == len &&
                memcmp(le_option_table[k].name, words[i] + 2, len) == 0)
                index = k;
        assert(index >= 0);
        const char *value = words[i] + 2 + len;
        if (*value == '=')
            value++;
        else
            value = le_option_table[index].kind == LE_OPTION_SWITCH ? "yes" : words[++i];
        if (&le_option_table[index] == option)
            found = value;
    }
    return found;
}

static bool by_variable(struct sources *sources, const struct le_option *option,
                        struct le_span *found, enum le_option_source *source)
{
    for (size_t i = 0; i < 3 && option->environment[i] != NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_FILE", option->environment[i]);
        const char *value = variable(sources, option->environment[i]);
        const char *path = option->file_variable ? variable(sources, name) : NULL;
        bool has_value = value != NULL && *value != '\0', has_path = path != NULL && *path != '\0';
        assert(!has_value || !has_path);
        if (!has_value && !has_path)
            continue;
        *source = has_value ? LE_OPTION_ENVIRONMENT : LE_OPTION_VARIABLE_FILE;
        *found = has_value ? le_span_of(value) : le_buf_span(&sources->file);
        if (has_path && found->len > 0)
            found->len--; /* every line of it ends in a newline */
        if (has_path && found->len > 0 && found->ptr[found->len - 1] == '\r')
            found->len--;
        return true;
    }
    return false;
}

/* The last line of the configuration file that gives each option a value. */
struct settings {
    char *of[LE_OPT_COUNT];
};

static enum le_err take_setting(void *self, struct le_span name, struct le_span value,
                                unsigned line)
{
    struct settings *settings = self;
    (void)line;
    for (size_t i = 0; i < LE_OPT_COUNT; i++) {
        if (!le_span_is(name, le_option_table[i].name))
            continue;
        le_free(settings->of[i]);
        settings->of[i] = le_strndup(value.ptr, value.len);
        assert(settings->of[i] != NULL);
    }
    return LE_OK;
}

static void check_winner(struct sources *sources, const struct settings *settings,
                         const struct le_options *options, size_t i)
{
    const struct le_option *option = &le_option_table[i];
    enum le_option_source source = LE_OPTION_ARGUMENT;
    struct le_span want = le_span_of(by_argument(sources, option));
    if (want.ptr == NULL && !by_variable(sources, option, &want, &source)) {
        source = settings->of[i] != NULL ? LE_OPTION_CONFIG_FILE : LE_OPTION_DEFAULT;
        want = le_span_of(settings->of[i] != NULL ? settings->of[i] : option->standard);
    }
    if (want.ptr == NULL)
        source = LE_OPTION_UNSET;
    const char *text = le_option_text(options, i);
    assert(options->values[i].source == source);
    assert(want.ptr == NULL ? text == NULL : text != NULL && le_span_is(want, text));
}

static void check_winners(struct sources *sources, const struct le_options *options)
{
    struct settings settings = {{NULL}};
    const struct le_config_reader reader = {take_setting, &settings};
    unsigned line;
    enum le_err err = le_config_read(le_buf_span(&sources->config), &reader, &line);
    assert(err == LE_OK);
    for (size_t i = 0; i < LE_OPT_COUNT; i++) {
        check_winner(sources, &settings, options, i);
        le_free(settings.of[i]);
    }
}

static void check_value(const struct le_options *options, size_t i)
{
    const struct le_option *option = &le_option_table[i];
    const char *text = le_option_text(options, i);
    if (text == NULL)
        return;
    assert(text[0] != '\0' || option->may_be_empty);
    if (option->kind == LE_OPTION_COUNT || option->kind == LE_OPTION_SIZE)
        assert(le_option_number(options, i) >= option->min &&
               le_option_number(options, i) <= option->max);
    else if (option->kind == LE_OPTION_SWITCH)
        assert(le_option_number(options, i) == (strcmp(text, "yes") == 0));
}

/* ---- what is said about it ---- */

/* Does the secret stand where a secret's value does? In the configuration file it ends with its
 * line. */
static bool is_at(const char *line, const char *place)
{
    const char *at = strstr(line, SECRET);
    return strncmp(line, place, strlen(place)) == 0 && at != NULL &&
           (line[0] != 'c' || memchr(line, '\n', (size_t)(at - line)) == NULL);
}

/* Is the one place where the secret stands one that is a secret's? */
static bool holds_secret(const struct sources *sources)
{
    static const char *const places[] = {
        "a--database-url=",        "a--database-ulr=",    "vDATABASE_URL=", "vPGPASSWORD=",
        "vAWS_SECRET_ACCESS_KEY=", "vAWS_SESSION_TOKEN=", "cdatabase-url="};
    size_t times = 0;
    bool there = false;
    for (size_t i = 0; i < sources->count; i++) {
        for (const char *at = sources->lines[i]; (at = strstr(at, SECRET)) != NULL; at++)
            times++;
        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++)
            there = there || is_at(sources->lines[i], places[k]);
        there = there || is_misplaced(sources->lines[i]);
    }
    return there && times == 1;
}

/* What holds of its values is fuzz_config's. */
static void check_printed(const struct le_options *options, bool secret)
{
    struct le_options again;
    struct le_buf text;
    le_buf_init(&text, 1 << 20);
    enum le_err err = le_options_print(options, &text);
    assert(err == LE_OK && text.len > 0);
    assert(!secret || memmem(text.data, text.len, SECRET, strlen(SECRET)) == NULL);
    le_options_init(&again, le_option_table, LE_OPT_COUNT);
    if (text.len <= LE_OPTIONS_FILE_MAX) {
        err = le_options_config(&again, "again", le_buf_span(&text));
        assert(err == LE_OK || again.error[0] != '\0');
    }
    le_options_free(&again);
    le_buf_free(&text);
}

static void check_error(const struct le_options *options, bool secret)
{
    size_t len = strlen(options->error);
    assert(len > 0 && len < LE_OPTIONS_ERROR_MAX && strpbrk(options->error, "\r\n") == NULL);
    assert(!secret || strstr(options->error, SECRET) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sources sources;
    struct le_options options;
    if (size > INPUT_MAX)
        return 0;
    split(&sources, data, size);
    bool secret = holds_secret(&sources);
    enum le_err err = read_all(&options, &sources, secret);
    assert(err == LE_OK || err == LE_ERR_CONFIG);
    if (err != LE_OK)
        check_error(&options, secret);
    if (err == LE_OK) {
        check_winners(&sources, &options);
        for (size_t i = 0; i < LE_OPT_COUNT; i++)
            check_value(&options, i);
        check_printed(&options, secret);
    }
    le_options_free(&options);
    le_buf_free(&sources.file);
    le_buf_free(&sources.config);
    return 0;
}
