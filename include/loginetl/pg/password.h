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

/* What goes wrong for reasons that whoever makes them knows more of than the settings say. */
enum le_pg_advice {
    LE_PG_REFUSED,   /* the server does not take one */
    LE_PG_MISTAKEN,  /* it took it for a password that it knows itself (28P01) */
    LE_PG_NO_TLS,    /* it has none */
    LE_PG_UNTRUSTED, /* no authority vouches for it that we know, or we know none */
    LE_PG_MISNAMED,  /* its certificate is for another host */
    LE_PG_ADVICES
};

struct le_pg_passwords {
    /* Appends the password of a user on a server: the host's name as the settings have it, and the
     * port. Right before each attempt to connect. On an error the attempt has failed and another
     * one follows; *why then says what is missing, for a person, and stays valid until the next
     * call. LE_ERR_CREDENTIALS: whoever has the credentials tells of it. */
    LE_MUST enum le_err (*make)(void *self, const char *host, const char *port, const char *user,
                                struct le_buf *out, const char **why);
    void *self;
    const char *setting;               /* that asks for them: "--database-auth rds-iam" */
    const char *advice[LE_PG_ADVICES]; /* what to look at, for a person */
    /* A server has taken one: from then on a refusal may pass, for the service that looks at them
     * has limits of its own. Set by the connections. */
    bool taken;
    /* The last one was made by a clock that nobody has confirmed yet: a refusal may pass, too. Set
     * by make. */
    bool doubtful;
};

#endif
