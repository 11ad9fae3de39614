/* The calls before the first receive: the queue's URL, its attributes, its dead-letter queue's URL.
 */
#ifndef LE_APP_LOOKUP_H
#define LE_APP_LOOKUP_H

#include "loginetl/app/world.h"
#include "loginetl/base/backoff.h"

enum le_lookup_step {
    LE_LOOKUP_QUEUE_URL,
    LE_LOOKUP_ATTRIBUTES,
    LE_LOOKUP_DEAD_LETTER_URL,
    LE_LOOKUP_DONE
};

/* The caller's; it must stay until the closing callback of its timer has come (le_lookup_close). */
struct le_lookup {
    /* in */
    struct le_world *world;
    bool only_url;        /* no attributes, no dead-letter queue */
    bool before_receives; /* as in le_queue_call */
    int64_t give_up_ms;   /* failures that may pass are retried for so long; 0: for ever */
    void (*done)(struct le_lookup *lookup); /* once, from the loop */
    void *owner;
    /* out */
    enum le_err err;
    enum le_lookup_step failed_at; /* with err set */
    char failure[512];             /* what failed and what to do, for a person; "" after LE_OK */
    enum le_err attributes_err;    /* refused is no failure: LE_ERR_DENIED for example */
    enum le_err dead_letter_err;  /* of the look-up of the redrive target; its URL was made from the
                                     ARN then */
    int64_t visible, not_visible; /* -1: not known */
    int64_t max_receive_count;    /* 0: no redrive policy */
    /* own */
    enum le_lookup_step step;
    struct le_queue_call call;
    struct le_backoff backoff;
    uv_timer_t timer;
    int64_t started_ms;
    bool away; /* the state last told to the log */
    char dead_letter_arn[256];
    char own_account[32]; /* "": not known */
};

/* Starts on the next turn of the loop. */
void le_lookup_start(struct le_lookup *lookup);
/* Ends it without done when it is under way. */
void le_lookup_close(struct le_lookup *lookup);

#endif
