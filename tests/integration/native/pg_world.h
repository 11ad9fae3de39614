/* A store on a loop of its own, rows for it, and what it said. */
#ifndef LE_TEST_PG_WORLD_H
#define LE_TEST_PG_WORLD_H

#include "loginetl/pg/store.h"
#include "pg_cluster.h"

#define ROW_FIELDS 7

/* Messages with rows; the texts are in each row's own space. */
struct row_set {
    size_t count;
    struct le_message *messages;
    struct le_message **pointers;
    struct le_cell *cells;
    char *texts;
};

struct row_wish {
    size_t count;
    uint64_t first_id;  /* ids are consecutive numbers, so two sets can overlap */
    int64_t sent_at_ms; /* of the first; each later one is a millisecond later */
    bool text_version;
};

void row_set_make(struct row_set *rows, const struct row_wish *wish);
void row_set_free(struct row_set *rows);
/* A text cell of one row; text stays the caller's. */
void row_set_text(struct row_set *rows, size_t row, size_t field, const char *text);

struct pg_world {
    uv_loop_t loop;
    uv_timer_t deadline;
    uint64_t deadline_ms;
    bool too_late;
    struct le_fields fields;
    struct le_store_config config;
    char url[512];
    struct le_store *store;
    struct le_store_port port;
    unsigned changed, ready, failed;
    int64_t wall_ms; /* 0: the system's */
};

/* A submission and whether it is done. */
struct pg_batch {
    struct le_submit_op op;
    unsigned done;
};

/* Fills config with what most tests want; change it, then open. */
void pg_world_init(struct pg_world *world, const struct pg_cluster *cluster, const char *database);
/* Another url than the cluster's. */
void pg_world_set_url(struct pg_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pg_world_open(struct pg_world *world);  /* the store must be made */
void pg_world_close(struct pg_world *world); /* and the loop must end empty */

/* Runs the loop until the condition holds, a minute at most (then the test fails). */
void pg_world_run(struct pg_world *world, bool (*holds)(const void *), const void *what);
/* Until it has said so, and the upkeep that comes before the first statement is over. */
void pg_world_run_ready(struct pg_world *world);
void pg_world_run_failed(struct pg_world *world);
void pg_world_run_unavailable(struct pg_world *world); /* two attempts in a row have failed */
void pg_world_run_idle(struct pg_world *world, unsigned connections);
void pg_world_run_for(struct pg_world *world, uint64_t ms);

void pg_world_submit(struct pg_world *world, struct pg_batch *batch, const struct row_set *rows);
/* Submits and waits. */
enum le_store_outcome pg_world_store(struct pg_world *world, struct pg_batch *batch,
                                     const struct row_set *rows);
void pg_world_run_batch(struct pg_world *world, struct pg_batch *batch);

/* All that was logged since pg_log_clear. */
const char *pg_log(void);
void pg_log_clear(void);

#endif
