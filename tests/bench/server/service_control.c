/* What the bench itself asks and says, beside the SQS clients. */
#include "service_internal.h"

#include <inttypes.h>
#include <string.h>

static enum le_err put_stats(const struct service *service, uint64_t cpu_us, int64_t now_ns,
                             struct le_buf *out)
{
    const struct queue *queue = &service->queue;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"messages", arrivals_count(&queue->arrivals, now_ns)},
        {"received", queue->received},
        {"redelivered", queue->redelivered},
        {"deleted", queue->deleted},
        {"stale_deletes", queue->stale_deletes},
        {"stale_changes", queue->stale_changes},
        {"receives", service->receives},
        {"empty_receives", service->empty_receives},
        {"delete_requests", service->delete_requests},
        {"requests", service->requests},
        {"refused", service->refused},
        {"dead_lettered", service->dead_lettered},
        {"in_flight", queue->in_flight},
        {"first_request_ns", (uint64_t)service->first_request_ns},
        {"first_receive_ns", (uint64_t)service->first_receive_ns},
        {"last_delete_ns", (uint64_t)service->last_delete_ns},
        {"now_ns", (uint64_t)now_ns},
        {"cpu_us", cpu_us},
    };
    enum le_err err = LE_OK;
    for (size_t i = 0; i < sizeof counts / sizeof *counts && err == LE_OK; i++)
        err = le_buf_printf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "{", counts[i].name,
                            counts[i].value);
    return err == LE_OK ? le_buf_append_text(out, "}\n") : err;
}

static enum le_err put_curve(const struct service *service, struct le_buf *out)
{
    size_t count = SERVICE_CURVE_MAX;
    while (count > 0 && service->curve[count - 1] == 0)
        count--;
    enum le_err err =
        le_buf_printf(out, "{\"first_request_ns\":%" PRId64 ",\"deleted_per_second\":[",
                      service->first_request_ns);
    for (size_t i = 0; i < count && err == LE_OK; i++)
        err = le_buf_printf(out, "%s%" PRIu64, i > 0 ? "," : "", service->curve[i]);
    return err == LE_OK ? le_buf_append_text(out, "]}\n") : err;
}

/* "/add?messages=5": the number behind that path and key. */
static bool argument(struct le_span target, const char *path, uint64_t most, uint64_t *value)
{
    size_t len = strlen(path);
    *value = 0;
    if (target.len <= len || target.len > len + 10 || memcmp(target.ptr, path, len) != 0)
        return false;
    for (size_t i = len; i < target.len; i++) {
        if (target.ptr[i] < '0' || target.ptr[i] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(target.ptr[i] - '0');
    }
    return *value <= most;
}

static enum le_err refuse(struct reply *reply, int status, const char *text)
{
    reply->status = status;
    return le_buf_append_text(reply->out, text);
}

static enum le_err change(struct service *service, struct le_span target, int64_t now_ns,
                          struct reply *reply)
{
    struct arrivals *arrivals = &service->queue.arrivals;
    uint64_t value;
    enum le_err err;
    if (argument(target, "/add?messages=", ARRIVALS_MESSAGES_MAX, &value))
        err = arrivals_add(arrivals, (uint32_t)value, 0, now_ns);
    else if (argument(target, "/rate?per_second=", 1000000, &value))
        err = arrivals_rate(arrivals, value > 0 ? 1000000000 / (int64_t)value : 0, now_ns);
    else
        return refuse(reply, 404, "{\"error\":\"not a path of this server\"}\n");
    if (err != LE_OK)
        return refuse(reply, 400, "{\"error\":\"too many messages, or changes\"}\n");
    return le_buf_append_text(reply->out, "{}\n");
}

enum service_progress service_control(struct service *service, struct le_span method,
                                      struct le_span target, int64_t now_ns, uint64_t cpu_us,
                                      struct reply *reply)
{
    enum le_err err;
    reply->status = 200;
    reply->error = NULL;
    if (le_span_is(method, "GET") && le_span_is(target, "/stats"))
        err = put_stats(service, cpu_us, now_ns, reply->out);
    else if (le_span_is(method, "GET") && le_span_is(target, "/curve"))
        err = put_curve(service, reply->out);
    else if (le_span_is(method, "POST"))
        err = change(service, target, now_ns, reply);
    else
        err = refuse(reply, 404, "{\"error\":\"not a path of this server\"}\n");
    return err == LE_OK ? SERVICE_ANSWERED : SERVICE_FAILED;
}
