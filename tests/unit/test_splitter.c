/* Lines and array elements out of a stream that comes in pieces of every size. */
#include "loginetl/base/mem.h"
#include "loginetl/base/splitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MESSAGE_MAX 40

/* What comes out, as "LINE:TEXT|LINE:TEXT|…", with "!" for one that is too large and "E LINE" for
 * an error. */
static void split(const char *text, size_t step, char *out, size_t size)
{
    struct le_splitter splitter;
    struct le_split one;
    size_t len = strlen(text), fed = 0, used = 0;
    uint64_t line = 0;
    le_splitter_init(&splitter, MESSAGE_MAX, 64);
    out[0] = '\0';
    for (bool ended = false;;) {
        while (le_splitter_next(&splitter, &one)) {
            used += (size_t)snprintf(out + used, size - used, "%d:%.*s|", (int)one.line,
                                     one.too_large ? 1 : (int)one.text.len,
                                     one.too_large ? "!" : one.text.ptr);
            assert_true(used < size);
        }
        if (ended || le_splitter_error(&splitter, &line) != LE_OK)
            break;
        size_t part = len - fed < step ? len - fed : step;
        if (part > 0)
            assert_int_equal(LE_OK, le_splitter_feed(&splitter, text + fed, part));
        fed += part;
        if (part == 0) {
            le_splitter_end(&splitter);
            ended = true;
        }
    }
    if (le_splitter_error(&splitter, &line) != LE_OK)
        (void)snprintf(out + used, size - used, "E%d", (int)line);
    le_splitter_free(&splitter);
}

static void check(const char *text, const char *expected)
{
    for (size_t step = 1; step <= 64; step++) {
        char out[1024];
        split(text, step, out, sizeof out);
        assert_string_equal(out, expected);
    }
}

static void test_lines(void **state)
{
    (void)state;
    check("", "");
    check("\n\n  \n\t\r\n", "");
    check("{\"a\":1}\n{\"b\":2}\n", "1:{\"a\":1}|2:{\"b\":2}|");
    check("{\"a\":1}\r\n\n  {\"b\": 2}  ", "1:{\"a\":1}|3:{\"b\": 2}|");
    check("not json\n}{\n\"x", "1:not json|2:}{|3:\"x|");
    check("\n\nx\n[1]\n", "3:x|4:[1]|");
}

static void test_byte_order_mark(void **state)
{
    (void)state;
    check("\xef\xbb\xbf{\"a\":1}\n", "1:{\"a\":1}|");
    check("\xef\xbb\xbf[1]", "1:1|");
}

static void test_large_lines(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'x', sizeof text);
    text[MESSAGE_MAX] = '\n';         /* just fits */
    text[2 * MESSAGE_MAX + 2] = '\n'; /* one too many */
    text[300] = '\n';                 /* far too many */
    text[302] = '\0';
    char expected[128];
    (void)snprintf(expected, sizeof expected, "1:%.*s|2:!|3:!|4:x|", MESSAGE_MAX, text);
    check(text, expected);
    /* The CR of a line's end does not count. */
    char line[MESSAGE_MAX + 8];
    (void)snprintf(line, sizeof line, "%.*s\r\nz", MESSAGE_MAX, text);
    char two[128];
    (void)snprintf(two, sizeof two, "1:%.*s|2:z|", MESSAGE_MAX, text);
    check(line, two);
    text[300] = 'x';
    (void)snprintf(expected, sizeof expected, "1:%.*s|2:!|3:!|", MESSAGE_MAX, text);
    check(text, expected);
}

static void test_arrays(void **state)
{
    (void)state;
    check("[]", "");
    check(" \n [ ] \n", "");
    check("[1, \"a,]\\\"\",{\"k\":[1,2]} ,[3]]", "1:1|1:\"a,]\\\"\"|1:{\"k\":[1,2]}|1:[3]|");
    check("[\n{\"a\":\n1},\n\n  null\n]\n", "2:{\"a\":\n1}|5:null|");
    check("[\"\\\\\",\"\\\\\\\"\"]", "1:\"\\\\\"|1:\"\\\\\\\"\"|");
}

static void test_broken_arrays(void **state)
{
    (void)state;
    check("[", "E1");
    check("[1", "E1");
    check("[1,\n", "1:1|E2");
    check("[1,]", "1:1|E1");
    check("[,1]", "E1");
    check("[1] x", "1:1|E1");
    check("[1]\n[2]", "1:1|E2");
    check("[\"abc]", "E1");
    check("[{]", "E1");
}

static void test_large_elements(void **state)
{
    (void)state;
    char text[300] = "[1,\"";
    memset(text + 4, 'y', 200);
    (void)snprintf(text + 204, sizeof text - 204, "\",\n{\"a\":2}]");
    check(text, "1:1|1:!|2:{\"a\":2}|");
}

static void test_failing_memory(void **state)
{
    (void)state;
    struct le_splitter splitter;
    struct le_split one;
    le_splitter_init(&splitter, MESSAGE_MAX, 64);
    assert_false(le_splitter_next(&splitter, &one));
    le_mem_fail_at(1);
    assert_int_equal(LE_ERR_NOMEM, le_splitter_feed(&splitter, "a\n", 2));
    le_mem_fail_at(0);
    assert_int_equal(LE_OK, le_splitter_feed(&splitter, "a\n", 2));
    assert_true(le_splitter_next(&splitter, &one));
    le_splitter_free(&splitter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_large_lines),    cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_broken_arrays),  cmocka_unit_test(test_large_elements),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
