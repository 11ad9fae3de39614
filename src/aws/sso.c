/* Credentials of IAM Identity Center: a token out of a file, and a role's credentials for it. */
#include "loginetl/aws/source_internal.h"
#include "loginetl/base/mem.h"
#include "loginetl/sqs/canonical.h"

#include <assert.h>
#include <stdio.h>

#define TIMEOUT_MS 5000
#define ATTEMPTS   3
#define TARGET_MAX 4096
#define WHO        "IAM Identity Center"

struct sso {
    struct le_fetching_source base;
    struct le_fetch *fetch;
    struct le_file_fetch *file; /* being read */
    char *url;
    struct le_endpoint endpoint; /* into url */
    struct le_buf target;
    char *cache;
    const char *setting; /* that the login is of */
    char profile[64];
    char login[160]; /* what to do about a login that is none any more */
};

static void sso_free(struct sso *self)
{
    le_fetching_free(&self->base);
    le_buf_free(&self->target);
    le_free(self->cache);
    le_free(self->url);
    le_free(self);
}

static void destroy(struct le_credential_source *source)
{
    struct sso *self = (struct sso *)source;
    if (self->file != NULL)
        le_file_fetch_cancel(self->file);
    le_fetch_close(self->fetch);
    sso_free(self);
}

/* ---- the role's credentials ---- */

static enum le_err judge(struct sso *self, const struct le_fetched *fetched)
{
    int status = fetched->err == LE_OK ? fetched->status : 0;
    if (status == 401)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, self->setting,
                                "the SSO login is not valid any more: %s", self->login);
    if (status == 400 || status == 403 || status == 404)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, "sso_role_name",
                                WHO " gives this login no credentials (status %d): check "
                                    "sso_account_id and sso_role_name of profile %s",
                                status, self->profile);
    return le_fetching_judge(&self->base, fetched, "sso_region", WHO);
}

static enum le_err read_answer(struct sso *self, const struct le_fetched *fetched)
{
    struct le_credential_answer answer;
    enum le_err err = judge(self, fetched);
    if (err != LE_OK)
        return err;
    err = le_credential_answer_read(LE_ANSWER_SSO, fetched->text, fetched->len, &answer);
    if (err != LE_OK)
        return le_fetching_fail(&self->base, LE_ERR_PROTOCOL, "sso_region",
                                "the answer of " WHO " is not one of credentials");
    return le_fetching_take(&self->base, &answer, fetched->date, "sso_region", WHO);
}

static void on_answer(void *owner, const struct le_fetched *fetched)
{
    struct sso *self = owner;
    enum le_err err = read_answer(self, fetched);
    le_fetch_rest(self->fetch);
    le_fetching_end(&self->base, err);
}

static enum le_err ask(struct sso *self, struct le_span token)
{
    const struct le_http_header headers[] = {
        {LE_SPAN_LIT("Host"), self->endpoint.host},
        {LE_SPAN_LIT("Accept"), LE_SPAN_LIT("application/json")},
        {LE_SPAN_LIT("x-amz-sso_bearer_token"), token},
    };
    const struct le_fetch_request request = {
        .method = LE_SPAN_LIT("GET"),
        .target = le_buf_span(&self->target),
        .headers = headers,
        .header_count = 3,
        .timeout_ms = TIMEOUT_MS,
        .attempts = ATTEMPTS,
    };
    return le_fetch_send(self->fetch, &request, on_answer, self);
}

/* ---- the token ---- */

static enum le_err use_token(struct sso *self, char *text, size_t len)
{
    struct le_span token;
    int64_t expires_at_ms = 0;
    if (le_sso_token_read(text, len, &token, &expires_at_ms) != LE_OK)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, self->setting,
                                "the file of the SSO login's token holds none: %s", self->login);
    if (expires_at_ms <= le_fetching_wall_ms(&self->base))
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, self->setting,
                                "the SSO login has expired: %s", self->login);
    return ask(self, token);
}

static enum le_err take_text(struct sso *self, struct le_span text)
{
    char *copy = le_strndup(text.ptr, text.len); /* it is read in place */
    if (copy == NULL)
        return LE_ERR_NOMEM;
    enum le_err err = use_token(self, copy, text.len);
    le_free_secret(copy, text.len);
    return err;
}

static void on_text(void *owner, enum le_err err, const char *words, struct le_span text)
{
    struct sso *self = owner;
    self->file = NULL;
    if (err == LE_OK)
        err = take_text(self, text);
    else
        err = le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, self->setting,
                               "the file of the SSO login's token %s: %s", words, self->login);
    if (err == LE_OK)
        return;
    le_fetch_rest(self->fetch);
    le_fetching_end(&self->base, err);
}

static enum le_err refresh(struct le_credential_source *source,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    struct sso *self = (struct sso *)source;
    le_fetching_begin(&self->base, done, owner);
    enum le_err err = le_file_fetch(self->base.world.loop, self->cache, on_text, self, &self->file);
    return err == LE_OK ? LE_OK : le_fetching_refuse(&self->base, err);
}

/* ---- the beginning ---- */

static void write_words(struct sso *self, const struct le_sso_params *params)
{
    (void)snprintf(self->profile, sizeof self->profile, "%.*s", LE_PROFILE_SHOWN(params->profile));
    bool session = params->session.ptr != NULL;
    self->setting = session ? "sso_session" : "sso_start_url";
    int len =
        snprintf(self->login, sizeof self->login, "run aws sso login --profile %s", self->profile);
    assert(len > 0 && (size_t)len < sizeof self->login);
    if (session)
        (void)snprintf(self->login + len, sizeof self->login - (size_t)len,
                       " (or --sso-session %.*s)", LE_PROFILE_SHOWN(params->session));
    le_profile_clean(self->profile);
    le_profile_clean(self->login);
}

static enum le_err write_target(struct sso *self, const struct le_sso_params *params)
{
    struct le_span path = self->endpoint.path;
    while (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    enum le_err err = le_buf_append_span(&self->target, path);
    if (err == LE_OK)
        err = le_buf_append_text(&self->target, "/federation/credentials?role_name=");
    if (err == LE_OK)
        err = le_percent_encode(&self->target, params->role_name, '\0');
    if (err == LE_OK)
        err = le_buf_append_text(&self->target, "&account_id=");
    return err == LE_OK ? le_percent_encode(&self->target, params->account_id, '\0') : err;
}

static enum le_err copy_texts(struct sso *self, const struct le_sso_params *params,
                              struct le_setting_fault *fault)
{
    self->url = le_strdup(params->endpoint);
    self->cache = le_strdup(params->cache);
    if (self->url == NULL || self->cache == NULL)
        return LE_ERR_NOMEM;
    *fault = (struct le_setting_fault){"AWS_ENDPOINT_URL_SSO",
                                       "is not an http:// or https:// URL that can be used"};
    if (le_endpoint_parse(le_span_of(self->url), &self->endpoint) != LE_OK)
        return LE_ERR_CONFIG;
    *fault = (struct le_setting_fault){"sso_role_name", "is longer than any role's name"};
    enum le_err err = write_target(self, params);
    return err == LE_ERR_TOO_LARGE ? LE_ERR_CONFIG : err;
}

static enum le_err fill(struct sso *self, const struct le_source_world *world,
                        const struct le_sso_params *params, struct le_setting_fault *fault)
{
    le_buf_init(&self->target, TARGET_MAX);
    write_words(self, params);
    enum le_err err = copy_texts(self, params, fault);
    const struct le_fetch_config config = {
        .net = world->net,
        .name = "SSO credentials",
        .origin = self->url,
        .connect_timeout_ms = TIMEOUT_MS,
    };
    return err == LE_OK ? le_fetch_new(&config, &self->fetch) : err;
}

enum le_err le_credentials_sso(const struct le_source_world *world,
                               const struct le_sso_params *params,
                               struct le_credential_source **out, struct le_setting_fault *fault)
{
    assert(params->endpoint != NULL && params->cache != NULL);
    *out = NULL;
    struct sso *self = le_calloc(1, sizeof *self);
    if (self == NULL)
        return LE_ERR_NOMEM;
    le_fetching_init(&self->base, world, "SSO login");
    self->base.source.refresh = refresh;
    self->base.source.destroy = destroy;
    enum le_err err = fill(self, world, params, fault);
    if (err == LE_OK)
        *out = &self->base.source;
    else
        sso_free(self);
    return err;
}
