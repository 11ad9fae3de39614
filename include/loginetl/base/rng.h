/* Random numbers for jitter and for simulated worlds: fast, seeded, not for secrets (xoshiro256**).
 * And numbers that look drawn, but follow from another one. */
#ifndef LE_BASE_RNG_H
#define LE_BASE_RNG_H

#include <stdint.h>

struct le_rng {
    uint64_t state[4];
};

void le_rng_seed(struct le_rng *rng, uint64_t seed);
uint64_t le_rng_next(struct le_rng *rng);
uint64_t le_rng_below(struct le_rng *rng, uint64_t bound); /* 0 … bound-1; bound 0 answers 0 */
double le_rng_unit(struct le_rng *rng);                    /* [0, 1) */

/* The step of splitmix64 (Steele, Lea, Flood) from the state x: one to one, so that different
 * numbers stay different, and numbers in a row spread over all 64 bits. The same on every machine
 * and for ever: what is made from it can be compared between runs. Not a hash against whoever
 * chooses x, for it can be undone. */
uint64_t le_mix64(uint64_t x);

#endif
