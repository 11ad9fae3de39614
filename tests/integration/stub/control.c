/* /control: what a test asks of the stub. Plain, small, and never part of what a client under test
 * sees. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "server.h"

enum { RECORDS_MAX = 4096 };

static char *records[RECORDS_MAX]; /* JSON texts, a ring */
static uint64_t recorded;

static const char *argument(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void refuse(struct call *call, int status, const char *why)
{
    text_clear(&call->request.answer.body);
    text_printf(&call->request.answer.body, "{\"error\":\"%s\"}", why);
    call->request.answer.status = status;
}

static struct queue *queue_named(struct call *call, const char *key)
{
    const char *name = argument(call, key);
    struct queue *queue = name ? queue_find(name, strlen(name)) : NULL;
    if (!queue)
        refuse(call, 404, "no such queue");
    return queue;
}

/* ---- counters ---- */

static void put_queue_counts(struct text *out, const struct queue *queue)
{
    const struct queue_counts *c = &queue->counts;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"visible", queue_visible(queue)},
                  {"in_flight", queue->leases.count},
                  {"sent", c->sent},
                  {"received", c->received},
                  {"redelivered", c->redelivered},
                  {"doubled", c->doubled},
                  {"deleted", c->deleted},
                  {"deleted_again", c->deleted_again},
                  {"stale_deletes", c->stale_deletes},
                  {"extended", c->extended},
                  {"released", c->released},
                  {"expired", c->expired},
                  {"dead_lettered", c->dead_lettered}};
    text_printf(out, "\"%s\":{", queue->name);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        text_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "", counts[i].name, counts[i].value);
    text_puts(out, "}");
}

static void counters(struct call *call)
{
    struct text *out = &call->request.answer.body;
    text_puts(out, "{\"requests\":");
    sqs_requests_list(out);
    text_puts(out, ",\"queues\":{");
    for (unsigned i = 0; i < queue_count; i++) {
        text_puts(out, i ? "," : "");
        queue_expire(queues[i], monotonic_us());
        put_queue_counts(out, queues[i]);
    }
    text_puts(out, "},\"violations\":{");
    uint64_t bad = 0;
    for (int i = 0; i < VIOLATION_KINDS; bad += violations[i++])
        text_printf(out, "%s\"%s\":%" PRIu64, i ? "," : "", violation_names[i], violations[i]);
    text_printf(out, "},\"bad_requests\":%" PRIu64 ",\"connections\":%" PRIu64 ",\"waiting\":%u}",
                bad, server_connections(), server_waiting());
}

/* ---- queues and messages ---- */

static void put_message(struct text *out, const struct message *message)
{
    text_printf(out,
                "{\"id\":\"%s\",\"md5\":\"%s\",\"receives\":%" PRIu32 ",\"sent_ms\":%" PRId64
                ",\"in_flight\":%s,",
                message->id, message->md5, message->receives, message->sent_ms,
                message->lease.at ? "true" : "false");
    text_printf(out, "\"attributes\":%s,\"body\":\"",
                message->attributes ? message->attributes : "{}");
    text_add(out, message->body, message->length);
    text_puts(out, "\"}");
}

static void list_queue(struct call *call)
{
    struct text *out = &call->request.answer.body;
    struct queue *queue = queue_named(call, "name");
    if (!queue)
        return;
    queue_expire(queue, monotonic_us());
    text_puts(out, "[");
    for (uint32_t i = 0; i < queue->slots_used; i++) {
        if (!queue->slots[i])
            continue;
        text_puts(out, out->length > 1 ? ",\n" : "");
        put_message(out, queue->slots[i]);
    }
    text_puts(out, "]");
}

static bool set_number(struct call *call, const char *name, int64_t low, int64_t high,
                       int64_t *number)
{
    const char *text = argument(call, name);
    char *end = NULL;
    long long value = text ? strtoll(text, &end, 10) : *number;
    if (text && (*end || end == text || value < low || value > high)) {
        refuse(call, 400, "a number is wrong or out of range");
        return false;
    }
    *number = value;
    return true;
}

static void set_queue(struct call *call)
{
    const char *name = argument(call, "name"), *stale = argument(call, "stale"),
               *deleted = argument(call, "deleted");
    struct queue *queue = name ? queue_create(name, strlen(name)) : NULL;
    if (!queue) {
        refuse(call, 400, "the name is no queue's name");
        return;
    }
    int64_t visibility = queue->visibility_s, in_flight = queue->in_flight_max;
    if (!set_number(call, "visibility_s", 0, 43200, &visibility) ||
        !set_number(call, "in_flight_max", 1, UINT32_MAX, &in_flight))
        return;
    queue->visibility_s = (unsigned)visibility;
    queue->in_flight_max = (unsigned)in_flight;
    if (stale)
        queue->stale = !strcmp(stale, "delete")   ? STALE_DELETE
                       : !strcmp(stale, "refuse") ? STALE_REFUSE
                                                  : STALE_IGNORE;
    if (deleted)
        queue->refuse_deleted = !strcmp(deleted, "refuse");
    text_printf(&call->request.answer.body, "{\"url\":\"%s\"}", sqs_queue_url(queue));
}

static void add_lines(struct call *call)
{
    struct queue *queue = queue_named(call, "queue");
    const char *at = call->body.bytes, *end = at + call->body.length;
    unsigned count = 0;
    while (queue && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        queue_send(queue, at, (size_t)(stop - at), NULL);
        count++;
        at = stop + 1;
    }
    if (queue)
        text_printf(&call->request.answer.body, "{\"added\":%u}", count);
}

/* One message of any bytes, among them those that SQS itself would refuse to take. */
static void add_message(struct call *call)
{
    struct queue *queue = queue_named(call, "queue");
    int64_t copies = 1;
    if (!queue || !set_number(call, "copies", 1, 1000000, &copies))
        return;
    for (int64_t i = 0; i < copies; i++)
        queue_send(queue, call->body.bytes ? call->body.bytes : "", call->body.length, NULL);
    text_printf(&call->request.answer.body, "{\"added\":%" PRId64 "}", copies);
}

/* Every lease ends now, as if as much time had passed. */
static void expire(struct call *call)
{
    struct queue *queue = queue_named(call, "queue");
    if (!queue)
        return;
    uint64_t before = queue->counts.expired;
    queue_expire(queue, INT64_MAX);
    text_printf(&call->request.answer.body, "{\"expired\":%" PRIu64 "}",
                queue->counts.expired - before);
}

/* ---- faults and settings ---- */

static void add_faults(struct call *call)
{
    struct json root = json_parse(call->body.bytes, call->body.length);
    struct json rule = root.type == JSON_ARRAY ? json_first(root) : root;
    const char *reason;
    text_puts(&call->request.answer.body, "{\"numbers\":[");
    for (; rule.type == JSON_OBJECT; rule = json_next(rule)) {
        unsigned number = fault_add(rule, &reason);
        if (!number) {
            refuse(call, 400, reason);
            return;
        }
        text_printf(
            &call->request.answer.body, "%s%u",
            call->request.answer.body.bytes[call->request.answer.body.length - 1] == '[' ? "" : ",",
            number);
        if (root.type == JSON_OBJECT)
            break;
    }
    text_puts(&call->request.answer.body, "]}");
}

static void set_settings(struct call *call)
{
    int64_t latency = settings.latency_ms, skew = settings.skew_s, keep = settings.recorded;
    if (!set_number(call, "latency_ms", 0, 600000, &latency) ||
        !set_number(call, "skew_s", -1000000, 1000000, &skew) ||
        !set_number(call, "recorded", 0, RECORDS_MAX, &keep))
        return;
    settings.latency_ms = (unsigned)latency;
    settings.skew_s = skew;
    settings.recorded = (unsigned)keep;
    text_puts(&call->request.answer.body, "{}");
}

static void list_faults(struct call *call)
{
    faults_list(&call->request.answer.body);
}

static void clear_faults(struct call *call)
{
    faults_clear();
    text_puts(&call->request.answer.body, "{}");
}

/* ---- requests as they came ---- */

static void put_string(struct text *out, const char *bytes, size_t length)
{
    text_puts(out, "\"");
    text_escape(out, bytes, length);
    text_puts(out, "\"");
}

static enum MHD_Result put_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct text *out = context;
    (void)kind;
    text_puts(out, out->bytes[out->length - 1] == '[' ? "[" : ",[");
    put_string(out, name, strlen(name));
    text_puts(out, ",");
    put_string(out, value ? value : "", value ? strlen(value) : 0);
    text_puts(out, "]");
    return MHD_YES;
}

void control_record(struct call *call, const char *url)
{
    struct text record = {0};
    size_t length;
    if (!settings.recorded)
        return;
    text_puts(&record, "{\"path\":");
    put_string(&record, url, strlen(url));
    text_puts(&record, ",\"headers\":[");
    MHD_get_connection_values(call->connection, MHD_HEADER_KIND, put_header, &record);
    text_puts(&record, "],\"body\":");
    put_string(&record, call->body.bytes, call->body.length);
    text_puts(&record, "}");
    char **place = &records[recorded++ % settings.recorded];
    free(*place);
    *place = text_take(&record, &length);
}

static void list_requests(struct call *call)
{
    uint64_t count = settings.recorded < recorded ? settings.recorded : recorded;
    struct text *out = &call->request.answer.body;
    text_puts(out, "[");
    for (uint64_t i = recorded - count; i < recorded; i++) {
        const char *record = records[i % settings.recorded];
        text_puts(out, out->length > 1 && record ? ",\n" : "");
        text_puts(out, record ? record : "");
    }
    text_puts(out, "]");
}

void control_close(void)
{
    for (size_t i = 0; i < RECORDS_MAX; i++)
        free(records[i]);
}

/* ---- dispatch ---- */

void control_handle(struct call *call, const char *method, const char *path)
{
    static const struct {
        const char *method, *path;
        void (*function)(struct call *);
    } routes[] = {{"GET", "/counters", counters},      {"GET", "/queue", list_queue},
                  {"POST", "/queue", set_queue},       {"POST", "/messages", add_lines},
                  {"POST", "/message", add_message},   {"GET", "/faults", list_faults},
                  {"POST", "/faults", add_faults},     {"DELETE", "/faults", clear_faults},
                  {"POST", "/settings", set_settings}, {"GET", "/requests", list_requests},
                  {"POST", "/expire", expire}};
    call->request.answer.status = 200;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (!strcmp(method, routes[i].method) && !strcmp(path, routes[i].path)) {
            routes[i].function(call);
            return;
        }
    refuse(call, 404, "no such thing to control");
}
