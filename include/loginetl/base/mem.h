/* The allocator. Every allocation of the program's own goes through here, so that a test can make
 * the Nth one fail. */
#ifndef LE_BASE_MEM_H
#define LE_BASE_MEM_H

#include "loginetl/base/error.h"

#include <stddef.h>

/* NULL when there is no memory. What they return is freed with le_free. Sizes of 0 are given one
 * byte. */
LE_MUST void *le_alloc(size_t size);
LE_MUST void *le_calloc(size_t count, size_t size); /* zeroed; checks count * size */
LE_MUST void *le_realloc(void *ptr, size_t size); /* on NULL the old block is still the caller's */
LE_MUST char *le_strdup(const char *text);
LE_MUST char *le_strndup(const char *text, size_t len);
void le_free(void *ptr); /* NULL is fine */
/* Overwrites before freeing, in a way that the compiler keeps: for secrets. */
void le_free_secret(void *ptr, size_t size);
void le_wipe(void *ptr, size_t size);

/* ---- for tests; memory is taken in one thread only, and given back in any ---- */

/* The Nth allocation from now (1 is the next) fails, once. 0 turns any failing off. */
void le_mem_fail_at(unsigned long nth);
/* The Nth and every one after it, until that is turned off. */
void le_mem_fail_from(unsigned long nth);
/* Every Nth. */
void le_mem_fail_every(unsigned long nth);
/* Allocations that were made to fail since one of these three was called last. */
unsigned long le_mem_failures(void);
/* Blocks that have not been freed. */
long le_mem_live(void);

#endif
