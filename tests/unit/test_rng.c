#include "loginetl/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_reference_sequence(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct le_rng rng = {.state = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(le_rng_next(&rng), expected[i]);
}

static void test_the_seed_is_spread_by_splitmix64(void **state)
{
    (void)state;
    struct le_rng rng;
    le_rng_seed(&rng, 0);
    assert_int_equal(rng.state[0], UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(rng.state[1], UINT64_C(0x6e789e6aa1b965f4));
    assert_int_equal(rng.state[2], UINT64_C(0x06c45d188009454f));
    assert_int_equal(rng.state[3], UINT64_C(0xf88bb8a8724c81ec));
}

/* The same numbers, each from the state that it is made of. */
static void test_mix64_is_the_step_of_splitmix64(void **state)
{
    (void)state;
    assert_int_equal(le_mix64(0), UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(le_mix64(UINT64_C(0x9e3779b97f4a7c15)), UINT64_C(0x6e789e6aa1b965f4));
    assert_int_equal(le_mix64(UINT64_C(0x9e3779b97f4a7c15) * 3), UINT64_C(0xf88bb8a8724c81ec));
    /* The sum wraps round to zero, which stays zero. */
    assert_int_equal(le_mix64(0 - UINT64_C(0x9e3779b97f4a7c15)), 0);
}

static void test_equal_seeds_give_equal_numbers(void **state)
{
    (void)state;
    struct le_rng a, b, c;
    int same = 0;
    le_rng_seed(&a, 7);
    le_rng_seed(&b, 7);
    le_rng_seed(&c, 8);
    for (int i = 0; i < 1000; i++) {
        uint64_t number = le_rng_next(&a);
        assert_int_equal(number, le_rng_next(&b));
        same += number == le_rng_next(&c);
    }
    assert_int_equal(same, 0);
}

static void test_below_is_even_and_below(void **state)
{
    (void)state;
    enum { BOUND = 10, DRAWS = 100000 };
    int seen[BOUND] = {0};
    struct le_rng rng;
    le_rng_seed(&rng, 3);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t number = le_rng_below(&rng, BOUND);
        assert_true(number < BOUND);
        seen[number]++;
    }
    /* Ten thousand expected of each, with a deviation of about 95. */
    for (int i = 0; i < BOUND; i++)
        assert_in_range(seen[i], 9400, 10600);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(le_rng_below(&rng, 0), 0);
        assert_int_equal(le_rng_below(&rng, 1), 0);
        assert_true(le_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
}

static void test_unit_is_even_and_never_one(void **state)
{
    (void)state;
    struct le_rng rng;
    double sum = 0, smallest = 1, largest = 0;
    le_rng_seed(&rng, 4);
    for (int i = 0; i < 100000; i++) {
        double number = le_rng_unit(&rng);
        assert_true(number >= 0 && number < 1);
        sum += number;
        smallest = number < smallest ? number : smallest;
        largest = number > largest ? number : largest;
    }
    assert_true(sum > 49500 && sum < 50500);
    assert_true(smallest < 0.001 && largest > 0.999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reference_sequence),
        cmocka_unit_test(test_the_seed_is_spread_by_splitmix64),
        cmocka_unit_test(test_mix64_is_the_step_of_splitmix64),
        cmocka_unit_test(test_equal_seeds_give_equal_numbers),
        cmocka_unit_test(test_below_is_even_and_below),
        cmocka_unit_test(test_unit_is_even_and_never_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
