#include "internal.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

/* Reads in a row before other connections get their turn. */
#define READS_MAX 32

static void progress(struct le_conn *conn, bool lost);

/* Nothing may come over an idle connection. Over TLS something may come that is not for us (a
 * session ticket), which reads as nothing. */
enum le_err le_conn_probe(struct le_conn *conn)
{
    size_t got = 0;
    CURLcode rc = le_conn_recv(conn, conn->pool->net->read_buffer, LE_NET_READ_SIZE, &got);
    if (rc == CURLE_AGAIN)
        return LE_OK;
    return rc == CURLE_OK && got > 0 ? LE_ERR_PROTOCOL : LE_ERR_CLOSED;
}

void le_conn_on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events; /* whatever it is, reading and writing find out */
    struct le_conn *conn = poll->data;
    switch (conn->state) {
    case LE_CONN_IDLE:
        /* libuv has stopped the handle when status < 0: it would never see the end. */
        if (status < 0 || le_conn_probe(conn) != LE_OK)
            le_conn_close(conn, "closed by the peer while idle");
        return;
    case LE_CONN_BUSY: progress(conn, status < 0); return;
    case LE_CONN_CONNECTING:
    case LE_CONN_REPORTING:
    case LE_CONN_CLOSING: break;
    }
    assert(!"no event belongs here");
}

/* Kept registered for reading all the time: each change costs a system call. */
static void set_watch(struct le_conn *conn, bool write)
{
    if (conn->wants_write == write)
        return;
    conn->wants_write = write;
    int rc = uv_poll_start(&conn->poll, UV_READABLE | (write ? UV_WRITABLE : 0), le_conn_on_poll);
    assert(rc == 0);
}

static void write_request(struct le_conn *conn)
{
    const struct le_buf *request = conn->exchange->request;
    while (conn->sent < request->len) {
        size_t count = 0;
        CURLcode rc =
            le_conn_send(conn, request->data + conn->sent, request->len - conn->sent, &count);
        if (rc != CURLE_OK) {
            /* A server may refuse a request by answering and closing before it has read it all:
             * what it said is read first, from the loop, which being ready for writing brings us to
             * either way. */
            conn->send_failed = rc != CURLE_AGAIN;
            set_watch(conn, true);
            return;
        }
        assert(count > 0 && count <= request->len - conn->sent);
        conn->sent += count;
    }
    set_watch(conn, false);
}

void le_conn_start(struct le_conn *conn, struct le_exchange *exchange)
{
    assert(exchange->request->len > 0);
    le_conn_set_state(conn, LE_CONN_BUSY);
    conn->exchange = exchange;
    conn->sent = conn->received = conn->received_seen = 0;
    conn->unsent_seen = exchange->request->len;
    conn->send_failed = false;
    le_http_reader_begin(&conn->reader, exchange->body);
    write_request(conn);
}

/* What we have handed to the kernel may be long on its way: a large request disappears into its
 * buffers at once. 0 when it does not tell. */
static size_t bytes_in_kernel(const struct le_conn *conn)
{
    uv_os_fd_t fd;
    int bytes = 0;
    if (uv_fileno((const uv_handle_t *)&conn->poll, &fd) != 0 || ioctl(fd, SIOCOUTQ, &bytes) != 0)
        return 0;
    return bytes > 0 ? (size_t)bytes : 0;
}

bool le_conn_has_moved(struct le_conn *conn)
{
    assert(conn->state == LE_CONN_BUSY && conn->watched);
    size_t unsent = conn->exchange->request->len - conn->sent + bytes_in_kernel(conn);
    /* A request that is gone is waited for only once: a period in which its last bytes left is
     * followed by one for the answer, but the first is for both. */
    bool sent_on = unsent < conn->unsent_seen && (unsent > 0 || conn->exchange->periods > 1);
    bool moved = conn->received > conn->received_seen || sent_on;
    conn->received_seen = conn->received;
    conn->unsent_seen = unsent;
    return moved;
}

void le_conn_rest(struct le_conn *conn)
{
    conn->kept = true;
    le_conn_set_state(conn, LE_CONN_IDLE);
}

static void answered(struct le_conn *conn, bool nothing_behind)
{
    bool keep = nothing_behind && conn->reader.keep_alive && !conn->send_failed &&
                conn->sent == conn->exchange->request->len;
    /* Over TLS, the server's or a proxy's, the watcher does not see bytes that are decrypted
     * already: they would be taken for the next answer. */
    if (keep && !conn->direct)
        keep = le_conn_probe(conn) == LE_OK;
    le_conn_set_state(conn, LE_CONN_REPORTING);
    le_pool_answered(conn, keep);
}

/* False when the exchange has ended. */
static bool take(struct le_conn *conn, size_t count)
{
    size_t used = 0;
    enum le_err err;
    if (count == 0) {
        /* libcurl tells TLS's own goodbye from a cut connection no more than TCP does (it sets
         * SSL_OP_IGNORE_UNEXPECTED_EOF), so over TLS a close ends no answer properly. */
        err = conn->pool->tls ? LE_ERR_CLOSED : le_http_reader_eof(&conn->reader);
    } else {
        if (!conn->exchange->answer_began)
            conn->exchange->answer_began_ms = (int64_t)uv_now(conn->pool->net->loop);
        conn->exchange->answer_began = true;
        conn->received += count;
        err = le_http_reader_feed(&conn->reader, conn->pool->net->read_buffer, count, &used);
        if (conn->pool->secret)
            le_wipe(conn->pool->net->read_buffer, count);
    }
    if (err != LE_OK) {
        le_pool_broken(conn, err);
        return false;
    }
    if (!le_http_reader_done(&conn->reader))
        return true;
    answered(conn, count > 0 && used == count);
    return false;
}

/* False when the exchange has ended. */
static bool receive(struct le_conn *conn)
{
    for (unsigned reads = 0; reads < READS_MAX; reads++) {
        size_t count = 0;
        CURLcode rc = le_conn_recv(conn, conn->pool->net->read_buffer, LE_NET_READ_SIZE, &count);
        if (rc == CURLE_AGAIN)
            return true;
        if (rc != CURLE_OK) {
            le_pool_broken(conn, LE_ERR_CLOSED);
            return false;
        }
        if (!take(conn, count))
            return false;
        /* Over plain TCP a short read has emptied the socket, and the watcher sees what comes
         * later. */
        if (conn->direct && count < LE_NET_READ_SIZE)
            return true;
    }
    if (!conn->direct)
        set_watch(conn, true); /* the watcher sees nothing of what is decrypted already */
    return true;
}

static void progress(struct le_conn *conn, bool lost)
{
    if (conn->send_failed)
        lost = true;
    else if (conn->sent < conn->exchange->request->len)
        write_request(conn);
    else
        set_watch(conn, false);
    if (receive(conn) && lost)
        le_pool_broken(conn, LE_ERR_CLOSED);
}
