/* A value to a cell: versions, dates, texts and masks in the columns that take them. */
#include "decode_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Versions */

static void expect_version(struct bench *bench, const char *value, int64_t number)
{
    char body[128];
    snprintf(body, sizeof body, "{\"user_id\":\"u\",\"app_version\":%s}", value);
    bench_expect_row(bench, body);
    bench_expect_number(bench, APP_VERSION, LE_CELL_INT, number);
}

static void expect_no_version(struct bench *bench, const char *value, enum le_reject_reason reason)
{
    char body[256];
    snprintf(body, sizeof body, "{\"user_id\":\"u\",\"app_version\":%s}", value);
    bench_expect_reject(bench, body, reason, "app_version");
}

static void a_version_is_a_string_or_a_number(void **state)
{
    struct bench *bench = *state;
    expect_version(bench, "\"2.3.0\"", 230);
    expect_version(bench, "2.3", 23);
    expect_version(bench, "2.30", 230);
    expect_version(bench, "16", 16);
    expect_version(bench, "0", 0);
    expect_no_version(bench, "1e5", LE_REJECT_MALFORMED_VERSION);
    expect_no_version(bench, "1.5E+3", LE_REJECT_MALFORMED_VERSION);
    expect_no_version(bench, "-1", LE_REJECT_MALFORMED_VERSION);
    expect_no_version(bench, "\"1..2\"", LE_REJECT_MALFORMED_VERSION);
    expect_no_version(bench, "\"2147483648\"", LE_REJECT_OUT_OF_RANGE);
    expect_no_version(bench, "2147483648", LE_REJECT_OUT_OF_RANGE);
    expect_no_version(bench, "\"1\\u0000\"", LE_REJECT_BAD_TEXT);
}

static void integer_columns_have_their_range(void **state)
{
    struct bench *bench = *state;
    bench->fields.list[APP_VERSION].type = LE_COLUMN_INT2;
    expect_version(bench, "\"3.2767\"", 32767);
    expect_no_version(bench, "\"3.2768\"", LE_REJECT_OUT_OF_RANGE);
    bench->fields.list[APP_VERSION].type = LE_COLUMN_INT4;
    expect_version(bench, "2147483647", INT32_MAX);
    expect_no_version(bench, "2147483648", LE_REJECT_OUT_OF_RANGE);
    bench->fields.list[APP_VERSION].type = LE_COLUMN_INT8;
    expect_version(bench, "9223372036854775807", INT64_MAX);
    expect_no_version(bench, "9223372036854775808", LE_REJECT_OUT_OF_RANGE);
}

static void versions_can_be_packed(void **state)
{
    struct bench *bench = *state;
    bench->config.app_version = LE_APP_VERSION_PACKED;
    expect_version(bench, "\"0.16\"", 16000);
    expect_version(bench, "\"0.1.6\"", 1006);
    expect_no_version(bench, "\"0.1000\"", LE_REJECT_OUT_OF_RANGE);
    expect_no_version(bench, "\"1.2.3.4\"", LE_REJECT_MALFORMED_VERSION);
}

static void versions_can_be_their_first_part(void **state)
{
    struct bench *bench = *state;
    bench->config.app_version = LE_APP_VERSION_MAJOR;
    expect_version(bench, "\"12.1.6\"", 12);
    expect_version(bench, "3.9", 3);
}

static void a_text_column_takes_the_version_as_written(void **state)
{
    struct bench *bench = *state;
    bench->fields.list[APP_VERSION].type = LE_COLUMN_TEXT;
    bench->fields.list[APP_VERSION].chars_max = 8;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"app_version\":\"2.03.0\"}");
    bench_expect_text(bench, APP_VERSION, "2.03.0");
    bench_expect_row(bench, "{\"user_id\":\"u\",\"app_version\":2.30}");
    bench_expect_text(bench, APP_VERSION, "2.30");
    bench_expect_row(bench, "{\"user_id\":\"u\",\"app_version\":\"1.2.3.45\"}");
    expect_no_version(bench, "\"1.2.3.456\"", LE_REJECT_TOO_LONG);
    expect_no_version(bench, "\"2.3-rc1\"", LE_REJECT_MALFORMED_VERSION);
    expect_no_version(bench, "1e5", LE_REJECT_MALFORMED_VERSION);
}

/* Dates */

static void the_events_own_date_comes_first(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"create_date\":\"2024-02-29\"}");
    bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, 19782);
    bench_expect_row(bench, "{\"user_id\":\"u\",\"create_date\":\"2024-03-01T00:30:00+01:00\"}");
    bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, 19782);
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"create_date\":\"2023-02-29\"}",
                        LE_REJECT_MALFORMED_DATE, "create_date");
}

static void else_the_day_it_was_sent(void **state)
{
    static const struct {
        int64_t ms, day;
    } cases[] = {{0, 0}, {86399999, 0}, {86400000, 1}, {INT64_C(253402300799999), 2932896}};
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench->sent_at_ms = cases[i].ms;
        bench_expect_row(bench, "{\"user_id\":\"u\"}");
        bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, cases[i].day);
    }
}

static void else_no_date(void **state)
{
    static const int64_t unknown[] = {-1, INT64_MIN, INT64_C(253402300800000), INT64_MAX};
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        bench->sent_at_ms = unknown[i];
        bench_expect_row(bench, "{\"user_id\":\"u\"}");
        bench_expect_null(bench, CREATE_DATE);
    }
    bench->sent_at_ms = SENT_AT_MS;
    bench->fields.list[CREATE_DATE].sent_date = false;
    bench_expect_row(bench, "{\"user_id\":\"u\"}");
    bench_expect_null(bench, CREATE_DATE);
}

/* Texts */

static void lengths_are_characters(void **state)
{
    struct bench *bench = *state;
    bench->fields.list[LOCALE].chars_max = 3;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"locale\":\"abc\"}");
    bench_expect_row(bench,
                     "{\"user_id\":\"u\",\"locale\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}");
    bench_expect_row(bench, "{\"user_id\":\"u\",\"locale\":\"\\u00e9\\ud83d\\ude00\\n\"}");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"locale\":\"abcd\"}", LE_REJECT_TOO_LONG,
                        "locale");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"locale\":\"abc \"}", LE_REJECT_TOO_LONG,
                        "locale");
    bench_expect_reject(bench,
                        "{\"user_id\":\"u\",\"locale\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80x\"}",
                        LE_REJECT_TOO_LONG, "locale");
    bench->fields.list[LOCALE].chars_max = 0;
    bench_expect_row(bench,
                     "{\"user_id\":\"u\",\"locale\":\"abcdefghijklmnopqrstuvwxyz0123456789\"}");
}

static void what_is_no_text_is_told(void **state)
{
    struct bench *bench = *state;
    bench_expect_reject(bench, "{\"user_id\":\"a\\u0000\"}", LE_REJECT_BAD_TEXT, "user_id");
    bench_expect_reject(bench, "{\"user_id\":\"\\ud800\"}", LE_REJECT_BAD_TEXT, "user_id");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"ip\":\"\\udc00\"}", LE_REJECT_BAD_TEXT, "ip");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"create_date\":\"\\u0000\"}",
                        LE_REJECT_BAD_TEXT, "create_date");
    bench_expect_reject(bench, "{\"user_id\":\"\xFF\"}", LE_REJECT_BAD_TEXT, NULL);
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"x\":\"\xED\xA0\x80\"}", LE_REJECT_BAD_TEXT,
                        NULL);
    bench_expect_reject(bench, "not json \xC3", LE_REJECT_BAD_TEXT, NULL);
}

/* Masks */

static void addresses_are_masked_in_one_form(void **state)
{
    static const char *const forms[] = {"2001:DB8:0:0:0:0:0:1", "2001:0db8::0001", "2001:db8::1"};
    struct bench *bench = *state;
    char body[128];
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        snprintf(body, sizeof body, "{\"user_id\":\"u\",\"ip\":\"%s\",\"device_id\":\"%s\"}",
                 forms[i], forms[i]);
        bench_expect_row(bench, body);
        bench_expect_text(bench, IP,
                          "5afd19e856d1c18d17d600dfd2b5f534992333985e126c2a951047102c1ed536");
        /* only addresses are */
        assert_int_equal(memcmp(bench->cells[DEVICE_ID].text, bench->cells[IP].text, 64) == 0,
                         i == 2);
    }
}

static void what_is_no_address_is_masked_as_it_stands(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"ip\":\"ABC\",\"device_id\":\"ABC\"}");
    bench_expect_text(bench, IP,
                      "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78");
    bench_expect_text(bench, DEVICE_ID,
                      "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78");
}

static void masks_stand_in_their_space(void **state)
{
    struct bench *bench = *state;
    bench->config.mask = LE_MASK_SHA512;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"ip\":\"1.2.3.4\",\"device_id\":\"d\\u0031\"}");
    assert_int_equal(le_decoder_mask_space(bench->decoder), 256);
    assert_int_equal(bench->cells[IP].len, 128);
    assert_ptr_equal(bench->cells[IP].text, bench->masks);
    assert_ptr_equal(bench->cells[DEVICE_ID].text, bench->masks + 128);
}

static void a_column_too_short_for_the_mask_is_told(void **state)
{
    struct bench *bench = *state;
    bench->fields.list[IP].chars_max = 63;
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"ip\":\"1.2.3.4\"}", LE_REJECT_TOO_LONG, "ip");
    bench->fields.list[IP].chars_max = 64;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"ip\":\"1.2.3.4\"}");
}

static void an_unmasked_address_is_canonical(void **state)
{
    struct bench *bench = *state;
    bench->fields.list[IP].masked = false;
    bench->fields.list[IP].chars_max = 12;
    bench_expect_row(bench, "{\"user_id\":\"u\",\"ip\":\"2001:DB8:0:0:0:0:0:1\"}");
    bench_expect_text(bench, IP, "2001:db8::1");
    bench_expect_row(bench, "{\"user_id\":\"u\",\"ip\":\"elsewhere\"}");
    bench_expect_text(bench, IP, "elsewhere");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"ip\":\"somewhere else\"}", LE_REJECT_TOO_LONG,
                        "ip");
    assert_int_equal(le_decoder_mask_space(bench->decoder), LE_IP_CHARS_MAX + 64);
}

static void masked_versions_and_dates_keep_their_form(void **state)
{
    struct bench *bench = *state;
    for (int cell = APP_VERSION; cell <= CREATE_DATE; cell++) {
        bench->fields.list[cell].masked = true;
        bench->fields.list[cell].type = LE_COLUMN_TEXT;
    }
    bench_expect_row(bench, "{\"user_id\":\"u\",\"app_version\":1.0}");
    bench_expect_text(bench, APP_VERSION,
                      "d0ff5974b6aa52cf562bea5921840c032a860a91a3512f7fe8f768f6bbe005f6");
    bench_expect_null(bench, CREATE_DATE);
    expect_no_version(bench, "\"x\"", LE_REJECT_MALFORMED_VERSION);
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"create_date\":\"x\"}",
                        LE_REJECT_MALFORMED_DATE, "create_date");
}

static void absent_columns_are_checked_and_dropped(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < bench->fields.count; i++)
        bench->fields.list[i].type = LE_COLUMN_ABSENT;
    bench_expect_row(
        bench, "{\"user_id\":\"u\",\"ip\":\"::1\",\"app_version\":\"99999999999999999999999\","
               "\"create_date\":\"2024-02-29\",\"locale\":\"en\"}");
    for (size_t i = 0; i < bench->fields.count; i++)
        bench_expect_null(bench, (int)i);
    bench_expect_reject(bench, "{}", LE_REJECT_MISSING, "user_id");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"locale\":1}", LE_REJECT_WRONG_TYPE, "locale");
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"ip\":\"\\u0000\"}", LE_REJECT_BAD_TEXT, "ip");
    expect_no_version(bench, "\"x\"", LE_REJECT_MALFORMED_VERSION);
    bench_expect_reject(bench, "{\"user_id\":\"u\",\"create_date\":\"x\"}",
                        LE_REJECT_MALFORMED_DATE, "create_date");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_version_is_a_string_or_a_number),
        TEST(integer_columns_have_their_range),
        TEST(versions_can_be_packed),
        TEST(versions_can_be_their_first_part),
        TEST(a_text_column_takes_the_version_as_written),
        TEST(the_events_own_date_comes_first),
        TEST(else_the_day_it_was_sent),
        TEST(else_no_date),
        TEST(lengths_are_characters),
        TEST(what_is_no_text_is_told),
        TEST(addresses_are_masked_in_one_form),
        TEST(what_is_no_address_is_masked_as_it_stands),
        TEST(masks_stand_in_their_space),
        TEST(a_column_too_short_for_the_mask_is_told),
        TEST(an_unmasked_address_is_canonical),
        TEST(masked_versions_and_dates_keep_their_form),
        TEST(absent_columns_are_checked_and_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
