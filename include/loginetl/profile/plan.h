/* Which source the credentials come from, decided from environment, files and options without
 * asking any of the sources: botocore's order.
 *
 *   1. the environment's keys, unless a profile was asked for on the command line
 *   2. the profile's role_arn: a role taken on with another source's credentials
 *   3. a web identity: the environment's (unless as above), else the profile's
 *   4. the profile's SSO, its keys in the credentials file, its login_session, its
 *      credential_process, its keys in the config file
 *   5. the container's, when a variable names it
 *   6. the instance's, unless AWS_EC2_METADATA_DISABLED is true
 *
 * Left out are botocore's two files of a time before profiles: ~/.boto and AWS_CREDENTIAL_FILE. */
#ifndef LE_PROFILE_PLAN_H
#define LE_PROFILE_PLAN_H

#include "loginetl/profile/profiles.h"

#include <stdint.h>

#define LE_ROLES_MAX     8  /* in a chain */
#define LE_SSO_CACHE_LEN 45 /* forty hex digits, ".json" */

enum le_plan_source {
    LE_PLAN_NONE,
    LE_PLAN_ENVIRONMENT,  /* AWS_ACCESS_KEY_ID and so on */
    LE_PLAN_KEYS,         /* a profile's own */
    LE_PLAN_WEB_IDENTITY, /* STS, with a token from a file */
    LE_PLAN_SSO,
    LE_PLAN_LOGIN,
    LE_PLAN_PROCESS,
    LE_PLAN_CONTAINER,
    LE_PLAN_INSTANCE
};

/* sts:AssumeRole. Absent where the profile has none. */
struct le_plan_role {
    struct le_span profile; /* whose role it is */
    struct le_span role_arn;
    struct le_span session_name;
    struct le_span external_id;
    int64_t duration_s; /* 0: the service's default */
};

struct le_plan_keys {
    struct le_span access_key_id;
    struct le_span secret_access_key;
    struct le_span session_token; /* absent: long-lived keys */
    enum le_profile_place place;
};

struct le_plan_web_identity {
    struct le_span token_file;
    struct le_span role_arn;
    struct le_span session_name; /* absent: one is made */
};

struct le_plan_sso {
    struct le_span session; /* absent: the older form, without an sso-session */
    struct le_span start_url;
    struct le_span region;
    struct le_span account_id;
    struct le_span role_name;
    char cache_file[LE_SSO_CACHE_LEN + 1]; /* in ~/.aws/sso/cache */
};

struct le_plan_container {
    bool relative; /* uri is a path on http://169.254.170.2 */
    struct le_span uri;
};

/* The spans are the environment's and the profiles'. They hold secrets, URLs and commands: none is
 * for a log. */
struct le_plan {
    enum le_plan_source source;
    struct le_span profile; /* whose keys, identity, SSO or process it is; absent: nobody's */
    union {
        struct le_plan_keys keys;
        struct le_plan_web_identity web_identity;
        struct le_plan_sso sso;
        struct le_plan_container container;
        struct le_span process; /* the command, split as a shell would */
    };
    /* Taken on from the last to the first, the last with the source's credentials. */
    struct le_plan_role roles[LE_ROLES_MAX];
    size_t role_count;
};

struct le_plan_input {
    const struct le_environment *environment;
    const struct le_profiles *profiles;
    struct le_span profile; /* one that exists; absent: "default", which need not exist */
    bool explicit_profile;  /* from the command line: it beats the environment's keys */
};

/* LE_ERR_CONFIG: a half-written source is not passed over; *fault says what is missing.
 * LE_ERR_CRYPTO.
 */
LE_MUST enum le_err le_plan_make(const struct le_plan_input *input, struct le_plan *plan,
                                 struct le_profile_fault *fault);

/* "assume-role", "environment", …: a stable word. */
const char *le_plan_word(const struct le_plan *plan);

/* May credentials be asked of this address, by http:// or at all? https:// of anybody; http:// of a
 * loopback address, "localhost", and the addresses of ECS and EKS. */
bool le_container_uri_allowed(struct le_span uri);

#endif
