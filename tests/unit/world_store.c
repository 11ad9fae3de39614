/* The store of the small world: rows and a ledger, and what it refuses. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static unsigned store_up(void *self)
{
    struct world *world = self;
    return world->faults.store_away ? 0 : world->lanes;
}

static unsigned store_idle(void *self)
{
    struct world *world = self;
    return world->faults.store_away ? 0 : world->lanes - world->submits_now;
}

static void store_submit(void *self, struct le_submit_op *op)
{
    struct world *world = self;
    assert_true(store_idle(self) > 0);
    world->submits_now++;
    world->submissions++;
    if (op->count > world->largest_batch)
        world->largest_batch = op->count;
    world_put_pending(world, WORLD_SUBMIT, op, world->now_ms + 10);
}

static void commit(struct world *world, struct le_submit_op *op)
{
    op->outcome = LE_STORE_COMMITTED;
    op->inserted = 0;
    for (size_t i = 0; i < op->count; i++) {
        struct world_message *message =
            &world->messages[world_index_of(world, op->rows[i]->message_id)];
        if (message->in_ledger)
            continue;
        message->in_ledger = true;
        message->rows++;
        op->inserted++;
    }
    for (size_t i = 0; i < op->count; i++)
        assert_false(world_is_blocked(world, world_index_of(world, op->rows[i]->message_id)));
}

/* The last row of that user_id, or -1. "constraint" is what the table's own check refuses,
 * "slow" what somebody holds a lock on, "unclear" what a trigger of it refuses with a code of its
 * own. */
static long find_culprit(const struct le_submit_op *op, const char *user_id)
{
    for (size_t i = op->count; i-- > 0;) {
        const struct le_cell *cell = &op->rows[i]->cells[0];
        if (cell->kind == LE_CELL_TEXT && cell->len == strlen(user_id) &&
            memcmp(cell->text, user_id, cell->len) == 0)
            return (long)i;
    }
    return -1;
}

static bool too_slow(struct world *world, const struct le_submit_op *op)
{
    struct world_faults *faults = &world->faults;
    if (faults->cancel_commits > 0) {
        faults->cancel_commits--;
        return true;
    }
    return (faults->rows_in_time > 0 && op->count > faults->rows_in_time) ||
           (faults->slow_rows && find_culprit(op, "slow") >= 0);
}

void world_answer_submit(struct world *world, struct le_submit_op *op)
{
    world->submits_now--;
    if (world->faults.fatal_commits > 0) {
        world->faults.fatal_commits--;
        op->outcome = LE_STORE_FATAL;
        op->err = LE_ERR_DATABASE_FATAL;
    } else if (world->faults.fail_commits > 0 || world->faults.store_away) {
        if (world->faults.fail_commits > 0)
            world->faults.fail_commits--;
        if (world->faults.fail_commits_stored)
            commit(world, op);
        op->outcome = LE_STORE_RETRY;
        op->err = LE_ERR_DATABASE;
    } else if (too_slow(world, op)) {
        op->outcome = LE_STORE_TOO_SLOW;
        op->err = LE_ERR_DATABASE;
        memcpy(op->sqlstate, "57014", 6);
    } else if (find_culprit(op, "constraint") >= 0) {
        op->outcome = LE_STORE_DATA_ERROR;
        op->bad_row = world->faults.name_last_culprit ? find_culprit(op, "constraint") : -1;
        memcpy(op->sqlstate, "23514", 6);
    } else if (world->faults.unclear_commits || find_culprit(op, "unclear") >= 0) {
        op->outcome = LE_STORE_UNCLEAR;
        op->err = LE_ERR_DATABASE;
        memcpy(op->sqlstate, "38000", 6);
    } else {
        commit(world, op);
    }
    op->done(op);
}

struct le_store_port world_store_port(struct world *world)
{
    return (struct le_store_port){world, store_up, store_idle, store_submit};
}
