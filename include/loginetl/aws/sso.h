/* The token of an SSO login: out of its file, and renewed when it is near its end. */
#ifndef LE_AWS_SSO_H
#define LE_AWS_SSO_H

#include "loginetl/aws/source_internal.h"

/* As the SDKs have it. */
#define LE_SSO_AHEAD_MS    INT64_C(900000) /* before its end a token is renewed */
#define LE_SSO_INTERVAL_MS 30000           /* from an attempt to the next */

#define LE_SSO_TIMEOUT_MS 5000
#define LE_SSO_ATTEMPTS   3

/* Whoever shares the login may have its new token, and not have written it yet. */
#define LE_SSO_LOOKS    5 /* at the file, after a refusal */
#define LE_SSO_PAUSE_MS 200

struct le_sso_login;

/* What a person is told of a login. */
struct le_sso_words {
    const char *setting; /* that the login is of */
    char profile[64];
    char todo[160]; /* what to do about one that is none any more: "run aws sso login …" */
};

/* Copies the parameters. taker: has the words of a failure. LE_ERR_CONFIG with *fault,
 * LE_ERR_NOMEM. */
LE_MUST enum le_err le_sso_login_new(const struct le_source_world *world,
                                     const struct le_sso_params *params,
                                     struct le_fetching_source *taker, struct le_sso_login **out,
                                     struct le_setting_fault *fault);
/* done comes once, never from inside, and may close: with the token, which is valid during the call
 * only, or with an error, of which the taker has the words. On an error nothing was begun:
 * LE_ERR_NOMEM. */
LE_MUST enum le_err le_sso_login_token(struct le_sso_login *login,
                                       void (*done)(void *owner, enum le_err err,
                                                    struct le_span token),
                                       void *owner);
const struct le_sso_words *le_sso_login_words(const struct le_sso_login *login);
/* What is under way is given up, and its done is not called; a renewed token that is being written
 * is written. Freed when the loop has run. NULL is fine. */
void le_sso_login_close(struct le_sso_login *login);

/* A path below an endpoint's own, with one slash between them; behind begins with it. Appends it:
 * LE_ERR_TOO_LARGE, LE_ERR_NOMEM. */
LE_MUST enum le_err le_sso_append_path(struct le_buf *out, const struct le_endpoint *endpoint,
                                       const char *behind);

#endif
