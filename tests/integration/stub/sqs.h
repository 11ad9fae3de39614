/* The operations of the JSON 1.0 protocol: a request's body in, an answer's body out. No sockets.
 */
#ifndef STUB_SQS_H
#define STUB_SQS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "queue.h"
#include "text.h"

struct answer {
    int status;
    char code[64]; /* of an error, for x-amzn-query-error; empty without */
    struct text body;
};

/* A ReceiveMessage as it was asked for, kept while it waits. */
struct receive {
    struct queue *queue;
    size_t most;
    unsigned visibility_s, wait_s;
    unsigned wants; /* attributes, bits */
};

struct request {
    const char *operation; /* one of sqs_operation */
    const char *body;
    size_t length;
    struct effects *effects;
    struct receive receive;
    struct answer answer;
};

/* What a client must not do; counted, so that a test can say that it never happened. */
#define VIOLATIONS(X) \
    X(content_type)   \
    X(target)         \
    X(authorization)  \
    X(date) X(json) X(parameter) X(entry_ids) X(entry_count) X(empty_batch) X(too_large) X(handle)

enum violation {
#define X(name) VIOLATION_##name,
    VIOLATIONS(X)
#undef X
        VIOLATION_KINDS
};

extern const char *const violation_names[VIOLATION_KINDS];
extern uint64_t violations[VIOLATION_KINDS];

const char *sqs_operation(
    const char *target); /* AmazonSQS.X → X; NULL if the stub does not know it */
void sqs_error(struct answer *answer, int status, const char *code, const char *message);
void sqs_violation(struct answer *answer, enum violation kind, const char *code,
                   const char *message); /* status 400 */

/* Handles a request. False if it is a receive that found nothing and may wait: then
 * request->receive is filled, and sqs_receive is to be called when there are messages or the time
 * is up. */
bool sqs_handle(struct request *request);
bool sqs_receive(struct request *request, bool time_is_up); /* true if there is an answer now */

void sqs_requests_list(struct text *out);             /* JSON: operation → requests */
const char *sqs_queue_url(const struct queue *queue); /* valid until the next call */
void sqs_url_base(const char *base); /* "http://127.0.0.1:4566"; kept, not copied */
/* {"deadLetterTargetArn":…,"maxReceiveCount":…}; false if it is no such thing or the queue is not
 * there. */
bool sqs_set_redrive(struct queue *queue, const char *policy, size_t length);
bool sqs_body_is_allowed(const char *body,
                         size_t length); /* no control characters but tab, newline, return */

/* The parts, one file each. */
bool sqs_start_receive(struct request *request, struct queue *queue, struct json body);
void sqs_batch(struct request *request, struct queue *queue,
               struct json body); /* and the single forms of its entries */
bool sqs_get_attributes(struct request *request, struct queue *queue, struct json body);

#endif
