#include "loginetl/base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

static void test_waits_grow_to_the_maximum(void **state)
{
    (void)state;
    static const int64_t bounds[] = {50,   100,  200,   400,   800,   1600,
                                     3200, 6400, 12800, 20000, 20000, 20000};
    struct le_rng rng;
    le_rng_seed(&rng, 1);
    for (size_t n = 0; n < sizeof bounds / sizeof bounds[0]; n++) {
        int64_t smallest = INT64_MAX, largest = 0;
        for (int i = 0; i < 2000; i++) {
            struct le_backoff backoff;
            int64_t wait = 0;
            le_backoff_init(&backoff, LE_BACKOFF_TRANSIENT_MS, LE_BACKOFF_MAX_MS);
            for (size_t try = 0; try <= n; try++)
                wait = le_backoff_next(&backoff, &rng);
            assert_true(wait >= 1 && wait <= bounds[n]);
            smallest = wait < smallest ? wait : smallest;
            largest = wait > largest ? wait : largest;
        }
        /* Full jitter: from nothing to everything, or workers that failed together come back
         * together. */
        assert_true(smallest <= bounds[n] / 20);
        assert_true(largest >= bounds[n] - bounds[n] / 20);
    }
}

static void test_success_starts_again(void **state)
{
    (void)state;
    struct le_rng rng;
    struct le_backoff backoff;
    le_rng_seed(&rng, 2);
    le_backoff_init(&backoff, 100, 10000);
    for (int i = 0; i < 20; i++)
        (void)le_backoff_next(&backoff, &rng);
    assert_int_equal(backoff.tries, 20);
    le_backoff_reset(&backoff);
    assert_int_equal(backoff.tries, 0);
    assert_true(le_backoff_next(&backoff, &rng) <= 100);
}

static void test_there_is_no_last_try(void **state)
{
    (void)state;
    struct le_rng rng;
    struct le_backoff backoff;
    le_rng_seed(&rng, 3);
    le_backoff_init(&backoff, 1, INT64_MAX / 4);
    backoff.tries = UINT_MAX - 3;
    for (int i = 0; i < 10; i++) {
        int64_t wait = le_backoff_next(&backoff, &rng);
        assert_true(wait >= 1 && wait <= INT64_MAX / 4);
    }
    assert_int_equal(backoff.tries, UINT_MAX);
}

static void test_the_shortest_wait_is_one(void **state)
{
    (void)state;
    struct le_rng rng;
    struct le_backoff backoff;
    le_rng_seed(&rng, 4);
    le_backoff_init(&backoff, 1, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(le_backoff_next(&backoff, &rng), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_grow_to_the_maximum),
        cmocka_unit_test(test_success_starts_again),
        cmocka_unit_test(test_there_is_no_last_try),
        cmocka_unit_test(test_the_shortest_wait_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
