/* Messages that a drain cannot see: they are in flight at another worker, or a worker that is gone
 * left its leases behind. Such a drain ends with little received, and says why. */
#include "loginetl/app/run.h"

#include <assert.h>

#define CALL_TIMEOUT_MS 2000
#define REQUEST_MAX     8192
#define ANSWER_MAX      65536

/* Without an answer the figure from the start stays. */
static void on_answer(struct le_queue_call *call)
{
    struct le_run *run = call->owner;
    struct le_run_hidden *hidden = &run->hidden;
    struct le_sqs_queue_attributes attributes;
    if (call->err == LE_OK &&
        call->codec->read_queue_attributes(call->answer.data, call->answer.len, &attributes) ==
            LE_OK &&
        attributes.not_visible >= 0)
        hidden->count = attributes.not_visible;
    le_run_end(run, hidden->status);
}

static enum le_err write_request(struct le_queue_call *call, const struct le_sqs_codec *codec)
{
    const struct le_run *run = call->owner;
    return codec->get_queue_attributes(&call->request_body, le_queue_url(run->world.queue));
}

void le_run_ask_hidden(struct le_run *run, enum le_exit status)
{
    struct le_run_hidden *hidden = &run->hidden;
    struct le_queue_call *call = &hidden->call;
    assert(run->state == LE_RUN_FLOWING && run->lookup.not_visible > 0);
    hidden->count = run->lookup.not_visible;
    hidden->status = status;
    *call = (struct le_queue_call){.operation = LE_SQS_GET_QUEUE_ATTRIBUTES,
                                   .timeout_ms = CALL_TIMEOUT_MS,
                                   .write = write_request,
                                   .done = on_answer,
                                   .owner = run,
                                   .quiet = true};
    le_buf_init(&call->request_body, REQUEST_MAX);
    le_buf_init(&call->answer, ANSWER_MAX);
    if (write_request(call, le_queue_codec(run->world.queue)) != LE_OK) {
        le_run_end(run, status);
        return;
    }
    run->state = LE_RUN_ASKING;
    le_queue_call(run->world.queue, call);
}

void le_run_hidden_free(struct le_run *run)
{
    le_buf_free(&run->hidden.call.request_body);
    le_buf_free(&run->hidden.call.answer);
}
