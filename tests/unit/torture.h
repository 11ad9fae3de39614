/* Memory that fails: a piece of work is done again and again, and each time another allocation of
 * it fails, until none is left to fail. After curl's torture tests. */
#ifndef LE_TESTS_TORTURE_H
#define LE_TESTS_TORTURE_H

#include "loginetl/base/error.h"

/* Plans of failure, each gone through from the first allocation on. */
enum torture_plan {
    TORTURE_ONCE,    /* the Nth fails */
    TORTURE_FOR_EVER /* the Nth and all after it */
};

/* work frees all that it took, whatever happened, and answers LE_OK or LE_ERR_NOMEM: LE_OK only
 * when it was done. Fails the test when a block is left, when the error is another one, when a
 * failure was taken for a success, or when there was no more to fail than `least` allocations. */
void torture(enum le_err (*work)(void *arg), void *arg, unsigned long least);

#endif
