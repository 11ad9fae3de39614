/* The queue's half of `check`. */
#include "loginetl/app/check.h"

#include "loginetl/app/settings_queue.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define CALL_TIMEOUT_MS 10000
#define REQUEST_MAX     8192
#define ANSWER_MAX      65536

static void on_identity(void *owner)
{
    le_check_go_on(owner);
}

/* Each source has its own time limits: something comes of the first refresh. */
static void tell_fetched(struct le_check *check)
{
    struct le_identity *identity = &check->world.identity;
    char until[25];
    le_identity_wait(identity, on_identity, check);
    le_check_wait(check, "source of credentials");
    le_identity_wait(identity, NULL, NULL);
    if (!identity->ready) {
        le_check_tell(check, LE_VERDICT_FAIL, "credentials", "%s", identity->failure);
    } else if (identity->expires_at_ms == LE_NEVER_EXPIRES) {
        le_check_tell(check, LE_VERDICT_OK, "credentials", "from the %s", identity->source->name);
    } else {
        le_format_iso_ms(identity->expires_at_ms, until);
        le_check_tell(check, LE_VERDICT_OK, "credentials", "from the %s, until %s",
                      identity->source->name, until);
    }
    if (identity->ready && identity->source->doubt != NULL)
        le_check_tell(check, LE_VERDICT_WARN, "credentials", "%s", identity->source->doubt);
}

static void tell_credentials(struct le_check *check)
{
    if (check->world.identity.source != NULL)
        tell_fetched(check);
    else if (check->settings->credential_source != NULL)
        le_check_tell(check, LE_VERDICT_OK, "credentials", "from the %s",
                      check->settings->credential_source->name);
    else if (check->settings->aws)
        le_check_tell(check, LE_VERDICT_FAIL, "credentials", "%s", LE_NO_CREDENTIALS);
    else
        le_check_tell(check, LE_VERDICT_OK, "credentials",
                      "none; made-up ones are enough for a local queue server");
}

/* ---- the look-up ---- */

static void on_lookup(struct le_lookup *lookup)
{
    le_check_go_on(lookup->owner);
}

static void look_up(struct le_check *check)
{
    check->lookup = (struct le_lookup){.world = &check->world,
                                       .give_up_ms = LE_CHECK_PATIENCE_MS / 2,
                                       .done = on_lookup,
                                       .owner = check};
    le_lookup_start(&check->lookup);
    le_check_wait(check, "queue");
    le_lookup_close(&check->lookup);
}

static void tell_attributes(struct le_check *check)
{
    const struct le_lookup *lookup = &check->lookup;
    if (lookup->attributes_err != LE_OK) {
        le_check_tell(check, LE_VERDICT_WARN, "attributes",
                      "GetQueueAttributes: %s; without it the dead-letter queue is not known "
                      "(allow it, or give --dlq-url)",
                      le_err_text(lookup->attributes_err));
        return;
    }
    char redrive[80] = "no redrive policy";
    if (lookup->max_receive_count > 0)
        (void)snprintf(redrive, sizeof redrive, "redriven after %" PRId64 " receives",
                       lookup->max_receive_count);
    le_check_tell(check, LE_VERDICT_OK, "attributes",
                  "about %" PRId64 " messages and %" PRId64 " in flight, %s", lookup->visible,
                  lookup->not_visible, redrive);
}

/* ---- permissions ---- */

static void on_answer(struct le_queue_call *call)
{
    le_check_go_on(call->owner);
}

/* A handle that no queue has given is refused as an entry once the caller may do it at all: nothing
 * is changed by it. */
static enum le_err write_probe(struct le_queue_call *call, const struct le_sqs_codec *codec)
{
    static const struct le_span handle = {"loginetl-check", 14};
    const struct le_check *check = call->owner;
    struct le_span url = le_queue_url(check->world.queue);
    struct le_buf *body = &call->request_body;
    if (call->operation == LE_SQS_GET_QUEUE_ATTRIBUTES)
        return codec->get_queue_attributes(body, le_queue_dead_letter_url(check->world.queue));
    if (call->operation == LE_SQS_DELETE_BATCH)
        return codec->delete_batch(body, url, &handle, 1);
    return codec->visibility_batch(body, url, &handle, 1, 0);
}

static void tell_probe(struct le_check *check, const char *what, const char *action)
{
    const struct le_queue_call *call = &check->call;
    if (call->err == LE_ERR_DENIED)
        le_check_tell(check, LE_VERDICT_FAIL, what, "denied: allow the action %s", action);
    else if (call->err == LE_OK || call->err == LE_ERR_REFUSED)
        le_check_tell(check, LE_VERDICT_OK, what, "%s is allowed", action);
    else
        le_check_tell(check, LE_VERDICT_WARN, what, "not known: %s",
                      le_queue_last_failure(check->world.queue));
}

/* Asks, and waits for the answer, which is in check->call. An error: it could not even be asked. */
static enum le_err ask(struct le_check *check, enum le_sqs_operation operation)
{
    check->call = (struct le_queue_call){.operation = operation,
                                         .timeout_ms = CALL_TIMEOUT_MS,
                                         .write = write_probe,
                                         .done = on_answer,
                                         .owner = check,
                                         .quiet = true};
    le_buf_init(&check->call.request_body, REQUEST_MAX);
    le_buf_init(&check->call.answer, ANSWER_MAX);
    enum le_err err = write_probe(&check->call, le_queue_codec(check->world.queue));
    if (err == LE_OK) {
        le_queue_call(check->world.queue, &check->call);
        le_check_wait(check, "queue");
    }
    le_buf_free(&check->call.request_body);
    le_buf_free(&check->call.answer);
    return err;
}

static void probe(struct le_check *check, enum le_sqs_operation operation, const char *what,
                  const char *action)
{
    enum le_err err = ask(check, operation);
    if (err == LE_OK)
        tell_probe(check, what, action);
    else
        le_check_tell(check, LE_VERDICT_FAIL, what, "%s", le_err_text(err));
}

/* Its attributes tell whether it is there; a worker need not be allowed to read them. */
static void tell_dead_letter_queue(struct le_check *check, struct le_span url)
{
    enum le_err err = ask(check, LE_SQS_GET_QUEUE_ATTRIBUTES);
    if (err == LE_OK)
        err = check->call.err;
    if (err == LE_ERR_NO_QUEUE)
        le_check_tell(check, LE_VERDICT_FAIL, "dead letters",
                      "%.*s does not exist: check --dlq-url, or the queue's redrive policy",
                      (int)url.len, url.ptr);
    else
        le_check_tell(check, err == LE_OK ? LE_VERDICT_OK : LE_VERDICT_WARN, "dead letters",
                      "%.*s%s%s", (int)url.len, url.ptr,
                      err == LE_OK ? "" : ", which could not be looked at: ",
                      err == LE_OK ? "" : le_err_text(err));
}

static void tell_dead_letter(struct le_check *check)
{
    const struct le_settings *settings = check->settings;
    struct le_span url = le_queue_dead_letter_url(check->world.queue);
    bool dlq = settings->on_reject_given && settings->on_reject == LE_ON_REJECT_DLQ;
    if (settings->on_reject_given && !dlq)
        le_check_tell(check, LE_VERDICT_OK, "dead letters", "--on-reject %s",
                      le_setting(settings, LE_OPT_ON_REJECT));
    else if (le_world_dead_letters_come_back(&check->world))
        le_check_tell(check, LE_VERDICT_FAIL, "dead letters",
                      "--dlq-url " LE_DEAD_LETTERS_COME_BACK);
    else if (url.len > 0)
        tell_dead_letter_queue(check, url);
    else
        le_check_tell(check, dlq ? LE_VERDICT_FAIL : LE_VERDICT_WARN, "dead letters",
                      "no dead-letter queue is known: %s; --dlq-url names one, or give the queue "
                      "a redrive policy",
                      dlq ? "--on-reject dlq cannot work"
                          : "rejected messages will be left in the queue");
}

/* ---- */

void le_check_queue(struct le_check *check)
{
    tell_credentials(check);
    const struct le_identity *identity = &check->world.identity;
    bool none = check->settings->credential_source == NULL && identity->source == NULL;
    if (!identity->ready || (none && check->settings->aws))
        return;
    look_up(check);
    if (check->lookup.err != LE_OK) {
        le_check_tell(check, LE_VERDICT_FAIL, "queue", "%s", check->lookup.failure);
        return;
    }
    struct le_span url = le_queue_url(check->world.queue);
    le_check_tell(check, LE_VERDICT_OK, "queue", "%.*s", (int)url.len, url.ptr);
    tell_attributes(check);
    le_check_tell(check, LE_VERDICT_OK, "protocol", "%s: %s",
                  le_queue_codec(check->world.queue)->name,
                  le_queue_protocol_why(check->world.queue));
    le_check_tell(check, LE_VERDICT_SKIP, "receive",
                  "not tried: it would count as a delivery (needs sqs:ReceiveMessage)");
    probe(check, LE_SQS_DELETE_BATCH, "delete", "sqs:DeleteMessage");
    probe(check, LE_SQS_VISIBILITY_BATCH, "visibility", "sqs:ChangeMessageVisibility");
    tell_dead_letter(check);
}
