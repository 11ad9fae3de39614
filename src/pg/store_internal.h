/* What the files of the store share: its life and port (store.c), finding out and creating
 * (store_start.c), statements (store_submit.c). */
#ifndef LE_PG_STORE_INTERNAL_H
#define LE_PG_STORE_INTERNAL_H

#include "loginetl/base/buf.h"
#include "loginetl/pg/arrays.h"
#include "loginetl/pg/conn.h"
#include "loginetl/pg/inspect.h"
#include "loginetl/pg/ledger.h"
#include "loginetl/pg/name.h"
#include "loginetl/pg/statement.h"
#include "loginetl/pg/store.h"

#define LE_STORE_LANES_MAX     32
#define LE_STATEMENT_NAME_SIZE 48

/* One connection and what it is doing for us. */
struct le_lane {
    struct le_store *store;
    struct le_pg_conn *conn; /* NULL once it is closed */
    struct le_submit_op *op; /* the submission under way */
    bool resent;             /* it was sent a second time, after preparing again */
    bool deferred;           /* its outcome is known and waits for the loop */
    bool upkeep;             /* the connection keeps up the ledger */
    unsigned prepared;       /* statements prepared in this session; each has a name of its own */
    char statement[LE_STATEMENT_NAME_SIZE];
};

struct le_store {
    struct le_store_config config;
    struct le_pg_name name;
    struct le_conninfo info;
    struct le_rng rng;
    struct le_fields wanted; /* as given: the catalogue's types go into config.fields */
    struct le_lane lanes[LE_STORE_LANES_MAX];
    unsigned lanes_open; /* connections that have not been closed */

    /* Start. */
    struct le_inspect inspect;
    unsigned creations;
    bool reached; /* there was a connection */
    bool known;   /* the tables are there and fit, or (LOOK) have been looked at */
    bool ready_told, others_started, failed, closing;

    /* The statement. */
    struct le_buf sql;
    enum le_statement_kind kind;
    struct le_arrays arrays; /* shared: libpq copies what it sends */
    uint64_t statement_hash; /* of text and types, for the prepared statement's name */
    bool unprepared;         /* a pooler loses prepared statements */

    struct le_ledger ledger;
    bool upkeep_due;
    uv_timer_t upkeep_timer;
    uv_timer_t defer_timer;
    unsigned timers_open;

    char last_failure[512];
    unsigned failures;
    char told_sqlstate[LE_SQLSTATE_SIZE]; /* why statements fail, and when that was told */
    uint64_t told_ms;
};

/* store.c */
void le_store_tell_changed(struct le_store *store);
/* The lane's connection is set up. */
void le_store_lane_ready(struct le_lane *lane);
/* Nothing will do: told once. */
void le_store_fail(struct le_store *store);
/* A lane has nothing to do: the ledger's upkeep goes first when it is due. */
void le_store_lane_free(struct le_lane *lane);

/* store_start.c: on a fresh connection, while nothing is known of the tables */
void le_store_start_on(struct le_lane *lane);

/* store_submit.c */
void le_store_prepare(struct le_lane *lane);
void le_store_submit(struct le_store *store, struct le_submit_op *op);
/* The submission under way ends with RETRY: nobody knows what became of it. */
void le_store_give_up(struct le_lane *lane, enum le_err err);

#endif
