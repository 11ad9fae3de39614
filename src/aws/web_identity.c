/* Credentials of a web identity: a token out of a file, which STS takes for a role's credentials.
 */
#include "loginetl/aws/sts.h"
#include "loginetl/base/mem.h"

#define TOKEN_FILE "AWS_WEB_IDENTITY_TOKEN_FILE"

struct web_identity {
    struct le_fetching_source base;
    struct le_sts *sts;
    struct le_file_fetch *token_file;
};

static void destroy(struct le_credential_source *source)
{
    struct web_identity *self = (struct web_identity *)source;
    le_file_fetch_close(self->token_file);
    le_sts_close(self->sts);
    le_fetching_free(&self->base);
    le_free(self);
}

static void on_credentials(void *owner, enum le_err err, struct le_span code)
{
    struct web_identity *self = owner;
    (void)code;
    le_fetching_end(&self->base, err);
}

/* A line end behind it is an editor's, and no part of it; anything else that no token has is some
 * other file's. */
static bool take_token(struct le_span *text)
{
    while (text->len > 0 && (text->ptr[text->len - 1] == '\n' || text->ptr[text->len - 1] == '\r'))
        text->len--;
    for (size_t i = 0; i < text->len; i++) {
        if (text->ptr[i] <= ' ' || text->ptr[i] > '~')
            return false;
    }
    return text->len > 0;
}

static void on_token(void *owner, enum le_err err, const char *words, struct le_span text)
{
    struct web_identity *self = owner;
    if (err == LE_OK && !take_token(&text)) {
        err = LE_ERR_CONFIG;
        words = "is empty, or holds a character that no token has";
    }
    if (err != LE_OK) {
        err = le_fetching_fail(&self->base, err, TOKEN_FILE,
                               "the file of " TOKEN_FILE " or web_identity_token_file %s", words);
    } else {
        const struct le_sts_field token = {"WebIdentityToken", text};
        err = le_sts_ask(self->sts, &self->base, &token, 1, NULL, on_credentials, self);
    }
    if (err != LE_OK)
        le_fetching_end(&self->base, err);
}

static enum le_err refresh(struct le_credential_source *source,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    struct web_identity *self = (struct web_identity *)source;
    le_fetching_begin(&self->base, done, owner);
    enum le_err err = le_file_fetch_read(self->token_file, on_token, self);
    return err == LE_OK ? LE_OK : le_fetching_refuse(&self->base, err);
}

enum le_err le_credentials_web_identity(const struct le_source_world *world,
                                        const struct le_web_identity_params *params,
                                        struct le_credential_source **out,
                                        struct le_setting_fault *fault)
{
    *out = NULL;
    struct web_identity *self = le_calloc(1, sizeof *self);
    if (self == NULL)
        return LE_ERR_NOMEM;
    le_fetching_init(&self->base, world, "web identity");
    self->base.source.refresh = refresh;
    self->base.source.destroy = destroy;
    enum le_err err =
        le_file_fetch_new(world->loop, params->token_file, LE_FILE_TIMEOUT_MS, &self->token_file);
    if (err == LE_OK)
        err = le_sts_new(world, LE_STS_WEB_IDENTITY, &params->sts, &self->sts, fault);
    if (err == LE_OK)
        *out = &self->base.source;
    else
        destroy(&self->base.source);
    return err;
}
