#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_sizes_of_zero_give_a_block(void **state)
{
    (void)state;
    void *a = le_alloc(0);
    void *b = le_calloc(0, 8);
    void *c = le_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    le_free(a);
    le_free(b);
    le_free(c);
    le_free(NULL);
}

static void test_calloc_zeroes_and_checks_the_product(void **state)
{
    (void)state;
    unsigned char *bytes = le_calloc(33, 3);
    assert_non_null(bytes);
    for (size_t i = 0; i < 99; i++)
        assert_int_equal(bytes[i], 0);
    le_free(bytes);
    volatile size_t half = SIZE_MAX / 2 + 1;
    assert_null(le_calloc(half, 2));
    assert_null(le_calloc(2, half));
}

static void test_strings_are_copied(void **state)
{
    (void)state;
    const char text[] = "receipt";
    char *whole = le_strdup(text);
    char *part = le_strndup(text, 3);
    char *none = le_strndup(NULL, 0);
    assert_ptr_not_equal(whole, text);
    assert_string_equal(whole, "receipt");
    assert_string_equal(part, "rec");
    assert_string_equal(none, "");
    le_free(whole);
    le_free(part);
    le_free(none);
}

static void test_realloc_keeps_what_was_there(void **state)
{
    (void)state;
    char *block = le_strdup("kept");
    block = le_realloc(block, 4096);
    assert_non_null(block);
    assert_string_equal(block, "kept");
    le_mem_fail_at(1);
    assert_null(le_realloc(block, 8192));
    assert_string_equal(block, "kept");
    le_free(block);
}

static void test_the_nth_allocation_fails_once(void **state)
{
    (void)state;
    le_mem_fail_at(3);
    void *first = le_alloc(1);
    void *second = le_calloc(1, 1);
    char *third = le_strdup("third");
    void *fourth = le_alloc(1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(third);
    assert_non_null(fourth);
    le_mem_fail_at(1);
    le_mem_fail_at(0);
    void *fifth = le_alloc(1);
    assert_non_null(fifth);
    le_free(first);
    le_free(second);
    le_free(fourth);
    le_free(fifth);
}

static unsigned failing(unsigned count)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < count; i++) {
        void *block = le_alloc(1);
        failed = failed << 1 | (block == NULL);
        le_free(block);
    }
    return failed;
}

static void test_failing_for_ever_and_now_and_then(void **state)
{
    (void)state;
    le_mem_fail_from(3);
    assert_int_equal(failing(6), 0xF); /* 001111 */
    assert_int_equal(le_mem_failures(), 4);
    le_mem_fail_every(3);
    assert_int_equal(failing(8), 0x24); /* 00100100 */
    assert_int_equal(le_mem_failures(), 2);
    le_mem_fail_every(0);
    assert_int_equal(failing(8), 0);
    assert_int_equal(le_mem_failures(), 0);
}

static void test_live_blocks_are_counted(void **state)
{
    (void)state;
    long before = le_mem_live();
    void *a = le_alloc(1), *b = le_calloc(1, 1), *c = le_realloc(NULL, 1);
    char *d = le_strdup("x");
    c = le_realloc(c, 100);
    le_mem_fail_at(1);
    assert_null(le_realloc(c, 200));
    assert_int_equal(le_mem_live(), before + 4);
    le_free(a);
    le_free(b);
    le_free(c);
    le_free_secret(d, 2);
    le_free(NULL);
    assert_int_equal(le_mem_live(), before);
}

static void test_wiping_leaves_zeros(void **state)
{
    (void)state;
    char secret[] = "a secret";
    le_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        assert_int_equal(secret[i], 0);
    le_wipe(NULL, 0);
    le_free_secret(NULL, 12);
    le_free_secret(le_strdup("another"), sizeof "another");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_zero_give_a_block),
        cmocka_unit_test(test_calloc_zeroes_and_checks_the_product),
        cmocka_unit_test(test_strings_are_copied),
        cmocka_unit_test(test_realloc_keeps_what_was_there),
        cmocka_unit_test(test_the_nth_allocation_fails_once),
        cmocka_unit_test(test_failing_for_ever_and_now_and_then),
        cmocka_unit_test(test_live_blocks_are_counted),
        cmocka_unit_test(test_wiping_leaves_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
