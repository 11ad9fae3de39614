#include "torture.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NTH_MAX 10000

static unsigned long torture_by(enum torture_plan plan, enum le_err (*work)(void *arg), void *arg)
{
    long before = le_mem_live();
    for (unsigned long nth = 1; nth < NTH_MAX; nth++) {
        if (plan == TORTURE_ONCE)
            le_mem_fail_at(nth);
        else
            le_mem_fail_from(nth);
        enum le_err err = work(arg);
        unsigned long failures = le_mem_failures();
        le_mem_fail_at(0);
        if (le_mem_live() != before)
            fail_msg("%ld blocks are left after failure %lu", le_mem_live() - before, nth);
        if (failures == 0) {
            assert_int_equal(err, LE_OK);
            return nth - 1;
        }
        if (err != LE_ERR_NOMEM)
            fail_msg("failure %lu ended in %s", nth, le_err_name(err));
    }
    fail_msg("there is no end to its allocations");
    return 0;
}

void torture(enum le_err (*work)(void *arg), void *arg, unsigned long least)
{
    unsigned long once = torture_by(TORTURE_ONCE, work, arg);
    unsigned long for_ever = torture_by(TORTURE_FOR_EVER, work, arg);
    assert_int_equal(once, for_ever);
    if (once < least)
        fail_msg("only %lu allocations, not %lu", once, least);
}
