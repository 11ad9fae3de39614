/* What a replayed world prints, and how a broken promise is noted. */
#ifndef LE_SIM_TRACE_H
#define LE_SIM_TRACE_H

#include "world.h"

/* A line with the virtual time; worker may be NULL. Nothing is formatted unless the world is
 * traced. */
#define trace(world_, worker_, ...)                       \
    do {                                                  \
        if ((world_)->tracing)                            \
            trace_line((world_), (worker_), __VA_ARGS__); \
    } while (0)

void trace_line(const struct world *world, const struct worker *worker, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Notes the first broken promise of a world, which ends with it. */
void broken(struct world *world, const struct worker *worker, enum promise promise,
            const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The pipeline's own log between the lines of the trace. */
void trace_log(const struct world *world);

#endif
