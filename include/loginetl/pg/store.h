/* PostgreSQL behind the pipeline's store port: nonblocking libpq connections on uv. */
#ifndef LE_PG_STORE_H
#define LE_PG_STORE_H

#include "loginetl/base/error.h"
#include "loginetl/login/field.h"
#include "loginetl/pg/password.h"
#include "loginetl/pipeline/ports.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct le_store;

enum le_schema_mode {
    LE_SCHEMA_CREATE,  /* what is missing is created, by whichever worker comes first */
    LE_SCHEMA_REQUIRE, /* what is missing is fatal, and the DDL is told */
    LE_SCHEMA_LOOK     /* `check`: looks, changes nothing, reports */
};

struct le_store_config {
    uv_loop_t *loop;
    const char *database_url;          /* libpq URI or key=value string; NULL: PG* variables */
    struct le_pg_passwords *passwords; /* see pg/password.h; NULL: the settings' own; outlives it */
    /* May be schema-qualified; a name as a person would type it (quoted parts allowed). */
    const char *table;
    /* Column types and lengths are set from the catalogue before `ready`; LOOK leaves them. */
    struct le_fields *fields;
    unsigned connections;
    unsigned batch_rows; /* buffers are made for it */
    bool ledger;
    int window_days;   /* 1 … 15 */
    size_t mask_chars; /* le_mask_chars of the method: a shorter column is a misfit; 0: unchecked */
    enum le_schema_mode schema;
    uint64_t seed; /* jitter */
    int64_t (*wall_ms)(void *self);
    void *self;
    /* The store's state changed: a connection became idle, or went away. The pipeline is to be
     * turned. */
    void (*changed)(void *owner);
    /* Once, when schema and types are known and the first connection is ready. */
    void (*ready)(void *owner);
    /* Nothing will do until a person changes something; logged already. err: DATABASE_FATAL. At
     * most once. */
    void (*failed)(void *owner, enum le_err err);
    void *owner;
};

/* Starts connecting on the next turn of the loop. LE_ERR_CONFIG: the URL or the table's name is
 * malformed. */
LE_MUST enum le_err le_store_new(const struct le_store_config *config, struct le_store **out);
/* Every submission under way is done with LE_STORE_RETRY first. Freed after the loop has run its
 * close callbacks. */
void le_store_close(struct le_store *store);
struct le_store_port le_store_port(struct le_store *store);

/* What the last attempt to connect ended with, for a person: "user or password refused: check
 * --database-url or PGPASSWORD (SQLSTATE 28P01)". Never a server's text. "" when all is well. */
const char *le_store_last_failure(const struct le_store *store);
unsigned le_store_failures_in_a_row(const struct le_store *store);

/* What was found, for `check` and for tests; valid after ready (LE_SCHEMA_LOOK: also when things
 * are missing). */
struct le_store_report {
    int server_version; /* 150018 */
    bool tls;
    bool schema_exists, table_exists, ledger_exists;
    bool can_insert, can_insert_ledger, can_create; /* privileges */
    bool ledger_neglected; /* its partitions are not this user's to keep up */
    bool read_only;
    bool
        has_key; /* of its own, by which ON CONFLICT DO NOTHING passes over what is there already */
    char missing_columns[256];  /* comma separated; "" when none */
    char required_columns[256]; /* NOT NULL columns without default that no field fills; "" when
                                   none */
    bool types_fit;
    char misfit[128]; /* "app_version: boolean cannot hold a version"; "" */
};
const struct le_store_report *le_store_report(const struct le_store *store);

/* The DDL for table and ledger, for `schema`: a text that psql takes. No connection needed. */
struct le_buf;
LE_MUST enum le_err le_store_ddl(struct le_buf *out, const char *table,
                                 const struct le_fields *fields, bool ledger);

#endif
