/* libcurl on libuv, as the connector: names, proxies, TLS. One for the program. */
#ifndef LE_NET_NET_H
#define LE_NET_NET_H

#include "loginetl/base/error.h"

#include <stdbool.h>
#include <uv.h>

struct le_net;

struct le_net_config {
    const char *ca_file; /* of certificates, PEM; NULL: the system's */
};

/* NULL: no memory, or libcurl would not start. SIGPIPE is ignored from here on: TLS libraries write
 * without MSG_NOSIGNAL. */
LE_MUST struct le_net *le_net_new(uv_loop_t *loop, const struct le_net_config *config);
/* Closes what is left; the loop must run until its handles' close callbacks have come. All pools
 * must be closed first. */
void le_net_close(struct le_net *net);

/* The variable that names the proxy for https (tls) or http, NO_PROXY aside; NULL: none does. */
const char *le_net_proxy_variable(bool tls);

#endif
