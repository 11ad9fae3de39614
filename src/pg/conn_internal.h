/* What the files of the connection share: its life (conn.c), attempts to connect (conn_connect.c),
 * commands (conn_command.c). */
#ifndef LE_PG_CONN_INTERNAL_H
#define LE_PG_CONN_INTERNAL_H

#include "loginetl/base/backoff.h"
#include "loginetl/net/resolver.h"
#include "loginetl/pg/conn.h"

struct le_pg_conn {
    struct le_pg_conn_config config;
    enum le_pg_conn_state state;
    PGconn *pg;
    uv_timer_t timer; /* WAITING: the next attempt; RESOLVING, CONNECTING: the deadline; else a
                         deferred loss */
    bool timer_closed;

    uv_poll_t *poll; /* on the heap, because a closed one lives on until its callback */
    int poll_events; /* 0: not watching */
    unsigned polls_closing;

    /* The attempt: one address of one host after the other. */
    struct le_errand *lookup;
    size_t host;
    struct le_address addresses[LE_ADDRESSES_MAX];
    size_t address_count; /* 0: a local host, or one with hostaddr */
    size_t address;
    struct le_pg_failure refusal; /* the first host's that refused us for good; its text is "" while
                                     there is none */
    bool all_refused;             /* every host that was tried did */
    struct le_backoff backoff;
    uint64_t up_since_ms; /* the loop's clock; 0 while not connected */

    /* The command. */
    le_pg_result_fn *done; /* NULL: none under way */
    void *done_owner;
    PGresult *result;
    char notice_sqlstate[LE_SQLSTATE_SIZE]; /* of a FATAL that came unasked */
};

/* The one setter of the state: stops what belongs to the old one. */
void le_pg_conn_enter(struct le_pg_conn *conn, enum le_pg_conn_state state);
/* Ends connection or attempt with a reason, whatever was under way. */
void le_pg_conn_lose(struct le_pg_conn *conn, struct le_pg_failure *failure);
void le_pg_conn_start_timer(struct le_pg_conn *conn, uint64_t ms);

/* Watches the socket of the moment for events. */
LE_MUST enum le_err le_pg_conn_watch(struct le_pg_conn *conn, int events);
/* To be called before libpq may close the socket: its number can come back at once as another
 * socket, and a watcher that is stopped or closed later would take that one out of the loop. */
void le_pg_conn_unwatch(struct le_pg_conn *conn);

/* conn_connect.c */
void le_pg_conn_begin_attempt(struct le_pg_conn *conn);
void le_pg_conn_on_connect_event(struct le_pg_conn *conn);
void le_pg_conn_on_connect_timeout(struct le_pg_conn *conn); /* RESOLVING, CONNECTING */

/* conn_failure.c */
void le_pg_failure_set(struct le_pg_failure *failure, enum le_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "db.example:5432", or the socket's path. */
#define LE_PG_PLACE_SIZE 160
void le_pg_conn_place(const struct le_pg_conn *conn, char out[LE_PG_PLACE_SIZE]);
/* Why the attempt failed, from what libpq left in the connection. */
void le_pg_conn_explain_attempt(const struct le_pg_conn *conn, struct le_pg_failure *failure);
/* Why an established connection was lost. */
void le_pg_conn_explain_loss(const struct le_pg_conn *conn, struct le_pg_failure *failure);

/* conn_command.c */
void le_pg_conn_on_readable(struct le_pg_conn *conn);
void le_pg_conn_answer_lost(struct le_pg_conn *conn);

#endif
