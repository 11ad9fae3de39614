#include "loginetl/aws/fetch.h"
#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/mem.h"

#include <assert.h>

#define IDLE_TIMEOUT_MS 10000

struct le_fetch {
    struct le_net *net;
    const char *name;
    char *origin;
    int64_t connect_timeout_ms;
    bool direct;
    struct le_pool *pool; /* NULL while resting */
    struct le_exchange exchange;
    struct le_buf request, answer; /* taken whole at once, so that growing leaves no copy behind */
    bool busy, closed;
    unsigned attempts; /* that are left */
    int64_t timeout_ms;
    void (*done)(void *owner, const struct le_fetched *fetched);
    void *owner;
};

static void fetch_free(struct le_fetch *fetch)
{
    le_buf_free_secret(&fetch->request);
    le_buf_free_secret(&fetch->answer);
    le_free(fetch->origin);
    le_free(fetch);
}

enum le_err le_fetch_new(const struct le_fetch_config *config, struct le_fetch **out)
{
    assert(config->net != NULL && config->connect_timeout_ms > 0);
    *out = NULL;
    struct le_fetch *fetch = le_calloc(1, sizeof *fetch);
    if (fetch == NULL)
        return LE_ERR_NOMEM;
    fetch->net = config->net;
    fetch->name = config->name;
    fetch->connect_timeout_ms = config->connect_timeout_ms;
    fetch->direct = config->direct;
    fetch->origin = le_strdup(config->origin);
    le_buf_init(&fetch->request, LE_FETCH_REQUEST_MAX);
    le_buf_init(&fetch->answer, LE_CREDENTIAL_ANSWER_MAX);
    if (fetch->origin == NULL) {
        fetch_free(fetch);
        return LE_ERR_NOMEM;
    }
    *out = fetch;
    return LE_OK;
}

static enum le_err open_pool(struct le_fetch *fetch)
{
    const struct le_pool_config config = {
        .origin = le_span_of(fetch->origin),
        .connections_max = 1,
        .connect_timeout_ms = fetch->connect_timeout_ms,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .name = fetch->name,
        .direct = fetch->direct,
        .secret = true,
    };
    return fetch->pool != NULL ? LE_OK : le_pool_new(fetch->net, &config, &fetch->pool);
}

static bool is_worth_another(const struct le_exchange *exchange)
{
    if (exchange->err != LE_OK)
        return exchange->err != LE_ERR_CANCELLED && le_err_class(exchange->err) == LE_CLASS_RETRY;
    return exchange->status == 429 || exchange->status >= 500;
}

static void exchange_done(struct le_exchange *exchange);

static void send_now(struct le_fetch *fetch)
{
    assert(fetch->attempts > 0);
    fetch->attempts--;
    le_buf_clear(&fetch->answer);
    fetch->exchange = (struct le_exchange){
        .request = &fetch->request,
        .body = &fetch->answer,
        .timeout_ms = fetch->timeout_ms,
        .done = exchange_done,
        .owner = fetch,
    };
    le_pool_send(fetch->pool, &fetch->exchange);
}

static void exchange_done(struct le_exchange *exchange)
{
    struct le_fetch *fetch = exchange->owner;
    if (fetch->closed) {
        fetch_free(fetch);
        return;
    }
    if (fetch->attempts > 0 && is_worth_another(exchange)) {
        send_now(fetch);
        return;
    }
    const struct le_fetched fetched = {
        exchange->err,
        exchange->err == LE_OK ? exchange->status : 0,
        fetch->answer.data,
        fetch->answer.len,
        exchange->err == LE_OK ? exchange->header(exchange, "date") : LE_SPAN_NONE,
    };
    fetch->busy = false;
    fetch->done(fetch->owner, &fetched);
}

enum le_err le_fetch_send(struct le_fetch *fetch, const struct le_fetch_request *request,
                          void (*done)(void *owner, const struct le_fetched *fetched), void *owner)
{
    assert(!fetch->busy && !fetch->closed);
    assert(request->attempts > 0 && request->timeout_ms > 0);
    le_buf_clear(&fetch->request);
    le_buf_clear(&fetch->answer);
    enum le_err err = open_pool(fetch);
    if (err == LE_OK)
        err = le_buf_reserve(&fetch->request, LE_FETCH_REQUEST_MAX);
    if (err == LE_OK)
        err = le_buf_reserve(&fetch->answer, LE_CREDENTIAL_ANSWER_MAX);
    if (err == LE_OK)
        err = le_http_write_head(&fetch->request, request->method, request->target,
                                 request->headers, request->header_count, request->body.len);
    if (err == LE_OK)
        err = le_buf_append_span(&fetch->request, request->body);
    if (err != LE_OK)
        return err;
    fetch->busy = true;
    fetch->attempts = request->attempts;
    fetch->timeout_ms = request->timeout_ms;
    fetch->done = done;
    fetch->owner = owner;
    send_now(fetch);
    return LE_OK;
}

void le_fetch_rest(struct le_fetch *fetch)
{
    assert(!fetch->busy);
    if (fetch->pool != NULL)
        le_pool_close(fetch->pool);
    fetch->pool = NULL;
    le_buf_free_secret(&fetch->request);
    le_buf_free_secret(&fetch->answer);
}

void le_fetch_close(struct le_fetch *fetch)
{
    if (fetch == NULL)
        return;
    assert(!fetch->closed);
    fetch->closed = true;
    if (fetch->pool != NULL)
        le_pool_close(fetch->pool);
    fetch->pool = NULL;
    if (!fetch->busy)
        fetch_free(fetch);
}
