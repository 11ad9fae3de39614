#include "loginetl/aws/queue.h"

#include "loginetl/aws/queue_internal.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

#define CONNECT_TIMEOUT_MS 10000
#define IDLE_TIMEOUT_MS    20000
#define AUTHORIZATION_MAX  8192

static void name_targets(struct le_queue *queue)
{
    for (int i = 0; i < LE_SQS_OPERATION_COUNT; i++) {
        const char *name = le_sqs_operation_name((enum le_sqs_operation)i);
        int len = snprintf(queue->targets[i], LE_TARGET_MAX, "AmazonSQS.%s", name);
        assert(len > 0 && len < LE_TARGET_MAX);
    }
}

static enum le_err open_pool(struct le_queue *queue, const struct le_queue_config *config,
                             const char *name, unsigned connections, struct le_pool **out)
{
    const struct le_pool_config pool = {
        .origin = queue->endpoint.origin,
        .connections_max = connections,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .name = name,
    };
    return le_pool_new(config->net, &pool, out);
}

static enum le_err fill(struct le_queue *queue, const struct le_queue_config *config)
{
    queue->endpoint_url = le_strndup(config->endpoint.ptr, config->endpoint.len);
    queue->signer = le_signer_new(config->region, LE_SPAN_LIT("sqs"));
    if (queue->endpoint_url == NULL || queue->signer == NULL)
        return LE_ERR_NOMEM;
    struct le_span url = le_span_of(queue->endpoint_url);
    enum le_err err = url.len == config->endpoint.len ? LE_OK : LE_ERR_CONFIG;
    err = err == LE_OK ? le_endpoint_parse(url, &queue->endpoint) : err;
    if (err == LE_OK)
        err = open_pool(queue, config, "receive", config->receivers_max, &queue->receive_pool);
    if (err == LE_OK)
        err = open_pool(queue, config, "control", config->control_max, &queue->control_pool);
    return err;
}

static void queue_free(struct le_queue *queue)
{
    le_operation_free_idle(queue);
    le_signer_free(queue->signer);
    le_free(queue->endpoint_url);
    le_free(queue->url);
    le_free(queue->dead_letter_url);
    if (queue->session_token != NULL)
        le_free_secret(queue->session_token, strlen(queue->session_token));
    le_buf_free(&queue->body);
    le_buf_free(&queue->authorization);
    le_buf_free(&queue->receive_body.text);
    le_buf_free(&queue->receive_body.head);
    le_free(queue);
}

enum le_err le_queue_new(const struct le_queue_config *config, struct le_queue **out)
{
    assert(config->net != NULL && config->loop != NULL && config->wall_ms != NULL);
    assert(config->receivers_max > 0 && config->control_max > 0);
    *out = NULL;
    struct le_queue *queue = le_calloc(1, sizeof *queue);
    if (queue == NULL)
        return LE_ERR_NOMEM;
    le_protocol_init(queue, config->protocol);
    queue->wall_ms = config->wall_ms;
    queue->expired = config->expired;
    queue->self = config->self;
    queue->endpoint_source = config->endpoint_source;
    queue->protocol_is_detail = config->protocol_is_detail;
    queue->url_given = config->url_given;
    assert(config->account.len <
           sizeof queue->account); /* both parsers take twenty digits at most */
    if (config->account.len > 0)
        memcpy(queue->account, config->account.ptr, config->account.len);
    le_list_init(&queue->active);
    le_list_init(&queue->idle);
    le_buf_init(&queue->body, LE_REQUEST_MAX);
    le_buf_init(&queue->authorization, AUTHORIZATION_MAX);
    le_buf_init(&queue->receive_body.text, LE_REQUEST_MAX);
    le_buf_init(&queue->receive_body.head, LE_REQUEST_MAX);
    name_targets(queue);
    enum le_err err = fill(queue, config);
    if (err != LE_OK) {
        if (queue->receive_pool != NULL)
            le_pool_close(queue->receive_pool);
        queue_free(queue);
        return err;
    }
    int failed = uv_timer_init(config->loop, &queue->late_timer);
    assert(failed == 0); /* it cannot: nothing is asked of the system */
    queue->late_timer.data = queue;
    if (config->protocol != LE_SQS_PROTOCOL_AUTO)
        le_queue_report_protocol(queue);
    *out = queue;
    return LE_OK;
}

/* ---- what ends before it began ---- */

static void flush_late(struct le_queue *queue)
{
    struct le_receive_op *receive = queue->late_receives;
    struct le_entries_op *entries = queue->late_entries;
    struct le_queue_call *call = queue->late_calls;
    queue->late_receives = NULL;
    queue->late_entries = NULL;
    queue->late_calls = NULL;
    while (receive != NULL) {
        struct le_receive_op *next = receive->port_data;
        receive->port_data = NULL;
        receive->done(receive);
        receive = next;
    }
    while (entries != NULL) {
        struct le_entries_op *next = entries->port_data;
        entries->port_data = NULL;
        entries->done(entries);
        entries = next;
    }
    while (call != NULL) {
        struct le_queue_call *next = call->port_data;
        call->port_data = NULL;
        call->done(call);
        call = next;
    }
}

static void late_timer_due(uv_timer_t *timer)
{
    struct le_queue *queue = timer->data;
    flush_late(queue);
    if (queue->closing)
        le_queue_settle(queue);
}

static void flush_soon(struct le_queue *queue)
{
    int failed = uv_timer_start(&queue->late_timer, late_timer_due, 0, 0);
    assert(failed == 0); /* only a timer that is being closed refuses */
}

void le_queue_late_receive(struct le_queue *queue, struct le_receive_op *receive, enum le_err err)
{
    assert(err != LE_OK);
    receive->err = err;
    receive->port_data = queue->late_receives;
    queue->late_receives = receive;
    flush_soon(queue);
}

void le_queue_late_entries(struct le_queue *queue, struct le_entries_op *entries, enum le_err err)
{
    entries->err = err;
    entries->port_data = queue->late_entries;
    queue->late_entries = entries;
    flush_soon(queue);
}

void le_queue_late_call(struct le_queue *queue, struct le_queue_call *call, enum le_err err)
{
    assert(err != LE_OK);
    call->err = err;
    call->port_data = queue->late_calls;
    queue->late_calls = call;
    flush_soon(queue);
}

/* ---- the end ---- */

static void timer_closed(uv_handle_t *handle)
{
    queue_free(handle->data);
}

void le_queue_settle(struct le_queue *queue)
{
    assert(queue->closing);
    bool late =
        queue->late_receives != NULL || queue->late_entries != NULL || queue->late_calls != NULL;
    uv_handle_t *timer = (uv_handle_t *)&queue->late_timer;
    if (!late && queue->active.count == 0 && !uv_is_closing(timer))
        uv_close(timer, timer_closed);
}

void le_queue_close(struct le_queue *queue)
{
    assert(queue != NULL && !queue->closing);
    queue->closing = true;
    le_pool_close(queue->receive_pool);
    le_pool_close(queue->control_pool);
    flush_late(queue);
    le_queue_settle(queue);
}

/* ---- settings ---- */

static enum le_err replace(char **text, struct le_span by)
{
    char *copy = le_strndup(by.ptr, by.len);
    if (copy == NULL)
        return LE_ERR_NOMEM;
    le_free(*text);
    *text = copy;
    return LE_OK;
}

enum le_err le_queue_set_credentials(struct le_queue *queue,
                                     const struct le_credentials *credentials)
{
    char *token = NULL;
    if (credentials->session_token.len > 0) {
        token = le_strndup(credentials->session_token.ptr, credentials->session_token.len);
        if (token == NULL)
            return LE_ERR_NOMEM;
    }
    enum le_err err = le_signer_set_credentials(queue->signer, credentials);
    char *old = err == LE_OK ? queue->session_token : token;
    if (err == LE_OK) {
        queue->session_token = token;
        queue->has_credentials = true;
        le_buf_clear(&queue->receive_body.head); /* it was signed with the old ones */
    }
    if (old != NULL)
        le_free_secret(old, strlen(old));
    return err;
}

enum le_err le_queue_set_url(struct le_queue *queue, struct le_span queue_url)
{
    assert(queue_url.len > 0);
    le_buf_clear(&queue->receive_body.text); /* it names the queue */
    return replace(&queue->url, queue_url);
}

enum le_err le_queue_set_dead_letter_url(struct le_queue *queue, struct le_span url)
{
    assert(url.len > 0);
    return replace(&queue->dead_letter_url, url);
}

struct le_span le_queue_url(const struct le_queue *queue)
{
    return le_span_of(queue->url);
}

struct le_span le_queue_dead_letter_url(const struct le_queue *queue)
{
    return le_span_of(queue->dead_letter_url);
}

const struct le_sqs_codec *le_queue_codec(const struct le_queue *queue)
{
    return queue->codec;
}

const char *le_queue_protocol_why(const struct le_queue *queue)
{
    return queue->protocol_why;
}

const struct le_queue_stats *le_queue_stats(const struct le_queue *queue)
{
    return &queue->stats;
}

size_t le_queue_memory(const struct le_queue *queue)
{
    return le_pool_memory(queue->receive_pool) + le_pool_memory(queue->control_pool);
}

const char *le_queue_last_failure(const struct le_queue *queue)
{
    return queue->last_failure;
}

int64_t le_queue_wall_ms(const struct le_queue *queue)
{
    return queue->wall_ms(queue->self) + queue->skew_ms;
}

bool le_queue_wall_is_known(const struct le_queue *queue)
{
    return queue->answered || queue->time_told;
}
