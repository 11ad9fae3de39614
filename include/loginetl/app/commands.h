/* The commands. Each answers the program's exit status. */
#ifndef LE_APP_COMMANDS_H
#define LE_APP_COMMANDS_H

#include "loginetl/app/settings.h"

int le_run(struct le_settings *settings);    /* service and --drain */
int le_check(struct le_settings *settings);  /* what works and what does not; changes nothing */
int le_schema(struct le_settings *settings); /* the DDL */
int le_send(struct le_settings *settings);   /* files into the queue */
int le_mask_values(struct le_settings *settings);

/* Whatever there is of the settings after le_settings_complete, also when that has failed. */
int le_print_config(struct le_settings *settings);
/* --help of the program, or of the command. */
LE_MUST enum le_err le_help(const struct le_settings *settings, struct le_buf *out);

/* One line for a person on stderr, before there is a log or for a command without one. */
void le_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes to stdout; false, after a complaint, when it cannot be written. */
LE_MUST bool le_say(struct le_span text);
/* A text for stdout, or why there is none, and the exit status of that. Frees the text. */
int le_print_text(enum le_err err, struct le_buf *text);

#endif
