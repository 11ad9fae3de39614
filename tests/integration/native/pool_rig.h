/* A loop with a net and a pool, and exchanges that note how they ended. */
#ifndef LE_TESTS_POOL_RIG_H
#define LE_TESTS_POOL_RIG_H

#include "loginetl/net/pool.h"

#include "raw_server.h"

#define RIG_EXCHANGES 64

/* For what is to go well, however busy the machine and under valgrind. */
#define RIG_PATIENCE_MS 60000

struct rig;

struct ask {
    struct le_exchange exchange;
    struct le_buf request;
    struct le_buf body;
    struct rig *rig;
    unsigned done;  /* how often done was called */
    unsigned order; /* the first of all that was done has 1 */
    enum le_err err;
    int status;
    char kind[64];                   /* the answer's Content-Type */
    void (*then)(struct ask *asked); /* called at the end of done; NULL for none */
};

struct rig {
    uv_loop_t loop;
    struct le_net *net;
    struct le_pool *pool;
    unsigned done; /* of all asks */
    bool inside;   /* a call into the pool is under way: done must not come now */
    struct ask asks[RIG_EXCHANGES];
};

/* One for all tests of a group: cmocka's fixtures. */
int rig_setup(void **state);
int rig_teardown(void **state); /* closes what is open and lets the loop end by itself */

/* origin as le_pool_new takes it; ca_file may be NULL. Closes what was open. */
void rig_open(struct rig *rig, const char *origin, const char *ca_file, unsigned connections_max);
void rig_open_config(struct rig *rig, const struct le_pool_config *config, const char *ca_file);
void rig_open_raw(struct rig *rig, const struct raw_server *server, unsigned connections_max);
/* Closes pool and net and runs the loop until nothing is left. */
void rig_close(struct rig *rig);

/* A POST of body_len bytes to /echo, sent. */
struct ask *rig_post(struct rig *rig, size_t body_len, int64_t timeout_ms);
struct ask *rig_get(struct rig *rig, int64_t timeout_ms);
void rig_send(struct rig *rig, struct ask *ask);
void rig_cancel(struct rig *rig, struct ask *ask, bool only_unanswered);
void rig_close_pool(struct rig *rig);
/* Runs the loop until that many exchanges are done. */
void rig_wait(struct rig *rig, unsigned done);
/* Runs the loop until the condition holds; the test fails after RIG_PATIENCE_MS. */
void rig_run_until(struct rig *rig, bool (*holds)(void *what), void *what);
/* Until the server has read so many requests. */
void rig_run_requests(struct rig *rig, struct raw_server *server, unsigned requests);
/* Until the server has nobody to serve. */
void rig_run_deserted(struct rig *rig, struct raw_server *server);
/* Runs the loop for that long. */
void rig_run_ms(struct rig *rig, unsigned ms);
/* GET and wait: the result is checked. */
void rig_expect(struct rig *rig, enum le_err err, const char *body);

#endif
