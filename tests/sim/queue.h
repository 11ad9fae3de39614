/* The queue as SQS has it: messages hidden for a while when they are received, receipt handles for
 * each delivery, redrive, long polls; and the requests on their way to it and back. */
#ifndef LE_SIM_QUEUE_H
#define LE_SIM_QUEUE_H

#include "world.h"

void queue_draw(struct world *world);
/* The port that a worker is given. */
struct le_queue_port queue_port(struct worker *worker);
void queue_serve(struct world *world, struct request *request);
void queue_answer(struct world *world, struct request *request);
/* Long polls look again: something has become visible. */
void queue_wake_polls(struct world *world);
void queue_leave(struct world *world);
void queue_back(struct world *world);
/* It answers, and each entry of each request fails for a while. */
void queue_fail_entries(struct world *world);
/* The worker is gone: what it waits for goes nowhere. With done, the port ends its operations
 * first, as the program does it when it closes; without, nobody is left to hear of anything. */
void queue_forget(struct worker *worker, bool done);
/* How many of its polls are open, so that a message which is handed back could fall into them. */
unsigned queue_open_polls(const struct worker *worker);

/* ---- between the files of the queue ---- */

#define HANDLE_MAX 64
/* The text of a delivery's handle. */
size_t queue_write_handle(char out[HANDLE_MAX], uint32_t delivery);
/* 0 when it is none of ours; deliveries count from 1. */
uint32_t queue_read_handle(const struct world *world, struct le_span handle);
struct request *queue_request(struct worker *worker, enum request_kind kind, void *op);
void queue_end_request(struct request *request);
void queue_send(struct world *world, struct request *request, int64_t timeout_ms);
void queue_answer_at(struct world *world, struct request *request, int64_t at_ms);
enum le_err queue_draw_error(struct world *world, const struct worker *worker);
void queue_serve_receive(struct world *world, struct request *request);
void queue_serve_entries(struct world *world, struct request *request);
void queue_answer_receive(struct worker *worker, struct request *request);
void queue_answer_entries(struct worker *worker, struct request *request);
void queue_receive(void *self, struct le_receive_op *op);
void queue_cancel(void *self);
void queue_delete(void *self, struct le_entries_op *op);
void queue_extend(void *self, struct le_entries_op *op);
void queue_dead_letter(void *self, struct le_entries_op *op);
int64_t queue_latency(struct world *world);
/* How long the rest of an answer takes that begins then. */
int64_t queue_answer_drags_ms(struct world *world, struct request *request, int64_t began_ms);

#endif
