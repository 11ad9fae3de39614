#include "loginetl/profile/place.h"

#include <assert.h>

static struct le_span profile_of(const struct le_plan_input *input)
{
    return input->profile.len > 0 ? input->profile : LE_SPAN_LIT("default");
}

static struct le_span value(const struct le_plan_input *input, const char *key)
{
    struct le_span found = le_profile_get(input->profiles, profile_of(input), key);
    return found.len > 0 ? found : LE_SPAN_NONE;
}

static struct le_span either(const struct le_plan_input *input, const char *name, const char *key)
{
    struct le_span set = le_variable(input->environment, name);
    return set.ptr != NULL ? set : value(input, key);
}

static bool is_on(const struct le_plan_input *input, const char *name, const char *key)
{
    return le_is_true(either(input, name, key));
}

/* The profile's, for a service. */
static enum le_err find_endpoint(const struct le_plan_input *input, const char *service,
                                 struct le_span *url, struct le_profile_fault *fault)
{
    struct le_span name = le_profile_get(input->profiles, profile_of(input), "services");
    if (name.ptr != NULL) {
        const struct le_profile_section *services =
            le_profile_other(input->profiles, "services", name);
        if (services == NULL || services->count == 0)
            return le_profile_fail(fault, "profile %.*s: its services section %.*s does not exist",
                                   LE_PROFILE_SHOWN(profile_of(input)), LE_PROFILE_SHOWN(name));
        struct le_span section =
            le_profile_file_get(&input->profiles->files[LE_PROFILE_CONFIG], services, service);
        *url = le_profile_nested(section, "endpoint_url");
    }
    if (url->len == 0)
        *url = value(input, "endpoint_url");
    return LE_OK;
}

enum le_err le_place_find(const struct le_plan_input *input, bool endpoint_given,
                          struct le_place *place, struct le_profile_fault *fault)
{
    assert(input->environment != NULL && input->profiles != NULL && fault != NULL);
    *place = (struct le_place){
        .region = value(input, "region"),
        .ca_bundle = value(input, "ca_bundle"),
        .ignores_configured =
            is_on(input, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"),
        .fips = is_on(input, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        .dualstack = is_on(input, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        .sts_legacy = le_span_is(
            either(input, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints"), "legacy")};
    return endpoint_given || place->ignores_configured
               ? LE_OK
               : find_endpoint(input, "sqs", &place->endpoint_url, fault);
}

enum le_err le_place_endpoint(const struct le_plan_input *input, const struct le_place *place,
                              const char *service, const char *variable, struct le_span *url,
                              struct le_profile_fault *fault)
{
    *url = LE_SPAN_NONE;
    if (place->ignores_configured)
        return LE_OK;
    *url = le_variable(input->environment, variable);
    if (url->ptr == NULL)
        *url = le_variable(input->environment, "AWS_ENDPOINT_URL");
    return url->ptr != NULL ? LE_OK : find_endpoint(input, service, url, fault);
}
