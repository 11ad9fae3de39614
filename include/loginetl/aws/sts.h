/* A request to STS for a role's credentials: what the sources share that ask it. */
#ifndef LE_AWS_STS_H
#define LE_AWS_STS_H

#include "loginetl/aws/source_internal.h"

enum le_sts_kind {
    LE_STS_ROLE,        /* AssumeRole, signed with another source's credentials */
    LE_STS_WEB_IDENTITY /* AssumeRoleWithWebIdentity: nobody signs, the token is enough */
};

struct le_sts;

/* A parameter of the form, besides those that every request has. */
struct le_sts_field {
    const char *name;
    struct le_span value; /* absent: it is left out */
};

/* Copies the parameters. LE_ERR_CONFIG with *fault, LE_ERR_NOMEM. */
LE_MUST enum le_err le_sts_new(const struct le_source_world *world, enum le_sts_kind kind,
                               const struct le_sts_params *params, struct le_sts **out,
                               struct le_setting_fault *fault);
/* Asks, and has taker take what comes, or say what went wrong; done comes once, never from inside,
 * and may close. code: of a refusal, absent when there is none. signer: NULL for a web identity;
 * copied. On an error nothing was begun. */
LE_MUST enum le_err le_sts_ask(struct le_sts *sts, struct le_fetching_source *taker,
                               const struct le_sts_field *fields, size_t field_count,
                               const struct le_credentials *signer,
                               void (*done)(void *owner, enum le_err err, struct le_span code),
                               void *owner);
/* What is under way is given up, and its done is not called. NULL is fine. */
void le_sts_close(struct le_sts *sts);

/* Letters, digits, '_' and what more holds, of so many characters: how IAM restricts names. */
bool le_sts_is_name(struct le_span text, const char *more, size_t len_min, size_t len_max);

#endif
