/* A load server: an SQS queue whose messages are made up as they are received, so that a backlog of
 * millions costs nothing and the server far less than its client. */
#include "server.h"

#include "loginetl/base/mem.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: loginetl_bench_server [options]\n"
    "  --port P          on loopback; 0, the default, for any that is free\n"
    "  --messages N      in the queue at the start (0)\n"
    "  --body-bytes N    of a message, about (170)\n"
    "  --latency-ms N    each answer is held back for so long (0)\n"
    "  --visibility-s N  of a receive that names none (30)\n"
    "  --seed N          of the messages (1)\n"
    "  --bad-every N     every Nth message is not a login; 0: none (0)\n"
    "  --cert FILE --key FILE   https\n"
    "GET /stats, GET /curve, POST /add?messages=N, POST /rate?per_second=N. Ends on SIGTERM.\n";

struct options {
    uint64_t port, messages, body_bytes, latency_ms, visibility_s, seed, bad_every;
    const char *cert, *key;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "loginetl_bench_server: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- options --- */

static void read_number(const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || *out > most) {
        fprintf(stderr, "not a number from 0 to %" PRIu64 ": %s\n%s", most, text, usage);
        exit(2);
    }
}

static void read_option(struct options *options, int which, const char *text)
{
    switch (which) {
    case 'p': read_number(text, 65535, &options->port); return;
    case 'm': read_number(text, ARRIVALS_MESSAGES_MAX, &options->messages); return;
    case 'b': read_number(text, LOGINS_BODY_MAX, &options->body_bytes); return;
    case 'l': read_number(text, 60000, &options->latency_ms); return;
    case 'v': read_number(text, 43200, &options->visibility_s); return;
    case 's': read_number(text, UINT32_MAX, &options->seed); return;
    case 'e': read_number(text, UINT32_MAX, &options->bad_every); return;
    case 'c': options->cert = text; return;
    case 'k': options->key = text; return;
    default: fputs(usage, stderr); exit(2);
    }
}

static struct options read_options(int argc, char **argv)
{
    static const struct option names[] = {{"port", required_argument, NULL, 'p'},
                                          {"messages", required_argument, NULL, 'm'},
                                          {"body-bytes", required_argument, NULL, 'b'},
                                          {"latency-ms", required_argument, NULL, 'l'},
                                          {"visibility-s", required_argument, NULL, 'v'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"bad-every", required_argument, NULL, 'e'},
                                          {"cert", required_argument, NULL, 'c'},
                                          {"key", required_argument, NULL, 'k'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.body_bytes = 170, .visibility_s = 30, .seed = 1};
    int which;
    while ((which = getopt_long(argc, argv, "", names, NULL)) != -1)
        read_option(&options, which, optarg);
    if (optind < argc || (options.cert == NULL) != (options.key == NULL)) {
        fputs(usage, stderr);
        exit(2);
    }
    return options;
}

/* --- */

/* They come only while the loop waits. */
static sigset_t take_signals(void)
{
    sigset_t ours, others;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    if (sigprocmask(SIG_BLOCK, &ours, &others) != 0 || sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGINT, &action, NULL) != 0)
        die("signals");
    return others;
}

static int64_t wall_less_monotonic_ns(void)
{
    struct timespec wall;
    if (clock_gettime(CLOCK_REALTIME, &wall) != 0)
        die("clock");
    return wall.tv_sec * INT64_C(1000000000) + wall.tv_nsec - server_clock_ns();
}

static struct service *make_service(const struct options *options)
{
    struct service *service = le_calloc(1, sizeof *service);
    if (service == NULL)
        die("memory");
    service->logins.seed = options->seed;
    service->logins.bad_every = options->bad_every;
    service->logins.body_bytes = options->body_bytes;
    service->visibility_s = (uint32_t)options->visibility_s;
    service->redrives = options->bad_every > 0;
    service->scheme = options->cert != NULL ? "https" : "http";
    if (service_init(service, (uint32_t)options->messages, server_clock_ns(),
                     wall_less_monotonic_ns()) != LE_OK)
        die("memory");
    return service;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct server server = {.latency_ns = (int64_t)options.latency_ms * 1000000};
    uint16_t port = (uint16_t)options.port;
    sigset_t while_waiting = take_signals();
    server.service = make_service(&options);
    if (options.cert != NULL && (server.tls = tls_config_new(options.cert, options.key)) == NULL)
        return 1;
    if (server_init(&server, &port) != LE_OK)
        die("listening");
    printf("listening %u\n", port);
    (void)fflush(stdout);
    if (server_run(&server, &stop, &while_waiting) != LE_OK)
        die("waiting");
    server_free(&server);
    tls_config_free(server.tls);
    service_free(server.service);
    le_free(server.service);
    return 0;
}
