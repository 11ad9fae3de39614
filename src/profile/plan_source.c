/* The sources, each with what tells that it is meant. */
#include "loginetl/base/crypto.h"
#include "loginetl/profile/plan_internal.h"

#include <assert.h>
#include <string.h>

static struct le_span value(const struct le_planning *planning, struct le_span profile,
                            const char *key)
{
    return le_profile_get(planning->input->profiles, profile, key);
}

static struct le_span variable(const struct le_planning *planning, const char *name)
{
    return le_variable(planning->input->environment, name);
}

/* ---- keys ---- */

/* What the keys are is looked at where they are read. */
enum le_err le_plan_environment(struct le_planning *planning)
{
    bool id = variable(planning, "AWS_ACCESS_KEY_ID").ptr != NULL;
    bool secret = variable(planning, "AWS_SECRET_ACCESS_KEY").ptr != NULL;
    if (id != secret)
        return le_profile_fail(planning->fault, "%s is not set, though %s is",
                               id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                               id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    if (id)
        planning->plan->source = LE_PLAN_ENVIRONMENT;
    return LE_OK;
}

static enum le_err take_keys(struct le_planning *planning, struct le_span profile,
                             enum le_profile_place place)
{
    const struct le_profiles *profiles = planning->input->profiles;
    struct le_plan_keys keys = {
        .access_key_id = le_profile_get_in(profiles, place, profile, "aws_access_key_id"),
        .secret_access_key = le_profile_get_in(profiles, place, profile, "aws_secret_access_key"),
        .session_token = le_profile_get_in(profiles, place, profile, "aws_security_token"),
        .place = place};
    if (keys.access_key_id.ptr == NULL)
        return LE_OK;
    if (keys.access_key_id.len == 0 || keys.secret_access_key.len == 0)
        return le_profile_fail(
            planning->fault, "profile %.*s: its %s is missing or empty", LE_PROFILE_SHOWN(profile),
            keys.access_key_id.len == 0 ? "aws_access_key_id" : "aws_secret_access_key");
    if (keys.session_token.ptr == NULL)
        keys.session_token = le_profile_get_in(profiles, place, profile, "aws_session_token");
    planning->plan->source = LE_PLAN_KEYS;
    planning->plan->keys = keys;
    return LE_OK;
}

/* ---- a web identity ---- */

/* The environment's value before the profile's, key by key. */
static struct le_span either(const struct le_planning *planning, const char *name,
                             struct le_span profile, const char *key)
{
    struct le_span set = name != NULL ? variable(planning, name) : LE_SPAN_NONE;
    return set.ptr != NULL ? set : value(planning, profile, key);
}

static enum le_err take_web_identity(struct le_planning *planning, struct le_span profile,
                                     bool environment)
{
    const struct le_plan_web_identity identity = {
        .token_file = either(planning, environment ? "AWS_WEB_IDENTITY_TOKEN_FILE" : NULL, profile,
                             "web_identity_token_file"),
        .role_arn = either(planning, environment ? "AWS_ROLE_ARN" : NULL, profile, "role_arn"),
        .session_name = either(planning, environment ? "AWS_ROLE_SESSION_NAME" : NULL, profile,
                               "role_session_name")};
    if (identity.token_file.len == 0)
        return LE_OK;
    if (identity.role_arn.len == 0)
        return le_profile_fail(planning->fault,
                               "a web identity's token file is given without a role: set "
                               "AWS_ROLE_ARN, or the profile's role_arn");
    planning->plan->source = LE_PLAN_WEB_IDENTITY;
    planning->plan->web_identity = identity;
    return LE_OK;
}

/* ---- SSO ---- */

static enum le_err name_cache_file(struct le_plan_sso *sso)
{
    uint8_t hash[LE_SHA1_LEN];
    enum le_err err = le_sha1(sso->session.ptr != NULL ? sso->session : sso->start_url, hash);
    if (err != LE_OK)
        return err;
    le_hex(hash, sizeof hash, sso->cache_file);
    memcpy(sso->cache_file + 2 * sizeof hash, ".json", sizeof ".json");
    return LE_OK;
}

/* The sso-session's value; where the profile has one too, they must be the same. */
static enum le_err take_session_value(struct le_planning *planning, struct le_span profile,
                                      const struct le_profile_section *section, const char *key,
                                      struct le_span *out)
{
    *out = value(planning, profile, key);
    if (section == NULL)
        return LE_OK;
    struct le_span theirs =
        le_profile_file_get(&planning->input->profiles->files[LE_PROFILE_CONFIG], section, key);
    if (out->ptr != NULL && theirs.ptr != NULL && !le_span_equal(*out, theirs))
        return le_profile_fail(planning->fault,
                               "profile %.*s: its %s is not that of its sso-session",
                               LE_PROFILE_SHOWN(profile), key);
    if (theirs.ptr != NULL)
        *out = theirs;
    return LE_OK;
}

static enum le_err find_session(struct le_planning *planning, struct le_span profile,
                                struct le_span name, const struct le_profile_section **out)
{
    *out = NULL;
    if (name.ptr == NULL)
        return LE_OK;
    *out = le_profile_other(planning->input->profiles, "sso-session", name);
    if (*out == NULL)
        return le_profile_fail_missing(planning->fault, profile, "sso_session", name);
    return LE_OK;
}

static enum le_err take_sso(struct le_planning *planning, struct le_span profile)
{
    struct le_plan_sso sso = {.session = value(planning, profile, "sso_session")};
    const struct {
        const char *key;
        struct le_span *out;
    } keys[] = {{"sso_role_name", &sso.role_name},
                {"sso_account_id", &sso.account_id},
                {"sso_start_url", &sso.start_url},
                {"sso_region", &sso.region}};
    if (value(planning, profile, keys[0].key).ptr == NULL &&
        value(planning, profile, keys[1].key).ptr == NULL)
        return LE_OK;
    const struct le_profile_section *section;
    enum le_err err = find_session(planning, profile, sso.session, &section);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && err == LE_OK; i++)
        err = take_session_value(planning, profile, section, keys[i].key, keys[i].out);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && err == LE_OK; i++) {
        if (keys[i].out->len == 0)
            err = le_profile_fail(planning->fault, "profile %.*s uses SSO, but has no %s",
                                  LE_PROFILE_SHOWN(profile), keys[i].key);
    }
    if (err == LE_OK)
        err = name_cache_file(&sso);
    if (err != LE_OK)
        return err;
    planning->plan->source = LE_PLAN_SSO;
    planning->plan->sso = sso;
    return LE_OK;
}

/* ---- what a profile has ---- */

static void take_login(struct le_planning *planning, struct le_span profile)
{
    if (value(planning, profile, "login_session").ptr != NULL)
        planning->plan->source = LE_PLAN_LOGIN;
}

static enum le_err take_process(struct le_planning *planning, struct le_span profile)
{
    struct le_span command = value(planning, profile, "credential_process");
    if (command.ptr == NULL)
        return LE_OK;
    if (command.len == 0)
        return le_profile_fail(planning->fault, "profile %.*s: credential_process is empty",
                               LE_PROFILE_SHOWN(profile));
    planning->plan->source = LE_PLAN_PROCESS;
    planning->plan->process = command;
    return LE_OK;
}

enum le_err le_plan_profile(struct le_planning *planning, struct le_span profile,
                            bool with_environment)
{
    const struct le_plan *plan = planning->plan;
    assert(plan->source == LE_PLAN_NONE);
    enum le_err err = take_web_identity(planning, profile, with_environment);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        err = take_sso(planning, profile);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        err = take_keys(planning, profile, LE_PROFILE_CREDENTIALS);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        take_login(planning, profile);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        err = take_process(planning, profile);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        err = take_keys(planning, profile, LE_PROFILE_CONFIG);
    if (plan->source != LE_PLAN_NONE)
        planning->plan->profile = profile;
    return err;
}

/* ---- the machine's ---- */

/* "127." and three more numbers: a name may begin the same way. */
static bool is_loopback(struct le_span host)
{
    unsigned dots = 0, digits = 0, number = 0;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (digit ? ++digits > 3 || (number = number * 10 + (unsigned)(c - '0')) > 255
                  : c != '.' || digits == 0)
            return false;
        if (!digit) {
            dots++;
            digits = number = 0;
        }
    }
    return dots == 3 && digits > 0 && le_span_begins(host, "127.");
}

/* The host of what stands behind "http://"; empty when it is malformed, or has a user's name, which
 * may look like one. */
static struct le_span host_of(struct le_span rest)
{
    struct le_span authority = {rest.ptr, le_span_until(rest, "/?#")};
    bool brackets = le_span_begins(authority, "[");
    size_t len = le_span_until(authority, brackets ? "]" : ":");
    if (brackets)
        len += len < authority.len ? 1 : 0;
    bool ends = len == authority.len || authority.ptr[len] == ':';
    return (struct le_span){rest.ptr,
                            ends && le_span_until(authority, "@") == authority.len ? len : 0};
}

bool le_container_uri_allowed(struct le_span uri)
{
    static const char *const hosts[] = {"localhost", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]", "[::1]"};
    const size_t scheme = strlen("http://");
    if (le_span_begins(uri, "https://"))
        return true;
    if (!le_span_begins(uri, "http://"))
        return false;
    struct le_span host = host_of((struct le_span){uri.ptr + scheme, uri.len - scheme});
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (le_span_is(host, hosts[i]))
            return true;
    }
    return is_loopback(host);
}

enum le_err le_plan_container(struct le_planning *planning)
{
    struct le_span relative = variable(planning, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    struct le_span full = variable(planning, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.ptr == NULL && full.ptr == NULL)
        return LE_OK;
    if (relative.ptr == NULL && !le_container_uri_allowed(full))
        return le_profile_fail(planning->fault,
                               "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https:// nor the "
                               "http:// address of this machine or of ECS or EKS");
    planning->plan->source = LE_PLAN_CONTAINER;
    planning->plan->container.relative = relative.ptr != NULL;
    planning->plan->container.uri = relative.ptr != NULL ? relative : full;
    return LE_OK;
}

void le_plan_instance(struct le_planning *planning)
{
    struct le_span disabled = variable(planning, "AWS_EC2_METADATA_DISABLED");
    if (!le_is_true(disabled))
        planning->plan->source = LE_PLAN_INSTANCE;
}
