/* The options as the program uses them: typed, and completed with what follows from one another. */
#ifndef LE_APP_SETTINGS_H
#define LE_APP_SETTINGS_H

#include "loginetl/app/option_table.h"
#include "loginetl/aws/credentials.h"
#include "loginetl/aws/endpoint.h"
#include "loginetl/aws/queue.h"
#include "loginetl/base/log.h"
#include "loginetl/login/field.h"
#include "loginetl/login/row.h"
#include "loginetl/pg/store.h"
#include "loginetl/pipeline/pipeline.h"
#include "loginetl/profile/place.h"
#include "loginetl/sqs/sigv4.h"

#define LE_ENDPOINT_MAX 512
#define LE_CA_FILE_MAX  1024
#define LE_SSO_PATH_MAX 1024

/* In the order of the option's choices. */
enum le_database_auth { LE_DATABASE_AUTH_PASSWORD, LE_DATABASE_AUTH_RDS_IAM };

struct le_settings {
    struct le_options options;
    enum le_command command;
    char **words; /* the command's: files, or FIELD=VALUE; argv's */
    int word_count;

    /* of commands that speak to the queue */
    struct le_profiles profiles;
    struct le_place place; /* where the profile sends requests; lent by the profiles as well */
    struct le_plan plan;   /* which source the credentials come from; lent by them too */
    char endpoint[LE_ENDPOINT_MAX];
    enum le_endpoint_source endpoint_source;
    char region[LE_REGION_MAX];
    bool region_by_profile; /* it is the profile's */
    bool region_made_up;    /* for a queue that is not AWS's: nobody has said one */
    char
        ca_file[LE_CA_FILE_MAX]; /* of certificates that https is verified with; "": the system's */
    struct le_instance_place instance;  /* lent by the environment and the profiles */
    char sts_endpoint[LE_ENDPOINT_MAX]; /* "": the plan asks nothing of it */
    char sts_region[LE_REGION_MAX];     /* that requests to it are signed for */
    bool aws; /* true credentials are wanted: the endpoint is AWS's own, or the database's password
                 is a token made with them */
    char sso_endpoint[LE_ENDPOINT_MAX]; /* "" unless the plan has SSO */
    char
        oidc_endpoint[LE_ENDPOINT_MAX]; /* that renews its token; "" unless it has an sso-session */
    char sso_cache[LE_SSO_PATH_MAX];    /* the file of the token that `aws sso login` gets */
    struct le_credential_source *credential_source; /* NULL: none are given */
    struct le_credentials credentials; /* then made up, which is enough for an emulator */

    bool password_unused; /* one is given for the database, which takes a token */
    enum le_envelope envelope;
    struct le_fields fields;
    enum le_mask_method mask;
    enum le_app_version app_version;
    bool on_reject_given; /* without it the queue's redrive policy decides */
    enum le_on_reject on_reject;
    enum le_log_level log_level;
    enum le_log_format log_format; /* auto is resolved: does a person see stderr? */
};

/* Which command, and which options the arguments give; no more, so that --help and --version work
 * under a broken configuration. LE_ERR_CONFIG with options.error set; LE_ERR_NOMEM. */
LE_MUST enum le_err le_settings_arguments(struct le_settings *settings, int argc, char **argv);
/* Environment, file and defaults; every value checked. */
LE_MUST enum le_err le_settings_values(struct le_settings *settings);
/* What follows from the values, for the command. */
LE_MUST enum le_err le_settings_complete(struct le_settings *settings);
/* Variables that look like ours and that nobody reads, in words for a person; meant: there is one
 * that nearly is it. See le_options_unknown_variables. */
void le_settings_unknown_variables(const struct le_settings *settings,
                                   void (*tell)(void *owner, const char *words, bool meant),
                                   void *owner);
void le_settings_free(struct le_settings *settings);

const char *le_command_word(enum le_command command);

static inline const char *le_setting(const struct le_settings *settings, enum le_opt opt)
{
    return le_option_text(&settings->options, opt);
}
static inline int64_t le_setting_number(const struct le_settings *settings, enum le_opt opt)
{
    return le_option_number(&settings->options, opt);
}
/* The database takes tokens; never for a command that does not use it. */
static inline bool le_setting_rds_iam(const struct le_settings *settings)
{
    return (settings->command & (LE_COMMAND_RUN | LE_COMMAND_CHECK)) != 0 &&
           le_setting_number(settings, LE_OPT_DATABASE_AUTH) == LE_DATABASE_AUTH_RDS_IAM;
}

#endif
