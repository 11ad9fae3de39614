/* `send`: every line, or every element of an array, as one message, ten a batch. */
#include "loginetl/app/send.h"

#include "loginetl/app/commands.h"
#include "loginetl/base/shown.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINGER_MS 100

void le_send_fail(struct le_sender *sender, const char *text)
{
    if (sender->failed)
        return;
    sender->failed = true;
    le_log(LE_LOG_ERROR, "failed", LE_FS("text", text));
    uv_stop(&sender->world.loop);
}

void le_send_tell_refused(struct le_sender *sender, const char *file, uint64_t line,
                          const char *why)
{
    sender->refused++;
    if (sender->refused > LE_SEND_TOLD_MAX)
        return;
    le_log(LE_LOG_ERROR, "refused", LE_FS("text", "the queue does not take a message"),
           LE_FS("file", file), LE_FI("line", line), LE_FS("code", why));
}

static void send_filled(struct le_sender *sender)
{
    struct le_send_slot *slot = sender->filling;
    sender->filling = NULL;
    uv_timer_stop(&sender->linger);
    le_send_slot_send(slot);
}

static void on_linger(uv_timer_t *timer)
{
    struct le_sender *sender = timer->data;
    if (sender->filling != NULL && sender->filling->count > 0 && le_send_may_send(sender))
        send_filled(sender);
}

/* false: there is nothing to put it into now. */
static bool make_room(struct le_sender *sender, size_t len)
{
    if (sender->filling != NULL && !le_send_fits(sender->filling, len))
        send_filled(sender);
    if (sender->filling == NULL)
        sender->filling = le_send_free_slot(sender);
    return sender->filling != NULL;
}

static void take(struct le_sender *sender, const struct le_split *split)
{
    const char *file = sender->files[sender->file];
    if (split->too_large) {
        le_send_tell_refused(sender, file, split->line, "MessageTooLong");
        return;
    }
    bool room = make_room(sender, split->text.len);
    assert(room);
    (void)room;
    if (le_send_add(sender->filling, split, file) != LE_OK)
        le_send_fail(sender, le_err_text(LE_ERR_NOMEM));
}

/* A message is only asked for while a slot is free besides the one that it may not fit into. */
static bool room_for_any(struct le_sender *sender)
{
    return le_send_free_slot(sender) != NULL && le_send_may_send(sender);
}

void le_send_turn(struct le_sender *sender)
{
    struct le_split split;
    bool more = true;
    if (!sender->queue_known || sender->failed || sender->done)
        return;
    while (!sender->failed && room_for_any(sender) && le_send_next(sender, &split, &more))
        take(sender, &split);
    if (sender->failed)
        return;
    bool partial = sender->filling != NULL && sender->filling->count > 0;
    if (partial && !more && le_send_may_send(sender))
        send_filled(sender);
    else if (partial && sender->reading && !uv_is_active((uv_handle_t *)&sender->linger))
        uv_timer_start(&sender->linger, on_linger, LINGER_MS, 0);
    if (!more && sender->input_ended && le_send_all_idle(sender)) {
        sender->done = true;
        uv_stop(&sender->world.loop);
    }
}

static void on_lookup(struct le_lookup *lookup)
{
    struct le_sender *sender = lookup->owner;
    if (lookup->err != LE_OK) {
        le_send_fail(sender, lookup->failure);
        return;
    }
    bool fifo = le_sqs_is_fifo(le_queue_url(sender->world.queue));
    if (fifo && le_send_order_open(sender) != LE_OK) {
        le_send_fail(sender, le_err_text(LE_ERR_NOMEM));
        return;
    }
    sender->queue_known = true;
    le_send_turn(sender);
}

/* ---- */

/* Better said before the first message than after a million of them. */
static bool files_are_there(const struct le_settings *settings)
{
    for (int i = 0; i < settings->word_count; i++) {
        const char *file = settings->words[i];
        struct stat status;
        if (strcmp(file, "-") != 0 && stat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
            le_complain("send: %.200s is a folder: name the files in it", file);
            return false;
        }
        if (strcmp(file, "-") != 0 && access(file, R_OK) != 0) {
            le_complain("send: %.200s does not exist or may not be read",
                        le_shows_path(le_span_of(file)) ? file : "a file that is named");
            return false;
        }
    }
    return true;
}

static bool report(const struct le_sender *sender)
{
    char line[200];
    const char *name = le_setting(sender->world.settings, LE_OPT_QUEUE_URL);
    if (name == NULL)
        name = le_setting(sender->world.settings, LE_OPT_QUEUE);
    if (sender->refused > 0)
        le_log(LE_LOG_ERROR, "refused", LE_FS("text", "messages that the queue does not take"),
               LE_FI("messages", sender->refused));
    int len = snprintf(line, sizeof line, "sent %" PRIu64 " message%s to %.120s\n", sender->sent,
                       sender->sent == 1 ? "" : "s", name);
    return le_say((struct le_span){line, (size_t)len});
}

static void open_sender(struct le_sender *sender, const struct le_settings *settings)
{
    int64_t slots = le_setting_number(settings, LE_OPT_CONCURRENCY) + 1;
    sender->files = settings->words;
    sender->file_count = settings->word_count;
    sender->fd = -1;
    sender->slot_count = (size_t)(slots > LE_SEND_SLOTS_MAX ? LE_SEND_SLOTS_MAX : slots);
    le_splitter_init(&sender->splitter, LE_SQS_BATCH_BYTES_MAX, LE_SEND_CHUNK);
    uv_timer_init(&sender->world.loop, &sender->linger);
    sender->linger.data = sender;
    le_send_open_slots(sender);
    sender->lookup = (struct le_lookup){.world = &sender->world,
                                        .only_url = true,
                                        .give_up_ms = LE_GIVE_UP_MS,
                                        .done = on_lookup,
                                        .owner = sender};
    le_lookup_start(&sender->lookup);
}

static void close_sender(struct le_sender *sender)
{
    le_lookup_close(&sender->lookup);
    uv_close((uv_handle_t *)&sender->linger, NULL);
    le_send_close_slots(sender);
    /* A read of an idle terminal or pipe has no end of its own; the program is ending anyhow. */
    if (sender->reading)
        (void)uv_cancel((uv_req_t *)&sender->request);
    le_world_close(&sender->world);
    le_send_free_slots(sender);
    le_send_order_close(sender);
    le_splitter_free(&sender->splitter);
}

int le_send(struct le_settings *settings)
{
    static struct le_sender sender;
    if (!files_are_there(settings))
        return LE_EXIT_USAGE;
    enum le_err err = le_world_open(&sender.world, settings);
    if (err == LE_OK) {
        err = le_world_need_credentials(&sender.world);
        if (err != LE_OK)
            le_world_close(&sender.world);
    }
    if (err != LE_OK)
        return le_exit_of(err);
    open_sender(&sender, settings);
    uv_run(&sender.world.loop, UV_RUN_DEFAULT);
    bool said = report(&sender);
    bool well = said && !sender.failed && sender.refused == 0;
    if (sender.failed && sender.reading) {
        le_terminal_flush(sender.world.terminal);
        _exit(LE_EXIT_FAILED);
    }
    close_sender(&sender);
    return well ? LE_EXIT_DONE : LE_EXIT_FAILED;
}
