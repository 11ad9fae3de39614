/* Where and how to connect: a libpq URI or key=value string, completed as libpq itself completes it
 * (PG* variables, service files, built-in defaults), and taken apart into hosts, because libpq
 * would resolve names and wait for silent hosts in its own, blocking way. */
#ifndef LE_PG_CONNINFO_H
#define LE_PG_CONNINFO_H

#include "loginetl/base/error.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LE_CONNINFO_HOSTS_MAX     16
#define LE_CONNECT_TIMEOUT_MS     INT64_C(10000)   /* unless connect_timeout says otherwise */
#define LE_CONNECT_TIMEOUT_MAX_MS INT64_C(3600000) /* also for connect_timeout=0, "for ever" */

struct le_pg_host {
    char *host; /* a name, an address, a socket's directory, or "" when there is only hostaddr */
    char *hostaddr; /* as the user gave it; "" when the name is to be resolved */
    char port[6];
    bool local; /* a unix socket: nothing to resolve */
};

struct le_conninfo {
    char *url; /* NULL: PG* alone */
    struct le_pg_host hosts[LE_CONNINFO_HOSTS_MAX];
    size_t host_count; /* >= 1 */
    char *user;        /* whom libpq signs in; "" when nothing says */
    bool password;     /* one is given, in the URL or as PGPASSWORD */
    bool tls_optional; /* sslmode is prefer, which is also what it is when nobody says */
    bool tls_avoided;  /* sslmode is disable or allow */
    int64_t connect_timeout_ms;
    bool read_write; /* several hosts and no wish of the user's: find the one that takes writes */
    /* What the user left open and we set. */
    bool set_keepalives_idle, set_keepalives_interval, set_keepalives_count, set_tcp_user_timeout;
    char why[160]; /* room for what le_conninfo_parse says of a name; le_conninfo_free leaves it */
};

/* LE_ERR_CONFIG: malformed, or a value that libpq refuses; *why then names what is wrong, for a
 * person: a fixed text, or out's. So is a URL in which a piece of the password would be taken for a
 * host, and a host that cannot be one: every host that is left may be shown. LE_ERR_NOMEM. On an
 * error there is nothing to free. */
LE_MUST enum le_err le_conninfo_parse(const char *url, struct le_conninfo *out, const char **why);
void le_conninfo_free(struct le_conninfo *info);

/* Why no password can be made for each connection: TLS is not wanted, or there is a host without a
 * name, or no user. For a person; NULL when one can. */
const char *le_conninfo_password_fault(const struct le_conninfo *info);

/* Begins connecting to one host without blocking. address: what the resolver said, or NULL for a
 * local host or one with hostaddr. password: the one for this connection, which then takes TLS or
 * is not made; NULL: the settings'. NULL: no memory. Errors are told by SQLSTATE
 * (le_sqlstate_find). The caller's to PQfinish. */
LE_MUST PGconn *le_conninfo_start(const struct le_conninfo *info, size_t host, const char *address,
                                  const char *password);

#endif
