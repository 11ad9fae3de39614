/* Credentials of IAM Identity Center: a role's, for the token of a login. */
#include "loginetl/aws/sso.h"
#include "loginetl/base/mem.h"
#include "loginetl/sqs/canonical.h"

#include <assert.h>

#define TARGET_MAX 4096
#define WHO        "IAM Identity Center"

struct sso {
    struct le_fetching_source base;
    struct le_sso_login *login;
    struct le_fetch *fetch;
    char *url;
    struct le_endpoint endpoint; /* into url */
    struct le_buf target;
};

static void destroy(struct le_credential_source *source)
{
    struct sso *self = (struct sso *)source;
    le_sso_login_close(self->login);
    le_fetch_close(self->fetch);
    le_fetching_free(&self->base);
    le_buf_free(&self->target);
    le_free(self->url);
    le_free(self);
}

/* ---- the role's credentials ---- */

static enum le_err judge(struct sso *self, const struct le_fetched *fetched)
{
    const struct le_sso_words *words = le_sso_login_words(self->login);
    int status = fetched->err == LE_OK ? fetched->status : 0;
    if (status == 401)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, words->setting,
                                "the SSO login is not valid any more: %s", words->todo);
    if (status == 400 || status == 403 || status == 404)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, "sso_role_name",
                                WHO " gives this login no credentials (status %d): check "
                                    "sso_account_id and sso_role_name of profile %s",
                                status, words->profile);
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
        .timeout_ms = LE_SSO_TIMEOUT_MS,
        .attempts = LE_SSO_ATTEMPTS,
    };
    return le_fetch_send(self->fetch, &request, on_answer, self);
}

/* ---- a refresh ---- */

static void on_token(void *owner, enum le_err err, struct le_span token)
{
    struct sso *self = owner;
    if (err == LE_OK)
        err = ask(self, token);
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
    enum le_err err = le_sso_login_token(self->login, on_token, self);
    return err == LE_OK ? LE_OK : le_fetching_refuse(&self->base, err);
}

/* ---- the beginning ---- */

static enum le_err write_target(struct sso *self, const struct le_sso_params *params)
{
    enum le_err err =
        le_sso_append_path(&self->target, &self->endpoint, "/federation/credentials?role_name=");
    if (err == LE_OK)
        err = le_percent_encode(&self->target, params->role_name, '\0');
    if (err == LE_OK)
        err = le_buf_append_text(&self->target, "&account_id=");
    return err == LE_OK ? le_percent_encode(&self->target, params->account_id, '\0') : err;
}

static enum le_err take_endpoint(struct sso *self, const struct le_sso_params *params,
                                 struct le_setting_fault *fault)
{
    self->url = le_strdup(params->endpoint);
    if (self->url == NULL)
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
    enum le_err err = take_endpoint(self, params, fault);
    if (err == LE_OK)
        err = le_sso_login_new(world, params, &self->base, &self->login, fault);
    const struct le_fetch_config config = {
        .net = world->net,
        .name = "SSO credentials",
        .origin = self->url,
        .connect_timeout_ms = LE_SSO_TIMEOUT_MS,
    };
    return err == LE_OK ? le_fetch_new(&config, &self->fetch) : err;
}

enum le_err le_credentials_sso(const struct le_source_world *world,
                               const struct le_sso_params *params,
                               struct le_credential_source **out, struct le_setting_fault *fault)
{
    assert(params->endpoint != NULL);
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
        destroy(&self->base.source);
    return err;
}
