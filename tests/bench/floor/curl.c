/* The floor with libcurl's HTTP engine on a libuv loop, as libcurl's documentation has it: kept
 * connections, easy handles used again and again, bodies sent from where they lie. */
#include "floor.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <uv.h>

static struct {
    struct floor *floor;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_poll_t pg;
    bool pg_watched, pg_writes;
    CURLM *multi;
} net;

struct transfer {
    struct floor_call *call;
    CURL *easy;
    struct curl_slist *headers;
    struct le_buf body;
};

struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
};

static void must(int ok, const char *what)
{
    if (!ok)
        floor_die("%s", what);
}

/* --- what is finished --- */

static void take_result(const CURLMsg *message)
{
    struct transfer *transfer;
    long status = 0;
    if (message->data.result != CURLE_OK)
        floor_die("%s", curl_easy_strerror(message->data.result));
    must(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK &&
             curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
             curl_multi_remove_handle(net.multi, transfer->easy) == CURLM_OK,
         "libcurl");
    must(le_buf_append(&transfer->body, "", 1) == LE_OK, "an answer that is too long");
    floor_answered(transfer->call, (int)status, transfer->body.data, transfer->body.len - 1);
}

static void act(curl_socket_t fd, int flags)
{
    int running, left;
    CURLMsg *message;
    must(curl_multi_socket_action(net.multi, fd, flags, &running) == CURLM_OK, "libcurl");
    while ((message = curl_multi_info_read(net.multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            take_result(message);
}

/* --- sockets and time, as libcurl wishes --- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct watch *watch = poll->data;
    act(watch->fd, (status < 0 ? CURL_CSELECT_ERR : 0) |
                       ((events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                       ((events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *new_watch(curl_socket_t fd)
{
    struct watch *watch = calloc(1, sizeof *watch);
    must(watch != NULL && uv_poll_init_socket(net.loop, &watch->poll, fd) == 0 &&
             curl_multi_assign(net.multi, fd, watch) == CURLM_OK,
         "a socket that cannot be watched");
    watch->poll.data = watch;
    watch->fd = fd;
    return watch;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *socket_data)
{
    struct watch *watch = socket_data;
    (void)easy;
    (void)self;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            uv_close((uv_handle_t *)&watch->poll, free_watch);
        return curl_multi_assign(net.multi, fd, NULL) == CURLM_OK ? 0 : -1;
    }
    if (watch == NULL)
        watch = new_watch(fd);
    int events = ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    act(CURL_SOCKET_TIMEOUT, 0);
}

/* 0 is the loop's next round: what was added in this one is started together. */
static int on_wish(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    (void)self;
    if (timeout_ms < 0)
        return uv_timer_stop(&net.timer) == 0 ? 0 : -1;
    return uv_timer_start(&net.timer, on_timer, (uint64_t)timeout_ms, 0) == 0 ? 0 : -1;
}

/* --- transfers --- */

static size_t take_body(char *bytes, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    return le_buf_append(&transfer->body, bytes, size * count) == LE_OK ? size * count : 0;
}

void transport_send(struct floor_call *call)
{
    struct transfer *transfer = call->transport;
    le_buf_clear(&transfer->body);
    must(curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, call->request.data) == CURLE_OK &&
             curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)call->request.len) ==
                 CURLE_OK &&
             curl_multi_add_handle(net.multi, transfer->easy) == CURLM_OK,
         "libcurl");
}

#define SET(easy, option, value) \
    must(curl_easy_setopt((easy), (option), (value)) == CURLE_OK, #option)

static struct curl_slist *make_headers(enum floor_kind kind)
{
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/x-amz-json-1.0");
    struct curl_slist *more = NULL;
    if (list != NULL)
        more = curl_slist_append(list, kind == FLOOR_RECEIVE
                                           ? "X-Amz-Target: AmazonSQS.ReceiveMessage"
                                           : "X-Amz-Target: AmazonSQS.DeleteMessageBatch");
    if (more != NULL) /* no round of its own before a body of a kilobyte */
        more = curl_slist_append(list, "Expect:");
    must(more != NULL, "no memory");
    return list;
}

static void open_transfer(struct transfer *transfer, struct floor_call *call)
{
    const char *ca_file = getenv("AWS_CA_BUNDLE");
    CURL *easy = transfer->easy = curl_easy_init();
    must(easy != NULL, "no memory");
    transfer->call = call;
    call->transport = transfer;
    transfer->headers = make_headers(call->kind);
    le_buf_init(&transfer->body, FLOOR_ANSWER_MAX);
    SET(easy, CURLOPT_URL, call->floor->url);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_HTTPHEADER, transfer->headers);
    SET(easy, CURLOPT_WRITEFUNCTION, take_body);
    SET(easy, CURLOPT_WRITEDATA, transfer);
    SET(easy, CURLOPT_PRIVATE, transfer);
    if (ca_file != NULL)
        SET(easy, CURLOPT_CAINFO, ca_file);
}

static void close_transfer(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    le_buf_free(&transfer->body);
}

/* --- the loop --- */

static void on_pg(uv_poll_t *poll, int status, int events)
{
    (void)poll;
    (void)events;
    must(status == 0, "the database's connection is lost");
    floor_pg_ready(net.floor);
}

void transport_watch(int fd, bool write)
{
    if (net.pg_watched && net.pg_writes == write)
        return;
    if (!net.pg_watched)
        must(uv_poll_init(net.loop, &net.pg, fd) == 0, "uv_poll_init");
    net.pg_watched = true;
    net.pg_writes = write;
    must(uv_poll_start(&net.pg, write ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_pg) == 0,
         "uv_poll_start");
}

void transport_stop(void)
{
    uv_stop(net.loop);
}

static void open_multi(void)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
             (net.multi = curl_multi_init()) != NULL,
         "libcurl");
    must(curl_multi_setopt(net.multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
             curl_multi_setopt(net.multi, CURLMOPT_TIMERFUNCTION, on_wish) == CURLM_OK &&
             curl_multi_setopt(net.multi, CURLMOPT_MAXCONNECTS, (long)FLOOR_CALLS_MAX) == CURLM_OK,
         "libcurl");
    must(uv_timer_init(net.loop, &net.timer) == 0, "uv_timer_init");
}

int main(int argc, char **argv)
{
    static struct floor floor;
    static struct transfer transfers[FLOOR_CALLS_MAX];
    net.loop = uv_default_loop();
    net.floor = &floor;
    floor_init(&floor, argc, argv);
    open_multi();
    for (size_t i = 0; i < 2 * floor.concurrency; i++)
        open_transfer(&transfers[i], &floor.calls[i]);
    floor_start(&floor);
    (void)uv_run(net.loop, UV_RUN_DEFAULT); /* until it is stopped: handles stay */
    for (size_t i = 0; i < 2 * floor.concurrency; i++)
        close_transfer(&transfers[i]);
    curl_multi_cleanup(net.multi);
    curl_global_cleanup();
    floor_free(&floor);
    return 0;
}
