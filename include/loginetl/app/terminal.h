/* stderr: the log, and below it, on a terminal, the progress line. */
#ifndef LE_APP_TERMINAL_H
#define LE_APP_TERMINAL_H

#include "loginetl/base/error.h"
#include "loginetl/base/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* In the order of the option's choices. */
enum le_progress_when { LE_PROGRESS_AUTO, LE_PROGRESS_YES, LE_PROGRESS_NO };

#define LE_TERMINAL_REDRAW_MS 250

struct le_terminal_config {
    uv_loop_t *loop;
    enum le_log_level level;
    enum le_log_format format;
    enum le_progress_when progress; /* auto: when stderr is a terminal that can erase a line */
};

struct le_terminal;

/* The log goes to stderr from here on. NULL: no memory. */
LE_MUST struct le_terminal *le_terminal_open(const struct le_terminal_config *config);
/* Whether there is a progress line: without one, nobody need call the next two. */
bool le_terminal_has_progress(const struct le_terminal *terminal);
/* By a timer of the caller's; draws at most every LE_TERMINAL_REDRAW_MS. */
void le_terminal_progress(struct le_terminal *terminal, int64_t now_ms, uint64_t received);
/* Whenever the queue was asked how many messages it holds. */
void le_terminal_left(struct le_terminal *terminal, uint64_t left);
/* Takes the progress line away: before stdout is written to, which may be the same terminal. */
void le_terminal_end_progress(struct le_terminal *terminal);
/* Waits until the log is written, a second at most: before the process ends without
 * le_terminal_close. */
void le_terminal_flush(struct le_terminal *terminal);
/* Flushes and ends the log. The loop must run once more; until then it ran without this keeping it
 * alive, so that everything else can be closed, and log, first. NULL is fine. */
void le_terminal_close(struct le_terminal *terminal);

#endif
