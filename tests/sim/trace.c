#include "trace.h"

#include "loginetl/base/log.h"
#include "loginetl/pipeline/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *promise_words(enum promise promise)
{
    static const char *const words[] = {"none",
#define X(name, words) words,
                                        SIM_PROMISES(X)
#undef X
    };
    return words[promise];
}

static void print_head(const struct world *world, const struct worker *worker)
{
    printf("%10.3f ", (double)world->now_ms / 1000);
    if (worker != NULL)
        printf("w%u#%-3" PRIu32 " ", worker->index, worker->instance);
    else
        printf("-      ");
}

void trace_line(const struct world *world, const struct worker *worker, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_head(world, worker);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

/* Where a worker stands when a promise is broken: the verdict alone seldom says why. */
static void print_state(const struct world *world, const struct worker *worker)
{
    const struct le_pipeline *pipeline = worker->pipeline;
    if (pipeline == NULL)
        return;
    trace_line(world, worker,
               "its clock %" PRId64 ", armed %" PRId64
               ", stopping %d, closed %d; %zu bytes, %zu held; receives %u of %u, "
               "next at %" PRId64 ", %zu bytes expected of each",
               world->now_ms + worker->clock_ms, worker->armed_ms, pipeline->stopping,
               pipeline->closed, pipeline->bytes, pipeline->held.count, pipeline->receives,
               pipeline->receivers, pipeline->receive_at_ms, pipeline->answer_expected);
    for (int state = 0; state < LE_MESSAGE_STATE_COUNT; state++)
        if (pipeline->state_count[state] > 0)
            trace_line(world, worker, "%" PRIu64 " %s", pipeline->state_count[state],
                       le_message_state_word((enum le_message_state)state));
}

void broken(struct world *world, const struct worker *worker, enum promise promise,
            const char *format, ...)
{
    char text[300];
    va_list args;
    if (world->broken != PROMISE_NONE)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    world->broken = promise;
    int worker_number = worker != NULL ? (int)worker->index : -1;
    (void)snprintf(world->verdict, sizeof world->verdict, "%s: %s (worker %d, at %.3f s)",
                   promise_words(promise), text, worker_number, (double)world->now_ms / 1000);
    trace(world, worker, "BROKEN %s", world->verdict);
    for (unsigned i = 0; world->tracing && i < world->worker_count; i++)
        print_state(world, &world->workers[i]);
}

static void print_log(void *self, const char *line, size_t len)
{
    const struct world *world = self;
    const char *rest = memchr(line, ' ', len); /* behind the time */
    size_t skipped = rest != NULL ? (size_t)(rest - line) + 1 : 0;
    print_head(world, &world->workers[world->acting]);
    printf("    %.*s", (int)(len - skipped), line + skipped);
}

static int64_t log_wall_ms(void *self)
{
    return ((const struct world *)self)->now_ms;
}

void trace_log(const struct world *world)
{
    const struct le_log_config config = {.level = LE_LOG_DEBUG,
                                         .format = LE_LOG_LOGFMT,
                                         .sink = print_log,
                                         .wall_ms = log_wall_ms,
                                         .self = (void *)(uintptr_t)world};
    le_log_init(&config);
}
