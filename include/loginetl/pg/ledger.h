/* The ledger's upkeep: daily partitions are made ahead of need and dropped past the window, rows of
 * the default partition that can no longer matter are deleted. Whichever worker comes first does
 * it, none needs to: a message of a day without a partition goes into the default one. So nothing
 * that fails here stops anything; it is logged and tried again later. */
#ifndef LE_PG_LEDGER_H
#define LE_PG_LEDGER_H

#include "loginetl/pg/conn.h"
#include "loginetl/pg/name.h"

#include <stdbool.h>
#include <stdint.h>

#define LE_LEDGER_WINDOW_MAX 15 /* days: SQS keeps a message for 14 at most */
#define LE_LEDGER_CHECK_MS   INT64_C(3600000)
#define LE_LEDGER_RETRY_MS   INT64_C(60000) /* when a lock was not to be had */
#define LE_LEDGER_DAYS_MAX   64

/* What `check` and the log say when this user cannot keep it up. Rows of the first of 1970 are of
 * messages without a time: nobody knows whether they can come again. */
#define LE_LEDGER_NEGLECTED                                                                           \
    "the ledger is another user's, or its schema lets nobody create tables: its daily partitions "    \
    "are not kept up, and it grows in the default partition; let its owner run loginetl now and "     \
    "then, or give it to this user (ALTER TABLE … OWNER TO, each partition too, and CREATE on the " \
    "schema), or let its owner's cron run: DELETE FROM loginetl_ledger WHERE sent_at BETWEEN "        \
    "'1970-01-02' AND now() - interval '15 days'"

struct le_ledger {
    /* in */
    const char *schema;
    int window_days;
    int64_t (*wall_ms)(void *self); /* a partition is dropped only when the server's clock and this
                                       one both say so */
    void *wall_self;
    /* From the loop, once for each le_ledger_start, unless the connection was lost. The connection
     * is as it was. */
    void (*done)(void *owner, struct le_pg_conn *conn);
    void *owner;

    /* out */
    int64_t next_ms; /* when to look again, from now */

    /* its own */
    bool warned;                       /* that it is somebody else's to keep */
    int64_t first_day, last_day;       /* partitions wanted, both included */
    int64_t drop_before, sweep_before; /* days */
    bool present[LE_LEDGER_DAYS_MAX];  /* from first_day on */
    int64_t drop[LE_LEDGER_DAYS_MAX];
    unsigned drop_count;
    bool sweep;  /* there is a default partition of our name */
    int64_t day; /* the next to look at */
    const char *doing;
};

/* Memory of earlier runs is kept in it: zero it once. */
void le_ledger_start(struct le_ledger *ledger, struct le_pg_conn *conn);

#endif
