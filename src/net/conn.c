#include "internal.h"

#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const char *const state_names[] = {
    [LE_CONN_CONNECTING] = "connecting", [LE_CONN_IDLE] = "idle",       [LE_CONN_BUSY] = "busy",
    [LE_CONN_REPORTING] = "reporting",   [LE_CONN_CLOSING] = "closing",
};

static bool may_become(enum le_conn_state from, enum le_conn_state to)
{
    switch (from) {
    case LE_CONN_CONNECTING: return to == LE_CONN_IDLE || to == LE_CONN_CLOSING;
    case LE_CONN_IDLE: return to == LE_CONN_BUSY || to == LE_CONN_CLOSING;
    case LE_CONN_BUSY: return to == LE_CONN_REPORTING || to == LE_CONN_CLOSING;
    case LE_CONN_REPORTING: return to == LE_CONN_IDLE || to == LE_CONN_CLOSING;
    case LE_CONN_CLOSING: return false;
    }
    return false;
}

static struct le_list *list_of(const struct le_conn *conn)
{
    if (conn->state == LE_CONN_CLOSING)
        return NULL;
    return conn->state == LE_CONN_IDLE ? &conn->pool->idle : &conn->pool->busy;
}

void le_conn_set_state(struct le_conn *conn, enum le_conn_state state)
{
    assert(may_become(conn->state, state));
    struct le_list *old = list_of(conn);
    conn->state = state;
    struct le_list *new = list_of(conn);
    if (old != new) {
        le_list_remove(old, &conn->node);
        if (new != NULL)
            le_list_push_front(new, &conn->node);
    }
    if (state == LE_CONN_IDLE) {
        conn->exchange = NULL;
        conn->idle_since_ms = (int64_t)uv_now(conn->pool->net->loop);
    }
}

static void conn_free(struct le_conn *conn)
{
    assert(conn->easy == NULL && !le_node_linked(&conn->node));
    le_http_reader_free(&conn->reader);
    le_free(conn);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct le_conn *conn = handle->data;
    struct le_pool *pool = conn->pool;
    conn_free(conn);
    le_pool_handle_closed(pool);
}

void le_conn_close(struct le_conn *conn, const char *why)
{
    le_log(LE_LOG_DEBUG, "connection_closed", LE_FS("pool", conn->pool->name),
           LE_FS("was", state_names[conn->state]), LE_FS("reason", why));
    le_conn_set_state(conn, LE_CONN_CLOSING);
    conn->exchange = NULL;
    /* Before libcurl closes the descriptor: its number may be another socket's a moment later. */
    if (conn->watched)
        uv_close((uv_handle_t *)&conn->poll, on_poll_closed);
    CURLMcode rc = curl_multi_remove_handle(conn->pool->net->multi, conn->easy);
    assert(rc == CURLM_OK);
    curl_easy_cleanup(conn->easy);
    conn->easy = NULL;
    if (!conn->watched)
        conn_free(conn);
}

/* Not over TLS, be it to the server or to a proxy, through which everything goes in a tunnel (a
 * SOCKS proxy lets bytes pass as they are). */
static bool is_direct(const struct le_conn *conn)
{
    long proxy_status = 0;
    return !conn->pool->tls &&
           curl_easy_getinfo(conn->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status) == CURLE_OK &&
           proxy_status == 0;
}

/* From here on the connection is ours. libcurl's cache leaves it alone only while a transfer is
 * attached to it, which the first curl_easy_send does, and le_pool_connected sends at once:
 * unattached, it would be closed under us as an idle one. */
static enum le_err adopt(struct le_conn *conn)
{
    struct le_net *net = conn->pool->net;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(conn->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return LE_ERR_CLOSED;
    conn->fd = fd;
    conn->direct = is_direct(conn);
    le_net_forget_socket(net, fd);
    if (uv_poll_init_socket(net->loop, &conn->poll, fd) != 0)
        return LE_ERR_CONNECT;
    conn->poll.data = conn;
    conn->watched = true;
    conn->pool->handles++;
    if (uv_poll_start(&conn->poll, UV_READABLE, le_conn_on_poll) != 0)
        return LE_ERR_CONNECT;
    /* libcurl 7 reads no more at once than this; a buffer of the usual size it had only for the
     * time of connecting. */
    (void)curl_easy_setopt(conn->easy, CURLOPT_BUFFERSIZE, (long)LE_NET_READ_SIZE);
    return LE_OK;
}

/* At each call libcurl searches all its connections for the one that is meant, which costs more
 * than all else that it does for bytes that go out as they are. The first exchange must be its own
 * all the same (adopt). */
static bool past_libcurl(const struct le_conn *conn)
{
    return conn->direct && conn->kept;
}

static CURLcode result_of(ssize_t count, CURLcode failure)
{
    if (count >= 0)
        return CURLE_OK;
    return errno == EAGAIN || errno == EINTR ? CURLE_AGAIN : failure;
}

CURLcode le_conn_send(struct le_conn *conn, const char *bytes, size_t len, size_t *count)
{
    if (!past_libcurl(conn))
        return curl_easy_send(conn->easy, bytes, len, count);
    ssize_t sent = send(conn->fd, bytes, len, MSG_NOSIGNAL);
    *count = sent > 0 ? (size_t)sent : 0;
    return result_of(sent, CURLE_SEND_ERROR);
}

CURLcode le_conn_recv(struct le_conn *conn, char *bytes, size_t len, size_t *count)
{
    if (!past_libcurl(conn))
        return curl_easy_recv(conn->easy, bytes, len, count);
    ssize_t got = recv(conn->fd, bytes, len, 0);
    *count = got > 0 ? (size_t)got : 0;
    return result_of(got, CURLE_RECV_ERROR);
}

void le_conn_connected(struct le_conn *conn, CURLcode result)
{
    assert(conn->state == LE_CONN_CONNECTING);
    if (result != CURLE_OK) {
        const char *text = conn->error[0] != '\0' ? conn->error : curl_easy_strerror(result);
        le_pool_connect_failed(conn, le_conn_error(result, text), text);
        return;
    }
    enum le_err err = adopt(conn);
    if (err != LE_OK) {
        le_pool_connect_failed(conn, err, "the connection was lost as soon as it was made");
        return;
    }
    le_log(LE_LOG_DEBUG, "connected", LE_FS("pool", conn->pool->name));
    le_pool_connected(conn);
}

struct le_conn *le_conn_new(struct le_pool *pool, struct le_exchange *exchange)
{
    struct le_conn *conn = le_calloc(1, sizeof *conn);
    if (conn == NULL)
        return NULL;
    conn->pool = pool;
    conn->state = LE_CONN_CONNECTING;
    conn->easy = curl_easy_init();
    if (conn->easy == NULL || !le_conn_set_options(conn) ||
        curl_multi_add_handle(pool->net->multi, conn->easy) != CURLM_OK) {
        curl_easy_cleanup(conn->easy); /* tolerates NULL */
        le_free(conn);
        return NULL;
    }
    le_http_reader_init(&conn->reader);
    conn->exchange = exchange;
    le_list_push_front(&pool->busy, &conn->node);
    return conn;
}
