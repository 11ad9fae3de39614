#include "loginetl/app/process.h"

#include "loginetl/app/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

/* The loop and its signals take ten, libcurl five, two name look-ups under way four each; the rest
 * is for files that libraries open for a moment (certificates, passwords, time zones). */
#define FILES_BESIDE_CONNECTIONS 40
/* What libuv and the look-ups make them with. */
#define THREAD_STACK ((size_t)8 << 20)

/* Opened the wrong way round, so that what is written to it fails as it did when it was closed: a
 * command whose output goes nowhere has not done its work. */
static bool fill_gap(int fd)
{
    if (fcntl(fd, F_GETFD) >= 0)
        return true;
    int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    return open("/dev/null", flags | O_NOCTTY) == fd; /* the lowest number that is free */
}

void le_process_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fill_gap(fd))
            continue;
        le_complain("a standard file is closed, and /dev/null cannot be opened in its place");
        _exit(EXIT_FAILURE);
    }
}

/* LeakSanitizer looks for leaks as a debugger does, which the kernel then refuses. */
#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define LOOKED_THROUGH 1
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined LOOKED_THROUGH
void le_process_hide_memory(void)
{
}
#else
void le_process_hide_memory(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);          /* to lower a limit is always allowed */
    (void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); /* and so is this */
}
#endif

/* More than are counted on, if somebody's environment asked for them, might not be had: libuv ends
 * the program then. */
void le_process_limit_threads(void)
{
    char number[8];
    (void)snprintf(number, sizeof number, "%d", LE_PROCESS_POOL_THREADS);
    if (setenv("UV_THREADPOOL_SIZE", number, 1) == 0)
        return;
    le_complain("%s", le_err_text(LE_ERR_NOMEM));
    _exit(EXIT_FAILURE);
}

void le_process_ignore_signals(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a log that has reached its size (ulimit -f) */
}

enum le_err le_process_allow_files(const struct le_settings *settings)
{
    unsigned concurrency = (unsigned)le_setting_number(settings, LE_OPT_CONCURRENCY);
    unsigned connections = (unsigned)le_setting_number(settings, LE_OPT_CONNECTIONS);
    /* For each receiver one connection that receives, and one that deletes. */
    rlim_t need = 2 * (rlim_t)concurrency + connections + FILES_BESIDE_CONNECTIONS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return LE_OK;
    limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    if (limit.rlim_cur == need && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return LE_OK;
    le_complain("no more than %llu files may be open here, and --concurrency %u with --connections "
                "%u needs %llu: raise the limit (ulimit -n, LimitNOFILE=) or lower --concurrency",
                (unsigned long long)limit.rlim_max, concurrency, connections,
                (unsigned long long)need);
    return LE_ERR_SYSTEM;
}

static void wait_for_word(void *word)
{
    uv_sem_wait(word);
}

/* All of them at once: that is what there must be room for. */
static bool can_make_threads(uv_sem_t *word)
{
    const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE,
                                         .stack_size = THREAD_STACK};
    uv_thread_t threads[LE_PROCESS_THREADS];
    int made = 0;
    while (made < LE_PROCESS_THREADS &&
           uv_thread_create_ex(&threads[made], &options, wait_for_word, word) == 0)
        made++;
    for (int i = 0; i < made; i++)
        uv_sem_post(word);
    for (int i = 0; i < made; i++)
        (void)uv_thread_join(&threads[i]); /* it fails only for a thread that is none */
    return made == LE_PROCESS_THREADS;
}

enum le_err le_process_allow_threads(void)
{
    uv_sem_t word;
    bool can = uv_sem_init(&word, 0) == 0;
    if (can) {
        can = can_make_threads(&word);
        uv_sem_destroy(&word);
    }
    if (can)
        return LE_OK;
    le_complain(
        "no thread can be made to look names up and to read files: raise the limit of processes (ulimit -u, "
        "pids) or of memory (ulimit -v)");
    return LE_ERR_SYSTEM;
}
