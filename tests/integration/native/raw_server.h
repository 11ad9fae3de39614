/* A TCP server that does exactly what a script says: the n-th request that reaches it gets the n-th
 * step. Threads of its own, so that what is tested runs its loop undisturbed. */
#ifndef LE_TESTS_RAW_SERVER_H
#define LE_TESTS_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum raw_end {
    RAW_KEEP,  /* wait for another request */
    RAW_CLOSE, /* FIN */
    RAW_RESET, /* RST */
    RAW_HANG,  /* say nothing more, until the client closes or the server is stopped */
};

struct raw_step {
    const char *bytes; /* NULL: none */
    size_t len;        /* 0: up to its NUL */
    size_t piece;      /* bytes a write, with a moment between them; 0: all at once */
    unsigned delay_ms; /* before the first byte */
    bool held;         /* says no byte beyond hold_at before raw_server_let_go */
    size_t hold_at;
    bool unasked; /* does not wait for a request */
    bool deaf;    /* does not read the request's body */
    enum raw_end end;
};

struct raw_server;

/* The last step serves all requests beyond it. The steps are copied, what they point to is not.
 * Ends the program when it cannot start. */
struct raw_server *raw_server_start(const struct raw_step *steps, size_t count);
/* Closes every connection and waits for the threads. */
void raw_server_stop(struct raw_server *server);
int raw_server_port(const struct raw_server *server);
unsigned raw_server_connections(struct raw_server *server); /* accepted so far */
unsigned raw_server_requests(struct raw_server *server);    /* whose head has been read so far */
unsigned raw_server_open(struct raw_server *server);        /* connections that are served now */
size_t raw_server_said(struct raw_server *server);          /* bytes that the kernel has taken */
/* What is held goes on, and is not held any more. */
void raw_server_let_go(struct raw_server *server);
/* Begins anew with these steps. */
void raw_server_script(struct raw_server *server, const struct raw_step *steps, size_t count);

#endif
