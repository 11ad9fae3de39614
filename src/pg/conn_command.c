#include "conn_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 256 /* of one command; our longest has some forty statements */

bool le_pg_result_ok(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

void le_pg_result_sqlstate(const PGresult *result, char out[LE_SQLSTATE_SIZE])
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    (void)snprintf(out, LE_SQLSTATE_SIZE, "%s", sqlstate != NULL ? sqlstate : "");
}

size_t le_pg_result_rows(const PGresult *result)
{
    /* It only reads, whatever its type says. */
    return (size_t)strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
}

static void lose(struct le_pg_conn *conn)
{
    struct le_pg_failure failure;
    le_pg_conn_explain_loss(conn, &failure);
    le_pg_conn_lose(conn, &failure);
}

/* ---- sending ---- */

/* Readable is always watched: the server may need us to read before it reads on, and a connection
 * closed while idle shows itself that way. false: the connection is lost, or cannot be watched. */
static bool flush(struct le_pg_conn *conn)
{
    int rc = PQflush(conn->pg);
    if (rc < 0)
        return false;
    int events = rc > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE;
    return le_pg_conn_watch(conn, events) == LE_OK;
}

static void begin_command(struct le_pg_conn *conn, le_pg_result_fn *done, void *owner)
{
    assert(conn->state == LE_PG_CONN_SETTING_UP || conn->state == LE_PG_CONN_IDLE);
    assert(conn->done == NULL && conn->result == NULL && done != NULL);
    conn->done = done;
    conn->done_owner = owner;
    if (conn->state == LE_PG_CONN_IDLE)
        le_pg_conn_enter(conn, LE_PG_CONN_BUSY);
}

/* A failure is told from the loop: no command is answered from inside the call that sends it. */
static void after_send(struct le_pg_conn *conn, int sent)
{
    if (!sent || !flush(conn))
        le_pg_conn_start_timer(conn, 0);
}

void le_pg_conn_query(struct le_pg_conn *conn, const char *sql, le_pg_result_fn *done, void *owner)
{
    begin_command(conn, done, owner);
    after_send(conn, PQsendQuery(conn->pg, sql));
}

void le_pg_conn_query_params(struct le_pg_conn *conn, const char *sql,
                             const struct le_pg_params *params, le_pg_result_fn *done, void *owner)
{
    begin_command(conn, done, owner);
    after_send(conn, PQsendQueryParams(conn->pg, sql, (int)params->count, params->types,
                                       params->values, params->lengths, params->formats, 0));
}

void le_pg_conn_prepare(struct le_pg_conn *conn, const char *name, const char *sql,
                        const struct le_pg_params *params, le_pg_result_fn *done, void *owner)
{
    begin_command(conn, done, owner);
    after_send(conn, PQsendPrepare(conn->pg, name, sql, (int)params->count, params->types));
}

void le_pg_conn_execute(struct le_pg_conn *conn, const char *name,
                        const struct le_pg_params *params, le_pg_result_fn *done, void *owner)
{
    begin_command(conn, done, owner);
    after_send(conn, PQsendQueryPrepared(conn->pg, name, (int)params->count, params->values,
                                         params->lengths, params->formats, 0));
}

/* ---- reading ---- */

static void answer(struct le_pg_conn *conn, const PGresult *result)
{
    le_pg_result_fn *done = conn->done;
    conn->done = NULL;
    if (conn->state == LE_PG_CONN_BUSY)
        le_pg_conn_enter(conn, LE_PG_CONN_IDLE); /* before the call: it may send the next command */
    done(conn->done_owner, conn, result);
}

void le_pg_conn_answer_lost(struct le_pg_conn *conn)
{
    PQclear(conn->result);
    conn->result = NULL;
    if (conn->done != NULL)
        answer(conn, NULL);
}

/* An error stays: what comes behind it (libpq's own remarks on the connection) does not replace it.
 */
static void keep_result(struct le_pg_conn *conn, PGresult *result)
{
    if (conn->result != NULL && !le_pg_result_ok(conn->result)) {
        PQclear(result);
        return;
    }
    PQclear(conn->result);
    conn->result = result;
}

static void command_ended(struct le_pg_conn *conn)
{
    /* No result more, but is it the server that said so? Only an ended transaction has an outcome.
     */
    if (PQstatus(conn->pg) == CONNECTION_BAD || PQtransactionStatus(conn->pg) != PQTRANS_IDLE ||
        conn->result == NULL) {
        lose(conn);
        return;
    }
    PGresult *result = conn->result;
    conn->result = NULL;
    answer(conn, result);
    PQclear(result);
}

static bool is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

static void read_results(struct le_pg_conn *conn)
{
    for (int count = 0; count < RESULTS_MAX; count++) {
        if (PQisBusy(conn->pg))
            return;
        PGresult *result = PQgetResult(conn->pg);
        if (result == NULL) {
            command_ended(conn);
            return;
        }
        bool copy = is_copy(result);
        keep_result(conn, result);
        if (copy)
            break; /* nobody asked for one, and it would never end */
    }
    lose(conn);
}

void le_pg_conn_on_readable(struct le_pg_conn *conn)
{
    assert(conn->pg != NULL && conn->state >= LE_PG_CONN_SETTING_UP &&
           conn->state <= LE_PG_CONN_BUSY);
    bool alive = PQconsumeInput(conn->pg) != 0 && flush(conn);
    if (conn->done != NULL && alive)
        read_results(conn);
    else if (!alive) /* what was read before the end may still say why */
        lose(conn);
    else
        (void)PQisBusy(conn->pg); /* takes what came unasked: parameters, notices */
}
