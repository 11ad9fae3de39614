#include "loginetl/base/json.h"
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LEN 4096
#define NOON_MS      INT64_C(1767268496789) /* 2026-01-01T11:54:56.789Z */

static char got[LINE_MAX_LEN + 1];
static size_t got_len;
static int lines;

static void keep(void *self, const char *line, size_t len)
{
    assert_ptr_equal(self, &lines);
    assert_in_range(len, 1, LINE_MAX_LEN);
    memcpy(got, line, len);
    got[len] = '\0';
    got_len = len;
    lines++;
}

static int64_t noon(void *self)
{
    assert_ptr_equal(self, &lines);
    return NOON_MS;
}

static void start(enum le_log_level level, enum le_log_format format)
{
    const struct le_log_config config = {
        .level = level, .format = format, .sink = keep, .wall_ms = noon, .self = &lines};
    le_log_init(&config);
    lines = 0;
    got_len = 0;
    got[0] = '\0';
}

static int stop(void **state)
{
    (void)state;
    le_log_init(NULL);
    return 0;
}

static void test_nothing_before_init_nor_after_its_end(void **state)
{
    (void)state;
    lines = 0;
    assert_false(le_log_enabled(LE_LOG_ERROR));
    le_log(LE_LOG_ERROR, "lost", LE_FI("n", 1));
    le_log_write(LE_LOG_ERROR, "lost", NULL, 0);
    assert_int_equal(lines, 0);
    start(LE_LOG_DEBUG, LE_LOG_LOGFMT);
    le_log(LE_LOG_ERROR, "kept", LE_FI("n", 1));
    assert_int_equal(lines, 1);
    le_log_init(NULL);
    le_log(LE_LOG_ERROR, "lost", LE_FI("n", 1));
    assert_int_equal(lines, 1);
}

static int evaluated;

static int64_t evaluate(void)
{
    return ++evaluated;
}

static void test_levels(void **state)
{
    (void)state;
    for (int level = LE_LOG_ERROR; level <= LE_LOG_DEBUG; level++) {
        start((enum le_log_level)level, LE_LOG_LOGFMT);
        evaluated = 0;
        for (int i = LE_LOG_ERROR; i <= LE_LOG_DEBUG; i++)
            le_log((enum le_log_level)i, "tick", LE_FI("n", evaluate()));
        assert_int_equal(lines, level + 1);
        assert_int_equal(evaluated, level + 1);
    }
}

static void test_level_names(void **state)
{
    (void)state;
    enum le_log_level level = LE_LOG_ERROR;
    assert_true(le_log_level_parse(LE_SPAN_LIT("debug"), &level));
    assert_int_equal(level, LE_LOG_DEBUG);
    assert_true(le_log_level_parse(LE_SPAN_LIT("error"), &level));
    assert_int_equal(level, LE_LOG_ERROR);
    assert_true(le_log_level_parse(LE_SPAN_LIT("warn"), &level));
    assert_true(le_log_level_parse(LE_SPAN_LIT("info"), &level));
    assert_int_equal(level, LE_LOG_INFO);
    assert_false(le_log_level_parse(LE_SPAN_LIT("warning"), &level));
    assert_false(le_log_level_parse(LE_SPAN_LIT(""), &level));
    assert_false(le_log_level_parse(LE_SPAN_LIT("INFO"), &level));
    assert_int_equal(level, LE_LOG_INFO);
}

static void log_one_of_each(enum le_log_level level)
{
    le_log(level, "ready", LE_FS("queue", "login-queue"), LE_FI("rows", -3),
           LE_FSEC("seconds", 0.41), LE_FBOOL("ledger", true), LE_FBOOL("tls", false),
           LE_FS("note", "two words"), LE_FS("empty", ""), LE_FSPAN("absent", LE_SPAN_NONE));
}

static void test_logfmt(void **state)
{
    (void)state;
    start(LE_LOG_INFO, LE_LOG_LOGFMT);
    log_one_of_each(LE_LOG_INFO);
    assert_string_equal(
        got, "ts=2026-01-01T11:54:56.789Z level=info event=ready queue=login-queue rows=-3 "
             "seconds=0.41 ledger=true tls=false note=\"two words\" empty=\"\"\n");
    le_log_write(LE_LOG_WARN, "bare", NULL, 0);
    assert_string_equal(got, "ts=2026-01-01T11:54:56.789Z level=warn event=bare\n");
}

static void test_json(void **state)
{
    (void)state;
    start(LE_LOG_INFO, LE_LOG_JSON);
    log_one_of_each(LE_LOG_ERROR);
    assert_string_equal(
        got, "{\"ts\":\"2026-01-01T11:54:56.789Z\",\"level\":\"error\",\"event\":\"ready\","
             "\"queue\":\"login-queue\",\"rows\":-3,\"seconds\":0.41,\"ledger\":true,"
             "\"tls\":false,\"note\":\"two words\",\"empty\":\"\"}\n");
    le_log_write(LE_LOG_WARN, "bare", NULL, 0);
    assert_string_equal(
        got, "{\"ts\":\"2026-01-01T11:54:56.789Z\",\"level\":\"warn\",\"event\":\"bare\"}\n");
}

static void test_people(void **state)
{
    (void)state;
    start(LE_LOG_DEBUG, LE_LOG_PEOPLE);
    le_log(LE_LOG_ERROR, "queue_missing", LE_FS("queue", "q"),
           LE_FS("text", "the queue \"q\" does not exist"), LE_FI("tries", 2));
    assert_string_equal(got, "11:54:56 error  the queue \"q\" does not exist (queue=q tries=2)\n");
    le_log(LE_LOG_WARN, "slow", LE_FS("text", "the database is slow"));
    assert_string_equal(got, "11:54:56 warn   the database is slow\n");
    le_log(LE_LOG_INFO, "ready", LE_FS("queue", "q"), LE_FS("why", "a = b"));
    assert_string_equal(got, "11:54:56  ready (queue=q why=\"a = b\")\n");
    le_log(LE_LOG_DEBUG, "tick", LE_FSPAN("text", LE_SPAN_NONE));
    assert_string_equal(got, "11:54:56  tick\n");
}

static void test_people_see_their_own_time_of_day(void **state)
{
    (void)state;
    struct le_log_config config = {.level = LE_LOG_INFO,
                                   .format = LE_LOG_PEOPLE,
                                   .seconds_east = 13 * 3600 + 1800,
                                   .sink = keep,
                                   .wall_ms = noon,
                                   .self = &lines};
    le_log_init(&config);
    le_log_write(LE_LOG_INFO, "ready", NULL, 0);
    assert_string_equal(got, "01:24:56  ready\n");
    config.format = LE_LOG_LOGFMT;
    le_log_init(&config);
    le_log_write(LE_LOG_INFO, "ready", NULL, 0);
    assert_string_equal(got, "ts=2026-01-01T11:54:56.789Z level=info event=ready\n");
}

static void assert_value(struct le_span value, const char *expected)
{
    char line[LINE_MAX_LEN];
    le_log(LE_LOG_INFO, "e", LE_FSPAN("k", value));
    assert_true(snprintf(line, sizeof line, "ts=2026-01-01T11:54:56.789Z level=info event=e k=%s\n",
                         expected) > 0);
    assert_string_equal(got, line);
}

static void test_quoting(void **state)
{
    (void)state;
    start(LE_LOG_INFO, LE_LOG_LOGFMT);
    assert_value(LE_SPAN_LIT("https://host:1/path?a"), "https://host:1/path?a");
    assert_value(LE_SPAN_LIT("a=b"), "\"a=b\"");
    assert_value(LE_SPAN_LIT("say \"no\""), "\"say \\\"no\\\"\"");
    assert_value(LE_SPAN_LIT("back\\slash"), "\"back\\\\slash\"");
    assert_value(LE_SPAN_LIT("x\nts=0 level=error"), "\"x\\nts=0 level=error\"");
    assert_value(LE_SPAN_LIT("\r\t"), "\"\\r\\t\"");
    assert_value(LE_SPAN_LIT("nul\0here"), "\"nul\\u0000here\"");
    assert_value(LE_SPAN_LIT("\x1b[2J"), "\"\\u001b[2J\"");
    assert_value(LE_SPAN_LIT("\x7f"), "\"\\u007f\"");
    assert_value(LE_SPAN_LIT("Z\xc3\xbcrich \xf0\x9f\x98\x80"),
                 "\"Z\xc3\xbcrich \xf0\x9f\x98\x80\"");
    assert_value(LE_SPAN_LIT("\xc2\x9b"), "\"\\u009b\"");        /* a terminal's other escape */
    assert_value(LE_SPAN_LIT("\xe2\x80\xa8"), "\"\\u2028\"");    /* a line separator */
    assert_value(LE_SPAN_LIT("\xe2\x80\xae"), "\"\\u202e\"");    /* turns the text around */
    assert_value(LE_SPAN_LIT("\xff\xc3"), "\"\\ufffd\\ufffd\""); /* not UTF-8, and cut short */
    assert_value(LE_SPAN_LIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
}

static void assert_seconds(double seconds, const char *expected)
{
    char line[LINE_MAX_LEN];
    le_log(LE_LOG_INFO, "e", LE_FSEC("s", seconds));
    assert_true(snprintf(line, sizeof line, "event=e s=%s\n", expected) > 0);
    assert_string_equal(strstr(got, "event="), line);
}

static void test_seconds(void **state)
{
    (void)state;
    start(LE_LOG_INFO, LE_LOG_LOGFMT);
    assert_seconds(0, "0");
    assert_seconds(-0.0, "0");
    assert_seconds(12, "12");
    assert_seconds(100, "100");
    assert_seconds(0.41, "0.41");
    assert_seconds(1.0005, "1.001");
    assert_seconds(0.0004, "0");
    assert_seconds(-0.0004, "0");
    assert_seconds(-1.5, "-1.5");
    assert_seconds(1.05, "1.05");
    assert_seconds(9e12, "9000000000000");
    assert_seconds((double)NAN, "nan");
    assert_seconds((double)INFINITY, "inf");
    assert_seconds(-(double)INFINITY, "-inf");
    assert_seconds(DBL_MAX, "inf");
    start(LE_LOG_INFO, LE_LOG_JSON);
    le_log(LE_LOG_INFO, "e", LE_FSEC("a", (double)NAN), LE_FSEC("b", -(double)INFINITY),
           LE_FSEC("c", 1.5));
    assert_string_equal(strstr(got, "\"a\""), "\"a\":null,\"b\":null,\"c\":1.5}\n");
}

static void test_integers(void **state)
{
    (void)state;
    start(LE_LOG_INFO, LE_LOG_LOGFMT);
    le_log(LE_LOG_INFO, "e", LE_FI("a", INT64_MIN), LE_FI("b", INT64_MAX), LE_FI("c", 0));
    assert_string_equal(strstr(got, "a="), "a=-9223372036854775808 b=9223372036854775807 c=0\n");
}

/* Fields of every length around the limit: whole fields or none, and the line says when it was cut.
 */
static void test_long_lines_are_cut_at_a_field(void **state)
{
    (void)state;
    static const enum le_log_format formats[] = {LE_LOG_LOGFMT, LE_LOG_JSON, LE_LOG_PEOPLE};
    static const char *const cut_tails[] = {"y cut=true\n", "y\",\"cut\":true}\n", "y cut=true)\n"};
    static char value[LINE_MAX_LEN + 100];
    memset(value, 'y', sizeof value);
    for (int f = 0; f < 3; f++) {
        int whole = 0, cut = 0;
        start(LE_LOG_INFO, formats[f]);
        for (size_t len = 0; len < sizeof value; len++) {
            le_log(LE_LOG_INFO, "e", LE_FS("a", "y"), LE_FSPAN("k", ((struct le_span){value, len})),
                   LE_FI("z", 1));
            assert_int_equal(got[got_len - 1], '\n');
            const char *tail = got + got_len - strlen(cut_tails[f]);
            bool is_cut = strstr(got, "cut") != NULL;
            bool has_k = strstr(got, "yyy") != NULL;
            if (is_cut)
                assert_string_equal(tail, cut_tails[f]);
            cut += is_cut;
            whole += !is_cut;
            assert_true(is_cut || len < 3 || has_k);
        }
        assert_in_range(whole, 3900, LINE_MAX_LEN);
        assert_true(cut > 50);
    }
}

static void test_a_first_field_too_long_leaves_only_the_mark(void **state)
{
    (void)state;
    static char value[LINE_MAX_LEN];
    memset(value, 'y', sizeof value);
    start(LE_LOG_INFO, LE_LOG_PEOPLE);
    le_log(LE_LOG_INFO, "e", LE_FSPAN("k", ((struct le_span){value, sizeof value})));
    assert_string_equal(got, "11:54:56  e (cut=true)\n");
}

static void test_a_sentence_too_long_leaves_the_events_name(void **state)
{
    (void)state;
    static char text[LINE_MAX_LEN];
    memset(text, 'y', sizeof text);
    start(LE_LOG_INFO, LE_LOG_PEOPLE);
    le_log(LE_LOG_ERROR, "queue_missing", LE_FSPAN("text", ((struct le_span){text, sizeof text})),
           LE_FI("n", 1));
    assert_string_equal(got, "11:54:56 error  queue_missing (cut=true)\n");
}

static size_t random_value(struct le_rng *rng, char *out, size_t max)
{
    static const char *const nasty[] = {
        "\"",   "\\",           "\n",   "=",    " ",        "\x1b", "\xc2\x85",
        "\xff", "\xe2\x80\xae", "\xc3", "\xed", "\xf0\x9f", "}",    "\r\n",
        "a",    "\xc3\xbc",     "\\n",  "\\\"", "ts=0 ",    ","};
    size_t len = 0;
    for (uint64_t i = le_rng_below(rng, 40); i > 0; i--) {
        const char *piece = nasty[le_rng_below(rng, sizeof nasty / sizeof nasty[0])];
        char byte[2] = {(char)le_rng_next(rng), '\0'};
        if (le_rng_below(rng, 4) == 0)
            piece = byte;
        size_t piece_len = piece == byte ? 1 : strlen(piece);
        assert_true(len + piece_len <= max);
        memcpy(out + len, piece, piece_len);
        len += piece_len;
    }
    return len;
}

static void assert_one_clean_line(void)
{
    assert_int_equal(got[got_len - 1], '\n');
    struct le_span text = {got, got_len - 1};
    assert_true(le_utf8_valid(text));
    for (size_t i = 0; i < text.len; i++)
        assert_true((unsigned char)got[i] >= ' ' && got[i] != 0x7f);
}

/* The end of the value that begins at at: at its closing quote, or where its bare word ends. */
static const char *logfmt_value_end(const char *at)
{
    if (*at != '"')
        return at + strcspn(at, " \n\"=\\");
    for (at++; *at != '"'; at++) {
        assert_int_not_equal(*at, '\0');
        if (*at == '\\')
            at++;
    }
    return at + 1;
}

static void test_no_value_gets_out_of_its_quotes(void **state)
{
    (void)state;
    struct le_rng rng;
    le_rng_seed(&rng, 1);
    start(LE_LOG_INFO, LE_LOG_LOGFMT);
    for (int i = 0; i < 20000; i++) {
        char value[400];
        size_t len = random_value(&rng, value, sizeof value);
        le_log(LE_LOG_INFO, "e", LE_FSPAN("k", ((struct le_span){value, len})), LE_FI("z", 1));
        assert_one_clean_line();
        const char *at = strstr(got, " k=");
        assert_non_null(at);
        assert_string_equal(logfmt_value_end(at + 3), " z=1\n");
    }
}

static void test_people_lines_are_clean_too(void **state)
{
    (void)state;
    struct le_rng rng;
    le_rng_seed(&rng, 2);
    start(LE_LOG_INFO, LE_LOG_PEOPLE);
    for (int i = 0; i < 20000; i++) {
        char value[400];
        size_t len = random_value(&rng, value, sizeof value);
        struct le_span span = {value, len};
        le_log(LE_LOG_ERROR, "e", LE_FSPAN("text", span), LE_FSPAN("k", span));
        assert_one_clean_line();
    }
}

/* A reader of JSON finds the value again, when it was UTF-8. */
static void test_json_values_come_back(void **state)
{
    (void)state;
    struct le_rng rng;
    struct le_json *json = le_json_new();
    int compared = 0;
    assert_non_null(json);
    le_rng_seed(&rng, 3);
    start(LE_LOG_INFO, LE_LOG_JSON);
    for (int i = 0; i < 20000; i++) {
        char value[400], back[LINE_MAX_LEN];
        struct le_span span = {value, random_value(&rng, value, sizeof value)};
        le_log(LE_LOG_INFO, "e", LE_FSPAN("k", span));
        assert_one_clean_line();
        assert_int_equal(le_json_parse(json, got, got_len), LE_OK);
        struct le_json_value key, found;
        size_t cursor = 0;
        for (int member = 0; member < 4; member++)
            assert_true(le_json_member(json, &cursor, &key, &found));
        assert_true(le_span_is((struct le_span){key.ptr, key.len}, "k"));
        assert_false(le_json_member(json, &cursor, &key, &found));
        if (!le_utf8_valid(span) || memchr(value, '\0', span.len) != NULL)
            continue;
        cursor = 0;
        while (le_json_member(json, &cursor, &key, &found)) {
        }
        size_t len = found.len;
        memcpy(back, found.ptr, len);
        assert_int_equal(le_json_unescape(back, &len), LE_OK);
        assert_true(le_span_equal(span, (struct le_span){back, len}));
        compared++;
    }
    assert_true(compared > 500);
    le_json_free(json);
}

static void test_logging_takes_no_memory(void **state)
{
    (void)state;
    start(LE_LOG_DEBUG, LE_LOG_JSON);
    le_mem_fail_at(1);
    log_one_of_each(LE_LOG_DEBUG);
    assert_null(le_alloc(1)); /* so the failure was still waiting */
    assert_int_equal(lines, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_before_init_nor_after_its_end, stop),
        cmocka_unit_test_teardown(test_levels, stop),
        cmocka_unit_test_teardown(test_level_names, stop),
        cmocka_unit_test_teardown(test_logfmt, stop),
        cmocka_unit_test_teardown(test_json, stop),
        cmocka_unit_test_teardown(test_people, stop),
        cmocka_unit_test_teardown(test_people_see_their_own_time_of_day, stop),
        cmocka_unit_test_teardown(test_quoting, stop),
        cmocka_unit_test_teardown(test_seconds, stop),
        cmocka_unit_test_teardown(test_integers, stop),
        cmocka_unit_test_teardown(test_long_lines_are_cut_at_a_field, stop),
        cmocka_unit_test_teardown(test_a_first_field_too_long_leaves_only_the_mark, stop),
        cmocka_unit_test_teardown(test_a_sentence_too_long_leaves_the_events_name, stop),
        cmocka_unit_test_teardown(test_no_value_gets_out_of_its_quotes, stop),
        cmocka_unit_test_teardown(test_people_lines_are_clean_too, stop),
        cmocka_unit_test_teardown(test_json_values_come_back, stop),
        cmocka_unit_test_teardown(test_logging_takes_no_memory, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
