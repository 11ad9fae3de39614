#include "sqs_script.h"

#include <ctype.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct script {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t stopping;
    bool stop;
    const struct script_answer *answers;
    size_t answer_count;
    struct script_request requests[SCRIPT_REQUESTS_MAX];
    size_t request_count;
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "scripted server: %s\n", what);
    abort();
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    must(copy != NULL, "memory");
    return copy;
}

static void request_clear(struct script_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    free(request->method);
    free(request->path);
    free(request->body);
    *request = (struct script_request){.header_count = 0};
}

static enum MHD_Result take_header(void *self, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct script_request *request = self;
    (void)kind;
    must(request->header_count < SCRIPT_HEADERS_MAX, "too many headers");
    struct script_header *header = &request->headers[request->header_count++];
    header->name = copy_of(name);
    for (char *at = header->name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    header->value = copy_of(value != NULL ? value : "");
    return MHD_YES;
}

static void take_body(struct script_request *request, const char *bytes, size_t len)
{
    char *body = realloc(request->body, request->body_len + len + 1);
    must(body != NULL, "memory");
    memcpy(body + request->body_len, bytes, len);
    request->body = body;
    request->body_len += len;
    body[request->body_len] = '\0';
}

/* Keeps the request, and answers which answer is its. */
static struct script_answer enter(struct script *script, struct script_request *request)
{
    must(pthread_mutex_lock(&script->lock) == 0, "lock");
    must(script->request_count < SCRIPT_REQUESTS_MAX && script->answer_count > 0,
         "unexpected request");
    size_t position = script->request_count++;
    script->requests[position] = *request;
    *request = (struct script_request){.header_count = 0};
    size_t last = script->answer_count - 1;
    struct script_answer answer = script->answers[position < last ? position : last];
    struct timespec until;
    must(clock_gettime(CLOCK_REALTIME, &until) == 0, "clock");
    until.tv_sec += answer.delay_ms / 1000;
    until.tv_nsec += (long)(answer.delay_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    int rc = 0;
    while (answer.delay_ms > 0 && !script->stop && rc == 0)
        rc = pthread_cond_timedwait(&script->stopping, &script->lock, &until);
    must(pthread_mutex_unlock(&script->lock) == 0, "unlock");
    return answer;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL)
        must(MHD_add_response_header(response, name, value) == MHD_YES, name);
}

static enum MHD_Result respond(struct MHD_Connection *connection,
                               const struct script_answer *answer)
{
    const char *body = answer->body != NULL ? answer->body : "";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    must(response != NULL, "response");
    add_header(response, "Content-Type",
               answer->content_type != NULL ? answer->content_type : "application/x-amz-json-1.0");
    add_header(response, "Date", answer->date);
    add_header(response, "x-amzn-query-error", answer->query_error);
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static int port_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    must(info != NULL && info->client_addr->sa_family == AF_INET, "the client's address");
    return ntohs(((const struct sockaddr_in *)(const void *)info->client_addr)->sin_port);
}

static enum MHD_Result handle(void *self, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **context)
{
    struct script *script = self;
    struct script_request *request = *context;
    (void)version;
    if (request == NULL) {
        request = calloc(1, sizeof *request);
        must(request != NULL, "memory");
        request->method = copy_of(method);
        request->path = copy_of(url);
        request->client_port = port_of(connection);
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, request);
        *context = request;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        take_body(request, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    struct script_answer answer = enter(script, request);
    return respond(connection, &answer);
}

static void request_completed(void *self, struct MHD_Connection *connection, void **context,
                              enum MHD_RequestTerminationCode code)
{
    (void)self;
    (void)connection;
    (void)code;
    if (*context == NULL)
        return;
    request_clear(*context);
    free(*context);
    *context = NULL;
}

struct script *script_start(void)
{
    struct script *script = calloc(1, sizeof *script);
    must(script != NULL, "memory");
    must(pthread_mutex_init(&script->lock, NULL) == 0, "mutex");
    must(pthread_cond_init(&script->stopping, NULL) == 0, "condition");
    script->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                             MHD_USE_SUPPRESS_DATE_NO_CLOCK,
                         0, NULL, NULL, handle, script, MHD_OPTION_NOTIFY_COMPLETED,
                         request_completed, NULL, MHD_OPTION_END);
    must(script->daemon != NULL, "cannot listen");
    return script;
}

int script_port(const struct script *script)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(script->daemon, MHD_DAEMON_INFO_BIND_PORT);
    must(info != NULL, "no port");
    return info->port;
}

void script_set(struct script *script, const struct script_answer *answers, size_t count)
{
    must(pthread_mutex_lock(&script->lock) == 0, "lock");
    for (size_t i = 0; i < script->request_count; i++)
        request_clear(&script->requests[i]);
    script->request_count = 0;
    script->answers = answers;
    script->answer_count = count;
    must(pthread_mutex_unlock(&script->lock) == 0, "unlock");
}

size_t script_count(struct script *script)
{
    must(pthread_mutex_lock(&script->lock) == 0, "lock");
    size_t count = script->request_count;
    must(pthread_mutex_unlock(&script->lock) == 0, "unlock");
    return count;
}

const struct script_request *script_request(struct script *script, size_t position)
{
    must(position < script_count(script), "no such request");
    return &script->requests[position];
}

const char *script_header(const struct script_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return "";
}

void script_stop(struct script *script)
{
    must(pthread_mutex_lock(&script->lock) == 0, "lock");
    script->stop = true;
    must(pthread_cond_broadcast(&script->stopping) == 0, "broadcast");
    must(pthread_mutex_unlock(&script->lock) == 0, "unlock");
    MHD_stop_daemon(script->daemon);
    script_set(script, NULL, 0);
    (void)pthread_mutex_destroy(&script->lock);
    (void)pthread_cond_destroy(&script->stopping);
    free(script);
}
