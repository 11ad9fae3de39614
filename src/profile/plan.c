/* The order of the sources, and roles that are taken on with another source's credentials. */
#include "loginetl/profile/plan_internal.h"

#include <assert.h>

#define DEFAULT_PROFILE LE_SPAN_LIT("default")

static struct le_span value(const struct le_planning *planning, struct le_span profile,
                            const char *key)
{
    return le_profile_get(planning->input->profiles, profile, key);
}

static bool has(const struct le_planning *planning, struct le_span profile, const char *key)
{
    return value(planning, profile, key).ptr != NULL;
}

/* ---- roles ---- */

/* A web identity has a role too, which is not taken on this way. */
static bool has_role(const struct le_planning *planning, struct le_span profile)
{
    return has(planning, profile, "role_arn") && !has(planning, profile, "web_identity_token_file");
}

static bool has_keys(const struct le_planning *planning, struct le_span profile)
{
    return has(planning, profile, "aws_access_key_id") ||
           has(planning, profile, "aws_secret_access_key");
}

/* As botocore reads it: what is no number counts as none. */
static int64_t duration_of(struct le_span text)
{
    int64_t seconds = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || seconds > 1000000)
            return 0;
        seconds = seconds * 10 + (text.ptr[i] - '0');
    }
    return seconds;
}

static enum le_err add_role(struct le_planning *planning, struct le_span profile)
{
    struct le_plan *plan = planning->plan;
    if (plan->role_count == LE_ROLES_MAX)
        return le_profile_fail(planning->fault,
                               "profile %.*s: more than %d roles in a chain of source_profile",
                               LE_PROFILE_SHOWN(profile), LE_ROLES_MAX);
    if (has(planning, profile, "mfa_serial"))
        return le_profile_fail(planning->fault,
                               "profile %.*s has mfa_serial, but nobody is there to type a code: "
                               "use a role without it",
                               LE_PROFILE_SHOWN(profile));
    const struct le_plan_role role = {profile, value(planning, profile, "role_arn"),
                                      value(planning, profile, "role_session_name"),
                                      value(planning, profile, "external_id"),
                                      duration_of(value(planning, profile, "duration_seconds"))};
    if (role.role_arn.len == 0)
        return le_profile_fail(planning->fault, "profile %.*s: role_arn is empty",
                               LE_PROFILE_SHOWN(profile));
    plan->roles[plan->role_count++] = role;
    return LE_OK;
}

static enum le_err take_named_source(struct le_planning *planning, struct le_span profile,
                                     struct le_span source)
{
    const char *why = "AWS_EC2_METADATA_DISABLED is true";
    enum le_err err = LE_OK;
    if (le_span_is(source, "Environment")) {
        why = "AWS_ACCESS_KEY_ID is not set";
        err = le_plan_environment(planning);
    } else if (le_span_is(source, "EcsContainer")) {
        why = "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor …_FULL_URI is set";
        err = le_plan_container(planning);
    } else if (le_span_is(source, "Ec2InstanceMetadata")) {
        le_plan_instance(planning);
    } else {
        return le_profile_fail(planning->fault,
                               "profile %.*s: credential_source is none of Environment, "
                               "Ec2InstanceMetadata and EcsContainer",
                               LE_PROFILE_SHOWN(profile));
    }
    if (err == LE_OK && planning->plan->source == LE_PLAN_NONE)
        return le_profile_fail(planning->fault,
                               "profile %.*s: its credential_source %.*s has no credentials: %s",
                               LE_PROFILE_SHOWN(profile), LE_PROFILE_SHOWN(source), why);
    return err;
}

struct visited {
    struct le_span profiles[LE_ROLES_MAX + 2];
    size_t count;
};

/* A profile may name itself when it has keys of its own; any other way back is a circle. */
static enum le_err check_source(struct le_planning *planning, const struct visited *visited,
                                struct le_span parent, struct le_span source)
{
    bool seen = false;
    if (!le_profile_exists(planning->input->profiles, source))
        return le_profile_fail_missing(planning->fault, parent, "source_profile", source);
    for (size_t i = 0; i < visited->count; i++)
        seen = seen || le_span_equal(visited->profiles[i], source);
    if (seen && !(le_span_equal(parent, source) && has_keys(planning, source)))
        return le_profile_fail(planning->fault,
                               "profile %.*s: its source_profile %.*s leads back to itself",
                               LE_PROFILE_SHOWN(parent), LE_PROFILE_SHOWN(source));
    return LE_OK;
}

/* The profile that a chain ends at has credentials, from whichever of its own sources. */
static enum le_err take_last(struct le_planning *planning, struct le_span profile)
{
    enum le_err err = le_plan_profile(planning, profile, false);
    if (err == LE_OK && planning->plan->source == LE_PLAN_NONE)
        return le_profile_fail(planning->fault,
                               "profile %.*s is a source_profile, but has no credentials",
                               LE_PROFILE_SHOWN(profile));
    return err;
}

static enum le_err take_role(struct le_planning *planning, struct le_span profile)
{
    struct visited visited = {{profile}, 1};
    for (;;) {
        enum le_err err = add_role(planning, profile);
        if (err != LE_OK)
            return err;
        struct le_span named = value(planning, profile, "credential_source");
        struct le_span source = value(planning, profile, "source_profile");
        if ((named.ptr == NULL) == (source.ptr == NULL))
            return le_profile_fail(planning->fault,
                                   "profile %.*s: role_arn needs source_profile or "
                                   "credential_source, %s",
                                   LE_PROFILE_SHOWN(profile),
                                   named.ptr != NULL ? "not both" : "and has neither");
        if (named.ptr != NULL)
            return take_named_source(planning, profile, named);
        err = check_source(planning, &visited, profile, source);
        if (err != LE_OK)
            return err;
        if (has_keys(planning, source) || !has_role(planning, source))
            return take_last(planning, source);
        assert(visited.count < LE_ROLES_MAX + 2);
        visited.profiles[visited.count++] = source;
        profile = source;
    }
}

/* ---- the order ---- */

static enum le_err make(struct le_planning *planning, struct le_span profile)
{
    const struct le_plan_input *input = planning->input;
    const struct le_plan *plan = planning->plan;
    enum le_err err = LE_OK;
    if (!input->explicit_profile)
        err = le_plan_environment(planning);
    if (err == LE_OK && plan->source == LE_PLAN_NONE && has_role(planning, profile))
        return take_role(planning, profile);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        err = le_plan_profile(planning, profile, !input->explicit_profile);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        err = le_plan_container(planning);
    if (err == LE_OK && plan->source == LE_PLAN_NONE)
        le_plan_instance(planning);
    return err;
}

enum le_err le_plan_make(const struct le_plan_input *input, struct le_plan *plan,
                         struct le_profile_fault *fault)
{
    assert(input->environment != NULL && input->profiles != NULL && fault != NULL);
    assert(input->profile.len == 0 || le_profile_exists(input->profiles, input->profile));
    *plan = (struct le_plan){.source = LE_PLAN_NONE};
    struct le_planning planning = {input, plan, fault};
    return make(&planning, input->profile.len > 0 ? input->profile : DEFAULT_PROFILE);
}

const char *le_plan_word(const struct le_plan *plan)
{
    static const char *const words[] = {
        [LE_PLAN_NONE] = "none",         [LE_PLAN_ENVIRONMENT] = "environment",
        [LE_PLAN_KEYS] = "profile",      [LE_PLAN_WEB_IDENTITY] = "web-identity",
        [LE_PLAN_SSO] = "sso",           [LE_PLAN_LOGIN] = "aws-login",
        [LE_PLAN_PROCESS] = "process",   [LE_PLAN_CONTAINER] = "container",
        [LE_PLAN_INSTANCE] = "instance",
    };
    assert((size_t)plan->source < sizeof words / sizeof words[0]);
    return plan->role_count > 0 ? "assume-role" : words[plan->source];
}
