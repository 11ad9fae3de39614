/* Credentials of an EC2 instance's role: a token, the role's name, its credentials. */
#include "loginetl/aws/refresh.h"
#include "loginetl/aws/source_internal.h"
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

#define TIMEOUT_MS   1000
#define ATTEMPTS     3
#define TOKEN_MAX    256 /* 56 characters today */
#define ROLE_MAX     64
#define TARGET_MAX   128
#define TTL_HEADER   "x-aws-ec2-metadata-token-ttl-seconds"
#define TOKEN_HEADER "x-aws-ec2-metadata-token"
#define TOKEN_PATH   "/latest/api/token"
#define ROLE_PATH    "/latest/meta-data/iam/security-credentials/"
#define WHO          "the instance's metadata service"
#define SETTING      "AWS_EC2_METADATA_SERVICE_ENDPOINT"

struct instance {
    struct le_fetching_source base;
    struct le_fetch *fetch;
    char *url;
    const char *setting;         /* that says the url, for a person; NULL: none does */
    struct le_endpoint endpoint; /* into url */
    int64_t timeout_ms;
    unsigned attempts;
    bool lent;             /* the log says so */
    char token[TOKEN_MAX]; /* of the refresh under way */
    size_t token_len;
};

static void instance_free(struct instance *self)
{
    le_fetching_free(&self->base);
    le_free(self->url);
    le_free_secret(self, sizeof *self);
}

static void destroy(struct le_credential_source *source)
{
    struct instance *self = (struct instance *)source;
    le_fetch_close(self->fetch);
    instance_free(self);
}

static void end_refresh(struct instance *self, enum le_err err)
{
    le_fetch_rest(self->fetch);
    le_wipe(self->token, sizeof self->token);
    self->token_len = 0;
    le_fetching_end(&self->base, err);
}

/* Of whoever answers, and is no metadata service. */
static const char *may_mend(const struct instance *self)
{
    return self->setting != NULL ? self->setting : SETTING;
}

typedef void on_answer_fn(void *owner, const struct le_fetched *fetched);

static enum le_err send_request(struct instance *self, struct le_span method, struct le_span target,
                                struct le_http_header header, on_answer_fn *done)
{
    const struct le_http_header headers[] = {{LE_SPAN_LIT("Host"), self->endpoint.host}, header};
    const struct le_fetch_request request = {
        .method = method,
        .target = target,
        .headers = headers,
        .header_count = 2,
        .timeout_ms = self->timeout_ms,
        .attempts = self->attempts,
    };
    return le_fetch_send(self->fetch, &request, done, self);
}

static enum le_err send_get(struct instance *self, struct le_span target, on_answer_fn *done)
{
    const struct le_http_header header = {LE_SPAN_LIT(TOKEN_HEADER),
                                          {self->token, self->token_len}};
    return send_request(self, LE_SPAN_LIT("GET"), target, header, done);
}

/* ---- the credentials ---- */

/* While its service can get no new ones, an instance is given those of before, and AWS takes them
 * as long as that lasts: botocore's InstanceMetadataFetcher and the other SDKs put their end off,
 * and ask again before that. */
static void lend(struct instance *self, struct le_credential_answer *answer)
{
    static const char words[] =
        WHO " gives credentials that have expired: they are used until it has others";
    int64_t now_ms = le_fetching_wall_ms(&self->base);
    bool lent = answer->expires_at_ms <= now_ms;
    if (lent)
        answer->expires_at_ms = now_ms + LE_REFRESH_AHEAD_MS;
    if (lent && !self->lent)
        le_log(LE_LOG_WARN, "credentials_extended", LE_FS("text", words),
               LE_FS("source", self->base.source.name));
    self->lent = lent;
    self->base.source.doubt = lent ? words : NULL;
}

static enum le_err read_credentials(struct instance *self, const struct le_fetched *fetched)
{
    struct le_credential_answer answer;
    enum le_err err = le_fetching_judge(&self->base, fetched, NULL, WHO);
    if (err != LE_OK)
        return err;
    err = le_credential_answer_read(LE_ANSWER_METADATA, fetched->text, fetched->len, &answer);
    if (err == LE_ERR_CREDENTIALS)
        return le_fetching_fail(&self->base, err, NULL,
                                WHO " gives no credentials (%.*s): check the instance's role",
                                (int)answer.code.len, answer.code.len > 0 ? answer.code.ptr : "");
    if (err != LE_OK)
        return le_fetching_fail(&self->base, err, may_mend(self),
                                "the answer of " WHO " is not one of credentials");
    lend(self, &answer);
    return le_fetching_take(&self->base, &answer, fetched->date, SETTING, WHO);
}

static void on_credentials(void *owner, const struct le_fetched *fetched)
{
    end_refresh(owner, read_credentials(owner, fetched));
}

/* ---- the role ---- */

/* The first line: an instance has one role, and the list may end in a line end. */
static bool role_of(const struct le_fetched *fetched, struct le_span *role)
{
    const char *end = fetched->len > 0 ? memchr(fetched->text, '\n', fetched->len) : NULL;
    *role =
        (struct le_span){fetched->text, end != NULL ? (size_t)(end - fetched->text) : fetched->len};
    for (size_t i = 0; i < role->len; i++) {
        char c = role->ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (c == '\0' || strchr("+=,.@_-", c) == NULL))
            return false;
    }
    return role->len > 0 && role->len <= ROLE_MAX;
}

static enum le_err ask_credentials(struct instance *self, const struct le_fetched *fetched)
{
    struct le_span role;
    char target[TARGET_MAX];
    if (fetched->err == LE_OK && fetched->status == 404)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, NULL,
                                "this instance has no role: attach an instance profile to it");
    enum le_err err = le_fetching_judge(&self->base, fetched, NULL, WHO);
    if (err != LE_OK)
        return err;
    if (!role_of(fetched, &role))
        return le_fetching_fail(&self->base, LE_ERR_PROTOCOL, may_mend(self),
                                "the answer of " WHO " is not the name of a role");
    int len = snprintf(target, sizeof target, ROLE_PATH "%.*s", (int)role.len, role.ptr);
    assert(len > 0 && (size_t)len < sizeof target);
    return send_get(self, (struct le_span){target, (size_t)len}, on_credentials);
}

static void on_role(void *owner, const struct le_fetched *fetched)
{
    enum le_err err = ask_credentials(owner, fetched);
    if (err != LE_OK)
        end_refresh(owner, err);
}

/* ---- the token ---- */

static enum le_err ask_role(struct instance *self, const struct le_fetched *fetched)
{
    /* The answer's packets may make so many hops, and a container is one more. */
    if (fetched->err == LE_ERR_TIMEOUT)
        return le_fetching_fail(&self->base, LE_ERR_TIMEOUT, may_mend(self),
                                WHO " does not answer in time: inside a container the instance's "
                                    "HttpPutResponseHopLimit has to be 2");
    if (fetched->err == LE_OK && fetched->status == 403)
        return le_fetching_fail(&self->base, LE_ERR_CREDENTIALS, NULL,
                                WHO " is switched off for this instance (status 403)");
    enum le_err err = le_fetching_judge(&self->base, fetched, self->setting, WHO);
    if (err != LE_OK)
        return err;
    if (fetched->len > sizeof self->token ||
        !le_credential_fits((struct le_span){fetched->text, fetched->len}))
        return le_fetching_fail(&self->base, LE_ERR_PROTOCOL, may_mend(self),
                                "the answer of " WHO " is not a token");
    memcpy(self->token, fetched->text, fetched->len);
    self->token_len = fetched->len;
    return send_get(self, LE_SPAN_LIT(ROLE_PATH), on_role);
}

static void on_token(void *owner, const struct le_fetched *fetched)
{
    enum le_err err = ask_role(owner, fetched);
    if (err != LE_OK)
        end_refresh(owner, err);
}

static enum le_err refresh(struct le_credential_source *source,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    static const struct le_http_header ttl = {LE_SPAN_LIT(TTL_HEADER), LE_SPAN_LIT("60")};
    struct instance *self = (struct instance *)source;
    le_fetching_begin(&self->base, done, owner);
    enum le_err err =
        send_request(self, LE_SPAN_LIT("PUT"), LE_SPAN_LIT(TOKEN_PATH), ttl, on_token);
    return err == LE_OK ? LE_OK : le_fetching_refuse(&self->base, err);
}

static enum le_err fill(struct instance *self, const struct le_source_world *world,
                        const struct le_instance_params *params, struct le_setting_fault *fault)
{
    self->url = le_strndup(params->endpoint.ptr, params->endpoint.len);
    if (self->url == NULL)
        return LE_ERR_NOMEM;
    *fault = (struct le_setting_fault){
        may_mend(self),
        le_endpoint_fault(le_span_of(self->url), "is not an http:// or https:// URL with a host")};
    if (le_endpoint_parse(le_span_of(self->url), &self->endpoint) != LE_OK)
        return LE_ERR_CONFIG;
    const struct le_fetch_config config = {
        .net = world->net,
        .name = "instance credentials",
        .origin = self->url,
        .connect_timeout_ms = self->timeout_ms,
        .direct = true,
    };
    return le_fetch_new(&config, &self->fetch);
}

enum le_err le_credentials_instance(const struct le_source_world *world,
                                    const struct le_instance_params *params,
                                    struct le_credential_source **out,
                                    struct le_setting_fault *fault)
{
    assert(params->endpoint.ptr != NULL && params->timeout_ms >= 0);
    *out = NULL;
    struct instance *self = le_calloc(1, sizeof *self);
    if (self == NULL)
        return LE_ERR_NOMEM;
    le_fetching_init(&self->base, world, "instance");
    self->base.source.refresh = refresh;
    self->base.source.destroy = destroy;
    self->timeout_ms = params->timeout_ms > 0 ? params->timeout_ms : TIMEOUT_MS;
    self->attempts = params->attempts > 0 ? params->attempts : ATTEMPTS;
    self->setting = params->setting;
    enum le_err err = fill(self, world, params, fault);
    if (err == LE_OK)
        *out = &self->base.source;
    else
        instance_free(self);
    return err;
}
