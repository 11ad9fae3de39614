/* One server for a test program, one database for each of its tests. */
#ifndef LE_TEST_PG_FIXTURE_H
#define LE_TEST_PG_FIXTURE_H

#include "pg_world.h"

struct pg_fixture {
    char database[32];
    PGconn *pg; /* the test's own connection */
    struct pg_world world;
};

extern struct pg_cluster pg_server;
extern PGconn *pg_admin; /* to the database postgres; a test that stops the server opens it again */

int pg_group_setup(void **state);
int pg_group_teardown(void **state);
void pg_server_restart(void); /* after pg_cluster_stop */

/* A fresh database and a world for it, not yet opened. */
void pg_fixture_begin(struct pg_fixture *fixture);
void pg_fixture_ready(struct pg_fixture *fixture); /* opens and waits */
void pg_fixture_end(struct pg_fixture *fixture);
/* A second world on the same database. */
void pg_fixture_second(const struct pg_fixture *fixture, struct pg_world *world);

int64_t pg_now_ms(void); /* the server's clock */
/* Rows of now, with consecutive ids. */
void pg_rows_now(struct row_set *rows, size_t count, uint64_t first_id);

#endif
