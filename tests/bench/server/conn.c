#include "server.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_LEAST 8192 /* room for each read; more for a long request */
#define HEAD_ROOM  512  /* before the body of an answer, so that the head can be written last */
#define KEEP       (256 * 1024) /* of an unusually large buffer */

static void advance(struct conn *conn);

/* --- state --- */

static struct le_list *list_of(struct server *server, enum conn_state state)
{
    switch (state) {
    case CONN_FREE: return &server->free;
    case CONN_WAITING: return &server->waiting;
    case CONN_HELD: return &server->held;
    case CONN_READING:
    case CONN_WRITING: return NULL;
    }
    return NULL;
}

/* Sorted by due time: nearly always it is the last. */
static void insert(struct le_list *list, struct conn *conn)
{
    struct le_node *at = &list->head;
    while (at->prev != &list->head &&
           le_container_of(at->prev, struct conn, node)->due_ns > conn->due_ns)
        at = at->prev;
    le_list_insert_before(list, at, &conn->node);
}

static void conn_set_state(struct conn *conn, enum conn_state state)
{
    struct le_list *from = list_of(conn->server, conn->state);
    struct le_list *to = list_of(conn->server, state);
    if (from != NULL && le_node_linked(&conn->node))
        le_list_remove(from, &conn->node);
    conn->state = state;
    if (to != NULL)
        insert(to, conn);
}

void conn_open(struct conn *conn, int fd)
{
    struct server *server = conn->server;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    assert(conn->state == CONN_FREE && conn->tls == NULL);
    conn->fd = fd;
    conn->watches_write = false;
    conn->request = (struct http_request){0};
    conn->tls = server->tls != NULL ? tls_new(server->tls, fd) : NULL;
    conn_set_state(conn, CONN_READING);
    if ((server->tls != NULL && conn->tls == NULL) ||
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        conn_event(conn, EPOLLHUP);
}

static void conn_close(struct conn *conn)
{
    tls_free(conn->tls);
    conn->tls = NULL;
    (void)close(conn->fd); /* which takes it out of the epoll set */
    conn->fd = -1;
    le_buf_shrink(&conn->in, KEEP);
    le_buf_shrink(&conn->out, KEEP);
    conn->due_ns = 0;
    conn_set_state(conn, CONN_FREE);
}

/* --- bytes --- */

static ssize_t read_bytes(struct conn *conn, char *bytes, size_t len)
{
    return conn->tls != NULL ? tls_read(conn->tls, bytes, len) : recv(conn->fd, bytes, len, 0);
}

static ssize_t write_bytes(struct conn *conn, const char *bytes, size_t len)
{
    return conn->tls != NULL ? tls_write(conn->tls, bytes, len)
                             : send(conn->fd, bytes, len, MSG_NOSIGNAL);
}

static bool watch_write(struct conn *conn, bool watch)
{
    struct epoll_event event = {.events = watch ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = conn};
    if (conn->watches_write == watch)
        return true;
    conn->watches_write = watch;
    return epoll_ctl(conn->server->epoll, EPOLL_CTL_MOD, conn->fd, &event) == 0;
}

/* Until there is no more. false: the end of the connection. */
static bool read_all(struct conn *conn)
{
    for (;;) {
        if (le_buf_reserve(&conn->in, READ_LEAST) != LE_OK)
            return false; /* more than any request is allowed to be */
        size_t room = conn->in.cap - conn->in.len;
        ssize_t got = read_bytes(conn, conn->in.data + conn->in.len, room);
        if (got < 0)
            return errno == EAGAIN;
        if (got == 0)
            return false;
        conn->in.len += (size_t)got;
        if ((size_t)got < room && conn->tls == NULL)
            return true; /* what comes later makes another event */
    }
}

/* --- answers --- */

static void refresh_date(struct server *server)
{
    struct tm parts;
    time_t wall = time(NULL);
    (void)gmtime_r(&wall, &parts); /* fails in the year 2 thousand million */
    (void)strftime(server->date, sizeof server->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
                   &parts);
    server->date_until_ns = server->now_ns + 500000000;
}

static struct le_span status_line(int status)
{
    return status == 200   ? LE_SPAN_LIT("HTTP/1.1 200 OK\r\n")
           : status == 404 ? LE_SPAN_LIT("HTTP/1.1 404 Not Found\r\n")
                           : LE_SPAN_LIT("HTTP/1.1 400 Bad Request\r\n");
}

/* Written by hand: printf would take a tenth of all the server's time. */
static char *put(char *out, struct le_span text)
{
    memcpy(out, text.ptr, text.len);
    return out + text.len;
}

#define LITERAL(out, literal) put(out, LE_SPAN_LIT(literal))

static char *put_number(char *out, uint64_t number)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return put(out, (struct le_span){at, (size_t)(digits + sizeof digits - at)});
}

/* Right before the body, which ends where the buffer does. */
static void write_head(struct conn *conn, const struct reply *reply)
{
    struct server *server = conn->server;
    char head[HEAD_ROOM];
    if (server->now_ns >= server->date_until_ns)
        refresh_date(server);
    char *at = put(head, status_line(reply->status));
    at = LITERAL(at, "x-amzn-RequestId: 00000000-0000-4000-8000-");
    at = put_number(at, 100000000000 + ++server->answers); /* twelve digits */
    at = put(LITERAL(at, "\r\n"), le_span_of(server->date));
    if (reply->error != NULL) {
        at = put(LITERAL(at, "x-amzn-query-error: "), le_span_of(reply->error));
        at = LITERAL(at, ";Sender\r\n");
    }
    if (conn->request.closes)
        at = LITERAL(at, "Connection: close\r\n");
    at = LITERAL(at, "Content-Type: application/x-amz-json-1.0\r\nContent-Length: ");
    at = LITERAL(put_number(at, conn->out.len - HEAD_ROOM), "\r\n\r\n");
    size_t len = (size_t)(at - head);
    assert(len < HEAD_ROOM);
    conn->sent = HEAD_ROOM - len;
    memcpy(conn->out.data + conn->sent, head, len);
}

static void answer(struct conn *conn, const struct reply *reply)
{
    struct server *server = conn->server;
    write_head(conn, reply);
    conn->due_ns = server->now_ns + server->latency_ns;
    conn_set_state(conn, server->latency_ns > 0 ? CONN_HELD : CONN_WRITING);
}

static bool begin_answer(struct conn *conn, struct reply *reply)
{
    *reply = (struct reply){.out = &conn->out};
    le_buf_clear(&conn->out);
    if (le_buf_reserve(&conn->out, HEAD_ROOM + READ_LEAST) != LE_OK)
        return false;
    reply->start = conn->out.len = HEAD_ROOM;
    return true;
}

static uint64_t own_cpu_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail: it is ourselves */
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static enum service_progress ask_service(struct conn *conn, struct reply *reply)
{
    struct server *server = conn->server;
    struct http_request *request = &conn->request;
    if (request->operation_len == 0)
        return service_control(server->service, http_method(request, &conn->in),
                               http_target(request, &conn->in), server->now_ns, own_cpu_us(),
                               reply);
    return service_call(server->service, http_operation(request, &conn->in),
                        http_body(request, &conn->in), request->body_len,
                        http_host(request, &conn->in), server->now_ns, reply, &conn->receive);
}

/* The request is whole. */
static bool take_request(struct conn *conn)
{
    struct reply reply;
    if (!begin_answer(conn, &reply))
        return false;
    switch (ask_service(conn, &reply)) {
    case SERVICE_ANSWERED: answer(conn, &reply); return true;
    case SERVICE_FAILED: return false;
    case SERVICE_WAITS:
        conn->due_ns = conn->server->now_ns + conn->receive.wait_s * 1000000000;
        conn_set_state(conn, CONN_WAITING);
        return true;
    }
    return false;
}

/* Refused requests leave nothing that a next one could start from. */
static bool refuse_request(struct conn *conn)
{
    struct reply reply;
    if (!begin_answer(conn, &reply))
        return false;
    reply.status = 400;
    conn->request.closes = true;
    answer(conn, &reply);
    return true;
}

static bool send_continue(struct conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    conn->request.expects_continue = false;
    return write_bytes(conn, text, sizeof text - 1) == (ssize_t)sizeof text - 1;
}

static bool parse(struct conn *conn, bool *more)
{
    switch (http_parse(&conn->request, &conn->in)) {
    case HTTP_READY: return take_request(conn);
    case HTTP_BAD: return refuse_request(conn);
    case HTTP_MORE:
        *more = true;
        return conn->request.head_len == 0 || !conn->request.expects_continue ||
               send_continue(conn);
    }
    return false;
}

static bool write_answer(struct conn *conn, bool *more)
{
    while (conn->sent < conn->out.len) {
        ssize_t sent = write_bytes(conn, conn->out.data + conn->sent, conn->out.len - conn->sent);
        if (sent < 0) {
            *more = true;
            return errno == EAGAIN && watch_write(conn, true);
        }
        conn->sent += (size_t)sent;
    }
    if (conn->request.closes || !watch_write(conn, false))
        return false;
    le_buf_consume(&conn->in, conn->request.total);
    conn->request = (struct http_request){0};
    conn_set_state(conn, CONN_READING);
    return true;
}

/* As far as it goes. */
static void advance(struct conn *conn)
{
    bool more = false, well = true;
    while (well && !more) {
        switch (conn->state) {
        case CONN_READING: well = parse(conn, &more); break;
        case CONN_WRITING: well = write_answer(conn, &more); break;
        case CONN_FREE:
        case CONN_WAITING:
        case CONN_HELD: more = true; break;
        }
    }
    if (!well)
        conn_close(conn);
}

/* --- events --- */

void conn_event(struct conn *conn, uint32_t events)
{
    if (conn->state == CONN_FREE)
        return; /* closed by an earlier event of this round */
    bool open = (events & (EPOLLERR | EPOLLHUP)) == 0;
    if (open && (events & EPOLLIN) != 0)
        open = read_all(conn);
    if (open)
        advance(conn);
    else
        conn_close(conn);
}

void conn_due(struct conn *conn)
{
    struct reply reply;
    if (conn->state == CONN_HELD) {
        conn_set_state(conn, CONN_WRITING);
        advance(conn);
        return;
    }
    assert(conn->state == CONN_WAITING);
    if (begin_answer(conn, &reply) &&
        service_receive(conn->server->service, &conn->receive, conn->server->now_ns, &reply) ==
            SERVICE_ANSWERED) {
        answer(conn, &reply);
        advance(conn);
    } else {
        conn_close(conn);
    }
}
