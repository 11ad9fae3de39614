/* Messages that clients sent: their bodies and times, one after the other in a region of fixed
 * size. They stay until the end, for they are the exception: what a load is made of is made up. */
#ifndef BENCH_SENT_H
#define BENCH_SENT_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdint.h>

#define SENT_BYTES_MAX (UINT64_C(1) << 30)

struct sent {
    char *bytes;       /* addresses are reserved, memory is taken as it is used */
    uint32_t *offsets; /* by message number, in units of eight bytes */
    uint64_t used;
};

LE_MUST enum le_err sent_init(struct sent *sent);
void sent_free(struct sent *sent);
/* LE_ERR_TOO_LARGE when all of it is used. */
LE_MUST enum le_err sent_add(struct sent *sent, uint32_t number, int64_t sent_ms,
                             struct le_span body);
struct le_span sent_body(const struct sent *sent, uint32_t number, int64_t *sent_ms);

#endif
