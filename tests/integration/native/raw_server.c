#include "raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEPS_MAX 64
#define HEAD_MAX  16384
#define WAIT_MS   20

struct raw_server {
    int fd;
    int port;
    pthread_t acceptor;
    pthread_mutex_t lock; /* what follows */
    bool stopping;
    struct raw_step steps[STEPS_MAX];
    size_t step_count;
    size_t next_step;
    unsigned connections;
    unsigned requests;
    size_t said;
    bool let_go;
    unsigned threads; /* that serve a connection now */
};

struct visitor {
    struct raw_server *server;
    int fd;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static void sleep_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static bool is_stopping(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

static bool wait_readable(const struct visitor *visitor)
{
    struct pollfd poll_fd = {.fd = visitor->fd, .events = POLLIN};
    while (!is_stopping(visitor->server)) {
        if (poll(&poll_fd, 1, WAIT_MS) > 0)
            return true;
    }
    return false;
}

static size_t body_length(const char *head)
{
    const char *line = strcasestr(head, "\r\nContent-Length:");
    return line != NULL ? strtoul(line + 17, NULL, 10) : 0;
}

static bool skip_body(const struct visitor *visitor, size_t left)
{
    char bytes[4096];
    while (left > 0) {
        if (!wait_readable(visitor))
            return false;
        ssize_t got = recv(visitor->fd, bytes, left < sizeof bytes ? left : sizeof bytes, 0);
        if (got <= 0)
            return false;
        left -= (size_t)got;
    }
    return true;
}

/* Byte by byte, so that nothing of what follows the head is taken; slow, and it does not matter. */
static bool read_head(const struct visitor *visitor, char *head)
{
    size_t len = 0;
    while (len < HEAD_MAX - 1) {
        if (!wait_readable(visitor) || recv(visitor->fd, head + len, 1, 0) != 1)
            return false;
        head[++len] = '\0';
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static struct raw_step peek_step(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t last = server->step_count - 1;
    struct raw_step step = server->steps[server->next_step < last ? server->next_step : last];
    pthread_mutex_unlock(&server->lock);
    return step;
}

static struct raw_step take_step(struct raw_server *server, bool request)
{
    struct raw_step step = peek_step(server);
    pthread_mutex_lock(&server->lock);
    server->next_step++;
    server->requests += request;
    pthread_mutex_unlock(&server->lock);
    return step;
}

static bool say_part(const struct visitor *visitor, const struct raw_step *step, size_t at,
                     size_t end)
{
    size_t piece = step->piece > 0 ? step->piece : end;
    while (at < end) {
        size_t part = piece < end - at ? piece : end - at;
        ssize_t sent = send(visitor->fd, step->bytes + at, part, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += (size_t)sent;
        pthread_mutex_lock(&visitor->server->lock);
        visitor->server->said += (size_t)sent;
        pthread_mutex_unlock(&visitor->server->lock);
        if (step->piece > 0)
            usleep(200);
    }
    return true;
}

static bool is_held(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool held = !server->let_go && !server->stopping;
    pthread_mutex_unlock(&server->lock);
    return held;
}

static bool say(const struct visitor *visitor, const struct raw_step *step)
{
    size_t len = step->bytes == NULL ? 0 : step->len > 0 ? step->len : strlen(step->bytes);
    if (step->delay_ms > 0)
        sleep_ms(step->delay_ms);
    if (!step->held)
        return say_part(visitor, step, 0, len);
    if (!say_part(visitor, step, 0, step->hold_at))
        return false;
    while (is_held(visitor->server))
        sleep_ms(1);
    return say_part(visitor, step, step->hold_at, len);
}

/* False when the connection is to be closed. */
static bool serve_one(const struct visitor *visitor)
{
    char head[HEAD_MAX];
    struct raw_step step = peek_step(visitor->server);
    if (!step.unasked) {
        if (!read_head(visitor, head))
            return false;
        step = take_step(visitor->server, true);
        if (!step.deaf && !skip_body(visitor, body_length(head)))
            return false;
    } else {
        step = take_step(visitor->server, false);
    }
    if (!say(visitor, &step))
        return false;
    if (step.end == RAW_RESET) {
        struct linger linger = {1, 0};
        setsockopt(visitor->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    if (step.end == RAW_HANG) {
        while (wait_readable(visitor) && recv(visitor->fd, head, sizeof head, 0) > 0)
            continue;
    }
    return step.end == RAW_KEEP;
}

static void *serve(void *self)
{
    struct visitor *visitor = self;
    struct raw_server *server = visitor->server;
    int on = 1;
    setsockopt(visitor->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (serve_one(visitor))
        continue;
    close(visitor->fd);
    free(visitor);
    pthread_mutex_lock(&server->lock);
    server->threads--;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void welcome(struct raw_server *server, int fd)
{
    struct visitor *visitor = malloc(sizeof *visitor);
    if (visitor == NULL)
        die("malloc");
    *visitor = (struct visitor){server, fd};
    pthread_mutex_lock(&server->lock);
    server->connections++;
    server->threads++;
    pthread_mutex_unlock(&server->lock);
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, serve, visitor) != 0)
        die("pthread_create");
    pthread_attr_destroy(&attr);
}

static void *accept_all(void *self)
{
    struct raw_server *server = self;
    for (;;) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || is_stopping(server)) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        welcome(server, fd);
    }
}

struct raw_server *raw_server_start(const struct raw_step *steps, size_t count)
{
    struct raw_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        die("calloc");
    pthread_mutex_init(&server->lock, NULL);
    raw_server_script(server, steps, count);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, len) != 0 ||
        listen(server->fd, 512) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->acceptor, NULL, accept_all, server) != 0)
        die("pthread_create");
    return server;
}

static unsigned count_threads(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned threads = server->threads;
    pthread_mutex_unlock(&server->lock);
    return threads;
}

void raw_server_stop(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);
    (void)shutdown(server->fd, SHUT_RDWR); /* wakes accept */
    pthread_join(server->acceptor, NULL);
    while (count_threads(server) > 0)
        sleep_ms(1);
    close(server->fd);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int raw_server_port(const struct raw_server *server)
{
    return server->port;
}

unsigned raw_server_connections(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned connections = server->connections;
    pthread_mutex_unlock(&server->lock);
    return connections;
}

unsigned raw_server_requests(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned requests = server->requests;
    pthread_mutex_unlock(&server->lock);
    return requests;
}

unsigned raw_server_open(struct raw_server *server)
{
    return count_threads(server);
}

size_t raw_server_said(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t said = server->said;
    pthread_mutex_unlock(&server->lock);
    return said;
}

void raw_server_let_go(struct raw_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->let_go = true;
    pthread_mutex_unlock(&server->lock);
}

void raw_server_script(struct raw_server *server, const struct raw_step *steps, size_t count)
{
    if (count == 0 || count > STEPS_MAX)
        abort();
    pthread_mutex_lock(&server->lock);
    memcpy(server->steps, steps, count * sizeof *steps);
    server->step_count = count;
    server->next_step = 0;
    server->requests = 0;
    server->connections = 0;
    server->said = 0;
    server->let_go = false;
    pthread_mutex_unlock(&server->lock);
}
