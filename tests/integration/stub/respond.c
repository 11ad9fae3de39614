/* How a request is checked and an answer leaves, whole or broken. What libmicrohttpd would never
 * send (1xx, any bytes a test likes) is written to the connection's socket directly: at that moment
 * libmicrohttpd has nothing of its own to send on it. So these two faults need plain HTTP. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "call.h"
#include "server.h"

static const char content_type[] = "application/x-amz-json-1.0";

int call_socket(const struct call *call)
{
    return MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* ---- what the request must have ---- */

static const char *header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

/* The time of X-Amz-Date, 20230101T120000Z, in seconds; -1 if it is not one. */
static int64_t amz_date(const char *text)
{
    struct tm tm = {0};
    const char *end = text ? strptime(text, "%Y%m%dT%H%M%SZ", &tm) : NULL;
    return end && !*end ? (int64_t)timegm(&tm) : -1;
}

static bool date_is_near(int64_t date)
{
    int64_t now = wall_ms() / 1000 + settings.skew_s, off = date > now ? date - now : now - date;
    return off < 300;
}

static bool check_signature(struct call *call)
{
    static const char scheme[] = "AWS4-HMAC-SHA256 Credential=";
    const char *authorization = header(call, "Authorization");
    struct answer *answer = &call->request.answer;
    if (!authorization || strncmp(authorization, scheme, sizeof scheme - 1) != 0) {
        sqs_violation(answer, VIOLATION_authorization, "MissingAuthenticationToken",
                      "Request is missing Authentication Token");
        answer->status = 403;
        return false;
    }
    int64_t date = amz_date(header(call, "X-Amz-Date"));
    if (date >= 0 && date_is_near(date))
        return true;
    if (date < 0 || !settings.skew_s) /* with a skewed server it is not the client's fault */
        violations[VIOLATION_date]++;
    sqs_error(answer, 403, "InvalidSignatureException", "Signature expired or not yet current.");
    return false;
}

bool call_check(struct call *call)
{
    struct answer *answer = &call->request.answer;
    const char *type = header(call, "Content-Type");
    if (!type || strcmp(type, content_type) != 0) {
        sqs_violation(answer, VIOLATION_content_type, "UnknownOperationException",
                      "The Content-Type is not of this protocol.");
        answer->status = 404;
        return false;
    }
    call->request.operation = sqs_operation(header(call, "X-Amz-Target"));
    if (call->request.operation)
        return check_signature(call);
    sqs_violation(answer, VIOLATION_target, "UnknownOperationException",
                  "The X-Amz-Target is unknown.");
    return false;
}

/* ---- the answer's body, in pieces ---- */

struct pieces {
    char *body;
    size_t length, end; /* what there is, and what is sent of it before the connection breaks */
    size_t block;
};

static ssize_t next_piece(void *context, uint64_t position, char *out, size_t room)
{
    const struct pieces *pieces = context;
    if (position >= pieces->end)
        return pieces->end < pieces->length ? MHD_CONTENT_READER_END_WITH_ERROR
                                            : MHD_CONTENT_READER_END_OF_STREAM;
    size_t left = pieces->end - (size_t)position,
           most = room < pieces->block ? room : pieces->block;
    size_t length = left < most ? left : most;
    memcpy(out, pieces->body + position, length);
    return (ssize_t)length;
}

static void free_pieces(void *context)
{
    struct pieces *pieces = context;
    free(pieces->body);
    free(pieces);
}

static size_t at_least(int64_t n, size_t low)
{
    return n < (int64_t)low ? low : (size_t)n;
}

static struct MHD_Response *in_pieces(const struct effects *effects, char *body, size_t length)
{
    struct pieces *pieces = must_alloc(sizeof *pieces);
    bool unknown = effect(effects, FAULT_CHUNKED) || effect(effects, FAULT_UNTIL_CLOSE);
    *pieces = (struct pieces){body, length, length, 65536};
    if (effect(effects, FAULT_CUT) && at_least(effects->n[FAULT_CUT], 0) < length)
        pieces->end = at_least(effects->n[FAULT_CUT], 0);
    if (effect(effects, FAULT_CHUNKED))
        pieces->block = at_least(effects->n[FAULT_CHUNKED], 1);
    struct MHD_Response *response = MHD_create_response_from_callback(
        unknown ? MHD_SIZE_UNKNOWN : length, 65536, next_piece, pieces, free_pieces);
    if (response && effect(effects, FAULT_UNTIL_CLOSE))
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

/* ---- the answer's body, changed ---- */

static void pad(struct text *body, size_t to)
{
    static const char key[] = ",\"Padding\":\"";
    if (body->length < 2 || body->bytes[body->length - 1] != '}' || body->length >= to)
        return;
    body->length--;
    text_puts(body, body->bytes[body->length - 1] == '{' ? key + 1 : key);
    text_reserve(body, to);
    while (body->length + 2 < to)
        body->bytes[body->length++] = 'x';
    text_puts(body, "\"}");
}

static void change_body(struct call *call)
{
    struct text *body = &call->request.answer.body;
    const struct effects *effects = &call->effects;
    if (effect(effects, FAULT_BODY)) {
        text_clear(body);
        text_puts(body, effects->text ? effects->text : "");
        call->request.answer.status = effects->status;
    }
    if (effect(effects, FAULT_PAD))
        pad(body, at_least(effects->n[FAULT_PAD], 0));
    if (effect(effects, FAULT_MALFORMED))
        body->length /= 2;
}

/* ---- headers ---- */

/* The text is kept for its second: a load server writes thousands of them. */
static void add_date(struct MHD_Response *response, int64_t skew_s)
{
    static char date[40];
    static time_t written = -1;
    time_t now = (time_t)(wall_ms() / 1000 + skew_s);
    struct tm tm;
    if (now != written)
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    written = now;
    MHD_add_response_header(response, "Date", date);
}

static void add_headers(struct MHD_Response *response, const struct call *call)
{
    static uint64_t number;
    const struct answer *answer = &call->request.answer;
    char id[37], error[96];
    number++;
    uuid_from(mix64(number), mix64(~number), id);
    MHD_add_response_header(response, "x-amzn-RequestId", id);
    add_date(response, settings.skew_s + call->effects.n[FAULT_SKEW]);
    bool other = effect(&call->effects, FAULT_BODY) && call->effects.content_type;
    MHD_add_response_header(response, "Content-Type",
                            call->control ? "application/json"
                            : other       ? call->effects.content_type
                                          : content_type);
    if (*answer->code) {
        snprintf(error, sizeof error, "%s;%s", answer->code,
                 answer->status < 500 ? "Sender" : "Receiver");
        MHD_add_response_header(response, "x-amzn-query-error", error);
    }
    if (effect(&call->effects, FAULT_CLOSE) || effect(&call->effects, FAULT_UNTIL_CLOSE))
        MHD_add_response_header(response, "Connection", "close");
}

/* ---- sending ---- */

static void send_raw(const struct call *call, const char *bytes, size_t length)
{
    /* Short, on a socket with nothing queued: what does not fit is lost, which is as good a fault
     * as any. */
    if (send(call_socket(call), bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        fputs("sqs_stub: raw bytes could not be sent\n", stderr);
}

static void send_informational(const struct call *call)
{
    char head[128];
    int length =
        snprintf(head, sizeof head, "HTTP/1.1 %" PRId64 " Informational\r\nX-Stub: early\r\n\r\n",
                 call->effects.n[FAULT_INFORMATIONAL]);
    send_raw(call, head, (size_t)length);
}

static enum MHD_Result send_answer(struct call *call)
{
    size_t length;
    int status = call->request.answer.status;
    char *body = text_take(&call->request.answer.body, &length);
    uint32_t special = 1U << FAULT_CUT | 1U << FAULT_CHUNKED | 1U << FAULT_UNTIL_CLOSE;
    struct MHD_Response *response =
        call->effects.set & special
            ? in_pieces(&call->effects, body, length)
            : MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    add_headers(response, call);
    enum MHD_Result result = MHD_queue_response(call->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result call_respond(struct call *call)
{
    const struct effects *effects = &call->effects;
    if (effect(effects, FAULT_RAW)) {
        send_raw(call, effects->text ? effects->text : "",
                 effects->text ? strlen(effects->text) : 0);
        return MHD_NO;
    }
    change_body(call);
    bool unanswered = !call->request.answer.status; /* its client went while it waited */
    if (unanswered || effect(effects, FAULT_LOST) || effect(effects, FAULT_BLACKHOLE))
        return MHD_NO;
    if (effect(effects, FAULT_INFORMATIONAL))
        send_informational(call);
    return send_answer(call);
}
