/* The pull reader for the queue service's answers: what it reads, what it skips, what it refuses.
 */
#include "loginetl/base/json_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A copy on the heap without a NUL behind it, so that a sanitizer sees every step too far. */
struct text {
    char *bytes;
    size_t len;
};

static struct text text_of(const char *bytes, size_t len)
{
    struct text text = {malloc(len > 0 ? len : 1), len};
    assert_non_null(text.bytes);
    memcpy(text.bytes, bytes, len);
    return text;
}

static enum le_err skip_bytes(const char *bytes, size_t len)
{
    struct text text = text_of(bytes, len);
    struct le_reader reader;
    le_reader_init(&reader, text.bytes, text.len);
    le_reader_skip(&reader);
    enum le_err err = le_reader_finish(&reader);
    assert_memory_equal(text.bytes, bytes, len);
    free(text.bytes);
    return err;
}

static enum le_err skip_text(const char *text)
{
    return skip_bytes(text, strlen(text));
}

static void test_skip_takes_whole_values(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t{\r\n}",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "12",
        "-1.50",
        "1e9",
        "1E+9",
        "0.1e-2",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":[]}",
        "[[[]],{},[{}]]",
        "{\"a\":1,\"a\":2}",
        "[\"]\",\"}\"]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (skip_text(good[i]) != LE_OK)
            fail_msg("refused: %s", good[i]);
    }
}

static void test_skip_refuses_malformed_values(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[",
        "}",
        "]",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "{}{}",
        "[][]",
        "1 2",
        "nul",
        "nulll",
        "True",
        "tru",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\u\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\x01\"",
        "'a'",
        "[[]",
        "{\"a\":[}",
        "[\"a]",
        "/**/1",
        "[1]]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (skip_text(bad[i]) != LE_ERR_SYNTAX)
            fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(skip_bytes("1\0", 2), LE_ERR_SYNTAX);
    assert_int_equal(skip_bytes("\"a\0b\"", 5), LE_ERR_SYNTAX);
    assert_int_equal(skip_bytes("\0", 1), LE_ERR_SYNTAX);
}

/* Every prefix of an answer is refused, and none is read past its end. */
static void test_cut_text_is_refused(void **state)
{
    static const char whole[] =
        "{\"a\":[true,-1.5e3,\"x\\u00e9\\n\"],\"b\":{\"c\":null,\"d\":false}}";
    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++)
        assert_int_equal(skip_bytes(whole, len), LE_ERR_SYNTAX);
    assert_int_equal(skip_bytes(whole, sizeof whole - 1), LE_OK);
}

static void test_skip_has_a_depth(void **state)
{
    char text[2 * LE_READER_SKIP_DEPTH_MAX + 2];
    (void)state;
    memset(text, '[', LE_READER_SKIP_DEPTH_MAX);
    memset(text + LE_READER_SKIP_DEPTH_MAX, ']', LE_READER_SKIP_DEPTH_MAX);
    assert_int_equal(skip_bytes(text, 2 * (size_t)LE_READER_SKIP_DEPTH_MAX), LE_OK);
    memset(text, '[', LE_READER_SKIP_DEPTH_MAX + 1);
    memset(text + LE_READER_SKIP_DEPTH_MAX + 1, ']', LE_READER_SKIP_DEPTH_MAX + 1);
    assert_int_equal(skip_bytes(text, sizeof text), LE_ERR_SYNTAX);
}

/* Alternating kinds over the edges of the words that hold them. */
static void test_skip_remembers_kinds(void **state)
{
    char text[4096];
    size_t len = 0;
    (void)state;
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", i % 3 == 0 ? "[" : "{\"k\":");
    text[len++] = '7';
    for (int i = 99; i >= 0; i--)
        text[len++] = i % 3 == 0 ? ']' : '}';
    assert_int_equal(skip_bytes(text, len), LE_OK);
    text[len - 50] = text[len - 50] == ']' ? '}' : ']';
    assert_int_equal(skip_bytes(text, len), LE_ERR_SYNTAX);
}

/* Reads one string; expect NULL: it must be refused. */
static void check_string(const char *json, const char *expect, size_t expect_len)
{
    struct text text = text_of(json, strlen(json));
    struct le_reader reader;
    struct le_span span = LE_SPAN_NONE;
    le_reader_init(&reader, text.bytes, text.len);
    bool read = le_reader_string(&reader, &span);
    enum le_err err = le_reader_finish(&reader);
    if (expect == NULL) {
        if (err != LE_ERR_SYNTAX)
            fail_msg("taken: %s", json);
    } else {
        if (!read || err != LE_OK || span.len != expect_len ||
            memcmp(span.ptr, expect, expect_len) != 0)
            fail_msg("%s read as %.*s", json, (int)span.len, span.ptr);
        assert_true(span.ptr >= text.bytes && span.ptr + span.len <= text.bytes + text.len);
    }
    free(text.bytes);
}

#define CHECK_STRING(json, expect) check_string(json, expect, sizeof(expect) - 1)

static void test_strings_are_unescaped(void **state)
{
    (void)state;
    CHECK_STRING("\"\"", "");
    CHECK_STRING(" \n\"plain\" ", "plain");
    CHECK_STRING("\"a longer plain text, beyond a word\"", "a longer plain text, beyond a word");
    CHECK_STRING("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    CHECK_STRING("\"\\u0041\\u00e9\\u00E9\\u20ac\"", "A\xC3\xA9\xC3\xA9\xE2\x82\xAC");
    CHECK_STRING("\"\\ud83d\\ude00!\"", "\xF0\x9F\x98\x80!");
    CHECK_STRING("\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF");
    CHECK_STRING("\"a\\u0000b\"", "a\0b");
    CHECK_STRING("\"\xC3\xA9\xF0\x9F\x98\x80\"", "\xC3\xA9\xF0\x9F\x98\x80");
    CHECK_STRING("\"\x7F\x80\xFF\"", "\x7F\x80\xFF");
}

/* They are not UTF-8, so that whoever checks the text finds them. */
static void test_lone_surrogates_stay_visible(void **state)
{
    (void)state;
    CHECK_STRING("\"\\ud800\"", "\xED\xA0\x80");
    CHECK_STRING("\"\\udfff\"", "\xED\xBF\xBF");
    CHECK_STRING("\"\\ud800x\"", "\xED\xA0\x80x");
    CHECK_STRING("\"\\ud800\\n\"", "\xED\xA0\x80\n");
    CHECK_STRING("\"\\ud800\\u0041\"", "\xED\xA0\x80\x41");
    CHECK_STRING("\"\\ud800\\ud83d\\ude00\"", "\xED\xA0\x80\xF0\x9F\x98\x80");
    CHECK_STRING("\"\\ude00\\ud83d\"", "\xED\xB8\x80\xED\xA0\xBD");
}

static void test_malformed_strings_are_refused(void **state)
{
    static const char *const bad[] = {
        "\"",
        "\"abc",
        "\"abcdefgh",
        "\"abcdefghi",
        "\"\\",
        "\"\\\"",
        "\"\\q\"",
        "\"\\u\"",
        "\"\\u1\"",
        "\"\\u123\"",
        "\"\\u12g4\"",
        "\"\\ud83d\\u12\"",
        "\"\\ud83d\\uZZZZ\"",
        "\"abcdefg\x1f\"",
        "\"\x01\"",
        "\"\n\"",
        "\"\\n\n\"",
        "\"\\\"abcdefgh\x02ijk\"",
        "\"ok\" x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_string(bad[i], NULL, 0);
}

/* Every distance between two escapes and every shift between what is read and what is written, so
 * that the moves by words are right at each. */
static void test_escapes_at_every_distance(void **state)
{
    (void)state;
    for (size_t escapes = 0; escapes < 12; escapes++) {
        for (size_t run = 0; run < 40; run++) {
            char json[1024] = "\"", expect[1024];
            size_t json_len = 1, expect_len = 0;
            for (size_t i = 0; i <= escapes; i++) {
                for (size_t k = 0; k < run; k++)
                    json[json_len++] = expect[expect_len++] = (char)('a' + (k + i) % 26);
                if (i < escapes) {
                    memcpy(json + json_len, "\\\"", 2);
                    json_len += 2;
                    expect[expect_len++] = '"';
                }
            }
            json[json_len++] = '"';
            json[json_len] = '\0';
            check_string(json, expect, expect_len);
        }
    }
}

static void test_objects_and_arrays(void **state)
{
    char json[] = " { \"a\" : [ 1 , \"x\" ] , \"\\u0062\" : true , \"c\" : { } , \"d\" : -42 } ";
    struct le_reader reader;
    struct le_span key, text;
    bool yes = false;
    int64_t number = 0;
    (void)state;
    le_reader_init(&reader, json, sizeof json - 1);
    assert_false(le_reader_enter_array(&reader));
    assert_true(le_reader_enter_object(&reader));
    assert_true(le_reader_next_key(&reader, &key) && le_span_is(key, "a"));
    assert_false(le_reader_enter_object(&reader));
    assert_true(le_reader_enter_array(&reader));
    assert_true(le_reader_next_element(&reader));
    assert_false(le_reader_string(&reader, &text));
    assert_false(le_reader_bool(&reader, &yes));
    le_reader_skip(&reader);
    assert_true(le_reader_next_element(&reader) && le_reader_string(&reader, &text));
    assert_true(le_span_is(text, "x"));
    assert_false(le_reader_next_element(&reader));
    assert_true(le_reader_next_key(&reader, &key) && le_span_is(key, "b"));
    assert_false(le_reader_int(&reader, &number));
    assert_true(le_reader_bool(&reader, &yes) && yes);
    assert_true(le_reader_next_key(&reader, &key) && le_span_is(key, "c"));
    assert_true(le_reader_enter_object(&reader));
    assert_false(le_reader_next_key(&reader, &key));
    assert_true(le_reader_next_key(&reader, &key) && le_span_is(key, "d"));
    assert_true(le_reader_int(&reader, &number) && number == -42);
    assert_false(le_reader_next_key(&reader, &key));
    assert_int_equal(le_reader_finish(&reader), LE_OK);
}

/* Walks whatever stands there by entering all that can be entered. */
static void walk(struct le_reader *reader)
{
    struct le_span key;
    if (le_reader_enter_object(reader)) {
        while (le_reader_next_key(reader, &key))
            walk(reader);
    } else if (le_reader_enter_array(reader)) {
        while (le_reader_next_element(reader))
            walk(reader);
    } else {
        le_reader_skip(reader);
    }
}

static enum le_err walk_text(const char *json)
{
    struct text text = text_of(json, strlen(json));
    struct le_reader reader;
    le_reader_init(&reader, text.bytes, text.len);
    walk(&reader);
    enum le_err err = le_reader_finish(&reader);
    free(text.bytes);
    return err;
}

static void test_walking_checks_the_grammar(void **state)
{
    static const char *const bad[] = {
        "{\"a\"}",
        "{\"a\":1,}",
        "{,}",
        "[1,]",
        "[,]",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "[",
        "{",
        "[1",
        "{\"a\":1",
        "[1}",
        "{\"a\":1]",
        "{a:1}",
        "[]]",
        "{}x",
        "",
        "{\"a\":1,,\"b\":2}",
        "{\"a\n\":1}",
        "[1,",
    };
    (void)state;
    assert_int_equal(walk_text("[{\"a\":[]},[],{},[1,[2,[3]]],\"x\"]"), LE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (walk_text(bad[i]) != LE_ERR_SYNTAX)
            fail_msg("taken: %s", bad[i]);
    }
}

/* Whoever asks is not told of an element that is none, nor of one behind a comma that is none. */
static void test_commas_stand_between_elements(void **state)
{
    char array[] = "[1,]";
    struct le_reader reader;
    int64_t number;
    (void)state;
    le_reader_init(&reader, array, sizeof array - 1);
    assert_true(le_reader_enter_array(&reader) && le_reader_next_element(&reader));
    assert_true(le_reader_int(&reader, &number) && !le_reader_next_element(&reader));
    assert_int_equal(le_reader_finish(&reader), LE_ERR_SYNTAX);
    assert_int_equal(walk_text("[,1]"), LE_ERR_SYNTAX);
    assert_int_equal(walk_text("{,\"a\":1}"), LE_ERR_SYNTAX);
}

static void test_entering_has_a_depth(void **state)
{
    char deep[2 * LE_READER_DEPTH_MAX + 3];
    (void)state;
    memset(deep, '[', LE_READER_DEPTH_MAX);
    memset(deep + LE_READER_DEPTH_MAX, ']', LE_READER_DEPTH_MAX);
    deep[2 * LE_READER_DEPTH_MAX] = '\0';
    assert_int_equal(walk_text(deep), LE_OK);
    memset(deep, '[', LE_READER_DEPTH_MAX + 1);
    memset(deep + LE_READER_DEPTH_MAX + 1, ']', LE_READER_DEPTH_MAX + 1);
    deep[2 * LE_READER_DEPTH_MAX + 2] = '\0';
    assert_int_equal(walk_text(deep), LE_ERR_SYNTAX);
}

static void test_errors_stick(void **state)
{
    char json[] = "{\"a\":bad,\"b\":1}";
    struct le_reader reader;
    struct le_span key;
    bool yes;
    int64_t number;
    (void)state;
    le_reader_init(&reader, json, sizeof json - 1);
    assert_true(le_reader_enter_object(&reader) && le_reader_next_key(&reader, &key));
    le_reader_skip(&reader);
    assert_false(le_reader_next_key(&reader, &key));
    assert_false(le_reader_next_element(&reader));
    assert_false(le_reader_enter_object(&reader));
    assert_false(le_reader_enter_array(&reader));
    assert_false(le_reader_string(&reader, &key));
    assert_false(le_reader_bool(&reader, &yes));
    assert_false(le_reader_int(&reader, &number));
    le_reader_skip(&reader);
    assert_int_equal(le_reader_finish(&reader), LE_ERR_SYNTAX);
}

static bool int_of(const char *json, int64_t *out)
{
    struct text text = text_of(json, strlen(json));
    struct le_reader reader;
    le_reader_init(&reader, text.bytes, text.len);
    bool read = le_reader_int(&reader, out);
    free(text.bytes);
    return read;
}

static void test_whole_numbers(void **state)
{
    static const char *const others[] = {"1.0",
                                         "1e3",
                                         "1E3",
                                         "\"1\"",
                                         "null",
                                         "",
                                         "-",
                                         "x",
                                         "01",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "18446744073709551616"};
    int64_t number = 1;
    (void)state;
    assert_true(int_of("9223372036854775807", &number) && number == INT64_MAX);
    assert_true(int_of("-9223372036854775808", &number) && number == INT64_MIN);
    assert_true(int_of("0", &number) && number == 0);
    assert_true(int_of(" -7 ", &number) && number == -7);
    assert_true(int_of("123456789012345678", &number) && number == INT64_C(123456789012345678));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (int_of(others[i], &number))
            fail_msg("taken: %s", others[i]);
    }
}

static void test_no_text_at_all(void **state)
{
    struct le_reader reader;
    (void)state;
    le_reader_init(&reader, NULL, 0);
    assert_false(le_reader_enter_object(&reader));
    assert_int_equal(le_reader_finish(&reader), LE_OK);
    le_reader_skip(&reader);
    assert_int_equal(le_reader_finish(&reader), LE_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skip_takes_whole_values),
        cmocka_unit_test(test_skip_refuses_malformed_values),
        cmocka_unit_test(test_cut_text_is_refused),
        cmocka_unit_test(test_skip_has_a_depth),
        cmocka_unit_test(test_skip_remembers_kinds),
        cmocka_unit_test(test_strings_are_unescaped),
        cmocka_unit_test(test_lone_surrogates_stay_visible),
        cmocka_unit_test(test_malformed_strings_are_refused),
        cmocka_unit_test(test_escapes_at_every_distance),
        cmocka_unit_test(test_objects_and_arrays),
        cmocka_unit_test(test_walking_checks_the_grammar),
        cmocka_unit_test(test_commas_stand_between_elements),
        cmocka_unit_test(test_entering_has_a_depth),
        cmocka_unit_test(test_errors_stick),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_no_text_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
