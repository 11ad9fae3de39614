/* The floor with bare sockets and epoll: what no HTTP library could go below. Plain http. */
#include "floor.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 256
#define READ_LEAST 16384

struct connection {
    struct floor_call *call;
    int fd; /* -1: not connected yet */
    struct le_buf out, in;
    size_t sent;
    size_t answer_len; /* of the answer, head and body; 0: not known yet */
    size_t head_len;
    bool watches_write;
};

static struct {
    int epoll;
    bool stopped;
    int pg_fd;
    bool pg_watched, pg_writes;
    char authority[256], host[256], port[8];
    struct addrinfo *address;
    struct connection connections[FLOOR_CALLS_MAX];
} net = {.pg_fd = -1};

/* --- where to --- */

static void read_url(const char *url)
{
    int len = 0;
    if (sscanf(url, "http://%255[^/]%n", net.authority, &len) != 1)
        floor_die("not an http:// URL: %s", url);
    snprintf(net.host, sizeof net.host, "%s", net.authority);
    char *colon = strrchr(net.host, ':');
    snprintf(net.port, sizeof net.port, "%s", colon != NULL ? colon + 1 : "80");
    if (colon != NULL)
        *colon = '\0';
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo(net.host, net.port, &hints, &net.address) != 0)
        floor_die("%s does not resolve", net.host);
}

static void watch(int how, int fd, bool write, void *what)
{
    struct epoll_event event = {.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = what};
    if (epoll_ctl(net.epoll, how, fd, &event) != 0)
        floor_die("epoll_ctl: %s", strerror(errno));
}

static void open_connection(struct connection *connection)
{
    int on = 1;
    connection->fd = socket(net.address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        (connect(connection->fd, net.address->ai_addr, net.address->ai_addrlen) != 0 &&
         errno != EINPROGRESS))
        floor_die("connect: %s", strerror(errno));
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->watches_write = true;
    watch(EPOLL_CTL_ADD, connection->fd, true, connection);
}

static void watch_write(struct connection *connection, bool write)
{
    if (connection->watches_write == write)
        return;
    connection->watches_write = write;
    watch(EPOLL_CTL_MOD, connection->fd, write, connection);
}

/* --- exchanges --- */

static void write_out(struct connection *connection)
{
    const struct le_buf *out = &connection->out;
    ssize_t sent = send(connection->fd, out->data + connection->sent, out->len - connection->sent,
                        MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        floor_die("send: %s", strerror(errno));
    if (sent > 0)
        connection->sent += (size_t)sent;
    watch_write(connection, connection->sent < out->len);
}

void transport_send(struct floor_call *call)
{
    struct connection *connection = call->transport;
    const struct le_buf *body = &call->request;
    connection->sent = connection->answer_len = 0;
    le_buf_clear(&connection->out);
    le_buf_clear(&connection->in);
    if (le_buf_printf(&connection->out,
                      "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"
                      "X-Amz-Target: %s\r\nContent-Length: %zu\r\n\r\n",
                      net.authority, floor_target(call->kind), body->len) != LE_OK ||
        le_buf_append(&connection->out, body->data, body->len) != LE_OK)
        floor_die("a request that is too long");
    if (connection->fd < 0)
        open_connection(connection); /* written when it is connected */
    else
        write_out(connection);
}

/* Both lengths, as soon as the head is there. */
static void read_head(struct connection *connection)
{
    const char *bytes = connection->in.data, *end = strstr(bytes, "\r\n\r\n");
    if (end == NULL)
        return;
    const char *length = strcasestr(bytes, "\r\nContent-Length:");
    if (length == NULL || length > end)
        floor_die("an answer without its length");
    connection->head_len = (size_t)(end - bytes) + 4;
    connection->answer_len = connection->head_len + strtoul(length + 17, NULL, 10);
}

static void read_in(struct connection *connection)
{
    struct le_buf *in = &connection->in;
    if (le_buf_reserve(in, READ_LEAST) != LE_OK)
        floor_die("an answer that is too long");
    ssize_t got = recv(connection->fd, in->data + in->len, in->cap - in->len, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        floor_die("a connection that was closed");
    in->len += (size_t)got;
    in->data[in->len] = '\0'; /* a buffer has one byte more than it says */
    if (connection->answer_len == 0)
        read_head(connection);
    if (connection->answer_len == 0 || in->len < connection->answer_len)
        return;
    floor_answered(connection->call, atoi(in->data + 9), in->data + connection->head_len,
                   in->len - connection->head_len);
}

/* --- the loop --- */

void transport_watch(int fd, bool write)
{
    if (net.pg_watched && net.pg_writes == write)
        return;
    watch(net.pg_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, write, NULL);
    net.pg_watched = true;
    net.pg_writes = write;
}

void transport_stop(void)
{
    net.stopped = true;
}

static void take_event(struct floor *floor, const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;
    if (connection == NULL) {
        floor_pg_ready(floor);
        return;
    }
    if ((event->events & EPOLLOUT) != 0)
        write_out(connection);
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0)
        read_in(connection);
}

static void run(struct floor *floor)
{
    struct epoll_event events[EVENTS_MAX];
    while (!net.stopped) {
        int count = epoll_wait(net.epoll, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR)
            floor_die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++)
            take_event(floor, &events[i]);
    }
}

int main(int argc, char **argv)
{
    static struct floor floor;
    floor_init(&floor, argc, argv);
    read_url(floor.url);
    net.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < 2 * floor.concurrency; i++) {
        struct connection *connection = &net.connections[i];
        connection->call = &floor.calls[i];
        connection->fd = -1;
        le_buf_init(&connection->in, FLOOR_ANSWER_MAX);
        le_buf_init(&connection->out, 65536);
        floor.calls[i].transport = connection;
    }
    floor_start(&floor);
    run(&floor);
    for (size_t i = 0; i < 2 * floor.concurrency; i++) {
        struct connection *connection = &net.connections[i];
        if (connection->fd >= 0)
            (void)close(connection->fd);
        le_buf_free(&connection->in);
        le_buf_free(&connection->out);
    }
    freeaddrinfo(net.address);
    (void)close(net.epoll);
    floor_free(&floor);
    return 0;
}
