/* The built-in field list, what is required, and which columns take which fields. */
#include "loginetl/login/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void the_builtin_list_is_the_table(void **state)
{
    static const struct {
        const char *key, *column;
        enum le_field_kind kind;
        bool masked, required;
        enum le_column_type type;
        int chars_max;
    } want[] = {
        {"user_id", "user_id", LE_FIELD_TEXT, false, true, LE_COLUMN_TEXT, 128},
        {"device_type", "device_type", LE_FIELD_TEXT, false, false, LE_COLUMN_TEXT, 32},
        {"ip", "masked_ip", LE_FIELD_IP, true, false, LE_COLUMN_TEXT, 256},
        {"device_id", "masked_device_id", LE_FIELD_TEXT, true, false, LE_COLUMN_TEXT, 256},
        {"locale", "locale", LE_FIELD_TEXT, false, false, LE_COLUMN_TEXT, 32},
        {"app_version", "app_version", LE_FIELD_VERSION, false, false, LE_COLUMN_INT4, 0},
        {"create_date", "create_date", LE_FIELD_DATE, false, false, LE_COLUMN_DATE, 0},
    };
    struct le_fields fields;
    (void)state;
    le_fields_builtin(&fields);
    assert_int_equal(fields.count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        const struct le_field *field = &fields.list[i];
        bool is_date = want[i].kind == LE_FIELD_DATE;
        assert_true(le_span_is(field->key, want[i].key));
        assert_true(le_span_is(field->column, want[i].column));
        assert_int_equal(field->kind, want[i].kind);
        assert_int_equal(field->masked, want[i].masked);
        assert_int_equal(field->required, want[i].required);
        assert_int_equal(field->type, want[i].type);
        assert_int_equal(field->chars_max, want[i].chars_max);
        assert_int_equal(field->sent_date, is_date);
        assert_int_equal(field->optional_column, is_date);
        assert_true(le_field_fits(field->kind, field->masked, field->type));
    }
}

static void fields_are_found(void **state)
{
    struct le_fields fields;
    (void)state;
    le_fields_builtin(&fields);
    assert_ptr_equal(le_fields_by_key(&fields, LE_SPAN_LIT("ip")), &fields.list[2]);
    assert_ptr_equal(le_fields_by_column(&fields, LE_SPAN_LIT("masked_ip")), &fields.list[2]);
    assert_null(le_fields_by_key(&fields, LE_SPAN_LIT("masked_ip")));
    assert_null(le_fields_by_column(&fields, LE_SPAN_LIT("ip")));
    assert_null(le_fields_by_key(&fields, LE_SPAN_LIT("")));
    assert_null(le_fields_by_key(&fields, LE_SPAN_LIT("user_i")));
    assert_null(le_fields_by_key(&fields, LE_SPAN_LIT("user_ids")));
}

static void expect_required(const char *keys, unsigned mask)
{
    struct le_fields fields;
    struct le_span unknown;
    le_fields_builtin(&fields);
    assert_int_equal(le_fields_require(&fields, le_span_of(keys), &unknown), LE_OK);
    assert_null(unknown.ptr);
    for (size_t i = 0; i < fields.count; i++)
        assert_int_equal(fields.list[i].required, mask >> i & 1);
}

static void required_keys_replace_the_default(void **state)
{
    (void)state;
    expect_required("user_id", 1);
    expect_required("ip", 4);
    expect_required("user_id,ip", 5);
    expect_required("ip,user_id,ip", 5);
    expect_required(" user_id , create_date ", 65);
    expect_required("", 0);
    expect_required(" ", 0);
    expect_required("ip,", 4);
    expect_required("user_id,device_type,ip,device_id,locale,app_version,create_date", 127);
}

static void an_unknown_key_is_named(void **state)
{
    static const struct {
        const char *keys, *unknown;
    } cases[] = {
        {"foo", "foo"},
        {"user_id,foo,bar", "foo"},
        {"masked_ip", "masked_ip"},
        {"ip, user id", "user id"},
        {"USER_ID", "USER_ID"},
        {"user_id;ip", "user_id;ip"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct le_fields fields;
        struct le_span unknown;
        le_fields_builtin(&fields);
        assert_int_equal(le_fields_require(&fields, le_span_of(cases[i].keys), &unknown),
                         LE_ERR_CONFIG);
        assert_true(le_span_is(unknown, cases[i].unknown));
        for (size_t j = 0; j < fields.count; j++)
            assert_int_equal(fields.list[j].required, j == 0);
    }
}

static void columns_take_what_fits(void **state)
{
    enum { ABSENT = 1, TEXT = 2, INTS = 4 + 8 + 16, DATE = 32 };
    static const struct {
        enum le_field_kind kind;
        bool masked;
        unsigned types;
    } cases[] = {
        {LE_FIELD_TEXT, false, ABSENT | TEXT},
        {LE_FIELD_TEXT, true, ABSENT | TEXT},
        {LE_FIELD_IP, false, ABSENT | TEXT},
        {LE_FIELD_IP, true, ABSENT | TEXT},
        {LE_FIELD_VERSION, false, ABSENT | TEXT | INTS},
        {LE_FIELD_VERSION, true, ABSENT | TEXT},
        {LE_FIELD_DATE, false, ABSENT | DATE},
        {LE_FIELD_DATE, true, ABSENT | TEXT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int type = LE_COLUMN_ABSENT; type <= LE_COLUMN_DATE; type++)
            assert_int_equal(
                le_field_fits(cases[i].kind, cases[i].masked, (enum le_column_type)type),
                cases[i].types >> type & 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_builtin_list_is_the_table),
        cmocka_unit_test(fields_are_found),
        cmocka_unit_test(required_keys_replace_the_default),
        cmocka_unit_test(an_unknown_key_is_named),
        cmocka_unit_test(columns_take_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
