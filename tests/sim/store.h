/* The store as PostgreSQL has it: rows and ledger change together or not at all, a key that another
 * transaction is inserting is waited for, sessions come and go. */
#ifndef LE_SIM_STORE_H
#define LE_SIM_STORE_H

#include "world.h"

void store_draw(struct world *world);
struct le_store_port store_port(struct worker *worker);
/* A worker starts with one session; the others follow. */
void store_open(struct worker *worker);
void store_transaction(struct world *world, struct transaction *transaction);
void store_session(struct worker *worker, unsigned session);
void store_leave(struct world *world, int64_t for_ms);
void store_back(struct world *world);
/* Refuses everything for a while, and does not say why. */
void store_be_unclear(struct world *world);
/* Ends every statement by its time limit for a while. */
void store_be_stuck(struct world *world);
/* Keeps one of the worker's idle sessions busy with something else for a while. */
void store_upkeep(struct worker *worker);
/* As queue_forget. */
void store_forget(struct worker *worker, bool done);

/* ---- between the files of the store ---- */

void store_submit(void *self, struct le_submit_op *op);
/* Tells the worker what became of its statement. */
void store_answer(struct worker *worker, struct transaction *transaction,
                  enum le_store_outcome outcome);
void store_lose_session(struct worker *worker, unsigned session);
void store_free_session(struct worker *worker, unsigned session);

#endif
