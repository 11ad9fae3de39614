/* xoshiro256** (Blackman and Vigna), seeded by splitmix64 as its authors advise: a seed of few bits
 * still fills the state. */
#include "loginetl/base/rng.h"

#include <assert.h>
#include <stddef.h>

#define SPLITMIX64_STEP UINT64_C(0x9e3779b97f4a7c15)

uint64_t le_mix64(uint64_t x)
{
    x += SPLITMIX64_STEP;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    assert(bits > 0 && bits < 64);
    return (value << bits) | (value >> (64 - bits));
}

void le_rng_seed(struct le_rng *rng, uint64_t seed)
{
    assert(rng != NULL);
    for (uint64_t i = 0; i < 4; i++)
        rng->state[i] = le_mix64(seed + i * SPLITMIX64_STEP);
}

uint64_t le_rng_next(struct le_rng *rng)
{
    uint64_t *s = rng->state;
    /* All zeros is the one state it never leaves: a generator that nobody seeded. */
    assert((s[0] | s[1] | s[2] | s[3]) != 0);
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The high half of a 128-bit product. Some values are likelier by bound / 2^64, which no jitter and
 * no simulation sees, and in return it takes exactly one number, so that a seed replays the same
 * way. */
uint64_t le_rng_below(struct le_rng *rng, uint64_t bound)
{
    uint64_t random = le_rng_next(rng);
    uint64_t result = (uint64_t)(((unsigned __int128)random * bound) >> 64);
    assert(result < bound || bound == 0);
    return result;
}

double le_rng_unit(struct le_rng *rng)
{
    return (double)(le_rng_next(rng) >> 11) * 0x1.0p-53; /* a double has 53 bits */
}
