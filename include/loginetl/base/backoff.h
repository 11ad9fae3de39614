/* Waiting before another try, with full jitter: rand(0,1) * min(base * 2^(n-1), max). There is no
 * last try. */
#ifndef LE_BASE_BACKOFF_H
#define LE_BASE_BACKOFF_H

#include "loginetl/base/rng.h"

struct le_backoff {
    int64_t base_ms;
    int64_t max_ms;
    unsigned tries; /* failures in a row */
};

/* What the AWS SDKs use: 50 ms for what may pass at once, 1 s for a service that asks to slow down;
 * 20 s at most. */
#define LE_BACKOFF_TRANSIENT_MS 50
#define LE_BACKOFF_THROTTLE_MS  1000
#define LE_BACKOFF_MAX_MS       20000

void le_backoff_init(struct le_backoff *backoff, int64_t base_ms, int64_t max_ms);
/* Counts one more failure and answers how long to wait, in ms (at least 1). */
int64_t le_backoff_next(struct le_backoff *backoff, struct le_rng *rng);
/* A success: the next failure starts from the base again. */
void le_backoff_reset(struct le_backoff *backoff);

#endif
