#include "loginetl/profile/place.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

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
            return le_profile_fail_missing(fault, profile_of(input), "services section", name);
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

/* ---- an instance's metadata service ---- */

#define IPV4_URL "http://169.254.169.254"
#define IPV6_URL "http://[fd00:ec2::254]"

struct key {
    const char *variable, *key, *of_profile;
};

#define KEY(variable, key)                  \
    {                                       \
        variable, key, "the profile's " key \
    }

static const struct key endpoint_key =
    KEY("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
static const struct key mode_key =
    KEY("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
static const struct key ipv6_key = KEY("AWS_IMDS_USE_IPV6", "imds_use_ipv6");
static const struct key timeout_key =
    KEY("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout");
static const struct key attempts_key =
    KEY("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts");

/* *setting: who says it. */
static struct le_span said(const struct le_plan_input *input, const struct key *key,
                           const char **setting)
{
    struct le_span set = le_variable(input->environment, key->variable);
    *setting = set.ptr != NULL ? key->variable : key->of_profile;
    return set.ptr != NULL ? set : value(input, key->key);
}

static bool is_word(struct le_span text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static enum le_err find_family(const struct le_plan_input *input, struct le_instance_place *place,
                               struct le_profile_fault *fault)
{
    const char *setting;
    struct le_span mode = said(input, &mode_key, &setting);
    bool ipv6 = is_word(mode, "ipv6");
    if (mode.len > 0 && !ipv6 && !is_word(mode, "ipv4"))
        return le_profile_fail(fault, "%s is neither IPv4 nor IPv6", setting);
    if (mode.len == 0)
        ipv6 = le_is_true(said(input, &ipv6_key, &setting));
    place->url = ipv6 ? LE_SPAN_LIT(IPV6_URL) : LE_SPAN_LIT(IPV4_URL);
    place->setting = ipv6 ? setting : NULL;
    return LE_OK;
}

/* checked: it is in its range, too. */
static enum le_err find_number(const struct le_plan_input *input, const struct key *key,
                               unsigned max, bool checked, unsigned *out,
                               struct le_profile_fault *fault)
{
    const char *setting;
    struct le_span text = said(input, key, &setting);
    unsigned number = 0;
    bool good = true;
    for (size_t i = 0; i < text.len && good; i++) {
        good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (good && number <= max)
            number = number * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *out = number;
    if (!good || (checked && text.len > 0 && (number < 1 || number > max)))
        return le_profile_fail(fault, "%s is not a whole number from 1 to %u", setting, max);
    return LE_OK;
}

enum le_err le_place_instance(const struct le_plan_input *input, bool asked,
                              struct le_instance_place *place, struct le_profile_fault *fault)
{
    const char *setting;
    struct le_span url = said(input, &endpoint_key, &setting);
    enum le_err err = find_family(input, place, fault);
    if (err == LE_OK && url.len > 0) {
        place->url = url;
        place->setting = setting;
    }
    if (err == LE_OK)
        err = find_number(input, &timeout_key, LE_INSTANCE_TIMEOUT_MAX_S, asked, &place->timeout_s,
                          fault);
    if (err == LE_OK)
        err = find_number(input, &attempts_key, LE_INSTANCE_ATTEMPTS_MAX, asked, &place->attempts,
                          fault);
    return err;
}
