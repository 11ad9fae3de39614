/* A thread between client and server that misbehaves on demand. */
#ifndef LE_TEST_PG_PROXY_H
#define LE_TEST_PG_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

enum pg_proxy_mode {
    PG_PROXY_PASS,
    PG_PROXY_SILENT,      /* takes everything, passes nothing on */
    PG_PROXY_CUT_ANSWERS, /* passes questions on; the first byte of an answer cuts both sides
                             instead */
    PG_PROXY_TRICKLE      /* one byte at a time, both ways */
};

struct pg_proxy {
    int port;
    int listener;
    int server_port;
    atomic_int mode;
    atomic_int cuts; /* answers that were cut off */
    atomic_bool stop;
    pthread_t thread;
};

void pg_proxy_start(struct pg_proxy *proxy, int server_port);
void pg_proxy_stop(struct pg_proxy *proxy);

#endif
