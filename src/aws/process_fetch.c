#include "loginetl/aws/fetch.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_MAX 65536 /* more than every receiver's connections */

enum state {
    RUNNING,
    TERMINATING, /* SIGTERM has been sent */
    KILLING,     /* SIGKILL has */
    ENDED
};

struct le_process_fetch {
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t timer;
    unsigned handles; /* not yet closed */
    enum state state;
    bool cancelled;
    int64_t grace_ms;
    struct le_process_ended ended;
    void (*done)(void *owner, const struct le_process_ended *ended);
    void *owner;
    char text[LE_PROCESS_OUTPUT_MAX + 1]; /* one more than may be, to see that there is more */
};

static const char *words_of(int code)
{
    switch (code) {
    case UV_ENOENT:
    case UV_ENOTDIR: return "does not exist";
    case UV_EACCES:
    case UV_EPERM: return "may not be run";
    case UV_EAGAIN:
    case UV_ENOMEM: return "cannot be run: there is no room for another process";
    default: return "cannot be run";
    }
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct le_process_fetch *process = handle->data;
    process->handles--;
    if (process->handles == 0)
        le_free_secret(process, sizeof *process);
}

static void close_all(struct le_process_fetch *process)
{
    uv_close((uv_handle_t *)&process->process, on_closed);
    uv_close((uv_handle_t *)&process->pipe, on_closed);
    uv_close((uv_handle_t *)&process->timer, on_closed);
}

static bool may_become(enum state from, enum state to)
{
    switch (from) {
    case RUNNING: return to == TERMINATING || to == ENDED;
    case TERMINATING: return to == KILLING || to == ENDED;
    case KILLING: return to == ENDED;
    case ENDED: return false;
    }
    abort();
}

/* The group outlives its first process, and may outlive all others too: then nobody is there to get
 * the signal. */
static void signal_group(struct le_process_fetch *process, int signal_number)
{
    (void)uv_kill(-process->process.pid, signal_number);
}

static void on_timer(uv_timer_t *timer);

static void set_state(struct le_process_fetch *process, enum state state)
{
    assert(may_become(process->state, state));
    process->state = state;
    (void)uv_timer_stop(&process->timer); /* cannot fail */
    if (state == ENDED)
        return;
    signal_group(process, state == TERMINATING ? SIGTERM : SIGKILL);
    (void)uv_read_stop((uv_stream_t *)&process->pipe); /* neither can this */
    if (state == TERMINATING)
        (void)uv_timer_start(&process->timer, on_timer, (uint64_t)process->grace_ms, 0);
}

static void end_early(struct le_process_fetch *process, enum le_err err)
{
    if (process->state != RUNNING)
        return;
    process->ended.err = err;
    set_state(process, TERMINATING);
}

static void on_timer(uv_timer_t *timer)
{
    struct le_process_fetch *process = timer->data;
    if (process->state == RUNNING)
        end_early(process, LE_ERR_TIMEOUT);
    else
        set_state(process, KILLING);
}

/* ---- what it writes ---- */

static size_t room(const struct le_process_fetch *process)
{
    return sizeof process->text - process->ended.len;
}

static void take(struct le_process_fetch *process, size_t len)
{
    assert(len <= room(process));
    process->ended.len += len;
    if (process->ended.len > LE_PROCESS_OUTPUT_MAX)
        end_early(process, LE_ERR_TOO_LARGE);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    struct le_process_fetch *process = handle->data;
    (void)suggested;
    *into = uv_buf_init(process->text + process->ended.len, (unsigned)room(process));
}

/* Without a reader a program that writes on is ended by SIGPIPE, as everywhere. */
static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *into)
{
    (void)into;
    if (len > 0)
        take(stream->data, (size_t)len);
    else if (len < 0)
        (void)uv_read_stop(stream);
}

/* What it wrote at last may not have been read when its end is known. Its children may have the
 * pipe still: its end is not waited for. */
static void read_rest(struct le_process_fetch *process)
{
    uv_os_fd_t fd;
    ssize_t len = 0;
    if (uv_fileno((uv_handle_t *)&process->pipe, &fd) != 0)
        return;
    while (process->state == RUNNING && room(process) > 0) {
        len = read(fd, process->text + process->ended.len, room(process));
        if (len <= 0 && !(len < 0 && errno == EINTR))
            return;
        if (len > 0)
            take(process, (size_t)len);
    }
}

static void on_end(uv_process_t *handle, int64_t status, int signal_number)
{
    struct le_process_fetch *process = handle->data;
    read_rest(process);
    if (process->state != RUNNING)
        signal_group(process, SIGKILL); /* what is left of it */
    set_state(process, ENDED);
    process->ended.status = signal_number == 0 ? (int)status : 0;
    process->ended.signal = signal_number;
    if (!process->cancelled)
        process->done(process->owner, &process->ended);
    close_all(process);
}

/* ---- the beginning ---- */

/* libcurl's sockets would be the program's too, and whatever this process was given. No call says
 * this of all of them everywhere. */
static void keep_files(void)
{
    struct rlimit limit = {.rlim_cur = FILES_MAX};
    (void)getrlimit(RLIMIT_NOFILE, &limit); /* else all that there may be */
    for (int fd = STDERR_FILENO + 1; (rlim_t)fd < limit.rlim_cur && fd < FILES_MAX; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* most are not open */
}

static int spawn(struct le_process_fetch *process, char *const *argv, uv_file output)
{
    uv_stdio_container_t files[] = {
        {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = output}, {.flags = UV_IGNORE}};
    const uv_process_options_t options = {
        .exit_cb = on_end,
        .file = argv[0],
        .args = (char **)(uintptr_t)argv, /* libuv changes none of them */
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = files,
    };
    keep_files();
    return uv_spawn(process->pipe.loop, &process->process, &options);
}

/* Those that ask nothing of the system: a fresh pipe's end can be used, and be read. */
static void must(int code)
{
    assert(code == 0);
    (void)code;
}

static void init_handles(struct le_process_fetch *process, uv_loop_t *loop, uv_file input)
{
    must(uv_pipe_init(loop, &process->pipe, 0));
    must(uv_pipe_open(&process->pipe, input));
    must(uv_timer_init(loop, &process->timer));
    process->process.data = process->pipe.data = process->timer.data = process;
    process->handles = 3;
}

static enum le_err refuse(int code, const char **words)
{
    *words = words_of(code);
    bool passing = code == UV_ENOMEM || code == UV_EAGAIN || code == UV_EMFILE || code == UV_ENFILE;
    return passing ? LE_ERR_NOMEM : LE_ERR_CONFIG;
}

/* A pipe, not the sockets that libuv makes: a program may open its /dev/stdout. */
static enum le_err start(struct le_process_fetch *process, const struct le_process_config *config,
                         const char **words)
{
    uv_file ends[2];
    int code = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (code != 0) {
        le_free(process);
        return refuse(code, words);
    }
    init_handles(process, config->loop, ends[0]);
    code = spawn(process, config->argv, ends[1]);
    (void)close(ends[1]); /* nothing was written to it here */
    if (code != 0) {
        close_all(process);
        return refuse(code, words);
    }
    must(uv_read_start((uv_stream_t *)&process->pipe, on_room, on_read));
    must(uv_timer_start(&process->timer, on_timer, (uint64_t)config->timeout_ms, 0));
    return LE_OK;
}

enum le_err le_process_fetch(const struct le_process_config *config,
                             void (*done)(void *owner, const struct le_process_ended *ended),
                             void *owner, struct le_process_fetch **out, const char **words)
{
    assert(config->argv[0] != NULL && config->timeout_ms > 0 && config->grace_ms > 0);
    *out = NULL;
    struct le_process_fetch *process = le_calloc(1, sizeof *process);
    if (process == NULL)
        return refuse(UV_ENOMEM, words);
    process->done = done;
    process->owner = owner;
    process->grace_ms = config->grace_ms;
    process->ended.text = process->text;
    enum le_err err = start(process, config, words);
    if (err == LE_OK)
        *out = process;
    return err;
}

void le_process_fetch_cancel(struct le_process_fetch *process)
{
    assert(!process->cancelled && process->state != ENDED);
    process->cancelled = true;
    end_early(process, LE_ERR_CANCELLED);
}
