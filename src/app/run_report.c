/* What the main job tells of itself. */
#include "loginetl/app/commands.h"
#include "loginetl/app/run.h"
#include "loginetl/app/settings_queue.h"

#include <inttypes.h>
#include <stdio.h>

const struct le_books *le_run_books(const struct le_run *run)
{
    static const struct le_books none;
    return run->pipeline != NULL ? le_pipeline_books(run->pipeline) : &none;
}

static const char *on_reject_word(enum le_on_reject on_reject)
{
    switch (on_reject) {
    case LE_ON_REJECT_DLQ: return "dlq";
    case LE_ON_REJECT_LEAVE: return "leave";
    case LE_ON_REJECT_DISCARD: return "discard";
    }
    return "";
}

/* A person at a terminal reads a sentence; what reads a log wants fields. */
static bool for_people(const struct le_run *run)
{
    return run->settings->log_format == LE_LOG_PEOPLE;
}

void le_run_log_start(const struct le_run *run)
{
    const struct le_settings *settings = run->settings;
    const char *table = le_setting(settings, LE_OPT_TABLE);
    struct le_span queue = le_settings_queue_name(run->settings);
    char text[LE_ENDPOINT_MAX + 300];
    if (for_people(run)) {
        (void)snprintf(text, sizeof text, "loginetl " LE_VERSION ": %s%.*s at %s into table %.80s",
                       run->drain ? "draining " : "", (int)queue.len, queue.ptr, settings->endpoint,
                       table);
        le_log(LE_LOG_INFO, "start", LE_FS("text", text));
        return;
    }
    le_log(LE_LOG_INFO, "start", LE_FS("version", LE_VERSION), LE_FSPAN("queue", queue),
           LE_FS("endpoint", settings->endpoint), LE_FS("region", settings->region),
           LE_FS("table", table), LE_FS("mask", le_mask_word(settings->mask)),
           LE_FBOOL("drain", run->drain));
}

void le_run_log_ready(const struct le_run *run)
{
    double seconds = (double)(le_world_now_ms(&run->world) - run->started_ms) / 1000.0;
    const char *on_reject = on_reject_word(run->on_reject);
    const struct le_lookup *lookup = &run->lookup;
    char hidden[64] = "", text[200];
    if (lookup->not_visible > 0)
        (void)snprintf(hidden, sizeof hidden, ", %" PRId64 " more are hidden", lookup->not_visible);
    if (for_people(run)) {
        (void)snprintf(text, sizeof text,
                       "queue and database are ready; about %" PRId64
                       " messages wait%s; rejected ones: %s",
                       lookup->visible < 0 ? 0 : lookup->visible, hidden, on_reject);
        le_log(LE_LOG_INFO, "ready", LE_FS("text", text));
        return;
    }
    le_log(LE_LOG_INFO, "ready", LE_FSPAN("queue_url", le_queue_url(run->world.queue)),
           LE_FI("visible", lookup->visible), LE_FI("hidden", lookup->not_visible),
           LE_FS("on_reject", on_reject), LE_FSEC("seconds", seconds));
}

/* "100 received = 99 inserted + …" */
static void format_books(const struct le_books *books, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "%" PRIu64 " received = %" PRIu64 " inserted + %" PRIu64 " duplicate + %" PRIu64
                   " rejected + %" PRIu64 " released",
                   books->received, books->inserted, books->duplicate, books->rejected,
                   books->released);
}

static void log_summary(const struct le_run *run, const struct le_books *books, double seconds)
{
    char text[200];
    if (for_people(run)) {
        format_books(books, text, sizeof text);
        /* A drain says the same on stdout. */
        if (!run->drain)
            le_log(LE_LOG_INFO, "summary", LE_FS("text", text));
        return;
    }
    le_log(LE_LOG_INFO, "summary", LE_FI("received", books->received),
           LE_FI("inserted", books->inserted), LE_FI("duplicate", books->duplicate),
           LE_FI("rejected", books->rejected), LE_FI("released", books->released),
           LE_FI("in_flight", books->in_flight), LE_FI("deleted", books->deleted),
           LE_FI("dead_lettered", books->dead_lettered), LE_FSEC("seconds", seconds));
}

/* Whoever reads the log of a drain may not see its stdout. */
static void log_hidden(const struct le_run *run)
{
    if (run->hidden.count > 0 && !for_people(run))
        le_log(LE_LOG_WARN, "hidden", LE_FI("messages", run->hidden.count),
               LE_FS("text", "in flight elsewhere, or hidden until their leases end: a drain does "
                             "not see them"));
}

/* "0 received" alone would look as if nothing was left to do. */
static void format_hidden(const struct le_run *run, char *out, size_t size)
{
    out[0] = '\0';
    if (run->hidden.count > 0)
        (void)snprintf(out, size,
                       "; about %" PRId64
                       " more may be in flight elsewhere, or hidden until their leases end",
                       run->hidden.count);
}

/* It ended because it had received so many, not because it had found the queue empty. */
static bool reached_max_messages(const struct le_run *run, const struct le_books *books)
{
    return le_setting(run->settings, LE_OPT_MAX_MESSAGES) != NULL &&
           books->received >= (uint64_t)le_setting_number(run->settings, LE_OPT_MAX_MESSAGES);
}

static bool say_drained(const struct le_run *run, const struct le_books *books, double seconds)
{
    char figures[200], hidden[120];
    char line[500];
    struct le_span name = le_settings_queue_name(run->settings);
    bool limited = reached_max_messages(run, books);
    bool drained = run->signal == 0 && run->status != LE_EXIT_FAILED && !limited;
    format_books(books, figures, sizeof figures);
    format_hidden(run, hidden, sizeof hidden);
    int len =
        snprintf(line, sizeof line, "%s %.*s in %.1f s: %s%s%s\n", drained ? "drained" : "stopped",
                 name.len > 80 ? 80 : (int)name.len, name.ptr, seconds, figures,
                 limited ? "; --max-messages is reached, and more may wait" : "", hidden);
    return le_say((struct le_span){line, (size_t)len});
}

bool le_run_report(struct le_run *run)
{
    const struct le_books *books = le_run_books(run);
    le_run_progress_stop(run);
    if (run->pipeline == NULL && run->status == LE_EXIT_FAILED)
        return true; /* why has been said, and there is nothing to sum up */
    double seconds = (double)(le_world_now_ms(&run->world) - run->started_ms) / 1000.0;
    log_hidden(run);
    log_summary(run, books, seconds);
    if (!run->drain)
        return true;
    le_terminal_flush(run->world.terminal); /* both may be the same terminal */
    return say_drained(run, books, seconds);
}
