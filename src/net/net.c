#include "internal.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <signal.h>

/* A socket that libcurl is connecting. The number of a descriptor comes back as another socket, so
 * each registration has its own watch, freed in its close callback only. */
struct watch {
    uv_poll_t poll;
    struct le_net *net;
    curl_socket_t fd;
    struct le_node node;
};

static void net_free(struct le_net *net)
{
    assert(net->pools == 0 && net->handles == 0 && net->watches.count == 0 && net->multi == NULL);
    le_free(net->ca_file);
    le_free(net->read_buffer);
    le_free(net);
    curl_global_cleanup();
}

static void free_if_over(struct le_net *net)
{
    if (net->closing && net->handles == 0 && net->pools == 0)
        net_free(net);
}

/* libcurl tells of a finished transfer only when it is asked, and it has to be asked after every
 * action: a transfer that timed out leaves no socket behind that would wake us again. */
static void take_results(struct le_net *net)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        struct le_conn *conn = NULL;
        CURLcode rc = curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &conn);
        assert(rc == CURLE_OK && conn != NULL);
        le_conn_connected(conn, result);
    }
}

static void act(struct le_net *net, curl_socket_t fd, int flags)
{
    int running;
    CURLMcode rc = curl_multi_socket_action(net->multi, fd, flags, &running);
    /* What else goes wrong is told of by the transfers that it hits. */
    assert(rc != CURLM_BAD_HANDLE && rc != CURLM_RECURSIVE_API_CALL);
    take_results(net);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct le_net *net = watch->net;
    le_free(watch);
    assert(net->handles > 0);
    net->handles--;
    free_if_over(net);
}

static void on_watch(uv_poll_t *poll, int status, int events)
{
    const struct watch *watch = poll->data;
    int flags = 0;
    if (status < 0)
        flags = CURL_CSELECT_ERR; /* libuv says so of POLLERR, and has stopped the handle */
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(watch->net, watch->fd, flags);
}

static void drop_watch(struct watch *watch)
{
    le_list_remove(&watch->net->watches, &watch->node);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static struct watch *find_watch(struct le_net *net, curl_socket_t fd)
{
    for (struct le_node *node = le_list_first(&net->watches); node != NULL;
         node = le_list_next(&net->watches, node)) {
        struct watch *watch = le_container_of(node, struct watch, node);
        if (watch->fd == fd)
            return watch;
    }
    return NULL;
}

void le_net_forget_socket(struct le_net *net, curl_socket_t fd)
{
    struct watch *watch = find_watch(net, fd);
    if (watch == NULL)
        return;
    drop_watch(watch);
    /* Refused when libcurl has forgotten the socket too, which is as well. */
    (void)curl_multi_assign(net->multi, fd, NULL);
}

static struct watch *add_watch(struct le_net *net, curl_socket_t fd)
{
    le_net_forget_socket(net, fd);
    struct watch *watch = le_calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    if (uv_poll_init_socket(net->loop, &watch->poll, fd) != 0) {
        le_free(watch);
        return NULL;
    }
    watch->net = net;
    watch->fd = fd;
    watch->poll.data = watch;
    net->handles++;
    le_list_push(&net->watches, &watch->node);
    CURLMcode rc = curl_multi_assign(net->multi, fd, watch);
    assert(rc == CURLM_OK);
    return watch;
}

/* Never answers -1: that would end the whole multi. A socket that cannot be watched runs into the
 * connect timeout. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *socket_data)
{
    (void)easy;
    struct le_net *net = self;
    struct watch *watch = socket_data; /* NULL for one that it never told of, also on removal */
    if (what == CURL_POLL_REMOVE) {
        le_net_forget_socket(net, fd);
        return 0;
    }
    if (watch == NULL)
        watch = add_watch(net, fd);
    if (watch == NULL)
        return 0;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    int rc = uv_poll_start(&watch->poll, events, on_watch);
    assert(rc == 0);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl may not be called from inside its callbacks, and a timer of 0 ms inside a timer's
 * callback would keep libuv from ever looking at the sockets: so 0 becomes 1. */
static int on_timer_wish(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    struct le_net *net = self;
    int rc = timeout_ms < 0 ? uv_timer_stop(&net->timer)
                            : uv_timer_start(&net->timer, on_timer,
                                             timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0);
    assert(rc == 0);
    return 0;
}

static bool start_multi(struct le_net *net)
{
    net->multi = curl_multi_init();
    return net->multi != NULL &&
           curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish) == CURLM_OK &&
           curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net) == CURLM_OK;
}

static bool fill(struct le_net *net, const struct le_net_config *config)
{
    if (config->ca_file != NULL && (net->ca_file = le_strdup(config->ca_file)) == NULL)
        return false;
    net->read_buffer = le_alloc(LE_NET_READ_SIZE);
    return net->read_buffer != NULL && start_multi(net);
}

struct le_net *le_net_new(uv_loop_t *loop, const struct le_net_config *config)
{
    assert(loop != NULL && config != NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    struct le_net *net = le_calloc(1, sizeof *net);
    if (net == NULL) {
        curl_global_cleanup();
        return NULL;
    }
    net->loop = loop;
    le_list_init(&net->watches);
    if (!fill(net, config)) {
        (void)curl_multi_cleanup(net->multi); /* tolerates NULL */
        net->multi = NULL;
        net_free(net);
        return NULL;
    }
    int rc = uv_timer_init(loop, &net->timer);
    assert(rc == 0);
    net->timer.data = net;
    net->handles = 1;
    (void)signal(SIGPIPE, SIG_IGN);
    return net;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct le_net *net = handle->data;
    assert(net->handles > 0);
    net->handles--;
    free_if_over(net);
}

void le_net_drop_pool(struct le_net *net)
{
    assert(net->pools > 0);
    net->pools--;
    free_if_over(net);
}

void le_net_close(struct le_net *net)
{
    assert(net != NULL && !net->closing);
    net->closing = true;
    struct le_node *node;
    while ((node = le_list_first(&net->watches)) != NULL)
        drop_watch(le_container_of(node, struct watch, node));
    /* Its last words about sockets and timers concern nobody any more. */
    (void)curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, NULL);
    (void)curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, NULL);
    CURLMcode rc = curl_multi_cleanup(net->multi);
    assert(rc == CURLM_OK);
    net->multi = NULL;
    uv_close((uv_handle_t *)&net->timer, on_timer_closed);
}
