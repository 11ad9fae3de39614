/* Which of its two protocols the service speaks, when nobody has said so: JSON is tried, and Query
 * when the first answer is none of JSON's. */
#include "loginetl/aws/queue_internal.h"

#include <assert.h>
#include <stdio.h>

#define ANSWERED_IN_XML "a JSON request was answered in XML"

#define TRIED_FIRST "it is tried first"

void le_protocol_init(struct le_queue *queue, enum le_sqs_protocol protocol)
{
    queue->codec = protocol == LE_SQS_PROTOCOL_QUERY ? &le_sqs_query : &le_sqs_json;
    queue->protocol_open = protocol == LE_SQS_PROTOCOL_AUTO;
    queue->protocol_why = queue->protocol_open ? TRIED_FIRST : "--sqs-protocol says so";
}

static void set_codec(struct le_queue *queue, const struct le_sqs_codec *codec)
{
    queue->codec = codec;
    le_buf_clear(&queue->receive_body.text); /* it is of the other protocol */
    le_buf_clear(&queue->receive_body.head);
}

static void settle(struct le_queue *queue)
{
    assert(queue->protocol_open);
    queue->protocol_open = false;
    if (queue->codec == &le_sqs_json)
        queue->protocol_why = "a JSON request was answered in JSON";
    le_queue_report_protocol(queue);
}

static void go_back(struct le_queue *queue)
{
    set_codec(queue, &le_sqs_json);
    queue->protocol_why = TRIED_FIRST;
}

bool le_protocol_is_markup(const struct le_operation *op)
{
    const struct le_buf *body = op->answer_to;
    return body->len > 0 && body->data[0] == '<';
}

/* What begins as XML and holds the element that Query answers this operation with. */
static bool is_querys_answer(const struct le_operation *op)
{
    char element[LE_TARGET_MAX];
    const struct le_buf *body = op->answer_to;
    int len =
        snprintf(element, sizeof element, "<%sResponse", le_sqs_operation_name(op->operation));
    assert(len > 0 && (size_t)len < sizeof element);
    return le_protocol_is_markup(op) && memmem(body->data, body->len, element, (size_t)len) != NULL;
}

/* SQS answers with objects only. */
static bool is_json(const struct le_operation *op)
{
    const struct le_buf *body = op->answer_to;
    size_t at = 0;
    while (at < body->len && memchr(" \t\r\n", body->data[at], 4) != NULL)
        at++;
    return at < body->len && body->data[at] == '{';
}

/* moto 4.1 takes the operation from the header, and answers 200 in XML where it finds what it needs
 * in a JSON body. That is not asked again but read as what it is: of the entries that it did not
 * find the answer does not speak, and they are tried again. */
static void answered_in_query(struct le_operation *op)
{
    struct le_queue *queue = op->queue;
    if (queue->codec == &le_sqs_json) {
        set_codec(queue, &le_sqs_query);
        queue->protocol_why = ANSWERED_IN_XML;
    }
    op->codec = queue->codec;
}

void le_protocol_accepted(struct le_operation *op)
{
    struct le_queue *queue = op->queue;
    if (!queue->protocol_open && op->codec == queue->codec)
        return;
    bool querys = is_querys_answer(op);
    if (op->codec == &le_sqs_json && querys)
        answered_in_query(op);
    if (!queue->protocol_open || op->codec != queue->codec)
        return;
    if (querys || (op->codec == &le_sqs_json && is_json(op)))
        settle(queue);
    else
        go_back(queue); /* a page that somebody put in between is neither's answer */
}

/* What stands before a service answers so while the service is away or busy. */
static bool is_gateways(int status)
{
    return status == 408 || status == 429 || (status >= 502 && status <= 504);
}

static bool is_xml_type(struct le_span type)
{
    return type.len > 0 && memmem(type.ptr, type.len, "xml", 3) != NULL;
}

/* Words why the answer is not one of a service that speaks JSON; NULL when it may be. */
static const char *why_not_json(struct le_operation *op, struct le_span code, bool markup)
{
    struct le_exchange *exchange = &op->exchange;
    if (is_gateways(exchange->status))
        return NULL;
    /* LocalStack 2 (500), ElasticMQ 0.15 (400, as text/plain), moto 4.1 (400). */
    if (markup || is_xml_type(exchange->header(exchange, "content-type")))
        return ANSWERED_IN_XML;
    if (exchange->status == 415) /* ElasticMQ 0.7, as text/plain */
        return "a JSON request was refused for its content type";
    return code.len == 0 ? "a JSON request was refused without an error code of JSON's" : NULL;
}

bool le_protocol_refused(struct le_operation *op, struct le_span code, bool markup)
{
    struct le_queue *queue = op->queue;
    if (op->codec == &le_sqs_query) {
        /* An error in XML is an answer of that protocol; a page or nothing leaves all as it was. */
        if (queue->protocol_open && queue->codec == &le_sqs_query) {
            if (markup && code.len > 0)
                settle(queue);
            else
                go_back(queue);
        }
        return false;
    }
    /* Requests that were under way when another one found out go after it. */
    bool open = queue->protocol_open || queue->codec == &le_sqs_query;
    const char *why = open && !op->cancelled ? why_not_json(op, code, markup) : NULL;
    if (why == NULL)
        return false;
    if (queue->codec == &le_sqs_json) {
        set_codec(queue, &le_sqs_query);
        queue->protocol_why = why;
    }
    op->codec = queue->codec;
    return true;
}
