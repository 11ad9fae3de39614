/* sqs_stub: a scripted SQS on loopback, for what real servers will not do on demand and as a load
 * for measurements. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "server.h"

static const char help[] =
    "usage: sqs_stub [options]\n"
    "  --port P            listen on 127.0.0.1:P; 0 (the default) for any, printed as \"listening 127.0.0.1:PORT\"\n"
    "  --queue NAME        a queue to begin with, may be repeated; the first is the one for --generate (login-queue)\n"
    "  --generate N        N login messages, made when they are received\n"
    "  --seed S            what they are; also the seed of fault probabilities (1)\n"
    "  --bad-percent P     how many of them cannot become a row (0)\n"
    "  --body-size B       pad bodies to B bytes\n"
    "  --print             print the generated messages, one a line, and end\n"
    "  --latency-ms L      before each request is processed\n"
    "  --idle-timeout S    close connections that are idle for S seconds\n"
    "  --skew-s S          this server's clock is off by S seconds\n"
    "  --record N          keep the last N requests for /control/requests (at most 4096)\n"
    "  --queue-host H:P    the host in queue URLs\n"
    "  --cert FILE --key FILE   serve https\n"
    "Control, on the same port: GET /control/counters, /control/queue?name=, /control/faults, /control/requests;\n"
    "POST /control/queue?name=&stale=ignore|delete|refuse&deleted=accept|refuse&visibility_s=&in_flight_max=,\n"
    "/control/messages?queue= (a message a line), /control/message?queue=&copies= (any bytes),\n"
    "/control/expire?queue= (every lease ends), /control/faults (rules as JSON),\n"
    "/control/settings?latency_ms=&skew_s=&recorded=; DELETE /control/faults.\n";

enum option_key {
    PORT = 256,
    QUEUE,
    GENERATE,
    SEED,
    BAD_PERCENT,
    BODY_SIZE,
    PRINT,
    LATENCY,
    IDLE,
    SKEW,
    RECORD,
    QUEUE_HOST,
    CERT,
    KEY,
    HELP
};

static const struct option options[] = {{"port", 1, NULL, PORT},
                                        {"queue", 1, NULL, QUEUE},
                                        {"generate", 1, NULL, GENERATE},
                                        {"seed", 1, NULL, SEED},
                                        {"bad-percent", 1, NULL, BAD_PERCENT},
                                        {"body-size", 1, NULL, BODY_SIZE},
                                        {"print", 0, NULL, PRINT},
                                        {"latency-ms", 1, NULL, LATENCY},
                                        {"idle-timeout", 1, NULL, IDLE},
                                        {"skew-s", 1, NULL, SKEW},
                                        {"record", 1, NULL, RECORD},
                                        {"queue-host", 1, NULL, QUEUE_HOST},
                                        {"cert", 1, NULL, CERT},
                                        {"key", 1, NULL, KEY},
                                        {"help", 0, NULL, HELP},
                                        {NULL, 0, NULL, 0}};

static volatile int stop;
static struct logins logins = {.seed = 1};
static bool print;

static void on_signal(int number)
{
    stop = number;
}

static double number(const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= low && value <= high)) {
        fprintf(stderr, "sqs_stub: %s is not a number from %g to %g\n", text, low, high);
        exit(2);
    }
    return value;
}

static char *file_text(const char *name)
{
    struct text text = {0};
    char piece[4096];
    size_t length;
    FILE *file = fopen(name, "r");
    if (!file) {
        perror(name);
        exit(2);
    }
    while ((length = fread(piece, 1, sizeof piece, file)) > 0)
        text_add(&text, piece, length);
    fclose(file);
    return text_take(&text, &length);
}

static void add_queue(const char *name)
{
    if (queue_create(name, strlen(name)))
        return;
    fprintf(stderr, "sqs_stub: %s is no queue's name\n", name);
    exit(2);
}

static void set_server(int key, const char *value)
{
    switch (key) {
    case PORT: settings.port = (uint16_t)number(value, 0, 65535); break;
    case LATENCY: settings.latency_ms = (unsigned)number(value, 0, 600000); break;
    case IDLE: settings.idle_s = (unsigned)number(value, 0, 86400); break;
    case SKEW: settings.skew_s = (int64_t)number(value, -1e6, 1e6); break;
    case RECORD: settings.recorded = (unsigned)number(value, 0, 4096); break;
    case QUEUE_HOST: settings.queue_host = value; break;
    case CERT: settings.certificate = file_text(value); break;
    case KEY: settings.key = file_text(value); break;
    default: exit(2);
    }
}

static void set(int key, const char *value)
{
    switch (key) {
    case QUEUE: add_queue(value); break;
    case GENERATE: logins.total = (uint64_t)number(value, 0, 1e12); break;
    case SEED: logins.seed = (uint64_t)number(value, 0, 1e15); break;
    case BAD_PERCENT: logins.bad_per_million = (unsigned)(number(value, 0, 100) * 10000); break;
    case BODY_SIZE: logins.body_size = (unsigned)number(value, 0, 1048576); break;
    case PRINT: print = true; break;
    case HELP: fputs(help, stdout); exit(0);
    default: set_server(key, value);
    }
}

static int print_logins(void)
{
    struct text body = {0};
    for (uint64_t i = 0; i < logins.total; i++) {
        text_clear(&body);
        login_body(&logins, i, &body);
        printf("%s\n", text_string(&body));
    }
    text_free(&body);
    return fflush(stdout) ? 1 : 0;
}

static int serve(void)
{
    logins.end_ms = wall_ms();
    faults_seed(logins.seed);
    if (!queue_count)
        add_queue("login-queue");
    queues[0]->source = &logins;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (!server_start())
        return 1;
    printf("listening 127.0.0.1:%u\n", server_port());
    fflush(stdout);
    server_run(&stop);
    server_stop();
    return 0;
}

int main(int argc, char **argv)
{
    int key;
    while ((key = getopt_long(argc, argv, "", options, NULL)) != -1)
        set(key, optarg);
    int status = print ? print_logins() : serve();
    queues_free();
    faults_clear();
    control_close();
    md5_close();
    free((void *)(uintptr_t)settings.certificate);
    free((void *)(uintptr_t)settings.key);
    return status;
}
