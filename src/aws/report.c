/* What went wrong, in words for a person that name the setting to change, said once for each change
 * of state. */
#include "loginetl/aws/queue_internal.h"
#include "loginetl/base/log.h"
#include "loginetl/net/net.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The action that a policy must allow for an operation. */
static const char *action_of(enum le_sqs_operation operation)
{
    static const char *const actions[LE_SQS_OPERATION_COUNT] = {
        [LE_SQS_GET_QUEUE_URL] = "sqs:GetQueueUrl",
        [LE_SQS_GET_QUEUE_ATTRIBUTES] = "sqs:GetQueueAttributes",
        [LE_SQS_RECEIVE] = "sqs:ReceiveMessage",
        [LE_SQS_DELETE_BATCH] = "sqs:DeleteMessage",
        [LE_SQS_VISIBILITY_BATCH] = "sqs:ChangeMessageVisibility",
        [LE_SQS_SEND_BATCH] = "sqs:SendMessage",
    };
    return actions[operation];
}

/* What an explanation is made of. */
struct failure {
    const struct le_queue *queue;
    const struct le_pool *pool; /* that the request went through; NULL: it was not sent */
    enum le_sqs_operation operation;
    enum le_err err;
    const char *code;     /* "" when none was given */
    int status;           /* 0 when no answer came */
    struct le_span about; /* the queue's name, when it is not the one that the client works on */
};

/* " (InvalidClientTokenId)", " (status 500)" or nothing. */
static void format_cause(const struct failure *failure, char out[LE_CODE_MAX + 16])
{
    out[0] = '\0';
    if (failure->code[0] != '\0')
        (void)snprintf(out, LE_CODE_MAX + 16, " (%s)", failure->code);
    else if (failure->status != 0)
        (void)snprintf(out, LE_CODE_MAX + 16, " (status %d)", failure->status);
}

/* The port sends dead letters only, and they go to the other queue. */
static struct le_span queue_name(const struct failure *failure)
{
    const struct le_queue *queue = failure->queue;
    if (failure->about.len > 0)
        return failure->about;
    bool dead = failure->operation == LE_SQS_SEND_BATCH && queue->dead_letter_url != NULL;
    struct le_span url = le_span_of(dead ? queue->dead_letter_url : queue->url);
    struct le_span name = le_sqs_url_take_apart(url).name;
    return name.len > 0 ? name : LE_SPAN_LIT("asked for");
}

static const char *endpoint_setting(const struct le_queue *queue)
{
    switch (queue->endpoint_source) {
    case LE_ENDPOINT_BY_URL: return "--endpoint-url";
    case LE_ENDPOINT_BY_QUEUE_URL: return "--queue-url";
    case LE_ENDPOINT_BY_REGION: return "--region";
    }
    abort();
}

/* libcurl does not tell why a socket could not be made. */
static bool out_of_files(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE;
    (void)close(fd);
    return false;
}

/* By libcurl's words for what it is that is wrong. */
static int explain_tls(const struct failure *failure, const char *why, char *out, size_t size)
{
    const struct le_queue *queue = failure->queue;
    const char *setting = endpoint_setting(queue);
    const char *advice = "AWS_CA_BUNDLE for a certificate authority of your own";
    if (strstr(why, "wrong version number") != NULL) {
        advice = "its scheme: what answers there does not speak TLS";
    } else if (strstr(why, "setting certificate") != NULL) {
        setting = "AWS_CA_BUNDLE";
        advice = "the profile's ca_bundle: it names no file of certificates in PEM";
    } else if (strstr(why, "expired") != NULL || strstr(why, "not yet valid") != NULL) {
        advice = "this machine's clock: the certificate is not valid at this time";
    } else if (strstr(why, "subject name") != NULL) {
        advice = "the service's certificate: it is for another host";
    }
    return snprintf(out, size,
                    "cannot make a secure connection to the queue service at %s (%s): check %s, or "
                    "%s",
                    queue->endpoint_url, why, setting, advice);
}

static int explain_proxy(const struct failure *failure, const char *why, const char *variable,
                         char *out, size_t size)
{
    const struct le_queue *queue = failure->queue;
    if (strstr(why, " 407") != NULL)
        return snprintf(out, size,
                        "the proxy on the way to the queue service at %s wants another user or "
                        "password: check those in %s",
                        queue->endpoint_url, variable);
    return snprintf(out, size,
                    "cannot reach the queue service at %s (%s): check %s, the proxy that %s names, "
                    "NO_PROXY or the network",
                    queue->endpoint_url, why, endpoint_setting(queue), variable);
}

static int explain_reach(const struct failure *failure, char *out, size_t size)
{
    const struct le_queue *queue = failure->queue;
    const char *why = failure->pool != NULL ? le_pool_last_failure(failure->pool) : "";
    if (why[0] == '\0')
        why = le_err_text(failure->err);
    if (out_of_files())
        return snprintf(out, size,
                        "cannot reach the queue service at %s: too many files are open; raise the "
                        "limit (ulimit -n, LimitNOFILE=)",
                        queue->endpoint_url);
    if (failure->err == LE_ERR_TLS)
        return explain_tls(failure, why, out, size);
    const char *variable = le_net_proxy_variable(strncmp(queue->endpoint_url, "https:", 6) == 0);
    if (variable != NULL)
        return explain_proxy(failure, why, variable, out, size);
    return snprintf(out, size, "cannot reach the queue service at %s (%s): check %s or the network",
                    queue->endpoint_url, why, endpoint_setting(queue));
}

/* Of the key that the queue's messages are encrypted with; the older protocol has them as
 * "KMS.DisabledException". */
static bool is_of_key(const struct failure *failure)
{
    return strncasecmp(failure->code, "kms", 3) == 0;
}

/* Whoever answers without a code is not SQS: a portal, a proxy, a web server. */
static int explain_stranger(const struct failure *failure, const char *cause, char *out,
                            size_t size)
{
    const char *url = failure->queue->endpoint_url;
    return snprintf(out, size,
                    "%s answered %s as SQS does not%s: check %s, and whether a proxy or a portal "
                    "stands before it",
                    url, le_sqs_operation_name(failure->operation), cause,
                    endpoint_setting(failure->queue));
}

static int explain_credentials(const struct failure *failure, const char *cause, char *out,
                               size_t size)
{
    const char *url = failure->queue->endpoint_url;
    struct le_span code = le_span_of(failure->code);
    bool expired = strncmp(failure->code, "ExpiredToken", 12) == 0;
    if (failure->code[0] == '\0' && failure->status != 0)
        return explain_stranger(failure, cause, out, size);
    if (expired)
        return snprintf(out, size,
                        "the queue service at %s says that the credentials have expired%s: set new "
                        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or renew "
                        "the profile's",
                        url, cause);
    if (le_sqs_is_skew(code))
        return snprintf(out, size,
                        "the queue service at %s refused the signature%s: check "
                        "AWS_SECRET_ACCESS_KEY, --region and this machine's clock",
                        url, cause);
    return snprintf(out, size,
                    "the queue service at %s refused the credentials%s: check AWS_ACCESS_KEY_ID, "
                    "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or --profile",
                    url, cause);
}

static int explain_no_queue(const struct failure *failure, const char *cause, char *out,
                            size_t size)
{
    struct le_span name = queue_name(failure);
    bool dead = failure->about.len == 0 && failure->operation == LE_SQS_SEND_BATCH &&
                failure->queue->dead_letter_url != NULL;
    const char *url = failure->queue->endpoint_url;
    const char *setting = dead                        ? "--dlq-url"
                          : failure->queue->url_given ? "--queue-url"
                                                      : "--queue";
    const char *account = dead ? "" : failure->queue->account;
    bool fifo_meant = failure->operation == LE_SQS_GET_QUEUE_URL && !le_sqs_is_fifo(name);
    return snprintf(out, size, "queue %.*s does not exist at %s%s: check %s%s%s%s", (int)name.len,
                    name.ptr, url, cause, setting, account[0] != '\0' ? ", its account " : "",
                    account,
                    dead                 ? ""
                    : account[0] != '\0' ? ", and --region"
                    : fifo_meant         ? " and --region (a FIFO queue's name ends in .fifo)"
                                         : " and --region");
}

static int explain_denied(const struct failure *failure, const char *cause, char *out, size_t size)
{
    if (failure->code[0] == '\0')
        return explain_stranger(failure, cause, out, size);
    if (strstr(failure->code, "OptIn") != NULL ||
        strcmp(failure->code, "SubscriptionRequired") == 0)
        return snprintf(out, size,
                        "the account may not use %s in this region%s: enable it for the account, "
                        "or check --region and whose credentials these are",
                        is_of_key(failure) ? "KMS" : "SQS", cause);
    struct le_span name = queue_name(failure);
    const char *action = action_of(failure->operation);
    return snprintf(out, size, "%s on queue %.*s is denied%s: allow the action %s%s in the policy",
                    le_sqs_operation_name(failure->operation), (int)name.len, name.ptr, cause,
                    action, is_of_key(failure) ? " and kms:Decrypt, kms:GenerateDataKey" : "");
}

/* What speaks no SQS is likely to be another service. AWS's own name can only be led astray. */
static const char *service_advice(const struct le_queue *queue)
{
    bool plain = strncmp(queue->endpoint_url, "https", 5) != 0;
    switch (queue->endpoint_source) {
    case LE_ENDPOINT_BY_URL:
        return plain ? ": does --endpoint-url name an SQS service, and should it be https://?"
                     : ": does --endpoint-url name an SQS service?";
    case LE_ENDPOINT_BY_QUEUE_URL:
        return plain ? ": does --queue-url name an SQS service, and should it be https://?"
                     : ": does --queue-url name an SQS service?";
    case LE_ENDPOINT_BY_REGION: return ": check the network";
    }
    abort();
}

static int explain_refused(const struct failure *failure, const char *cause, char *out, size_t size)
{
    const char *operation = le_sqs_operation_name(failure->operation);
    struct le_span name = queue_name(failure);
    bool by_queue_url = failure->queue->endpoint_source == LE_ENDPOINT_BY_QUEUE_URL;
    if (failure->code[0] == '\0')
        return explain_stranger(failure, cause, out, size);
    if (is_of_key(failure))
        return snprintf(out, size,
                        "%s on queue %.*s: its KMS key cannot be used%s: enable the key, or give "
                        "the queue another one (KmsMasterKeyId)",
                        operation, (int)name.len, name.ptr, cause);
    return snprintf(out, size, "%s refused %s%s: check %s%s", failure->queue->endpoint_url,
                    operation, cause, endpoint_setting(failure->queue),
                    by_queue_url ? "" : " and --queue-url");
}

/* What needs no name of a setting, or only the endpoint's. */
static int explain_other(const struct failure *failure, const char *cause, char *out, size_t size)
{
    const char *operation = le_sqs_operation_name(failure->operation);
    const char *url = failure->queue->endpoint_url;
    switch (failure->err) {
    case LE_ERR_TIMEOUT:
        return snprintf(out, size, "no answer to %s from %s in time: check the network", operation,
                        url);
    case LE_ERR_CLOSED:
        return snprintf(out, size, "%s closed the connection before it had answered %s%s", url,
                        operation, failure->queue->answered ? "" : service_advice(failure->queue));
    case LE_ERR_PROTOCOL:
        return snprintf(out, size, "the answer of %s to %s is not one of SQS%s", url, operation,
                        service_advice(failure->queue));
    case LE_ERR_THROTTLED:
        return snprintf(out, size,
                        "the queue service asks to slow down %s%s: it is tried again later",
                        operation, cause);
    case LE_ERR_SERVICE:
        return snprintf(out, size, "the queue service failed at %s%s: it is tried again later",
                        operation, cause);
    case LE_ERR_REFUSED: return explain_refused(failure, cause, out, size);
    case LE_ERR_TOO_LARGE:
        if (failure->operation == LE_SQS_RECEIVE)
            return snprintf(out, size,
                            "an answer to ReceiveMessage is too large: what it brought comes again "
                            "later, and fewer are asked for");
        return snprintf(out, size, "%s: the request or its answer is too large", operation);
    default: return snprintf(out, size, "%s failed: %s", operation, le_err_text(failure->err));
    }
}

static void explain(const struct failure *failure, char *out, size_t size)
{
    char cause[LE_CODE_MAX + 16];
    int len;
    format_cause(failure, cause);
    switch (failure->err) {
    case LE_ERR_RESOLVE:
    case LE_ERR_CONNECT:
    case LE_ERR_TLS: len = explain_reach(failure, out, size); break;
    case LE_ERR_CREDENTIALS: len = explain_credentials(failure, cause, out, size); break;
    case LE_ERR_NO_QUEUE: len = explain_no_queue(failure, cause, out, size); break;
    case LE_ERR_DENIED: len = explain_denied(failure, cause, out, size); break;
    default: len = explain_other(failure, cause, out, size); break;
    }
    assert(len > 0); /* one that is cut at the end still says what is wrong */
}

static bool is_reach(enum le_err err)
{
    return err == LE_ERR_RESOLVE || err == LE_ERR_CONNECT || err == LE_ERR_TLS;
}

/* True when the state is another one than before. */
static bool enter(struct le_queue_state *state, enum le_err err, const char *code)
{
    if (state->err == err && strcmp(state->code, code) == 0)
        return false;
    state->err = err;
    (void)snprintf(state->code, sizeof state->code, "%s", code);
    return true;
}

static void log_recovery(const struct le_queue *queue, struct le_queue_state *state,
                         const char *what)
{
    state->err = LE_OK;
    state->code[0] = '\0';
    le_log(LE_LOG_INFO, "queue_recovered",
           LE_FS("text", "the queue service answers as it should again"), LE_FS("operation", what),
           LE_FS("endpoint", queue->endpoint_url));
}

static void note_success(struct le_operation *op)
{
    struct le_queue *queue = op->queue;
    struct le_queue_state *state = &queue->states[op->operation];
    queue->answered = true;
    if (queue->reach.err != LE_OK)
        log_recovery(queue, &queue->reach, "connect");
    if (state->err != LE_OK)
        log_recovery(queue, state, le_sqs_operation_name(op->operation));
}

static void log_failure(const struct failure *failure)
{
    const struct le_queue *queue = failure->queue;
    bool fatal = le_err_class(le_queue_port_error(queue, failure->err)) == LE_CLASS_FATAL;
    le_log(fatal ? LE_LOG_ERROR : LE_LOG_WARN, "queue_failed", LE_FS("text", queue->last_failure),
           LE_FS("operation", le_sqs_operation_name(failure->operation)),
           LE_FS("error", le_err_name(failure->err)), LE_FS("code", failure->code),
           LE_FI("status", failure->status), LE_FS("endpoint", queue->endpoint_url));
}

static void report(struct le_queue *queue, const struct failure *failure, bool quiet)
{
    struct le_queue_state *state =
        is_reach(failure->err) ? &queue->reach : &queue->states[failure->operation];
    queue->stats.failures[failure->operation]++;
    explain(failure, queue->last_failure, sizeof queue->last_failure);
    if (!quiet && enter(state, failure->err, failure->code))
        log_failure(failure);
}

void le_queue_report(struct le_operation *op, enum le_err err, struct le_span about, bool quiet)
{
    const struct failure failure = {op->queue, op->pool,   op->operation, err,
                                    op->code,  op->status, about};
    if (err == LE_OK)
        note_success(op);
    else if (err != LE_ERR_CANCELLED)
        report(op->queue, &failure, quiet);
}

void le_queue_report_unsent(struct le_queue *queue, enum le_sqs_operation operation,
                            enum le_err err)
{
    const struct failure failure = {queue, NULL, operation, err, "", 0, LE_SPAN_NONE};
    if (err != LE_ERR_CANCELLED)
        report(queue, &failure, false);
}

void le_queue_unreadable(struct le_queue *queue, enum le_sqs_operation operation)
{
    const struct failure failure = {queue, NULL, operation, LE_ERR_PROTOCOL, "", 0, LE_SPAN_NONE};
    report(queue, &failure, true);
}

void le_queue_report_protocol(struct le_queue *queue)
{
    le_log(queue->protocol_is_detail ? LE_LOG_DEBUG : LE_LOG_INFO, "protocol",
           LE_FS("text", queue->codec == &le_sqs_query
                             ? "the queue service is spoken to in the Query protocol"
                             : "the queue service is spoken to in the JSON protocol"),
           LE_FS("protocol", queue->codec->name), LE_FS("why", queue->protocol_why),
           LE_FS("endpoint", queue->endpoint_url));
}

void le_queue_report_skew(struct le_queue *queue, int64_t skew_ms)
{
    le_log(LE_LOG_WARN, "clock_skew",
           LE_FS("text",
                 "this machine's clock is off the queue service's: requests are signed with "
                 "the service's time; set the clock right"),
           LE_FSEC("skew", (double)skew_ms / 1000), LE_FS("endpoint", queue->endpoint_url));
}

enum le_err le_queue_port_error(const struct le_queue *queue, enum le_err err)
{
    if (!queue->answered)
        return err;
    switch (err) {
    case LE_ERR_CREDENTIALS:
    case LE_ERR_REFUSED: return LE_ERR_SERVICE;
    case LE_ERR_TLS: return LE_ERR_CONNECT;
    default: return err;
    }
}
