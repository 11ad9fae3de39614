/* What a choice is made from besides files, and how it is said that something is wrong with it. */
#ifndef LE_PROFILE_ENVIRONMENT_H
#define LE_PROFILE_ENVIRONMENT_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

/* The process's environment, or a test's: NULL when a variable is not set. What it answers stays
 * valid as long as the environment is not changed. */
struct le_environment {
    const char *(*get)(void *self, const char *name);
    void *self;
};

/* A variable's value; absent when it is not set, or empty, which is the same. */
struct le_span le_variable(const struct le_environment *environment, const char *name);

/* "true" in any case. All else is false, as everywhere with these switches. */
bool le_is_true(struct le_span text);

/* One line for a person: names of profiles, keys and variables, never a value. */
struct le_profile_fault {
    char text[400];
};

/* Control characters become question marks: a profile may be called anything, and a line of the log
 * or of a terminal may not hold anything. */
void le_profile_clean(char *text);
/* That is done to the line. Answers LE_ERR_CONFIG. */
LE_MUST enum le_err le_profile_fail(struct le_profile_fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "profile P: its KEY NAME does not exist", where nothing has that name. It may be a secret that
 * stands in the wrong place, and is told only when it looks like a name. Answers LE_ERR_CONFIG. */
LE_MUST enum le_err le_profile_fail_missing(struct le_profile_fault *fault, struct le_span profile,
                                            const char *key, struct le_span name);

/* Such a name in a message: "%.*s" takes these two. A long one is cut. */
#define LE_PROFILE_SHOWN(name) (int)((name).len < 60 ? (name).len : 60), (name).ptr

#endif
