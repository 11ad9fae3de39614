/* Blocks of memory that are still there when a test has closed everything. */
#ifndef LOGINETL_TESTS_LIVE_BLOCKS_H
#define LOGINETL_TESTS_LIVE_BLOCKS_H

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define LIVE_BLOCKS_TRIES 10000

/* Waits: a look-up that nobody waits for any more is freed by its own thread, some time later.
 * Fails the test after ten seconds. */
static inline void assert_no_live_blocks(void)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    for (unsigned i = 0; i < LIVE_BLOCKS_TRIES && le_mem_live() != 0; i++)
        (void)nanosleep(&millisecond, NULL);
    assert_int_equal(le_mem_live(), 0);
}

#endif
