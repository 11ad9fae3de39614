#include "loginetl/aws/credentials.h"

#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

struct fixed_source {
    struct le_credential_source source;
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: long-lived keys */
    char name[120];      /* of a profile's */
};

static enum le_err get(const struct le_credential_source *self, struct le_credentials *out,
                       int64_t *expires_at_ms)
{
    const struct fixed_source *source = (const struct fixed_source *)self;
    out->access_key_id = le_span_of(source->access_key_id);
    out->secret_access_key = le_span_of(source->secret_access_key);
    out->session_token = le_span_of(source->session_token);
    *expires_at_ms = LE_NEVER_EXPIRES;
    return LE_OK;
}

static void free_text(char *text)
{
    if (text != NULL)
        le_free_secret(text, strlen(text));
}

static void destroy(struct le_credential_source *self)
{
    struct fixed_source *source = (struct fixed_source *)self;
    free_text(source->access_key_id);
    free_text(source->secret_access_key);
    free_text(source->session_token);
    le_free(source);
}

/* *out is NULL when the value is empty, which is the same as none. */
static enum le_err take_value(struct le_span value, const char *name, char **out,
                              struct le_setting_fault *fault)
{
    *out = NULL;
    if (value.len == 0)
        return LE_OK;
    const char *words = NULL;
    if (value.len > LE_CREDENTIAL_LEN_MAX)
        words = "is longer than any credential";
    else if (!le_credential_fits(value))
        words = "holds a space, a line end or another character that no credential has";
    if (words != NULL) {
        *fault = (struct le_setting_fault){name, words};
        return LE_ERR_CONFIG;
    }
    *out = le_strndup(value.ptr, value.len);
    return *out != NULL ? LE_OK : LE_ERR_NOMEM;
}

static enum le_err read_variable(const struct le_environment *environment, const char *name,
                                 char **out, struct le_setting_fault *fault)
{
    return take_value(le_variable(environment, name), name, out, fault);
}

static enum le_err read_all(const struct le_environment *environment, struct fixed_source *source,
                            struct le_setting_fault *fault)
{
    enum le_err err =
        read_variable(environment, "AWS_ACCESS_KEY_ID", &source->access_key_id, fault);
    if (err == LE_OK)
        err =
            read_variable(environment, "AWS_SECRET_ACCESS_KEY", &source->secret_access_key, fault);
    if (err == LE_OK)
        err = read_variable(environment, "AWS_SESSION_TOKEN", &source->session_token, fault);
    if (err != LE_OK || (source->access_key_id == NULL) == (source->secret_access_key == NULL))
        return err;
    *fault = source->access_key_id == NULL
                 ? (struct le_setting_fault){"AWS_ACCESS_KEY_ID",
                                             "is not set, though AWS_SECRET_ACCESS_KEY is"}
                 : (struct le_setting_fault){"AWS_SECRET_ACCESS_KEY",
                                             "is not set, though AWS_ACCESS_KEY_ID is"};
    return LE_ERR_CONFIG;
}

enum le_err le_credentials_environment(const struct le_environment *environment,
                                       struct le_credential_source **out,
                                       struct le_setting_fault *fault)
{
    assert(environment->get != NULL);
    *out = NULL;
    struct fixed_source *source = le_calloc(1, sizeof *source);
    if (source == NULL)
        return LE_ERR_NOMEM;
    source->source =
        (struct le_credential_source){.name = "environment", .get = get, .destroy = destroy};
    enum le_err err = read_all(environment, source, fault);
    if (err == LE_OK && source->access_key_id != NULL)
        *out = &source->source;
    else
        destroy(&source->source);
    return err;
}

static enum le_err take_keys(const struct le_plan_keys *keys, struct fixed_source *source,
                             struct le_setting_fault *fault)
{
    enum le_err err =
        take_value(keys->access_key_id, "aws_access_key_id", &source->access_key_id, fault);
    if (err == LE_OK)
        err = take_value(keys->secret_access_key, "aws_secret_access_key",
                         &source->secret_access_key, fault);
    if (err == LE_OK)
        err = take_value(keys->session_token, "aws_session_token", &source->session_token, fault);
    return err;
}

static void name_profile(struct fixed_source *source, const struct le_plan *plan)
{
    (void)snprintf(source->name, sizeof source->name, "profile %.*s in the %s file",
                   LE_PROFILE_SHOWN(plan->profile),
                   plan->keys.place == LE_PROFILE_CREDENTIALS ? "credentials" : "config");
    le_profile_clean(source->name);
    source->source.name = source->name;
}

enum le_err le_credentials_profile(const struct le_plan *plan, struct le_credential_source **out,
                                   struct le_setting_fault *fault)
{
    assert(plan->source == LE_PLAN_KEYS);
    *out = NULL;
    struct fixed_source *source = le_calloc(1, sizeof *source);
    if (source == NULL)
        return LE_ERR_NOMEM;
    source->source = (struct le_credential_source){.get = get, .destroy = destroy};
    name_profile(source, plan);
    enum le_err err = take_keys(&plan->keys, source, fault);
    if (err == LE_OK)
        *out = &source->source;
    else
        destroy(&source->source);
    return err;
}
