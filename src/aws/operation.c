/* One request: made, signed, sent, and its answer judged. */
#include "loginetl/aws/queue_internal.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>

#define REQUEST_KEEP (16 * 1024) /* memory that an idle operation keeps */
#define ANSWER_KEEP  (4 * 1024)
#define HEADERS_MAX  6
#define SKEW_NEWS_MS 60000 /* more than a slow answer makes */

static struct le_operation *operation_new(struct le_queue *queue)
{
    struct le_operation *op = le_calloc(1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->queue = queue;
    le_buf_init(&op->request, LE_REQUEST_MAX);
    le_buf_init(&op->answer, LE_ANSWER_MAX);
    return op;
}

struct le_operation *le_operation_take(struct le_queue *queue, enum le_sqs_operation operation)
{
    assert(!queue->closing && queue->has_credentials);
    struct le_node *node = le_list_pop(&queue->idle);
    struct le_operation *op =
        node != NULL ? le_container_of(node, struct le_operation, node) : operation_new(queue);
    if (op == NULL)
        return NULL;
    assert(op->finish == NULL);
    op->operation = operation;
    op->codec = queue->codec;
    op->pool = operation == LE_SQS_RECEIVE ? queue->receive_pool : queue->control_pool;
    op->answer_to = &op->answer;
    op->resent = op->cancelled = false;
    op->first = op->count = 0;
    le_list_push(&queue->active, &op->node);
    return op;
}

void le_operation_release(struct le_operation *op)
{
    le_list_remove(&op->queue->active, &op->node);
    le_buf_shrink(&op->request, REQUEST_KEEP);
    le_buf_shrink(&op->answer, ANSWER_KEEP);
    op->finish = NULL;
    op->encode = NULL;
    le_list_push_front(&op->queue->idle, &op->node);
}

void le_operation_free_idle(struct le_queue *queue)
{
    struct le_node *node;
    while ((node = le_list_pop(&queue->idle)) != NULL) {
        struct le_operation *op = le_container_of(node, struct le_operation, node);
        le_buf_free(&op->request);
        le_buf_free(&op->answer);
        le_free(op);
    }
}

/* Names in lower case and in the order that SigV4 wants. */
static size_t list_headers(const struct le_operation *op, const char *amz_date,
                           struct le_http_header out[HEADERS_MAX])
{
    const struct le_queue *queue = op->queue;
    size_t count = 0;
    out[count++] =
        (struct le_http_header){LE_SPAN_LIT("content-type"), le_span_of(op->codec->content_type)};
    out[count++] = (struct le_http_header){LE_SPAN_LIT("host"), queue->endpoint.host};
    out[count++] = (struct le_http_header){LE_SPAN_LIT("x-amz-date"), le_span_of(amz_date)};
    if (queue->session_token != NULL)
        out[count++] = (struct le_http_header){LE_SPAN_LIT("x-amz-security-token"),
                                               le_span_of(queue->session_token)};
    if (op->codec->target_header)
        out[count++] = (struct le_http_header){LE_SPAN_LIT("x-amz-target"),
                                               le_span_of(queue->targets[op->operation])};
    assert(count < HEADERS_MAX); /* the signature follows */
    return count;
}

static enum le_err sign(struct le_operation *op, const struct le_http_header *headers, size_t count)
{
    struct le_queue *queue = op->queue;
    const struct le_sigv4_request request = {
        .method = LE_SPAN_LIT("POST"),
        .path = queue->endpoint.path,
        .query = LE_SPAN_NONE,
        .headers = headers,
        .header_count = count,
        .payload_sha256 = op->sha256,
    };
    le_buf_clear(&queue->authorization);
    return le_sigv4_authorization(queue->signer, &request, op->signed_at_ms, &queue->authorization);
}

static enum le_err write_head(struct le_operation *op, const char *amz_date, size_t body_len)
{
    struct le_queue *queue = op->queue;
    struct le_http_header headers[HEADERS_MAX];
    size_t count = list_headers(op, amz_date, headers);
    enum le_err err = sign(op, headers, count);
    if (err != LE_OK)
        return err;
    headers[count++] =
        (struct le_http_header){LE_SPAN_LIT("authorization"), le_buf_span(&queue->authorization)};
    return le_http_write_head(&op->request, LE_SPAN_LIT("POST"), queue->endpoint.path, headers,
                              count, body_len);
}

/* Two receives of one second are the same to the last byte: what is signed is the same, and so the
 * signature is. */
static enum le_err write_receive_head(struct le_operation *op, const char *amz_date,
                                      size_t body_len)
{
    struct le_receive_body *receive = &op->queue->receive_body;
    assert(op->operation == LE_SQS_RECEIVE && op->request.len == 0);
    if (receive->head.len > 0 && strcmp(receive->signed_for, amz_date) == 0)
        return le_buf_append_span(&op->request, le_buf_span(&receive->head));
    le_buf_clear(&receive->head);
    enum le_err err = write_head(op, amz_date, body_len);
    if (err == LE_OK)
        err = le_buf_append_span(&receive->head, le_buf_span(&op->request));
    memcpy(receive->signed_for, amz_date, sizeof receive->signed_for);
    return err;
}

static enum le_err write_request(struct le_operation *op, struct le_span body)
{
    struct le_queue *queue = op->queue;
    char amz_date[LE_AMZ_DATE_SIZE];
    op->signed_at_ms = le_queue_wall_ms(queue);
    le_format_amz_date(op->signed_at_ms, amz_date);
    le_buf_clear(&op->request);
    /* A receive that is sent again may have another body than the next one. */
    bool same = op->operation == LE_SQS_RECEIVE && !op->resent;
    enum le_err err =
        same ? write_receive_head(op, amz_date, body.len) : write_head(op, amz_date, body.len);
    op->body_at = op->request.len;
    return err == LE_OK ? le_buf_append_span(&op->request, body) : err;
}

void le_operation_set_code(struct le_operation *op, struct le_span code)
{
    assert(code.len < sizeof op->code);
    if (code.len > 0)
        memcpy(op->code, code.ptr, code.len);
    op->code[code.len] = '\0';
}

/* Does a wrong clock explain the refusal? Then requests are signed with the service's time from now
 * on. */
static bool learn_skew(struct le_operation *op)
{
    struct le_queue *queue = op->queue;
    int64_t theirs;
    struct le_span date = op->exchange.header(&op->exchange, "date");
    if (!le_sigv4_clock_is_off(date, op->signed_at_ms, &theirs))
        return false;
    int64_t skew_ms = theirs - queue->wall_ms(queue->self), change_ms = skew_ms - queue->skew_ms;
    queue->skew_ms = skew_ms;
    queue->time_told = true;
    /* Others that were signed before this was learned are refused too, and are no news. */
    if (change_ms <= -SKEW_NEWS_MS || change_ms >= SKEW_NEWS_MS)
        le_queue_report_skew(queue, skew_ms);
    return true;
}

/* What comes after an answer. */
enum next {
    NEXT_FINISH,
    NEXT_RESEND, /* it was refused for the time it was signed with, and may be sent once more */
    NEXT_ENCODE  /* for its protocol, and may be sent in the other one */
};

/* LE_OK for a 2xx answer. */
static enum le_err judge(struct le_operation *op, enum next *next)
{
    struct le_queue *queue = op->queue;
    const struct le_exchange *exchange = &op->exchange;
    *next = NEXT_FINISH;
    op->status = exchange->err == LE_OK ? exchange->status : 0;
    op->code[0] = '\0';
    if (exchange->err != LE_OK)
        return exchange->err;
    if (exchange->status >= 200 && exchange->status <= 299) {
        le_protocol_accepted(op);
        return LE_OK;
    }
    struct le_buf *body = op->answer_to;
    bool markup = le_protocol_is_markup(op);
    struct le_span header = exchange->header(exchange, "x-amzn-query-error");
    struct le_span code = op->codec->read_error(body->data, body->len, header);
    le_operation_set_code(op, code);
    enum le_err err = le_sqs_error(exchange->status, code);
    if (le_sqs_is_expired(code) && queue->expired != NULL && queue->expired(queue->self))
        err = LE_ERR_SERVICE; /* it passes */
    if (le_protocol_refused(op, code, markup))
        *next = NEXT_ENCODE;
    else if (!le_sqs_is_skew(code))
        queue->time_told = queue->time_told || le_err_class(err) != LE_CLASS_RETRY;
    else if (!op->resent && !op->cancelled && learn_skew(op))
        *next = NEXT_RESEND;
    return err;
}

/* False: nothing was sent. */
static bool send_again(struct le_operation *op, enum next next)
{
    if (next == NEXT_FINISH || op->queue->closing)
        return false;
    if (next == NEXT_ENCODE)
        return op->encode(op) == LE_OK;
    op->resent = true;
    return le_operation_resend(op) == LE_OK;
}

static void exchange_done(struct le_exchange *exchange)
{
    struct le_operation *op = exchange->owner;
    struct le_queue *queue = op->queue;
    enum next next;
    enum le_err err = judge(op, &next);
    if (send_again(op, next))
        return;
    op->finish(op, err);
    if (queue->closing)
        le_queue_settle(queue);
}

static void send_now(struct le_operation *op)
{
    le_buf_clear(op->answer_to);
    op->exchange = (struct le_exchange){
        .request = &op->request,
        .body = op->answer_to,
        .timeout_ms = op->timeout_ms,
        .done = exchange_done,
        .owner = op,
    };
    op->queue->stats.requests[op->operation]++;
    le_pool_send(op->pool, &op->exchange);
}

enum le_err le_operation_send(struct le_operation *op, struct le_span body)
{
    assert(op->finish != NULL && op->encode != NULL && op->timeout_ms > 0);
    enum le_err err = write_request(op, body);
    if (err == LE_OK)
        send_now(op);
    return err;
}

enum le_err le_operation_resend(struct le_operation *op)
{
    struct le_buf *body = &op->queue->body;
    if (op->queue->closing)
        return LE_ERR_CANCELLED;
    le_buf_clear(body);
    enum le_err err =
        le_buf_append(body, op->request.data + op->body_at, op->request.len - op->body_at);
    return err == LE_OK ? le_operation_send(op, le_buf_span(body)) : err;
}
