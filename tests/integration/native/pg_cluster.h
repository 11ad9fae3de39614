/* A PostgreSQL server of a test's own: made in a temporary directory, on a free port and a socket
 * of its own. */
#ifndef LE_TEST_PG_CLUSTER_H
#define LE_TEST_PG_CLUSTER_H

#include <libpq-fe.h>
#include <stdbool.h>

#define PG_CLUSTER_PASSWORD "correct-horse" /* of the user postgres, over scram-sha-256 */

struct pg_cluster {
    char directory[128]; /* data, socket, log */
    char bin[128];
    int port;
    bool running;
    bool known; /* it has run on this port, which is in URLs by now */
};

/* Each stops the test with a message when it cannot. */
void pg_cluster_make(struct pg_cluster *cluster);
void pg_cluster_start(struct pg_cluster *cluster);
void pg_cluster_stop(struct pg_cluster *cluster); /* as a crash: immediately */
void pg_cluster_remove(struct pg_cluster *cluster);

/* Bytes for a URL: over TCP as postgres with the right password. */
void pg_cluster_url(const struct pg_cluster *cluster, const char *database, char out[256]);
/* A blocking connection for the test's own questions. */
PGconn *pg_cluster_connect(const struct pg_cluster *cluster, const char *database);
/* Runs statements; stops the test when one fails. */
void pg_exec(PGconn *pg, const char *sql);
/* The first value of the answer as a number. */
long pg_number(PGconn *pg, const char *sql);

#endif
