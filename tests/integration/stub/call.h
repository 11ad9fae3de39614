/* One HTTP request in the server, from its first header to the last byte of its answer. */
#ifndef STUB_CALL_H
#define STUB_CALL_H

#include <microhttpd.h>
#include <stdbool.h>

#include "heap.h"
#include "sqs.h"

enum call_state {
    CALL_ARRIVING, /* the body is not complete */
    CALL_HELD,     /* before it is processed: latency or a stall */
    CALL_WAITING,  /* a long poll */
    CALL_READY,    /* the answer is there; resumed, or held once more for stall-after */
    CALL_SWALLOWED /* never answered; looked at once a second, until the client is gone */
};

struct call {
    struct MHD_Connection *connection;
    struct heap_node timer;
    struct call *previous, *next; /* among the queue's waiters */
    enum call_state state;
    bool suspended;
    bool control;
    struct text body;
    struct effects effects;
    struct request request;
};

/* Headers as SQS requires them. False with the answer filled if something is wrong. */
bool call_check(struct call *call);
/* Queues the answer, whole or broken as the effects say. */
enum MHD_Result call_respond(struct call *call);
/* A request to /control: fills the answer. */
void control_handle(struct call *call, const char *method, const char *path);
/* Keeps a copy for /control/requests, if asked to. */
void control_record(struct call *call, const char *url);
void control_close(void);

int call_socket(const struct call *call);

#endif
