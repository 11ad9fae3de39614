#include "loginetl/app/commands.h"
#include "loginetl/app/forget.h"
#include "loginetl/app/memory.h"
#include "loginetl/app/process.h"
#include "loginetl/app/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Before there is any thread. */
static void prepare_process(void)
{
    le_process_hide_memory();
    le_process_standard_files();
    le_memory_tune();
    le_process_limit_threads();
    le_process_ignore_signals();
}

static int print_version(void)
{
    return le_say(LE_SPAN_LIT("loginetl " LE_VERSION "\n")) ? LE_EXIT_DONE : LE_EXIT_FAILED;
}

static int print_help(const struct le_settings *settings)
{
    struct le_buf text;
    le_buf_init(&text, 65536);
    enum le_err err = le_help(settings, &text);
    return le_print_text(err, &text);
}

static int run_command(struct le_settings *settings)
{
    switch (settings->command) {
    case LE_COMMAND_RUN: return le_run(settings);
    case LE_COMMAND_CHECK: return le_check(settings);
    case LE_COMMAND_SCHEMA: return le_schema(settings);
    case LE_COMMAND_SEND: return le_send(settings);
    case LE_COMMAND_MASK: return le_mask_values(settings);
    case LE_COMMAND_ALL: break;
    }
    abort();
}

static int refuse(const struct le_settings *settings, enum le_err err)
{
    le_complain("%s", err == LE_ERR_CONFIG ? settings->options.error : le_err_text(err));
    return le_exit_of(err);
}

/* What can be shown is shown, and then what a start would say. */
static int print_config(struct le_settings *settings, enum le_err err)
{
    if (err == LE_OK)
        err = le_identity_check(settings);
    int status = le_print_config(settings);
    return err == LE_OK ? status : refuse(settings, err);
}

static int act(struct le_settings *settings, int argc, char **argv)
{
    enum le_err err = le_settings_arguments(settings, argc, argv);
    if (err == LE_OK && le_option_given(&settings->options, LE_OPT_HELP))
        return print_help(settings);
    if (err == LE_OK && le_option_given(&settings->options, LE_OPT_VERSION))
        return print_version();
    if (err == LE_OK)
        err = le_settings_values(settings);
    const bool print = err == LE_OK && le_option_on(&settings->options, LE_OPT_PRINT_CONFIG);
    if (err == LE_OK)
        err = le_settings_complete(settings);
    if (print)
        return print_config(settings, err);
    if (err == LE_OK)
        err = le_forget_sources(settings);
    return err == LE_OK ? run_command(settings) : refuse(settings, err);
}

int main(int argc, char **argv)
{
    static struct le_settings settings;
    char *no_arguments[] = {(char[]){"loginetl"}, NULL};
    prepare_process();
    int status = argc > 0 ? act(&settings, argc, argv) : act(&settings, 1, no_arguments);
    le_settings_free(&settings);
    return status;
}
