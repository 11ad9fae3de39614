/* What the server serves: the queue, what its messages are, and what is counted. Pure: the time is
 * a parameter, and an answer is bytes in a buffer. */
#ifndef BENCH_SERVICE_H
#define BENCH_SERVICE_H

#include "logins.h"
#include "queue.h"
#include "sent.h"

#include "loginetl/base/buf.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_CURVE_MAX 7200 /* seconds; what comes later counts in the last */
#define SERVICE_REPLY_MAX (16 * 1024 * 1024)

struct service {
    struct queue queue;
    struct logins logins;
    struct sent sent;
    uint32_t visibility_s; /* of a receive that names none */
    bool redrives;         /* says that it has a dead-letter queue */
    const char *scheme;    /* of the queue's URL */

    uint64_t requests, refused, receives, empty_receives, delete_requests, dead_lettered;
    int64_t first_request_ns, first_receive_ns, last_delete_ns; /* 0: not yet */
    uint64_t curve[SERVICE_CURVE_MAX]; /* messages deleted in each second since the first request */
};

/* logins' options, visibility_s, redrives and scheme are given. */
LE_MUST enum le_err service_init(struct service *service, uint32_t messages, int64_t now_ns,
                                 int64_t wall_ns);
void service_free(struct service *service);

/* An answer in the making. Its body is appended to out. */
struct reply {
    struct le_buf *out;
    size_t start; /* of the body in out */
    int status;
    const char *error; /* the code, for x-amzn-query-error; NULL when it is a good one */
};

/* A ReceiveMessage that waits for messages. */
struct receive {
    int64_t wait_s;
    uint32_t most, visibility_s, attributes;
    bool nothing; /* from the dead-letter queue, which keeps nothing */
};

enum service_progress {
    SERVICE_ANSWERED,
    SERVICE_WAITS,
    SERVICE_FAILED /* no memory, or an answer too large: the connection is to be closed */
};

/* body is changed. host is the request's, for queue URLs. SERVICE_WAITS leaves *receive, to be
 * tried again when service_can_receive says so, or its time is up. */
enum service_progress service_call(struct service *service, struct le_span operation, char *body,
                                   size_t len, struct le_span host, int64_t now_ns,
                                   struct reply *reply, struct receive *receive);
bool service_can_receive(const struct service *service, const struct receive *receive,
                         int64_t now_ns);
/* Answers with what there is, which may be nothing. */
enum service_progress service_receive(struct service *service, const struct receive *receive,
                                      int64_t now_ns, struct reply *reply);

/* GET /stats, GET /curve, POST /add, POST /rate. cpu_us is the process's own. */
enum service_progress service_control(struct service *service, struct le_span method,
                                      struct le_span target, int64_t now_ns, uint64_t cpu_us,
                                      struct reply *reply);

#endif
