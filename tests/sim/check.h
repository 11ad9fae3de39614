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
/* handle: the number of the delivery it stands for, 0 when it is none of ours. */
void check_delete(struct worker *worker, unsigned message, uint32_t handle);
void check_extend(struct worker *worker, unsigned message, uint32_t handle);
void check_release(struct worker *worker, unsigned message, uint32_t handle);
void check_dead_letter(struct worker *worker, unsigned message, const struct le_message *entry);
/* What was lent is still what it was. */
void check_entry(struct worker *worker, unsigned message, const struct le_message *entry);
/* May a row be taken for bad that was refused with an unclear code? */
bool check_may_convict(const struct known *known);
void check_submit(struct worker *worker, const struct le_submit_op *op);
void check_rows(struct worker *worker, const struct le_submit_op *op, const uint16_t *messages);

/* ---- what happens to the messages ---- */
/* It is about to be delivered once more. */
void check_delivery(struct world *world, unsigned message);
void check_row(struct world *world, unsigned message);
void check_deleted(struct world *world, unsigned message);
void check_end(struct world *world);

#endif
