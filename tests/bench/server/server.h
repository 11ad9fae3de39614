/* The loop: connections, what they wait for, and the time. One thread, raw epoll. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include "http.h"
#include "service.h"
#include "tls.h"

#include "loginetl/base/list.h"

#include <signal.h>

#define SERVER_CONNECTIONS_MAX 4096

enum conn_state {
    CONN_FREE,
    CONN_READING, /* a request */
    CONN_WAITING, /* for messages */
    CONN_HELD,    /* the answer is there: it is held back for the latency's sake */
    CONN_WRITING  /* the answer */
};

struct server;

struct conn {
    struct server *server;
    enum conn_state state; /* changed by conn_set_state alone */
    int fd;
    struct tls *tls; /* NULL: none */
    struct http_request request;
    struct le_buf in, out;
    size_t sent, end; /* of the answer: what is written, and where it ends in out */
    bool watches_write;
    struct receive receive;
    struct le_node node; /* among the free, the waiting or the held */
    int64_t due_ns;      /* when waiting or being held is over */
};

struct server {
    int epoll, listener;
    struct service *service;
    struct tls_config *tls; /* NULL: none */
    int64_t latency_ns, now_ns;
    struct conn *conns;                 /* SERVER_CONNECTIONS_MAX */
    struct le_list free, waiting, held; /* the last two by due time */
    bool coarse;                        /* pauses are in milliseconds */
    uint64_t answers;
    char date[64]; /* of the answers, as a whole line */
    int64_t date_until_ns;
};

/* service, tls and latency_ns are given, and stay the caller's. Listens on loopback; *port 0
 * becomes the one that was free. LE_ERR_SYSTEM, with errno; LE_ERR_NOMEM. */
LE_MUST enum le_err server_init(struct server *server, uint16_t *port);
/* Until *stop is set, which signals do that are blocked otherwise. */
LE_MUST enum le_err server_run(struct server *server, const volatile sig_atomic_t *stop,
                               const sigset_t *while_waiting);
void server_free(struct server *server);

int64_t server_clock_ns(void);

/* --- between server.c and conn.c --- */

void conn_open(struct conn *conn, int fd);
/* Readable, writable or broken. */
void conn_event(struct conn *conn, uint32_t events);
/* What it waited for is there, or the time is up. */
void conn_due(struct conn *conn);

#endif
