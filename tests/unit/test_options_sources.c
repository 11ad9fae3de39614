/* Where an option comes from: precedence, files that variables name, the configuration file. */
#include "options_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

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
    /* The value itself, instead of a file that holds it. */
    const char *const values[] = {"hunter2", "postgres://ann:hunter2@h/d", "/x://ann:hunter2@h/d"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        f->environment[1] = values[i];
        assert_refused(f, environment(f),
                       "DATABASE_URL_FILE: the file that it names does not exist");
    }
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
    /* What looks like no name may be the second line of a secret. */
    assert_refused(f, config(f, "queue = a\nwJalrXUtn/K7+MDENG=\n"),
                   "l.conf line 2: what is before the = is not a setting (--help lists them)");
    assert_refused(f, config(f, "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab=\n"),
                   "l.conf line 1: what is before the = is not a setting (--help lists them)");
}

static void test_config_syntax(void **state)
{
    struct fixture *f = *state;
    assert_ok(config(f, ""));
    assert_ok(config(f, "\n  \n# queue = b\n; queue = c\n"));
    assert_null(le_option_text(&f->options, NAME));
    assert_refused(f, config(f, "queue = a\nnonsense\n"),
                   "l.conf line 2: expected a line like name = value");
}

static void test_config_sections(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, config(f, "[queue]\nqueue = a\n"),
                   "l.conf line 1: [queue]: sections are not used");
    assert_refused(f, config(f, "\xef\xbb\xbf  [queue] ; all of them\n"),
                   "l.conf line 1: [queue]: sections are not used");
    assert_refused(f, config(f, "queue = a\n\n[queue\n"),
                   "l.conf line 3: [queue: sections are not used");
    /* What is wrong before it is told first. */
    assert_refused(f, config(f, "colour = 1\n[queue]\n"),
                   "l.conf line 1: colour is not a setting (--help lists them)");
    char text[600] = "queue = a\n[";
    memset(text + strlen(text), 'x', LE_SHOWN_MAX + 1);
    assert_refused(f, config(f, text), "l.conf line 2: [: sections are not used");
    /* Another file by mistake: what is in it is not told. */
    assert_refused(f, config(f, "[{\"user_id\": \"u\", \"ip\": \"192.0.2.1\"}]\n"),
                   "l.conf line 1: [: sections are not used");
    assert_refused(f, config(f, "[client] password=secret\n"),
                   "l.conf line 1: [client]: sections are not used");
}

static void test_config_twice(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, config(f, "queue = a\n# more\nconcurrency = 3\nqueue = a\n"),
                   "l.conf line 4: queue is set already in line 1");
    /* Also where an argument is stronger than both. */
    assert_ok(arguments(f, "--concurrency=4", NULL, NULL));
    assert_refused(f, config(f, "concurrency = 3\nconcurrency = 5\n"),
                   "l.conf line 2: concurrency is set already in line 1");
}

/* ---- variables that nobody reads ---- */

static bool known(const char *name, const char **near)
{
    struct le_options options;
    static const struct le_option own[] = {
        {.name = "concurrency",
         .argument = "N",
         .environment = {"LOGINETL_CONCURRENCY"},
         .file_variable = true,
         .group = "G",
         .help = "h"},
        {.name = "mask",
         .argument = "M",
         .environment = {"LOGINETL_MASK", "OTHER_MASK"},
         .group = "G",
         .help = "h"},
    };
    le_options_init(&options, own, sizeof own / sizeof own[0]);
    bool is = le_options_know_variable(&options, le_span_of(name), near);
    le_options_free(&options);
    return is;
}

static void test_unknown_variables(void **state)
{
    (void)state;
    const char *near;
    assert_true(known("LOGINETL_CONCURRENCY", &near));
    assert_true(known("LOGINETL_CONCURRENCY_FILE", &near));
    assert_true(known("OTHER_MASK", &near));
    assert_false(known("LOGINETL_MASK_FILE", &near)); /* it has no such form */
    assert_false(known("LOGINETL_CONCURENCY", &near));
    assert_string_equal(near, "LOGINETL_CONCURRENCY");
    assert_false(known("LOGINETL_CONC", &near));
    assert_string_equal(near, "LOGINETL_CONCURRENCY");
    assert_false(known("LOGINETL_OTHER_MASK", &near));
    assert_string_equal(near, "OTHER_MASK");
    assert_false(known("LOGINETL_OTHR_MASK", &near));
    assert_string_equal(near, "OTHER_MASK");
    /* What all of them begin with makes none of them near. */
    const char *const far[] = {"LOGINETL_", "LOGINETL_HOST", "LOGINETL_X", "CONCURENCY", ""};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        assert_false(known(far[i], &near));
        assert_null(near);
    }
}

static const char *const entries[] = {
    "PATH=/bin",
    "T_QUEUE=q",
    "LOGINETL=1",
    "LOGINETL_DATABASE_URL=postgresql://u:secret@h/d",
    "LOGINETL_URL=LOGINETL_COLOUR=red",
    "LOGINETL_DATABASE_UR",
    "LOGINETL_\n\x7f",
};

static const char *entry(void *self, size_t index)
{
    (void)self;
    return index < sizeof entries / sizeof entries[0] ? entries[index] : NULL;
}

static void note_variable(void *owner, const char *name, const char *near)
{
    struct le_buf *told = owner;
    assert_ok(
        le_buf_printf(told, "%s%s%s;", name, near != NULL ? "?" : "", near != NULL ? near : ""));
}

/* Names only: a value may be a secret under a mistyped name. */
static void test_unknown_variables_are_told(void **state)
{
    struct fixture *f = *state;
    const struct le_options_world world = {.entry = entry};
    struct le_buf told;
    le_buf_init(&told, 1000);
    le_options_unknown_variables(&f->options, &world, note_variable, &told);
    assert_ok(le_buf_append(&told, "", 1));
    assert_string_equal(told.data, "LOGINETL_DATABASE_URL?DATABASE_URL;LOGINETL_URL;"
                                   "LOGINETL_DATABASE_UR?DATABASE_URL;LOGINETL_??;");
    le_buf_free(&told);
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
    assert_refused(f, config(f, text), "l.conf line 1: the value is longer than 8192 characters");
}

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_precedence),
        test(test_weaker_value_is_not_looked_at),
        test(test_second_variable_and_empty_ones),
        test(test_variable_file),
        test(test_variable_file_is_missing),
        test(test_variable_twice),
        test(test_no_file_form),
        test(test_config_unknown),
        test(test_config_syntax),
        test(test_config_sections),
        test(test_config_twice),
        test(test_unknown_variables),
        test(test_unknown_variables_are_told),
        test(test_config_blanks),
        test(test_config_long_values),
        test(test_config_too_long_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
