/* What one HTTP exchange costs the client: ours against libcurl's own HTTP engine, on the same
 * server, with requests and answers of the shape of a ReceiveMessage that brings ten messages.
 *
 *     http_client [exchanges] [connections] [origin [ca-file]]
 *
 * Without an origin, it serves itself from processes of their own, which do not count. */
#include "loginetl/base/http.h"
#include "loginetl/base/mem.h"
#include "loginetl/net/pool.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define ANSWER_BODY     7200
#define ANSWER_MAX      (ANSWER_BODY + 1024)

static const char request_body[] =
    "{\"QueueUrl\":\"http://localhost:4566/000000000000/login-queue\",\"MaxNumberOfMessages\":10,"
    "\"WaitTimeSeconds\":20,\"VisibilityTimeout\":60,\"MessageSystemAttributeNames\":["
    "\"SentTimestamp\",\"ApproximateReceiveCount\"],\"AttributeNames\":[\"SentTimestamp\","
    "\"ApproximateReceiveCount\"]}";

struct pair {
    const char *name, *value;
};

static const struct pair headers[] = {
    {"Host", "localhost:4566"},
    {"Content-Type", "application/x-amz-json-1.0"},
    {"X-Amz-Target", "AmazonSQS.ReceiveMessage"},
    {"X-Amz-Date", "20250101T000000Z"},
    {"Authorization",
     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250101/us-east-1/sqs/aws4_request, "
     "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
     "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
    {"User-Agent", "loginetl"},
};

#define HEADERS (sizeof headers / sizeof headers[0])

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

/* --- the server --- */

static size_t make_answer(char *answer)
{
    int len =
        snprintf(answer, ANSWER_MAX,
                 "HTTP/1.1 200 OK\r\nx-amzn-RequestId: 3f1c2d3e-0000-5555-8888-111122223333\r\n"
                 "Date: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Type: "
                 "application/x-amz-json-1.0\r\nConnection: keep-alive\r\n"
                 "Content-Length: %d\r\n\r\n",
                 ANSWER_BODY);
    memset(answer + len, 'm', ANSWER_BODY);
    return (size_t)len + ANSWER_BODY;
}

static void serve(int fd, const char *answer, size_t answer_len)
{
    char bytes[16384];
    size_t len = 0;
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (;;) {
        ssize_t got = recv(fd, bytes + len, sizeof bytes - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        const char *end = memmem(bytes, len, "\r\n\r\n", 4);
        if (end == NULL || (size_t)(end - bytes) + 4 + sizeof request_body - 1 > len)
            continue;
        len = 0;
        if (send(fd, answer, answer_len, MSG_NOSIGNAL) != (ssize_t)answer_len)
            return;
    }
}

/* A process for each connection, gone with this one. */
static void serve_all(int listener)
{
    static char answer[ANSWER_MAX];
    size_t len = make_answer(answer);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        check(fd >= 0, "accept");
        if (fork() == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(fd, answer, len);
            _exit(0);
        }
        close(fd);
    }
}

static int start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 &&
              listen(listener, 512) == 0 &&
              getsockname(listener, (struct sockaddr *)&address, &len) == 0,
          "listen");
    pid_t pid = fork();
    check(pid >= 0, "fork");
    if (pid == 0)
        serve_all(listener);
    close(listener);
    return ntohs(address.sin_port);
}

/* --- measuring --- */

struct run {
    const char *name;
    unsigned connections;
    unsigned long total, sent, done;
    struct rusage start;
    uint64_t start_ns;
    uv_loop_t *loop;
};

static double micros(struct timeval from, struct timeval to)
{
    return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_usec - from.tv_usec);
}

/* The first tenth warms up. */
static void count_one(struct run *run)
{
    if (++run->done == run->total / 10) {
        (void)getrusage(RUSAGE_SELF, &run->start);
        run->start_ns = uv_hrtime();
    }
    if (run->done < run->total)
        return;
    struct rusage end;
    (void)getrusage(RUSAGE_SELF, &end);
    double count = (double)(run->total - run->total / 10);
    double user = micros(run->start.ru_utime, end.ru_utime) / count;
    double kernel = micros(run->start.ru_stime, end.ru_stime) / count;
    printf("%-8s %lu exchanges, %u connections: %6.1f us CPU each (%.1f user, %.1f kernel), "
           "%.0f a second, %ld KiB\n",
           run->name, run->total, run->connections, user + kernel, user, kernel,
           count * 1e9 / (double)(uv_hrtime() - run->start_ns), end.ru_maxrss);
    uv_stop(run->loop);
}

/* --- ours --- */

struct ours {
    struct run *run;
    struct le_pool *pool;
    struct le_exchange exchange;
    struct le_buf request, body;
};

static void ours_send(struct ours *ours)
{
    struct le_http_header spans[HEADERS];
    for (size_t i = 0; i < HEADERS; i++)
        spans[i] =
            (struct le_http_header){le_span_of(headers[i].name), le_span_of(headers[i].value)};
    le_buf_clear(&ours->request);
    le_buf_clear(&ours->body);
    check(le_http_write_head(&ours->request, LE_SPAN_LIT("POST"), LE_SPAN_LIT("/"), spans, HEADERS,
                             sizeof request_body - 1) == LE_OK &&
              le_buf_append(&ours->request, request_body, sizeof request_body - 1) == LE_OK,
          "request");
    ours->run->sent++;
    le_pool_send(ours->pool, &ours->exchange);
}

static void ours_done(struct le_exchange *exchange)
{
    struct ours *ours = exchange->owner;
    if (exchange->err == LE_ERR_CANCELLED)
        return;
    if (exchange->err != LE_OK || exchange->status != 200)
        fprintf(stderr, "%s: %s\n", le_err_text(exchange->err), le_pool_last_failure(ours->pool));
    check(exchange->err == LE_OK && exchange->status == 200, "answer");
    count_one(ours->run);
    if (ours->run->sent < ours->run->total)
        ours_send(ours);
}

static void run_ours(struct run *run, const char *origin, const char *ca_file)
{
    static struct ours all[CONNECTIONS_MAX];
    const struct le_net_config net_config = {.ca_file = ca_file};
    const struct le_pool_config config = {.origin = le_span_of(origin),
                                          .connections_max = run->connections,
                                          .connect_timeout_ms = 5000,
                                          .idle_timeout_ms = 20000,
                                          .name = "b"};
    struct le_net *net = le_net_new(run->loop, &net_config);
    struct le_pool *pool = NULL;
    check(net != NULL && le_pool_new(net, &config, &pool) == LE_OK, "pool");
    for (unsigned i = 0; i < run->connections; i++) {
        struct ours *ours = &all[i];
        ours->run = run;
        ours->pool = pool;
        le_buf_init(&ours->request, 65536);
        le_buf_init(&ours->body, 1 << 20);
        ours->exchange = (struct le_exchange){.request = &ours->request,
                                              .body = &ours->body,
                                              .timeout_ms = 20000,
                                              .done = ours_done,
                                              .owner = ours};
        ours_send(ours);
    }
    (void)uv_run(run->loop, UV_RUN_DEFAULT);
    le_pool_close(pool);
    le_net_close(net);
    (void)uv_run(run->loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < run->connections; i++) {
        le_buf_free(&all[i].request);
        le_buf_free(&all[i].body);
    }
}

/* --- libcurl's engine, on libuv as curl's own example has it --- */

struct engine {
    struct run *run;
    CURLM *multi;
    uv_timer_t timer;
    unsigned added; /* transfers that have not been started yet */
};

struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
    struct engine *engine;
};

struct transfer {
    CURL *easy;
    struct le_buf body;
    struct curl_slist *lines;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    return le_buf_append(&transfer->body, bytes, size * count) == LE_OK ? size * count : 0;
}

static void take_results(struct engine *engine)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(engine->multi, &left)) != NULL) {
        struct transfer *transfer;
        CURL *easy = message->easy_handle;
        check(message->data.result == CURLE_OK, curl_easy_strerror(message->data.result));
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(engine->multi, easy);
        count_one(engine->run);
        le_buf_clear(&transfer->body);
        if (engine->run->sent < engine->run->total) {
            engine->run->sent++;
            engine->added++;
            curl_multi_add_handle(engine->multi, easy);
        }
    }
}

/* What is added is started at once: waiting for the timer, which is a millisecond away at least,
 * would be unfair. */
static void act(struct engine *engine, curl_socket_t fd, int flags)
{
    int running;
    curl_multi_socket_action(engine->multi, fd, flags, &running);
    take_results(engine);
    while (engine->added > 0) {
        engine->added = 0;
        curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        take_results(engine);
    }
}

static void on_watch(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = (status < 0 ? CURL_CSELECT_ERR : 0) | (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    act(watch->engine, watch->fd, flags);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *socket_data)
{
    (void)easy;
    struct engine *engine = self;
    struct watch *watch = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            uv_close((uv_handle_t *)&watch->poll, free_watch);
        curl_multi_assign(engine->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL) {
        watch = calloc(1, sizeof *watch);
        check(watch != NULL && uv_poll_init_socket(engine->run->loop, &watch->poll, fd) == 0,
              "poll");
        watch->poll.data = watch;
        watch->fd = fd;
        watch->engine = engine;
        curl_multi_assign(engine->multi, fd, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, events, on_watch);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_wish(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    struct engine *engine = self;
    if (timeout_ms < 0)
        uv_timer_stop(&engine->timer);
    else
        uv_timer_start(&engine->timer, on_timer, timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0);
    return 0;
}

static void start_transfer(struct engine *engine, struct transfer *transfer, const char *origin,
                           const char *ca_file)
{
    char line[512];
    le_buf_init(&transfer->body, 1 << 20);
    transfer->lines = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < HEADERS; i++) {
        snprintf(line, sizeof line, "%s: %s", headers[i].name, headers[i].value);
        transfer->lines = curl_slist_append(transfer->lines, line);
    }
    CURL *easy = transfer->easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, origin);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->lines);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sizeof request_body - 1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    engine->run->sent++;
    curl_multi_add_handle(engine->multi, easy);
}

static void run_libcurl(struct run *run, const char *origin, const char *ca_file)
{
    static struct transfer all[CONNECTIONS_MAX];
    struct engine engine = {.run = run, .multi = curl_multi_init()};
    uv_timer_init(run->loop, &engine.timer);
    engine.timer.data = &engine;
    curl_multi_setopt(engine.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(engine.multi, CURLMOPT_SOCKETDATA, &engine);
    curl_multi_setopt(engine.multi, CURLMOPT_TIMERFUNCTION, on_wish);
    curl_multi_setopt(engine.multi, CURLMOPT_TIMERDATA, &engine);
    for (unsigned i = 0; i < run->connections; i++)
        start_transfer(&engine, &all[i], origin, ca_file);
    (void)uv_run(run->loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < run->connections; i++) {
        curl_multi_remove_handle(engine.multi, all[i].easy);
        curl_easy_cleanup(all[i].easy);
        curl_slist_free_all(all[i].lines);
        le_buf_free(&all[i].body);
    }
    curl_multi_cleanup(engine.multi);
    uv_close((uv_handle_t *)&engine.timer, NULL);
    (void)uv_run(run->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    unsigned long total = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    unsigned long connections = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    if (total < 10 || connections < 1 || connections > CONNECTIONS_MAX || total < connections) {
        fprintf(stderr, "usage: http_client [exchanges] [connections 1-%d] [origin [ca-file]]\n",
                CONNECTIONS_MAX);
        return 2;
    }
    char own[64];
    const char *origin = argc > 3 ? argv[3] : own;
    if (origin == own)
        snprintf(own, sizeof own, "http://127.0.0.1:%d", start_server());
    const char *ca_file = argc > 4 ? argv[4] : NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct run ours = {.name = "ours", .connections = (unsigned)connections, .total = total};
    ours.loop = uv_default_loop();
    run_ours(&ours, origin, ca_file);
    struct run theirs = {.name = "libcurl", .connections = (unsigned)connections, .total = total};
    theirs.loop = uv_default_loop();
    run_libcurl(&theirs, origin, ca_file);
    curl_global_cleanup();
    return 0;
}
