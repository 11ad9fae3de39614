/* The main job: the pipeline with its ports plugged in, from start to summary. */
#ifndef LE_APP_RUN_H
#define LE_APP_RUN_H

#include "loginetl/app/lookup.h"
#include "loginetl/app/world.h"
#include "loginetl/pg/store.h"
#include "loginetl/pipeline/pipeline.h"

enum le_run_state {
    LE_RUN_STARTING, /* queue and database are looked for, both at once */
    LE_RUN_FLOWING,  /* the pipeline runs, or winds up after a signal */
    LE_RUN_ASKING,   /* a drain is done; how many messages are hidden is asked for */
    LE_RUN_ENDED     /* the loop is being left */
};

struct le_run_progress {
    struct le_terminal *terminal;
    struct le_queue_call call; /* what is left is asked for now and then */
    bool asking;
    int64_t asked_ms;
    uv_timer_t timer;
};

/* Messages that were received before, here or elsewhere, and whose leases have not ended: an empty
 * queue is not all there is. */
struct le_run_hidden {
    int64_t count; /* 0: none, or not known */
    struct le_queue_call call;
    enum le_exit status; /* what the run ends with after the answer */
};

struct le_run {
    struct le_settings *settings;
    struct le_world world;
    struct le_lookup lookup;
    struct le_store *store;
    struct le_decoder *decoder;
    struct le_pipeline *pipeline;
    enum le_run_state state;
    bool queue_known;
    bool store_ready;
    bool drain;
    enum le_on_reject on_reject;
    uv_prepare_t turn; /* before the loop blocks: what callbacks have noted is done */
    uv_timer_t wake;   /* the clock port's */
    uv_timer_t tick;   /* once a second: patience at the start */
    struct le_run_progress progress;
    struct le_run_hidden hidden;
    uv_signal_t terminate, interrupt;
    int signal; /* the first one, 0: none */
    int status; /* enum le_exit, once ended */
    int64_t started_ms;
};

/* Makes store, decoder and look-up, and starts them. After a failure one line has been said. */
LE_MUST enum le_err le_run_open(struct le_run *run);
/* Both are there: on-reject is settled and the pipeline made. After a failure one line has been
 * said. */
LE_MUST enum le_err le_run_begin_flow(struct le_run *run);
/* Leaves the loop with that status. The first call counts. */
void le_run_end(struct le_run *run, enum le_exit status);
/* Says why, as event=failed, and ends with LE_EXIT_FAILED. */
void le_run_fail(struct le_run *run, const char *text);

/* The progress line. The timer is closed with the other handles; free when the queue's client has
 * gone. */
void le_run_progress_open(struct le_run *run);
void le_run_progress_start(struct le_run *run);
void le_run_progress_stop(struct le_run *run);
void le_run_progress_free(struct le_run *run);

/* A drain is done, and messages were hidden when it began: the queue is asked how many are, and the
 * run ends with that status when it has answered, or has not in time. */
void le_run_ask_hidden(struct le_run *run, enum le_exit status);
/* When the queue's client has gone. */
void le_run_hidden_free(struct le_run *run);

struct le_clock_port le_run_clock(struct le_run *run);

void le_run_log_start(const struct le_run *run);
void le_run_log_ready(const struct le_run *run);
/* event=summary, and for a drain the line for people on stdout. false: stdout cannot be written. */
LE_MUST bool le_run_report(struct le_run *run);
const struct le_books *le_run_books(const struct le_run *run); /* all zero before the flow */

#endif
