/* A pool of kept connections to one origin for one purpose, and HTTP exchanges over them. */
#ifndef LE_NET_POOL_H
#define LE_NET_POOL_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/list.h"
#include "loginetl/base/span.h"
#include "loginetl/net/net.h"

#include <stdbool.h>
#include <stdint.h>

#define LE_EXCHANGE_PERIODS_MAX 20

struct le_pool;
struct le_exchange;

struct le_pool_config {
    struct le_span origin;      /* "https://host:port"; a path behind it is ignored here */
    unsigned connections_max;   /* exchanges beyond it wait in order */
    int64_t connect_timeout_ms; /* resolve, connect, proxy and TLS together */
    int64_t idle_timeout_ms;    /* an idle connection older than this is closed rather than used */
    const char *name;           /* for the log: "receive", "control" */
    bool direct; /* never through a proxy: for the services of this machine and its host */
    bool secret; /* answers are secrets: what was read is wiped as soon as it is in their body */
};

/* One request and its answer. The caller's; it stays until done. All zero before its first use;
 * done with, it may be sent again, also from inside done. */
struct le_exchange {
    /* in */
    struct le_buf
        *request;        /* head and body, complete; unchanged until done (it may be sent twice) */
    struct le_buf *body; /* the answer's decoded body is appended here; its max is the limit */
    int64_t timeout_ms;  /* from le_pool_send, waiting for a connection included. When it is over
                            and bytes have moved meanwhile, over a slow network, it begins anew:
                            LE_EXCHANGE_PERIODS_MAX times in all */
    void (*done)(struct le_exchange *
                     exchange); /* exactly once, never from inside le_pool_send or le_pool_cancel */
    void *owner;
    /* out */
    enum le_err err; /* LE_OK: an answer was read, whatever its status. RESOLVE, CONNECT, TLS,
                        TIMEOUT, CLOSED, PROTOCOL, TOO_LARGE, NOMEM, CANCELLED */
    int status;
    bool answer_began;       /* at least one byte of the answer has come */
    int64_t answer_began_ms; /* the loop's time of that */
    /* Header of the answer by name (any case), absent when none; valid inside done only. */
    struct le_span (*header)(const struct le_exchange *exchange, const char *name);
    /* the pool's own */
    int phase;                    /* 0 while the pool knows nothing of it */
    void *pool_data;              /* its connection */
    struct le_node node;          /* among those that wait for a connection, or whose done is due */
    struct le_node deadline_node; /* among all of the pool, by deadline */
    int64_t deadline_ms;
    unsigned tries;
    unsigned periods; /* of timeout_ms, that have begun */
};

/* LE_ERR_CONFIG: the origin is not http:// or https:// with a host. LE_ERR_NOMEM. */
LE_MUST enum le_err le_pool_new(struct le_net *net, const struct le_pool_config *config,
                                struct le_pool **out);
/* Queues or sends at once. A request that fails on a kept connection before the first byte of its
 * answer goes once more on a fresh connection: the server had closed it while it was idle. */
void le_pool_send(struct le_pool *pool, struct le_exchange *exchange);
/* Ends an exchange with LE_ERR_CANCELLED (its connection is closed). With only_unanswered, one
 * whose answer has begun is left alone. Harmless when it is already done. */
void le_pool_cancel(struct le_pool *pool, struct le_exchange *exchange, bool only_unanswered);
/* Cancels all exchanges, closes all connections and frees the pool when the last close callback has
 * come. */
void le_pool_close(struct le_pool *pool);
/* What its connections keep for themselves when there are as many as there may be: bytes, about. */
size_t le_pool_memory(const struct le_pool *pool);
/* What made the last connection attempt fail, in libcurl's words for a person (no secrets); "" when
 * none did. */
const char *le_pool_last_failure(const struct le_pool *pool);

#endif
