/* A real HTTP server (libmicrohttpd), plain or with TLS, that answers a request with its own body,
 * or with "hello"; a client of HTTP/1.0 gets that without a length, up to the connection's end. */
#ifndef LE_TESTS_ECHO_SERVER_H
#define LE_TESTS_ECHO_SERVER_H

struct echo_server;

/* On 127.0.0.1. cert and key are PEM texts, NULL for plain http. idle_timeout_s: after which it
 * closes an idle connection; 0 for never. Ends the program when it cannot start. */
struct echo_server *echo_server_start(const char *cert, const char *key, unsigned idle_timeout_s);
void echo_server_stop(struct echo_server *server);
int echo_server_port(const struct echo_server *server);
unsigned echo_server_connections(struct echo_server *server); /* accepted so far */
unsigned echo_server_closed(struct echo_server *server);      /* of these, closed so far */

#endif
