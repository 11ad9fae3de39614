/* Many worlds, in processes of their own: what a failed assertion or an endless loop ends is one
 * process, and its seed is told. */
#ifndef LE_SIM_JOBS_H
#define LE_SIM_JOBS_H

#include "world.h"

#define FAILURES_MAX 32

struct failure {
    uint64_t seed;
    enum promise promise; /* PROMISE_NONE: the process died */
    char verdict[400];
};

struct totals {
    uint64_t worlds, failed, steps, turns, messages, delivered, convicted;
    int64_t simulated_ms;
    uint64_t happened[FAULT_COUNT];
    uint64_t worlds_with[FAULT_COUNT]; /* in which it happened at least once */
};

struct outcome {
    struct totals totals;
    struct failure failures[FAILURES_MAX];
    unsigned failure_count;
};

/* Worlds from first on, so many, in so many processes. With only_one, the first failure ends it.
 * False: it could not be done. */
bool jobs_run(uint64_t first, uint64_t worlds, unsigned jobs, bool only_one, struct outcome *out);

#endif
