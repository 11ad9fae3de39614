#include "loginetl/app/lookup.h"

#include "loginetl/app/settings_queue.h"

#include <assert.h>
#include <stdio.h>

#define CALL_TIMEOUT_MS 10000
#define REQUEST_MAX     8192
#define ANSWER_MAX      65536
#define RETRY_BASE_MS   250

static void on_answer(struct le_queue_call *call);
static void start_step(struct le_lookup *lookup);

static void drop_call(struct le_lookup *lookup)
{
    le_buf_free(&lookup->call.request_body);
    le_buf_free(&lookup->call.answer);
}

static void finish(struct le_lookup *lookup, enum le_err err)
{
    assert(lookup->step != LE_LOOKUP_DONE);
    lookup->err = err;
    lookup->failed_at = lookup->step;
    lookup->step = LE_LOOKUP_DONE;
    lookup->done(lookup);
}

/* ---- making the calls ---- */

static enum le_err write_dead_letter_request(struct le_lookup *lookup,
                                             const struct le_sqs_codec *codec)
{
    struct le_sqs_arn target;
    enum le_err err = le_sqs_arn_parse(le_span_of(lookup->dead_letter_arn), &target);
    if (err != LE_OK)
        return err;
    /* Naming one's own account asks for a permission that is not needed otherwise. */
    if (lookup->own_account[0] != '\0' && le_span_is(target.account, lookup->own_account))
        target.account = LE_SPAN_NONE;
    return codec->get_queue_url(&lookup->call.request_body, target.name, target.account);
}

static enum le_err write_queue_request(struct le_lookup *lookup, const struct le_sqs_codec *codec)
{
    struct le_sqs_arn arn = {.name = le_settings_queue_name(lookup->world->settings)};
    (void)le_settings_queue_arn(lookup->world->settings, &arn);
    lookup->call.about = arn.name;
    return codec->get_queue_url(&lookup->call.request_body, arn.name, arn.account);
}

static enum le_err write_request(struct le_queue_call *call, const struct le_sqs_codec *codec)
{
    struct le_lookup *lookup = call->owner;
    struct le_queue *queue = lookup->world->queue;
    switch (lookup->step) {
    case LE_LOOKUP_QUEUE_URL:
        call->operation = LE_SQS_GET_QUEUE_URL;
        return write_queue_request(lookup, codec);
    case LE_LOOKUP_ATTRIBUTES:
        call->operation = LE_SQS_GET_QUEUE_ATTRIBUTES;
        return codec->get_queue_attributes(&call->request_body, le_queue_url(queue));
    case LE_LOOKUP_DEAD_LETTER_URL:
        call->operation = LE_SQS_GET_QUEUE_URL;
        return write_dead_letter_request(lookup, codec);
    case LE_LOOKUP_DONE: break;
    }
    assert(!"a call after the look-up's end");
    return LE_ERR_CONFIG;
}

static void start_call(struct le_lookup *lookup)
{
    lookup->call = (struct le_queue_call){
        .timeout_ms = CALL_TIMEOUT_MS,
        .write = write_request,
        .done = on_answer,
        .owner = lookup,
        .quiet = true,
        .before_receives = lookup->before_receives,
    };
    le_buf_init(&lookup->call.request_body, REQUEST_MAX);
    le_buf_init(&lookup->call.answer, ANSWER_MAX);
    enum le_err err = write_request(&lookup->call, le_queue_codec(lookup->world->queue));
    if (err != LE_OK) {
        drop_call(lookup);
        (void)snprintf(lookup->failure, sizeof lookup->failure, "%s", le_err_text(err));
        finish(lookup, err);
        return;
    }
    le_queue_call(lookup->world->queue, &lookup->call);
}

/* ---- reading the answers ---- */

static enum le_err take_queue_url(struct le_lookup *lookup, bool dead_letter)
{
    struct le_queue *queue = lookup->world->queue;
    struct le_span url;
    enum le_err err =
        lookup->call.codec->read_queue_url(lookup->call.answer.data, lookup->call.answer.len, &url);
    if (err != LE_OK)
        return err;
    return dead_letter ? le_queue_set_dead_letter_url(queue, url) : le_queue_set_url(queue, url);
}

static void copy_span(char *out, size_t size, struct le_span span)
{
    size_t len = span.len < size ? span.len : 0;
    if (len > 0)
        memcpy(out, span.ptr, len);
    out[len] = '\0';
}

/* Then it is one of our own account's; one that a URL or an ARN names may be anybody's. */
static bool found_by_name(const struct le_settings *settings)
{
    struct le_sqs_arn arn;
    return le_setting(settings, LE_OPT_QUEUE_URL) == NULL && !le_settings_queue_arn(settings, &arn);
}

static enum le_err take_attributes(struct le_lookup *lookup)
{
    struct le_sqs_queue_attributes attributes;
    enum le_err err = lookup->call.codec->read_queue_attributes(
        lookup->call.answer.data, lookup->call.answer.len, &attributes);
    if (err != LE_OK)
        return err;
    lookup->visible = attributes.visible;
    lookup->not_visible = attributes.not_visible;
    lookup->max_receive_count = attributes.max_receive_count;
    copy_span(lookup->dead_letter_arn, sizeof lookup->dead_letter_arn, attributes.dead_letter_arn);
    struct le_sqs_arn arn;
    if (found_by_name(lookup->world->settings) && le_sqs_arn_parse(attributes.arn, &arn) == LE_OK)
        copy_span(lookup->own_account, sizeof lookup->own_account, arn.account);
    return LE_OK;
}

/* The redrive target's URL, put together from its ARN: who may send to it need not be allowed to
 * look it up. */
static enum le_err make_dead_letter_url(struct le_lookup *lookup)
{
    struct le_buf url;
    le_buf_init(&url, LE_ENDPOINT_MAX);
    enum le_err err = le_sqs_url_from_arn(&url, le_queue_url(lookup->world->queue),
                                          le_span_of(lookup->dead_letter_arn));
    if (err == LE_OK)
        err = le_queue_set_dead_letter_url(lookup->world->queue, le_buf_span(&url));
    le_buf_free(&url);
    return err == LE_ERR_SYNTAX || err == LE_ERR_TOO_LARGE ? LE_OK : err;
}

static bool wants_redrive_target(const struct le_lookup *lookup)
{
    const struct le_settings *settings = lookup->world->settings;
    bool wanted = !settings->on_reject_given || settings->on_reject == LE_ON_REJECT_DLQ;
    return wanted && lookup->dead_letter_arn[0] != '\0' &&
           le_setting(settings, LE_OPT_DLQ_URL) == NULL;
}

static void next_step(struct le_lookup *lookup)
{
    enum le_lookup_step step = lookup->step;
    if (lookup->only_url && step == LE_LOOKUP_QUEUE_URL)
        step = LE_LOOKUP_DEAD_LETTER_URL;
    else if (step == LE_LOOKUP_ATTRIBUTES && !wants_redrive_target(lookup))
        step = LE_LOOKUP_DEAD_LETTER_URL;
    if (step == LE_LOOKUP_DEAD_LETTER_URL) {
        finish(lookup, LE_OK);
        return;
    }
    lookup->step = step + 1;
    start_step(lookup);
}

static enum le_err take_answer(struct le_lookup *lookup)
{
    switch (lookup->step) {
    case LE_LOOKUP_QUEUE_URL: return take_queue_url(lookup, false);
    case LE_LOOKUP_ATTRIBUTES: return take_attributes(lookup);
    case LE_LOOKUP_DEAD_LETTER_URL: return take_queue_url(lookup, true);
    case LE_LOOKUP_DONE: break;
    }
    assert(!"an answer after the look-up's end");
    return LE_ERR_PROTOCOL;
}

/* A refusal that the work can do without: true when the look-up goes on in spite of it. */
static bool bear(struct le_lookup *lookup, enum le_err err)
{
    if (err == LE_ERR_CREDENTIALS || le_err_class(err) == LE_CLASS_RETRY)
        return false;
    if (lookup->step == LE_LOOKUP_ATTRIBUTES && err != LE_ERR_NO_QUEUE) {
        lookup->attributes_err = err;
        return true;
    }
    if (lookup->step != LE_LOOKUP_DEAD_LETTER_URL)
        return false;
    lookup->dead_letter_err = err;
    /* A target that does not exist would refuse every message: better to know of none. */
    return err == LE_ERR_NO_QUEUE || make_dead_letter_url(lookup) == LE_OK;
}

/* ---- trying again ---- */

static void on_timer(uv_timer_t *timer)
{
    start_call(timer->data);
}

static void retry(struct le_lookup *lookup, enum le_err err)
{
    int64_t now = le_world_now_ms(lookup->world);
    if (lookup->give_up_ms > 0 && now - lookup->started_ms >= lookup->give_up_ms) {
        finish(lookup, err);
        return;
    }
    if (!lookup->away) {
        lookup->away = true;
        le_log(LE_LOG_WARN, "queue_away", LE_FS("text", lookup->failure),
               LE_FS("endpoint", lookup->world->settings->endpoint),
               LE_FS("error", le_err_name(err)));
    }
    int64_t wait_ms = le_backoff_next(&lookup->backoff, &lookup->world->rng);
    uv_timer_start(&lookup->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void note_success(struct le_lookup *lookup)
{
    if (lookup->away)
        le_log(LE_LOG_INFO, "queue_back", LE_FS("text", "the queue answers"),
               LE_FS("endpoint", lookup->world->settings->endpoint));
    lookup->away = false;
    lookup->started_ms = le_world_now_ms(lookup->world);
    le_backoff_reset(&lookup->backoff);
}

static void describe(struct le_lookup *lookup, enum le_err err, bool refused)
{
    struct le_queue *queue = lookup->world->queue;
    if (err == LE_ERR_PROTOCOL && !refused)
        le_queue_unreadable(queue, lookup->call.operation);
    bool words = refused || err == LE_ERR_PROTOCOL;
    (void)snprintf(lookup->failure, sizeof lookup->failure, "%s",
                   words ? le_queue_last_failure(queue) : le_err_text(err));
}

static void on_answer(struct le_queue_call *call)
{
    struct le_lookup *lookup = call->owner;
    enum le_err err = call->err;
    bool closed = lookup->step == LE_LOOKUP_DONE;
    if (err == LE_OK && !closed)
        err = take_answer(lookup);
    drop_call(lookup);
    if (closed)
        return;
    if (err == LE_OK || bear(lookup, err)) {
        note_success(lookup);
        lookup->failure[0] = '\0';
        next_step(lookup);
        return;
    }
    describe(lookup, err, call->err != LE_OK);
    if (le_err_class(err) == LE_CLASS_RETRY && err != LE_ERR_CANCELLED)
        retry(lookup, err);
    else
        finish(lookup, err);
}

/* ---- */

static void start_step(struct le_lookup *lookup)
{
    uv_timer_start(&lookup->timer, on_timer, 0, 0);
}

/* URLs that a person gave need no look-up. */
static enum le_err take_given_urls(struct le_lookup *lookup)
{
    const char *url = le_setting(lookup->world->settings, LE_OPT_QUEUE_URL);
    const char *dead_letter = le_setting(lookup->world->settings, LE_OPT_DLQ_URL);
    enum le_err err = LE_OK;
    if (url != NULL)
        err = le_queue_set_url(lookup->world->queue, le_span_of(url));
    if (err == LE_OK && dead_letter != NULL)
        err = le_queue_set_dead_letter_url(lookup->world->queue, le_span_of(dead_letter));
    return err;
}

static void begin(struct le_lookup *lookup)
{
    lookup->started_ms = le_world_now_ms(lookup->world);
    enum le_err err = take_given_urls(lookup);
    if (err != LE_OK) {
        (void)snprintf(lookup->failure, sizeof lookup->failure, "%s", le_err_text(err));
        finish(lookup, err);
    } else if (le_queue_url(lookup->world->queue).len > 0) {
        next_step(lookup);
    } else {
        start_call(lookup);
    }
}

static void on_first_turn(uv_timer_t *timer);

static void give_up_credentials(struct le_lookup *lookup)
{
    const char *failure = lookup->world->identity.failure;
    (void)snprintf(lookup->failure, sizeof lookup->failure, "%s",
                   failure[0] != '\0' ? failure : "no credentials have come");
    le_identity_wait(&lookup->world->identity, NULL, NULL);
    uv_timer_stop(&lookup->timer);
    finish(lookup, LE_ERR_CREDENTIALS);
}

/* A service waits for ever, anyone else for as long as for an answer. */
static void on_patience(uv_timer_t *timer)
{
    give_up_credentials(timer->data);
}

static void on_identity(void *owner)
{
    struct le_lookup *lookup = owner;
    const struct le_identity *identity = &lookup->world->identity;
    if (identity->refused) {
        give_up_credentials(lookup);
    } else if (identity->ready) {
        le_identity_wait(&lookup->world->identity, NULL, NULL);
        uv_timer_start(&lookup->timer, on_first_turn, 0, 0);
    }
}

static void on_first_turn(uv_timer_t *timer)
{
    struct le_lookup *lookup = timer->data;
    if (lookup->world->identity.ready) {
        begin(lookup);
        return;
    }
    le_identity_wait(&lookup->world->identity, on_identity, lookup);
    if (lookup->give_up_ms > 0)
        uv_timer_start(timer, on_patience, (uint64_t)lookup->give_up_ms, 0);
}

void le_lookup_start(struct le_lookup *lookup)
{
    assert(lookup != NULL && lookup->world != NULL && lookup->done != NULL);
    lookup->step = LE_LOOKUP_QUEUE_URL;
    lookup->visible = lookup->not_visible = -1;
    le_backoff_init(&lookup->backoff, RETRY_BASE_MS, LE_BACKOFF_MAX_MS / 2);
    uv_timer_init(&lookup->world->loop, &lookup->timer);
    lookup->timer.data = lookup;
    uv_timer_start(&lookup->timer, on_first_turn, 0, 0);
}

void le_lookup_close(struct le_lookup *lookup)
{
    le_identity_wait(&lookup->world->identity, NULL, NULL);
    lookup->step = LE_LOOKUP_DONE;
    uv_close((uv_handle_t *)&lookup->timer, NULL);
}
