/* What the sources that ask a service share. */
#ifndef LE_AWS_SOURCE_INTERNAL_H
#define LE_AWS_SOURCE_INTERNAL_H

#include "loginetl/aws/credential_answer.h"
#include "loginetl/aws/endpoint.h"
#include "loginetl/aws/fetch.h"
#include "loginetl/aws/sources.h"

/* First in the struct of each. */
struct le_fetching_source {
    struct le_credential_source source;
    struct le_source_world world;
    char *access_key_id; /* NULL until the first have come */
    char *secret_access_key;
    char *session_token; /* NULL: none */
    int64_t expires_at_ms;
    struct le_credential_failure failure;
    void (*done)(void *owner, enum le_err err); /* NULL: no refresh is under way */
    void *owner;
};

/* source.get of all of them, and source.failure. */
void le_fetching_init(struct le_fetching_source *self, const struct le_source_world *world,
                      const char *name);
/* Wipes and frees what was copied. */
void le_fetching_free(struct le_fetching_source *self);
/* A refresh begins. */
void le_fetching_begin(struct le_fetching_source *self, void (*done)(void *owner, enum le_err err),
                       void *owner);
/* It could not: the same error. */
LE_MUST enum le_err le_fetching_refuse(struct le_fetching_source *self, enum le_err err);
/* It ends. The source may be gone afterwards. */
void le_fetching_end(struct le_fetching_source *self, enum le_err err);
/* Since 1970. */
int64_t le_fetching_wall_ms(const struct le_fetching_source *self);
/* Copies new credentials in place of the old ones. date: of the answer, as the service has it; or
 * absent. The old ones stay on an error: LE_ERR_NOMEM; LE_ERR_CREDENTIALS, with words about who and
 * setting: the new ones have expired, by all the clocks that are known and by more than one may be
 * off unnoticed. As in botocore's RefreshableCredentials, which knows one clock and trusts it. */
LE_MUST enum le_err le_fetching_take(struct le_fetching_source *self,
                                     const struct le_credential_answer *answer, struct le_span date,
                                     const char *setting, const char *who);
/* The words of a failure; the same error. */
LE_MUST enum le_err le_fetching_fail(struct le_fetching_source *self, enum le_err err,
                                     const char *setting, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What an answer's status, or its absence, means, where nothing better is known of it; LE_OK for
 * 2xx. who: "the container's metadata service". */
LE_MUST enum le_err le_fetching_judge(struct le_fetching_source *self,
                                      const struct le_fetched *fetched, const char *setting,
                                      const char *who);

#endif
