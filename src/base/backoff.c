#include "loginetl/base/backoff.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>

void le_backoff_init(struct le_backoff *backoff, int64_t base_ms, int64_t max_ms)
{
    assert(backoff != NULL);
    assert(base_ms > 0 && base_ms <= max_ms && max_ms < INT64_MAX / 2);
    *backoff = (struct le_backoff){.base_ms = base_ms, .max_ms = max_ms};
}

static int64_t bound_ms(const struct le_backoff *backoff)
{
    int64_t bound = backoff->base_ms;
    for (unsigned i = 1; i < backoff->tries && bound < backoff->max_ms; i++)
        bound *= 2;
    return bound < backoff->max_ms ? bound : backoff->max_ms;
}

int64_t le_backoff_next(struct le_backoff *backoff, struct le_rng *rng)
{
    assert(backoff != NULL && backoff->base_ms > 0);
    if (backoff->tries < UINT_MAX)
        backoff->tries++;
    int64_t bound = bound_ms(backoff);
    int64_t wait = (int64_t)(le_rng_unit(rng) * (double)bound);
    if (wait < 1)
        wait = 1;
    assert(wait <= bound);
    return wait;
}

void le_backoff_reset(struct le_backoff *backoff)
{
    assert(backoff != NULL);
    backoff->tries = 0;
}
