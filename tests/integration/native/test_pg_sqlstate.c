/* The SQLSTATE table, and names. Pure. */
#include "loginetl/pg/name.h"
#include "loginetl/pg/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstates; /* space separated */
        enum le_sqlstate_class class;
    } rows[] = {
        {"40001 40P01 53000 53100 53200 53300 55P03 55006 57000 58000 58030 72000 HV000 F0000",
         LE_SQLSTATE_RETRY},
        {"57014", LE_SQLSTATE_TOO_SLOW},
        {"XX000 XX001 09000 21000 2F002 38000 39P01 54000 54001 ABCDE 90001", LE_SQLSTATE_UNCLEAR},
        {"08000 08006 08P01 25006 25P02 57P01 57P02 57P03 57P05", LE_SQLSTATE_RECONNECT},
        {"26000 0A000", LE_SQLSTATE_PREPARE},
        {"22001 22003 22021 22P05 23502 23505 23514 44000 P0001", LE_SQLSTATE_DATA},
        {"2200H 28000 28P01 3D000 3F000 42501 42P01 42703 42804 55000", LE_SQLSTATE_FATAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (const char *at = rows[i].sqlstates; *at != '\0'; at += 5 + (at[5] == ' ')) {
            char sqlstate[LE_SQLSTATE_SIZE] = "";
            memcpy(sqlstate, at, 5);
            if (le_sqlstate_class(sqlstate) != rows[i].class)
                fail_msg("%s", sqlstate);
            assert_true(le_sqlstate_words(sqlstate)[0] != '\0');
        }
    }
    assert_int_equal(le_sqlstate_class(""), LE_SQLSTATE_RECONNECT);
    assert_int_equal(le_sqlstate_judge("54000", true), LE_SQLSTATE_DATA);
    assert_int_equal(le_sqlstate_judge("54000", false), LE_SQLSTATE_UNCLEAR);
    assert_int_equal(le_sqlstate_judge("53100", true), LE_SQLSTATE_RETRY);
    assert_int_equal(le_sqlstate_judge("23505", false), LE_SQLSTATE_DATA);
}

static void words(void **state)
{
    (void)state;
    assert_non_null(strstr(le_sqlstate_words("28P01"), "PGPASSWORD"));
    assert_non_null(strstr(le_sqlstate_words("3D000"), "database"));
    assert_string_equal(le_sqlstate_words("99999"), "the server reported an error");
}

static void found_in_libpq_text(void **state)
{
    (void)state;
    char sqlstate[LE_SQLSTATE_SIZE];
    assert_true(le_sqlstate_find(
        "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01\n", sqlstate));
    assert_string_equal(sqlstate, "28P01");
    assert_true(le_sqlstate_find("x failed: FATAL:  28000\nx failed: FATAL:  3D000\n", sqlstate));
    assert_string_equal(sqlstate, "3D000");
    assert_true(le_sqlstate_find("x failed: FATAL:  28P01\npassword retrieved from file \"y\"\n",
                                 sqlstate));
    assert_string_equal(sqlstate, "28P01");
    assert_true(le_sqlstate_find("x: SCHWERWIEGEND:  57P03", sqlstate));
    assert_string_equal(sqlstate, "57P03");
    static const char *const without[] = {"",
                                          ":  ",
                                          ":  28P0",
                                          "FATAL: 28P01\n",
                                          "FATAL:  28P012\n",
                                          "FATAL:  28p01\n",
                                          "connection refused\n",
                                          "FATAL:  28P01 more\n"};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        assert_false(le_sqlstate_find(without[i], sqlstate));
}

static void check_name(const char *text, const char *schema, const char *table)
{
    struct le_pg_name name;
    assert_int_equal(le_pg_name_parse(text, &name), LE_OK);
    assert_string_equal(name.schema, schema);
    assert_string_equal(name.table, table);
}

static void names(void **state)
{
    (void)state;
    check_name("user_logins", "", "user_logins");
    check_name("Public.User_Logins", "public", "user_logins");
    check_name("\"A.b\".\"say \"\"hi\"\"\"", "A.b", "say \"hi\"");
    check_name("t\xc3\xa4g$1", "", "t\xc3\xa4g$1");
    check_name("a2345678901234567890123456789012345678901234567890123456789012_", "",
               "a2345678901234567890123456789012345678901234567890123456789012_");
    static const char *const malformed[] = {
        "",       ".",      "a.",
        ".a",     "a.b.c",  "user-logins",
        "1a",     "a b",    "\"\"",
        "\"a",    "a\"",    "\"a\"b",
        "a;drop", "a\"b\"", "a2345678901234567890123456789012345678901234567890123456789012_4"};
    struct le_pg_name name;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        if (le_pg_name_parse(malformed[i], &name) != LE_ERR_CONFIG)
            fail_msg("%s", malformed[i]);
    }
}

static void identifiers(void **state)
{
    (void)state;
    static const char *const good[] = {
        "c",      "user_logins_check",
        "_1",     "No_$7",
        "select", "a2345678901234567890123456789012345678901234567890123456789012_"};
    static const char *const others[] = {
        "",
        "1a",
        "$a",
        "203.0.113.77",
        "123-45-6789",
        "a b",
        "a\"b",
        "a\n",
        "t\xc3\xa4g",
        "a2345678901234567890123456789012345678901234567890123456789012_4"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!le_pg_is_identifier(good[i]))
            fail_msg("%s", good[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (le_pg_is_identifier(others[i]))
            fail_msg("%s", others[i]);
    }
}

static void check_put(struct le_span name, const char *plain)
{
    struct le_buf out;
    le_buf_init(&out, 256);
    assert_int_equal(le_pg_put_name(&out, name), LE_OK);
    assert_true(le_span_is(le_buf_span(&out), plain));
    le_buf_free(&out);
}

static void quoting(void **state)
{
    (void)state;
    check_put(LE_SPAN_LIT("user_logins"), "user_logins");
    check_put(LE_SPAN_LIT("user"), "\"user\"");
    check_put(LE_SPAN_LIT("all"), "\"all\"");
    check_put(LE_SPAN_LIT("with"), "\"with\"");
    check_put(LE_SPAN_LIT("wit"), "wit");
    check_put(LE_SPAN_LIT("locale"), "locale");
    check_put(LE_SPAN_LIT("Mixed"), "\"Mixed\"");
    check_put(LE_SPAN_LIT("a\"b"), "\"a\"\"b\"");
    check_put(LE_SPAN_LIT("2nd"), "\"2nd\"");
    struct le_buf out;
    le_buf_init(&out, 8);
    assert_int_equal(le_pg_put_quoted(&out, LE_SPAN_LIT("longer than that")), LE_ERR_TOO_LARGE);
    le_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(words),
        cmocka_unit_test(found_in_libpq_text),
        cmocka_unit_test(names),
        cmocka_unit_test(identifiers),
        cmocka_unit_test(quoting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
