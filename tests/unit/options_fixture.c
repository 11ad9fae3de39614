#include "options_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

const struct le_option table[COUNT] = {
    [NAME] = {.name = "queue",
              .argument = "NAME",
              .environment = {"T_QUEUE", "OTHER_QUEUE"},
              .file_variable = true,
              .standard = "login-queue",
              .group = "Queue",
              .commands = 1,
              .help = "the queue"},
    [LIMIT] = {.name = "concurrency",
               .argument = "N",
               .environment = {"T_CONCURRENCY"},
               .kind = LE_OPTION_COUNT,
               .standard = "8",
               .min = 1,
               .max = 256,
               .group = "Queue",
               .commands = 1,
               .help = "most calls in flight"},
    [SIZE] = {.name = "memory-limit",
              .argument = "SIZE",
              .kind = LE_OPTION_SIZE,
              .standard = "64MiB",
              .min = 1 << 20,
              .max = INT64_C(1) << 40,
              .group = "Flow",
              .commands = 3,
              .help = "bytes held"},
    [WHEN] = {.name = "progress",
              .argument = "WHEN",
              .kind = LE_OPTION_CHOICE,
              .choices = "auto|yes|no",
              .otherwise = "as the terminal says",
              .group = "Flow",
              .commands = 2,
              .help = "the line"},
    [DRAIN] = {.name = "drain",
               .kind = LE_OPTION_SWITCH,
               .standard = "no",
               .group = "Flow",
               .commands = 1,
               .help = "end when empty"},
    [URL] = {.name = "database-url",
             .argument = "URL",
             .environment = {"DATABASE_URL"},
             .file_variable = true,
             .secret = true,
             .group = "Database",
             .commands = 1,
             .help = "where rows go"},
    [KEYS] = {.name = "require",
              .argument = "KEYS",
              .standard = "user_id",
              .may_be_empty = true,
              .group = "Flow",
              .commands = 1,
              .help = "keys"},
    [HELP] = {.name = "help",
              .kind = LE_OPTION_SWITCH,
              .place = LE_OPTION_ARGUMENT_ONLY,
              .group = "Flow",
              .commands = 3,
              .help = "this"},
    [PASSWORD] = {.name = "PASSWORD",
                  .argument = "P",
                  .environment = {"PASSWORD"},
                  .kind = LE_OPTION_COUNT,
                  .min = 1,
                  .max = 9,
                  .secret = true,
                  .place = LE_OPTION_ENVIRONMENT_ONLY,
                  .group = "Environment",
                  .commands = 1,
                  .help = "a secret"},
};

int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    le_options_init(&fixture->options, table, COUNT);
    *state = fixture;
    return 0;
}

int teardown(void **state)
{
    struct fixture *fixture = *state;
    le_options_free(&fixture->options);
    test_free(fixture);
    return 0;
}

static const char *variable(void *self, const char *name)
{
    const struct fixture *fixture = self;
    for (int i = 0; i < 8 && fixture->environment[i] != NULL; i += 2) {
        if (strcmp(fixture->environment[i], name) == 0)
            return fixture->environment[i + 1];
    }
    return NULL;
}

static enum le_err read_file(void *self, const char *path, struct le_buf *out, const char **reason)
{
    const struct fixture *fixture = self;
    if (fixture->file_path == NULL || strcmp(path, fixture->file_path) != 0) {
        *reason = "does not exist";
        return LE_ERR_SYSTEM;
    }
    return le_buf_append_text(out, fixture->file_text);
}

enum le_err arguments(struct fixture *fixture, const char *a, const char *b, const char *c)
{
    const char *given[] = {a, b, c};
    int count = 0;
    while (count < 3 && given[count] != NULL) {
        char *word = fixture->argument[count];
        assert_true(strlen(given[count]) < sizeof fixture->argument[count]);
        memcpy(word, given[count], strlen(given[count]) + 1);
        fixture->argv[count++] = word;
    }
    return le_options_arguments(&fixture->options, count, fixture->argv, &fixture->words);
}

enum le_err environment(struct fixture *fixture)
{
    const struct le_options_world world = {
        .variable = variable, .read_file = read_file, .self = fixture};
    return le_options_environment(&fixture->options, &world);
}

enum le_err config(struct fixture *fixture, const char *text)
{
    return le_options_config(&fixture->options, "l.conf", le_span_of(text));
}
