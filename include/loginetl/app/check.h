/* `check`: what its two halves share. */
#ifndef LE_APP_CHECK_H
#define LE_APP_CHECK_H

#include "loginetl/app/lookup.h"
#include "loginetl/app/world.h"

#define LE_CHECK_PATIENCE_MS 10000

/* SKIP: it was not tried, and nothing is known of it. */
enum le_verdict { LE_VERDICT_OK, LE_VERDICT_WARN, LE_VERDICT_SKIP, LE_VERDICT_FAIL };

struct le_check {
    struct le_settings *settings;
    struct le_world world;
    struct le_lookup lookup;
    struct le_queue_call call;
    struct le_store *store;
    uv_timer_t timer;
    uv_timer_t notice;       /* of a wait: a person at a terminal is told what for */
    const char *waiting_for; /* the server's name in that sentence */
    bool store_ready, store_failed;
    bool failed; /* at least one thing is not well */
};

/* One line on stdout. */
void le_check_tell(struct le_check *check, enum le_verdict verdict, const char *what,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Runs the loop until a callback says go on: the command does one thing after the other. server:
 * "queue" or "database". */
void le_check_wait(struct le_check *check, const char *server);
void le_check_go_on(struct le_check *check);

void le_check_queue(struct le_check *check);
void le_check_store(struct le_check *check);

#endif
