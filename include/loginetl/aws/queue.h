/* The SQS client: the pipeline's queue port over HTTP exchanges, and the calls made before and
 * beside it. */
#ifndef LE_AWS_QUEUE_H
#define LE_AWS_QUEUE_H

#include "loginetl/base/error.h"
#include "loginetl/net/net.h"
#include "loginetl/pipeline/ports.h"
#include "loginetl/sqs/codec.h"
#include "loginetl/sqs/sigv4.h"

#include <uv.h>

#include <stdbool.h>
#include <stdint.h>

struct le_queue;

/* The setting that the endpoint comes from: the words of a failure name it. */
enum le_endpoint_source {
    LE_ENDPOINT_BY_URL,       /* --endpoint-url */
    LE_ENDPOINT_BY_QUEUE_URL, /* --queue-url */
    LE_ENDPOINT_BY_REGION     /* AWS's own of --region */
};

enum le_sqs_protocol {
    LE_SQS_PROTOCOL_JSON,
    LE_SQS_PROTOCOL_QUERY,
    /* JSON, until the service is found to speak Query only: then what was refused for it is sent
     * again. The first answer that is one of the protocol it was asked in settles it. */
    LE_SQS_PROTOCOL_AUTO
};

struct le_queue_config {
    struct le_net *net;
    uv_loop_t *loop; /* the one that net runs on */
    /* "https://sqs.eu-west-1.amazonaws.com"; a path is kept as the request's path */
    struct le_span endpoint;
    struct le_span region;
    enum le_endpoint_source endpoint_source;
    enum le_sqs_protocol protocol;
    bool protocol_is_detail;        /* which one it is, is told at debug only */
    bool url_given;                 /* the queue's URL is --queue-url, not looked up */
    struct le_span account;         /* that the settings name for the queue; absent: none */
    unsigned receivers_max;         /* connections for long polls */
    unsigned control_max;           /* connections for everything else */
    int64_t (*wall_ms)(void *self); /* for signatures */
    /* The service says that the credentials have expired. True: new ones are being fetched, and
     * what was refused may be tried again. NULL: they never change. */
    bool (*expired)(void *self);
    void *self;
};

/* Copies what it needs. LE_ERR_CONFIG (endpoint), LE_ERR_NOMEM. */
LE_MUST enum le_err le_queue_new(const struct le_queue_config *config, struct le_queue **out);
/* Every operation under way is done with LE_ERR_CANCELLED first. Freed after the loop has run its
 * close callbacks. */
void le_queue_close(struct le_queue *queue);
LE_MUST enum le_err le_queue_set_credentials(struct le_queue *queue,
                                             const struct le_credentials *credentials);
/* Sent in request bodies, unchanged; connections always go to the endpoint. Copied. */
LE_MUST enum le_err le_queue_set_url(struct le_queue *queue, struct le_span queue_url);
LE_MUST enum le_err le_queue_set_dead_letter_url(struct le_queue *queue, struct le_span url);
struct le_span le_queue_url(const struct le_queue *queue);
struct le_span le_queue_dead_letter_url(const struct le_queue *queue); /* absent when none */

/* The port. Operations answer: LE_OK, or a retryable error, or a fatal one: NO_QUEUE and DENIED
 * always; CREDENTIALS, REFUSED and TLS only before the first request that was answered 2xx,
 * afterwards they come as LE_ERR_SERVICE or LE_ERR_CONNECT, because keys and certificates rotate
 * and a service must not stop for good over it. A batch that is refused as a whole is sent entry by
 * entry, so that only the one at fault is given up. Every failure is logged here once for each
 * change of state (not for each request), with operation, code, endpoint and what to do. A refusal
 * that a wrong clock explains corrects the offset from the answer's Date and is sent
 * again once. */
struct le_queue_port le_queue_port(struct le_queue *queue);

/* One call of any operation outside the port (look-ups, send, check). The caller's; stays until
 * done. */
struct le_queue_call {
    enum le_sqs_operation operation;
    struct le_buf request_body; /* made by le_queue_codec's writers; freed by the caller */
    /* Makes request_body, which is empty, with this codec's writers: when the service turns out to
     * speak another protocol. NULL: there is none but the first one. */
    LE_MUST enum le_err (*write)(struct le_queue_call *call, const struct le_sqs_codec *codec);
    struct le_buf answer;             /* filled; readers work in place on it */
    const struct le_sqs_codec *codec; /* set when done: whose readers understand the answer */
    int64_t timeout_ms;               /* 0: 15 s */
    enum le_err err;                  /* LE_OK: a 2xx answer */
    int status;                       /* 0 when no answer came */
    char code[64];                    /* the service's error code when it gave one */
    void (*done)(struct le_queue_call *call);
    void *owner;
    void *port_data;
    bool quiet; /* the caller reports; nothing is logged */
    /* Receives follow, and wait for nothing else: the call goes their way, so that the first of
     * them finds a connection made. */
    bool before_receives;
    /* The name of the queue it speaks of, for the words of a failure; absent: the one of
     * le_queue_set_url. */
    struct le_span about;
};
/* What all its connections keep for themselves: bytes, about. */
size_t le_queue_memory(const struct le_queue *queue);
/* The codec of requests that are made now; it may be another one when they are answered. */
const struct le_sqs_codec *le_queue_codec(const struct le_queue *queue);
/* Why it is that one, for a person. */
const char *le_queue_protocol_why(const struct le_queue *queue);
void le_queue_call(struct le_queue *queue, struct le_queue_call *call);

/* Counters for the log and, later, metrics. */
struct le_queue_stats {
    uint64_t requests[LE_SQS_OPERATION_COUNT];
    uint64_t failures[LE_SQS_OPERATION_COUNT];
};
const struct le_queue_stats *le_queue_stats(const struct le_queue *queue);
/* A 2xx answer to a call that its reader did not understand: the words of the last failure become
 * about that. */
void le_queue_unreadable(struct le_queue *queue, enum le_sqs_operation operation);
/* Words of the last failure for a person: operation, error, code, what to change. Never a server's
 * text. "" when none. */
const char *le_queue_last_failure(const struct le_queue *queue);
/* The service's time, since 1970, as far as it has said that our clock is off: what to sign by. */
int64_t le_queue_wall_ms(const struct le_queue *queue);
/* The service has looked at a request's time, so that the one above is near its own. */
bool le_queue_wall_is_known(const struct le_queue *queue);

#endif
