#include "loginetl/base/buf.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void assert_content(const struct le_buf *buf, const char *expected)
{
    assert_int_equal(buf->len, strlen(expected));
    assert_memory_equal(buf->data, expected, buf->len);
}

static void test_appends_follow_each_other(void **state)
{
    (void)state;
    struct le_buf buf;
    le_buf_init(&buf, 1000);
    assert_null(buf.data);
    assert_int_equal(le_buf_append_text(&buf, "Action="), LE_OK);
    assert_int_equal(le_buf_append_span(&buf, LE_SPAN_LIT("Receive")), LE_OK);
    assert_int_equal(le_buf_append(&buf, "&n=", 3), LE_OK);
    assert_int_equal(le_buf_append_u64(&buf, 10), LE_OK);
    assert_int_equal(le_buf_printf(&buf, "&%s=%d", "w", 20), LE_OK);
    assert_int_equal(le_buf_append(&buf, NULL, 0), LE_OK);
    assert_int_equal(le_buf_append_span(&buf, LE_SPAN_NONE), LE_OK);
    assert_content(&buf, "Action=Receive&n=10&w=20");
    assert_true(le_span_is(le_buf_span(&buf), "Action=Receive&n=10&w=20"));
    le_buf_free(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.max, 1000);
}

static void test_the_maximum_is_reached_and_not_passed(void **state)
{
    (void)state;
    for (size_t max = 0; max < 200; max++) {
        struct le_buf buf;
        le_buf_init(&buf, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(le_buf_append(&buf, "x", 1), LE_OK);
        assert_int_equal(buf.len, max);
        assert_int_equal(le_buf_append(&buf, "y", 1), LE_ERR_TOO_LARGE);
        assert_int_equal(le_buf_append_u64(&buf, 7), LE_ERR_TOO_LARGE);
        assert_int_equal(le_buf_printf(&buf, "z"), LE_ERR_TOO_LARGE);
        assert_int_equal(le_buf_reserve(&buf, SIZE_MAX), LE_ERR_TOO_LARGE);
        assert_int_equal(buf.len, max);
        assert_true(buf.cap <= max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(buf.data[i], 'x');
        le_buf_free(&buf);
    }
}

static void test_printf_fills_the_maximum_exactly(void **state)
{
    (void)state;
    for (size_t max = 1; max < 200; max++) {
        struct le_buf buf;
        le_buf_init(&buf, max);
        assert_int_equal(le_buf_printf(&buf, "%*d", (int)max, 7), LE_OK);
        assert_int_equal(buf.len, max);
        assert_int_equal(buf.data[max - 1], '7');
        le_buf_clear(&buf);
        assert_int_equal(le_buf_printf(&buf, "%*d", (int)max + 1, 7), LE_ERR_TOO_LARGE);
        assert_int_equal(buf.len, 0);
        assert_int_equal(le_buf_printf(&buf, "%s", ""), LE_OK);
        assert_int_equal(buf.len, 0);
        le_buf_free(&buf);
    }
}

static void test_numbers_are_the_c_librarys(void **state)
{
    (void)state;
    struct le_rng rng;
    struct le_buf buf;
    char expected[32];
    le_rng_seed(&rng, 1);
    le_buf_init(&buf, 64);
    for (int i = 0; i < 20000; i++) {
        uint64_t value = i == 0 ? UINT64_MAX : i == 1 ? 0 : le_rng_next(&rng) >> (i % 64);
        le_buf_clear(&buf);
        assert_int_equal(le_buf_append_u64(&buf, value), LE_OK);
        assert_true(snprintf(expected, sizeof expected, "%" PRIu64, value) > 0);
        assert_content(&buf, expected);
    }
    le_buf_free(&buf);
}

static void test_consuming_keeps_the_rest(void **state)
{
    (void)state;
    struct le_buf buf;
    le_buf_init(&buf, 100);
    le_buf_consume(&buf, 0);
    assert_int_equal(le_buf_append_text(&buf, "abcdef"), LE_OK);
    le_buf_consume(&buf, 2);
    assert_content(&buf, "cdef");
    le_buf_consume(&buf, 0);
    assert_content(&buf, "cdef");
    le_buf_consume(&buf, 4);
    assert_int_equal(buf.len, 0);
    assert_int_equal(le_buf_append_text(&buf, "g"), LE_OK);
    assert_content(&buf, "g");
    le_buf_free(&buf);
}

static void test_shrinking_gives_memory_back(void **state)
{
    (void)state;
    struct le_buf buf;
    le_buf_init(&buf, 100000);
    assert_int_equal(le_buf_reserve(&buf, 90000), LE_OK);
    le_buf_shrink(&buf, 90000);
    assert_true(buf.cap >= 90000);
    le_buf_shrink(&buf, 1000);
    assert_int_equal(buf.cap, 1000);
    assert_int_equal(buf.len, 0);
    le_buf_shrink(&buf, 2000);
    assert_int_equal(buf.cap, 1000);
    assert_int_equal(le_buf_append_text(&buf, "still usable"), LE_OK);
    assert_content(&buf, "still usable");
    le_buf_shrink(&buf, 0);
    assert_null(buf.data);
    assert_int_equal(buf.cap, 0);
    assert_int_equal(le_buf_append_text(&buf, "and again"), LE_OK);
    le_buf_free(&buf);
}

static void test_no_memory_changes_nothing(void **state)
{
    (void)state;
    struct le_buf buf;
    le_buf_init(&buf, 100000);
    le_mem_fail_at(1);
    assert_int_equal(le_buf_append_text(&buf, "never"), LE_ERR_NOMEM);
    assert_int_equal(le_buf_append_text(&buf, "there"), LE_OK);
    size_t cap = buf.cap;
    le_mem_fail_at(1);
    assert_int_equal(le_buf_reserve(&buf, 5000), LE_ERR_NOMEM);
    assert_content(&buf, "there");
    assert_int_equal(buf.cap, cap);
    le_mem_fail_at(1);
    assert_int_equal(le_buf_printf(&buf, "%5000d", 1), LE_ERR_NOMEM);
    assert_content(&buf, "there");
    assert_int_equal(le_buf_reserve(&buf, 5000), LE_OK);
    le_mem_fail_at(1);
    le_buf_shrink(&buf, 10);
    assert_true(buf.cap >= 5000);
    assert_int_equal(buf.len, 0);
    le_mem_fail_at(0);
    le_buf_free(&buf);
}

/* Against a plain array that does the same. */
static void test_random_use_matches_a_model(void **state)
{
    (void)state;
    enum { MAX = 700 };
    char model[MAX];
    size_t model_len = 0;
    struct le_rng rng;
    struct le_buf buf;
    le_rng_seed(&rng, 2);
    le_buf_init(&buf, MAX);
    for (int i = 0; i < 20000; i++) {
        char bytes[100];
        size_t len = le_rng_below(&rng, sizeof bytes);
        memset(bytes, 'a' + i % 26, sizeof bytes);
        switch (le_rng_below(&rng, 3)) {
        case 0:
            len = le_rng_below(&rng, model_len + 1);
            le_buf_consume(&buf, len);
            model_len -= len;
            memmove(model, model + len, model_len);
            break;
        default: {
            enum le_err err = le_buf_append(&buf, bytes, len);
            assert_int_equal(err, len > MAX - model_len ? LE_ERR_TOO_LARGE : LE_OK);
            if (err == LE_OK) {
                memcpy(model + model_len, bytes, len);
                model_len += len;
            }
        }
        }
        assert_int_equal(buf.len, model_len);
        assert_true(model_len == 0 || memcmp(buf.data, model, model_len) == 0);
    }
    le_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_follow_each_other),
        cmocka_unit_test(test_the_maximum_is_reached_and_not_passed),
        cmocka_unit_test(test_printf_fills_the_maximum_exactly),
        cmocka_unit_test(test_numbers_are_the_c_librarys),
        cmocka_unit_test(test_consuming_keeps_the_rest),
        cmocka_unit_test(test_shrinking_gives_memory_back),
        cmocka_unit_test(test_no_memory_changes_nothing),
        cmocka_unit_test(test_random_use_matches_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
