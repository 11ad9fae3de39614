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
    /* The queue's answer corrects the clock, and may come after the first attempt. */
    world->passwords.doubtful = !le_queue_wall_is_known(world->queue);
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
        .advice = {[LE_PG_REFUSED] =
                       "allow rds-db:connect on the user in the IAM policy, and check that the "
                       "host is the database's own endpoint, in its region (--region when the name "
                       "does not say), that IAM authentication is on there, and this machine's "
                       "clock",
                   [LE_PG_MISTAKEN] =
                       "it was taken for a password of the user's own: GRANT rds_iam to the user, "
                       "and check the user and the host in --database-url",
                   [LE_PG_NO_TLS] = "a token goes over TLS only, which RDS always has: check the "
                                    "host and port in --database-url",
                   [LE_PG_UNTRUSTED] = "sslrootcert must name the certificates that AWS publishes "
                                       "for RDS (global-bundle.pem); check this machine's clock "
                                       "too",
                   [LE_PG_MISNAMED] = "host in --database-url must be the database's own endpoint; "
                                      "where another name or a tunnel leads to it, hostaddr= says "
                                      "the address"},
    };
    return &world->passwords;
}
