#include "internal.h"

#include "loginetl/net/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* TCP's own probes find a peer that went away without a word. */
#define KEEPALIVE_IDLE_S     30L
#define KEEPALIVE_INTERVAL_S 10L

/* Connections made together share a look-up. libcurl's own minute is longer than a drain waits for
 * a queue that has moved to another address. */
#define NAME_CACHE_S 1L

/* What a proxy says to CONNECT is not for stdout, where libcurl writes by default. */
static size_t drop_bytes(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

static bool set_long(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

/* Of these libcurl knows every one since 7.85; it fails for want of memory, or because it was built
 * without TLS, which the connection attempt then says. */
static bool set_tls(CURL *easy, const char *ca_file)
{
    bool ok = set_long(easy, CURLOPT_SSL_VERIFYPEER, 1) &&
              set_long(easy, CURLOPT_SSL_VERIFYHOST, 2) &&
              set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
              set_long(easy, CURLOPT_SSL_ENABLE_ALPN, 1) &&
              /* Sessions are kept for each easy handle, which never connects twice. */
              set_long(easy, CURLOPT_SSL_SESSIONID_CACHE, 0);
    if (ok && ca_file != NULL) {
        ok = curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
        /* A libcurl without TLS to proxies does not know it, and does not need it. */
        (void)curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, ca_file);
    }
    return ok;
}

static bool set_tcp(CURL *easy)
{
    return set_long(easy, CURLOPT_TCP_NODELAY, 1) && set_long(easy, CURLOPT_TCP_KEEPALIVE, 1) &&
           set_long(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S) &&
           set_long(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
}

/* In libcurl's order, with HTTP_PROXY, which it leaves out. */
const char *le_net_proxy_variable(bool tls)
{
    static const char *const names[2][4] = {
        {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"},
        {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}};
    for (size_t i = 0; i < sizeof names[0] / sizeof names[0][0]; i++) {
        const char *value = getenv(names[tls][i]);
        if (value != NULL && *value != '\0')
            return names[tls][i];
    }
    return NULL;
}

/* Proxies are taken from the environment, as libcurl does by itself, but for one variable: to a CGI
 * program HTTP_PROXY may be the header Proxy of somebody's request. This is none, and the AWS SDKs
 * read it. */
static bool set_proxy(CURL *easy, const struct le_pool *pool)
{
    const char *name = le_net_proxy_variable(pool->tls);
    if (pool->direct)
        return curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    if (name == NULL || strcmp(name, "HTTP_PROXY") != 0 || getenv("REQUEST_METHOD") != NULL)
        return true;
    return curl_easy_setopt(easy, CURLOPT_PROXY, getenv(name)) == CURLE_OK;
}

/* A tunnel, so that what is behind a proxy is the server even for http. */
static bool set_http(CURL *easy)
{
    return set_long(easy, CURLOPT_CONNECT_ONLY, 1) &&
           set_long(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           set_long(easy, CURLOPT_HTTPPROXYTUNNEL, 1) &&
           set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1) &&
           set_long(easy, CURLOPT_FRESH_CONNECT, 1) &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, drop_bytes) == CURLE_OK;
}

bool le_conn_set_options(struct le_conn *conn)
{
    CURL *easy = conn->easy;
    const struct le_pool *pool = conn->pool;
    /* QUICK_EXIT: giving up a look-up that hangs would else wait for the resolver's thread, and the
     * loop with it. The thread cleans up after itself. */
    return curl_easy_setopt(easy, CURLOPT_URL, pool->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, conn) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, conn->error) == CURLE_OK &&
           set_long(easy, CURLOPT_NOSIGNAL, 1) && set_long(easy, CURLOPT_QUICK_EXIT, 1) &&
           set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)pool->connect_timeout_ms) &&
           set_long(easy, CURLOPT_DNS_CACHE_TIMEOUT, NAME_CACHE_S) && set_http(easy) &&
           set_proxy(easy, pool) && set_tcp(easy) && set_tls(easy, pool->net->ca_file);
}

/* A handshake that the peer or the network broke off may go well the next time; one that failed by
 * its content will not. libcurl has one code for both, and the difference in its text only. */
static bool is_broken_handshake(const char *text)
{
    static const char *const signs[] = {"SSL_ERROR_SYSCALL", "Connection reset", "unexpected eof",
                                        "Broken pipe", "terminated"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strstr(text, signs[i]) != NULL)
            return true;
    }
    return false;
}

const char *le_conn_words(const char *text)
{
    return strstr(text, "Unsupported proxy") != NULL ? "the proxy's URL is malformed" : text;
}

enum le_err le_conn_error(CURLcode code, const char *text)
{
    assert(code != CURLE_OK && text != NULL);
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY: return LE_ERR_NOMEM;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return LE_ERR_RESOLVE;
    case CURLE_OPERATION_TIMEDOUT: return LE_ERR_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR: return is_broken_handshake(text) ? LE_ERR_CONNECT : LE_ERR_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
    case CURLE_UNSUPPORTED_PROTOCOL: return LE_ERR_TLS; /* libcurl built without TLS */
    default: return LE_ERR_CONNECT;
    }
}
