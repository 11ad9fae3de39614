#include "arrivals.h"

#include <assert.h>
#include <stddef.h>

static uint32_t run_arrived(const struct run *run, int64_t now_ns)
{
    if (now_ns < run->start_ns)
        return 0;
    if (run->step_ns == 0)
        return run->count;
    int64_t arrived = (now_ns - run->start_ns) / run->step_ns + 1;
    return arrived < run->count ? (uint32_t)arrived : run->count;
}

static const struct run *last_run(const struct arrivals *arrivals)
{
    return arrivals->run_count > 0 ? &arrivals->runs[arrivals->run_count - 1] : NULL;
}

/* Only the last run can be still under way. */
uint32_t arrivals_count(const struct arrivals *arrivals, int64_t now_ns)
{
    const struct run *run = last_run(arrivals);
    return run != NULL ? run->first + run_arrived(run, now_ns) : 0;
}

int64_t arrivals_next_ns(const struct arrivals *arrivals, int64_t now_ns)
{
    const struct run *run = last_run(arrivals);
    uint32_t arrived = run != NULL ? run_arrived(run, now_ns) : 0;
    if (run == NULL || arrived == run->count)
        return INT64_MAX;
    return run->start_ns + run->step_ns * arrived;
}

/* Most messages are in one of the last runs, or in the first. */
const struct run *arrivals_run(const struct arrivals *arrivals, uint32_t number)
{
    const struct run *run = last_run(arrivals);
    assert(run != NULL && number < run->first + run->count);
    while (number < run->first)
        run--;
    return run;
}

int64_t arrivals_sent_ms(const struct arrivals *arrivals, const struct run *run, uint32_t number)
{
    assert(number >= run->first && number - run->first < run->count);
    int64_t at_ns = run->start_ns + run->step_ns * (int64_t)(number - run->first);
    return (at_ns + arrivals->wall_ns) / 1000000;
}

/* An open run ends with what has arrived of it; one that brought nothing is forgotten. */
static void close_run(struct arrivals *arrivals, int64_t now_ns)
{
    struct run *run = arrivals->run_count > 0 ? &arrivals->runs[arrivals->run_count - 1] : NULL;
    if (run == NULL)
        return;
    run->count = run_arrived(run, now_ns);
    if (run->count == 0)
        arrivals->run_count--;
}

static void push(struct arrivals *arrivals, struct run run)
{
    assert(arrivals->run_count < ARRIVALS_RUNS_MAX);
    arrivals->runs[arrivals->run_count++] = run;
}

static void reopen(struct arrivals *arrivals, uint32_t first, int64_t now_ns)
{
    int64_t step_ns = arrivals->open_step_ns;
    if (step_ns > 0)
        push(arrivals,
             (struct run){first, ARRIVALS_MESSAGES_MAX - first, now_ns + step_ns, step_ns, false});
}

/* Room for one run more and, behind it, for the open one. */
static enum le_err check_room(const struct arrivals *arrivals, uint32_t first, uint32_t count)
{
    bool fits = arrivals->run_count + 2 <= ARRIVALS_RUNS_MAX && first <= ARRIVALS_MESSAGES_MAX &&
                count <= ARRIVALS_MESSAGES_MAX - first;
    return fits ? LE_OK : LE_ERR_TOO_LARGE;
}

enum le_err arrivals_add(struct arrivals *arrivals, uint32_t count, int64_t step_ns, int64_t now_ns)
{
    uint32_t first = arrivals_count(arrivals, now_ns);
    enum le_err err = check_room(arrivals, first, count);
    if (err != LE_OK || count == 0)
        return err;
    close_run(arrivals, now_ns);
    push(arrivals, (struct run){first, count, now_ns - step_ns * (count - 1), step_ns, false});
    reopen(arrivals, first + count, now_ns);
    return LE_OK;
}

/* Whatever its time, with its neighbours it is one run: the time stands with the body. */
enum le_err arrivals_send(struct arrivals *arrivals, int64_t now_ns, uint32_t *number)
{
    uint32_t first = *number = arrivals_count(arrivals, now_ns);
    enum le_err err = check_room(arrivals, first, 1);
    if (err != LE_OK)
        return err;
    close_run(arrivals, now_ns);
    struct run *run = arrivals->run_count > 0 ? &arrivals->runs[arrivals->run_count - 1] : NULL;
    if (run != NULL && run->sent)
        run->count++;
    else
        push(arrivals, (struct run){first, 1, now_ns, 0, true});
    reopen(arrivals, first + 1, now_ns);
    return LE_OK;
}

enum le_err arrivals_rate(struct arrivals *arrivals, int64_t step_ns, int64_t now_ns)
{
    uint32_t first = arrivals_count(arrivals, now_ns);
    enum le_err err = check_room(arrivals, first, 0);
    if (err != LE_OK)
        return err;
    close_run(arrivals, now_ns);
    arrivals->open_step_ns = step_ns;
    reopen(arrivals, first, now_ns);
    return LE_OK;
}
