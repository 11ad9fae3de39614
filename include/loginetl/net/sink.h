/* A log's way to a descriptor that other processes may share, such as stderr: it never blocks the
 * loop.
 *
 * O_NONBLOCK belongs to the open file, not to the descriptor, so setting it on a shared terminal or
 * pipe would reach the processes on its other ends. Instead the sink opens a pipe or a terminal
 * once more for itself, and where the system does not allow that asks poll(2) before each write. No
 * write has more than PIPE_BUF bytes. What cannot be written waits in 64 KiB, in order; a line that
 * finds no room there is dropped and counted, and once all is written a warning (event log_dropped)
 * tells how many there were.
 *
 * It also keeps a terminal's status line below the log: one line that is drawn again in place,
 * taken away before a log line and put back after it. */
#ifndef LE_NET_SINK_H
#define LE_NET_SINK_H

#include "loginetl/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define LE_SINK_PENDING_MAX 65536
#define LE_SINK_STATUS_MAX  256
#define LE_SINK_RETRY_MS    20   /* while lines wait */
#define LE_SINK_FLUSH_MS    1000 /* the longest that le_sink_close waits for a reader */

struct le_sink;

/* fd stays the caller's, and open until le_sink_close. The process must ignore SIGPIPE. NULL: no
 * memory. */
LE_MUST struct le_sink *le_sink_new(uv_loop_t *loop, int fd);
/* Takes one whole line with its newline. */
void le_sink_line(struct le_sink *sink, const char *line, size_t len);
/* The status line from now on: printable, no newline, at most LE_SINK_STATUS_MAX bytes; no bytes:
 * none. While lines wait it is not drawn. */
void le_sink_status(struct le_sink *sink, const char *text, size_t len);
/* Lines that were dropped and not told yet. */
uint64_t le_sink_dropped(const struct le_sink *sink);
/* Waits until all is written, timeout_ms at most: for the end only. false: something is left. */
bool le_sink_flush(struct le_sink *sink, int timeout_ms);
/* Takes the status line away, flushes, and frees once the loop has run the close callback. The log
 * must not lead here any more (le_log_init) when it returns. */
void le_sink_close(struct le_sink *sink);

#endif
