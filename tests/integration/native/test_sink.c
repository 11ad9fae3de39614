/* The sink against readers that are slow, gone, or full; and a terminal, whose screen is rebuilt
 * from the bytes. */
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/rng.h"
#include "loginetl/net/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GOT_MAX (4 * 1024 * 1024)

static uv_loop_t loop;
static struct le_sink *sink;
static int reader = -1, writer = -1;
static char *got; /* all that the reader has read */
static size_t got_len;

static void to_sink(void *self, const char *line, size_t len)
{
    (void)self;
    le_sink_line(sink, line, len);
}

static int64_t epoch(void *self)
{
    (void)self;
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_sink(int write_fd, int read_fd)
{
    const struct le_log_config config = {.level = LE_LOG_DEBUG, .sink = to_sink, .wall_ms = epoch};
    writer = write_fd;
    reader = read_fd;
    got_len = 0;
    got = le_alloc(GOT_MAX + 1);
    assert_non_null(got);
    assert_int_equal(uv_loop_init(&loop), 0);
    sink = le_sink_new(&loop, writer);
    assert_non_null(sink);
    if (reader >= 0)
        assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
    le_log_init(&config);
}

static void close_sink(void)
{
    /* Whoever shares the descriptor still writes to it as before. */
    assert_int_equal(fcntl(writer, F_GETFL) & O_NONBLOCK, 0);
    le_sink_close(sink);
    le_log_init(NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    sink = NULL;
}

static int close_all(void **state)
{
    (void)state;
    if (sink != NULL)
        close_sink();
    if (reader >= 0)
        (void)close(reader);
    if (writer >= 0)
        (void)close(writer);
    reader = writer = -1;
    le_free(got);
    got = NULL;
    return 0;
}

static size_t read_some(size_t max)
{
    ssize_t count = read(reader, got + got_len, max < GOT_MAX - got_len ? max : GOT_MAX - got_len);
    if (count <= 0)
        return 0;
    got_len += (size_t)count;
    return (size_t)count;
}

static void read_all(void)
{
    while (read_some(GOT_MAX) > 0) {
    }
    assert_true(got_len < GOT_MAX);
    got[got_len] = '\0';
}

static size_t bytes_per_tick;
static int quiet_ticks;

static void on_tick(uv_timer_t *tick)
{
    size_t count = 0;
    if (bytes_per_tick > 0)
        count = read_some(bytes_per_tick);
    quiet_ticks = count > 0 ? 0 : quiet_ticks + 1;
    if (quiet_ticks >= 30) /* several of the sink's retries */
        uv_close((uv_handle_t *)tick, NULL);
}

/* The loop runs, the reader takes so many bytes a millisecond, until nothing comes any more. */
static void run_reading(size_t bytes)
{
    uv_timer_t tick;
    bytes_per_tick = bytes;
    quiet_ticks = 0;
    assert_int_equal(uv_timer_init(&loop, &tick), 0);
    assert_int_equal(uv_timer_start(&tick, on_tick, 1, 3), 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    got[got_len] = '\0';
}

static void log_numbers(int from, int to)
{
    for (int i = from; i < to; i++)
        le_log(LE_LOG_INFO, "e", LE_FI("n", i));
}

/* Counts the numbered lines in got: whole, each once, in order, without a gap before limit. */
static int numbers_in_order(int from)
{
    int expected = from;
    for (char *line = got; *line != '\0';) {
        char whole[128];
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        if (strstr(line, " n=") != NULL) {
            int count = snprintf(whole, sizeof whole,
                                 "ts=1970-01-01T00:00:00.000Z level=info event=e n=%d", expected);
            assert_true(count > 0);
            assert_string_equal(line, whole);
            expected++;
        } else {
            assert_non_null(strstr(line, "event=log_dropped"));
        }
        *end = '\n';
        line = end + 1;
    }
    return expected - from;
}

static uint64_t dropped_told(void)
{
    uint64_t sum = 0;
    for (const char *at = got; (at = strstr(at, "event=log_dropped")) != NULL; at++)
        sum += strtoull(strstr(at, " lines=") + strlen(" lines="), NULL, 10);
    return sum;
}

static void open_pipe(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    open_sink(ends[1], ends[0]);
}

static void test_lines_arrive_at_once_and_in_order(void **state)
{
    (void)state;
    open_pipe();
    log_numbers(0, 500);
    read_all();
    assert_int_equal(numbers_in_order(0), 500);
    assert_int_equal(le_sink_dropped(sink), 0);
}

/* What every descriptor must do when its reader sleeps: take no time, keep 64 KiB, count the rest,
 * tell it in the end. */
static void sleep_then_read(void)
{
    enum { LINES = 20000 };
    log_numbers(0, LINES); /* a write that waited for its reader would never come back */
    uint64_t dropped = le_sink_dropped(sink);
    assert_true(dropped > 0);
    assert_int_equal(fcntl(writer, F_GETFL) & O_NONBLOCK, 0);
    run_reading(5000);
    int arrived = numbers_in_order(0);
    assert_int_equal((uint64_t)arrived + dropped, LINES);
    assert_int_equal(dropped_told(), dropped);
    assert_int_equal(le_sink_dropped(sink), 0);
    assert_true(got_len > LE_SINK_PENDING_MAX);
    got_len = 0;
    log_numbers(LINES, LINES + 100); /* as if nothing had been */
    read_all();
    assert_int_equal(numbers_in_order(LINES), 100);
}

static void test_a_full_pipe_stops_nothing(void **state)
{
    (void)state;
    open_pipe();
    sleep_then_read();
}

/* No descriptor left: the sink cannot open the pipe for itself and has only poll. */
static void test_a_full_pipe_that_cannot_be_opened_again(void **state)
{
    (void)state;
    struct rlimit limit, none;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    open_sink(ends[1], ends[0]);
    le_sink_close(sink);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    sink = le_sink_new(&loop, writer);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_non_null(sink);
    sleep_then_read();
}

static void test_a_full_socket_stops_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    open_sink(ends[1], ends[0]);
    sleep_then_read();
}

/* Writer and reader at random speeds: nothing is torn, doubled or swapped. */
static void test_readers_of_any_speed(void **state)
{
    (void)state;
    struct le_rng rng;
    le_rng_seed(&rng, 1);
    open_pipe();
    uint64_t dropped = 0;
    int written = 0;
    for (int round = 0; round < 3000; round++) {
        int lines = (int)le_rng_below(&rng, 66);
        uint64_t before = le_sink_dropped(sink);
        if (before == 0)
            log_numbers(written, written + lines);
        dropped += le_sink_dropped(sink) - before;
        if (le_sink_dropped(sink) > 0)
            break;
        written += lines;
        (void)read_some(le_rng_below(&rng, 3200));
    }
    assert_true(dropped > 0); /* the writer was the faster one: the buffer was used to its end */
    run_reading(7777);
    assert_true(numbers_in_order(0) >= written);
    assert_int_equal(dropped_told(), dropped);
}

static void test_a_reader_that_went_away(void **state)
{
    (void)state;
    open_pipe();
    log_numbers(0, 10);
    assert_int_equal(close(reader), 0);
    reader = -1;
    log_numbers(10, 1000);
    assert_int_equal(le_sink_dropped(sink), 990);
    assert_true(le_sink_flush(sink, 0)); /* nothing waits for him */
}

static void test_closing_waits_a_second_and_no_longer(void **state)
{
    (void)state;
    open_pipe();
    log_numbers(0, 5000);
    int64_t start_ms = now_ms();
    close_sink();
    assert_in_range(now_ms() - start_ms, LE_SINK_FLUSH_MS - 50, LE_SINK_FLUSH_MS + 30000);
}

static void test_waiting_lines_do_not_keep_the_loop_alive(void **state)
{
    (void)state;
    open_pipe();
    log_numbers(0, 1600);
    assert_false(le_sink_flush(sink, 0));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

static void test_closing_writes_what_waits(void **state)
{
    (void)state;
    open_pipe();
    log_numbers(0, 1600); /* more than a pipe holds, less than pipe and sink */
    assert_int_equal(le_sink_dropped(sink), 0);
    assert_false(le_sink_flush(sink, 0));
    assert_true(read_some(40000) > 0);
    assert_true(le_sink_flush(sink, 1000));
    close_sink();
    read_all();
    assert_int_equal(numbers_in_order(0), 1600);
}

static void test_a_full_disk_is_told_when_there_is_room(void **state)
{
    (void)state;
    char path[] = "/tmp/loginetl-sink-XXXXXX";
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(full >= 0 && file >= 0);
    assert_int_equal(unlink(path), 0);
    open_sink(full, -1);
    log_numbers(0, 300);
    run_reading(0); /* meanwhile no warning is tried, which would only be one more line lost */
    assert_int_equal(le_sink_dropped(sink), 300);
    assert_int_equal(dup3(file, full, O_CLOEXEC), full); /* the disk has room again */
    log_numbers(300, 310);
    reader = file;
    run_reading(0);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    read_all();
    assert_int_equal(numbers_in_order(300), 10);
    assert_int_equal(dropped_told(), 300);
}

static void test_a_file_keeps_its_position(void **state)
{
    (void)state;
    char path[] = "/tmp/loginetl-sink-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(file, "before\n", 7), 7);
    open_sink(file, -1);
    log_numbers(0, 2000);
    assert_int_equal(write(file, "after\n", 6), 6);
    reader = file;
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    read_all();
    assert_memory_equal(got, "before\n", 7);
    assert_string_equal(got + got_len - 6, "after\n");
    got[got_len - 6] = '\0';
    memmove(got, got + 7, got_len - 7 - 5);
    assert_int_equal(numbers_in_order(0), 2000);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    le_mem_fail_at(1);
    assert_null(le_sink_new(&loop, STDERR_FILENO));
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_lines_arrive_at_once_and_in_order, close_all),
        cmocka_unit_test_teardown(test_a_full_pipe_stops_nothing, close_all),
        cmocka_unit_test_teardown(test_a_full_pipe_that_cannot_be_opened_again, close_all),
        cmocka_unit_test_teardown(test_a_full_socket_stops_nothing, close_all),
        cmocka_unit_test_teardown(test_readers_of_any_speed, close_all),
        cmocka_unit_test_teardown(test_a_reader_that_went_away, close_all),
        cmocka_unit_test_teardown(test_closing_waits_a_second_and_no_longer, close_all),
        cmocka_unit_test_teardown(test_waiting_lines_do_not_keep_the_loop_alive, close_all),
        cmocka_unit_test_teardown(test_closing_writes_what_waits, close_all),
        cmocka_unit_test_teardown(test_a_full_disk_is_told_when_there_is_room, close_all),
        cmocka_unit_test_teardown(test_a_file_keeps_its_position, close_all),
        cmocka_unit_test(test_no_memory),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
