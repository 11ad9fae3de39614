/* Between the files of the service. */
#ifndef BENCH_SERVICE_INTERNAL_H
#define BENCH_SERVICE_INTERNAL_H

#include "call.h"
#include "service.h"

/* One request on its way. The first failure sticks, so that an answer reads as it is written. */
struct context {
    struct service *service;
    struct call *call;
    struct le_span host;
    int64_t now_ns;
    struct reply *reply;
    enum le_err err;
};

/* Text that needs no escapes. */
void context_put(struct context *context, struct le_span text);
void context_number(struct context *context, uint64_t number);
#define PUT(context, literal) context_put(context, LE_SPAN_LIT(literal))

/* Answers 400 with that code instead of what was written so far. */
void context_refuse(struct context *context, const char *code, const char *message);

/* A name that ends in -dlq, or an URL that does. */
bool is_dead_letter(struct le_span queue);

/* The operations. false: it waits. */
bool service_start_receive(struct context *context, struct receive *receive);
void service_delete(struct context *context);
void service_delete_batch(struct context *context);
void service_change(struct context *context);
void service_change_batch(struct context *context);
void service_send(struct context *context);
void service_send_batch(struct context *context);
void service_queue_url(struct context *context);
void service_attributes(struct context *context);

#endif
