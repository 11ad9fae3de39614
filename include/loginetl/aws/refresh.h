/* Keeps a source's credentials fresh: in time before they expire, after a failure again and again,
 * and at once when a service says that they have expired. */
#ifndef LE_AWS_REFRESH_H
#define LE_AWS_REFRESH_H

#include "loginetl/aws/credentials.h"
#include "loginetl/base/rng.h"

#include <uv.h>

#include <stdbool.h>

#define LE_REFRESH_AHEAD_MS     INT64_C(900000) /* what the SDKs take: a quarter of an hour */
#define LE_REFRESH_PAUSE_MS     1000
#define LE_REFRESH_INTERVAL_MAX 60000
#define LE_REFRESH_FORCED_MS    5000

struct le_refresh;

struct le_refresh_config {
    uv_loop_t *loop;
    struct le_credential_source *source; /* stays the caller's */
    struct le_rng *rng;                  /* jitter */
    int64_t (*wall_ms)(void *self);      /* since 1970 */
    void *self;
    int64_t forced_ms; /* between a refresh and one that is forced; 0: LE_REFRESH_FORCED_MS */
    int64_t pause_ms;  /* before any other one, at least, and after a failure at first; 0:
                          LE_REFRESH_PAUSE_MS */
    /* There are new credentials; the spans are valid during the call. An error counts as a failed
     * refresh. */
    enum le_err (*changed)(void *owner, const struct le_credentials *credentials);
    /* A refresh has failed, and another one follows. have: the credentials of before have not
     * expired yet. Both callbacks come from the loop, and may close. */
    void (*failed)(void *owner, enum le_err err, const struct le_credential_failure *failure,
                   bool have);
    void *owner;
};

/* LE_ERR_NOMEM. */
LE_MUST enum le_err le_refresh_new(const struct le_refresh_config *config, struct le_refresh **out);
/* The first refresh begins. Credentials that never change are told as well. */
void le_refresh_start(struct le_refresh *refresh);
/* A service says that the credentials have expired: one refresh, however often it is asked for
 * while that is under way or due; not sooner than forced_ms after the last one, for a
 * service may be wrong. Either callback follows. false: these credentials never change. */
LE_MUST bool le_refresh_now(struct le_refresh *refresh);
/* Neither callback comes any more. The source is destroyed next, before the loop runs; freed when
 * it has run. */
void le_refresh_close(struct le_refresh *refresh);

/* How long until credentials that end in left_ms are to be fetched anew: LE_REFRESH_AHEAD_MS before
 * their end, or when half of their time is over if they are short-lived, and up to a tenth of that
 * earlier, so that a hundred workers do not ask together. At least 1. */
int64_t le_refresh_wait_ms(int64_t left_ms, struct le_rng *rng);

#endif
