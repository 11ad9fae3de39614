/* One connection to PostgreSQL on the loop: it connects, runs one command at a time, and when it is
 * lost connects again, for ever, until closed or refused for good. Nothing in it blocks. */
#ifndef LE_PG_CONN_H
#define LE_PG_CONN_H

#include "loginetl/base/error.h"
#include "loginetl/base/rng.h"
#include "loginetl/pg/conninfo.h"
#include "loginetl/pg/password.h"
#include "loginetl/pg/sqlstate.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define LE_PG_RETRY_BASE_MS 100
#define LE_PG_RETRY_MAX_MS  10000

#define LE_PG_CONN_STATES(X)                                                                \
    X(WAITING, "waiting")       /* for the time of the next attempt */                      \
    X(RESOLVING, "resolving")   /* a host's name */                                         \
    X(CONNECTING, "connecting") /* to one address: TCP, TLS, password */                    \
    X(SETTING_UP, "setting_up") /* connected; the owner's commands before it can be used */ \
    X(IDLE, "idle")             /* takes a command */                                       \
    X(BUSY, "busy")             /* a command is under way */                                \
    X(STOPPED, "stopped")       /* refused for good */                                      \
    X(CLOSED, "closed")         /* by its owner */

enum le_pg_conn_state {
#define X(name, word) LE_PG_CONN_##name,
    LE_PG_CONN_STATES(X)
#undef X
};

/* Why an attempt or a connection ended. */
struct le_pg_failure {
    enum le_err err;
    bool fatal; /* trying again will not help: the connection is STOPPED */
    char sqlstate[LE_SQLSTATE_SIZE];
    char text[512];   /* for a person, our words: host, port, what to check */
    int64_t retry_ms; /* when the next attempt begins, unless fatal */
};

struct le_pg_conn;

struct le_pg_conn_config {
    uv_loop_t *loop;
    const struct le_conninfo *info;    /* outlives the connection */
    struct le_pg_passwords *passwords; /* NULL: the settings' own; outlives the connection */
    const bool *reached; /* one of its owner's was up before; outlives the connection */
    struct le_rng *rng;  /* jitter; outlives the connection */
    unsigned number;     /* for the log */
    /* Connected: SETTING_UP. The owner sends its first commands, and then calls
     * le_pg_conn_set_ready. */
    void (*up)(void *owner, struct le_pg_conn *conn);
    /* An attempt failed, or an established connection was lost (a command under way has been
     * answered with NULL before). */
    void (*down)(void *owner, struct le_pg_conn *conn, const struct le_pg_failure *failure);
    /* After le_pg_conn_close, from the loop: the memory is about to go. */
    void (*closed)(void *owner);
    void *owner;
};

/* The answer of a command: its result, or the first error among its results; NULL when the
 * connection was lost, and then the outcome is unknown. It is read only when the server has said
 * that the transaction has ended (ReadyForQuery), because an error at COMMIT comes after a
 * statement's own success. Valid during the call; the next command may be sent from here. */
typedef void le_pg_result_fn(void *owner, struct le_pg_conn *conn, const PGresult *result);

/* WAITING, and nothing happens before le_pg_conn_start. NULL: no memory. */
LE_MUST struct le_pg_conn *le_pg_conn_new(const struct le_pg_conn_config *config);
/* Once: the first attempt begins on the loop's next turn. */
void le_pg_conn_start(struct le_pg_conn *conn);
/* A command under way is answered with NULL from inside. */
void le_pg_conn_close(struct le_pg_conn *conn);

enum le_pg_conn_state le_pg_conn_state(const struct le_pg_conn *conn);
unsigned le_pg_conn_number(const struct le_pg_conn *conn);
int le_pg_conn_server_version(const struct le_pg_conn *conn);
bool le_pg_conn_tls(const struct le_pg_conn *conn);
/* What the server reports of itself without being asked: version 14 and later, false before. */
bool le_pg_conn_read_only(const struct le_pg_conn *conn);

/* SETTING_UP -> IDLE. */
void le_pg_conn_set_ready(struct le_pg_conn *conn);
/* The last command was of use: the next failure is waited for from the start again. */
void le_pg_conn_praise(struct le_pg_conn *conn);
/* The owner finds the connection unfit: closes it and connects again later, or stops for good when
 * failure says so. */
void le_pg_conn_drop(struct le_pg_conn *conn, const struct le_pg_failure *failure);

/* Commands. SETTING_UP or IDLE, with none under way (asserted); done is called exactly once, never
 * from inside. What they take is copied before they return. */
void le_pg_conn_query(struct le_pg_conn *conn, const char *sql, le_pg_result_fn *done, void *owner);

struct le_pg_params {
    size_t count;
    const Oid *types;
    const char *const *values;
    const int *lengths;
    const int *formats;
};
/* Values in text form when formats is NULL; answers come as text. */
void le_pg_conn_query_params(struct le_pg_conn *conn, const char *sql,
                             const struct le_pg_params *params, le_pg_result_fn *done, void *owner);
void le_pg_conn_prepare(struct le_pg_conn *conn, const char *name, const char *sql,
                        const struct le_pg_params *params, le_pg_result_fn *done, void *owner);
void le_pg_conn_execute(struct le_pg_conn *conn, const char *name,
                        const struct le_pg_params *params, le_pg_result_fn *done, void *owner);

/* The SQLSTATE of a failed result, "" when it has none (libpq's own failure). */
void le_pg_result_sqlstate(const PGresult *result, char out[LE_SQLSTATE_SIZE]);
bool le_pg_result_ok(const PGresult *result);
/* How many rows the command stored, by its own count. */
size_t le_pg_result_rows(const PGresult *result);
/* A failure that a result's SQLSTATE explains; what names the command: "the catalogue". */
void le_pg_failure_of(struct le_pg_failure *failure, const char *sqlstate, const char *what);

#endif
