/* The option engine: from one table come validation, precedence, --help and --print-config. Pure:
 * arguments, environment and the text of files are handed in.
 *
 * Precedence: argument, environment, configuration file, default. A value that loses is never
 * looked at, so that a broken variable can be overridden; an unknown name is always an error. */
#ifndef LE_BASE_OPTIONS_H
#define LE_BASE_OPTIONS_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LE_OPTIONS_MAX      64
#define LE_OPTION_NAME_MAX  40
#define LE_OPTION_VALUE_MAX 8192
#define LE_OPTIONS_FILE_MAX \
    65536 /* bytes of a configuration file, and of a file that a variable names */
#define LE_OPTIONS_ERROR_MAX    512
#define LE_OPTION_VARIABLES_MAX 3
#define LE_OPTION_PREFIX        "LOGINETL_" /* of the variables that are nobody else's */

enum le_option_kind {
    LE_OPTION_TEXT,   /* not empty; without control characters unless it is a secret */
    LE_OPTION_COUNT,  /* a whole number from min to max */
    LE_OPTION_SIZE,   /* bytes: 65536, 64K or 64KiB, M, G; from min to max */
    LE_OPTION_CHOICE, /* one of choices, "auto|logfmt|json" */
    LE_OPTION_SWITCH  /* --name; "yes" or "no" elsewhere */
};

enum le_option_place {
    LE_OPTION_ANYWHERE,
    LE_OPTION_ARGUMENT_ONLY,   /* what the program is to do now: no setting, not shown by
                                  --print-config */
    LE_OPTION_ENVIRONMENT_ONLY /* name is the variable's */
};

struct le_option {
    const char *name;                                 /* "wait-time" */
    const char *argument;                             /* "S", for the help; NULL for a switch */
    const char *environment[LE_OPTION_VARIABLES_MAX]; /* variables, the strongest first */
    const char *standard;  /* the default as a person would write it; NULL: none */
    const char *otherwise; /* in words, what holds without a value; NULL: nothing worth saying */
    const char *choices;
    const char *group; /* heading in the help */
    const char *help;  /* one sentence, no full stop */
    int64_t min, max;
    unsigned commands; /* bits of the commands that use it: they list it in their help */
    enum le_option_kind kind;
    enum le_option_place place;
    bool may_be_empty; /* an argument or a line of the file may say so; an empty variable counts as
                          none */
    bool secret;
    bool file_variable; /* each of its variables may be given as NAME_FILE, a file that holds the
                           value */
};

enum le_option_source {
    LE_OPTION_UNSET,
    LE_OPTION_DEFAULT,
    LE_OPTION_PROFILE, /* of the AWS SDKs' files: set by the caller, for le_options_print */
    LE_OPTION_CONFIG_FILE,
    LE_OPTION_ENVIRONMENT,
    LE_OPTION_VARIABLE_FILE,
    LE_OPTION_ARGUMENT
};

struct le_option_value {
    char *text;     /* NULL while there is none */
    int64_t number; /* COUNT; SIZE in bytes; CHOICE: position in choices; SWITCH: 0 or 1 */
    enum le_option_source source;
    const char *variable; /* ENVIRONMENT, VARIABLE_FILE: the table's name of it, without _FILE;
                             PROFILE: the profile's, lent */
    unsigned line;        /* CONFIG_FILE */
    bool refused; /* by le_options_refuse: it may be anything, and is shown as far as there only */
};

struct le_options {
    const struct le_option *table;
    size_t count;
    struct le_option_value values[LE_OPTIONS_MAX];
    const char *config_file;          /* its name, for messages; lent */
    char error[LE_OPTIONS_ERROR_MAX]; /* one line for a person after LE_ERR_CONFIG; never a secret's
                                         value */
};

/* The table must outlive the options. Its own consistency is asserted. */
void le_options_init(struct le_options *options, const struct le_option *table, size_t count);
void le_options_free(struct le_options *options); /* wipes secrets */
/* Wipes a value that is in use elsewhere: it is as if it were not set, but says where it came from.
 */
void le_options_forget(struct le_options *options, size_t index);

/* Everything below that can fail answers LE_ERR_CONFIG with `error` set, or LE_ERR_NOMEM. */

/* argv without the program's name. Words that are no options (command, files) are moved to its
 * front, in order; their number is in *words. A secret's value is overwritten with stars. "--" ends
 * the options; "-" is a word. */
LE_MUST enum le_err le_options_arguments(struct le_options *options, int argc, char **argv,
                                         int *words);

struct le_options_world {
    const char *(*variable)(void *self, const char *name); /* NULL when there is none */
    /* Appends the file's content to out, whose maximum is set. LE_ERR_TOO_LARGE, LE_ERR_NOMEM, or
     * LE_ERR_SYSTEM with *reason set to a fixed text. */
    enum le_err (*read_file)(void *self, const char *path, struct le_buf *out, const char **reason);
    void *self;
    /* The variables that there are, one after the other, as NAME or NAME=value; NULL behind the
     * last. For le_options_unknown_variables alone, else it may be NULL. */
    const char *(*entry)(void *self, size_t index);
};
/* An empty variable counts as none. A variable and its _FILE form together are an error. One
 * newline at a file's end is not part of the value. */
LE_MUST enum le_err le_options_environment(struct le_options *options,
                                           const struct le_options_world *world);

/* Lines `name = value`, each name once; comments begin with # or ; and also with ; after white
 * space. */
LE_MUST enum le_err le_options_config(struct le_options *options, const char *file_name,
                                      struct le_span text);

/* Defaults for what is unset, then every value is checked and its number set. Last of the four. */
LE_MUST enum le_err le_options_finish(struct le_options *options);

/* For the four above and for tests: gives one option a value, unless it has one of a stronger
 * source. */
LE_MUST enum le_err le_options_set(struct le_options *options, size_t index, struct le_span text,
                                   enum le_option_source source, const char *variable,
                                   unsigned line);
/* Position of the option, or -1. */
int le_options_find(const struct le_options *options, struct le_span name);
/* The option that somebody may have meant who wrote that, as an argument or as a line of the file;
 * NULL: none. */
const char *le_options_nearest(const struct le_options *options, struct le_span wrote,
                               bool in_file);
/* Does any option read this variable, itself or as its _FILE form? If not, and it has our prefix,
 * *near is the one that may have been meant, or NULL: a few letters off, or without our prefix. */
bool le_options_know_variable(const struct le_options *options, struct le_span name,
                              const char **near);
/* Tells each variable of our prefix that no option reads: its name (cut short, a control character
 * is a question mark; never its value) and near as above. No error: an orchestrator that has a
 * service of our name makes such variables. The texts are valid during the call. */
void le_options_unknown_variables(const struct le_options *options,
                                  const struct le_options_world *world,
                                  void (*tell)(void *owner, const char *name, const char *near),
                                  void *owner);

const char *le_option_text(const struct le_options *options, size_t index); /* NULL when unset */
int64_t le_option_number(const struct le_options *options,
                         size_t index);                            /* it has a value and a number */
bool le_option_on(const struct le_options *options, size_t index); /* a switch */
bool le_option_given(const struct le_options *options,
                     size_t index); /* set by a person, not the default */

/* Where the value came from, in words: "--wait-time", "LOGINETL_WAIT_TIME", "loginetl.conf line 3",
 * "profile work", "default", "not set". */
struct le_option_origin {
    char text[160];
};
struct le_option_origin le_options_origin(const struct le_options *options, size_t index);
/* The same for a sentence: "the command line" instead of the option's own name. */
struct le_option_origin le_options_source(const struct le_options *options, size_t index);

/* Sets `error`. Answers LE_ERR_CONFIG. */
LE_MUST enum le_err le_options_fail(struct le_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Sets `error` to "--name: what" with the value (not a secret's) and its origin: for checks that
 * the table cannot make. Answers LE_ERR_CONFIG. */
LE_MUST enum le_err le_options_refuse(struct le_options *options, size_t index, const char *what);

/* The options that any of the commands use, by group. A line has at most LE_HELP_COLUMNS
 * characters. */
#define LE_HELP_COLUMNS 79
LE_MUST enum le_err le_options_help(const struct le_option *table, size_t count, unsigned commands,
                                    struct le_buf *out);
/* Every option, its value and origin; itself a configuration file. What is hidden is shown as ***,
 * in a comment. */
LE_MUST enum le_err le_options_print(const struct le_options *options, struct le_buf *out);

/* The parts, for tests and fuzzers. */
LE_MUST enum le_err le_option_parse_count(
    struct le_span text, int64_t *out); /* digits only; LE_ERR_SYNTAX, LE_ERR_RANGE */
LE_MUST enum le_err le_option_parse_size(struct le_span text, int64_t *out);
/* How many single-letter changes (insert, drop, replace, swap of neighbours) lead from a to b;
 * texts of up to LE_OPTION_NAME_MAX characters, SIZE_MAX for longer ones. */
size_t le_edit_distance(struct le_span a, struct le_span b);
/* Is name worth suggesting to somebody who wrote that? A few letters off, or a longer form of it.
 */
bool le_option_near(struct le_span wrote, struct le_span name);

/* Is the value a secret, or one that may hold a password, or no path where a file is to be named?
 * --print-config keeps it to itself. Messages show less: le_shows_value. */
bool le_option_is_hidden(const struct le_option *option, const char *text);

/* Below 0x20, or 0x7F. In a message each of them is a question mark. */
bool le_option_is_control(char c);

/* Reads `name = value` lines; each calls take with the line's number. A section's line comes as a
 * name with its bracket and without a value. The only user of inih.
 * LE_ERR_SYNTAX: *line is none of these. LE_ERR_TOO_LARGE: its value is longer than
 * LE_OPTION_VALUE_MAX. LE_ERR_NOMEM. Any other error is take's. */
struct le_config_reader {
    enum le_err (*take)(void *self, struct le_span name, struct le_span value, unsigned line);
    void *self;
};
LE_MUST enum le_err le_config_read(struct le_span text, const struct le_config_reader *reader,
                                   unsigned *line);

#endif
