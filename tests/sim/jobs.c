#include "jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX      64
#define REPLAY_EACH   64
#define WORLD_SECONDS 60 /* of real time, after which a world is taken for an endless loop */

/* Shared by a process and its parent, which reads what is left of it when it has died. */
struct job {
    pid_t pid;
    uint64_t next, end; /* of the seeds */
    unsigned step;
    bool running;
    atomic_bool *enough;
    struct outcome outcome;
};

struct shared {
    atomic_bool enough;
    struct job jobs[JOBS_MAX];
};

static void note_failure(struct outcome *outcome, uint64_t seed, enum promise promise,
                         const char *verdict)
{
    outcome->totals.failed++;
    if (outcome->failure_count == FAILURES_MAX)
        return;
    struct failure *failure = &outcome->failures[outcome->failure_count++];
    failure->seed = seed;
    failure->promise = promise;
    (void)snprintf(failure->verdict, sizeof failure->verdict, "%s", verdict);
}

static void count_world(struct totals *totals, const struct world *world)
{
    totals->worlds++;
    totals->steps += world->steps;
    totals->turns += world->turns;
    totals->messages += world->message_count;
    totals->delivered += world->delivered;
    totals->convicted += world->convicted;
    totals->simulated_ms += world->now_ms;
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        totals->happened[i] += world->faults.happened[i];
        totals->worlds_with[i] += world->faults.happened[i] > 0;
    }
}

/* Nothing of an earlier world may be left: the same seed is the same world again. */
static bool replays(struct world *world)
{
    uint64_t steps = world->steps, turns = world->turns, delivered = world->delivered;
    int64_t now_ms = world->now_ms;
    bool well = world_run(world, world->seed, false);
    if (well && steps == world->steps && turns == world->turns && delivered == world->delivered &&
        now_ms == world->now_ms)
        return true;
    (void)snprintf(world->verdict, sizeof world->verdict,
                   "the simulator does not replay this world");
    return false;
}

/* The process's whole life. */
static void work(struct job *job, bool only_one)
{
    static struct world world;
    while (job->next < job->end && !(only_one && atomic_load(job->enough))) {
        (void)alarm(WORLD_SECONDS);
        bool well = world_run(&world, job->next, false);
        if (well && job->next % REPLAY_EACH == 0)
            well = replays(&world);
        count_world(&job->outcome.totals, &world);
        if (!well) {
            note_failure(&job->outcome, job->next, world.broken, world.verdict);
            atomic_store(job->enough, true);
        }
        job->next += job->step;
    }
    (void)alarm(0);
}

static bool start(struct job *job, bool only_one)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        work(job, only_one);
        exit(0);
    }
    job->pid = pid; /* by the parent alone: the memory is shared */
    job->running = true;
    return true;
}

/* The world under way is the one that killed it; the next process goes on behind it. */
static void bury(struct job *job, int status)
{
    char verdict[100];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        (void)snprintf(verdict, sizeof verdict, "still running after %d s", WORLD_SECONDS);
    else if (WIFSIGNALED(status))
        (void)snprintf(verdict, sizeof verdict, "ended by signal %d (an assertion, or worse)",
                       WTERMSIG(status));
    else
        (void)snprintf(verdict, sizeof verdict,
                       "ended with status %d (a sanitizer's finding, or worse)",
                       WEXITSTATUS(status));
    uint64_t seed = job->next < job->end ? job->next : job->end - 1;
    note_failure(&job->outcome, seed, PROMISE_NONE, verdict);
    job->outcome.totals.worlds++;
    atomic_store(job->enough, true);
    job->next += job->step;
}

static bool wait_for_all(struct shared *shared, unsigned jobs, bool only_one)
{
    for (;;) {
        int status;
        pid_t pid = wait(&status);
        if (pid < 0)
            return errno == ECHILD;
        for (unsigned i = 0; i < jobs; i++) {
            struct job *job = &shared->jobs[i];
            if (job->pid != pid || !job->running)
                continue;
            job->running = false;
            if (status == 0)
                continue;
            bury(job, status);
            if (job->next < job->end && !only_one && !start(job, only_one))
                return false;
        }
    }
}

static void add(struct outcome *out, const struct outcome *part)
{
    struct totals *to = &out->totals;
    const struct totals *from = &part->totals;
    to->worlds += from->worlds;
    to->failed += from->failed;
    to->steps += from->steps;
    to->turns += from->turns;
    to->messages += from->messages;
    to->delivered += from->delivered;
    to->convicted += from->convicted;
    to->simulated_ms += from->simulated_ms;
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        to->happened[i] += from->happened[i];
        to->worlds_with[i] += from->worlds_with[i];
    }
    for (unsigned i = 0; i < part->failure_count && out->failure_count < FAILURES_MAX; i++)
        out->failures[out->failure_count++] = part->failures[i];
}

bool jobs_run(uint64_t first, uint64_t worlds, unsigned jobs, bool only_one, struct outcome *out)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return false;
    jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
    bool well = true;
    for (unsigned i = 0; i < jobs && well; i++) {
        struct job *job = &shared->jobs[i];
        job->next = first + i;
        job->end = first + worlds;
        job->step = jobs;
        job->enough = &shared->enough;
        well = start(job, only_one);
    }
    well = wait_for_all(shared, jobs, only_one) && well;
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < jobs; i++)
        add(out, &shared->jobs[i].outcome);
    (void)munmap(shared, sizeof *shared);
    return well;
}
