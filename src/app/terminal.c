#include "loginetl/app/terminal.h"

#include "loginetl/app/world.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/progress.h"
#include "loginetl/net/sink.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80

struct le_terminal {
    struct le_sink *sink;
    bool has_progress;
    bool started;          /* progress has its first sample */
    int64_t left_at_start; /* what the queue said before there was a first sample; -1: nothing */
    int64_t drawn_ms;
    struct le_progress progress;
};

static void take_line(void *self, const char *line, size_t len)
{
    struct le_terminal *terminal = self;
    le_sink_line(terminal->sink, line, len);
}

static int32_t seconds_east(void)
{
    time_t now = (time_t)(le_wall_ms(NULL) / 1000);
    struct tm local;
    return localtime_r(&now, &local) != NULL ? (int32_t)local.tm_gmtoff : 0;
}

static bool can_erase_a_line(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDERR_FILENO) && kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0;
}

static bool wants_progress(enum le_progress_when when)
{
    return when == LE_PROGRESS_YES || (when == LE_PROGRESS_AUTO && can_erase_a_line());
}

struct le_terminal *le_terminal_open(const struct le_terminal_config *config)
{
    assert(config != NULL && config->loop != NULL);
    struct le_terminal *terminal = le_calloc(1, sizeof *terminal);
    if (terminal == NULL)
        return NULL;
    terminal->sink = le_sink_new(config->loop, STDERR_FILENO);
    if (terminal->sink == NULL) {
        le_free(terminal);
        return NULL;
    }
    terminal->left_at_start = -1;
    terminal->has_progress = wants_progress(config->progress);
    const struct le_log_config log_config = {.level = config->level,
                                             .format = config->format,
                                             .seconds_east = seconds_east(),
                                             .sink = take_line,
                                             .wall_ms = le_wall_ms,
                                             .self = terminal};
    le_log_init(&log_config);
    return terminal;
}

bool le_terminal_has_progress(const struct le_terminal *terminal)
{
    return terminal->has_progress;
}

/* Asked for each time: people change their windows. */
static unsigned columns(void)
{
    struct winsize size = {.ws_col = 0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col;
}

static void start_progress(struct le_terminal *terminal, int64_t now_ms, uint64_t received)
{
    le_progress_start(&terminal->progress, now_ms, received);
    if (terminal->left_at_start >= 0)
        le_progress_left(&terminal->progress, (uint64_t)terminal->left_at_start);
    terminal->started = true;
}

void le_terminal_progress(struct le_terminal *terminal, int64_t now_ms, uint64_t received)
{
    char text[LE_PROGRESS_MAX];
    if (!terminal->has_progress)
        return;
    if (!terminal->started)
        start_progress(terminal, now_ms, received);
    else if (now_ms - terminal->drawn_ms < LE_TERMINAL_REDRAW_MS)
        return;
    terminal->drawn_ms = now_ms;
    le_progress_update(&terminal->progress, now_ms, received);
    le_sink_status(terminal->sink, text, le_progress_format(&terminal->progress, columns(), text));
}

void le_terminal_left(struct le_terminal *terminal, uint64_t left)
{
    if (terminal->started)
        le_progress_left(&terminal->progress, left);
    else
        terminal->left_at_start = left < INT64_MAX ? (int64_t)left : INT64_MAX;
}

void le_terminal_end_progress(struct le_terminal *terminal)
{
    terminal->has_progress = false;
    le_sink_status(terminal->sink, NULL, 0);
}

void le_terminal_flush(struct le_terminal *terminal)
{
    (void)le_sink_flush(terminal->sink,
                        LE_SINK_FLUSH_MS); /* a reader that is not there cannot be told */
}

void le_terminal_close(struct le_terminal *terminal)
{
    if (terminal == NULL)
        return;
    le_terminal_end_progress(terminal);
    le_sink_close(terminal->sink);
    le_log_init(NULL);
    le_free(terminal);
}
