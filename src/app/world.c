#include "loginetl/app/world.h"

#include "loginetl/app/commands.h"
#include "loginetl/app/forget.h"
#include "loginetl/app/process.h"
#include "loginetl/app/settings_queue.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int64_t le_world_now_ms(const struct le_world *world)
{
    return (int64_t)uv_now(&world->loop);
}

int64_t le_wall_ms(void *unused)
{
    (void)unused;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the log ---- */

static enum le_err open_log(struct le_world *world)
{
    const struct le_settings *settings = world->settings;
    const bool run = settings->command == LE_COMMAND_RUN;
    const struct le_terminal_config config = {
        .loop = &world->loop,
        .level = settings->log_level,
        .format = settings->log_format,
        .progress = run ? (enum le_progress_when)le_setting_number(settings, LE_OPT_PROGRESS)
                        : LE_PROGRESS_NO,
    };
    world->terminal = le_terminal_open(&config);
    return world->terminal != NULL ? LE_OK : LE_ERR_NOMEM;
}

/* ---- the queue's client ---- */

enum le_err le_world_need_credentials(const struct le_world *world)
{
    const struct le_settings *settings = world->settings;
    if (le_identity_lacks(settings, world->identity.source)) {
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", LE_NO_CREDENTIALS));
        return LE_ERR_CONFIG;
    }
    if (settings->credential_source != NULL || world->identity.source != NULL)
        return LE_OK;
    le_log(LE_LOG_DEBUG, "credentials",
           LE_FS("text", "no AWS credentials are set: requests are signed with made-up ones, "
                         "which is enough for a local queue server"));
    return LE_OK;
}

/* Deletes and extensions never wait behind long polls: for every ten receivers' worth of messages
 * there is a connection. */
static unsigned control_connections(const struct le_settings *settings)
{
    unsigned receivers = (unsigned)le_setting_number(settings, LE_OPT_CONCURRENCY);
    return receivers < 4 ? 4 : receivers;
}

/* In the order of the option's words. */
static enum le_sqs_protocol protocol_of(const struct le_settings *settings)
{
    static const enum le_sqs_protocol protocols[] = {LE_SQS_PROTOCOL_AUTO, LE_SQS_PROTOCOL_JSON,
                                                     LE_SQS_PROTOCOL_QUERY};
    return protocols[le_setting_number(settings, LE_OPT_SQS_PROTOCOL)];
}

static bool on_expired(void *self)
{
    struct le_world *world = self;
    return le_identity_expired(&world->identity);
}

static enum le_err open_queue(struct le_world *world)
{
    const struct le_settings *settings = world->settings;
    const struct le_queue_config config = {
        .net = world->net,
        .loop = &world->loop,
        .endpoint = le_span_of(settings->endpoint),
        .region = le_span_of(settings->region),
        .endpoint_source = settings->endpoint_source,
        .protocol = protocol_of(settings),
        /* Of a service it is worth a line. A person who sends a file waits for one about that. */
        .protocol_is_detail = settings->command == LE_COMMAND_SEND,
        .url_given = le_setting(settings, LE_OPT_QUEUE_URL) != NULL,
        .account = le_settings_queue_account(settings),
        .receivers_max = (unsigned)le_setting_number(settings, LE_OPT_CONCURRENCY),
        .control_max = control_connections(settings),
        .wall_ms = le_wall_ms,
        .expired = on_expired,
        .self = world,
    };
    enum le_err err = le_queue_new(&config, &world->queue);
    if (err == LE_OK)
        return le_identity_open(world);
    if (err == LE_ERR_CONFIG)
        le_log(LE_LOG_ERROR, "failed",
               LE_FS("text", "--endpoint-url is not a URL that can be used"));
    else
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", le_err_text(err)));
    return err;
}

bool le_world_dead_letters_come_back(const struct le_world *world)
{
    return le_sqs_is_same_queue(le_queue_url(world->queue), le_queue_dead_letter_url(world->queue));
}

/* ---- making and taking down ---- */

static uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL) != 0)
        seed = uv_hrtime() ^ ((uint64_t)getpid() << 32); /* it is only for jitter */
    return seed;
}

static enum le_err open_parts(struct le_world *world)
{
    const char *ca_file = world->settings->ca_file;
    const struct le_net_config config = {.ca_file = ca_file[0] != '\0' ? ca_file : NULL};
    world->net = le_net_new(&world->loop, &config);
    if (world->net == NULL) {
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", "libcurl does not start"));
        return LE_ERR_NOMEM;
    }
    return open_queue(world);
}

enum le_err le_world_open(struct le_world *world, struct le_settings *settings)
{
    assert(world != NULL && settings != NULL);
    *world = (struct le_world){.settings = settings};
    enum le_err err = le_process_allow_files(settings);
    err = err == LE_OK ? le_process_allow_threads() : err;
    if (err != LE_OK)
        return err;
    int code = uv_loop_init(&world->loop);
    if (code != 0) {
        le_complain("the event loop does not start: %s", uv_strerror(code));
        return LE_ERR_SYSTEM;
    }
    le_rng_seed(&world->rng, random_seed());
    err = open_log(world);
    if (err == LE_OK)
        err = open_parts(world);
    else
        le_complain("%s", le_err_text(err));
    if (err == LE_OK)
        le_forget_opened(settings);
    else
        le_world_close(world);
    return err;
}

void le_world_close(struct le_world *world)
{
    le_identity_close(&world->identity);
    if (world->queue != NULL)
        le_queue_close(world->queue);
    if (world->net != NULL)
        le_net_close(world->net);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    le_terminal_close(world->terminal); /* last: what is closed may have something to say */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&world->loop);
    assert(code == 0);
    (void)code;
}
