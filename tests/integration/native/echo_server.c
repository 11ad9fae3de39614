#include "echo_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (1 << 20)

struct echo_server {
    struct MHD_Daemon *daemon;
    atomic_uint connections, closed;
};

struct body {
    size_t len;
    char bytes[];
};

static void on_connection(void *self, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    (void)connection;
    (void)socket_context;
    struct echo_server *server = self;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        server->connections++;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED)
        server->closed++;
}

static ssize_t hello(void *self, uint64_t at, char *bytes, size_t max)
{
    (void)self;
    (void)max;
    if (at > 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    memcpy(bytes, "hello", 5);
    return 5;
}

static enum MHD_Result reply_without_length(struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 512, hello, NULL, NULL);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply(struct MHD_Connection *connection, const char *bytes, size_t len)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(size_t)bytes, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "text/plain");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **context)
{
    (void)self;
    (void)url;
    struct body *body = *context;
    if (body == NULL) {
        *context = calloc(1, sizeof *body + BODY_MAX);
        return *context != NULL ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        if (body->len + *len > BODY_MAX)
            return MHD_NO;
        memcpy(body->bytes + body->len, bytes, *len);
        body->len += *len;
        *len = 0;
        return MHD_YES;
    }
    if (strcmp(version, "HTTP/1.0") == 0)
        return reply_without_length(connection);
    return strcmp(method, "GET") == 0 ? reply(connection, "hello", 5)
                                      : reply(connection, body->bytes, body->len);
}

static void on_completed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)self;
    (void)connection;
    (void)code;
    free(*context);
    *context = NULL;
}

struct echo_server *echo_server_start(const char *cert, const char *key, unsigned idle_timeout_s)
{
    struct echo_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(size_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(size_t)key},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    server->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | (cert != NULL ? MHD_USE_TLS : 0), 0, NULL,
        NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_timeout_s, MHD_OPTION_ARRAY, cert != NULL ? tls : plain,
        MHD_OPTION_END);
    if (server->daemon == NULL) {
        perror("libmicrohttpd");
        abort();
    }
    return server;
}

void echo_server_stop(struct echo_server *server)
{
    MHD_stop_daemon(server->daemon);
    free(server);
}

int echo_server_port(const struct echo_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info->port;
}

unsigned echo_server_connections(struct echo_server *server)
{
    return server->connections;
}

unsigned echo_server_closed(struct echo_server *server)
{
    return server->closed;
}
