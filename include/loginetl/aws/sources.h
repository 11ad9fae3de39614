/* The sources that ask a service or a process. Which of them is asked, and with what, is another's
 * choice: each is made from parameters, which it copies. An error of making one: LE_ERR_CONFIG with
 * *fault, LE_ERR_NOMEM. Nothing is asked before the first refresh. Credentials that come expired
 * are a failed refresh; only an instance's are used all the same. */
#ifndef LE_AWS_SOURCES_H
#define LE_AWS_SOURCES_H

#include "loginetl/aws/credentials.h"
#include "loginetl/net/net.h"

#include <uv.h>

struct le_source_world {
    uv_loop_t *loop;
    struct le_net *net;
    int64_t (*wall_ms)(void *self); /* since 1970, as well as it is known */
    void *self;
};

/* The metadata service of a container: ECS, Fargate, EKS Pod Identity. */
struct le_container_params {
    const char *relative_uri; /* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: counts before the other */
    /* AWS_CONTAINER_CREDENTIALS_FULL_URI: https, or http to this machine or to one of the addresses
     * that are the host's own, for what is sent and answered is secret. */
    const char *full_uri;
    const char *token;           /* AWS_CONTAINER_AUTHORIZATION_TOKEN; or NULL */
    const char *token_file;      /* AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: counts before it; it is
                                    read at each refresh; or NULL */
    const char *relative_origin; /* NULL: ECS's own, http://169.254.170.2 */
};
LE_MUST enum le_err le_credentials_container(const struct le_source_world *world,
                                             const struct le_container_params *params,
                                             struct le_credential_source **out,
                                             struct le_setting_fault *fault);

/* The metadata service of an EC2 instance, version 2 only: a token is asked for first, so that
 * nobody reads the credentials who can make this machine only follow a link. */
struct le_instance_params {
    struct le_span endpoint; /* its URL */
    const char *setting;     /* that says it, for a person; NULL: none does; not copied */
    int64_t timeout_ms;      /* of each attempt; 0: a second */
    unsigned attempts;       /* 0: 3 */
};
LE_MUST enum le_err le_credentials_instance(const struct le_source_world *world,
                                            const struct le_instance_params *params,
                                            struct le_credential_source **out,
                                            struct le_setting_fault *fault);

/* A process that writes credentials to its stdout, as the SDKs' credential_process does. */
#define LE_PROCESS_TIMEOUT_MS 60000
#define LE_PROCESS_GRACE_MS   1000
struct le_process_params {
    struct le_span command; /* split into words as le_words_split does; no shell */
    struct le_span profile; /* that has it, for a person */
    int64_t timeout_ms;     /* until when the process has to have ended; 0: the one above */
    int64_t grace_ms;       /* from SIGTERM to SIGKILL then; 0: the one above */
};
LE_MUST enum le_err le_credentials_process(const struct le_source_world *world,
                                           const struct le_process_params *params,
                                           struct le_credential_source **out,
                                           struct le_setting_fault *fault);

/* STS, and the role whose credentials it is asked for. */
struct le_sts_params {
    const char *endpoint; /* "https://sts.eu-west-1.amazonaws.com" */
    const char *region;   /* that requests to it are signed for */
    struct le_span role_arn;
    struct le_span session_name; /* empty: one is made of the time */
};

/* A web identity: a token out of a file, which is read at each refresh, for whoever issues the
 * token replaces it. EKS's service accounts. */
struct le_web_identity_params {
    struct le_sts_params sts;
    struct le_span token_file;
};
LE_MUST enum le_err le_credentials_web_identity(const struct le_source_world *world,
                                                const struct le_web_identity_params *params,
                                                struct le_credential_source **out,
                                                struct le_setting_fault *fault);

/* A role that is taken on with another source's credentials. */
struct le_role_params {
    struct le_sts_params sts;
    struct le_span profile;     /* for the log: whose role it is */
    struct le_span external_id; /* absent: none */
    int64_t duration_s;         /* 0: the service's default, an hour */
};
/* Takes base, of any kind, which may be a role too, and destroys it on an error. It is refreshed
 * first when its credentials have come near their end; should that fail, they do as long as they
 * last. */
LE_MUST enum le_err le_credentials_role(const struct le_source_world *world,
                                        const struct le_role_params *params,
                                        struct le_credential_source *base,
                                        struct le_credential_source **out,
                                        struct le_setting_fault *fault);

/* IAM Identity Center: a role's credentials for the token that `aws sso login` has left in a file.
 * The file is read at each refresh, so that a later login is found. A token of an sso-session that
 * is near its end is renewed as the SDKs do, and written back into the file. */
struct le_sso_params {
    const char *endpoint; /* of the portal: "https://portal.sso.eu-west-1.amazonaws.com" */
    const char *oidc;     /* that renews: "https://oidc.eu-west-1.amazonaws.com"; used with session
                             only, for a token without one cannot be renewed */
    const char *cache;    /* the token's file */
    struct le_span start_url;
    struct le_span region; /* both for the file */
    struct le_span account_id;
    struct le_span role_name;
    struct le_span profile; /* whose login it is, for a person */
    struct le_span session; /* its sso_session; absent: it has none */
    int64_t pause_ms;       /* before another look at the file; 0: LE_SSO_PAUSE_MS */
};
LE_MUST enum le_err le_credentials_sso(const struct le_source_world *world,
                                       const struct le_sso_params *params,
                                       struct le_credential_source **out,
                                       struct le_setting_fault *fault);

#endif
