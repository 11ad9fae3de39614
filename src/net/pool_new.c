/* The beginning and the end of a pool. */
#include "internal.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ORIGIN_MAX 2048

static bool get_part(CURLU *url, CURLUPart part, char **out)
{
    return curl_url_get(url, part, out, CURLU_DEFAULT_PORT) == CURLUE_OK;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* scheme://host:port and nothing else, so that no path or secret of the configuration goes on from
 * here. */
static char *join_origin(const char *scheme, const char *host, const char *port)
{
    struct le_buf buf;
    le_buf_init(&buf, ORIGIN_MAX + 64);
    char *origin = NULL;
    if (le_buf_printf(&buf, "%s://%s:%s", scheme, host, port) == LE_OK)
        origin = le_strndup(buf.data, buf.len);
    le_buf_free(&buf);
    return origin;
}

static enum le_err take_origin(struct le_pool *pool, CURLU *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    enum le_err err = LE_ERR_CONFIG;
    if (get_part(url, CURLUPART_SCHEME, &scheme) && get_part(url, CURLUPART_HOST, &host) &&
        get_part(url, CURLUPART_PORT, &port) && !has_part(url, CURLUPART_USER) &&
        (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)) {
        pool->tls = strcmp(scheme, "https") == 0;
        pool->url = join_origin(scheme, host, port);
        err = pool->url != NULL ? LE_OK : LE_ERR_NOMEM;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return err;
}

static enum le_err parse_origin(struct le_pool *pool, struct le_span origin)
{
    if (origin.len == 0 || origin.len > ORIGIN_MAX || memchr(origin.ptr, '\0', origin.len) != NULL)
        return LE_ERR_CONFIG;
    char *text = le_strndup(origin.ptr, origin.len);
    CURLU *url = curl_url();
    enum le_err err = LE_ERR_NOMEM;
    if (text != NULL && url != NULL) {
        CURLUcode rc = curl_url_set(url, CURLUPART_URL, text, 0);
        if (rc == CURLUE_OK)
            err = take_origin(pool, url);
        else if (rc != CURLUE_OUT_OF_MEMORY)
            err = LE_ERR_CONFIG;
    }
    curl_url_cleanup(url);
    le_free(text);
    return err;
}

static void pool_free(struct le_pool *pool)
{
    le_free(pool->url);
    le_free(pool->name);
    le_free(pool);
}

static void init_handles(struct le_pool *pool)
{
    int rc = uv_timer_init(pool->net->loop, &pool->timer);
    assert(rc == 0);
    rc = uv_idle_init(pool->net->loop, &pool->deferred);
    assert(rc == 0);
    pool->timer.data = pool->deferred.data = pool;
    pool->handles = 2;
    /* It stays armed when its exchange has ended early, and shall not keep the loop alive for that.
     */
    uv_unref((uv_handle_t *)&pool->timer);
}

enum le_err le_pool_new(struct le_net *net, const struct le_pool_config *config,
                        struct le_pool **out)
{
    assert(net != NULL && !net->closing && config->connections_max > 0 && config->name != NULL);
    assert(config->connect_timeout_ms > 0 && config->idle_timeout_ms > 0);
    *out = NULL;
    struct le_pool *pool = le_calloc(1, sizeof *pool);
    if (pool == NULL)
        return LE_ERR_NOMEM;
    enum le_err err = parse_origin(pool, config->origin);
    if (err == LE_OK && (pool->name = le_strdup(config->name)) == NULL)
        err = LE_ERR_NOMEM;
    if (err != LE_OK) {
        pool_free(pool);
        return err;
    }
    pool->net = net;
    net->pools++;
    pool->connections_max = config->connections_max;
    pool->direct = config->direct;
    pool->secret = config->secret;
    pool->connect_timeout_ms = config->connect_timeout_ms;
    pool->idle_timeout_ms = config->idle_timeout_ms;
    le_list_init(&pool->waiting);
    le_list_init(&pool->deadlines);
    le_list_init(&pool->finished);
    le_list_init(&pool->idle);
    le_list_init(&pool->busy);
    init_handles(pool);
    *out = pool;
    return LE_OK;
}

void le_pool_handle_closed(struct le_pool *pool)
{
    assert(pool->handles > 0);
    if (--pool->handles > 0)
        return;
    assert(pool->closing && pool->finished.count == 0 && pool->deadlines.count == 0);
    assert(pool->idle.count == 0 && pool->busy.count == 0);
    struct le_net *net = pool->net;
    pool_free(pool);
    le_net_drop_pool(net);
}
