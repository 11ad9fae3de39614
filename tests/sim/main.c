/* loginetl_sim: the pipeline in simulated worlds. See README.md beside this file. */
#include "jobs.h"
#include "trace.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS (24.0 * 3600 * 1000)

static const char usage[] =
    "usage: loginetl_sim --seed N [--log]                       replay one world with its trace, and the pipeline's log\n"
    "       loginetl_sim --worlds N [--first N] [--jobs N]      many worlds, from the seed --first (1) on\n"
    "                    [--one] [--faults]                     end with the first that fails; list every fault\n";

struct arguments {
    uint64_t seed, first, worlds;
    unsigned jobs;
    bool one, log, faults, replay;
};

static bool read_number(const char *text, uint64_t *out)
{
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
    uint64_t jobs = 1;
    *arguments = (struct arguments){.first = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        uint64_t *number = NULL;
        if (strcmp(argv[i], "--seed") == 0)
            number = &arguments->seed;
        else if (strcmp(argv[i], "--worlds") == 0)
            number = &arguments->worlds;
        else if (strcmp(argv[i], "--first") == 0)
            number = &arguments->first;
        else if (strcmp(argv[i], "--jobs") == 0)
            number = &jobs;
        else if (strcmp(argv[i], "--one") == 0)
            arguments->one = true;
        else if (strcmp(argv[i], "--log") == 0)
            arguments->log = true;
        else if (strcmp(argv[i], "--faults") == 0)
            arguments->faults = true;
        else
            return false;
        if (number != NULL && !read_number(value, number))
            return false;
        arguments->replay = arguments->replay || number == &arguments->seed;
        i += number != NULL;
    }
    arguments->jobs = jobs < 1 ? 1 : (unsigned)jobs;
    return arguments->replay != (arguments->worlds > 0);
}

static int replay(const struct arguments *arguments)
{
    static struct world world;
    if (arguments->log)
        trace_log(&world);
    bool well = world_run(&world, arguments->seed, true);
    printf("seed %" PRIu64 ": %" PRIu64 " steps, %" PRIu64
           " turns, %u messages, %.1f s of virtual time\n",
           arguments->seed, world.steps, world.turns, world.message_count,
           (double)world.now_ms / 1000);
    if (!well)
        printf("BROKEN %s\n", world.verdict);
    printf("sim: %d passed, %d failed\n", well, !well);
    return well ? 0 : 1;
}

static void print_faults(const struct totals *totals)
{
    printf("%-52s %12s %10s\n", "fault", "times", "worlds");
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        printf("%-52s %12" PRIu64 " %10" PRIu64 "\n", fault_words((enum fault)i),
               totals->happened[i], totals->worlds_with[i]);
}

/* A fault that never happens in so many worlds is a bug of the simulator. */
static bool all_happened(const struct totals *totals)
{
    bool all = true;
    for (unsigned i = 0; i < FAULT_COUNT && totals->worlds >= 10000; i++) {
        if (totals->happened[i] > 0)
            continue;
        printf("never happened: %s\n", fault_words((enum fault)i));
        all = false;
    }
    return all;
}

/* Each world that was asked for has come to its end, or is told of as broken. */
static bool none_missing(const struct arguments *arguments, const struct totals *totals)
{
    if (arguments->one || totals->worlds == arguments->worlds)
        return true;
    printf("%" PRIu64 " worlds were asked for, and %" PRIu64 " have come to an end\n",
           arguments->worlds, totals->worlds);
    return false;
}

static void print_failures(const struct outcome *outcome, const char *program)
{
    for (unsigned i = 0; i < outcome->failure_count; i++) {
        const struct failure *failure = &outcome->failures[i];
        printf("seed %" PRIu64 ": %s\n    replay: %s --seed %" PRIu64 " --log\n", failure->seed,
               failure->verdict, program, failure->seed);
    }
}

static int many(const struct arguments *arguments, const char *program)
{
    static struct outcome outcome;
    struct timespec from, to;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    if (!jobs_run(arguments->first, arguments->worlds, arguments->jobs, arguments->one, &outcome)) {
        perror("loginetl_sim");
        return 2;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    const struct totals *totals = &outcome.totals;
    if (arguments->faults)
        print_faults(totals);
    print_failures(&outcome, program);
    if (totals->convicted > 0)
        printf("%" PRIu64
               " good rows were taken for bad, after refusals whose cause nobody could tell\n",
               totals->convicted);
    bool all = all_happened(totals), none = none_missing(arguments, totals);
    printf("%" PRIu64 " worlds, %" PRIu64 " steps, %" PRIu64 " messages delivered %" PRIu64
           " times, %.0f days of virtual time in %.1f s: %.0f worlds a second\n",
           totals->worlds, totals->steps, totals->messages, totals->delivered,
           (double)totals->simulated_ms / DAY_MS, seconds, (double)totals->worlds / seconds);
    uint64_t failed = totals->failed + !all + !none;
    printf("sim: %" PRIu64 " passed, %" PRIu64 " failed\n", totals->worlds - totals->failed,
           failed);
    return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!read_arguments(argc, argv, &arguments)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    /* What is freed is overwritten, so that whoever still reads it reads nonsense. */
    (void)mallopt(M_PERTURB, 0xa5);
    return arguments.replay ? replay(&arguments) : many(&arguments, argv[0]);
}
