/* The sink on a terminal, whose screen is rebuilt from the bytes that came. */
#include "loginetl/base/log.h"
#include "loginetl/net/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GOT_MAX (1024 * 1024)

static uv_loop_t loop;
static struct le_sink *sink;
static int master = -1, terminal = -1;
static char got[GOT_MAX + 1]; /* all that came to the terminal */
static size_t got_len;

static void to_sink(void *self, const char *line, size_t len)
{
    (void)self;
    le_sink_line(sink, line, len);
}

static int64_t now_ms(void *self)
{
    (void)self;
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_terminal(void **state)
{
    (void)state;
    char name[128];
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, name, sizeof name), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    sink = le_sink_new(&loop, terminal);
    assert_non_null(sink);
    const struct le_log_config config = {.level = LE_LOG_DEBUG, .sink = to_sink, .wall_ms = now_ms};
    le_log_init(&config);
    got_len = 0;
    return 0;
}

static void close_sink(void)
{
    assert_int_equal(fcntl(terminal, F_GETFL) & O_NONBLOCK, 0);
    le_sink_close(sink);
    sink = NULL;
    le_log_init(NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int close_terminal(void **state)
{
    (void)state;
    if (sink != NULL)
        close_sink();
    (void)close(terminal);
    (void)close(master);
    return 0;
}

static bool read_some(void)
{
    ssize_t count = read(master, got + got_len, GOT_MAX - got_len);
    if (count <= 0)
        return false;
    got_len += (size_t)count;
    got[got_len] = '\0';
    assert_true(got_len < GOT_MAX);
    return true;
}

static int quiet_ticks;

static void on_tick(uv_timer_t *tick)
{
    quiet_ticks = read_some() ? 0 : quiet_ticks + 1;
    if (quiet_ticks >= 30) /* several of the sink's retries */
        uv_close((uv_handle_t *)tick, NULL);
}

static void run_reading(void)
{
    uv_timer_t tick;
    quiet_ticks = 0;
    assert_int_equal(uv_timer_init(&loop, &tick), 0);
    assert_int_equal(uv_timer_start(&tick, on_tick, 1, 3), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

/* A screen of one column of rows, as got draws it: carriage return, line feed, erase to the end of
 * the line. */
static char rows[64][256];
static size_t row_count;

static void draw_screen(void)
{
    size_t column = 0;
    memset(rows, 0, sizeof rows);
    row_count = 1;
    for (size_t i = 0; i < got_len; i++) {
        char *row = rows[row_count - 1];
        assert_true(row_count < 64 && column < 255);
        if (got[i] == '\r') {
            column = 0;
        } else if (got[i] == '\n') {
            row_count++;
        } else if (got[i] == '\x1b') {
            assert_memory_equal(got + i, "\x1b[K", 3);
            memset(row + column, 0, 256 - column);
            i += 2;
        } else {
            row[column++] = got[i];
        }
    }
}

static bool shows(const char *const *expected, size_t count)
{
    draw_screen();
    bool same = row_count == count;
    for (size_t i = 0; i < count && same; i++)
        same = strcmp(rows[i], expected[i]) == 0;
    return same;
}

/* Sooner or later: a terminal hands its output on by a worker of the kernel's, and what it has no
 * room for is written later. */
static void expect_screen(const char *const *expected, size_t count)
{
    for (unsigned tries = 0; !shows(expected, count); tries++) {
        if (tries == 60000)
            fail_msg("the screen has %zu rows; the last is \"%s\"", row_count, rows[row_count - 1]);
        if (sink != NULL)
            (void)uv_run(&loop, UV_RUN_NOWAIT);
        if (!read_some())
            (void)usleep(1000);
    }
}

static void show(const char *text)
{
    le_sink_status(sink, text, strlen(text));
}

static void line(const char *text)
{
    char whole[128];
    int count = snprintf(whole, sizeof whole, "%s\n", text);
    assert_true(count > 0);
    le_sink_line(sink, whole, (size_t)count);
}

static void test_the_status_line_stays_below_the_log(void **state)
{
    (void)state;
    show("a long status line: 10 received");
    show("20 received");
    expect_screen((const char *const[]){"20 received"}, 1);
    line("one");
    line("two");
    show("30 received");
    line("3");
    expect_screen((const char *const[]){"one", "two", "3", "30 received"}, 4);
    size_t len = got_len;
    show("30 received"); /* nothing new, nothing drawn */
    run_reading();
    assert_int_equal(got_len, len);
    show("");
    line("four");
    show("40 received");
    close_sink(); /* leaves a clean line */
    expect_screen((const char *const[]){"one", "two", "3", "four", ""}, 5);
}

static bool ends_with(const char *text)
{
    size_t len = strlen(text);
    return got_len >= len && memcmp(got + got_len - len, text, len) == 0;
}

/* A terminal that was stopped: the log waits, old states of the status line do not. */
static void test_a_stopped_terminal(void **state)
{
    (void)state;
    unsigned rounds = 0;
    for (int i = 0; i < 3000; i++) {
        char text[32];
        assert_true(snprintf(text, sizeof text, "%d received", i) > 0);
        show(text);
        if (i % 2 == 0)
            line("a line of the log");
    }
    do /* what is on its way may take longer than it seems */
        run_reading();
    while (!ends_with("2999 received") && ++rounds < 600);
    assert_true(ends_with("2999 received"));
    assert_int_equal(le_sink_dropped(sink), 0);
    size_t lines = 0;
    for (const char *at = got; (at = strstr(at, "a line of the log\r\n")) != NULL; at++)
        lines++;
    assert_int_equal(lines, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_status_line_stays_below_the_log, open_terminal,
                                        close_terminal),
        cmocka_unit_test_setup_teardown(test_a_stopped_terminal, open_terminal, close_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
