#include "floor.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_CALL 10

void floor_die(const char *format, ...)
{
    va_list more;
    va_start(more, format);
    fputs("loginetl_floor: ", stderr);
    vfprintf(stderr, format, more);
    fputc('\n', stderr);
    va_end(more);
    exit(1);
}

static void must(enum le_err err)
{
    if (err != LE_OK)
        floor_die("%s", le_err_text(err));
}

/* --- requests --- */

const char *floor_target(enum floor_kind kind)
{
    return kind == FLOOR_RECEIVE ? "AmazonSQS.ReceiveMessage" : "AmazonSQS.DeleteMessageBatch";
}

/* It never changes. */
static void write_receive(struct floor_call *call)
{
    must(le_buf_printf(
        &call->request,
        "{\"QueueUrl\":\"%s\",\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":0,"
        "\"VisibilityTimeout\":60,\"MessageSystemAttributeNames\":[\"SentTimestamp\"]}",
        call->floor->url, PER_CALL));
}

static void put(struct le_buf *out, const char *text, size_t len)
{
    must(le_buf_append(out, text, len));
}

static void write_delete(struct floor_call *call, const struct floor_row *rows, size_t count)
{
    struct le_buf *out = &call->request;
    le_buf_clear(out);
    must(le_buf_printf(out, "{\"QueueUrl\":\"%s\",\"Entries\":[", call->floor->url));
    for (size_t i = 0; i < count; i++) {
        char head[] = ",{\"Id\":\"0\",\"ReceiptHandle\":\"";
        head[8] = (char)('0' + i);
        put(out, i > 0 ? head : head + 1, sizeof head - 1 - (i == 0));
        put(out, rows[i].handle, rows[i].handle_len);
        put(out, "\"}", 2);
    }
    put(out, "]}", 2);
}

/* --- answers --- */

/* The value behind a key in bytes up to stop; NULL: it is not there. */
static const char *behind(const char *bytes, const char *stop, const char *key)
{
    const char *found = strstr(bytes, key);
    return found != NULL && found < stop ? found + strlen(key) : NULL;
}

static void take_message(struct floor_batch *batch, const char *handle, const char *stop)
{
    struct floor_row *row = &batch->rows[batch->count++];
    const char *end = strchr(handle, '"');
    if (end == NULL || end - handle > FLOOR_HANDLE_MAX)
        floor_die("a receipt handle that is too long");
    row->handle_len = (unsigned short)(end - handle);
    memcpy(row->handle, handle, row->handle_len);
    const char *user = behind(end, stop, "user_id\\\": \\\"");
    if (user != NULL && stop - user >= FLOOR_USER_LEN)
        memcpy(row->user, user, FLOOR_USER_LEN);
    else
        memset(row->user, '-', FLOOR_USER_LEN);
}

static size_t take_messages(struct floor_batch *batch, const char *bytes, size_t len)
{
    static const char key[] = "\"ReceiptHandle\":\"";
    const char *stop = bytes + len;
    const char *handle = behind(bytes, stop, key);
    size_t count = 0;
    for (; handle != NULL; count++) {
        const char *next = count + 1 < PER_CALL ? behind(handle, stop, key) : NULL;
        take_message(batch, handle, next != NULL ? next : stop);
        handle = next;
    }
    return count;
}

/* --- the flow --- */

static void send_call(struct floor_call *call)
{
    call->busy = true;
    if (call->kind == FLOOR_RECEIVE)
        call->floor->receiving++;
    else
        call->floor->deleting++;
    transport_send(call);
}

static struct floor_batch *batch_in(struct floor *floor, enum floor_batch_state state)
{
    for (size_t i = 0; i < FLOOR_BATCHES; i++)
        if (floor->batches[i].state == state)
            return &floor->batches[i];
    return NULL;
}

static void gather_in(struct floor *floor, struct floor_batch *batch)
{
    batch->state = FLOOR_GATHERING;
    batch->count = batch->deleted = 0;
    floor->gathering = batch;
}

/* What is gathered, when the connection is idle and there is somewhere to gather meanwhile. */
static void submit(struct floor *floor)
{
    struct floor_batch *batch = floor->gathering, *next = batch_in(floor, FLOOR_FREE);
    if (floor->pg.busy || batch->count == 0 || next == NULL)
        return;
    size_t rest = batch->count > floor->batch_rows ? batch->count - floor->batch_rows : 0;
    gather_in(floor, next);
    batch->count -= rest;
    batch->state = FLOOR_COMMITTING;
    memcpy(next->rows, batch->rows + batch->count, rest * sizeof *next->rows);
    next->count = rest;
    floor_pg_submit(&floor->pg, batch->rows, batch->count);
}

static void delete_some(struct floor_call *call, struct floor_batch *batch)
{
    size_t count = batch->count - batch->deleted;
    if (count > PER_CALL)
        count = PER_CALL;
    write_delete(call, batch->rows + batch->deleted, count);
    batch->deleted += count;
    if (batch->deleted == batch->count)
        batch->state = FLOOR_FREE;
    send_call(call);
}

static void delete_all(struct floor *floor)
{
    struct floor_batch *batch = batch_in(floor, FLOOR_DELETING);
    for (size_t i = floor->concurrency; i < 2 * floor->concurrency && batch != NULL; i++) {
        if (floor->calls[i].busy)
            continue;
        delete_some(&floor->calls[i], batch);
        batch = batch_in(floor, FLOOR_DELETING);
    }
}

static void receive_all(struct floor *floor)
{
    for (size_t i = 0; i < floor->concurrency; i++) {
        struct floor_call *call = &floor->calls[i];
        if (!call->busy && !call->stopped && floor->gathering->count < floor->batch_rows)
            send_call(call);
    }
}

static void go_on(struct floor *floor)
{
    submit(floor);
    delete_all(floor);
    submit(floor); /* a batch may have come free */
    receive_all(floor);
    if (floor->receiving == 0 && floor->deleting == 0 && !floor->pg.busy &&
        floor->gathering->count == 0)
        transport_stop();
}

void floor_answered(struct floor_call *call, int status, const char *bytes, size_t len)
{
    struct floor *floor = call->floor;
    call->busy = false;
    if (status != 200)
        floor_die("status %d of a %s", status, floor_target(call->kind));
    if (call->kind == FLOOR_RECEIVE) {
        floor->receiving--;
        size_t count = take_messages(floor->gathering, bytes, len);
        call->empty_answers = count > 0 ? 0 : call->empty_answers + 1;
        call->stopped = call->empty_answers == 2;
    } else {
        floor->deleting--;
        if (strstr(bytes, "\"Failed\"") != NULL)
            floor_die("a message that is not deleted");
    }
    go_on(floor);
}

void floor_pg_ready(struct floor *floor)
{
    if (!floor_pg_advance(&floor->pg))
        return;
    struct floor_batch *batch = batch_in(floor, FLOOR_COMMITTING);
    floor->stored += batch->count;
    batch->state = FLOOR_DELETING;
    go_on(floor);
}

/* --- start and end --- */

static size_t number(const char *text, size_t most)
{
    char *end;
    unsigned long found = strtoul(text, &end, 10);
    if (*end != '\0' || found == 0 || found > most)
        floor_die("not a number from 1 to %zu: %s", most, text);
    return found;
}

static void read_options(struct floor *floor, int argc, char **argv)
{
    static const struct option names[] = {{"concurrency", required_argument, NULL, 'c'},
                                          {"batch-rows", required_argument, NULL, 'b'},
                                          {NULL, 0, NULL, 0}};
    int which;
    *floor = (struct floor){.concurrency = 32, .batch_rows = 1000};
    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (which == 'c')
            floor->concurrency = number(optarg, FLOOR_CONCURRENCY_MAX);
        else if (which == 'b')
            floor->batch_rows = number(optarg, FLOOR_ROWS_MAX);
        else
            exit(2);
    }
    if (argc - optind != 2)
        floor_die("usage: URL DATABASE_URL [--concurrency N] [--batch-rows N]");
    floor->url = argv[optind];
    floor->database_url = argv[optind + 1];
}

void floor_init(struct floor *floor, int argc, char **argv)
{
    read_options(floor, argc, argv);
    size_t rows_max = floor->batch_rows + PER_CALL * floor->concurrency;
    for (size_t i = 0; i < FLOOR_BATCHES; i++) {
        floor->batches[i].rows = calloc(rows_max, sizeof(struct floor_row));
        if (floor->batches[i].rows == NULL)
            floor_die("no memory");
    }
    for (size_t i = 0; i < 2 * floor->concurrency; i++) {
        struct floor_call *call = &floor->calls[i];
        call->floor = floor;
        call->kind = i < floor->concurrency ? FLOOR_RECEIVE : FLOOR_DELETE;
        le_buf_init(&call->request, 65536);
        if (call->kind == FLOOR_RECEIVE)
            write_receive(call);
    }
    gather_in(floor, &floor->batches[0]);
    floor_pg_connect(&floor->pg, floor->database_url, rows_max);
}

void floor_start(struct floor *floor)
{
    transport_watch(PQsocket(floor->pg.conn), false);
    go_on(floor);
}

void floor_free(struct floor *floor)
{
    printf("%llu rows\n", (unsigned long long)floor->stored);
    floor_pg_close(&floor->pg);
    for (size_t i = 0; i < FLOOR_BATCHES; i++)
        free(floor->batches[i].rows);
    for (size_t i = 0; i < 2 * floor->concurrency; i++)
        le_buf_free(&floor->calls[i].request);
}
