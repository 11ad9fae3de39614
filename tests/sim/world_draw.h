/* A world's beginning: its settings, faults, messages and workers. */
#ifndef LE_SIM_WORLD_DRAW_H
#define LE_SIM_WORLD_DRAW_H

#include "world.h"

/* Nothing is left of the world before, but the memory that is used again. */
void world_clear(struct world *world, uint64_t seed, bool tracing);
/* After world_clear. Its workers start by events that are due within the first seconds. */
void world_draw(struct world *world);
/* Of the logins that all workers decode. */
size_t world_field_count(void);

#endif
