/* The option engine on a table of its own: precedence, validation, suggestions, help and printing.
 */
#include "loginetl/base/mem.h"
#include "loginetl/base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { NAME, LIMIT, SIZE, WHEN, DRAIN, URL, KEYS, HELP, PASSWORD, COUNT };

static const struct le_option table[COUNT] = {
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

struct fixture {
    struct le_options options;
    const char *environment[8]; /* name, value, … */
    const char *file_path, *file_text;
    char *argv[8];
    int words;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    le_options_init(&fixture->options, table, COUNT);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
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

static enum le_err arguments(struct fixture *fixture, const char *a, const char *b, const char *c)
{
    const char *given[] = {a, b, c};
    int count = 0;
    while (count < 3 && given[count] != NULL) {
        fixture->argv[count] = (char *)(uintptr_t)given[count];
        count++;
    }
    return le_options_arguments(&fixture->options, count, fixture->argv, &fixture->words);
}

static enum le_err environment(struct fixture *fixture)
{
    const struct le_options_world world = {variable, read_file, fixture};
    return le_options_environment(&fixture->options, &world);
}

static enum le_err config(struct fixture *fixture, const char *text)
{
    return le_options_config(&fixture->options, "l.conf", le_span_of(text));
}

#define assert_ok(expression) assert_int_equal(LE_OK, (expression))
#define assert_refused(fixture, expression, message)              \
    do {                                                          \
        assert_int_equal(LE_ERR_CONFIG, (expression));            \
        assert_string_equal((fixture)->options.error, (message)); \
    } while (0)

/* ---- numbers ---- */

static void test_counts(void **state)
{
    (void)state;
    int64_t n = -1;
    assert_ok(le_option_parse_count(LE_SPAN_LIT("0"), &n));
    assert_int_equal(n, 0);
    assert_ok(le_option_parse_count(LE_SPAN_LIT("9223372036854775807"), &n));
    assert_true(n == INT64_MAX);
    assert_int_equal(LE_ERR_RANGE, le_option_parse_count(LE_SPAN_LIT("9223372036854775808"), &n));
    const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "٣"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(LE_ERR_SYNTAX, le_option_parse_count(le_span_of(bad[i]), &n));
}

static void test_sizes(void **state)
{
    (void)state;
    int64_t n = -1;
    assert_ok(le_option_parse_size(LE_SPAN_LIT("65536"), &n));
    assert_int_equal(n, 65536);
    assert_ok(le_option_parse_size(LE_SPAN_LIT("3KiB"), &n));
    assert_int_equal(n, 3072);
    assert_ok(le_option_parse_size(LE_SPAN_LIT("64MiB"), &n));
    assert_int_equal(n, 64 << 20);
    assert_ok(le_option_parse_size(LE_SPAN_LIT("1GiB"), &n));
    assert_int_equal(n, 1 << 30);
    assert_int_equal(LE_ERR_RANGE, le_option_parse_size(LE_SPAN_LIT("8589934592GiB"), &n));
    const char *const bad[] = {"MiB", "", "1MB", "1M", "1 MiB", "-1MiB", "1mib", "1.5GiB"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(LE_ERR_SYNTAX, le_option_parse_size(le_span_of(bad[i]), &n));
}

/* ---- arguments ---- */

static void test_argument_forms(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--queue", "one", "--concurrency=16"));
    assert_ok(arguments(f, "--drain", NULL, NULL));
    assert_ok(le_options_finish(&f->options));
    assert_string_equal("one", le_option_text(&f->options, NAME));
    assert_int_equal(16, le_option_number(&f->options, LIMIT));
    assert_true(le_option_on(&f->options, DRAIN));
    assert_int_equal(f->words, 0);
}

static void test_words_stay_in_order(void **state)
{
    struct fixture *f = *state;
    f->argv[0] = (char[]){"send"};
    f->argv[1] = (char[]){"--queue"};
    f->argv[2] = (char[]){"-q"};
    f->argv[3] = (char[]){"-"};
    f->argv[4] = (char[]){"--"};
    f->argv[5] = (char[]){"--drain"};
    assert_ok(le_options_arguments(&f->options, 6, f->argv, &f->words));
    assert_int_equal(3, f->words);
    assert_string_equal("send", f->argv[0]);
    assert_string_equal("-", f->argv[1]);
    assert_string_equal("--drain", f->argv[2]);
    assert_string_equal("-q", le_option_text(&f->options, NAME));
    assert_false(le_option_given(&f->options, DRAIN));
}

static void test_last_argument_counts(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--queue=a", "--queue=b", NULL));
    assert_string_equal("b", le_option_text(&f->options, NAME));
}

static void test_unknown_arguments(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, arguments(f, "--concurency", "8", NULL),
                   "--concurency is not an option (did you mean --concurrency?)");
    assert_refused(f, arguments(f, "--conc=8", NULL, NULL),
                   "--conc is not an option (did you mean --concurrency?)");
    assert_refused(f, arguments(f, "--xyzzy", NULL, NULL),
                   "--xyzzy is not an option (--help lists them)");
    assert_refused(f, arguments(f, "-help", NULL, NULL),
                   "-help is not an option (did you mean --help?)");
    /* A value may be a secret under a mistyped name. */
    assert_refused(f, arguments(f, "--database-ur=hunter2", NULL, NULL),
                   "--database-ur is not an option (did you mean --database-url?)");
    /* What only the environment has is no argument. */
    assert_refused(f, arguments(f, "--PASSWORD=1", NULL, NULL),
                   "--PASSWORD is not an option (--help lists them)");
}

static void test_missing_values(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, arguments(f, "--queue", NULL, NULL), "--queue needs a value: --queue NAME");
    assert_refused(f, arguments(f, "--queue", "--drain", NULL),
                   "--queue needs a value: --queue NAME");
    assert_ok(arguments(f, "--queue=", NULL, NULL));
    assert_refused(f, le_options_finish(&f->options),
                   "--queue: \"\" is empty: it needs a value (from the command line)");
}

/* ---- precedence ---- */

static void test_precedence(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"T_QUEUE", "env", "T_CONCURRENCY", "3"};
    memcpy(f->environment, given, sizeof given);
    assert_ok(arguments(f, "--queue", "flag", NULL));
    assert_ok(environment(f));
    assert_ok(config(f, "queue = file\nconcurrency = 4\nmemory-limit = 2MiB\n"));
    assert_ok(le_options_finish(&f->options));
    assert_string_equal("flag", le_option_text(&f->options, NAME));
    assert_int_equal(3, le_option_number(&f->options, LIMIT));
    assert_int_equal(2 << 20, le_option_number(&f->options, SIZE));
    assert_false(le_option_on(&f->options, DRAIN));
    assert_null(le_option_text(&f->options, WHEN));
    assert_string_equal("--queue", le_options_origin(&f->options, NAME).text);
    assert_string_equal("T_CONCURRENCY", le_options_origin(&f->options, LIMIT).text);
    assert_string_equal("l.conf line 3", le_options_origin(&f->options, SIZE).text);
    assert_string_equal("default", le_options_origin(&f->options, DRAIN).text);
    assert_string_equal("not set", le_options_origin(&f->options, WHEN).text);
}

static void test_weaker_value_is_not_looked_at(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"T_CONCURRENCY", "many"};
    memcpy(f->environment, given, sizeof given);
    assert_ok(arguments(f, "--concurrency=2", NULL, NULL));
    assert_ok(environment(f));
    assert_ok(le_options_finish(&f->options));
}

static void test_second_variable_and_empty_ones(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"T_QUEUE", "", "OTHER_QUEUE", "other"};
    memcpy(f->environment, given, sizeof given);
    assert_ok(environment(f));
    assert_string_equal("other", le_option_text(&f->options, NAME));
    assert_string_equal("OTHER_QUEUE", le_options_origin(&f->options, NAME).text);
}

/* ---- files that variables name ---- */

static void test_variable_file(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"DATABASE_URL_FILE", "/run/secret"};
    memcpy(f->environment, given, sizeof given);
    f->file_path = "/run/secret";
    f->file_text = "postgres://u:p@h/d\n";
    assert_ok(environment(f));
    assert_string_equal("postgres://u:p@h/d", le_option_text(&f->options, URL));
    assert_string_equal("DATABASE_URL_FILE", le_options_origin(&f->options, URL).text);
}

static void test_variable_file_is_missing(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"DATABASE_URL_FILE", "/nowhere"};
    memcpy(f->environment, given, sizeof given);
    assert_refused(f, environment(f), "DATABASE_URL_FILE: the file /nowhere does not exist");
}

static void test_variable_twice(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"DATABASE_URL_FILE", "/run/secret", "DATABASE_URL", "x"};
    memcpy(f->environment, given, sizeof given);
    assert_refused(f, environment(f),
                   "DATABASE_URL and DATABASE_URL_FILE are both set: unset one of them");
}

static void test_no_file_form(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"T_CONCURRENCY_FILE", "/nowhere"};
    memcpy(f->environment, given, sizeof given);
    assert_ok(environment(f));
    assert_null(le_option_text(&f->options, LIMIT));
}

/* ---- refusals ---- */

static void test_ranges(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--concurrency", "257", NULL));
    assert_refused(f, le_options_finish(&f->options),
                   "--concurrency: \"257\" is not a whole number from 1 to 256 (from the command "
                   "line)");
    const char *const given[] = {"T_CONCURRENCY", "0"};
    struct fixture other = {.words = 0};
    le_options_init(&other.options, table, COUNT);
    memcpy(other.environment, given, sizeof given);
    assert_ok(environment(&other));
    assert_refused(&other, le_options_finish(&other.options),
                   "--concurrency: \"0\" is not a whole number from 1 to 256 (from T_CONCURRENCY)");
    le_options_free(&other.options);
}

static void test_size_and_choice_refused(void **state)
{
    struct fixture *f = *state;
    assert_ok(config(f, "# a comment\n\nmemory-limit = 1KiB ; too small\n"));
    assert_refused(f, le_options_finish(&f->options),
                   "--memory-limit: \"1KiB\" is not a size from 1MiB to 1024GiB (from l.conf line "
                   "3)");
    assert_ok(arguments(f, "--memory-limit=1MiB", "--progress=often", NULL));
    assert_refused(f, le_options_finish(&f->options),
                   "--progress: \"often\" is not one of auto|yes|no (from the command line)");
    /* A part of a word, or two of them, is no choice. */
    assert_ok(arguments(f, "--progress=auto|yes", NULL, NULL));
    assert_int_equal(LE_ERR_CONFIG, le_options_finish(&f->options));
    assert_ok(arguments(f, "--progress=ye", NULL, NULL));
    assert_int_equal(LE_ERR_CONFIG, le_options_finish(&f->options));
}

static void test_secret_is_not_told(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"PASSWORD", "hunter2"};
    memcpy(f->environment, given, sizeof given);
    assert_ok(environment(f));
    assert_refused(f, le_options_finish(&f->options),
                   "PASSWORD: its value is not a whole number from 1 to 9 (from PASSWORD)");
}

static void test_control_characters_and_length(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--progress=a\033[2Jb", NULL, NULL));
    assert_refused(f, le_options_finish(&f->options),
                   "--progress: \"a?[2Jb\" is not one of auto|yes|no (from the command line)");
    char long_value[300] = "--progress=";
    memset(long_value + 11, 'x', sizeof long_value - 12);
    assert_ok(arguments(f, long_value, NULL, NULL));
    assert_int_equal(LE_ERR_CONFIG, le_options_finish(&f->options));
    assert_non_null(strstr(f->options.error, "xxx...\" is not one of"));
}

static void test_empty_where_allowed(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--require=", NULL, NULL));
    assert_ok(le_options_finish(&f->options));
    assert_string_equal("", le_option_text(&f->options, KEYS));
}

static void test_switch_values(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--drain=no", NULL, NULL));
    assert_ok(le_options_finish(&f->options));
    assert_false(le_option_on(&f->options, DRAIN));
    assert_ok(arguments(f, "--drain=maybe", NULL, NULL));
    assert_refused(f, le_options_finish(&f->options),
                   "--drain: \"maybe\" is not yes or no (from the command line)");
}

/* ---- configuration file ---- */

static void test_config_unknown(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, config(f, "queue = a\ncolour = 1\n"),
                   "l.conf line 2: colour is not a setting (--help lists them)");
    assert_refused(f, config(f, "\n\nconcurency = 1\n"),
                   "l.conf line 3: concurency is not a setting (did you mean concurrency?)");
    assert_refused(f, config(f, "help = yes\n"), "l.conf line 1: help cannot be set in a file");
    assert_refused(f, config(f, "PASSWORD = 3\n"),
                   "l.conf line 1: PASSWORD cannot be set in a file");
}

static void test_config_syntax(void **state)
{
    struct fixture *f = *state;
    assert_ok(config(f, ""));
    assert_ok(config(f, "\n  \n# queue = b\n; queue = c\n"));
    assert_null(le_option_text(&f->options, NAME));
    assert_refused(f, config(f, "queue = a\nnonsense\n"),
                   "l.conf line 2: expected a line like name = value");
    assert_refused(f, config(f, "[queue]\nqueue = a\n"),
                   "l.conf line 2: expected a line like name = value");
}

static void test_config_blanks(void **state)
{
    struct fixture *f = *state;
    assert_ok(config(f, "\xef\xbb\xbfqueue=a\r\n   concurrency   =   7   \r\n\tdrain = yes"));
    assert_ok(le_options_finish(&f->options));
    assert_string_equal("a", le_option_text(&f->options, NAME));
    assert_int_equal(7, le_option_number(&f->options, LIMIT));
    assert_true(le_option_on(&f->options, DRAIN));
}

/* inih's own lines end at 200 bytes: every length around its pieces, with blanks and comment signs
 * anywhere. */
static void test_config_long_values(void **state)
{
    (void)state;
    for (size_t len = 150; len < 900; len += 7) {
        struct fixture f = {.words = 0};
        char text[1100], value[1000];
        for (size_t i = 0; i < len; i++)
            value[i] = "a;b#c d=e:f"[(i * 7 + len) % 11];
        /* No blank at an end or before a semicolon: that would not be part of the value. */
        value[0] = value[len - 1] = 'x';
        for (size_t i = 1; i < len; i++)
            if (value[i] == ';' && value[i - 1] == ' ')
                value[i] = 'y';
        value[len] = '\0';
        (void)snprintf(text, sizeof text, "# one\ndatabase-url = %s  ; note\nqueue = q\nbad\n",
                       value);
        le_options_init(&f.options, table, COUNT);
        assert_refused(&f, config(&f, text), "l.conf line 4: expected a line like name = value");
        assert_string_equal(value, le_option_text(&f.options, URL));
        assert_int_equal(2, f.options.values[URL].line);
        assert_int_equal(3, f.options.values[NAME].line);
        le_options_free(&f.options);
    }
}

static void test_config_too_long_value(void **state)
{
    struct fixture *f = *state;
    static char text[LE_OPTION_VALUE_MAX + 64];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "queue = ", 8);
    assert_int_equal(LE_ERR_TOO_LARGE, config(f, text));
}

/* ---- suggestions ---- */

static void test_edit_distance(void **state)
{
    (void)state;
    assert_int_equal(0, le_edit_distance(LE_SPAN_LIT("drain"), LE_SPAN_LIT("drain")));
    assert_int_equal(1, le_edit_distance(LE_SPAN_LIT("drian"), LE_SPAN_LIT("drain")));
    assert_int_equal(1, le_edit_distance(LE_SPAN_LIT("drai"), LE_SPAN_LIT("drain")));
    assert_int_equal(5, le_edit_distance(LE_SPAN_LIT(""), LE_SPAN_LIT("drain")));
    assert_int_equal(3, le_edit_distance(LE_SPAN_LIT("kitten"), LE_SPAN_LIT("sitting")));
    char longer[LE_OPTION_NAME_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(le_edit_distance(le_span_of(longer), LE_SPAN_LIT("x")) == SIZE_MAX);
}

static void test_near(void **state)
{
    (void)state;
    assert_true(le_option_near(LE_SPAN_LIT("chekc"), LE_SPAN_LIT("check")));
    assert_true(le_option_near(LE_SPAN_LIT("mem"), LE_SPAN_LIT("memory-limit")));
    assert_false(le_option_near(LE_SPAN_LIT("me"), LE_SPAN_LIT("memory-limit")));
    assert_false(le_option_near(LE_SPAN_LIT("xyzzy"), LE_SPAN_LIT("check")));
}

/* ---- help and printing ---- */

static void test_help(void **state)
{
    (void)state;
    struct le_buf out;
    le_buf_init(&out, 65536);
    assert_ok(le_options_help(table, COUNT, 2, &out));
    assert_ok(le_buf_append(&out, "", 1));
    assert_string_equal(out.data, "\nFlow\n"
                                  "  --memory-limit SIZE      bytes held\n"
                                  "                           [default 64MiB; 1MiB to 1024GiB]\n"
                                  "  --progress WHEN          the line\n"
                                  "                           [default: as the terminal says; "
                                  "auto|yes|no]\n"
                                  "  --help                   this\n");
    le_buf_free(&out);
}

static void test_help_wraps(void **state)
{
    (void)state;
    static const struct le_option one = {
        .name = "a-rather-long-option-name",
        .argument = "ARGUMENT",
        .group = "G",
        .commands = 1,
        .help = "words words words words words words words words words words words words words"};
    struct le_buf out;
    le_buf_init(&out, 65536);
    assert_ok(le_options_help(&one, 1, 1, &out));
    size_t column = 0, lines = 0;
    for (size_t i = 0; i < out.len; i++) {
        column = out.data[i] == '\n' ? 0 : column + 1;
        lines += out.data[i] == '\n';
        assert_true(column <= LE_HELP_COLUMNS);
    }
    assert_int_equal(5, lines);
    le_buf_free(&out);
}

static void test_print_is_a_config_file(void **state)
{
    struct fixture *f = *state;
    const char *const given[] = {"PASSWORD", "7"};
    memcpy(f->environment, given, sizeof given);
    assert_ok(arguments(f, "--database-url=postgres://u:hunter2@h/d", "--drain", NULL));
    assert_ok(environment(f));
    assert_ok(config(f, "queue = q\n"));
    assert_ok(le_options_finish(&f->options));
    struct le_buf out;
    le_buf_init(&out, 65536);
    assert_ok(le_options_print(&f->options, &out));
    assert_ok(le_buf_append(&out, "", 1));
    assert_string_equal(out.data, "queue = q  ; l.conf line 1\n"
                                  "concurrency = 8  ; default\n"
                                  "memory-limit = 64MiB  ; default\n"
                                  "# progress: not set (as the terminal says)\n"
                                  "drain = yes  ; --drain\n"
                                  "database-url = ***  ; --database-url\n"
                                  "require = user_id  ; default\n"
                                  "# PASSWORD = ***  ; PASSWORD\n");
    struct fixture other = {.words = 0};
    le_options_init(&other.options, table, COUNT);
    assert_ok(config(&other, out.data));
    assert_ok(le_options_finish(&other.options));
    assert_string_equal("q", le_option_text(&other.options, NAME));
    le_options_free(&other.options);
    le_buf_free(&out);
}

/* ---- memory ---- */

/* Every allocation fails once: an error each time, and nothing is lost (the leak sanitizer looks).
 */
static void test_failing_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (unsigned long nth = 1; failed && nth < 100; nth++) {
        struct fixture f = {.file_path = "/s", .file_text = "postgres://h\n"};
        const char *const given[] = {"DATABASE_URL_FILE", "/s", "T_QUEUE", "q"};
        memcpy(f.environment, given, sizeof given);
        le_options_init(&f.options, table, COUNT);
        le_mem_fail_at(nth);
        enum le_err err = arguments(&f, "--drain", NULL, NULL);
        if (err == LE_OK)
            err = environment(&f);
        if (err == LE_OK)
            err = config(&f, "concurrency = 3\n");
        if (err == LE_OK)
            err = le_options_finish(&f.options);
        le_mem_fail_at(0);
        assert_true(err == LE_OK || err == LE_ERR_NOMEM || err == LE_ERR_CONFIG);
        failed = err != LE_OK;
        le_options_free(&f.options);
    }
    assert_false(failed);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_counts),
        test(test_sizes),
        test(test_argument_forms),
        test(test_words_stay_in_order),
        test(test_last_argument_counts),
        test(test_unknown_arguments),
        test(test_missing_values),
        test(test_precedence),
        test(test_weaker_value_is_not_looked_at),
        test(test_second_variable_and_empty_ones),
        test(test_variable_file),
        test(test_variable_file_is_missing),
        test(test_variable_twice),
        test(test_no_file_form),
        test(test_ranges),
        test(test_size_and_choice_refused),
        test(test_secret_is_not_told),
        test(test_control_characters_and_length),
        test(test_empty_where_allowed),
        test(test_switch_values),
        test(test_config_unknown),
        test(test_config_syntax),
        test(test_config_blanks),
        test(test_config_long_values),
        test(test_config_too_long_value),
        test(test_edit_distance),
        test(test_near),
        test(test_help),
        test(test_help_wraps),
        test(test_print_is_a_config_file),
        test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
