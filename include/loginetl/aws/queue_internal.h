/* What the files of the SQS client share. A request under way is an operation; its exchange goes
 * through one of two pools. */
#ifndef LE_AWS_QUEUE_INTERNAL_H
#define LE_AWS_QUEUE_INTERNAL_H

#include "loginetl/aws/endpoint.h"
#include "loginetl/aws/queue.h"
#include "loginetl/base/http.h"
#include "loginetl/base/list.h"
#include "loginetl/net/pool.h"

#define LE_CODE_MAX   64
#define LE_WORDS_MAX  512
#define LE_TARGET_MAX 64
/* A dead letter of 1 MiB doubles when every character of it is escaped; other requests are a few
 * kB. */
#define LE_REQUEST_MAX (16 * 1024 * 1024)
#define LE_ANSWER_MAX  (256 * 1024)

/* The last state of an operation, so that only a change is logged. */
struct le_queue_state {
    enum le_err err;
    char code[LE_CODE_MAX];
};

#define LE_AMZ_DATE_SIZE 17 /* "20150830T123600Z" and a NUL */

/* The last receive request: its body is the same again and again, and so is its hash; within one
 * second the whole of it is, with its signature. */
struct le_receive_body {
    struct le_buf text;
    uint8_t sha256[LE_SHA256_LEN];
    int max_messages, wait_s, visibility_s;
    struct le_buf head; /* of the request with this body; nothing: it is to be written */
    char signed_for[LE_AMZ_DATE_SIZE];
};

struct le_queue {
    struct le_pool *receive_pool;
    struct le_pool *control_pool;
    struct le_signer *signer;
    const struct le_sqs_codec *codec; /* of new requests */
    bool protocol_open;               /* it may still turn out to be the other one */
    const char *protocol_why;         /* it is this one */
    char *endpoint_url;
    struct le_endpoint endpoint; /* into endpoint_url */
    enum le_endpoint_source endpoint_source;
    bool protocol_is_detail;
    bool url_given;
    char account[24];      /* "": none is given */
    char *url;             /* NULL until it is set */
    char *dead_letter_url; /* NULL: none */
    char *session_token;   /* NULL: none */
    bool has_credentials;
    char targets[LE_SQS_OPERATION_COUNT][LE_TARGET_MAX];
    int64_t (*wall_ms)(void *self);
    bool (*expired)(void *self); /* or NULL */
    void *self;
    int64_t skew_ms; /* to be added to our clock */
    bool time_told;  /* the service has said how far it is off, or refused a request for another
                        reason */
    bool answered; /* a request has been answered 2xx: keys, endpoint and region were right once */

    struct le_buf body;          /* of the request that is being made */
    struct le_buf authorization; /* likewise */
    struct le_receive_body receive_body;
    struct le_list active;
    struct le_list idle;

    /* Operations that ended before anything was sent. Their done comes from the timer; they are
     * chained by port_data. */
    uv_timer_t late_timer;
    struct le_receive_op *late_receives;
    struct le_entries_op *late_entries;
    struct le_queue_call *late_calls;

    bool closing;
    bool timer_closed;
    struct le_queue_stats stats;
    struct le_queue_state states[LE_SQS_OPERATION_COUNT];
    struct le_queue_state reach; /* of the endpoint: is it there at all? */
    char last_failure[LE_WORDS_MAX];
};

struct le_operation {
    struct le_exchange exchange;
    struct le_queue *queue;
    struct le_node node; /* in active or idle */
    enum le_sqs_operation operation;
    const struct le_sqs_codec *codec; /* that the request is written in */
    struct le_pool *pool;             /* that it goes through */
    struct le_buf request;
    size_t body_at; /* where the body begins in it */
    uint8_t sha256[LE_SHA256_LEN];
    struct le_buf answer;     /* for the operations that bring no buffer of their own */
    struct le_buf *answer_to; /* where the answer goes */
    int64_t timeout_ms;
    int64_t signed_at_ms;
    bool resent;    /* once with another time */
    bool cancelled; /* not to be sent again */
    char code[LE_CODE_MAX];
    int status;
    /* Writes the request with op->codec from what it was asked for, and sends it, as
     * le_operation_send does. */
    LE_MUST enum le_err (*encode)(struct le_operation *op);
    void (*finish)(struct le_operation *op,
                   enum le_err err); /* releases op, and answers whoever asked */
    union {
        struct le_receive_op *receive;
        struct le_entries_op *entries;
        struct le_queue_call *call;
    } asked;
    size_t first, count; /* the entries in this request: all of them, or one after the other */
};

/* ---- operation.c ---- */
/* NULL: no memory. */
struct le_operation *le_operation_take(struct le_queue *queue, enum le_sqs_operation operation);
void le_operation_release(struct le_operation *op);
/* Signs queue->body (its hash in op->sha256) and sends it. On an error nothing was sent and finish
 * will not be called. */
LE_MUST enum le_err le_operation_send(struct le_operation *op, struct le_span body);
/* Sends the request again as it is, signed anew. */
LE_MUST enum le_err le_operation_resend(struct le_operation *op);
/* The service's error code, for reports and calls. */
void le_operation_set_code(struct le_operation *op, struct le_span code);
void le_operation_free_idle(struct le_queue *queue);

/* ---- protocol.c ---- */
void le_protocol_init(struct le_queue *queue, enum le_sqs_protocol protocol);
/* Does the answer begin as XML does? To be asked before a reader has worked on it. */
bool le_protocol_is_markup(const struct le_operation *op);
/* A 2xx answer has come; op->codec is the one to read it with. */
void le_protocol_accepted(struct le_operation *op);
/* Another one has come. True: not for what was asked but for its protocol; op->codec is the one to
 * encode it with, once more. */
LE_MUST bool le_protocol_refused(struct le_operation *op, struct le_span code, bool markup);

/* ---- queue.c ---- */
/* Ends what was never sent: done comes from the loop. */
void le_queue_late_receive(struct le_queue *queue, struct le_receive_op *receive, enum le_err err);
void le_queue_late_entries(struct le_queue *queue, struct le_entries_op *entries, enum le_err err);
void le_queue_late_call(struct le_queue *queue, struct le_queue_call *call, enum le_err err);
/* Closing goes on when the last operation has ended. */
void le_queue_settle(struct le_queue *queue);

/* ---- report.c ---- */
/* Tells of a failure, or of what follows it, when it is another state than before. about: the
 * queue's name when it is not the one that the client works on. quiet: only the words are kept. */
void le_queue_report(struct le_operation *op, enum le_err err, struct le_span about, bool quiet);
/* The same without an operation: nothing was sent. */
void le_queue_report_unsent(struct le_queue *queue, enum le_sqs_operation operation,
                            enum le_err err);
void le_queue_report_protocol(struct le_queue *queue);
void le_queue_report_skew(struct le_queue *queue, int64_t skew_ms);
/* What the pipeline is told: what cannot have been wrong from the start is not fatal later. */
enum le_err le_queue_port_error(const struct le_queue *queue, enum le_err err);

#endif
