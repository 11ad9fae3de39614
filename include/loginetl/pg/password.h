/* Passwords that are made anew for each connection, by somebody who knows how: a service's tokens.
 * They are secrets, are sent over TLS only, and are wiped where they stood once the server has
 * them.
 */
#ifndef LE_PG_PASSWORD_H
#define LE_PG_PASSWORD_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"

#include <stdbool.h>

#define LE_PG_PASSWORD_MAX (32 * 1024)

struct le_pg_passwords {
    /* Appends the password of a user on a server: the host's name as the settings have it, and the
     * port. Right before each attempt to connect. On an error the attempt has failed and another
     * one follows; *why then says what is missing, for a person, and stays valid until the next
     * call. LE_ERR_CREDENTIALS: whoever has the credentials tells of it. */
    LE_MUST enum le_err (*make)(void *self, const char *host, const char *port, const char *user,
                                struct le_buf *out, const char **why);
    void *self;
    const char *setting; /* that asks for them: "--database-auth rds-iam" */
    const char *advice;  /* what to look at when a server refuses one */
    /* A server has taken one: from then on a refusal may pass, for the service that looks at them
     * has limits of its own. Set by the connections. */
    bool taken;
};

#endif
