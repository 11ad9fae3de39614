#include "conn_internal.h"

#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/net/resolver.h"

#include <assert.h>
#include <string.h>

static void begin_host(struct le_pg_conn *conn);
static void begin_address(struct le_pg_conn *conn);

static void note_try(struct le_pg_conn *conn, const struct le_pg_failure *failure)
{
    conn->all_refused = conn->all_refused && failure->fatal;
    if (failure->fatal && conn->refusal.text[0] == '\0')
        conn->refusal = *failure;
}

/* A refusal says more than that another host is down, but is not final as long as that one may be
 * the right one: a standby that lags behind does not know a new database or password yet. */
static void lose_attempt(struct le_pg_conn *conn, struct le_pg_failure *failure)
{
    if (conn->refusal.text[0] != '\0')
        *failure = conn->refusal;
    failure->fatal = conn->all_refused;
    le_pg_conn_lose(conn, failure);
}

/* One of possibly many tries of an attempt failed: on to the next address or host, if there is one.
 * A server that refused us would do so at its other addresses, too; a certificate that we refuse
 * may be that of one address. */
static void try_next(struct le_pg_conn *conn, struct le_pg_failure *failure)
{
    bool refused = failure->fatal && failure->err != LE_ERR_TLS;
    bool more_addresses = !refused && conn->address + 1 < conn->address_count;
    bool more_hosts = conn->host + 1 < conn->config.info->host_count;
    note_try(conn, failure);
    if (!more_addresses && !more_hosts) {
        lose_attempt(conn, failure);
        return;
    }
    le_log(LE_LOG_DEBUG, "database_host_failed", LE_FI("connection", conn->config.number),
           LE_FS("text", failure->text));
    le_pg_conn_unwatch(conn);
    PQfinish(conn->pg);
    conn->pg = NULL;
    if (more_addresses) {
        conn->address++;
        begin_address(conn);
    } else {
        conn->host++;
        begin_host(conn);
    }
}

static void try_failed(struct le_pg_conn *conn)
{
    struct le_pg_failure failure;
    le_pg_conn_explain_attempt(conn, &failure);
    try_next(conn, &failure);
}

static void try_failed_with(struct le_pg_conn *conn, enum le_err err, const char *words)
{
    struct le_pg_failure failure;
    char place[LE_PG_PLACE_SIZE];
    le_pg_conn_place(conn, place);
    le_pg_failure_set(&failure, err, "%s: %s", place, words);
    try_next(conn, &failure);
}

/* ---- connecting to one address ---- */

/* Notices quote rows as errors do, so none is kept; only why the server is about to hang up is
 * worth knowing. */
static void on_notice(void *arg, const PGresult *result)
{
    struct le_pg_conn *conn = arg;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != NULL && strcmp(severity, "FATAL") == 0)
        le_pg_result_sqlstate(result, conn->notice_sqlstate);
}

/* libpq keeps it for as long as the connection, and has no more use for it. */
static void password_taken(struct le_pg_conn *conn)
{
    if (conn->config.passwords == NULL)
        return;
    conn->config.passwords->taken = true;
    char *kept = PQpass(conn->pg);
    if (kept != NULL && kept[0] != '\0')
        le_wipe(kept, strlen(kept));
}

static void connected(struct le_pg_conn *conn)
{
    password_taken(conn);
    if (PQsetnonblocking(conn->pg, 1) != 0 || le_pg_conn_watch(conn, UV_READABLE) != LE_OK) {
        try_failed_with(conn, LE_ERR_CONNECT, "cannot use the connection");
        return;
    }
    le_pg_conn_enter(conn, LE_PG_CONN_SETTING_UP);
    conn->config.up(conn->config.owner, conn);
}

static void wait_for(struct le_pg_conn *conn, int events)
{
    if (le_pg_conn_watch(conn, events) != LE_OK)
        try_failed_with(conn, LE_ERR_CONNECT, "cannot watch the connection");
}

void le_pg_conn_on_connect_event(struct le_pg_conn *conn)
{
    assert(conn->state == LE_PG_CONN_CONNECTING && conn->pg != NULL);
    /* The poll may change sockets, and the new one may have the old one's number: the watcher
     * always starts anew. */
    le_pg_conn_unwatch(conn);
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING: wait_for(conn, UV_READABLE); break;
    case PGRES_POLLING_WRITING: wait_for(conn, UV_WRITABLE); break;
    case PGRES_POLLING_OK: connected(conn); break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE: try_failed(conn); break;
    }
}

void le_pg_conn_on_connect_timeout(struct le_pg_conn *conn)
{
    if (conn->state == LE_PG_CONN_RESOLVING) {
        le_errand_cancel(conn->lookup);
        conn->lookup = NULL;
        try_failed_with(conn, LE_ERR_RESOLVE,
                        "the host name does not resolve in time: check the name servers");
        return;
    }
    assert(conn->state == LE_PG_CONN_CONNECTING);
    try_failed_with(conn, LE_ERR_TIMEOUT,
                    "no answer within connect_timeout: check --database-url and the network");
}

/* Nothing when the settings' own is meant. */
static enum le_err make_password(struct le_pg_conn *conn, struct le_buf *out, const char **why)
{
    const struct le_pg_passwords *passwords = conn->config.passwords;
    const struct le_conninfo *info = conn->config.info;
    const struct le_pg_host *host = &info->hosts[conn->host];
    if (passwords == NULL)
        return LE_OK;
    enum le_err err =
        passwords->make(passwords->self, host->host, host->port, info->user, out, why);
    if (err != LE_OK)
        return err;
    *why = le_err_text(LE_ERR_NOMEM);
    return le_buf_append(out, "", 1);
}

static enum le_err start(struct le_pg_conn *conn, const char **why)
{
    const char *address = conn->address_count > 0 ? conn->addresses[conn->address].text : NULL;
    struct le_buf password;
    le_buf_init(&password, LE_PG_PASSWORD_MAX);
    enum le_err err = make_password(conn, &password, why);
    if (err == LE_OK) {
        conn->pg = le_conninfo_start(conn->config.info, conn->host, address, password.data);
        *why = le_err_text(LE_ERR_NOMEM);
        err = conn->pg != NULL ? LE_OK : LE_ERR_NOMEM;
    }
    le_buf_free_secret(&password);
    return err;
}

static void begin_address(struct le_pg_conn *conn)
{
    assert(conn->pg == NULL && (conn->address_count == 0 || conn->address < conn->address_count));
    const char *why = "";
    le_pg_conn_enter(conn, LE_PG_CONN_CONNECTING);
    conn->notice_sqlstate[0] = '\0';
    enum le_err err = start(conn, &why);
    if (err != LE_OK) {
        try_failed_with(conn, err, why);
        return;
    }
    (void)PQsetNoticeReceiver(conn->pg, on_notice, conn); /* answers the old one */
    if (PQstatus(conn->pg) == CONNECTION_BAD) {
        try_failed(conn);
        return;
    }
    le_pg_conn_start_timer(conn, (uint64_t)conn->config.info->connect_timeout_ms);
    wait_for(conn, UV_WRITABLE); /* as libpq asks for, before the first PQconnectPoll */
}

/* ---- resolving one host ---- */

static void on_resolved(void *owner, enum le_err err, const struct le_address *addresses,
                        size_t count)
{
    struct le_pg_conn *conn = owner;
    assert(conn->state == LE_PG_CONN_RESOLVING && count <= LE_ADDRESSES_MAX);
    conn->lookup = NULL;
    if (err != LE_OK) {
        try_failed_with(conn, err, "the host name does not resolve: check --database-url");
        return;
    }
    memcpy(conn->addresses, addresses, count * sizeof *addresses);
    conn->address_count = count;
    begin_address(conn);
}

static void begin_host(struct le_pg_conn *conn)
{
    const struct le_pg_host *host = &conn->config.info->hosts[conn->host];
    conn->address_count = conn->address = 0;
    if (host->local || host->hostaddr[0] != '\0') {
        begin_address(conn);
        return;
    }
    le_pg_conn_enter(conn, LE_PG_CONN_RESOLVING);
    le_pg_conn_start_timer(conn, (uint64_t)conn->config.info->connect_timeout_ms);
    enum le_err err =
        le_resolve(conn->config.loop, host->host, host->port, on_resolved, conn, &conn->lookup);
    if (err != LE_OK)
        try_failed_with(conn, err, "the host name does not resolve: check --database-url");
}

void le_pg_conn_begin_attempt(struct le_pg_conn *conn)
{
    assert(conn->state == LE_PG_CONN_WAITING && conn->pg == NULL && conn->done == NULL);
    conn->host = 0;
    conn->refusal.text[0] = '\0';
    conn->all_refused = true;
    begin_host(conn);
}
