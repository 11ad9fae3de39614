/* Work that may never end, in a thread of its own: neither the loop nor the end of the program
 * waits for it. Not libuv's threads: a program that ends waits for those, and there are few. */
#ifndef LE_NET_ERRAND_H
#define LE_NET_ERRAND_H

#include "loginetl/base/error.h"

#include <stddef.h>
#include <uv.h>

struct le_errand;

/* A task belongs to its errand: run has it in the thread, done in the loop afterwards. It is wiped
 * when it is freed, by whoever has it last. */
struct le_errand_kind {
    void (*run)(void *task);  /* takes no memory of base/mem.h */
    void (*done)(void *task); /* may cancel other errands; this one is over */
    void (*free)(void *task); /* what the task has come to hold; NULL: nothing */
};

/* task_size bytes for the task, zeroed. Ends by le_errand_run, le_errand_skip or le_errand_cancel.
 * LE_ERR_NOMEM. */
LE_MUST enum le_err le_errand_new(uv_loop_t *loop, const struct le_errand_kind *kind,
                                  size_t task_size, struct le_errand **out);
void *le_errand_task(struct le_errand *errand);
/* done comes once, never from inside, unless it is cancelled; the errand is gone then.
 * LE_ERR_NOMEM: no thread could be made, and the errand is gone. */
LE_MUST enum le_err le_errand_run(struct le_errand *errand);
/* done comes in the same way, without a thread and without run: nothing is left to be done. */
void le_errand_skip(struct le_errand *errand);
/* done does not come. The loop must still run for the errand's handle to be closed. What runs
 * cannot be stopped, only forgotten. */
void le_errand_cancel(struct le_errand *errand);

#endif
