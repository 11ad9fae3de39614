/* Credentials of a role that is taken on with those of another source, its base. */
#include "loginetl/aws/refresh.h"
#include "loginetl/aws/sts.h"
#include "loginetl/base/mem.h"
#include "loginetl/sqs/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define NAME_SIZE       100
#define DURATION_MIN_S  900 /* what STS allows */
#define DURATION_MAX_S  43200
#define EXTERNAL_ID_MIN 2
#define EXTERNAL_ID_MAX 1224

struct role {
    struct le_fetching_source fetching;
    struct le_credential_source *base;
    struct le_sts *sts;
    char *external_id; /* NULL: none */
    char duration[8];  /* "": the service's default */
    char name[NAME_SIZE];
    bool base_expired; /* so STS said, whatever the time */
};

static void destroy(struct le_credential_source *source)
{
    struct role *self = (struct role *)source;
    le_sts_close(self->sts);
    self->base->destroy(self->base);
    le_fetching_free(&self->fetching);
    le_free(self->external_id);
    le_free(self);
}

/* ---- a refresh ---- */

static void on_credentials(void *owner, enum le_err err, struct le_span code)
{
    struct role *self = owner;
    self->base_expired = le_sqs_is_expired(code);
    le_fetching_end(&self->fetching, err);
}

static enum le_err ask(struct role *self)
{
    struct le_credentials with;
    int64_t expires_at_ms;
    enum le_err err = self->base->get(self->base, &with, &expires_at_ms);
    if (err != LE_OK)
        return err;
    self->fetching.source.doubt = self->base->doubt;
    const struct le_sts_field fields[] = {
        {"ExternalId", le_span_of(self->external_id)},
        {"DurationSeconds", le_span_of(self->duration[0] != '\0' ? self->duration : NULL)},
    };
    return le_sts_ask(self->sts, &self->fetching, fields, sizeof fields / sizeof fields[0], &with,
                      on_credentials, self);
}

/* How long the base's credentials last; 0: it has none. */
static int64_t base_left_ms(const struct role *self)
{
    struct le_credentials unused;
    int64_t expires_at_ms;
    if (self->base->get(self->base, &unused, &expires_at_ms) != LE_OK)
        return 0;
    return expires_at_ms == LE_NEVER_EXPIRES ? expires_at_ms
                                             : expires_at_ms - le_fetching_wall_ms(&self->fetching);
}

/* The base could not be refreshed. Its own words say why, unless what it has will do. */
static enum le_err ask_without(struct role *self, enum le_err err)
{
    const struct le_credential_failure *failure = self->base->failure;
    if (!self->base_expired && base_left_ms(self) > 0)
        return ask(self);
    if (failure != NULL)
        self->fetching.failure = *failure;
    return err;
}

static void on_base(void *owner, enum le_err err)
{
    struct role *self = owner;
    err = err == LE_OK ? ask(self) : ask_without(self, err);
    if (err != LE_OK)
        le_fetching_end(&self->fetching, err);
}

static enum le_err begin(struct role *self)
{
    bool fresh = !self->base_expired && base_left_ms(self) > LE_REFRESH_AHEAD_MS;
    if (self->base->refresh == NULL || fresh)
        return ask(self);
    enum le_err err = self->base->refresh(self->base, on_base, self);
    return err == LE_OK ? LE_OK : ask_without(self, err);
}

static enum le_err refresh(struct le_credential_source *source,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    struct role *self = (struct role *)source;
    le_fetching_begin(&self->fetching, done, owner);
    enum le_err err = begin(self);
    return err == LE_OK ? LE_OK : le_fetching_refuse(&self->fetching, err);
}

/* ---- beginning ---- */

static enum le_err set_external_id(struct role *self, const struct le_role_params *params,
                                   struct le_setting_fault *fault)
{
    struct le_span id = params->external_id;
    *fault = (struct le_setting_fault){"external_id",
                                       "is not 2 to 1224 letters, digits and _ + = , . @ : / -"};
    if (id.ptr == NULL)
        return LE_OK;
    if (!le_sts_is_name(id, "+=,.@:/-", EXTERNAL_ID_MIN, EXTERNAL_ID_MAX))
        return LE_ERR_CONFIG;
    self->external_id = le_strndup(id.ptr, id.len);
    return self->external_id != NULL ? LE_OK : LE_ERR_NOMEM;
}

static enum le_err set_duration(struct role *self, const struct le_role_params *params,
                                struct le_setting_fault *fault)
{
    int64_t seconds = params->duration_s;
    *fault = (struct le_setting_fault){"duration_seconds", "is not 900 to 43200"};
    if (seconds == 0)
        return LE_OK;
    if (seconds < DURATION_MIN_S || seconds > DURATION_MAX_S)
        return LE_ERR_CONFIG;
    (void)snprintf(self->duration, sizeof self->duration, "%" PRId64, seconds);
    return LE_OK;
}

static enum le_err fill(struct role *self, const struct le_source_world *world,
                        const struct le_role_params *params, struct le_setting_fault *fault)
{
    enum le_err err = set_external_id(self, params, fault);
    if (err == LE_OK)
        err = set_duration(self, params, fault);
    return err == LE_OK ? le_sts_new(world, LE_STS_ROLE, &params->sts, &self->sts, fault) : err;
}

enum le_err le_credentials_role(const struct le_source_world *world,
                                const struct le_role_params *params,
                                struct le_credential_source *base,
                                struct le_credential_source **out, struct le_setting_fault *fault)
{
    assert(base != NULL);
    *out = NULL;
    struct role *self = le_calloc(1, sizeof *self);
    if (self == NULL) {
        base->destroy(base);
        return LE_ERR_NOMEM;
    }
    (void)snprintf(self->name, sizeof self->name, "role of profile %.*s",
                   LE_PROFILE_SHOWN(params->profile));
    le_profile_clean(self->name);
    le_fetching_init(&self->fetching, world, self->name);
    self->fetching.source.refresh = refresh;
    self->fetching.source.destroy = destroy;
    self->base = base;
    enum le_err err = fill(self, world, params, fault);
    if (err == LE_OK)
        *out = &self->fetching.source;
    else
        destroy(&self->fetching.source);
    return err;
}
