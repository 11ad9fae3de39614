/* Credentials of a container: one GET, with a token where there is one. */
#include "loginetl/aws/source_internal.h"
#include "loginetl/base/mem.h"

#include <assert.h>

#define TIMEOUT_MS 2000
#define ATTEMPTS   3
#define URI_MAX    2048
#define WHO        "the container's metadata service"
#define RELATIVE   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL       "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN      "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

struct container {
    struct le_fetching_source base;
    struct le_fetch *fetch;
    char *url;
    struct le_endpoint endpoint; /* into url, and its path with the query */
    const char *setting;         /* that the URL came from */
    char *token;                 /* NULL: none, or in a file */
    struct le_file_fetch *token_file;
};

static void container_free(struct container *self)
{
    le_file_fetch_close(self->token_file);
    le_fetching_free(&self->base);
    if (self->token != NULL)
        le_free_secret(self->token, strlen(self->token));
    le_free(self->url);
    le_free(self);
}

static void destroy(struct le_credential_source *source)
{
    struct container *self = (struct container *)source;
    le_fetch_close(self->fetch);
    container_free(self);
}

/* ---- where to ask ---- */

static bool is_visible(struct le_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '#')
            return false;
    return true;
}

/* An endpoint has no query; a container's has. */
static bool parse_url(struct container *self)
{
    struct le_span url = le_span_of(self->url);
    struct le_span before = url;
    const char *query = memchr(url.ptr, '?', url.len);
    if (query != NULL)
        before.len = (size_t)(query - url.ptr);
    if (!is_visible(url) || le_endpoint_parse(before, &self->endpoint) != LE_OK)
        return false;
    size_t query_len = url.len - before.len;
    bool rooted = self->endpoint.path.ptr + self->endpoint.path.len == before.ptr + before.len;
    if (rooted)
        self->endpoint.path.len += query_len;
    return rooted || query_len == 0; /* "http://host?query" has no path to put it behind */
}

static enum le_err set_url(struct container *self, const struct le_container_params *params,
                           struct le_setting_fault *fault)
{
    const char *relative = params->relative_uri;
    const char *origin = params->relative_origin;
    struct le_buf url;
    self->setting = relative != NULL ? RELATIVE : FULL;
    *fault = (struct le_setting_fault){self->setting, "is not a path that begins with /"};
    if (relative != NULL && relative[0] != '/')
        return LE_ERR_CONFIG;
    le_buf_init(&url, URI_MAX);
    if (relative == NULL)
        origin = "";
    else if (origin == NULL)
        origin = "http://169.254.170.2";
    enum le_err err =
        le_buf_printf(&url, "%s%s", origin, relative != NULL ? relative : params->full_uri);
    self->url = err == LE_OK ? le_strndup(url.data, url.len) : NULL;
    le_buf_free(&url);
    if (err != LE_ERR_TOO_LARGE && self->url == NULL)
        return LE_ERR_NOMEM;
    fault->words = le_endpoint_fault(self->url != NULL ? le_span_of(self->url) : LE_SPAN_NONE,
                                     "is not an http:// or https:// URL that can be used");
    if (self->url == NULL || !parse_url(self))
        return LE_ERR_CONFIG;
    fault->words = "is http:// to a host that is neither this machine nor one of AWS's own "
                   "addresses for it: credentials would cross the network in clear text";
    return le_container_uri_allowed(le_span_of(self->url)) ? LE_OK : LE_ERR_CONFIG;
}

/* ---- the token ---- */

/* "Basic …" has a space; a line end would end the header. */
static bool token_fits(struct le_span token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] < ' ' || token.ptr[i] > '~')
            return false;
    return token.len > 0;
}

static enum le_err set_token(struct container *self, const struct le_container_params *params,
                             struct le_setting_fault *fault)
{
    const char *file = params->token_file, *token = params->token;
    if (file != NULL)
        return le_file_fetch_new(self->base.world.loop, le_span_of(file), LE_FILE_TIMEOUT_MS,
                                 &self->token_file);
    if (token == NULL)
        return LE_OK;
    *fault = (struct le_setting_fault){
        TOKEN, "is empty, or holds a line end or another character that no token has"};
    if (!token_fits(le_span_of(token)))
        return LE_ERR_CONFIG;
    self->token = le_strdup(token);
    return self->token != NULL ? LE_OK : LE_ERR_NOMEM;
}

/* ---- a refresh ---- */

static enum le_err read_answer(struct container *self, const struct le_fetched *fetched)
{
    struct le_credential_answer answer;
    enum le_err err = le_fetching_judge(&self->base, fetched, self->setting, WHO);
    if (err != LE_OK)
        return err;
    err = le_credential_answer_read(LE_ANSWER_METADATA, fetched->text, fetched->len, &answer);
    if (err == LE_ERR_CREDENTIALS)
        return le_fetching_fail(&self->base, err, self->setting,
                                WHO " gives no credentials (%.*s): check the task's role",
                                (int)answer.code.len, answer.code.len > 0 ? answer.code.ptr : "");
    if (err != LE_OK)
        return le_fetching_fail(&self->base, err, self->setting,
                                "the answer of " WHO " is not one of credentials");
    return le_fetching_take(&self->base, &answer, fetched->date, self->setting, WHO);
}

static void on_answer(void *owner, const struct le_fetched *fetched)
{
    struct container *self = owner;
    enum le_err err = read_answer(self, fetched);
    le_fetch_rest(self->fetch);
    le_fetching_end(&self->base, err);
}

static enum le_err ask(struct container *self, struct le_span token)
{
    const struct le_http_header headers[] = {
        {LE_SPAN_LIT("Host"), self->endpoint.host},
        {LE_SPAN_LIT("Accept"), LE_SPAN_LIT("application/json")},
        {LE_SPAN_LIT("Authorization"), token},
    };
    const struct le_fetch_request request = {
        .method = LE_SPAN_LIT("GET"),
        .target = self->endpoint.path,
        .headers = headers,
        .header_count = token.ptr != NULL ? 3 : 2,
        .timeout_ms = TIMEOUT_MS,
        .attempts = ATTEMPTS,
    };
    return le_fetch_send(self->fetch, &request, on_answer, self);
}

static void on_token(void *owner, enum le_err err, const char *words, struct le_span text)
{
    struct container *self = owner;
    if (err != LE_OK)
        err =
            le_fetching_fail(&self->base, err, TOKEN_FILE, "the file of " TOKEN_FILE " %s", words);
    else if (!token_fits(text))
        err = le_fetching_fail(&self->base, LE_ERR_CONFIG, TOKEN_FILE,
                               "the file of " TOKEN_FILE " is empty, or holds a line end or "
                               "another character that no token has");
    else
        err = ask(self, text);
    if (err != LE_OK)
        le_fetching_end(&self->base, err);
}

static enum le_err refresh(struct le_credential_source *source,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    struct container *self = (struct container *)source;
    le_fetching_begin(&self->base, done, owner);
    enum le_err err = self->token_file != NULL
                          ? le_file_fetch_read(self->token_file, on_token, self)
                          : ask(self, le_span_of(self->token));
    return err == LE_OK ? LE_OK : le_fetching_refuse(&self->base, err);
}

static enum le_err fill(struct container *self, const struct le_source_world *world,
                        const struct le_container_params *params, struct le_setting_fault *fault)
{
    enum le_err err = set_url(self, params, fault);
    if (err == LE_OK)
        err = set_token(self, params, fault);
    const struct le_fetch_config config = {
        .net = world->net,
        .name = "container credentials",
        .origin = self->url,
        .connect_timeout_ms = TIMEOUT_MS,
        .direct = err == LE_OK && memcmp(self->url, "http:", 5) == 0,
    };
    return err == LE_OK ? le_fetch_new(&config, &self->fetch) : err;
}

enum le_err le_credentials_container(const struct le_source_world *world,
                                     const struct le_container_params *params,
                                     struct le_credential_source **out,
                                     struct le_setting_fault *fault)
{
    assert(params->relative_uri != NULL || params->full_uri != NULL);
    *out = NULL;
    struct container *self = le_calloc(1, sizeof *self);
    if (self == NULL)
        return LE_ERR_NOMEM;
    le_fetching_init(&self->base, world, "container");
    self->base.source.refresh = refresh;
    self->base.source.destroy = destroy;
    enum le_err err = fill(self, world, params, fault);
    if (err == LE_OK)
        *out = &self->base.source;
    else
        container_free(self);
    return err;
}
