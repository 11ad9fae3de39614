/* What is held against the promises, and when. */
#ifndef LE_SIM_CHECK_H
#define LE_SIM_CHECK_H

#include "world.h"

/* ---- after each step of a worker ---- */
void check_worker(struct worker *worker);
/* After a turn that a timer alone brought about: a worker must not spin. */
void check_turn(struct worker *worker);
void check_finished(struct worker *worker, enum le_err why);

/* ---- what a worker asks for ---- */
void check_receive(struct worker *worker, const struct le_receive_op *op);
/* It finds what has been hidden until then. */
void check_receive_sent(struct worker *worker);
/* handle: the number of the delivery it stands for, 0 when it is none of ours. */
void check_delete(struct worker *worker, unsigned message, uint32_t handle);
void check_extend(struct worker *worker, unsigned message, uint32_t handle);
void check_release(struct worker *worker, unsigned message, uint32_t handle);
void check_dead_letter(struct worker *worker, unsigned message, const struct le_message *entry);
/* Together they must not be larger than a request may be. */
void check_dead_letters(struct worker *worker, const struct le_entries_op *op);
/* What was lent is still what it was. */
void check_entry(struct worker *worker, unsigned message, const struct le_message *entry);
/* May a row be taken for bad that was refused with an unclear code? */
bool check_may_convict(const struct known *known);
void check_submit(struct worker *worker, const struct le_submit_op *op);
void check_rows(struct worker *worker, const struct le_submit_op *op, const uint16_t *messages);

/* ---- what it makes of an answer; after its callback ---- */
/* Before the callback, batch_max: how many it asked for at once; before_ms: until when it was to
 * wait. */
void check_receive_answered(struct worker *worker, enum le_err err, int batch_max,
                            int64_t before_ms);
/* let_go: some of the answer's messages. What does a drain have to wait for? */
void check_hidden(struct worker *worker, enum le_err err, bool let_go);
/* A drain that is over has waited for it. */
void check_drained(struct worker *worker);
/* A drain has nothing left but to look for it, and does not. */
bool check_waits_too_long(const struct worker *worker);
/* Before the callback: until when what fails is to wait, to be given to the next. */
int64_t check_entries_before(const struct worker *worker, enum request_kind kind);
/* some_done: of its entries. */
void check_entries_answered(struct worker *worker, const struct request *request, enum le_err err,
                            int64_t before_ms, bool some_done);
/* before_ms: until when its lane was to wait before the callback. */
void check_statement_answered(struct worker *worker, const struct le_submit_op *op,
                              int64_t before_ms);
/* A request was answered: since when has the queue failed? */
void check_queue_heard(struct worker *worker, enum le_err err);
/* After a turn: it gives up when its patience is over, and not before. */
void check_patience(struct worker *worker);
/* Should it have given up? */
bool check_is_overdue(const struct worker *worker);

/* ---- what happens to the messages ---- */
/* It is about to be delivered once more. */
void check_delivery(struct world *world, unsigned message);
void check_row(struct world *world, unsigned message);
/* Its transaction has just been committed: what stands before it in its group is settled. */
void check_order(struct world *world, unsigned message);
void check_deleted(struct world *world, unsigned message);
void check_end(struct world *world);

#endif
