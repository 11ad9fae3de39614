#include "server.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "call.h"

enum { REQUEST_MAX = 8 << 20, CONNECTION_MEMORY = 128 << 10 };

struct settings settings;

static struct MHD_Daemon *daemon_;
static struct heap timers;
static uint64_t connections;
static unsigned waiting;
static char base[300];

uint64_t server_connections(void)
{
    return connections;
}

unsigned server_waiting(void)
{
    return waiting;
}

/* ---- a request waits, and goes on ---- */

static void hold(struct call *call, enum call_state state, int64_t for_us)
{
    call->state = state;
    heap_remove(&timers, &call->timer);
    heap_add(&timers, &call->timer, monotonic_us() + for_us);
    if (call->suspended)
        return;
    call->suspended = true;
    MHD_suspend_connection(call->connection);
}

static void ready(struct call *call)
{
    heap_remove(&timers, &call->timer);
    call->state = CALL_READY;
    if (!call->suspended)
        return;
    call->suspended = false;
    MHD_resume_connection(call->connection);
}

static void join_waiters(struct call *call)
{
    struct queue *queue = call->request.receive.queue;
    call->next = NULL;
    call->previous = queue->last_waiter;
    *(queue->last_waiter ? &queue->last_waiter->next : &queue->waiters) = call;
    queue->last_waiter = call;
    waiting++;
}

static void leave_waiters(struct call *call)
{
    struct queue *queue = call->request.receive.queue;
    *(call->previous ? &call->previous->next : &queue->waiters) = call->next;
    *(call->next ? &call->next->previous : &queue->last_waiter) = call->previous;
    waiting--;
}

/* While a connection is suspended libmicrohttpd does not see that its client has gone. */
static bool is_gone(const struct call *call)
{
    char byte;
    return recv(call_socket(call), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void finish(struct call *call)
{
    int64_t stall_ms = call->effects.n[FAULT_STALL_AFTER];
    if (effect(&call->effects, FAULT_BLACKHOLE))
        hold(call, CALL_SWALLOWED, 1000000);
    else if (effect(&call->effects, FAULT_STALL_AFTER) && stall_ms > 0)
        hold(call, CALL_READY, stall_ms * 1000);
    else
        ready(call);
}

static void process(struct call *call)
{
    struct request *request = &call->request;
    bool swallowed = effect(&call->effects, FAULT_BLACKHOLE) && !call->effects.processed;
    if (swallowed)
        hold(call, CALL_SWALLOWED, 1000000);
    else if (effect(&call->effects, FAULT_ERROR)) {
        sqs_error(&request->answer, call->effects.status,
                  call->effects.code ? call->effects.code : "InternalFailure",
                  call->effects.text ? call->effects.text
                                     : "We encountered an internal error. Please try again.");
        finish(call);
    } else if (effect(&call->effects, FAULT_BODY) ||
               (effect(&call->effects, FAULT_RAW) && !call->effects.processed))
        finish(call);
    else if (sqs_handle(request))
        finish(call);
    else {
        join_waiters(call);
        hold(call, CALL_WAITING, (int64_t)request->receive.wait_s * 1000000);
    }
}

/* A long poll whose client is gone must not take messages into its grave; SQS does so too, but it
 * costs a test its time. */
static void try_waiter(struct call *call, bool time_is_up)
{
    bool gone = is_gone(call);
    if (!gone && !sqs_receive(&call->request, time_is_up))
        return;
    leave_waiters(call);
    if (gone)
        ready(call);
    else
        finish(call);
}

static void wake_waiters(void)
{
    while (queues_awake) {
        queues_awake = false;
        for (unsigned i = 0; i < queue_count; i++)
            for (struct call *call = queues[i]->waiters, *next; call && queue_visible(queues[i]);
                 call = next) {
                next = call->next;
                try_waiter(call, false);
            }
    }
}

static void on_timer(struct call *call)
{
    heap_remove(&timers, &call->timer);
    switch (call->state) {
    case CALL_HELD: process(call); return;
    case CALL_WAITING: try_waiter(call, true); return;
    case CALL_READY: ready(call); return;
    case CALL_SWALLOWED:
        if (is_gone(call))
            ready(call);
        else
            hold(call, CALL_SWALLOWED, 1000000);
        return;
    case CALL_ARRIVING: break;
    }
    abort();
}

static int64_t next_due(void)
{
    struct heap_node *node = heap_first(&timers);
    int64_t due = node ? node->due_us : INT64_MAX;
    for (unsigned i = 0; i < queue_count; i++) {
        node = queues[i]->waiters ? heap_first(&queues[i]->leases) : NULL;
        if (node && node->due_us < due)
            due = node->due_us;
    }
    return due;
}

static void run_timers(void)
{
    int64_t now = monotonic_us();
    for (struct heap_node *node; (node = heap_first(&timers)) && node->due_us <= now;)
        on_timer(containing(node, struct call, timer));
    for (unsigned i = 0; i < queue_count; i++)
        if (queues[i]->waiters)
            queue_expire(queues[i], now);
    wake_waiters();
}

/* ---- libmicrohttpd's callbacks ---- */

static struct call *call_new(struct MHD_Connection *connection)
{
    struct call *call = must_alloc(sizeof *call);
    call->connection = connection;
    call->request.effects = &call->effects;
    return call;
}

static enum MHD_Result take_body(struct call *call, const char *data, size_t *size)
{
    if (call->body.length + *size > REQUEST_MAX)
        return MHD_NO;
    text_add(&call->body, data, *size);
    *size = 0;
    return MHD_YES;
}

static void begin(struct call *call, const char *url, const char *method)
{
    call->request.body = call->body.bytes;
    call->request.length = call->body.length;
    if (!strncmp(url, "/control", 8)) {
        call->control = true;
        control_handle(call, method, url + 8);
        ready(call);
        return;
    }
    control_record(call, url);
    if (!call_check(call)) {
        ready(call);
        return;
    }
    call->effects = faults_for(call->request.operation);
    int64_t delay_ms = settings.latency_ms + call->effects.n[FAULT_STALL];
    if (delay_ms > 0)
        hold(call, CALL_HELD, delay_ms * 1000);
    else
        process(call);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    (void)context;
    (void)version;
    struct call *call = *state;
    if (!call) {
        *state = call_new(connection);
        return MHD_YES;
    }
    if (*size)
        return take_body(call, data, size);
    if (call->state == CALL_ARRIVING)
        begin(call, url, method);
    if (queues_awake)
        wake_waiters();
    if (call->suspended)
        return MHD_YES;
    return call->state == CALL_READY ? call_respond(call) : MHD_NO;
}

static void on_done(void *context, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    struct call *call = *state;
    if (!call)
        return;
    heap_remove(&timers, &call->timer);
    if (call->state == CALL_WAITING)
        leave_waiters(call);
    /* libmicrohttpd may put off closing a broken connection for as long as nothing else happens. */
    if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK || effect(&call->effects, FAULT_DROP))
        shutdown(call_socket(call), SHUT_RDWR);
    effects_free(&call->effects);
    text_free(&call->request.answer.body);
    text_free(&call->body);
    free(call);
    *state = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    (void)context;
    (void)connection;
    (void)socket_context;
    connections += what == MHD_CONNECTION_NOTIFY_STARTED;
}

/* ---- start and stop ---- */

static void keep_base(void)
{
    if (settings.queue_host)
        snprintf(base, sizeof base, "%s://%s", settings.key ? "https" : "http",
                 settings.queue_host);
    else
        snprintf(base, sizeof base, "%s://127.0.0.1:%u", settings.key ? "https" : "http",
                 server_port());
    sqs_url_base(base);
}

bool server_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(settings.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)settings.certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)settings.key},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem *extra = settings.key ? tls : tls + 2;
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_TURBO;
    if (settings.key)
        flags |= MHD_USE_TLS;
    daemon_ = MHD_start_daemon(
        flags, settings.port, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_LIMIT, 4000U, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U,
        MHD_OPTION_CONNECTION_TIMEOUT, settings.idle_s, MHD_OPTION_ARRAY, extra, MHD_OPTION_END);
    if (!daemon_) {
        fprintf(stderr, "sqs_stub: cannot listen on 127.0.0.1:%u\n", settings.port);
        return false;
    }
    keep_base();
    return true;
}

uint16_t server_port(void)
{
    return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void server_run(volatile const int *stop)
{
    while (!*stop) {
        int64_t due = next_due(),
                left_ms = due == INT64_MAX ? 1000 : (due - monotonic_us() + 999) / 1000;
        MHD_run_wait(daemon_, (int32_t)(left_ms < 0 ? 0 : left_ms > 1000 ? 1000 : left_ms));
        run_timers();
    }
}

void server_stop(void)
{
    for (struct heap_node *node; (node = heap_first(&timers));) {
        struct call *call = containing(node, struct call, timer);
        if (call->state == CALL_WAITING)
            leave_waiters(call);
        ready(call);
    }
    MHD_stop_daemon(daemon_);
    heap_free(&timers);
}
