/* The strict JSON parser above jsmn. */
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define TEXT(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MIB             (1024 * 1024)

static const struct le_span accepted[] = {
    TEXT("{}"),
    TEXT("[]"),
    TEXT(" \t\r\n{} \t\r\n"),
    TEXT("{\"a\":1}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{\"\":\"\"}"),
    TEXT("{\"a\":{\"b\":{\"c\":[1,[2,[3,{}]],[]]}},\"d\":[]}"),
    TEXT("{\"a\"\n:\t1\r, \"b\" : [ ] }"),
    TEXT("[1,2 , 3]"),
    TEXT("[[],[[]],{},{\"a\":[]}]"),
    TEXT("0"),
    TEXT("-0"),
    TEXT(" 42 "),
    TEXT("\"text\""),
    TEXT("\"\""),
    TEXT("true"),
    TEXT("false"),
    TEXT("null"),
    TEXT("[true,false,null]"),
    TEXT("[0,-0,1,-1,10,1.5,-1.5,0.0,1e5,1E5,1e+5,1e-5,0e0,-0.0e-0,1.25E+10]"),
    TEXT("[123456789012345678901234567890]"),
    TEXT("[1e999999]"),
    TEXT("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"]"),
    TEXT("[\"\\u0000\"]"),
    TEXT("[\"\\ud800\",\"\\udc00\",\"\\ud83d\\ude00\",\"\\uD83D\\uDE00\"]"),
    TEXT("[\"a\x7f\"]"),
    TEXT("[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"]"),
    TEXT("[\"\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"]"),
    TEXT("[\"\xE2\x80\xA8\"]"),
    TEXT("[\"{}[]:,\\\"\"]"),
    TEXT("{\"a:b\":\"c,d\",\"e}\":\"]\"}"),
};

static const struct le_span refused[] = {
    /* jsmn takes these, in strict mode too */
    TEXT("{\"a\"}"),
    TEXT("{,}"),
    TEXT("{\"a\":1,}"),
    TEXT("[1 2]"),
    TEXT("{}{}"),
    TEXT("[\"a\nb\"]"),
    TEXT("[\"a\tb\"]"),
    TEXT("[\"\x1f\"]"),
    TEXT("{\"a\rb\":1}"),
    TEXT("{}\0"),
    TEXT("{}\0{}"),
    TEXT("{\"a\":1\0}"),
    TEXT("\0{}"),
    TEXT("[\"a\0b\"]"),
    TEXT(""),
    TEXT(" "),
    TEXT(" \n\t"),
    /* commas and colons */
    TEXT("[,]"),
    TEXT("[1,]"),
    TEXT("[,1]"),
    TEXT("[1,,2]"),
    TEXT("[\"a\",\n4\n,1,"),
    TEXT("{\"a\":1,,\"b\":2}"),
    TEXT("{,\"a\":1}"),
    TEXT("{\"a\":,\"b\":1}"),
    TEXT("{\"a\"::1}"),
    TEXT("{\"a\":1:2}"),
    TEXT("{:1}"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\",\"b\"}"),
    TEXT("{\"a\",1}"),
    TEXT("{\"a\" 1}"),
    TEXT("{\"a\" \"b\"}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{\"a\":\"b\" \"c\"}"),
    TEXT("{\"a\":\"b\",\"c\"}"),
    TEXT("[1:2]"),
    TEXT("[\"a\":1]"),
    TEXT("[\"a\"\"b\"]"),
    TEXT("[[][]]"),
    TEXT("[{}{}]"),
    TEXT("[1{}]"),
    TEXT("[1[]]"),
    TEXT("[1\"a\"]"),
    TEXT(","),
    TEXT(":"),
    TEXT("1,"),
    TEXT("1:"),
    TEXT("\"a\":1"),
    TEXT("\"a\","),
    /* one root */
    TEXT("1 2"),
    TEXT("\"a\"\"b\""),
    TEXT("[][]"),
    TEXT("{}1"),
    TEXT("1{}"),
    TEXT("{},"),
    TEXT("{}]"),
    TEXT("[]}"),
    TEXT("{}}"),
    TEXT("[]]"),
    TEXT("[1]x"),
    TEXT("{\"a\":1}//"),
    TEXT("{\"a\":1}#"),
    /* brackets */
    TEXT("{"),
    TEXT("["),
    TEXT("}"),
    TEXT("]"),
    TEXT("{]"),
    TEXT("[}"),
    TEXT("[[]"),
    TEXT("[1"),
    TEXT("{\"a\":1"),
    TEXT("{\"a\":"),
    TEXT("{\"a\""),
    TEXT("{\"a\":[1}]"),
    TEXT("[{]}"),
    TEXT("{\"a\":{\"b\":1]}"),
    TEXT("[[[[[]]]]]]"),
    /* keys are strings */
    TEXT("{1:1}"),
    TEXT("{a:1}"),
    TEXT("{'a':1}"),
    TEXT("{null:1}"),
    TEXT("{[]:1}"),
    TEXT("{{}:1}"),
    TEXT("{\"a\":1,2:3}"),
    /* numbers */
    TEXT("01"),
    TEXT("-01"),
    TEXT("00"),
    TEXT("-"),
    TEXT("--1"),
    TEXT("+1"),
    TEXT("1."),
    TEXT(".5"),
    TEXT("-.5"),
    TEXT("1.e5"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("1e-"),
    TEXT("1e5.5"),
    TEXT("1ee5"),
    TEXT("1.2.3"),
    TEXT("0x10"),
    TEXT("1_000"),
    TEXT("1a"),
    TEXT("NaN"),
    TEXT("-Infinity"),
    TEXT("Infinity"),
    TEXT("[-]"),
    TEXT("[1e]"),
    TEXT("[- 1]"),
    TEXT("[1 .5]"),
    /* words */
    TEXT("tru"),
    TEXT("truex"),
    TEXT("True"),
    TEXT("TRUE"),
    TEXT("nul"),
    TEXT("nulll"),
    TEXT("fals"),
    TEXT("undefined"),
    TEXT("[nu ll]"),
    TEXT("plain text"),
    TEXT("[a]"),
    /* strings */
    TEXT("\""),
    TEXT("\"a"),
    TEXT("\"a\\\""),
    TEXT("\"\\"),
    TEXT("[\"\\\"]"),
    TEXT("[\"\\a\"]"),
    TEXT("[\"\\'\"]"),
    TEXT("[\"\\x41\"]"),
    TEXT("[\"\\0\"]"),
    TEXT("[\"\\U0041\"]"),
    TEXT("[\"\\u\"]"),
    TEXT("[\"\\u4\"]"),
    TEXT("[\"\\u41\"]"),
    TEXT("[\"\\u004\"]"),
    TEXT("[\"\\u00G1\"]"),
    TEXT("[\"\\u+041\"]"),
    TEXT("[\"\\ud83d\\u12\"]"),
    TEXT("[\"\\\n\"]"),
    TEXT("['a']"),
    TEXT("[`a`]"),
    /* bytes */
    TEXT("\xEF\xBB\xBF{}"),
    TEXT("[\"\xFF\"]"),
    TEXT("[\"\x80\"]"),
    TEXT("[\"\xC3\"]"),
    TEXT("[\"\xC0\x80\"]"),
    TEXT("[\"\xE0\x80\x80\"]"),
    TEXT("[\"\xED\xA0\x80\"]"),
    TEXT("[\"\xF4\x90\x80\x80\"]"),
    TEXT("[\"\xF8\x88\x80\x80\x80\"]"),
    TEXT("\xC3\xA9"),
    TEXT("[\xC3\xA9]"),
    TEXT("[1]\xC2\xA0"),
    TEXT("[\v1]"),
    TEXT("[1\f]"),
    TEXT("[\x01]"),
    TEXT("[\x7f]"),
};

static int make_parser(void **state)
{
    *state = le_json_new();
    return *state != NULL ? 0 : -1;
}

static int free_parser(void **state)
{
    le_json_free(*state);
    return 0;
}

/* Parses a copy of exactly len bytes, so that a sanitizer sees a read past its end. */
static enum le_err parse(struct le_json *json, const char *text, size_t len)
{
    char *copy = le_alloc(len);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, text, len);
    enum le_err err = le_json_parse(json, copy, len);
    le_free(copy);
    return err;
}

static void accepts_json(void **state)
{
    for (size_t i = 0; i < COUNT_OF(accepted); i++) {
        enum le_err err = parse(*state, accepted[i].ptr, accepted[i].len);
        if (err != LE_OK)
            fail_msg("refused: %s (%s)", accepted[i].ptr, le_err_name(err));
    }
}

static void refuses_what_is_not_json(void **state)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        enum le_err err = parse(*state, refused[i].ptr, refused[i].len);
        if (err != LE_ERR_SYNTAX)
            fail_msg("case %zu, not refused as syntax: %s (%s)", i, refused[i].ptr,
                     le_err_name(err));
    }
}

/* No prefix of an object or of a string is JSON. */
static void refuses_every_prefix(void **state)
{
    static const char whole[] =
        "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,null,{\"b\":{}}],\"c\":\"\xC3\xA9\"}";
    assert_int_equal(parse(*state, whole, sizeof whole - 1), LE_OK);
    for (size_t len = 0; len < sizeof whole - 1; len++)
        assert_int_equal(parse(*state, whole, len), LE_ERR_SYNTAX);
}

static void a_failed_parse_leaves_the_parser_usable(void **state)
{
    assert_int_equal(parse(*state, "{\"a\":", 5), LE_ERR_SYNTAX);
    assert_int_equal(le_json_parse(*state, "[7]", 3), LE_OK);
    assert_int_equal(le_json_root(*state).kind, LE_JSON_ARRAY);
}

static void no_text_is_no_json(void **state)
{
    assert_int_equal(le_json_parse(*state, NULL, 0), LE_ERR_SYNTAX);
}

static void roots_have_their_kind(void **state)
{
    static const struct {
        const char *text;
        enum le_json_kind kind;
        const char *value;
    } cases[] = {
        {" {\"a\":1} ", LE_JSON_OBJECT, "{\"a\":1}"},
        {" [1, 2]", LE_JSON_ARRAY, "[1, 2]"},
        {"\"x\\ty\"", LE_JSON_STRING, "x\\ty"},
        {" -1.50 ", LE_JSON_NUMBER, "-1.50"},
        {"true", LE_JSON_TRUE, "true"},
        {"false", LE_JSON_FALSE, "false"},
        {"null", LE_JSON_NULL, "null"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(le_json_parse(*state, cases[i].text, strlen(cases[i].text)), LE_OK);
        struct le_json_value root = le_json_root(*state);
        assert_int_equal(root.kind, cases[i].kind);
        assert_int_equal(root.len, strlen(cases[i].value));
        assert_memory_equal(root.ptr, cases[i].value, root.len);
    }
}

static void members_come_in_order(void **state)
{
    static const char text[] =
        "{\"a\":1,\"b\":{\"x\":[1,{\"y\":2}],\"z\":{}},\"\":[],\"a\":\"v\\n\",\"k\\u0041\":null}";
    static const struct {
        const char *key, *value;
        enum le_json_kind kind;
    } want[] = {
        {"a", "1", LE_JSON_NUMBER},         {"b", "{\"x\":[1,{\"y\":2}],\"z\":{}}", LE_JSON_OBJECT},
        {"", "[]", LE_JSON_ARRAY},          {"a", "v\\n", LE_JSON_STRING},
        {"k\\u0041", "null", LE_JSON_NULL},
    };
    struct le_json_value key, value;
    size_t cursor = 0;
    assert_int_equal(le_json_parse(*state, text, sizeof text - 1), LE_OK);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_true(le_json_member(*state, &cursor, &key, &value));
        assert_true(le_span_is((struct le_span){key.ptr, key.len}, want[i].key));
        assert_true(le_span_is((struct le_span){value.ptr, value.len}, want[i].value));
        assert_int_equal(value.kind, want[i].kind);
    }
    assert_false(le_json_member(*state, &cursor, &key, &value));
    assert_false(le_json_member(*state, &cursor, &key, &value));
}

static void escapes_are_told_of(void **state)
{
    static const char *const with[] = {"{\"a\\n\":1}", "{\"a\":\"\\u0041\"}", "[1,[\"a\\\\\"]]"};
    static const char *const without[] = {"{\"a\":1}", "{\"a/b\":\"\xC3\xA9\"}", "[1,[]]"};
    for (size_t i = 0; i < COUNT_OF(with); i++) {
        assert_int_equal(le_json_parse(*state, with[i], strlen(with[i])), LE_OK);
        assert_true(le_json_has_escapes(*state));
        assert_int_equal(le_json_parse(*state, without[i], strlen(without[i])), LE_OK);
        assert_false(le_json_has_escapes(*state));
    }
}

static void an_empty_object_has_no_members(void **state)
{
    struct le_json_value key, value;
    size_t cursor = 0;
    assert_int_equal(le_json_parse(*state, " { } ", 5), LE_OK);
    assert_false(le_json_member(*state, &cursor, &key, &value));
}

static char *repeated(const char *head, const char *unit, size_t count, const char *tail,
                      size_t *len)
{
    size_t head_len = strlen(head), unit_len = strlen(unit), tail_len = strlen(tail);
    *len = head_len + count * unit_len + tail_len;
    char *text = le_alloc(*len);
    assert_non_null(text);
    memcpy(text, head, head_len);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head_len + i * unit_len, unit, unit_len);
    memcpy(text + head_len + count * unit_len, tail, tail_len);
    return text;
}

static enum le_err parse_repeated(struct le_json *json, const char *head, const char *unit,
                                  size_t count, const char *tail)
{
    size_t len;
    char *text = repeated(head, unit, count, tail, &len);
    enum le_err err = le_json_parse(json, text, len);
    le_free(text);
    return err;
}

static void tokens_have_a_limit(void **state)
{
    /* the array itself is one */
    assert_int_equal(parse_repeated(*state, "[0", ",0", LE_JSON_TOKENS_MAX - 2, "]"), LE_OK);
    assert_int_equal(parse_repeated(*state, "[0", ",0", LE_JSON_TOKENS_MAX - 1, "]"),
                     LE_ERR_TOO_LARGE);
    assert_int_equal(parse_repeated(*state, "{\"a\":0", ",\"a\":0", LE_JSON_TOKENS_MAX, "}"),
                     LE_ERR_TOO_LARGE);
}

/* What is wrong within the first tokens is wrong, however many would follow. */
static void a_long_text_that_is_no_json_is_no_json(void **state)
{
    assert_int_equal(parse_repeated(*state, "", "word ", 100000, ""), LE_ERR_SYNTAX);
    assert_int_equal(parse_repeated(*state, "[", "1 ", 100000, "]"), LE_ERR_SYNTAX);
    assert_int_equal(parse_repeated(*state, "", "{}", 100000, ""), LE_ERR_SYNTAX);
}

static double seconds_since(const struct timespec *from)
{
    struct timespec to;
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from->tv_sec) + (double)(to.tv_nsec - from->tv_nsec) / 1e9;
}

static void deep_nesting_ends_soon(void **state)
{
    struct timespec from;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(parse_repeated(*state, "", "[", 100000, ""), LE_ERR_TOO_LARGE);
    assert_int_equal(parse_repeated(*state, "", "{\"a\":", 100000, ""), LE_ERR_TOO_LARGE);
    assert_int_equal(parse_repeated(*state, "", "[{\"a\":", 100000, ""), LE_ERR_TOO_LARGE);
    assert_int_equal(parse_repeated(*state, "", "]", 100000, ""), LE_ERR_SYNTAX);
    assert_true(seconds_since(&from) < 2.0);
}

static void nesting_within_the_limit_is_json(void **state)
{
    char text[2 * LE_JSON_TOKENS_MAX];
    memset(text, '[', LE_JSON_TOKENS_MAX);
    memset(text + LE_JSON_TOKENS_MAX, ']', LE_JSON_TOKENS_MAX);
    assert_int_equal(parse(*state, text, sizeof text), LE_OK);
    assert_int_equal(parse(*state, text, sizeof text - 1), LE_ERR_SYNTAX);
}

static void a_mebibyte_is_read_in_bounded_time(void **state)
{
    struct timespec from;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(parse_repeated(*state, "{\"a\":\"", "x", MIB, "\"}"), LE_OK);
    assert_int_equal(parse_repeated(*state, "{\"a\":\"", "\xC3\xA9", MIB / 2, "\"}"), LE_OK);
    assert_int_equal(parse_repeated(*state, "{\"a\":\"", "\\\\", MIB / 2, "\"}"), LE_OK);
    assert_int_equal(parse_repeated(*state, "{\"a\":", "1", MIB, "}"), LE_OK);
    assert_int_equal(parse_repeated(*state, "{\"a\":1", "\n", MIB, "}"), LE_OK);
    assert_int_equal(parse_repeated(*state, "{\"a\":\"", "x", MIB, "\n\"}"), LE_ERR_SYNTAX);
    assert_int_equal(parse_repeated(*state, "{\"a\":\"", "x", MIB, ""), LE_ERR_SYNTAX);
    assert_int_equal(parse_repeated(*state, "", " ", MIB, ""), LE_ERR_SYNTAX);
    assert_int_equal(parse_repeated(*state, "", ",", MIB, ""), LE_ERR_SYNTAX);
    assert_true(seconds_since(&from) < 5.0);
}

static void a_parser_without_memory_is_none(void **state)
{
    (void)state;
    le_mem_fail_at(1);
    assert_null(le_json_new());
    le_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(refuses_every_prefix),
        cmocka_unit_test(a_failed_parse_leaves_the_parser_usable),
        cmocka_unit_test(no_text_is_no_json),
        cmocka_unit_test(roots_have_their_kind),
        cmocka_unit_test(members_come_in_order),
        cmocka_unit_test(escapes_are_told_of),
        cmocka_unit_test(an_empty_object_has_no_members),
        cmocka_unit_test(tokens_have_a_limit),
        cmocka_unit_test(a_long_text_that_is_no_json_is_no_json),
        cmocka_unit_test(deep_nesting_ends_soon),
        cmocka_unit_test(nesting_within_the_limit_is_json),
        cmocka_unit_test(a_mebibyte_is_read_in_bounded_time),
        cmocka_unit_test(a_parser_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, make_parser, free_parser);
}
