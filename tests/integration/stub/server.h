/* The HTTP side: libmicrohttpd on one thread, requests that wait (long polls, stalls, latency) and
 * how an answer is broken on purpose. */
#ifndef STUB_SERVER_H
#define STUB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
    uint16_t port;       /* 0: any */
    unsigned latency_ms; /* before each SQS request is processed */
    unsigned idle_s; /* a kept connection is closed after so long without a request; 0 for never */
    int64_t
        skew_s; /* how far this server's clock is off: its Date, and which signatures it takes */
    unsigned recorded;      /* the last requests kept for /control/requests */
    const char *queue_host; /* HOST:PORT to name in QueueUrl instead of the real one; NULL for the
                               real one */
    const char *certificate, *key; /* PEM text, not names; NULL for plain HTTP */
};

extern struct settings settings; /* latency and skew may change while it runs */

bool server_start(
    void); /* false, with a line on stderr, if the port is taken or the certificate is unusable */
uint16_t server_port(void);
void server_run(volatile const int *stop); /* until *stop is not 0 */
void server_stop(void);
uint64_t server_connections(void); /* ever accepted */
unsigned server_waiting(void);     /* long polls now */

#endif
