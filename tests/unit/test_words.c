/* A line as words. How shlex takes lines apart is held against it in test_words.py. */
#include "loginetl/profile/words.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void test_lines(void **state)
{
    static const struct {
        const char *line;
        const char *words[5];
    } lines[] = {
        {"", {NULL}},
        {" \t\r\n", {NULL}},
        {"a", {"a"}},
        {" a  b\tc\n", {"a", "b", "c"}},
        {"'a b' \"c d\"", {"a b", "c d"}},
        {"a'b'\"c\"d", {"abcd"}},
        {"'' \"\"", {"", ""}},
        {"a\\ b \\\"", {"a b", "\""}},
        {"\"a\\\"b\\\\c\\d\"", {"a\"b\\c\\d"}},
        {"'a\\'", {"a\\"}},
        {"a\\\nb", {"a\nb"}},
        {"$HOME `x` *;#", {"$HOME", "`x`", "*;#"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct le_words words;
        const char *reason;
        assert_int_equal(le_words_split(le_span_of(lines[i].line), &words, &reason), LE_OK);
        size_t count = 0;
        for (; lines[i].words[count] != NULL; count++)
            assert_string_equal(words.argv[count], lines[i].words[count]);
        assert_int_equal(words.count, count);
        assert_null(words.argv[count]);
        le_words_free(&words);
    }
}

static void check_refused(struct le_span line, enum le_err err, const char *about)
{
    struct le_words words;
    const char *reason = NULL;
    assert_int_equal(le_words_split(line, &words, &reason), err);
    assert_non_null(strstr(reason, about));
    assert_int_equal(le_mem_live(), 0);
}

static void test_malformed_lines(void **state)
{
    static const char *const open[] = {"'", "a 'b", "a\"", "\"a'", "\\", "a b\\", "\"a\\"};
    (void)state;
    for (size_t i = 0; i < COUNT(open); i++)
        check_refused(le_span_of(open[i]), LE_ERR_SYNTAX, "not closed");
    check_refused((struct le_span){"a\0b", 3}, LE_ERR_SYNTAX, "NUL");
}

static void test_as_many_words_as_there_may_be(void **state)
{
    char line[2 * (LE_WORDS_MAX + 1)];
    struct le_words words;
    const char *reason;
    (void)state;
    for (size_t i = 0; i < sizeof line; i += 2)
        memcpy(line + i, "a ", 2);
    assert_int_equal(
        le_words_split((struct le_span){line, (size_t)2 * LE_WORDS_MAX}, &words, &reason), LE_OK);
    assert_int_equal(words.count, LE_WORDS_MAX);
    le_words_free(&words);
    check_refused((struct le_span){line, sizeof line}, LE_ERR_TOO_LARGE, "more words");
}

static void test_a_word_that_does_not_fit(void **state)
{
    struct le_span rest = LE_SPAN_LIT("abc de"), word;
    char text[2];
    (void)state;
    assert_int_equal(le_word_next(&rest, text, sizeof text, &word), LE_ERR_TOO_LARGE);
    assert_int_equal(le_word_next(&rest, text, sizeof text, &word), LE_OK);
    assert_true(le_span_is(word, "de"));
    assert_int_equal(le_word_next(&rest, text, sizeof text, &word), LE_OK);
    assert_null(word.ptr);
}

static void test_without_memory(void **state)
{
    struct le_words words;
    const char *reason;
    (void)state;
    le_mem_fail_at(1);
    assert_int_equal(le_words_split(LE_SPAN_LIT("a"), &words, &reason), LE_ERR_NOMEM);
    le_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_malformed_lines),
        cmocka_unit_test(test_as_many_words_as_there_may_be),
        cmocka_unit_test(test_a_word_that_does_not_fit),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
