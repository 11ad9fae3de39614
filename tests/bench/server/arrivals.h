/* Which messages have arrived, and when. Messages are numbered from 0 in the order in which they
 * arrive; they come in runs, each of evenly spaced arrivals, so that a backlog of any size takes a
 * few words. A backlog is a run whose times are over. Pure: the time is a parameter. */
#ifndef BENCH_ARRIVALS_H
#define BENCH_ARRIVALS_H

#include "loginetl/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define ARRIVALS_MESSAGES_MAX (UINT32_C(1) << 27)
#define ARRIVALS_RUNS_MAX     4096

struct run {
    uint32_t first;   /* number of its first message */
    uint32_t count;   /* of an open run: as many as there may be */
    int64_t start_ns; /* of its first message, CLOCK_MONOTONIC */
    int64_t step_ns;  /* between two; 0: all at once */
    bool sent;        /* by clients: bodies and times are kept elsewhere */
};

/* Zeroed, but for wall_ns, is an empty one. */
struct arrivals {
    struct run runs[ARRIVALS_RUNS_MAX];
    unsigned run_count;
    int64_t wall_ns;      /* CLOCK_REALTIME less CLOCK_MONOTONIC */
    int64_t open_step_ns; /* of the run that goes on; 0: none does */
};

/* How many messages have arrived by then. */
uint32_t arrivals_count(const struct arrivals *arrivals, int64_t now_ns);
/* When the next message comes; INT64_MAX when none is on its way. */
int64_t arrivals_next_ns(const struct arrivals *arrivals, int64_t now_ns);
/* The run that holds a message that has arrived. */
const struct run *arrivals_run(const struct arrivals *arrivals, uint32_t number);
/* SentTimestamp of one that was made up. */
int64_t arrivals_sent_ms(const struct arrivals *arrivals, const struct run *run, uint32_t number);

/* count more: the last of them now, the others step_ns apart before it. LE_ERR_TOO_LARGE: too many
 * messages, or too many runs. */
LE_MUST enum le_err arrivals_add(struct arrivals *arrivals, uint32_t count, int64_t step_ns,
                                 int64_t now_ns);
/* One that a client sent: its number. */
LE_MUST enum le_err arrivals_send(struct arrivals *arrivals, int64_t now_ns, uint32_t *number);
/* From now on one each step_ns; 0 ends that. */
LE_MUST enum le_err arrivals_rate(struct arrivals *arrivals, int64_t step_ns, int64_t now_ns);

#endif
