/* The floor: what receiving, storing and deleting costs when nothing else is done. No JSON, no
 * masks, no signatures, no ledger. Receipt handles are found by their key, a statement is sent when
 * the connection is idle and rows are there, messages are deleted in tens after the commit.
 *
 * This part is common to the two programs; the other is how HTTP is spoken, and the loop:
 *
 *     loginetl_floor_curl | loginetl_floor_sockets URL DATABASE_URL [--concurrency N] [--batch-rows
 * N]
 *
 * They drain: each receiver stops after two empty answers in a row. Anything that goes wrong ends
 * them with a line on standard error and status 1. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include "loginetl/base/buf.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOOR_CONCURRENCY_MAX 256
#define FLOOR_ROWS_MAX        10000
#define FLOOR_CALLS_MAX       (2 * FLOOR_CONCURRENCY_MAX)
#define FLOOR_BATCHES         4 /* one gathers, one commits, the others are being deleted */
#define FLOOR_ANSWER_MAX      (4 * 1024 * 1024)
#define FLOOR_HANDLE_MAX      1024
#define FLOOR_USER_LEN        36

enum floor_kind { FLOOR_RECEIVE, FLOOR_DELETE };

/* A receiver or a deleter: one exchange at a time, on a connection of its own. */
struct floor_call {
    struct floor *floor;
    enum floor_kind kind;
    bool busy, stopped;
    unsigned empty_answers;
    struct le_buf request; /* the body; stays as it is while busy */
    void *transport;       /* the other part's own */
};

struct floor_row {
    char user[FLOOR_USER_LEN];
    unsigned short handle_len;
    char handle[FLOOR_HANDLE_MAX];
};

enum floor_batch_state { FLOOR_FREE, FLOOR_GATHERING, FLOOR_COMMITTING, FLOOR_DELETING };

struct floor_batch {
    enum floor_batch_state state;
    struct floor_row *rows; /* as many as a statement takes, and what may come meanwhile */
    size_t count, deleted;
};

struct floor_pg {
    PGconn *conn;
    bool busy;
    struct le_buf users;      /* the one column that differs from row to row, as a binary array */
    struct le_buf columns[6]; /* the others, for as many rows as there can be */
};

struct floor {
    const char *url, *database_url;
    size_t concurrency, batch_rows;
    struct floor_call calls[FLOOR_CALLS_MAX]; /* receivers first, then as many deleters */
    struct floor_batch batches[FLOOR_BATCHES];
    struct floor_batch *gathering;
    struct floor_pg pg;
    size_t receiving, deleting; /* calls of each kind under way */
    uint64_t stored;
};

__attribute__((noreturn, format(printf, 1, 2))) void floor_die(const char *format, ...);

/* Reads the command line and connects to the database, which waits, as starting may. */
void floor_init(struct floor *floor, int argc, char **argv);
void floor_free(struct floor *floor);
void floor_start(struct floor *floor);
/* A call's answer, with a NUL behind it: bytes are the body. */
void floor_answered(struct floor_call *call, int status, const char *bytes, size_t len);
/* The database's socket is ready. */
void floor_pg_ready(struct floor *floor);

/* --- floor_pg.c --- */
void floor_pg_connect(struct floor_pg *pg, const char *database_url, size_t rows_max);
void floor_pg_submit(struct floor_pg *pg, const struct floor_row *rows, size_t count);
/* Reads and writes; true: the statement has been committed. */
bool floor_pg_advance(struct floor_pg *pg);
void floor_pg_close(struct floor_pg *pg);

/* --- given by each program --- */

/* POSTs call->request. From the loop, never from within, it calls floor_answered. */
void transport_send(struct floor_call *call);
/* The database's socket: always for reading, and for writing too when told so. */
void transport_watch(int fd, bool write);
/* Everything is done. */
void transport_stop(void);

/* "AmazonSQS.ReceiveMessage" */
const char *floor_target(enum floor_kind kind);

#endif
