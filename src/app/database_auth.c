#include "loginetl/app/database_auth.h"

#include "loginetl/aws/endpoint.h"
#include "loginetl/sqs/rds_token.h"

static enum le_err make_token(void *self, const char *host, const char *port, const char *user,
                              struct le_buf *out, const char **why)
{
    struct le_world *world = self;
    struct le_credentials credentials;
    enum le_err err = le_identity_credentials(world, &credentials);
    const char *failure = world->identity.failure;
    *why = failure[0] != '\0' ? failure : "waiting for AWS credentials to make its token with";
    if (err != LE_OK)
        return err;
    char region[LE_REGION_MAX]; /* the host's name says it, unless it is one that somebody gave */
    bool named = le_region_of_database(le_span_of(host), region);
    const struct le_rds_login login = {
        .region = le_span_of(named ? region : world->settings->region),
        .host = le_span_of(host),
        .port = le_span_of(port),
        .user = le_span_of(user),
    };
    err = le_rds_token(&login, &credentials, le_queue_wall_ms(world->queue), out);
    *why = le_err_text(err);
    return err;
}

struct le_pg_passwords *le_database_passwords(struct le_world *world)
{
    if (!le_setting_rds_iam(world->settings))
        return NULL;
    world->passwords = (struct le_pg_passwords){
        .make = make_token,
        .self = world,
        .setting = "--database-auth rds-iam",
        .advice =
            "GRANT rds_iam to the user, allow rds-db:connect on it in the IAM policy, and "
            "check that the host is the database's own endpoint, in its region (--region when "
            "the name does not say), and this machine's clock",
    };
    return &world->passwords;
}
