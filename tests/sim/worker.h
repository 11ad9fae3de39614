/* The workers: starting, turning, and every way to end. */
#ifndef LE_SIM_WORKER_H
#define LE_SIM_WORKER_H

#include "world.h"

void worker_draw(struct worker *worker);
/* Its settings in a world with a crowd of bad rows, after worker_draw. */
void worker_draw_for_crowd(struct worker *worker);
/* A worker that drains what is left, with sensible settings. */
void worker_draw_last(struct worker *worker);
void worker_start(struct worker *worker);
/* Something happened to it: it turns before time goes on, or at once. */
void worker_touch(struct worker *worker);
void worker_turn(struct worker *worker);
void worker_stop(struct worker *worker);
void worker_crash(struct worker *worker);
void worker_freeze(struct worker *worker, int64_t for_ms);
void worker_thaw(struct worker *worker);
void worker_jump(struct worker *worker, int64_t ms);
void worker_wake(struct worker *worker);
int64_t worker_now(const struct worker *worker);
bool worker_alive(const struct worker *worker);
/* Before and after a callback of the worker's: memory may fail inside. */
void worker_enter(struct worker *worker);
void worker_leave(struct worker *worker);

#endif
