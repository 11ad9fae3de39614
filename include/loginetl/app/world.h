/* What the commands that speak to the queue share: the loop, the log, libcurl, the queue's client.
 */
#ifndef LE_APP_WORLD_H
#define LE_APP_WORLD_H

#include "loginetl/app/identity.h"
#include "loginetl/app/settings.h"
#include "loginetl/app/terminal.h"
#include "loginetl/aws/queue.h"
#include "loginetl/base/rng.h"
#include "loginetl/net/net.h"
#include "loginetl/pg/password.h"

#include <uv.h>

struct le_world {
    uv_loop_t loop;
    const struct le_settings *settings;
    struct le_terminal *terminal; /* the log and the progress line */
    struct le_net *net;
    struct le_queue *queue;
    struct le_identity identity;
    struct le_pg_passwords passwords; /* the database's, when they are made: app/database_auth.h */
    struct le_rng rng;                /* jitter */
};

/* Exit statuses. */
enum le_exit { LE_EXIT_DONE = 0, LE_EXIT_FAILED = 1, LE_EXIT_USAGE = 2, LE_EXIT_REJECTS = 3 };

/* Of what ended the start. LE_ERR_CONFIG is for what is certain before any request. */
static inline enum le_exit le_exit_of(enum le_err err)
{
    return err == LE_ERR_CONFIG ? LE_EXIT_USAGE : LE_EXIT_FAILED;
}

/* Secrets of the settings that only this needed are forgotten. On failure everything is undone, and
 * one line has told a person why; LE_ERR_CONFIG: it is the settings' fault. */
LE_MUST enum le_err le_world_open(struct le_world *world, struct le_settings *settings);
/* Ends the queue's client and libcurl, and runs the loop until all handles are closed; the caller
 * has closed its own before or closes them while the loop runs. */
void le_world_close(struct le_world *world);

/* LE_ERR_CONFIG, after a line about it: there are none, and the endpoint wants true ones. */
LE_MUST enum le_err le_world_need_credentials(const struct le_world *world);

/* What is sent to the dead-letter queue would be received, rejected and sent again, without end:
 * both URLs are known and name one queue. Every request goes to the same endpoint, whatever host a
 * queue's URL names. */
bool le_world_dead_letters_come_back(const struct le_world *world);
int64_t le_world_now_ms(const struct le_world *world); /* monotonic; the loop's, so of this turn */
int64_t le_wall_ms(void *unused);                      /* since 1970 */

/* Long enough for a server that is being restarted, short enough for a person who waits. */
#define LE_GIVE_UP_MS 20000

#endif
