/* `check`: one line for each thing that the work needs, and what to do about those that are not
 * well. Nothing is changed and no message is received: a receive would count against the queue's
 * maxReceiveCount. */
#include "loginetl/app/check.h"

#include "loginetl/app/commands.h"
#include "loginetl/app/settings_queue.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define NOTICE_AFTER_MS 1000

void le_check_tell(struct le_check *check, enum le_verdict verdict, const char *what,
                   const char *format, ...)
{
    static const char *const words[] = {"ok  ", "warn", "skip", "FAIL"};
    char text[700], line[800];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int len = snprintf(line, sizeof line, "%s  %-12s %s\n", words[verdict], what, text);
    assert(len > 0 && (size_t)len < sizeof line);
    bool said = le_say((struct le_span){line, (size_t)len});
    if (verdict == LE_VERDICT_FAIL || !said)
        check->failed = true;
}

/* A table that stops in the middle looks like a program that hangs. */
static void on_notice(uv_timer_t *timer)
{
    const struct le_check *check = timer->data;
    le_complain("no answer from the %s yet: trying for %d s…", check->waiting_for,
                LE_CHECK_PATIENCE_MS / 1000);
}

void le_check_wait(struct le_check *check, const char *server)
{
    check->waiting_for = server;
    if (isatty(STDERR_FILENO) != 0)
        uv_timer_start(&check->notice, on_notice, NOTICE_AFTER_MS, 0);
    uv_run(&check->world.loop, UV_RUN_DEFAULT);
    uv_timer_stop(&check->notice);
}

void le_check_go_on(struct le_check *check)
{
    uv_stop(&check->world.loop);
}

static void tell_settings(struct le_check *check)
{
    const struct le_settings *settings = check->settings;
    const char *config = le_setting(settings, LE_OPT_CONFIG);
    le_check_tell(check, LE_VERDICT_OK, "settings", "%s%.200s: all values fit",
                  config != NULL ? "with " : "without a configuration file",
                  config != NULL ? config : "");
    le_check_tell(check, LE_VERDICT_OK, "endpoint", "%s, region %s", settings->endpoint,
                  settings->region);
    le_check_tell(check, LE_VERDICT_WARN, "mask",
                  "%s without a key: an IPv4 address can be found again by trying all of them",
                  le_mask_word(settings->mask));
}

/* A name that nobody reads does no harm, and may be meant for something else. */
static void tell_unknown_variable(void *owner, const char *words, bool meant)
{
    (void)meant;
    le_check_tell(owner, LE_VERDICT_WARN, "environment", "%s", words);
}

static void tell_doubt(void *owner, const char *words)
{
    le_check_tell(owner, LE_VERDICT_WARN, "settings", "%s", words);
}

/* Log lines would stand between those of the table, and say the same twice. A level in the file or
 * the environment is meant for the service; who gives it here wants to see them. */
static bool is_quiet(const struct le_settings *settings)
{
    return settings->options.values[LE_OPT_LOG_LEVEL].source != LE_OPTION_ARGUMENT;
}

int le_check(struct le_settings *settings)
{
    static struct le_check check;
    check = (struct le_check){.settings = settings};
    if (is_quiet(settings))
        settings->log_level = LE_LOG_ERROR; /* why the world does not open is said there */
    enum le_err err = le_world_open(&check.world, settings);
    if (err != LE_OK)
        return le_exit_of(err);
    if (is_quiet(settings))
        le_log_init(NULL);
    uv_timer_init(&check.world.loop, &check.notice);
    check.notice.data = &check;
    tell_settings(&check);
    le_settings_unknown_variables(settings, tell_unknown_variable, &check);
    le_settings_doubts(settings, tell_doubt, &check);
    le_check_queue(&check);
    le_check_store(&check);
    uv_close((uv_handle_t *)&check.notice, NULL);
    le_world_close(&check.world);
    return check.failed ? LE_EXIT_FAILED : LE_EXIT_DONE;
}
