/* The option engine on a table of its own: validation, suggestions, help and printing. */
#include "loginetl/base/mem.h"
#include "options_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

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
    assert_ok(le_option_parse_size(LE_SPAN_LIT("3K"), &n));
    assert_int_equal(n, 3 << 10);
    assert_ok(le_option_parse_size(LE_SPAN_LIT("64M"), &n));
    assert_int_equal(n, 64 << 20);
    assert_ok(le_option_parse_size(LE_SPAN_LIT("1G"), &n));
    assert_int_equal(n, 1 << 30);
    assert_int_equal(LE_ERR_RANGE, le_option_parse_size(LE_SPAN_LIT("8589934592G"), &n));
    const char *const bad[] = {"MiB",  "",   "1MB",   "M",      "1 MiB", "-1MiB", "1mib",
                               "1.5G", "1m", "1KMiB", "1.5GiB", "1Mi",   "1iB",   "1 M"};
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

/* ps shows the words of a command line to everybody. */
static void test_secrets_do_not_stay_in_the_arguments(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--database-url=host=h", "--queue=a", NULL));
    assert_string_equal("--database-url=******", f->argv[0]);
    assert_string_equal("--queue=a", f->argv[1]);
    assert_ok(arguments(f, "--database-url", "host=h", NULL));
    assert_string_equal("--database-url", f->argv[0]);
    assert_string_equal("******", f->argv[1]);
    assert_string_equal("host=h", le_option_text(&f->options, URL));
    le_options_forget(&f->options, URL);
    assert_null(le_option_text(&f->options, URL));
    assert_true(le_option_given(&f->options, URL));
    assert_string_equal("the command line", le_options_source(&f->options, URL).text);
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
    /* As may be the name. */
    assert_refused(f, arguments(f, "--database-url:h=h", NULL, NULL),
                   "a word that begins with - is not an option (did you mean --database-url?)");
    const char *const secrets[] = {"--http://ann:hunter2", "--hunter2:hunter2", "-hunter2@h",
                                   "--wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        assert_refused(f, arguments(f, secrets[i], NULL, NULL),
                       "a word that begins with - is not an option (--help lists them)");
    assert_refused(f, arguments(f, "-phunter2", NULL, NULL),
                   "-p is not an option (--help lists them)");
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
                   "--memory-limit: \"1KiB\" is not a size from 1MiB to 1024GiB, such as 64MiB "
                   "(from l.conf line 3)");
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
                   "--progress: its value is not one of auto|yes|no (from the command line)");
    assert_refused(f, arguments(f, "--\033[2J\n=1", NULL, NULL),
                   "a word that begins with - is not an option (--help lists them)");
    assert_refused(f, arguments(f, "--qu\033eue=1", NULL, NULL),
                   "a word that begins with - is not an option (did you mean --queue?)");
    char url[300] = "--progress=http://h/";
    memset(url + strlen(url), 'x', sizeof url - 1 - strlen(url));
    assert_ok(arguments(f, url, NULL, NULL));
    assert_int_equal(LE_ERR_CONFIG, le_options_finish(&f->options));
    assert_non_null(strstr(f->options.error, "xxx...\" is not one of"));
}

/* --print-config writes values as lines of a file; a secret is not among them. */
static void test_a_text_is_one_line(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--database-url=host=h\nport=1", "--queue=a\ndrain = yes", NULL));
    assert_refused(f, le_options_finish(&f->options),
                   "--queue: its value holds a control character (from the command line)");
    assert_ok(arguments(f, "--queue=a", NULL, NULL));
    assert_ok(le_options_finish(&f->options));
}

/* A URL with a user in it is shown nowhere, whichever option it was given to. */
static void test_a_url_with_a_user_is_hidden(void **state)
{
    struct fixture *f = *state;
    assert_ok(arguments(f, "--queue=http://ann:hunter2@h:1", "--require=user_id", NULL));
    assert_ok(le_options_finish(&f->options));
    assert_refused(f, le_options_refuse(&f->options, NAME, "is a URL"),
                   "--queue: its value is a URL (from the command line)");
    assert_refused(f, le_options_refuse(&f->options, KEYS, "is no key"),
                   "--require: \"user_id\" is no key (from the command line)");
    struct le_buf out;
    le_buf_init(&out, 65536);
    assert_ok(le_options_print(&f->options, &out));
    assert_ok(le_buf_append(&out, "", 1));
    assert_non_null(strstr(out.data, "# queue = ***  ; --queue\n"));
    assert_non_null(strstr(out.data, "\nrequire = user_id  ; --require\n"));
    assert_null(strstr(out.data, "ann"));
    le_buf_free(&out);
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
                                  "# database-url = ***  ; --database-url\n"
                                  "require = user_id  ; default\n"
                                  "# PASSWORD = ***  ; PASSWORD\n");
    struct fixture other = {.words = 0};
    le_options_init(&other.options, table, COUNT);
    assert_ok(config(&other, out.data));
    assert_ok(le_options_finish(&other.options));
    assert_string_equal("q", le_option_text(&other.options, NAME));
    assert_null(le_option_text(&other.options, URL)); /* what is not shown is not read either */
    le_options_free(&other.options);
    le_buf_free(&out);
}

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_counts),
        test(test_sizes),
        test(test_argument_forms),
        test(test_words_stay_in_order),
        test(test_secrets_do_not_stay_in_the_arguments),
        test(test_last_argument_counts),
        test(test_unknown_arguments),
        test(test_missing_values),
        test(test_ranges),
        test(test_size_and_choice_refused),
        test(test_secret_is_not_told),
        test(test_control_characters_and_length),
        test(test_a_text_is_one_line),
        test(test_a_url_with_a_user_is_hidden),
        test(test_empty_where_allowed),
        test(test_switch_values),
        test(test_failing_memory),
        test(test_edit_distance),
        test(test_near),
        test(test_help),
        test(test_help_wraps),
        test(test_print_is_a_config_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
