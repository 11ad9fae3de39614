/* What the database holds: the catalogue, asked without blocking. Changes nothing. */
#ifndef LE_PG_INSPECT_H
#define LE_PG_INSPECT_H

#include "loginetl/login/field.h"
#include "loginetl/pg/conn.h"
#include "loginetl/pg/name.h"
#include "loginetl/pg/store.h"

#include <stdbool.h>
#include <stddef.h>

#define LE_SERVER_VERSION_MIN \
    110000 /* partitioned tables with primary keys and default partitions */

struct le_inspect {
    /* in */
    const struct le_pg_name *name; /* of the target, as the user gave it */
    const struct le_fields *wanted;
    size_t mask_chars; /* 0: not to be checked */
    /* NULL failure: the report is complete. The connection may be dropped or used from here. */
    void (*done)(void *owner, struct le_pg_conn *conn, const struct le_pg_failure *failure);
    void *owner;

    /* out */
    struct le_store_report report;
    bool ledger_fits;             /* it has the key that recognises duplicates */
    char schema[LE_PG_NAME_SIZE]; /* where the table stands, or would be created; "" when there is
                                     no such schema */
    char table[LE_PG_NAME_SIZE];
    struct le_fields found;   /* wanted, with the types and lengths of the columns that there are */
    bool seen[LE_FIELDS_MAX]; /* the field's column is there */
};

/* in is filled; the connection is SETTING_UP or IDLE, and stays the caller's. */
void le_inspect_start(struct le_inspect *inspect, struct le_pg_conn *conn);

#endif
