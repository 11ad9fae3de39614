#include "server.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 256

int64_t server_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock exists */
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* --- start and end --- */

static bool listen_on(struct server *server, uint16_t *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int on = 1;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, 1024) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0)
        return false;
    *port = ntohs(address.sin_port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) == 0;
}

enum le_err server_init(struct server *server, uint16_t *port)
{
    le_list_init(&server->free);
    le_list_init(&server->waiting);
    le_list_init(&server->held);
    server->answers = 0;
    server->coarse = false;
    server->date_until_ns = 0;
    server->listener = -1;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->conns = le_calloc(SERVER_CONNECTIONS_MAX, sizeof *server->conns);
    if (server->conns == NULL)
        return LE_ERR_NOMEM;
    for (size_t i = 0; i < SERVER_CONNECTIONS_MAX; i++) {
        struct conn *conn = &server->conns[i];
        *conn = (struct conn){.server = server, .state = CONN_FREE, .fd = -1};
        le_buf_init(&conn->in, HTTP_IN_MAX);
        le_buf_init(&conn->out, SERVICE_REPLY_MAX);
        le_list_push(&server->free, &conn->node);
    }
    return server->epoll >= 0 && listen_on(server, port) ? LE_OK : LE_ERR_SYSTEM;
}

void server_free(struct server *server)
{
    for (size_t i = 0; server->conns != NULL && i < SERVER_CONNECTIONS_MAX; i++) {
        struct conn *conn = &server->conns[i];
        tls_free(conn->tls);
        if (conn->fd >= 0)
            (void)close(conn->fd);
        le_buf_free(&conn->in);
        le_buf_free(&conn->out);
    }
    le_free(server->conns);
    if (server->listener >= 0)
        (void)close(server->listener);
    if (server->epoll >= 0)
        (void)close(server->epoll);
}

/* --- the loop --- */

static void accept_all(struct server *server)
{
    int on = 1, fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct le_node *node = le_list_pop(&server->free);
        if (node == NULL) { /* more than anybody needs: the client sees it closed */
            (void)close(fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        conn_open(le_container_of(node, struct conn, node), fd);
    }
}

static void end_those_due(struct server *server, struct le_list *list)
{
    struct le_node *node;
    while ((node = le_list_first(list)) != NULL) {
        struct conn *conn = le_container_of(node, struct conn, node);
        if (conn->due_ns > server->now_ns)
            return;
        conn_due(conn);
    }
}

/* In the order in which they asked, for as long as there is something. */
static void serve_waiting(struct server *server)
{
    struct le_node *node = le_list_first(&server->waiting);
    while (node != NULL && queue_has(&server->service->queue, server->now_ns)) {
        struct conn *conn = le_container_of(node, struct conn, node);
        node = le_list_next(&server->waiting, node);
        if (service_can_receive(server->service, &conn->receive, server->now_ns))
            conn_due(conn);
    }
}

static int64_t due_of_first(const struct le_list *list)
{
    const struct le_node *node = le_list_first(list);
    return node != NULL ? le_container_of(node, struct conn, node)->due_ns : INT64_MAX;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* To the nanosecond; to the millisecond, and never too early, where the system or what it runs
 * under knows no better. */
static int wait_for(struct server *server, struct epoll_event *events, const struct timespec *pause,
                    const sigset_t *while_waiting)
{
    int count = -1;
    if (!server->coarse)
        count = epoll_pwait2(server->epoll, events, EVENTS_MAX, pause, while_waiting);
    if (count < 0 && !server->coarse && errno == ENOSYS)
        server->coarse = true;
    if (!server->coarse)
        return count;
    int64_t left_ms =
        pause != NULL ? pause->tv_sec * INT64_C(1000) + (pause->tv_nsec + 999999) / 1000000 : -1;
    return epoll_pwait(server->epoll, events, EVENTS_MAX, (int)least(left_ms, 60000),
                       while_waiting);
}

/* For how long nothing happens by itself. NULL: for ever. */
static const struct timespec *pause_of(const struct server *server, struct timespec *pause)
{
    int64_t due_ns = due_of_first(&server->held);
    if (server->waiting.count > 0) {
        due_ns = least(due_ns, due_of_first(&server->waiting));
        due_ns = least(due_ns, queue_next_ns(&server->service->queue, server->now_ns));
    }
    if (due_ns == INT64_MAX)
        return NULL;
    int64_t left_ns = due_ns - server_clock_ns();
    if (left_ns < 0)
        left_ns = 0;
    *pause = (struct timespec){left_ns / 1000000000, left_ns % 1000000000};
    return pause;
}

static void take_events(struct server *server, const struct epoll_event *events, int count)
{
    server->now_ns = server_clock_ns();
    queue_advance(&server->service->queue, server->now_ns);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            accept_all(server);
        else
            conn_event(events[i].data.ptr, events[i].events);
    }
    serve_waiting(server);
    end_those_due(server, &server->waiting);
    end_those_due(server, &server->held);
}

enum le_err server_run(struct server *server, const volatile sig_atomic_t *stop,
                       const sigset_t *while_waiting)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec pause;
    server->now_ns = server_clock_ns();
    while (!*stop) {
        int count = wait_for(server, events, pause_of(server, &pause), while_waiting);
        if (count < 0 && errno != EINTR)
            return LE_ERR_SYSTEM;
        take_events(server, events, count > 0 ? count : 0);
    }
    return LE_OK;
}
