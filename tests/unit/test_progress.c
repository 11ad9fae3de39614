#include "loginetl/base/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct le_progress progress;

static void assert_line(unsigned columns, const char *expected)
{
    char out[LE_PROGRESS_MAX];
    memset(out, 'x', sizeof out);
    size_t len = le_progress_format(&progress, columns, out);
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

static void assert_rate(double expected)
{
    double rate = le_progress_rate(&progress);
    assert_true(rate > expected * 0.99 - 1e-9 && rate < expected * 1.01 + 1e-9);
}

static void test_at_the_start_nothing_is_known(void **state)
{
    (void)state;
    le_progress_start(&progress, 1000, 0);
    assert_line(80, "0 received  0/s");
    le_progress_left(&progress, 500);
    assert_line(80, "0 received  0/s  about 500 left");
}

static void test_all_parts(void **state)
{
    (void)state;
    le_progress_start(&progress, 0, 0);
    le_progress_left(&progress, 1000000);
    for (int ms = 250; ms <= 20000; ms += 250)
        le_progress_update(&progress, ms, (uint64_t)ms * 10);
    assert_line(80, "200,000 received  10,000/s  about 800,000 left  ETA 1 min 20 s");
}

static void test_parts_that_do_not_fit_are_left_out(void **state)
{
    (void)state;
    static const char whole[] = "1,000 received  100/s  about 9,000 left  ETA 1 min 30 s";
    size_t shorter = strlen(whole);
    le_progress_start(&progress, 0, 0);
    le_progress_left(&progress, 10000);
    le_progress_update(&progress, 10000, 1000);
    assert_line(1000, whole);
    assert_line((unsigned)strlen(whole) + 1, whole);
    assert_line((unsigned)strlen(whole), "1,000 received  100/s  about 9,000 left");
    assert_line(30, "1,000 received  100/s");
    assert_line(22, "1,000 received  100/s");
    assert_line(21, "1,000 received");
    assert_line(15, "1,000 received");
    assert_line(14, "");
    assert_line(0, "");
    for (unsigned columns = (unsigned)strlen(whole); columns > 0; columns--) {
        char out[LE_PROGRESS_MAX];
        size_t len = le_progress_format(&progress, columns, out);
        assert_true(len < columns && len <= shorter);
        assert_memory_equal(out, whole, len);
        shorter = len;
    }
}

static void test_the_rate_is_that_of_the_last_seconds(void **state)
{
    (void)state;
    uint64_t received = 0;
    int64_t ms = 0;
    le_progress_start(&progress, ms, received);
    for (int i = 0; i < 400; i++)
        le_progress_update(&progress, ms += 250, received += 250);
    assert_rate(1000);
    for (int i = 0; i < 10; i++) /* half of the window */
        le_progress_update(&progress, ms += 250, received);
    assert_rate(500);
    for (int i = 0; i < 10; i++)
        le_progress_update(&progress, ms += 250, received);
    assert_rate(0);
    le_progress_update(&progress, ms += 3600000, received);
    assert_rate(0);
}

static void test_the_rate_before_the_window_is_full(void **state)
{
    (void)state;
    le_progress_start(&progress, 0, 100);
    le_progress_update(&progress, 50, 105);
    assert_rate(100);
    le_progress_update(&progress, 1000, 1100);
    assert_rate(1000);
}

/* However often the caller comes, the samples span the window and are never more than their array.
 */
static void test_any_step_gives_the_same_rate(void **state)
{
    (void)state;
    for (int step = 1; step < 3000; step += step < 20 ? 1 : 37) {
        le_progress_start(&progress, 0, 0);
        for (int64_t ms = step; ms < 30000; ms += step) {
            le_progress_update(&progress, ms, (uint64_t)ms * 7);
            assert_true(progress.count <= LE_PROGRESS_SAMPLES);
            assert_rate(7000);
        }
        int64_t span = progress.samples[progress.count - 1].at_ms - progress.samples[0].at_ms;
        assert_in_range(span, LE_PROGRESS_WINDOW_MS, LE_PROGRESS_WINDOW_MS + 3000);
    }
}

static void test_what_was_received_since_is_taken_off(void **state)
{
    (void)state;
    le_progress_start(&progress, 0, 0);
    le_progress_update(&progress, 1000, 50);
    le_progress_left(&progress, 1000);
    le_progress_update(&progress, 2000, 100);
    assert_line(80, "100 received  50/s  about 950 left  ETA 19 s");
    le_progress_update(&progress, 3000, 2000); /* the estimate was low */
    assert_line(80, "2,000 received  667/s  about 0 left");
    le_progress_left(&progress, UINT64_MAX);
    assert_line(80, "2,000 received  667/s  about 9,223,372,036,854,775,807 left");
}

static void test_times_to_go(void **state)
{
    (void)state;
    static const struct {
        uint64_t left;
        const char *expected;
    } cases[] = {
        {1, "1 received  1.0/s  about 1 left  ETA 1 s"},
        {59, "1 received  1.0/s  about 59 left  ETA 59 s"},
        {60, "1 received  1.0/s  about 60 left  ETA 1 min 00 s"},
        {3599, "1 received  1.0/s  about 3,599 left  ETA 59 min 59 s"},
        {3600, "1 received  1.0/s  about 3,600 left  ETA 1 h 00 min"},
        {172799, "1 received  1.0/s  about 172,799 left  ETA 47 h 59 min"},
        {172800, "1 received  1.0/s  about 172,800 left  ETA 2 days"},
        {UINT64_C(86399999), "1 received  1.0/s  about 86,399,999 left  ETA 999 days"},
        {UINT64_C(86400000), "1 received  1.0/s  about 86,400,000 left"},
    };
    le_progress_start(&progress, 0, 0);
    le_progress_update(&progress, 1000, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        le_progress_left(&progress, cases[i].left);
        assert_line(80, cases[i].expected);
    }
}

static void test_the_largest_numbers_fit(void **state)
{
    (void)state;
    char out[LE_PROGRESS_MAX];
    le_progress_start(&progress, 0, 0);
    le_progress_update(&progress, 1, UINT64_MAX / 2000);
    le_progress_left(&progress, UINT64_MAX);
    size_t len = le_progress_format(&progress, 1000, out);
    assert_int_equal(len, strlen(out));
    assert_true(strlen(out) > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_the_start_nothing_is_known),
        cmocka_unit_test(test_all_parts),
        cmocka_unit_test(test_parts_that_do_not_fit_are_left_out),
        cmocka_unit_test(test_the_rate_is_that_of_the_last_seconds),
        cmocka_unit_test(test_the_rate_before_the_window_is_full),
        cmocka_unit_test(test_any_step_gives_the_same_rate),
        cmocka_unit_test(test_what_was_received_since_is_taken_off),
        cmocka_unit_test(test_times_to_go),
        cmocka_unit_test(test_the_largest_numbers_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
