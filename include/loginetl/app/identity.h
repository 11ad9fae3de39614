/* Who signs the requests: credentials that are there from the start, or that a service gives out
 * and that are fetched anew while the program runs. */
#ifndef LE_APP_IDENTITY_H
#define LE_APP_IDENTITY_H

#include "loginetl/aws/credentials.h"
#include "loginetl/aws/refresh.h"

struct le_world;
struct le_settings;

#define LE_NO_CREDENTIALS                                                                      \
    "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile, " \
    "or run where a task's or an instance's role gives them"

/* Read when the source is opened, and never again. */
#define LE_CONTAINER_TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"

struct le_identity {
    struct le_credential_source *source; /* that is asked; NULL: the settings' own are enough */
    struct le_refresh *refresh;
    bool ready;            /* the queue's client has credentials */
    bool refused;          /* it has none, and none will come */
    int64_t expires_at_ms; /* of those that it has */
    char failure[400];     /* of the last refresh, for a person; "" when it went well */
    void (*changed)(void *owner);
    void *owner;
};

/* Would le_identity_open find something wrong with the settings, or no credentials for a service
 * that wants true ones? Nobody is asked. LE_ERR_CONFIG with options.error set; LE_ERR_NOMEM;
 * LE_ERR_SYSTEM. */
LE_MUST enum le_err le_identity_check(struct le_settings *settings);
/* There are no credentials, neither of the settings nor of a source, and the service wants some. */
bool le_identity_lacks(const struct le_settings *settings,
                       const struct le_credential_source *source);
/* Gives world's queue the credentials of the settings, or begins to ask for some. On failure one
 * line has been logged; LE_ERR_CONFIG: the settings are at fault, and nobody was asked. */
LE_MUST enum le_err le_identity_open(struct le_world *world);
/* Before the queue's client and the net are closed. */
void le_identity_close(struct le_identity *identity);
/* changed is called when credentials have come, or could not be had; it may close everything. One
 * waits at a time; NULL: nobody does. */
void le_identity_wait(struct le_identity *identity, void (*changed)(void *owner), void *owner);
/* A service says that they have expired. True: new ones are being fetched. */
LE_MUST bool le_identity_expired(struct le_identity *identity);

/* What to sign with now. The spans are the identity's, valid until the loop runs.
 * LE_ERR_CREDENTIALS: none have come yet, or they have expired and new ones are being fetched. */
LE_MUST enum le_err le_identity_credentials(struct le_world *world, struct le_credentials *out);

#endif
