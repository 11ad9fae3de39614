/* Receipt handles: of the length and the letters that the service's have, a function of the message
 * and of how often it has been delivered, so that none need be kept. */
#ifndef BENCH_HANDLE_H
#define BENCH_HANDLE_H

#include "queue.h"

#include "loginetl/base/span.h"

#define HANDLE_LEN 344

void handle_put(struct delivery delivery, char out[HANDLE_LEN]);
/* false: not one of ours. */
LE_MUST bool handle_read(struct le_span text, struct delivery *delivery);

#endif
