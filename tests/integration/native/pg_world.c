#include "pg_world.h"

#include "loginetl/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#define TEXT_SIZE   160
#define LOG_MAX     (1 << 20)
#define WAIT_MAX_MS 60000
#define TICK_MS     20

/* ---- the log ---- */

static char log_text[LOG_MAX];
static size_t log_len;

static void log_sink(void *self, const char *line, size_t len)
{
    (void)self;
    if (log_len + len < sizeof log_text) {
        memcpy(log_text + log_len, line, len);
        log_len += len;
        log_text[log_len] = '\0';
    }
    if (getenv("SHOW_LOG") != NULL)
        fprintf(stderr, "%.*s", (int)len, line);
}

static int64_t system_ms(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

static int64_t log_wall(void *self)
{
    (void)self;
    return system_ms();
}

const char *pg_log(void)
{
    return log_text;
}

void pg_log_clear(void)
{
    static const struct le_log_config config = {
        .level = LE_LOG_DEBUG, .format = LE_LOG_LOGFMT, .sink = log_sink, .wall_ms = log_wall};
    le_log_init(&config);
    log_len = 0;
    log_text[0] = '\0';
}

/* ---- rows ---- */

static void set_text(struct row_set *rows, size_t row, size_t field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void set_text(struct row_set *rows, size_t row, size_t field, const char *format, ...)
{
    char *text = rows->texts + (row * ROW_FIELDS + field) * TEXT_SIZE;
    va_list args;
    va_start(args, format);
    vsnprintf(text, TEXT_SIZE, format, args);
    va_end(args);
    row_set_text(rows, row, field, text);
}

void row_set_text(struct row_set *rows, size_t row, size_t field, const char *text)
{
    rows->messages[row].cells[field] =
        (struct le_cell){.kind = LE_CELL_TEXT, .len = (uint32_t)strlen(text), .text = text};
}

static void make_row(struct row_set *rows, const struct row_wish *wish, size_t i)
{
    struct le_message *message = &rows->messages[i];
    uint64_t id = wish->first_id + i;
    message->cells = &rows->cells[i * ROW_FIELDS];
    message->sent_at_ms = wish->sent_at_ms < 0 ? wish->sent_at_ms : wish->sent_at_ms + (int64_t)id;
    for (size_t byte = 0; byte < 8; byte++)
        message->id[15 - byte] = (uint8_t)(id >> (8 * byte));
    set_text(rows, i, 0, "user-%llu", (unsigned long long)id);
    set_text(rows, i, 1, "android");
    set_text(rows, i, 2, "%064llx", (unsigned long long)id);
    set_text(rows, i, 3, "%064llx", (unsigned long long)id * 7);
    if (i % 3 == 0)
        message->cells[4] = (struct le_cell){.kind = LE_CELL_NULL};
    else
        set_text(rows, i, 4, "DE");
    message->cells[5] = (struct le_cell){.kind = LE_CELL_INT, .num = 230};
    if (wish->text_version)
        set_text(rows, i, 5, "2.3.0");
    message->cells[6] = (struct le_cell){.kind = LE_CELL_DATE, .num = 19723}; /* 2024-01-01 */
    rows->pointers[i] = message;
}

void row_set_make(struct row_set *rows, const struct row_wish *wish)
{
    rows->count = wish->count;
    rows->messages = calloc(wish->count, sizeof *rows->messages);
    rows->pointers = calloc(wish->count, sizeof *rows->pointers);
    rows->cells = calloc(wish->count * ROW_FIELDS, sizeof *rows->cells);
    rows->texts = calloc(wish->count * ROW_FIELDS, TEXT_SIZE);
    assert_true(rows->messages && rows->pointers && rows->cells && rows->texts);
    for (size_t i = 0; i < wish->count; i++)
        make_row(rows, wish, i);
}

void row_set_free(struct row_set *rows)
{
    free(rows->messages);
    free(rows->pointers);
    free(rows->cells);
    free(rows->texts);
}

/* ---- the store ---- */

static void on_changed(void *owner)
{
    ((struct pg_world *)owner)->changed++;
}

static void on_ready(void *owner)
{
    ((struct pg_world *)owner)->ready++;
}

static void on_failed(void *owner, enum le_err err)
{
    assert_int_equal(err, LE_ERR_DATABASE_FATAL);
    ((struct pg_world *)owner)->failed++;
}

static int64_t world_wall(void *self)
{
    const struct pg_world *world = self;
    return world->wall_ms != 0 ? world->wall_ms : system_ms();
}

void pg_world_init(struct pg_world *world, const struct pg_cluster *cluster, const char *database)
{
    memset(world, 0, sizeof *world);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    assert_int_equal(uv_timer_init(&world->loop, &world->deadline), 0);
    world->deadline.data = world;
    pg_cluster_url(cluster, database, world->url);
    le_fields_builtin(&world->fields);
    world->config = (struct le_store_config){
        .loop = &world->loop,
        .database_url = world->url,
        .table = "user_logins",
        .fields = &world->fields,
        .connections = 2,
        .batch_rows = 10000,
        .ledger = true,
        .window_days = 15,
        .mask_chars = 64,
        .schema = LE_SCHEMA_CREATE,
        .seed = 42,
        .wall_ms = world_wall,
        .self = world,
        .changed = on_changed,
        .ready = on_ready,
        .failed = on_failed,
        .owner = world,
    };
    pg_log_clear();
}

void pg_world_set_url(struct pg_world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(world->url, sizeof world->url, format, args);
    va_end(args);
    assert_in_range(len, 1, sizeof world->url - 1);
}

void pg_world_open(struct pg_world *world)
{
    assert_int_equal(le_store_new(&world->config, &world->store), LE_OK);
    world->port = le_store_port(world->store);
    assert_int_equal(world->port.up(world->port.self), 0);
    assert_int_equal(world->port.idle(world->port.self), 0);
}

void pg_world_close(struct pg_world *world)
{
    if (world->store != NULL)
        le_store_close(world->store);
    uv_close((uv_handle_t *)&world->deadline, NULL);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

/* It ticks, because a turn of the loop may do its work before it waits for the next event. */
static void on_tick(uv_timer_t *timer)
{
    struct pg_world *world = timer->data;
    world->too_late = uv_now(&world->loop) >= world->deadline_ms;
}

static void start_waiting(struct pg_world *world, uint64_t ms)
{
    uv_update_time(&world->loop);
    world->too_late = false;
    world->deadline_ms = uv_now(&world->loop) + ms;
    uv_timer_start(&world->deadline, on_tick, 0, ms < TICK_MS ? ms : TICK_MS);
}

void pg_world_run(struct pg_world *world, bool (*holds)(const void *), const void *what)
{
    start_waiting(world, WAIT_MAX_MS);
    while (!world->too_late && !holds(what))
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_timer_stop(&world->deadline);
    if (world->too_late)
        fail_msg("waited in vain; the log:\n%s", pg_log());
}

static bool is_ready(const void *what)
{
    const struct pg_world *world = what;
    return world->ready > 0 && world->port.idle(world->port.self) > 0;
}

static bool has_failed(const void *what)
{
    return ((const struct pg_world *)what)->failed > 0;
}

static bool has_failed_twice(const void *what)
{
    return le_store_failures_in_a_row(((const struct pg_world *)what)->store) >= 2;
}

struct idle_wish {
    struct pg_world *world;
    unsigned connections;
};

static bool is_idle(const void *what)
{
    const struct idle_wish *wish = what;
    return wish->world->port.idle(wish->world->port.self) == wish->connections;
}

static bool is_done(const void *what)
{
    return ((const struct pg_batch *)what)->done > 0;
}

void pg_world_run_ready(struct pg_world *world)
{
    pg_world_run(world, is_ready, world);
    assert_int_equal(world->ready, 1);
    assert_int_equal(world->failed, 0);
}

void pg_world_run_failed(struct pg_world *world)
{
    pg_world_run(world, has_failed, world);
    assert_int_equal(world->failed, 1);
}

void pg_world_run_unavailable(struct pg_world *world)
{
    pg_world_run(world, has_failed_twice, world);
}

void pg_world_run_idle(struct pg_world *world, unsigned connections)
{
    const struct idle_wish wish = {world, connections};
    pg_world_run(world, is_idle, &wish);
}

void pg_world_run_for(struct pg_world *world, uint64_t ms)
{
    start_waiting(world, ms);
    while (!world->too_late)
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_timer_stop(&world->deadline);
}

static void on_done(struct le_submit_op *op)
{
    ((struct pg_batch *)op->owner)->done++;
}

void pg_world_submit(struct pg_world *world, struct pg_batch *batch, const struct row_set *rows)
{
    memset(batch, 0, sizeof *batch);
    batch->op.rows = rows->pointers;
    batch->op.count = rows->count;
    batch->op.done = on_done;
    batch->op.owner = batch;
    world->port.submit(world->port.self, &batch->op);
    assert_int_equal(batch->done, 0); /* never from inside */
}

void pg_world_run_batch(struct pg_world *world, struct pg_batch *batch)
{
    pg_world_run(world, is_done, batch);
    assert_int_equal(batch->done, 1);
}

enum le_store_outcome pg_world_store(struct pg_world *world, struct pg_batch *batch,
                                     const struct row_set *rows)
{
    pg_world_submit(world, batch, rows);
    pg_world_run_batch(world, batch);
    return batch->op.outcome;
}
