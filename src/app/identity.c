#include "loginetl/app/identity.h"

#include "loginetl/app/settings_aws.h"
#include "loginetl/app/world.h"
#include "loginetl/aws/sources.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_SIZE 400

/* ---- which source ---- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static enum le_err open_container(const struct le_source_world *where,
                                  struct le_credential_source **out, struct le_setting_fault *fault)
{
    const struct le_container_params params = {
        .relative_uri = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        .full_uri = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        .token = variable(LE_CONTAINER_TOKEN),
        .token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    };
    return le_credentials_container(where, &params, out, fault);
}

static enum le_err open_instance(const struct le_settings *settings,
                                 const struct le_source_world *where,
                                 struct le_credential_source **out, struct le_setting_fault *fault)
{
    const struct le_instance_place *place = &settings->instance;
    const struct le_instance_params params = {
        .endpoint = place->url,
        .setting = place->setting,
        .timeout_ms = (int64_t)place->timeout_s * 1000,
        .attempts = place->attempts,
    };
    return le_credentials_instance(where, &params, out, fault);
}

static enum le_err open_process(const struct le_settings *settings,
                                const struct le_source_world *where,
                                struct le_credential_source **out, struct le_setting_fault *fault)
{
    const struct le_process_params params = {.command = settings->plan.process,
                                             .profile = settings->plan.profile};
    return le_credentials_process(where, &params, out, fault);
}

static enum le_err open_sso(const struct le_settings *settings, const struct le_source_world *where,
                            struct le_credential_source **out, struct le_setting_fault *fault)
{
    const struct le_plan_sso *sso = &settings->plan.sso;
    const struct le_sso_params params = {
        .endpoint = settings->sso_endpoint,
        .oidc = settings->oidc_endpoint,
        .cache = settings->sso_cache,
        .start_url = sso->start_url,
        .region = sso->region,
        .account_id = sso->account_id,
        .role_name = sso->role_name,
        .profile = settings->plan.profile,
        .session = sso->session,
    };
    return le_credentials_sso(where, &params, out, fault);
}

static struct le_sts_params sts_params(const struct le_settings *settings, struct le_span role_arn,
                                       struct le_span session_name)
{
    return (struct le_sts_params){settings->sts_endpoint, settings->sts_region, role_arn,
                                  session_name};
}

static enum le_err open_web_identity(const struct le_settings *settings,
                                     const struct le_source_world *where,
                                     struct le_credential_source **out,
                                     struct le_setting_fault *fault)
{
    const struct le_plan_web_identity *identity = &settings->plan.web_identity;
    const struct le_web_identity_params params = {
        sts_params(settings, identity->role_arn, identity->session_name), identity->token_file};
    return le_credentials_web_identity(where, &params, out, fault);
}

/* An emulator's user has no instance to ask, and would wait for its answer, unless told where, or
 * unless a role is to be taken on with it. */
static bool is_asked(const struct le_settings *settings)
{
    return settings->aws || settings->plan.role_count > 0 || settings->instance.setting != NULL;
}

/* *out stays NULL: the plan has nobody to ask, or nobody that is known here. */
static enum le_err open_base(const struct le_settings *settings,
                             const struct le_source_world *where, struct le_credential_source **out,
                             struct le_setting_fault *fault)
{
    switch (settings->plan.source) {
    case LE_PLAN_ENVIRONMENT:
    case LE_PLAN_KEYS: return le_settings_source(settings, out, fault);
    case LE_PLAN_WEB_IDENTITY: return open_web_identity(settings, where, out, fault);
    case LE_PLAN_CONTAINER: return open_container(where, out, fault);
    case LE_PLAN_INSTANCE:
        return is_asked(settings) ? open_instance(settings, where, out, fault) : LE_OK;
    case LE_PLAN_PROCESS: return open_process(settings, where, out, fault);
    case LE_PLAN_SSO: return open_sso(settings, where, out, fault);
    case LE_PLAN_NONE:
    case LE_PLAN_LOGIN: return LE_OK;
    }
    abort();
}

/* From the last role to the first, each with the credentials of the one before. *profile: whose
 * role the fault is in. */
static enum le_err open_roles(const struct le_settings *settings,
                              const struct le_source_world *where,
                              struct le_credential_source **out, struct le_setting_fault *fault,
                              struct le_span *profile)
{
    enum le_err err = LE_OK;
    for (size_t i = settings->plan.role_count; i > 0 && err == LE_OK; i--) {
        const struct le_plan_role *role = &settings->plan.roles[i - 1];
        *profile = role->profile;
        const struct le_role_params params = {
            .sts = sts_params(settings, role->role_arn, role->session_name),
            .profile = role->profile,
            .external_id = role->external_id,
            .duration_s = role->duration_s,
        };
        err = le_credentials_role(where, &params, *out, out, fault);
    }
    return err;
}

/* The queue service's time, once it has said how far off ours is. */
static int64_t wall_ms(void *self)
{
    const struct le_world *world = self;
    return le_queue_wall_ms(world->queue);
}

/* *out stays NULL: none is asked, for the settings have credentials or nothing has. On an error
 * text says what is wrong. */
static enum le_err make_source(const struct le_settings *settings,
                               const struct le_source_world *where,
                               struct le_credential_source **out, char text[TEXT_SIZE])
{
    struct le_setting_fault fault = {NULL, NULL};
    struct le_span profile = LE_SPAN_NONE;
    *out = NULL;
    if (settings->credential_source != NULL)
        return LE_OK;
    enum le_err err = open_base(settings, where, out, &fault);
    if (err == LE_OK && *out != NULL)
        err = open_roles(settings, where, out, &fault, &profile);
    if (err == LE_ERR_CONFIG)
        (void)snprintf(text, TEXT_SIZE, "%s%.*s%s%s %s", profile.len > 0 ? "profile " : "",
                       LE_PROFILE_SHOWN(profile), profile.len > 0 ? ": " : "", fault.setting,
                       fault.words);
    else
        (void)snprintf(text, TEXT_SIZE, "%s", le_err_text(err));
    le_profile_clean(text);
    return err;
}

static enum le_err open_source(struct le_world *world)
{
    const struct le_source_world where = {&world->loop, world->net, wall_ms, world};
    char text[TEXT_SIZE];
    enum le_err err = make_source(world->settings, &where, &world->identity.source, text);
    if (err != LE_OK)
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", text));
    return err;
}

bool le_identity_lacks(const struct le_settings *settings,
                       const struct le_credential_source *source)
{
    return settings->credential_source == NULL && source == NULL && settings->aws;
}

/* ---- without asking ---- */

static enum le_err try_source(struct le_settings *settings, const struct le_source_world *where)
{
    struct le_credential_source *source;
    char text[TEXT_SIZE];
    enum le_err err = make_source(settings, where, &source, text);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options, "%s", text);
    if (err == LE_OK && le_identity_lacks(settings, source))
        err = le_options_fail(&settings->options, "%s", LE_NO_CREDENTIALS);
    if (source != NULL)
        source->destroy(source);
    return err;
}

enum le_err le_identity_check(struct le_settings *settings)
{
    uv_loop_t loop;
    const struct le_net_config config = {.ca_file = NULL};
    enum le_err err = LE_ERR_SYSTEM;
    if (settings->endpoint[0] == '\0')
        return LE_OK;
    if (uv_loop_init(&loop) != 0)
        return err;
    struct le_net *net = le_net_new(&loop, &config);
    if (net != NULL) {
        err = try_source(settings, &(const struct le_source_world){&loop, net, le_wall_ms, NULL});
        le_net_close(net);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&loop);
    assert(code == 0);
    (void)code;
    return err;
}

/* ---- what comes of a refresh ---- */

static void tell(struct le_identity *identity)
{
    if (identity->changed != NULL)
        identity->changed(identity->owner);
}

static enum le_err on_changed(void *owner, const struct le_credentials *credentials)
{
    struct le_world *world = owner;
    struct le_identity *identity = &world->identity;
    struct le_credentials same;
    enum le_err err = le_queue_set_credentials(world->queue, credentials);
    if (err == LE_OK)
        err = identity->source->get(identity->source, &same, &identity->expires_at_ms);
    if (err != LE_OK)
        return err;
    identity->failure[0] = '\0';
    identity->ready = true;
    tell(identity);
    return LE_OK;
}

/* An instance is asked when nothing else is known. Where no metadata service answers, or one that
 * has no role to give, this is any machine, and its user has given no credentials. */
static bool has_no_role(const struct le_world *world, enum le_err err)
{
    bool nobody = err == LE_ERR_CONNECT || err == LE_ERR_TIMEOUT || err == LE_ERR_RESOLVE;
    const struct le_settings *settings = world->settings;
    return settings->plan.source == LE_PLAN_INSTANCE && settings->plan.role_count == 0 &&
           (err == LE_ERR_CREDENTIALS || (nobody && settings->instance.setting == NULL));
}

static void on_failed(void *owner, enum le_err err, const struct le_credential_failure *failure,
                      bool have)
{
    struct le_world *world = owner;
    struct le_identity *identity = &world->identity;
    (void)have;
    identity->refused = !identity->ready && has_no_role(world, err);
    (void)snprintf(identity->failure, sizeof identity->failure, "%s%s",
                   identity->refused ? LE_NO_CREDENTIALS "; " : "", failure->words);
    tell(identity);
}

/* ---- beginning and end ---- */

static enum le_err start_refresh(struct le_world *world)
{
    const struct le_refresh_config config = {
        .loop = &world->loop,
        .source = world->identity.source,
        .rng = &world->rng,
        .wall_ms = wall_ms,
        .self = world,
        .changed = on_changed,
        .failed = on_failed,
        .owner = world,
    };
    enum le_err err = le_refresh_new(&config, &world->identity.refresh);
    if (err == LE_OK)
        le_refresh_start(world->identity.refresh);
    else
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", le_err_text(err)));
    return err;
}

enum le_err le_identity_open(struct le_world *world)
{
    struct le_identity *identity = &world->identity;
    identity->expires_at_ms = LE_NEVER_EXPIRES;
    enum le_err err = open_source(world);
    if (err != LE_OK)
        return err;
    if (identity->source != NULL)
        return start_refresh(world);
    err = le_queue_set_credentials(world->queue, &world->settings->credentials);
    if (err != LE_OK)
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", le_err_text(err)));
    identity->ready = err == LE_OK;
    return err;
}

void le_identity_close(struct le_identity *identity)
{
    identity->changed = NULL;
    if (identity->refresh != NULL)
        le_refresh_close(identity->refresh);
    if (identity->source != NULL)
        identity->source->destroy(identity->source);
    identity->refresh = NULL;
    identity->source = NULL;
}

void le_identity_wait(struct le_identity *identity, void (*changed)(void *owner), void *owner)
{
    identity->changed = changed;
    identity->owner = owner;
}

bool le_identity_expired(struct le_identity *identity)
{
    return identity->refresh != NULL && le_refresh_now(identity->refresh);
}

enum le_err le_identity_credentials(struct le_world *world, struct le_credentials *out)
{
    struct le_identity *identity = &world->identity;
    int64_t expires_at_ms = LE_NEVER_EXPIRES;
    if (identity->source == NULL) {
        *out = world->settings->credentials;
        return LE_OK;
    }
    enum le_err err = identity->source->get(identity->source, out, &expires_at_ms);
    if (err != LE_OK || expires_at_ms > le_queue_wall_ms(world->queue))
        return err;
    return le_identity_expired(identity) ? LE_ERR_CREDENTIALS : LE_OK;
}
