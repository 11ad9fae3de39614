#include "queue_fixture.h"

#include "loginetl/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MS 60000

static int64_t wall_ms(void *self)
{
    return ((struct fixture *)self)->wall_ms;
}

static void take_line(void *self, const char *line, size_t len)
{
    struct fixture *fixture = self;
    assert_true(fixture->log_len + len < sizeof fixture->log);
    memcpy(fixture->log + fixture->log_len, line, len);
    fixture->log_len += len;
    fixture->log[fixture->log_len] = '\0';
    fixture->log_lines +=
        strstr(line, "level=debug") == NULL && strstr(line, "event=protocol") == NULL;
}

static void open_queue(struct fixture *fixture, enum le_sqs_protocol protocol)
{
    char endpoint[64];
    int len = snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", fixture->server_port);
    const struct le_queue_config config = {
        .net = fixture->net,
        .loop = &fixture->loop,
        .endpoint = {endpoint, (size_t)len},
        .region = LE_SPAN_LIT("us-east-1"),
        .protocol = protocol,
        .receivers_max = 4,
        .control_max = 2,
        .wall_ms = wall_ms,
        .self = fixture,
    };
    const struct le_credentials credentials = {
        .access_key_id = LE_SPAN_LIT("AKIDEXAMPLE"),
        .secret_access_key = LE_SPAN_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        .session_token = LE_SPAN_LIT(FIXTURE_TOKEN),
    };
    assert_int_equal(le_queue_new(&config, &fixture->queue), LE_OK);
    assert_int_equal(le_queue_set_credentials(fixture->queue, &credentials), LE_OK);
    assert_int_equal(le_queue_set_url(fixture->queue, LE_SPAN_LIT(FIXTURE_QUEUE_URL)), LE_OK);
    assert_int_equal(le_queue_set_dead_letter_url(fixture->queue, LE_SPAN_LIT(FIXTURE_DLQ_URL)),
                     LE_OK);
}

static void open_all(struct fixture *fixture, int server_port, enum le_sqs_protocol protocol)
{
    static const struct le_net_config net_config = {.ca_file = NULL};
    memset(fixture, 0, sizeof *fixture);
    fixture->wall_ms = FIXTURE_NOW_MS;
    const struct le_log_config log = {.level = LE_LOG_DEBUG,
                                      .format = LE_LOG_LOGFMT,
                                      .sink = take_line,
                                      .wall_ms = wall_ms,
                                      .self = fixture};
    le_log_init(&log);
    fixture->script = server_port == 0 ? script_start() : NULL;
    fixture->server_port = server_port == 0 ? script_port(fixture->script) : server_port;
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->net = le_net_new(&fixture->loop, &net_config);
    assert_non_null(fixture->net);
    open_queue(fixture, protocol);
    fixture->port = le_queue_port(fixture->queue);
}

void fixture_open(struct fixture *fixture, int server_port)
{
    open_all(fixture, server_port, LE_SQS_PROTOCOL_JSON);
}

void fixture_open_with(struct fixture *fixture, enum le_sqs_protocol protocol)
{
    open_all(fixture, 0, protocol);
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->queue != NULL)
        le_queue_close(fixture->queue);
    fixture_turn(fixture, 0);
    le_net_close(fixture->net);
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    assert_int_equal(fixture->waiting, 0);
    if (fixture->script != NULL)
        script_stop(fixture->script);
    le_log_init(NULL);
    /* What must never be in a log, whatever was tested. */
    assert_null(strstr(fixture->log, "handle-"));
    assert_null(strstr(fixture->log, "wJalrXUtnFEMI"));
    assert_null(strstr(fixture->log, "token/with"));
    assert_null(strstr(fixture->log, "192.0.2."));
}

static void stop_turning(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void run(struct fixture *fixture, unsigned ms, bool until_answered)
{
    bool late = false;
    uv_timer_t timer;
    assert_int_equal(uv_timer_init(&fixture->loop, &timer), 0);
    timer.data = &late;
    uv_update_time(&fixture->loop);
    assert_int_equal(uv_timer_start(&timer, stop_turning, ms, 0), 0);
    while (!late && (!until_answered || fixture->waiting > 0))
        (void)uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
    if (until_answered)
        assert_false(late);
}

void fixture_wait(struct fixture *fixture)
{
    run(fixture, WAIT_MS, true);
}

void fixture_turn(struct fixture *fixture, unsigned ms)
{
    run(fixture, ms, false);
}

void fixture_run_requests(struct fixture *fixture, size_t count)
{
    for (unsigned ms = 0; script_count(fixture->script) < count; ms++) {
        assert_true(ms < WAIT_MS);
        fixture_turn(fixture, 1);
    }
}

/* The loop would wait for its next event before it looks whether anything is still waited for. */
void fixture_answered(struct fixture *fixture)
{
    assert_true(fixture->waiting > 0);
    fixture->waiting--;
    uv_stop(&fixture->loop);
}

static void receive_done(struct le_receive_op *op)
{
    struct fixture_receive *receive = op->owner;
    assert_int_equal(receive->done++, 0);
    fixture_answered(receive->fixture);
}

void fixture_receive_begin(struct fixture *fixture, struct fixture_receive *receive)
{
    memset(receive, 0, sizeof *receive);
    le_buf_init(&receive->answer.bytes, 4096);
    receive->answer.found = receive->found;
    receive->fixture = fixture;
    receive->op = (struct le_receive_op){
        .max_messages = 10,
        .wait_s = 1,
        .visibility_s = 60,
        .answer = &receive->answer,
        .done = receive_done,
        .owner = receive,
    };
    fixture->waiting++;
    fixture->port.receive(fixture->port.self, &receive->op);
    assert_int_equal(receive->done, 0); /* never from inside */
}

void fixture_receive_free(struct fixture_receive *receive)
{
    le_buf_free(&receive->answer.bytes);
}

enum le_err fixture_receive(struct fixture *fixture, struct fixture_receive *receive)
{
    fixture_receive_begin(fixture, receive);
    fixture_wait(fixture);
    assert_int_equal(receive->done, 1);
    assert_true(receive->op.err == LE_OK || receive->answer.found_count == 0);
    return receive->op.err;
}

static void entries_done(struct le_entries_op *op)
{
    struct fixture_entries *entries = op->owner;
    assert_int_equal(entries->done++, 0);
    fixture_answered(entries->fixture);
}

void fixture_entries_fill(struct fixture *fixture, struct fixture_entries *entries, size_t count)
{
    static const char *const handles[] = {"handle-0", "handle-1", "handle-2", "handle-3",
                                          "handle-4", "handle-5", "handle-6", "handle-7",
                                          "handle-8", "handle-9"};
    static const char *const ids[] = {"id-0", "id-1", "id-2", "id-3", "id-4",
                                      "id-5", "id-6", "id-7", "id-8", "id-9"};
    memset(entries, 0, sizeof *entries);
    entries->fixture = fixture;
    entries->op = (struct le_entries_op){.count = count, .done = entries_done, .owner = entries};
    for (size_t i = 0; i < count; i++) {
        struct le_message *message = &entries->messages[i];
        message->message_id = le_span_of(ids[i]);
        message->receipt_handle = le_span_of(handles[i]);
        message->body = "{\"ip\": \"192.0.2.1\"}";
        message->body_len = strlen(message->body);
        message->reject.reason = LE_REJECT_MISSING;
        message->reject.key = LE_SPAN_LIT("user_id");
        entries->op.entries[i] = message;
        entries->op.handles[i] = message->receipt_handle;
    }
}

enum le_err fixture_entries(struct fixture_entries *entries, fixture_begin *begin)
{
    struct fixture *fixture = entries->fixture;
    entries->done = 0;
    fixture->waiting++;
    begin(fixture->port.self, &entries->op);
    assert_int_equal(entries->done, 0); /* never from inside */
    fixture_wait(fixture);
    assert_int_equal(entries->done, 1);
    return entries->op.err;
}
