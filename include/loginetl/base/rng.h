/* Random numbers for jitter and for simulated worlds: fast, seeded, not for secrets (xoshiro256**).
 */
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

#endif
