/* The loop of the main job: when it turns, what ends it, and how everything is taken down again. */
#include "loginetl/app/run.h"

#include "loginetl/app/commands.h"
#include "loginetl/app/memory.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- ending ---- */

void le_run_end(struct le_run *run, enum le_exit status)
{
    if (run->state == LE_RUN_ENDED)
        return;
    run->state = LE_RUN_ENDED;
    run->status = status;
    uv_stop(&run->world.loop);
}

void le_run_fail(struct le_run *run, const char *text)
{
    if (run->state == LE_RUN_ENDED)
        return;
    le_log(LE_LOG_ERROR, "failed", LE_FS("text", text));
    le_run_end(run, LE_EXIT_FAILED);
}

/* The ports have logged what a person must mend; only giving up is the pipeline's own doing. */
static void tell_why(const struct le_run *run, enum le_err why)
{
    const char *failure = "";
    char text[512];
    if (why == LE_ERR_DATABASE)
        failure = le_store_last_failure(run->store);
    else if (le_err_class(why) == LE_CLASS_RETRY)
        failure = le_queue_last_failure(run->world.queue);
    else
        return;
    (void)snprintf(text, sizeof text, "giving up after %d s without the %s: %s",
                   LE_GIVE_UP_MS / 1000, why == LE_ERR_DATABASE ? "database" : "queue",
                   failure[0] != '\0' ? failure : le_err_text(why));
    le_log(LE_LOG_ERROR, "failed", LE_FS("text", text), LE_FS("error", le_err_name(why)));
}

static void end_of_flow(struct le_run *run, enum le_err why)
{
    bool rejects = run->drain && le_run_books(run)->rejected > 0;
    enum le_exit status = rejects ? LE_EXIT_REJECTS : LE_EXIT_DONE;
    if (why != LE_OK) {
        tell_why(run, why);
        le_run_end(run, LE_EXIT_FAILED);
    } else if (run->drain && run->signal == 0 && run->lookup.not_visible > 0) {
        le_run_ask_hidden(run, status);
    } else {
        le_run_end(run, status);
    }
}

/* ---- turning ---- */

static void on_turn(uv_prepare_t *handle)
{
    struct le_run *run = handle->data;
    enum le_err why = LE_OK;
    bool begins = false;
    if (run->state == LE_RUN_STARTING && run->queue_known && run->store_ready) {
        if (le_run_begin_flow(run) != LE_OK) {
            le_run_end(run, LE_EXIT_FAILED);
            return;
        }
        run->state = LE_RUN_FLOWING;
        le_run_log_ready(run);
        le_run_progress_start(run);
        begins = true;
    }
    if (run->state != LE_RUN_FLOWING)
        return;
    le_pipeline_turn(run->pipeline);
    if (begins)
        le_memory_settle(); /* while the first receive is under way */
    if (le_pipeline_finished(run->pipeline, &why))
        end_of_flow(run, why);
}

/* A drain is not held up for ever by a database that is not there. */
static void on_tick(uv_timer_t *timer)
{
    struct le_run *run = timer->data;
    int64_t waited_ms = le_world_now_ms(&run->world) - run->started_ms;
    char text[512];
    if (run->state != LE_RUN_STARTING || !run->drain || run->store_ready ||
        waited_ms < LE_GIVE_UP_MS)
        return;
    const char *failure = le_store_last_failure(run->store);
    (void)snprintf(text, sizeof text, "giving up after %d s without the database: %s",
                   LE_GIVE_UP_MS / 1000, failure[0] != '\0' ? failure : "no answer");
    le_run_fail(run, text);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct le_run *run = handle->data;
    if (run->signal != 0) {
        le_terminal_flush(run->world.terminal);
        _exit(128 + number);
    }
    run->signal = number;
    le_log(
        LE_LOG_INFO, "stopping", LE_FS("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"),
        LE_FS("text", "finishing what is held and giving the rest back; once more ends at once"));
    if (run->state == LE_RUN_FLOWING)
        le_pipeline_stop(run->pipeline);
    else if (run->state == LE_RUN_ASKING)
        le_run_end(run, run->hidden.status);
    else
        le_run_end(run, LE_EXIT_DONE);
}

/* ---- handles ---- */

static void open_handles(struct le_run *run)
{
    uv_loop_t *loop = &run->world.loop;
    uv_prepare_init(loop, &run->turn);
    uv_timer_init(loop, &run->wake);
    uv_timer_init(loop, &run->tick);
    uv_signal_init(loop, &run->terminate);
    uv_signal_init(loop, &run->interrupt);
    run->turn.data = run->tick.data = run;
    run->terminate.data = run->interrupt.data = run;
    uv_prepare_start(&run->turn, on_turn);
    le_run_progress_open(run);
    uv_timer_start(&run->tick, on_tick, 1000, 1000);
    uv_signal_start(&run->terminate, on_signal, SIGTERM);
    uv_signal_start(&run->interrupt, on_signal, SIGINT);
}

static void close_handles(struct le_run *run)
{
    uv_handle_t *const handles[] = {
        (uv_handle_t *)&run->turn,      (uv_handle_t *)&run->wake,
        (uv_handle_t *)&run->tick,      (uv_handle_t *)&run->progress.timer,
        (uv_handle_t *)&run->terminate, (uv_handle_t *)&run->interrupt};
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
        uv_close(handles[i], NULL);
}

/* The ports forget their operations first, then the pipeline that owns these may go. */
static void close_run(struct le_run *run)
{
    close_handles(run);
    if (run->lookup.world != NULL)
        le_lookup_close(&run->lookup);
    if (run->store != NULL)
        le_store_close(run->store);
    le_world_close(&run->world);
    le_run_progress_free(run);
    le_run_hidden_free(run);
    le_pipeline_free(run->pipeline);
    le_decoder_free(run->decoder);
}

int le_run(struct le_settings *settings)
{
    static struct le_run run;
    run = (struct le_run){.settings = settings, .status = LE_EXIT_FAILED};
    run.drain = le_option_on(&settings->options, LE_OPT_DRAIN);
    enum le_err err = le_world_open(&run.world, settings);
    if (err != LE_OK)
        return le_exit_of(err);
    run.started_ms = le_world_now_ms(&run.world);
    open_handles(&run);
    err = le_run_open(&run);
    if (err != LE_OK) {
        run.status = le_exit_of(err);
    } else {
        le_run_log_start(&run);
        uv_run(&run.world.loop, UV_RUN_DEFAULT);
        if (!le_run_report(&run) && run.status == LE_EXIT_DONE)
            run.status = LE_EXIT_FAILED;
    }
    int status = run.status;
    le_log_init(NULL); /* the summary is the last line */
    close_run(&run);
    return status;
}
