#include "pg_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 16

struct pair {
    int client, server; /* -1: unused */
};

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void end_pair(struct pair *pair)
{
    close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    pair->client = pair->server = -1;
}

static void take(struct pg_proxy *proxy, struct pair *pairs)
{
    int client = accept(proxy->listener, NULL, NULL);
    for (int i = 0; i < PAIRS_MAX && client >= 0; i++) {
        if (pairs[i].client >= 0)
            continue;
        struct sockaddr_in address = loopback(proxy->server_port);
        int server = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
            close(server);
            break;
        }
        pairs[i] = (struct pair){client, server};
        return;
    }
    if (client >= 0)
        close(client);
}

static bool pass(int from, int to, size_t most)
{
    char bytes[65536];
    ssize_t count = recv(from, bytes, most < sizeof bytes ? most : sizeof bytes, 0);
    for (ssize_t sent = 0; count > 0 && sent < count;) {
        ssize_t n = send(to, bytes + sent, (size_t)(count - sent), MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += n;
    }
    return count > 0;
}

static void serve(struct pg_proxy *proxy, struct pair *pair, short client_events,
                  short server_events)
{
    int mode = atomic_load(&proxy->mode);
    size_t most = mode == PG_PROXY_TRICKLE ? 1 : SIZE_MAX;
    if (mode == PG_PROXY_SILENT) {
        usleep(1000);
        return;
    }
    if (client_events != 0 && !pass(pair->client, pair->server, most)) {
        end_pair(pair);
        return;
    }
    if (server_events != 0 && mode == PG_PROXY_CUT_ANSWERS) {
        atomic_fetch_add(&proxy->cuts, 1);
        end_pair(pair);
    } else if (server_events != 0 && !pass(pair->server, pair->client, most)) {
        end_pair(pair);
    }
}

static void *run(void *arg)
{
    struct pg_proxy *proxy = arg;
    struct pair pairs[PAIRS_MAX];
    for (int i = 0; i < PAIRS_MAX; i++)
        pairs[i] = (struct pair){-1, -1};
    while (!atomic_load(&proxy->stop)) {
        struct pollfd fds[1 + 2 * PAIRS_MAX] = {{.fd = proxy->listener, .events = POLLIN}};
        for (int i = 0; i < PAIRS_MAX; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = pairs[i].server, .events = POLLIN};
        }
        if (poll(fds, 1 + 2 * PAIRS_MAX, 20) <= 0)
            continue;
        for (int i = 0; i < PAIRS_MAX; i++) {
            if (pairs[i].client >= 0)
                serve(proxy, &pairs[i], fds[1 + 2 * i].revents, fds[2 + 2 * i].revents);
        }
        if (fds[0].revents != 0)
            take(proxy, pairs);
    }
    for (int i = 0; i < PAIRS_MAX; i++) {
        if (pairs[i].client >= 0)
            end_pair(&pairs[i]);
    }
    return NULL;
}

void pg_proxy_start(struct pg_proxy *proxy, int server_port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    memset(proxy, 0, sizeof *proxy);
    proxy->server_port = server_port;
    proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(proxy->listener, 16) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &len) != 0 ||
        pthread_create(&proxy->thread, NULL, run, proxy) != 0) {
        perror("proxy");
        exit(1);
    }
    proxy->port = ntohs(address.sin_port);
}

void pg_proxy_stop(struct pg_proxy *proxy)
{
    atomic_store(&proxy->stop, true);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
}
