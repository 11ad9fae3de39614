#include "loginetl/app/settings_sso.h"

#include "loginetl/aws/endpoint.h"

static enum le_err append_endpoint(const struct le_settings *settings, const struct le_place *place,
                                   struct le_span given, struct le_buf *out)
{
    struct le_endpoint endpoint;
    if (given.ptr == NULL)
        return le_endpoint_own(out, "portal.sso", settings->plan.sso.region,
                               (struct le_endpoint_kind){place->fips, place->dualstack});
    enum le_err err = le_endpoint_parse(given, &endpoint);
    return err == LE_OK ? le_buf_append_span(out, given) : err;
}

static enum le_err take_endpoint(struct le_settings *settings, const struct le_place *place,
                                 struct le_span given)
{
    struct le_buf endpoint;
    le_buf_init(&endpoint, sizeof settings->sso_endpoint - 1);
    enum le_err err = append_endpoint(settings, place, given, &endpoint);
    if (err == LE_OK)
        memcpy(settings->sso_endpoint, endpoint.data, endpoint.len);
    le_buf_free(&endpoint);
    if (err == LE_ERR_CONFIG || err == LE_ERR_TOO_LARGE)
        return le_options_fail(&settings->options,
                               "AWS_ENDPOINT_URL_SSO, AWS_ENDPOINT_URL or the profile's "
                               "endpoint_url %s",
                               le_endpoint_fault(given, "is not a URL that can be used for SSO"));
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
    struct le_span given;
    struct le_profile_fault fault;
    if (plan->source != LE_PLAN_SSO)
        return LE_OK;
    if (!le_region_valid(plan->sso.region))
        return le_options_fail(&settings->options,
                               "the sso_region of the profile is not a region's name");
    enum le_err err =
        le_place_endpoint(input, place, "sso", "AWS_ENDPOINT_URL_SSO", &given, &fault);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options, "%s", fault.text);
    if (err == LE_OK)
        err = take_endpoint(settings, place, given);
    return err == LE_OK ? take_cache(settings, input) : err;
}
