/* Words for people: stdout, complaints, help. */
#include "loginetl/app/commands.h"

#include "loginetl/app/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void le_complain(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "loginetl: %s\n", text);
}

bool le_say(struct le_span text)
{
    for (size_t done = 0; done < text.len;) {
        ssize_t wrote = write(STDOUT_FILENO, text.ptr + done, text.len - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            le_complain("stdout cannot be written");
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

int le_print_text(enum le_err err, struct le_buf *text)
{
    bool said = err == LE_OK && le_say(le_buf_span(text));
    if (err != LE_OK)
        le_complain("%s", le_err_text(err));
    le_buf_free(text);
    return said ? LE_EXIT_DONE : LE_EXIT_FAILED;
}

static const char overview[] =
    "loginetl drains an SQS queue of login events into PostgreSQL, masked, each stored once.\n"
    "\n"
    "  loginetl [run] [options]       service until SIGTERM or SIGINT\n"
    "  loginetl --drain [options]     the same, but ends when the queue is empty\n"
    "  loginetl check [options]       try configuration, queue, database; changes nothing\n"
    "  loginetl schema [options]      print the DDL for table and ledger\n"
    "  loginetl send [options] FILE…  send lines of JSON or a JSON array (- is stdin)\n"
    "  loginetl mask FIELD=VALUE…     what the table holds for a value\n"
    "\n"
    "loginetl COMMAND --help says more of one command.\n"
    "\n"
    "An argument is stronger than a variable, a variable than the configuration file.\n"
    "LOGINETL_X_FILE names a file that holds the value of LOGINETL_X, and so do\n"
    "DATABASE_URL_FILE and PGPASSWORD_FILE.\n";

static const char exit_status[] =
    "\nExit status: 0 done, 1 failed at run time, 2 wrong usage or configuration,\n"
    "3 drained but some messages were rejected, 128+n ended by a second signal n.\n";

static const char *command_overview(enum le_command command)
{
    switch (command) {
    case LE_COMMAND_CHECK:
        return "loginetl check [options]\n\n"
               "Tries configuration, credentials, queue, permissions, table and ledger, one line each,\n"
               "and says what to do about what fails. Changes nothing, and receives nothing: whether\n"
               "that is allowed is not known (skip). Ends with 0 when nothing fails.\n";
    case LE_COMMAND_SCHEMA:
        return "loginetl schema [options]\n\n"
               "Prints the DDL for table and ledger, for psql. Needs no connection.\n";
    case LE_COMMAND_SEND:
        return "loginetl send [options] FILE…\n\n"
               "Sends each line of a file, or each element of a JSON array, as one message, as it\n"
               "stands; - is stdin. Blank lines are left out.\n";
    case LE_COMMAND_MASK:
        return "loginetl mask [options] FIELD=VALUE…\n\n"
               "Prints what the table holds for a value: the field, a tab, the mask. For looking up\n"
               "what is stored of somebody. The value itself is not printed.\n";
    case LE_COMMAND_RUN:
    case LE_COMMAND_ALL: break;
    }
    return overview;
}

enum le_err le_help(const struct le_settings *settings, struct le_buf *out)
{
    enum le_command command = settings->command;
    bool whole = command == LE_COMMAND_RUN;
    enum le_err err = le_buf_append_text(out, command_overview(command));
    if (err == LE_OK)
        err = le_options_help(le_option_table, LE_OPT_COUNT,
                              whole ? LE_COMMAND_ALL : (unsigned)command, out);
    if (err == LE_OK && whole)
        err = le_buf_append_text(out, exit_status);
    return err;
}
