#include "loginetl/net/sink.h"

#include "loginetl/base/list.h"
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_LINE "\r\x1b[K"
#define WRITES_MAX 64 /* in one turn of the loop */

struct le_sink {
    uv_timer_t retry; /* active while something waits; never keeps the loop alive */
    int fd;           /* the caller's */
    int own_fd; /* the same pipe or terminal, opened by us without blocking; -1: fd is written to */
    bool is_socket;
    bool failing;      /* the last write failed for another reason than a slow reader */
    bool status_shown; /* behind the last line of pending stands the status line */
    bool status_stale; /* it is not what status holds now */
    uint64_t dropped;
    size_t status_len;
    char status[LE_SINK_STATUS_MAX];
    size_t start, end; /* pending[start] … pending[end - 1] wait */
    char pending[LE_SINK_PENDING_MAX];
};

/* Has a file status of its own, so that not blocking is our affair alone. A regular file would get
 * a second position, and a socket cannot be opened. */
static int open_again(int fd, mode_t mode)
{
    char path[40];
    if (!S_ISFIFO(mode) && !(S_ISCHR(mode) && isatty(fd)))
        return -1;
    int count = snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert(count > 0 && (size_t)count < sizeof path);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct le_sink *le_sink_new(uv_loop_t *loop, int fd)
{
    assert(loop != NULL && fd >= 0);
    struct stat status;
    struct le_sink *sink = le_calloc(1, sizeof *sink);
    if (sink == NULL)
        return NULL;
    bool known = fstat(fd, &status) == 0; /* when not, the writes will tell */
    sink->fd = fd;
    sink->is_socket = known && S_ISSOCK(status.st_mode);
    sink->own_fd = known ? open_again(fd, status.st_mode) : -1;
    int failure = uv_timer_init(loop, &sink->retry);
    assert(failure == 0); /* as libuv documents it */
    uv_unref((uv_handle_t *)&sink->retry);
    return sink;
}

static size_t waiting(const struct le_sink *sink)
{
    assert(sink->start <= sink->end && sink->end <= LE_SINK_PENDING_MAX);
    return sink->end - sink->start;
}

static int target(const struct le_sink *sink)
{
    return sink->own_fd >= 0 ? sink->own_fd : sink->fd;
}

/* Whether a write that finds no room comes back by itself. */
static bool never_blocks(const struct le_sink *sink)
{
    return sink->own_fd >= 0 || sink->is_socket;
}

static bool is_writable(const struct le_sink *sink, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = target(sink), .events = POLLOUT};
    /* An error or a hang-up counts: the write will say which. */
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static ssize_t write_some(const struct le_sink *sink, const char *bytes, size_t len)
{
    assert(len > 0 && len <= PIPE_BUF);
    if (sink->is_socket)
        return send(sink->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return write(target(sink), bytes, len);
}

/* Whole lines where it can be: a pipe keeps PIPE_BUF bytes together, so no other writer gets into a
 * line of ours. */
static size_t chunk_len(const struct le_sink *sink)
{
    const char *bytes = sink->pending + sink->start;
    if (waiting(sink) <= PIPE_BUF)
        return waiting(sink);
    const char *newline = memrchr(bytes, '\n', PIPE_BUF);
    return newline != NULL ? (size_t)(newline - bytes) + 1 : PIPE_BUF;
}

static uint64_t count_lines(const char *bytes, size_t len)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* The descriptor refuses for good, or its disk is full: what waits is given up, and the next line
 * is another try. */
static void give_up_pending(struct le_sink *sink)
{
    sink->failing = true;
    sink->dropped += count_lines(sink->pending + sink->start, waiting(sink));
    sink->start = sink->end = 0;
    sink->status_shown = false;
}

static bool write_chunk(struct le_sink *sink)
{
    ssize_t count = write_some(sink, sink->pending + sink->start, chunk_len(sink));
    if (count > 0) {
        sink->failing = false;
        sink->start += (size_t)count;
        assert(sink->start <= sink->end);
        return true;
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        give_up_pending(sink);
    return false;
}

static void write_pending(struct le_sink *sink)
{
    for (int i = 0; i < WRITES_MAX && waiting(sink) > 0; i++)
        if (!(never_blocks(sink) || is_writable(sink, 0)) || !write_chunk(sink))
            break;
    if (waiting(sink) == 0)
        sink->start = sink->end = 0;
}

static size_t room(const struct le_sink *sink)
{
    return LE_SINK_PENDING_MAX - waiting(sink);
}

static void push(struct le_sink *sink, const char *bytes, size_t len)
{
    assert(len <= room(sink));
    if (len > LE_SINK_PENDING_MAX - sink->end) {
        memmove(sink->pending, sink->pending + sink->start, waiting(sink));
        sink->end = waiting(sink);
        sink->start = 0;
    }
    memcpy(sink->pending + sink->end, bytes, len);
    sink->end += len;
}

static void push_clear(struct le_sink *sink)
{
    if (sink->status_shown)
        push(sink, CLEAR_LINE, strlen(CLEAR_LINE));
    sink->status_shown = false;
}

static void push_status(struct le_sink *sink)
{
    size_t need = strlen(CLEAR_LINE) + sink->status_len;
    sink->status_stale = need > room(sink);
    if (sink->status_stale)
        return;
    push_clear(sink);
    push(sink, sink->status, sink->status_len);
    sink->status_shown = sink->status_len > 0;
}

static void on_retry(uv_timer_t *timer);

static void write_or_retry(struct le_sink *sink)
{
    write_pending(sink);
    bool untold = sink->dropped > 0 && !sink->failing;
    if (waiting(sink) == 0 && !untold && !sink->status_stale) {
        (void)uv_timer_stop(&sink->retry); /* never fails */
        return;
    }
    if (uv_is_active((uv_handle_t *)&sink->retry))
        return;
    int failure = uv_timer_start(&sink->retry, on_retry, LE_SINK_RETRY_MS, LE_SINK_RETRY_MS);
    assert(failure == 0); /* it fails only on a handle that is closing */
}

/* Not from le_sink_line: that is called from within the log. */
static void tell_dropped(struct le_sink *sink)
{
    uint64_t dropped = sink->dropped;
    if (dropped == 0 || sink->failing || waiting(sink) > 0)
        return;
    sink->dropped = 0;
    le_log(LE_LOG_WARN, "log_dropped", LE_FS("text", "nobody read the log, so lines were dropped"),
           LE_FI("lines", dropped));
}

static void on_retry(uv_timer_t *timer)
{
    struct le_sink *sink = le_container_of(timer, struct le_sink, retry);
    write_pending(sink);
    tell_dropped(sink);
    if (waiting(sink) == 0 && sink->status_stale)
        push_status(sink);
    write_or_retry(sink);
}

static bool has_room(const struct le_sink *sink, size_t len)
{
    return len + (sink->status_shown ? strlen(CLEAR_LINE) : 0) <= room(sink);
}

void le_sink_line(struct le_sink *sink, const char *line, size_t len)
{
    assert(sink != NULL && len > 0 && line[len - 1] == '\n');
    if (!has_room(sink, len))
        write_pending(sink); /* the reader may have come back since */
    if (has_room(sink, len)) {
        push_clear(sink);
        push(sink, line, len);
        if (sink->status_len > 0)
            push_status(sink);
    } else {
        sink->dropped++;
    }
    write_or_retry(sink);
}

void le_sink_status(struct le_sink *sink, const char *text, size_t len)
{
    assert(sink != NULL && len <= LE_SINK_STATUS_MAX);
    bool same = len == sink->status_len && (len == 0 || memcmp(text, sink->status, len) == 0);
    if (same && !sink->status_stale && sink->status_shown == (len > 0))
        return;
    if (len > 0)
        memcpy(sink->status, text, len);
    sink->status_len = len;
    if (waiting(sink) == 0)
        push_status(sink);
    else
        sink->status_stale = true;
    write_or_retry(sink);
}

uint64_t le_sink_dropped(const struct le_sink *sink)
{
    return sink->dropped;
}

static int64_t now_ms(void)
{
    struct timespec now;
    int failure = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(failure == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void flush_until(struct le_sink *sink, int64_t deadline_ms)
{
    for (;;) {
        write_pending(sink);
        int64_t left_ms = deadline_ms - now_ms();
        if (waiting(sink) == 0 || left_ms <= 0)
            return;
        (void)is_writable(sink, (int)left_ms); /* whatever it says, the next write finds out */
    }
}

bool le_sink_flush(struct le_sink *sink, int timeout_ms)
{
    assert(sink != NULL && timeout_ms >= 0);
    int64_t deadline_ms = now_ms() + timeout_ms;
    flush_until(sink, deadline_ms);
    tell_dropped(sink);
    flush_until(sink, deadline_ms);
    return waiting(sink) == 0;
}

static void on_closed(uv_handle_t *handle)
{
    le_free(le_container_of(handle, struct le_sink, retry));
}

void le_sink_close(struct le_sink *sink)
{
    assert(sink != NULL);
    sink->status_len = 0;
    if (sink->status_shown && room(sink) >= strlen(CLEAR_LINE))
        push_clear(sink);
    (void)le_sink_flush(sink, LE_SINK_FLUSH_MS); /* what is left has no reader */
    if (sink->own_fd >= 0)
        (void)close(sink->own_fd);
    sink->own_fd = -1;
    uv_close((uv_handle_t *)&sink->retry, on_closed);
}
