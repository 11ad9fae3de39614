/* JSON strings in and out of their escapes, and UTF-8. */
#include "loginetl/base/buf.h"
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define TEXT(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Unescaping */

static void unescapes_in_place(void **state)
{
    static const struct {
        const char *from;
        struct le_span to;
    } cases[] = {
        {"", TEXT("")},
        {"plain", TEXT("plain")},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", TEXT("\"\\/\b\f\n\r\t")},
        {"a\\nb\\tc", TEXT("a\nb\tc")},
        {"\\u0041\\u007f", TEXT("A\x7f")},
        {"\\u0001\\u001F", TEXT("\x01\x1f")},
        {"\\u0080\\u00e9\\u07FF", TEXT("\xC2\x80\xC3\xA9\xDF\xBF")},
        {"\\u0800\\u20aC\\uffff", TEXT("\xE0\xA0\x80\xE2\x82\xAC\xEF\xBF\xBF")},
        {"\\ud7ff\\ue000", TEXT("\xED\x9F\xBF\xEE\x80\x80")},
        {"\\ud800\\udc00", TEXT("\xF0\x90\x80\x80")},
        {"\\uDBFF\\uDFFF", TEXT("\xF4\x8F\xBF\xBF")},
        {"x\\ud83d\\ude00y", TEXT("x\xF0\x9F\x98\x80y")},
        {"\xC3\xA9\\n\xE2\x82\xAC", TEXT("\xC3\xA9\n\xE2\x82\xAC")},
        {"\\\\u0041", TEXT("\\u0041")},
        {"\\\\\\\\", TEXT("\\\\")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t len = strlen(cases[i].from);
        char *text = le_strndup(cases[i].from, len);
        assert_non_null(text);
        assert_int_equal(le_json_unescape(text, &len), LE_OK);
        assert_int_equal(len, cases[i].to.len);
        assert_memory_equal(text, cases[i].to.ptr, len);
        le_free(text);
    }
}

static void refuses_escapes_that_are_no_text(void **state)
{
    static const struct {
        const char *text;
        enum le_err err;
    } cases[] = {
        {"\\u0000", LE_ERR_RANGE},
        {"abc\\u0000def", LE_ERR_RANGE},
        {"\\ud800", LE_ERR_RANGE},
        {"\\udbff", LE_ERR_RANGE},
        {"\\udc00", LE_ERR_RANGE},
        {"\\udfff", LE_ERR_RANGE},
        {"\\ud800x", LE_ERR_RANGE},
        {"\\ud800\\n", LE_ERR_RANGE},
        {"\\ud800\\u0041", LE_ERR_RANGE},
        {"\\ud800\\ud800", LE_ERR_RANGE},
        {"\\udc00\\ud800", LE_ERR_RANGE},
        {"\\ud83d\\ude00\\ude00", LE_ERR_RANGE},
        {"\\", LE_ERR_SYNTAX},
        {"abc\\", LE_ERR_SYNTAX},
        {"\\x", LE_ERR_SYNTAX},
        {"\\u", LE_ERR_SYNTAX},
        {"\\u123", LE_ERR_SYNTAX},
        {"\\u12g4", LE_ERR_SYNTAX},
        {"\\u-123", LE_ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t len = strlen(cases[i].text);
        char *text = le_strndup(cases[i].text, len);
        assert_non_null(text);
        assert_int_equal(le_json_unescape(text, &len), cases[i].err);
        le_free(text);
    }
}

/* Writing */

static void writes_strings(void **state)
{
    static const struct {
        struct le_span from;
        const char *to;
    } cases[] = {
        {TEXT(""), "\"\""},
        {TEXT("plain"), "\"plain\""},
        {TEXT("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {TEXT("a\0b\x01\x1f\x7f"), "\"a\\u0000b\\u0001\\u001f\x7f\""},
        {TEXT("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {TEXT("a\xED\xA0\x80"
              "b"),
         "\"a\\ud800b\""},
        {TEXT("\xED\xBF\xBF"), "\"\\udfff\""},
        {TEXT("a\xFFz"), "\"a\xEF\xBF\xBDz\""},
        {TEXT("\xC3"), "\"\xEF\xBF\xBD\""},
        {TEXT("\xED\xA0"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {TEXT("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct le_buf out;
        le_buf_init(&out, 1024);
        assert_int_equal(le_json_append_string(&out, cases[i].from), LE_OK);
        assert_true(le_span_is(le_buf_span(&out), cases[i].to));
        le_buf_free(&out);
    }
}

/* Every byte, written and read again, is the same. */
static void writes_what_it_reads(void **state)
{
    char every[127];
    struct le_json *json = le_json_new();
    assert_non_null(json);
    (void)state;
    struct le_buf out;
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)(i + 1);
    le_buf_init(&out, 4096);
    assert_int_equal(le_json_append_string(&out, (struct le_span){every, sizeof every}), LE_OK);
    assert_int_equal(le_json_parse(json, out.data, out.len), LE_OK);
    size_t len = le_json_root(json).len;
    assert_int_equal(le_json_unescape(out.data + 1, &len), LE_OK);
    assert_int_equal(len, sizeof every);
    assert_memory_equal(out.data + 1, every, len);
    le_buf_free(&out);
    le_json_free(json);
}

/* How a byte is written that stands alone among ASCII. */
static int written(char *out, size_t size, int byte)
{
    static const char named[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";
    const char *found = memchr(named, byte, sizeof named - 1);
    if (found != NULL)
        return snprintf(out, size, "\\%c", names[found - named]);
    if (byte < 0x20)
        return snprintf(out, size, "\\u%04x", (unsigned)byte);
    return snprintf(out, size, byte < 0x80 ? "%c" : "\xEF\xBF\xBD", byte);
}

/* Among so many x, in a block that ends where the text does. */
static void check_written(size_t len, size_t at, int byte)
{
    char want[64], *text = le_alloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    text[at] = (char)byte;
    int end = snprintf(want, sizeof want, "\"%.*s", (int)at, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    end += written(want + end, sizeof want - (size_t)end, byte);
    memset(want + end, 'x', len - at - 1);
    want[(size_t)end + len - at - 1] = '"';
    struct le_buf out;
    le_buf_init(&out, sizeof want);
    assert_int_equal(le_json_append_string(&out, (struct le_span){text, len}), LE_OK);
    assert_int_equal(out.len, (size_t)end + len - at);
    assert_memory_equal(out.data, want, out.len);
    le_buf_free(&out);
    le_free(text);
}

/* Wherever a character stands that needs escaping, or is not ASCII, it is seen. */
static void writes_each_byte_at_each_place(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 34; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte <= 0xFF; byte++)
                check_written(len, at, byte);
        }
    }
}

/* Whatever the maximum, a string is appended whole or not at all. */
static void writes_a_whole_string_or_nothing(void **state)
{
    static const struct {
        struct le_span text;
        struct le_span want;
    } cases[] = {
        {TEXT("ab\n\xFF\xED\xA0\x80\"z"), TEXT("x\"ab\\n\xEF\xBF\xBD\\ud800\\\"z\"")},
        {TEXT("plain"), TEXT("x\"plain\"")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t max = 1; max < cases[i].want.len + 3; max++) {
            struct le_buf out;
            le_buf_init(&out, max);
            assert_int_equal(le_buf_append_text(&out, "x"), LE_OK);
            enum le_err err = le_json_append_string(&out, cases[i].text);
            bool fits = max >= cases[i].want.len;
            assert_int_equal(err, fits ? LE_OK : LE_ERR_TOO_LARGE);
            assert_true(le_span_is(le_buf_span(&out), fits ? cases[i].want.ptr : "x"));
            le_buf_free(&out);
        }
    }
}

/* UTF-8 */

static bool by_the_book(uint32_t code, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return code >= least[len] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

static size_t encode(uint32_t code, size_t len, char *out)
{
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(len == 1 ? code : first[len] | code);
    return len;
}

/* Every code point in every length that can hold it, valid only in its shortest. */
static void utf8_is_strict(void **state)
{
    static const uint32_t limits[] = {0, 0x80, 0x800, 0x10000, 0x200000};
    char text[4];
    (void)state;
    for (size_t len = 1; len <= 4; len++) {
        for (uint32_t code = 0; code < limits[len]; code++) {
            bool valid = le_utf8_valid((struct le_span){text, encode(code, len, text)});
            if (valid != by_the_book(code, len))
                fail_msg("U+%04X in %zu bytes", (unsigned)code, len);
        }
    }
}

/* A byte among others, in a block of their exact number, so that a sanitizer sees one too many. */
static void check_scan(size_t len, size_t at, char byte, bool other_than_ascii)
{
    struct le_text_marks marks = {false, false};
    unsigned char c = (unsigned char)byte;
    char *text = le_alloc(len);
    assert_non_null(text);
    memset(text, 'a', len);
    text[at] = byte;
    for (size_t i = 0; other_than_ascii && i + 1 < len; i += 2) {
        if (i != at && i + 1 != at)
            memcpy(text + i, "\xC3\xA9", 2);
    }
    assert_int_equal(le_utf8_valid((struct le_span){text, len}), c < 0x80);
    assert_int_equal(le_utf8_scan((struct le_span){text, len}, &marks), c < 0x80);
    assert_int_equal(marks.controls, c < 0x20);
    assert_int_equal(marks.backslashes, c == '\\');
    le_free(text);
}

/* A wrong byte, and one that is told of, is found at every place of those that are looked at
 * together. */
static void utf8_is_looked_at_everywhere(void **state)
{
    static const char bytes[] = {'\0', '\x1f', ' ', '[', '\\', ']', '\x7f', '\x80', '\xDC', '\xFF'};
    (void)state;
    for (size_t len = 1; len <= 70; len++) {
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < COUNT_OF(bytes); i++) {
                check_scan(len, at, bytes[i], false);
                check_scan(len, at, bytes[i], true);
            }
        }
    }
}

static void utf8_sequences_are_cut_nowhere(void **state)
{
    static const char text[] = "\xF0\x9F\x98\x80";
    (void)state;
    for (size_t len = 1; len < 4; len++) {
        assert_int_equal(le_utf8_sequence(text, len), 0);
        assert_false(le_utf8_valid((struct le_span){text, len}));
    }
    assert_int_equal(le_utf8_sequence(text, 4), 4);
    assert_true(le_utf8_valid(LE_SPAN_NONE));
}

static void counts_characters(void **state)
{
    (void)state;
    assert_int_equal(le_utf8_chars(LE_SPAN_NONE), 0);
    assert_int_equal(le_utf8_chars(LE_SPAN_LIT("abc")), 3);
    assert_int_equal(le_utf8_chars(LE_SPAN_LIT("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unescapes_in_place),
        cmocka_unit_test(refuses_escapes_that_are_no_text),
        cmocka_unit_test(writes_strings),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(writes_each_byte_at_each_place),
        cmocka_unit_test(writes_a_whole_string_or_nothing),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(utf8_is_looked_at_everywhere),
        cmocka_unit_test(utf8_sequences_are_cut_nowhere),
        cmocka_unit_test(counts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
