#include "loginetl/aws/refresh.h"

#include "loginetl/base/backoff.h"
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum state {
    RESTING, /* not started, or nothing ever expires */
    WAITING, /* for the timer */
    ASKING,  /* a refresh is under way */
    CLOSED
};

struct le_refresh {
    struct le_refresh_config config;
    enum state state;
    uv_timer_t timer;
    int64_t due_wall_ms;   /* WAITING */
    bool by_wall;          /* it is the time of day that counts: the timer may have to go on */
    enum le_err unbegun;   /* a refresh that could not begin: its failure is told by the timer */
    int64_t last_began_ms; /* the loop's time */
    int64_t expires_at_ms; /* of those that were told; 0: none */
    struct le_backoff backoff;
    char told[sizeof((struct le_credential_failure *)NULL)->words]; /* the failure in the log */
};

static void on_timer(uv_timer_t *timer);

static int64_t wall_ms(const struct le_refresh *refresh)
{
    return refresh->config.wall_ms(refresh->config.self);
}

static int64_t now_ms(const struct le_refresh *refresh)
{
    return (int64_t)uv_now(refresh->config.loop);
}

static bool may_become(enum state from, enum state to)
{
    switch (from) {
    case RESTING: return to == ASKING || to == WAITING || to == CLOSED;
    case WAITING: return true;
    case ASKING: return to != ASKING;
    case CLOSED: return false;
    }
    abort();
}

static void set_state(struct le_refresh *refresh, enum state state)
{
    assert(may_become(refresh->state, state));
    refresh->state = state;
    if (state != WAITING)
        (void)uv_timer_stop(&refresh->timer); /* cannot fail */
}

/* Times of day are what credentials expire by, and a timer knows nothing of a machine that slept
 * or of a clock that was set: it looks again after a while. */
static void arm(struct le_refresh *refresh)
{
    int64_t wait = refresh->due_wall_ms - wall_ms(refresh);
    if (wait > LE_REFRESH_INTERVAL_MAX)
        wait = LE_REFRESH_INTERVAL_MAX;
    int rc = uv_timer_start(&refresh->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
    assert(rc == 0); /* only a timer that is being closed refuses */
    (void)rc;
}

static void wait_for(struct le_refresh *refresh, int64_t ms, bool by_wall)
{
    set_state(refresh, WAITING);
    refresh->by_wall = by_wall;
    refresh->due_wall_ms = wall_ms(refresh) + ms;
    arm(refresh);
}

int64_t le_refresh_wait_ms(int64_t left_ms, struct le_rng *rng)
{
    int64_t ahead = left_ms - LE_REFRESH_AHEAD_MS;
    int64_t wait = ahead > left_ms / 2 ? ahead : left_ms / 2;
    if (wait < 1)
        return 1;
    wait -= (int64_t)le_rng_below(rng, (uint64_t)wait / 10 + 1);
    return wait > 0 ? wait : 1;
}

/* ---- what came of it ---- */

/* A source has words for what went wrong in it; what went wrong here has the error's. */
static struct le_credential_failure failure_of(const struct le_refresh *refresh, enum le_err err)
{
    const struct le_credential_failure *failure = refresh->config.source->failure;
    struct le_credential_failure own = {.setting = NULL};
    if (failure != NULL && failure->words[0] != '\0')
        return *failure;
    (void)snprintf(own.words, sizeof own.words, "no credentials from the %s: %s",
                   refresh->config.source->name, le_err_text(err));
    return own;
}

static void log_failure(struct le_refresh *refresh, enum le_err err,
                        const struct le_credential_failure *failure, bool have)
{
    if (strcmp(refresh->told, failure->words) == 0)
        return;
    memcpy(refresh->told, failure->words, sizeof refresh->told);
    le_log(LE_LOG_WARN, "credentials_failed", LE_FS("text", refresh->told),
           LE_FS("source", refresh->config.source->name), LE_FS("error", le_err_name(err)),
           LE_FS("setting", failure->setting), LE_FBOOL("have", have));
}

static void log_success(struct le_refresh *refresh)
{
    bool again = refresh->told[0] != '\0';
    refresh->told[0] = '\0';
    le_log(again ? LE_LOG_INFO : LE_LOG_DEBUG, again ? "credentials_recovered" : "credentials",
           LE_FS("text", "there are new credentials"),
           LE_FS("source", refresh->config.source->name));
}

static void fail(struct le_refresh *refresh, enum le_err err)
{
    bool have = refresh->expires_at_ms > wall_ms(refresh);
    const struct le_credential_failure failure = failure_of(refresh, err);
    log_failure(refresh, err, &failure, have);
    wait_for(refresh, le_backoff_next(&refresh->backoff, refresh->config.rng), false);
    refresh->config.failed(refresh->config.owner, err, &failure, have);
}

static enum le_err tell(struct le_refresh *refresh)
{
    struct le_credentials credentials;
    int64_t expires_at_ms;
    const struct le_credential_source *source = refresh->config.source;
    enum le_err err = source->get(source, &credentials, &expires_at_ms);
    if (err == LE_OK)
        err = refresh->config.changed(refresh->config.owner, &credentials);
    if (err == LE_OK)
        refresh->expires_at_ms = expires_at_ms;
    return err;
}

static void plan_next(struct le_refresh *refresh)
{
    if (refresh->expires_at_ms == LE_NEVER_EXPIRES) {
        set_state(refresh, RESTING);
        return;
    }
    int64_t left = refresh->expires_at_ms - wall_ms(refresh);
    /* Those that have expired already may be good all the same, if a clock is wrong, and better
     * ones may come: not sooner than after a failure. */
    if (left <= 0) {
        wait_for(refresh, le_backoff_next(&refresh->backoff, refresh->config.rng), false);
        return;
    }
    le_backoff_reset(&refresh->backoff);
    int64_t wait = le_refresh_wait_ms(left, refresh->config.rng);
    /* Those that always last for moments would else be asked for all the time. */
    wait_for(refresh, wait > refresh->config.pause_ms ? wait : refresh->config.pause_ms, true);
}

static void succeed(struct le_refresh *refresh)
{
    enum le_err err = tell(refresh);
    if (refresh->state == CLOSED)
        return;
    if (err != LE_OK) {
        fail(refresh, err);
        return;
    }
    log_success(refresh);
    plan_next(refresh);
}

static void on_done(void *owner, enum le_err err)
{
    struct le_refresh *refresh = owner;
    if (refresh->state == CLOSED)
        return; /* the source is about to be destroyed */
    assert(refresh->state == ASKING);
    if (err == LE_OK)
        succeed(refresh);
    else
        fail(refresh, err);
}

/* ---- asking ---- */

static void begin(struct le_refresh *refresh)
{
    struct le_credential_source *source = refresh->config.source;
    set_state(refresh, ASKING);
    refresh->last_began_ms = now_ms(refresh);
    enum le_err err = source->refresh(source, on_done, refresh);
    if (err == LE_OK)
        return;
    refresh->unbegun = err;
    wait_for(refresh, 0, false);
}

static void on_timer(uv_timer_t *timer)
{
    struct le_refresh *refresh = timer->data;
    assert(refresh->state == WAITING);
    enum le_err unbegun = refresh->unbegun;
    refresh->unbegun = LE_OK;
    if (unbegun != LE_OK)
        fail(refresh, unbegun);
    else if (refresh->config.source->refresh == NULL)
        succeed(refresh);
    else if (refresh->by_wall && wall_ms(refresh) < refresh->due_wall_ms)
        arm(refresh);
    else
        begin(refresh);
}

void le_refresh_start(struct le_refresh *refresh)
{
    assert(refresh->state == RESTING);
    wait_for(refresh, 0, false);
}

bool le_refresh_now(struct le_refresh *refresh)
{
    assert(refresh->state != CLOSED);
    if (refresh->config.source->refresh == NULL)
        return false;
    if (refresh->state == ASKING || refresh->unbegun != LE_OK)
        return true;
    int64_t wait = refresh->last_began_ms + refresh->config.forced_ms - now_ms(refresh);
    bool sooner = refresh->state != WAITING || refresh->due_wall_ms - wall_ms(refresh) > wait;
    if (refresh->backoff.tries == 0 && sooner)
        wait_for(refresh, wait > 0 ? wait : 0, false);
    return true;
}

/* ---- beginning and end ---- */

enum le_err le_refresh_new(const struct le_refresh_config *config, struct le_refresh **out)
{
    assert(config->source != NULL && config->rng != NULL && config->wall_ms != NULL);
    assert(config->changed != NULL && config->failed != NULL);
    *out = NULL;
    struct le_refresh *refresh = le_calloc(1, sizeof *refresh);
    if (refresh == NULL)
        return LE_ERR_NOMEM;
    refresh->config = *config;
    if (refresh->config.forced_ms == 0)
        refresh->config.forced_ms = LE_REFRESH_FORCED_MS;
    if (refresh->config.pause_ms == 0)
        refresh->config.pause_ms = LE_REFRESH_PAUSE_MS;
    le_backoff_init(&refresh->backoff, refresh->config.pause_ms, LE_REFRESH_INTERVAL_MAX);
    int rc = uv_timer_init(config->loop, &refresh->timer);
    assert(rc == 0); /* it cannot: nothing is asked of the system */
    (void)rc;
    refresh->timer.data = refresh;
    *out = refresh;
    return LE_OK;
}

static void on_closed(uv_handle_t *handle)
{
    le_free(handle->data);
}

void le_refresh_close(struct le_refresh *refresh)
{
    set_state(refresh, CLOSED);
    uv_close((uv_handle_t *)&refresh->timer, on_closed);
}
