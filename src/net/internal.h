/* What the files of the net layer share: libcurl's multi on the loop, a connection, and the pool
 * that owns it. */
#ifndef LE_NET_INTERNAL_H
#define LE_NET_INTERNAL_H

#include "loginetl/base/http.h"
#include "loginetl/net/net.h"
#include "loginetl/net/pool.h"

#include <curl/curl.h>

/* One read buffer for all connections: what a read brings is taken out of it before the next. */
#define LE_NET_READ_SIZE (64 * 1024)

struct le_net {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;       /* libcurl's own wish to be called */
    struct le_list watches; /* sockets that libcurl is connecting */
    char *ca_file;          /* NULL: the system's */
    char *read_buffer;
    unsigned pools;   /* not yet freed */
    unsigned handles; /* not yet closed */
    bool closing;
};

/* Stops watching a socket on libcurl's behalf, because we do from here on. */
void le_net_forget_socket(struct le_net *net, curl_socket_t fd);
/* A pool is gone. */
void le_net_drop_pool(struct le_net *net);

enum le_conn_state {
    LE_CONN_CONNECTING,
    LE_CONN_IDLE,
    LE_CONN_BUSY,
    LE_CONN_REPORTING, /* its exchange's done is being called */
    LE_CONN_CLOSING,
};

struct le_conn {
    struct le_pool *pool;
    struct le_node node;      /* in the pool's idle or busy list */
    enum le_conn_state state; /* changed by one setter */
    CURL *easy;               /* stays in the multi for the connection's life */
    uv_poll_t poll;
    bool watched;     /* poll is open */
    bool wants_write; /* poll waits for writing too */
    bool kept;        /* an answer has come over it before */
    bool direct;      /* what we write to fd is what the server reads */
    curl_socket_t fd;
    struct le_exchange *exchange;      /* that it is made for, or carries; NULL when idle */
    size_t sent;                       /* bytes of the request */
    size_t received;                   /* bytes of the answer, as they came over the wire */
    size_t unsent_seen, received_seen; /* at the last le_conn_has_moved */
    bool send_failed;                  /* an answer may still be there to be read */
    int64_t idle_since_ms;
    struct le_http_reader reader;
    char error[CURL_ERROR_SIZE];
};

void le_conn_set_state(struct le_conn *conn, enum le_conn_state state);
/* How libcurl is to connect. False: no memory. */
LE_MUST bool le_conn_set_options(struct le_conn *conn);
/* What a failure to connect means; text is libcurl's. */
enum le_err le_conn_error(CURLcode code, const char *text);
/* libcurl's words for a failure, or ours where its own quote a proxy's URL, which may hold a
 * password. */
const char *le_conn_words(const char *text);
/* Begins to connect, for exchange. NULL: no memory. */
LE_MUST struct le_conn *le_conn_new(struct le_pool *pool, struct le_exchange *exchange);
/* libcurl has connected, or failed to. */
void le_conn_connected(struct le_conn *conn, CURLcode result);
/* Sends exchange's request over an idle connection. */
void le_conn_start(struct le_conn *conn, struct le_exchange *exchange);
/* Whether bytes of the exchange have come or gone since the last look, or since its start. */
bool le_conn_has_moved(struct le_conn *conn);
/* Bytes out and in, with the results of curl_easy_send and curl_easy_recv. */
LE_MUST CURLcode le_conn_send(struct le_conn *conn, const char *bytes, size_t len, size_t *count);
LE_MUST CURLcode le_conn_recv(struct le_conn *conn, char *bytes, size_t len, size_t *count);
/* done has returned: the connection waits for its next exchange. */
void le_conn_rest(struct le_conn *conn);
/* Looks whether the peer has closed (LE_ERR_CLOSED) or said something unasked (LE_ERR_PROTOCOL)
 * between exchanges. */
enum le_err le_conn_probe(struct le_conn *conn);
/* The socket is ready for something. */
void le_conn_on_poll(uv_poll_t *poll, int status, int events);
/* Its memory goes in the watcher's close callback, or at once when there was none. */
void le_conn_close(struct le_conn *conn, const char *why);

struct le_pool {
    struct le_net *net;
    char *url;
    char *name;
    bool tls;
    bool direct, secret; /* as le_pool_config has them */
    unsigned connections_max;
    int64_t connect_timeout_ms;
    int64_t idle_timeout_ms;
    struct le_list waiting;   /* exchanges, in order */
    struct le_list deadlines; /* waiting and active exchanges, the earliest first */
    struct le_list finished;  /* exchanges whose done is due */
    struct le_list idle;      /* connections, the last used first */
    struct le_list busy;      /* all other connections */
    unsigned reporting;       /* done callbacks being called */
    bool closing;
    bool handles_closed;
    unsigned handles; /* whose close callback has not come */
    uv_timer_t timer; /* for the earliest deadline */
    int64_t timer_due_ms;
    uv_idle_t deferred; /* runs while finished is not empty */
    char failure[CURL_ERROR_SIZE];
};

/* What a connection tells its pool. */
void le_pool_connected(struct le_conn *conn);
void le_pool_connect_failed(struct le_conn *conn, enum le_err err, const char *text);
/* keep: it can carry another exchange. The exchange's done is called. */
void le_pool_answered(struct le_conn *conn, bool keep);
void le_pool_broken(struct le_conn *conn, enum le_err err);
void le_pool_handle_closed(struct le_pool *pool);

#endif
