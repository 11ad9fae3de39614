/* What is sent to the queue: good messages, bad ones of every kind, large ones. */
#ifndef LE_SIM_MESSAGE_H
#define LE_SIM_MESSAGE_H

#include "world.h"

/* The first ones of a world with a crowd are bad rows. */
#define CROWD_ROWS 150u

/* Which kinds of ids and times the world's messages have. To be called before the first one is
 * sent. */
void messages_draw(struct world *world);
/* Sends so many more, or as many as there is room for. */
void messages_send(struct world *world, unsigned count);

#endif
