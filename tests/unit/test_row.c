/* A body to a row: which members count, and which bodies become none. */
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"

#include "decode_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void a_login_becomes_a_row(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(
        bench, "{\"user_id\":\"424cdd21-063a-43a7-b91b-7ca1a833afae\",\"app_version\":\"2.3.0\","
               "\"device_type\":\"android\",\"ip\":\"199.172.111.135\",\"locale\":\"RU\","
               "\"device_id\":\"593-47-5928\"}");
    bench_expect_text(bench, USER_ID, "424cdd21-063a-43a7-b91b-7ca1a833afae");
    bench_expect_text(bench, DEVICE_TYPE, "android");
    bench_expect_text(bench, IP,
                      "a6d0e2f27f6111e10b06790db42f34123e724aa0fd24b280f4a0ef5ee986784c");
    bench_expect_text(bench, DEVICE_ID,
                      "4f00c1a807b673887c7af517d0df68e6b41aecf8cbec26c71fe4c580664669ed");
    bench_expect_text(bench, LOCALE, "RU");
    bench_expect_number(bench, APP_VERSION, LE_CELL_INT, 230);
    bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, SENT_DAY);
}

static void clean_strings_are_not_copied(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"locale\":\"\xC3\xA9\",\"junk\":\"\\n\"}");
    assert_ptr_equal(bench->cells[USER_ID].text, bench->body + 12);
    assert_ptr_equal(bench->cells[LOCALE].text, bench->body + 25);
    assert_int_equal(bench->cells[LOCALE].len, 2);
}

static void absent_null_and_empty_are_null(void **state)
{
    static const char *const bodies[] = {
        "{\"user_id\":\"u\"}",
        "{\"user_id\":\"u\",\"device_type\":null,\"ip\":null,\"device_id\":null,\"locale\":null,"
        "\"app_version\":null,\"create_date\":null}",
        "{\"user_id\":\"u\",\"device_type\":\"\",\"ip\":\"\",\"device_id\":\"\",\"locale\":\"\","
        "\"app_version\":\"\",\"create_date\":\"\"}",
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        bench_expect_row(bench, bodies[i]);
        for (int cell = DEVICE_TYPE; cell < CREATE_DATE; cell++)
            bench_expect_null(bench, cell);
        bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, SENT_DAY);
    }
}

static void a_required_key_must_have_a_value(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"foo\":\"oops\",\"bar\":123}",
        "{\"user_id\":null}",
        "{\"user_id\":\"\"}",
        "{\"user_id\":\"u\",\"user_id\":null}",
        "{\"User_id\":\"u\"}",
        "{\"user_id \":\"u\"}",
        "{\"x\":{\"user_id\":\"u\"}}",
        "{\"x\":[\"user_id\",\"u\"]}",
        "{\"x\":\"user_id\"}",
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        bench_expect_reject(bench, bodies[i], LE_REJECT_MISSING, "user_id");
}

static void any_key_can_be_required(void **state)
{
    struct bench *bench = *state;
    struct le_span unknown;
    assert_int_equal(le_fields_require(&bench->fields, LE_SPAN_LIT("create_date,ip"), &unknown),
                     LE_OK);
    bench_expect_reject(bench, "{\"user_id\":\"u\"}", LE_REJECT_MISSING, "ip");
    bench_expect_reject(bench, "{\"ip\":\"::1\"}", LE_REJECT_MISSING, "create_date");
    bench_expect_row(bench, "{\"ip\":\"::1\",\"create_date\":\"1970-01-02\"}");
    bench_expect_null(bench, USER_ID);
}

static void of_a_repeated_key_the_last_counts(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench,
                     "{\"user_id\":1,\"user_id\":\"a\",\"locale\":\"x\\u0000\",\"locale\":\"en\","
                     "\"app_version\":[],\"app_version\":\"1.2\",\"user_id\":\"b\"}");
    bench_expect_text(bench, USER_ID, "b");
    bench_expect_text(bench, LOCALE, "en");
    bench_expect_number(bench, APP_VERSION, LE_CELL_INT, 12);
    bench_expect_reject(bench, "{\"user_id\":\"a\",\"user_id\":{}}", LE_REJECT_WRONG_TYPE,
                        "user_id");
    bench_expect_row(bench, "{\"user_id\":\"a\",\"user\\u005fid\":\"c\"}");
    bench_expect_text(bench, USER_ID, "c");
}

static void keys_may_be_escaped(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(
        bench,
        "{\"user\\u005fid\":\"u\",\"\\u0069\\u0070\":\"\\u003a:1\",\"loc\\u0061le\":\"a\\tb\"}");
    bench_expect_text(bench, USER_ID, "u");
    bench_expect_text(bench, LOCALE, "a\tb");
    bench_expect_text(bench, IP,
                      "eff8e7ca506627fe15dda5e0e512fcaad70b6d520f37cc76597fdb4f2d83a1a3");
}

static void other_keys_do_not_matter(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(
        bench,
        "{\"\\u0000\":1,\"\\ud800\":\"\\udc00\",\"a\":\"\\u0000\",\"user_id\":\"u\",\"b\":{\"user_id\":7,"
        "\"c\":[{\"ip\":{}}]},\"\":[1,2.5e3,true],\"user_id\\u0000\":9,\"masked_ip\":1}");
    bench_expect_text(bench, USER_ID, "u");
    bench_expect_null(bench, IP);
}

static void values_are_unescaped(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(
        bench,
        "{\"user_id\":\"\\u00e9\\ud83d\\ude00\\\"\",\"device_type\":\"a\\/b\\\\\",\"locale\":\"\\n\","
        "\"app_version\":\"2\\u002e3\",\"create_date\":\"1970\\u002d01-02\"}");
    bench_expect_text(bench, USER_ID, "\xC3\xA9\xF0\x9F\x98\x80\"");
    bench_expect_text(bench, DEVICE_TYPE, "a/b\\");
    bench_expect_text(bench, LOCALE, "\n");
    bench_expect_number(bench, APP_VERSION, LE_CELL_INT, 23);
    bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, 1);
}

static void other_types_are_wrong(void **state)
{
    static const char *const values[] = {"1",  "-1.5", "true",    "false",
                                         "{}", "[]",   "[\"u\"]", "{\"user_id\":\"u\"}"};
    static const char *const keys[] = {"user_id",   "device_type", "ip",
                                       "device_id", "locale",      "create_date"};
    struct bench *bench = *state;
    char body[128];
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        for (size_t j = 0; j < COUNT_OF(values); j++) {
            snprintf(body, sizeof body, "{\"user_id\":\"u\",\"%s\":%s}", keys[i], values[j]);
            bench_expect_reject(bench, body, LE_REJECT_WRONG_TYPE, keys[i]);
        }
    }
    for (size_t j = 2; j < COUNT_OF(values); j++) { /* but a version may be a number */
        snprintf(body, sizeof body, "{\"user_id\":\"u\",\"app_version\":%s}", values[j]);
        bench_expect_reject(bench, body, LE_REJECT_WRONG_TYPE, "app_version");
    }
}

static void the_first_field_at_fault_is_named(void **state)
{
    struct bench *bench = *state;
    bench_expect_reject(
        bench, "{\"create_date\":\"x\",\"app_version\":\"x\",\"locale\":1,\"user_id\":\"u\"}",
        LE_REJECT_WRONG_TYPE, "locale");
    bench_expect_reject(bench, "{\"create_date\":\"x\",\"app_version\":\"x\",\"user_id\":\"u\"}",
                        LE_REJECT_MALFORMED_VERSION, "app_version");
    bench_expect_reject(bench, "{\"create_date\":\"x\",\"app_version\":\"x\",\"locale\":1}",
                        LE_REJECT_MISSING, "user_id");
}

static void what_is_no_object_is_told(void **state)
{
    static const char *const not_json[] = {"",
                                           " ",
                                           "user_id",
                                           "{",
                                           "{\"user_id\":\"u\",}",
                                           "{\"user_id\":\"u\"}x",
                                           "{\"user_id\":\"a\nb\"}",
                                           "{\"user_id\":\"u\"}{\"user_id\":\"v\"}"};
    static const char *const not_objects[] = {"[]",   "1",    "\"{}\"",
                                              "true", "null", "[{\"user_id\":\"u\"}]"};
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(not_json); i++)
        bench_expect_reject(bench, not_json[i], LE_REJECT_NOT_JSON, NULL);
    for (size_t i = 0; i < COUNT_OF(not_objects); i++)
        bench_expect_reject(bench, not_objects[i], LE_REJECT_NOT_AN_OBJECT, NULL);
    assert_int_equal(bench_decode(bench, "{\"user_id\":\"u\"}\0", 16), LE_REJECT_NOT_JSON);
    assert_int_equal(bench_decode(bench, "{\"user_id\":\"a\0b\"}", 17), LE_REJECT_NOT_JSON);
}

static void long_bodies_are_told(void **state)
{
    struct bench *bench = *state;
    char body[] = "{\"user_id\":\"u\"}  ";
    bench->config.body_max = 16;
    assert_int_equal(bench_decode(bench, body, 16), LE_REJECT_NONE);
    assert_int_equal(bench_decode(bench, body, 17), LE_REJECT_TOO_LARGE);
    assert_int_equal(bench_decode(bench, "\xFF                ", 17), LE_REJECT_TOO_LARGE);
    assert_null(bench->reject.key.ptr);
}

static void bodies_of_many_values_are_told(void **state)
{
    struct bench *bench = *state;
    char body[4 * LE_JSON_TOKENS_MAX];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"user_id\":\"u\",\"x\":[1");
    for (int i = 0; i < LE_JSON_TOKENS_MAX; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, ",1");
    snprintf(body + len, sizeof body - len, "]}");
    bench_expect_reject(bench, body, LE_REJECT_TOO_LARGE, NULL);
}

static void a_mebibyte_of_escapes_fits_the_scratch(void **state)
{
    struct bench *bench = *state;
    char *body = le_alloc(BODY_MAX + 1);
    assert_non_null(body);
    size_t len = (size_t)snprintf(body, BODY_MAX, "{\"device_id\":\"");
    while (len + 32 < BODY_MAX) {
        memcpy(body + len, "\\n", 2);
        len += 2;
    }
    snprintf(body + len, BODY_MAX - len, "\",\"user_id\":\"\\u0075\"}");
    bench_expect_row(bench, body);
    bench_expect_text(bench, USER_ID, "u");
    assert_int_equal(bench->cells[DEVICE_ID].len, 64);
    le_free(body);
}

static void a_decoder_without_memory_is_none(void **state)
{
    struct bench *bench = *state;
    for (unsigned long nth = 1; nth <= 2; nth++) {
        le_mem_fail_at(nth);
        assert_null(le_decoder_new(&bench->config));
    }
    le_mem_fail_at(0);
    le_decoder_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_becomes_a_row),
        TEST(clean_strings_are_not_copied),
        TEST(absent_null_and_empty_are_null),
        TEST(a_required_key_must_have_a_value),
        TEST(any_key_can_be_required),
        TEST(of_a_repeated_key_the_last_counts),
        TEST(keys_may_be_escaped),
        TEST(other_keys_do_not_matter),
        TEST(values_are_unescaped),
        TEST(other_types_are_wrong),
        TEST(the_first_field_at_fault_is_named),
        TEST(what_is_no_object_is_told),
        TEST(long_bodies_are_told),
        TEST(bodies_of_many_values_are_told),
        TEST(a_mebibyte_of_escapes_fits_the_scratch),
        TEST(a_decoder_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
