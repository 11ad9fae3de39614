/* What environment and profile say about where requests go, besides the options' own variables. */
#ifndef LE_PROFILE_PLACE_H
#define LE_PROFILE_PLACE_H

#include "loginetl/profile/plan.h"

struct le_place {
    struct le_span region;       /* the profile's; absent: it has none */
    struct le_span endpoint_url; /* the profile's: of its services section for SQS, else its own */
    struct le_span ca_bundle;    /* the profile's file of certificates; absent: it has none */
    bool ignores_configured;     /* no endpoint but the command line's counts */
    bool fips, dualstack; /* which of AWS's own endpoints; one that is given stays as it is */
    bool sts_legacy;      /* sts_regional_endpoints: one endpoint for the older regions */
};

/* AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and
 * AWS_STS_REGIONAL_ENDPOINTS stand before the profile's keys of these names. The profile's endpoint
 * is not looked at when another is given. LE_ERR_CONFIG: its services section does not exist. */
LE_MUST enum le_err le_place_find(const struct le_plan_input *input, bool endpoint_given,
                                  struct le_place *place, struct le_profile_fault *fault);

/* Where another service is asked: what the variable says ("AWS_ENDPOINT_URL_STS"), else
 * AWS_ENDPOINT_URL, else the profile's services section for the service ("sts"), else its own
 * endpoint_url; absent: AWS's own. LE_ERR_CONFIG: as above. */
LE_MUST enum le_err le_place_endpoint(const struct le_plan_input *input,
                                      const struct le_place *place, const char *service,
                                      const char *variable, struct le_span *url,
                                      struct le_profile_fault *fault);

/* How the metadata service of an EC2 instance is asked. */
struct le_instance_place {
    struct le_span url;  /* never absent: without another, the fixed address of the family */
    const char *setting; /* that says it, for a person; NULL: none does */
    unsigned timeout_s;  /* of each attempt; 0: nobody says */
    unsigned attempts;   /* likewise */
};

#define LE_INSTANCE_TIMEOUT_MAX_S 3600
#define LE_INSTANCE_ATTEMPTS_MAX  1000

/* AWS_EC2_METADATA_SERVICE_ENDPOINT, else _MODE (IPv4 or IPv6, in any case), else
 * AWS_IMDS_USE_IPV6; AWS_METADATA_SERVICE_TIMEOUT and _NUM_ATTEMPTS. Each stands before the
 * profile's key of its name (ec2_metadata_service_endpoint, …_mode, imds_use_ipv6,
 * metadata_service_timeout, …_num_attempts). AWS_EC2_METADATA_V1_DISABLED goes without saying:
 * version 1 is never asked. LE_ERR_CONFIG: a mode or a number that is none, also where another
 * source is meant, as for botocore; a number out of its range, if it is asked. The URL is not
 * looked at. */
LE_MUST enum le_err le_place_instance(const struct le_plan_input *input, bool asked,
                                      struct le_instance_place *place,
                                      struct le_profile_fault *fault);

#endif
