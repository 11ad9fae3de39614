#include "loginetl/app/settings_sso.h"

#include "loginetl/aws/endpoint.h"

/* Of the two that are asked. */
struct service {
    const char *section;  /* in the profile's services section */
    const char *variable; /* that says where it is */
    const char *host;     /* what AWS's own begins with */
};

static const struct service portal = {"sso", "AWS_ENDPOINT_URL_SSO", "portal.sso"};
static const struct service oidc = {"sso_oidc", "AWS_ENDPOINT_URL_SSO_OIDC", "oidc"};

static enum le_err append_endpoint(const struct le_settings *settings, const struct le_place *place,
                                   const struct service *service, struct le_span given,
                                   struct le_buf *out)
{
    struct le_endpoint endpoint;
    if (given.ptr == NULL)
        return le_endpoint_own(out, service->host, settings->plan.sso.region,
                               (struct le_endpoint_kind){place->fips, place->dualstack});
    enum le_err err = le_endpoint_parse(given, &endpoint);
    return err == LE_OK ? le_buf_append_span(out, given) : err;
}

static enum le_err find_endpoint(struct le_settings *settings, const struct le_plan_input *input,
                                 const struct le_place *place, const struct service *service,
                                 char out[LE_ENDPOINT_MAX])
{
    struct le_span given;
    struct le_profile_fault fault;
    struct le_buf endpoint;
    enum le_err err =
        le_place_endpoint(input, place, service->section, service->variable, &given, &fault);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options, "%s", fault.text);
    le_buf_init(&endpoint, LE_ENDPOINT_MAX - 1);
    if (err == LE_OK)
        err = append_endpoint(settings, place, service, given, &endpoint);
    if (err == LE_OK)
        memcpy(out, endpoint.data, endpoint.len);
    le_buf_free(&endpoint);
    if (err == LE_ERR_CONFIG || err == LE_ERR_TOO_LARGE)
        return le_options_fail(
            &settings->options, "%s, AWS_ENDPOINT_URL or the profile's endpoint_url %s",
            service->variable, le_endpoint_fault(given, "is not a URL that can be used for SSO"));
    return err;
}

static enum le_err take_cache(struct le_settings *settings, const struct le_plan_input *input)
{
    struct le_buf path;
    le_buf_init(&path, sizeof settings->sso_cache - 1);
    enum le_err err =
        le_profile_expand(input->environment, LE_SPAN_LIT("~/.aws/sso/cache/"), &path);
    if (err == LE_OK)
        err = le_buf_append_text(&path, settings->plan.sso.cache_file);
    if (err == LE_OK)
        memcpy(settings->sso_cache, path.data, path.len);
    le_buf_free(&path);
    return err == LE_ERR_TOO_LARGE
               ? le_options_fail(&settings->options, "HOME: longer than any path")
               : err;
}

enum le_err le_settings_sso(struct le_settings *settings, const struct le_plan_input *input,
                            const struct le_place *place)
{
    const struct le_plan *plan = &settings->plan;
    if (plan->source != LE_PLAN_SSO)
        return LE_OK;
    if (!le_region_valid(plan->sso.region))
        return le_options_fail(&settings->options,
                               "the sso_region of the profile is not a region's name");
    enum le_err err = find_endpoint(settings, input, place, &portal, settings->sso_endpoint);
    if (err == LE_OK && plan->sso.session.ptr != NULL)
        err = find_endpoint(settings, input, place, &oidc, settings->oidc_endpoint);
    return err == LE_OK ? take_cache(settings, input) : err;
}
