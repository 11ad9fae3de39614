/* Names to numeric addresses without blocking the loop: for libraries whose own look-up blocks. */
#ifndef LE_NET_RESOLVER_H
#define LE_NET_RESOLVER_H

#include "loginetl/net/errand.h"

#define LE_ADDRESSES_MAX     16 /* of one name; what the resolver answers beyond them is dropped */
#define LE_ADDRESS_TEXT_SIZE 64 /* an IPv6 address with its scope, and a NUL */

struct le_address {
    int family; /* AF_INET or AF_INET6 */
    int port;
    char text[LE_ADDRESS_TEXT_SIZE]; /* numeric, without brackets or port: what libpq's hostaddr
                                        takes */
};

/* All addresses in the resolver's order (the one to try first is first), each once; valid during
 * the call only. err: LE_OK and count >= 1, or LE_ERR_RESOLVE, LE_ERR_NOMEM and count 0. */
typedef void le_resolved_fn(void *owner, enum le_err err, const struct le_address *addresses,
                            size_t count);

/* Starts a look-up. host may be a numeric address already; service is a port number or a service's
 * name; both are copied. done is called exactly once, from the loop and never from inside
 * le_resolve, unless the look-up is cancelled. *lookup is for le_errand_cancel and is gone when
 * done is called. LE_ERR_RESOLVE: not a name (empty, far too long, malformed); LE_ERR_NOMEM. After
 * an error done is not called and *lookup is NULL. */
LE_MUST enum le_err le_resolve(uv_loop_t *loop, const char *host, const char *service,
                               le_resolved_fn *done, void *owner, struct le_errand **lookup);

#endif
