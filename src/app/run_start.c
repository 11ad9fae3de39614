/* Queue and database are looked for at the same time; when both are there, the pipeline begins. */
#include "loginetl/app/run.h"

#include "loginetl/app/database_auth.h"
#include "loginetl/app/settings_queue.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

/* ---- warnings that need nobody's answer ---- */

static void warn_of_mask(const struct le_settings *settings)
{
    le_log(LE_LOG_WARN, "mask",
           LE_FS("text", "a plain hash of an address can be reversed by trying all of them: "
                         "for IPv4 that takes half an hour"),
           LE_FS("mask", le_mask_word(settings->mask)));
}

/* What is near no name of ours is somebody else's: Kubernetes makes LOGINETL_SERVICE_HOST and more
 * for a service that is called loginetl. `check` tells those as well. */
static void warn_of_variable(void *owner, const char *words, bool meant)
{
    (void)owner;
    if (meant)
        le_log(LE_LOG_WARN, "environment", LE_FS("text", words));
}

static void warn_of_doubt(void *owner, const char *words)
{
    (void)owner;
    le_log(LE_LOG_WARN, "settings", LE_FS("text", words));
}

static void warn_of_attributes(const struct le_lookup *lookup)
{
    if (lookup->attributes_err != LE_OK)
        le_log(LE_LOG_WARN, "queue_attributes",
               LE_FS("text", "GetQueueAttributes was refused: without it the queue's dead-letter "
                             "queue is not known; allow it, or give --dlq-url"),
               LE_FS("error", le_err_name(lookup->attributes_err)));
    if (lookup->dead_letter_err != LE_OK)
        le_log(LE_LOG_WARN, "dlq",
               LE_FS("text", "the dead-letter queue cannot be looked up; its URL is made from the "
                             "redrive policy, --dlq-url says it better"),
               LE_FS("error", le_err_name(lookup->dead_letter_err)));
}

/* ---- the two searches ---- */

static void on_lookup(struct le_lookup *lookup)
{
    struct le_run *run = lookup->owner;
    char text[560];
    if (lookup->err == LE_OK) {
        warn_of_attributes(lookup);
        run->queue_known = true;
        return;
    }
    bool given_up = le_err_class(lookup->err) == LE_CLASS_RETRY;
    (void)snprintf(text, sizeof text, "%s%s", given_up ? "giving up on the queue: " : "",
                   lookup->failure);
    le_run_fail(run, text);
}

static void on_store_ready(void *owner)
{
    struct le_run *run = owner;
    run->store_ready = true;
}

/* Nothing to note: the pipeline's turn follows every event. */
static void on_store_changed(void *owner)
{
    (void)owner;
}

static void on_store_failed(void *owner, enum le_err err)
{
    struct le_run *run = owner;
    if (run->pipeline != NULL)
        le_pipeline_fail(run->pipeline, err);
    else
        le_run_end(run, LE_EXIT_FAILED);
}

static enum le_err open_store(struct le_run *run)
{
    struct le_settings *settings = run->settings;
    const struct le_store_config config = {
        .loop = &run->world.loop,
        .database_url = le_setting(settings, LE_OPT_DATABASE_URL),
        .passwords = le_database_passwords(&run->world),
        .table = le_setting(settings, LE_OPT_TABLE),
        .fields = &settings->fields,
        .connections = (unsigned)le_setting_number(settings, LE_OPT_CONNECTIONS),
        .batch_rows = (unsigned)le_setting_number(settings, LE_OPT_BATCH_ROWS),
        .mask_chars = le_mask_chars(settings->mask),
        .ledger = le_setting_number(settings, LE_OPT_DEDUPE) == 0,
        .window_days = (int)le_setting_number(settings, LE_OPT_DEDUPE_WINDOW),
        .schema = (enum le_schema_mode)le_setting_number(settings, LE_OPT_SCHEMA),
        .seed = le_rng_next(&run->world.rng),
        .wall_ms = le_wall_ms,
        .changed = on_store_changed,
        .ready = on_store_ready,
        .failed = on_store_failed,
        .owner = run,
    };
    enum le_err err = le_store_new(&config, &run->store);
    le_options_forget(&settings->options, LE_OPT_DATABASE_URL); /* the store has a copy */
    if (err != LE_OK)
        le_run_fail(run, le_err_text(err));
    return err;
}

static void open_lookup(struct le_run *run)
{
    run->lookup = (struct le_lookup){
        .world = &run->world,
        .before_receives = true,
        .give_up_ms = run->drain ? LE_GIVE_UP_MS : 0,
        .done = on_lookup,
        .owner = run,
    };
    le_lookup_start(&run->lookup);
}

static enum le_err open_decoder(struct le_run *run)
{
    const struct le_decoder_config config = {
        .fields = &run->settings->fields,
        .mask = run->settings->mask,
        .app_version = run->settings->app_version,
        .body_max = LE_SQS_BATCH_BYTES_MAX,
        .envelope = run->settings->envelope,
    };
    run->decoder = le_decoder_new(&config);
    if (run->decoder != NULL)
        return LE_OK;
    le_run_fail(run, le_err_text(LE_ERR_NOMEM));
    return LE_ERR_NOMEM;
}

enum le_err le_run_open(struct le_run *run)
{
    warn_of_mask(run->settings);
    if (run->settings->password_unused)
        le_log(LE_LOG_WARN, "database_auth", LE_FS("text", LE_PASSWORD_UNUSED));
    le_settings_unknown_variables(run->settings, warn_of_variable, NULL);
    le_settings_doubts(run->settings, warn_of_doubt, NULL);
    enum le_err err = le_world_need_credentials(&run->world);
    if (err == LE_OK)
        err = open_decoder(run);
    if (err == LE_OK)
        err = open_store(run);
    if (err == LE_OK)
        open_lookup(run);
    return err;
}

/* ---- both are there ---- */

static enum le_err settle_on_reject(struct le_run *run)
{
    const struct le_settings *settings = run->settings;
    bool known = le_queue_dead_letter_url(run->world.queue).len > 0;
    run->on_reject = settings->on_reject_given ? settings->on_reject
                     : known                   ? LE_ON_REJECT_DLQ
                                               : LE_ON_REJECT_LEAVE;
    if (run->on_reject == LE_ON_REJECT_DLQ && !known) {
        le_log(LE_LOG_ERROR, "failed",
               LE_FS("text", "--on-reject dlq, but no dead-letter queue is known: name it with "
                             "--dlq-url, or give the queue a redrive policy"));
        return LE_ERR_CONFIG;
    }
    if (run->on_reject == LE_ON_REJECT_DLQ && le_world_dead_letters_come_back(&run->world)) {
        le_log(LE_LOG_ERROR, "failed", LE_FS("text", "--dlq-url " LE_DEAD_LETTERS_COME_BACK));
        return LE_ERR_CONFIG;
    }
    if (run->on_reject == LE_ON_REJECT_LEAVE && le_sqs_is_fifo(le_queue_url(run->world.queue)))
        le_log(LE_LOG_WARN, "fifo",
               LE_FS("text", "a message of a FIFO queue that cannot become a row is left in the "
                             "queue, and holds up its group until the queue's redrive takes it: "
                             "--dlq-url names a dead-letter queue for it"));
    if (!settings->on_reject_given && !known)
        le_log(LE_LOG_WARN, "dlq",
               LE_FS("text", "no dead-letter queue is known: a message that cannot become a row is "
                             "left in the queue and comes back; --dlq-url names one"));
    return LE_OK;
}

/* What --memory-limit leaves to messages. With many connections over TLS, or a low limit, these
 * would leave nothing. */
static size_t message_memory(const struct le_run *run)
{
    size_t limit = (size_t)le_setting_number(run->settings, LE_OPT_MEMORY_LIMIT);
    size_t connections = le_queue_memory(run->world.queue), least = limit / 4;
    return connections < limit - least ? limit - connections : least;
}

enum le_err le_run_begin_flow(struct le_run *run)
{
    const struct le_settings *settings = run->settings;
    enum le_err err = settle_on_reject(run);
    if (err != LE_OK)
        return err;
    const bool limited = le_setting(settings, LE_OPT_MAX_MESSAGES) != NULL;
    const struct le_pipeline_config config = {
        .concurrency = (unsigned)le_setting_number(settings, LE_OPT_CONCURRENCY),
        .wait_s = (int)le_setting_number(settings, LE_OPT_WAIT_TIME),
        .visibility_s = (int)le_setting_number(settings, LE_OPT_VISIBILITY_TIMEOUT),
        .batch_rows = (unsigned)le_setting_number(settings, LE_OPT_BATCH_ROWS),
        .lanes = (unsigned)le_setting_number(settings, LE_OPT_CONNECTIONS),
        .memory_limit = message_memory(run),
        .max_messages = limited ? (uint64_t)le_setting_number(settings, LE_OPT_MAX_MESSAGES) : 0,
        .drain = run->drain,
        .fifo = le_sqs_is_fifo(le_queue_url(run->world.queue)),
        .on_reject = run->on_reject,
        .shutdown_timeout_ms = 1000 * le_setting_number(settings, LE_OPT_SHUTDOWN_TIMEOUT),
        .patience_ms = run->drain ? LE_GIVE_UP_MS : 0,
        .seed = le_rng_next(&run->world.rng),
        .decoder = run->decoder,
        .field_count = settings->fields.count,
    };
    const struct le_queue_port queue = le_queue_port(run->world.queue);
    const struct le_store_port store = le_store_port(run->store);
    const struct le_clock_port clock = le_run_clock(run);
    run->pipeline = le_pipeline_new(&config, &queue, &store, &clock);
    if (run->pipeline != NULL)
        return LE_OK;
    le_log(LE_LOG_ERROR, "failed", LE_FS("text", le_err_text(LE_ERR_NOMEM)));
    return LE_ERR_NOMEM;
}
