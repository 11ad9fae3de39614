#include "conn_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void le_pg_failure_set(struct le_pg_failure *failure, enum le_err err, const char *format, ...)
{
    assert(failure != NULL && err != LE_OK);
    memset(failure, 0, sizeof *failure);
    failure->err = err;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(failure->text, sizeof failure->text, format,
                    args); /* a cut text is still one */
    va_end(args);
}

void le_pg_failure_of(struct le_pg_failure *failure, const char *sqlstate, const char *what)
{
    const char *words = le_sqlstate_words(sqlstate);
    bool fatal = le_sqlstate_class(sqlstate) == LE_SQLSTATE_FATAL;
    enum le_err err = fatal ? LE_ERR_DATABASE_FATAL : LE_ERR_DATABASE;
    if (sqlstate[0] != '\0')
        le_pg_failure_set(failure, err, "%s: %s (SQLSTATE %s)", what, words, sqlstate);
    else
        le_pg_failure_set(failure, err, "%s: the connection failed", what);
    failure->fatal = fatal;
    memcpy(failure->sqlstate, sqlstate, strlen(sqlstate) + 1);
}

void le_pg_conn_place(const struct le_pg_conn *conn, char out[LE_PG_PLACE_SIZE])
{
    const struct le_pg_host *host = &conn->config.info->hosts[conn->host];
    const char *name = host->host[0] != '\0' ? host->host : host->hostaddr;
    if (host->local && name[0] == '\0')
        (void)snprintf(out, LE_PG_PLACE_SIZE, "the local socket of port %s", host->port);
    else if (host->local)
        (void)snprintf(out, LE_PG_PLACE_SIZE, "%s/.s.PGSQL.%s", name, host->port);
    else
        (void)snprintf(out, LE_PG_PLACE_SIZE, strchr(name, ':') != NULL ? "[%s]:%s" : "%s:%s", name,
                       host->port);
}

/* libpq tells failures before the server's first word only as text. It is looked at, never shown.
 */
struct sign {
    const char *needle;
    enum le_err err;
    const char *words;        /* behind "host:port: " */
    const char *mend;         /* behind them, what to do; NULL: they say it themselves */
    enum le_pg_advice advice; /* instead of it, where passwords are made */
    bool certain;             /* somebody must mend it */
};

#define REFUSED   "Connection refused"
#define NO_SOCKET "No such file"

static const struct sign signs[] = {
    {"Too many open files", LE_ERR_CONNECT,
     .words = "too many files are open; raise the limit (ulimit -n, LimitNOFILE=)"},
    {"does not support SSL", LE_ERR_TLS, "the server does not offer TLS",
     "turn it on there (ssl = on), or check sslmode", LE_PG_NO_TLS, true},
    {"SSL SYSCALL", LE_ERR_CLOSED, .words = "the connection was lost in the TLS handshake"},
    {"does not match host name", LE_ERR_TLS,
     "TLS failed: the server's certificate is for another host",
     "check the host in --database-url; sslmode=verify-ca does not look at it", LE_PG_MISNAMED,
     true},
    {"certificate verify failed", LE_ERR_TLS,
     "TLS failed: no authority in sslrootcert vouches for the server's certificate, or it is not "
     "valid at this time",
     "check sslrootcert, the certificate and this machine's clock", LE_PG_UNTRUSTED, true},
    {"\"system\" does not exist", LE_ERR_TLS,
     "TLS failed: sslrootcert=system needs libpq 16 or later",
     "name the system's file instead, such as /etc/ssl/certs/ca-certificates.crt", LE_PG_UNTRUSTED,
     true},
    {"root certificate file", LE_ERR_TLS,
     "TLS failed: sslrootcert names no file of certificates in PEM that can be read",
     "without it libpq reads ~/.postgresql/root.crt", LE_PG_UNTRUSTED, true},
    {"private key file", LE_ERR_TLS,
     .words =
         "TLS failed: sslkey names no private key of sslcert's that can be used: check the file, "
         "and that nobody else may read it (chmod 600)",
     .certain = true},
    {"certificate file", LE_ERR_TLS,
     .words = "TLS failed: sslcert names no certificate in PEM that can be read", .certain = true},
    {"host name must be specified", LE_ERR_TLS,
     .words = "TLS failed: no host is named that the server's certificate could be for: give host= "
              "beside hostaddr=, or sslmode=verify-ca, which does not look at it",
     .certain = true},
    {" alert ", LE_ERR_TLS,
     .words =
         "TLS failed: the server refused the handshake: check sslcert and sslkey, if it wants a "
         "client certificate, and ssl_min_protocol_version"},
    {"SSL", LE_ERR_TLS,
     .words = "TLS failed: check sslmode, sslrootcert and the server's certificate"},
    {"certificate", LE_ERR_TLS,
     .words = "TLS failed: check sslmode, sslrootcert and the server's certificate"},
    {"GSS", LE_ERR_CONNECT,
     .words = "GSSAPI failed: check gssencmode and the Kerberos credentials"},
    {REFUSED, LE_ERR_CONNECT,
     .words = "connection refused: is PostgreSQL running there? check --database-url"},
    {NO_SOCKET, LE_ERR_CONNECT,
     .words = "no such socket: is PostgreSQL running here? check --database-url"},
    {"Permission denied", LE_ERR_CONNECT,
     .words = "the socket may not be used: check its permissions"},
    {"unreachable", LE_ERR_CONNECT,
     .words = "the host cannot be reached: check --database-url and the network"},
    {"No route to host", LE_ERR_CONNECT,
     .words = "the host cannot be reached: check --database-url and the network"},
    {"timed out", LE_ERR_TIMEOUT,
     .words = "no answer in time: check --database-url and the network"},
    {"read-only", LE_ERR_DATABASE,
     .words = "the server is read-only, and target_session_attrs wants another"},
    {"hot standby", LE_ERR_DATABASE,
     .words = "the server is not of the kind that target_session_attrs wants"},
    {"not read", LE_ERR_DATABASE,
     .words = "the server is not of the kind that target_session_attrs wants"},
    {"channel binding", LE_ERR_TLS,
     .words = "channel binding failed: check channel_binding and sslmode"},
    {"closed the connection", LE_ERR_CLOSED, .words = "the server closed the connection"},
    {"Connection reset", LE_ERR_CLOSED, .words = "the connection was reset"},
};

static const struct sign other_sign = {"", LE_ERR_CONNECT,
                                       .words = "cannot connect: check --database-url"};

static const struct sign *find_sign(const char *text)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strstr(text, signs[i].needle) != NULL)
            return &signs[i];
    }
    return &other_sign;
}

/* Neither the settings nor the PG* variables say where the database is. */
static bool is_told_nothing(const struct le_pg_conn *conn)
{
    const struct le_conninfo *info = conn->config.info;
    const struct le_pg_host *host = &info->hosts[conn->host];
    return info->url == NULL && host->local && host->host[0] == '\0';
}

static bool finds_nobody(const struct sign *sign)
{
    return strcmp(sign->needle, REFUSED) == 0 || strcmp(sign->needle, NO_SOCKET) == 0;
}

static void explain_sign(const struct le_pg_conn *conn, const char *place, const struct sign *sign,
                         struct le_pg_failure *failure)
{
    const struct le_pg_passwords *passwords = conn->config.passwords;
    const char *mend = sign->mend;
    if (mend != NULL && passwords != NULL)
        mend = passwords->advice[sign->advice];
    if (finds_nobody(sign) && is_told_nothing(conn))
        le_pg_failure_set(failure, sign->err,
                          "none of --database-url, DATABASE_URL and PGHOST is set, and no server "
                          "answers at %s",
                          place);
    else
        le_pg_failure_set(failure, sign->err, "%s: %s%s%s", place, sign->words,
                          mend != NULL ? ": " : "", mend != NULL ? mend : "");
    /* Once it has been well, it is for others to mend, and a service waits for them. */
    failure->fatal = sign->certain && !*conn->config.reached;
}

/* It was made for this attempt, so that the settings have nothing wrong in them. */
static void explain_password(const struct le_pg_passwords *passwords, const char *place,
                             const char *sqlstate, struct le_pg_failure *failure)
{
    enum le_pg_advice advice = strcmp(sqlstate, "28P01") == 0 ? LE_PG_MISTAKEN : LE_PG_REFUSED;
    le_pg_failure_set(failure, LE_ERR_DATABASE_FATAL,
                      "%s: the server refused the password that %s made (SQLSTATE %s): %s", place,
                      passwords->setting, sqlstate, passwords->advice[advice]);
    memcpy(failure->sqlstate, sqlstate, strlen(sqlstate) + 1);
    failure->fatal = !passwords->taken && !passwords->doubtful;
    if (!failure->fatal)
        failure->err = LE_ERR_DATABASE;
}

void le_pg_conn_explain_attempt(const struct le_pg_conn *conn, struct le_pg_failure *failure)
{
    char place[LE_PG_PLACE_SIZE];
    char sqlstate[LE_SQLSTATE_SIZE];
    const char *text = PQerrorMessage(conn->pg);
    le_pg_conn_place(conn, place);
    bool known = le_sqlstate_find(text, sqlstate);
    if (known && strncmp(sqlstate, "28", 2) == 0 && conn->config.passwords != NULL) {
        explain_password(conn->config.passwords, place, sqlstate, failure);
    } else if (known) {
        le_pg_failure_of(failure, sqlstate, place);
    } else if (PQconnectionNeedsPassword(conn->pg)) {
        le_pg_failure_set(
            failure, LE_ERR_DATABASE_FATAL,
            "%s: the server asks for a password: give it in --database-url or PGPASSWORD", place);
        failure->fatal = true;
    } else if (strncmp(text, "invalid ", strlen("invalid ")) == 0) {
        le_pg_failure_set(failure, LE_ERR_CONFIG,
                          "libpq refuses a setting of the connection: check --database-url");
        failure->fatal = true;
    } else {
        explain_sign(conn, place, find_sign(text), failure);
    }
}

void le_pg_conn_explain_loss(const struct le_pg_conn *conn, struct le_pg_failure *failure)
{
    char place[LE_PG_PLACE_SIZE];
    char sqlstate[LE_SQLSTATE_SIZE] = "";
    le_pg_conn_place(conn, place);
    if (conn->result != NULL && !le_pg_result_ok(conn->result))
        le_pg_result_sqlstate(conn->result, sqlstate);
    if (sqlstate[0] == '\0')
        memcpy(sqlstate, conn->notice_sqlstate, sizeof sqlstate);
    if (sqlstate[0] == '\0')
        le_pg_failure_set(failure, LE_ERR_CLOSED, "%s: the connection was lost", place);
    else
        le_pg_failure_of(failure, sqlstate, place);
    failure->fatal = false; /* whether it still holds, the next attempt will tell */
    failure->err = LE_ERR_CLOSED;
}
