#include "fault.h"

#include <assert.h>
#include <string.h>

#define ONE 65536u

static const char *const words[] = {
#define X(name, group, words) words,
    SIM_FAULTS(X)
#undef X
};

static const enum fault_group groups[] = {
#define X(name, group, words) GROUP_##group,
    SIM_FAULTS(X)
#undef X
};

const char *fault_words(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return words[fault];
}

/* From one in four to one in five hundred. */
static void enable(struct faults *faults, struct le_rng *rng, unsigned fault)
{
    faults->chance[fault] = ONE >> (2 + le_rng_below(rng, 7));
    faults->in_group[groups[fault]] = true;
}

static void enable_each(struct faults *faults, struct le_rng *rng, unsigned one_in)
{
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (groups[i] != GROUP_CROWD && le_rng_below(rng, one_in) == 0)
            enable(faults, rng, i);
}

static void enable_group(struct faults *faults, struct le_rng *rng, enum fault_group group)
{
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (groups[i] == group && le_rng_below(rng, 2) == 0)
            enable(faults, rng, i);
}

void faults_draw(struct faults *faults, struct le_rng *rng)
{
    memset(faults, 0, sizeof *faults);
    uint64_t mood = le_rng_below(rng, 100);
    if (le_rng_below(rng, 4) > 0)
        faults->chance[FAULT_REFILL] = ONE / 2;
    if (mood < 4)
        return;      /* a world where all goes well */
    if (mood < 24) { /* sound but for the store, */
        enable_group(faults, rng, GROUP_STORE);
        enable_group(faults, rng, GROUP_SLOW);
        if (mood < 18)
            enable_group(faults, rng, GROUP_DATA);
        if (mood < 14)
            enable_group(faults, rng, GROUP_WORKER);
    } else if (mood < 34) { /* … for the workers and their messages, */
        enable_group(faults, rng, GROUP_WORKER);
        enable_group(faults, rng, GROUP_SLOW);
        enable_group(faults, rng, GROUP_DATA);
    } else if (mood < 44) { /* … for the queue */
        enable_group(faults, rng, GROUP_QUEUE);
    } else if (mood < 68) {
        enable_each(faults, rng, FAULT_COUNT / 2); /* two or so, of any kind */
    } else if (mood < 94) {
        enable_each(faults, rng, 3);
    } else {
        enable_each(faults, rng, 1);
    }
}

void faults_draw_crowd(struct faults *faults)
{
    memset(faults, 0, sizeof *faults);
    faults->chance[FAULT_BAD_CROWD] = ONE;
    faults->in_group[GROUP_CROWD] = true;
}

void faults_cease(struct faults *faults)
{
    memset(faults->chance, 0, sizeof faults->chance);
}

bool fault_strikes(struct faults *faults, struct le_rng *rng, enum fault fault)
{
    return fault_strikes_rarely(faults, rng, fault, 1);
}

bool fault_strikes_rarely(struct faults *faults, struct le_rng *rng, enum fault fault,
                          unsigned rarer)
{
    if (faults->chance[fault] == 0 ||
        le_rng_below(rng, (uint64_t)ONE * rarer) >= faults->chance[fault])
        return false;
    faults->happened[fault]++;
    return true;
}
