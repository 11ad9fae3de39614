/* The progress line: drawn a few times a second, what is left asked for rarely. */
#include "loginetl/app/run.h"

#include <assert.h>

#define ASK_LEFT_MS     5000
#define CALL_TIMEOUT_MS 10000
#define REQUEST_MAX     8192
#define ANSWER_MAX      65536

/* ---- about how many are left ---- */

static void on_answer(struct le_queue_call *call)
{
    struct le_run *run = call->owner;
    struct le_run_progress *progress = &run->progress;
    struct le_sqs_queue_attributes attributes;
    if (call->err == LE_OK &&
        call->codec->read_queue_attributes(call->answer.data, call->answer.len, &attributes) ==
            LE_OK &&
        attributes.visible >= 0)
        le_terminal_left(progress->terminal, (uint64_t)attributes.visible);
    /* An answer that did not come leaves the old estimate: the next one is asked for soon. */
    progress->asking = false;
}

static enum le_err write_request(struct le_queue_call *call, const struct le_sqs_codec *codec)
{
    const struct le_run *run = call->owner;
    return codec->get_queue_attributes(&call->request_body, le_queue_url(run->world.queue));
}

static void ask_left(struct le_run *run)
{
    struct le_run_progress *progress = &run->progress;
    struct le_queue_call *call = &progress->call;
    le_buf_clear(&call->request_body);
    le_buf_clear(&call->answer);
    call->operation = LE_SQS_GET_QUEUE_ATTRIBUTES;
    call->timeout_ms = CALL_TIMEOUT_MS;
    call->done = on_answer;
    call->write = write_request;
    call->owner = run;
    call->quiet = true;
    if (write_request(call, le_queue_codec(run->world.queue)) != LE_OK)
        return;
    progress->asking = true;
    le_queue_call(run->world.queue, call);
}

/* ---- drawing ---- */

static void on_draw(uv_timer_t *timer)
{
    struct le_run *run = timer->data;
    struct le_run_progress *progress = &run->progress;
    int64_t now_ms = le_world_now_ms(&run->world);
    le_terminal_progress(run->world.terminal, now_ms, le_run_books(run)->received);
    if (!progress->asking && run->lookup.attributes_err == LE_OK &&
        now_ms - progress->asked_ms >= ASK_LEFT_MS) {
        progress->asked_ms = now_ms;
        ask_left(run);
    }
}

void le_run_progress_open(struct le_run *run)
{
    struct le_run_progress *progress = &run->progress;
    uv_timer_init(&run->world.loop, &progress->timer);
    progress->timer.data = run;
    progress->terminal = run->world.terminal;
    le_buf_init(&progress->call.request_body, REQUEST_MAX);
    le_buf_init(&progress->call.answer, ANSWER_MAX);
}

void le_run_progress_start(struct le_run *run)
{
    struct le_run_progress *progress = &run->progress;
    if (!le_terminal_has_progress(run->world.terminal))
        return;
    progress->asked_ms = le_world_now_ms(&run->world);
    if (run->lookup.visible >= 0)
        le_terminal_left(run->world.terminal, (uint64_t)run->lookup.visible);
    /* Drawn once before anything is received: what is received is taken off the queue's figure. */
    le_terminal_progress(run->world.terminal, progress->asked_ms, 0);
    uv_timer_start(&progress->timer, on_draw, LE_TERMINAL_REDRAW_MS, LE_TERMINAL_REDRAW_MS);
}

void le_run_progress_stop(struct le_run *run)
{
    uv_timer_stop(&run->progress.timer);
    le_terminal_end_progress(run->world.terminal);
}

void le_run_progress_free(struct le_run *run)
{
    assert(!run->progress.asking);
    le_buf_free(&run->progress.call.request_body);
    le_buf_free(&run->progress.call.answer);
}
