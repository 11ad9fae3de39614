/* Where credentials come from. Each source is one file with the same three functions, and a chain
 * asks them in turn. */
#ifndef LE_AWS_CREDENTIALS_H
#define LE_AWS_CREDENTIALS_H

#include "loginetl/base/error.h"
#include "loginetl/profile/plan.h"
#include "loginetl/sqs/sigv4.h"

#include <stdint.h>

/* What is wrong with a setting: its name and fixed words about it, never its value. */
struct le_setting_fault {
    const char *setting;
    const char *words;
};

#define LE_NEVER_EXPIRES      INT64_MAX
#define LE_CREDENTIAL_LEN_MAX 4096 /* session tokens are the longest: 1 to 2 kB today */

/* Why a refresh failed, for a person. Never a value, nor anything that a server or a process said
 * but its error's code. */
struct le_credential_failure {
    const char *setting; /* the one that is likely to be at fault: "AWS_ROLE_ARN"; or NULL */
    char words[256]; /* a whole sentence; "" when the last refresh went well, or none was made */
};

/* Made by its source's file, which puts this first in a struct of its own. Those that ask a service
 * run on a loop and a net, and are destroyed before these are closed. */
struct le_credential_source {
    const char *name; /* for the log: "environment" */
    /* The credentials as they are now; the spans are the source's, valid until its next refresh or
     * its end. LE_ERR_CREDENTIALS: none have come yet. */
    LE_MUST enum le_err (*get)(const struct le_credential_source *self, struct le_credentials *out,
                               int64_t *expires_at_ms);
    /* Fetches new ones, one refresh at a time; done comes later, once, never from inside, within
     * the source's own time limits, and those of before stay when it failed. On an error nothing
     * was begun, and done is not called. Any error may go away by itself: roles and tokens are
     * made and changed while the program runs. NULL: the credentials stay the same as long as it
     * runs. */
    LE_MUST enum le_err (*refresh)(struct le_credential_source *self,
                                   void (*done)(void *owner, enum le_err err), void *owner);
    const struct le_credential_failure *failure; /* NULL: it has no refresh */
    /* What a person should know of a refresh that went well; it is in the log too. The source's,
     * valid until its next refresh or its end. NULL: nothing. */
    const char *doubt;
    /* A refresh under way is given up, and its done is not called. What runs on a loop is freed
     * after that has run its close callbacks. */
    void (*destroy)(struct le_credential_source *self);
};

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. LE_OK with *out NULL: they are not
 * set, and the next source is asked. LE_ERR_CONFIG: *fault says of which variable and why (only
 * half of them is set, or one holds characters that no credential has, among them line ends, which
 * would end a header). LE_ERR_NOMEM. */
LE_MUST enum le_err le_credentials_environment(const struct le_environment *environment,
                                               struct le_credential_source **out,
                                               struct le_setting_fault *fault);
/* A profile's own keys, copied. The faults are those of the environment's, with the key's name. */
LE_MUST enum le_err le_credentials_profile(const struct le_plan *plan,
                                           struct le_credential_source **out,
                                           struct le_setting_fault *fault);

#endif
