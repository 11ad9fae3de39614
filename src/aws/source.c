#include "loginetl/aws/source_internal.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>
#include <stdio.h>

static enum le_err get(const struct le_credential_source *source, struct le_credentials *out,
                       int64_t *expires_at_ms)
{
    const struct le_fetching_source *self = (const struct le_fetching_source *)source;
    if (self->access_key_id == NULL)
        return LE_ERR_CREDENTIALS;
    out->access_key_id = le_span_of(self->access_key_id);
    out->secret_access_key = le_span_of(self->secret_access_key);
    out->session_token = le_span_of(self->session_token);
    *expires_at_ms = self->expires_at_ms;
    return LE_OK;
}

void le_fetching_init(struct le_fetching_source *self, const struct le_source_world *world,
                      const char *name)
{
    assert(world->wall_ms != NULL);
    self->world = *world;
    self->source.name = name;
    self->source.get = get;
    self->source.failure = &self->failure;
}

static void free_text(char *text)
{
    if (text != NULL)
        le_free_secret(text, strlen(text));
}

static void free_texts(struct le_fetching_source *self)
{
    free_text(self->access_key_id);
    free_text(self->secret_access_key);
    free_text(self->session_token);
}

void le_fetching_free(struct le_fetching_source *self)
{
    free_texts(self);
    self->access_key_id = self->secret_access_key = self->session_token = NULL;
}

void le_fetching_begin(struct le_fetching_source *self, void (*done)(void *owner, enum le_err err),
                       void *owner)
{
    assert(self->done == NULL && done != NULL);
    self->done = done;
    self->owner = owner;
    self->failure = (struct le_credential_failure){.setting = NULL};
}

/* Words for what has none of its own: no memory, mostly. */
static void ensure_words(struct le_fetching_source *self, enum le_err err)
{
    if (self->failure.words[0] == '\0')
        (void)snprintf(self->failure.words, sizeof self->failure.words,
                       "no credentials from the %s: %s", self->source.name, le_err_text(err));
}

enum le_err le_fetching_refuse(struct le_fetching_source *self, enum le_err err)
{
    assert(self->done != NULL && err != LE_OK);
    self->done = NULL;
    ensure_words(self, err);
    return err;
}

void le_fetching_end(struct le_fetching_source *self, enum le_err err)
{
    void (*done)(void *owner, enum le_err err) = self->done;
    assert(done != NULL);
    self->done = NULL;
    if (err != LE_OK)
        ensure_words(self, err);
    done(self->owner, err);
}

static char *copy(struct le_span text)
{
    return text.ptr != NULL ? le_strndup(text.ptr, text.len) : NULL;
}

int64_t le_fetching_wall_ms(const struct le_fetching_source *self)
{
    return self->world.wall_ms(self->world.self);
}

/* A clock that runs ahead must not spoil good credentials: the one that is behind decides. */
static bool have_expired(const struct le_fetching_source *self, int64_t expires_at_ms,
                         struct le_span date)
{
    int64_t now_ms = le_fetching_wall_ms(self), theirs_ms;
    if (le_parse_http_date(date, &theirs_ms) == LE_OK && theirs_ms < now_ms)
        now_ms = theirs_ms;
    return expires_at_ms < now_ms - LE_SIGV4_SKEW_MS;
}

static enum le_err refuse_expired(struct le_fetching_source *self, int64_t expires_at_ms,
                                  const char *setting, const char *who)
{
    char when[25];
    le_format_iso_ms(expires_at_ms, when);
    return le_fetching_fail(self, LE_ERR_CREDENTIALS, setting,
                            "%s gives credentials that expired at %s: renew what it takes them "
                            "from, or set this machine's clock right",
                            who, when);
}

static enum le_err take(struct le_fetching_source *self, const struct le_credential_answer *answer)
{
    const struct le_credentials *got = &answer->credentials;
    struct le_fetching_source new = {.access_key_id = copy(got->access_key_id),
                                     .secret_access_key = copy(got->secret_access_key),
                                     .session_token = copy(got->session_token)};
    if (new.access_key_id == NULL || new.secret_access_key == NULL ||
        (new.session_token == NULL && got->session_token.ptr != NULL)) {
        free_texts(&new);
        return LE_ERR_NOMEM;
    }
    free_texts(self);
    self->access_key_id = new.access_key_id;
    self->secret_access_key = new.secret_access_key;
    self->session_token = new.session_token;
    self->expires_at_ms = answer->expires_at_ms;
    return LE_OK;
}

enum le_err le_fetching_take(struct le_fetching_source *self,
                             const struct le_credential_answer *answer, struct le_span date,
                             const char *setting, const char *who)
{
    if (have_expired(self, answer->expires_at_ms, date))
        return refuse_expired(self, answer->expires_at_ms, setting, who);
    return take(self, answer);
}

enum le_err le_fetching_fail(struct le_fetching_source *self, enum le_err err, const char *setting,
                             const char *format, ...)
{
    va_list args;
    self->failure.setting = setting;
    va_start(args, format);
    /* One that is cut at the end still says what is wrong. */
    (void)vsnprintf(self->failure.words, sizeof self->failure.words, format, args);
    va_end(args);
    return err;
}

static enum le_err fail_unanswered(struct le_fetching_source *self, enum le_err err,
                                   const char *setting, const char *who)
{
    const bool late = err == LE_ERR_TIMEOUT;
    return le_fetching_fail(
        self, err, setting, "%s %s%s: check %s%sthe network", who,
        late ? "does not answer in time" : "cannot be asked: ", late ? "" : le_err_text(err),
        setting != NULL ? setting : "", setting != NULL ? " or " : "");
}

enum le_err le_fetching_judge(struct le_fetching_source *self, const struct le_fetched *fetched,
                              const char *setting, const char *who)
{
    int status = fetched->status;
    if (fetched->err != LE_OK)
        return fail_unanswered(self, fetched->err, setting, who);
    if (status >= 200 && status <= 299)
        return LE_OK;
    if (status == 429)
        return le_fetching_fail(self, LE_ERR_THROTTLED, NULL, "%s asks to slow down", who);
    if (status >= 500)
        return le_fetching_fail(self, LE_ERR_SERVICE, NULL, "%s failed (status %d)", who, status);
    return le_fetching_fail(self, LE_ERR_CREDENTIALS, setting,
                            "%s gives no credentials (status %d)", who, status);
}
