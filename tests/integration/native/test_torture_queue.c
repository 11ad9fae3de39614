/* Memory that fails in the SQS client and in what carries its requests: each operation ends, none
 * is taken for done that is not, and the next ones go well. libcurl's own memory does not fail
 * here: Debian 12's release of it (7.88.1) divides by zero when it could not make the table of a
 * hash of its own, which ends the program and loses nothing. */
#include "live_blocks.h"
#include "loginetl/base/mem.h"
#include "queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NTH_MAX      2000
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct fixture fixture;

/* One answer that suits every operation. */
static const struct script_answer answers[] = {
    {.status = 200,
     .body = "{\"Successful\":[{\"Id\":\"0\"}],\"Messages\":[{\"MessageId\":\"i\","
             "\"ReceiptHandle\":\"handle-1\",\"Body\":\"b\"}]}"}};

/* Each in turn; how many of them failed. */
static unsigned do_each(void)
{
    fixture_begin *const begin[] = {fixture.port.delete_batch, fixture.port.extend,
                                    fixture.port.dead_letter};
    struct fixture_receive receive;
    struct fixture_entries entries;
    enum le_err err = fixture_receive(&fixture, &receive);
    unsigned failed = err != LE_OK;
    assert_true(err == LE_OK || le_err_class(err) == LE_CLASS_RETRY);
    assert_int_equal(receive.done, 1);
    if (err == LE_OK)
        assert_int_equal(receive.answer.found_count, 1);
    fixture_receive_free(&receive);
    for (size_t i = 0; i < COUNT(begin); i++) {
        fixture_entries_fill(&fixture, &entries, 1);
        err = fixture_entries(&entries, begin[i]);
        assert_true(err == LE_OK || le_err_class(err) == LE_CLASS_RETRY);
        assert_int_equal(entries.done, 1);
        if (err == LE_OK)
            assert_int_equal(entries.op.outcomes[0], LE_ENTRY_OK);
        failed += err != LE_OK;
    }
    return failed;
}

/* What the plan does to a client that has just been made; how many allocations failed. */
static unsigned long operate_with(void (*plan)(unsigned long), unsigned long nth, unsigned *failed)
{
    fixture_open(&fixture, 0);
    script_set(fixture.script, answers, COUNT(answers));
    plan(nth);
    *failed += do_each();
    unsigned long count = le_mem_failures();
    le_mem_fail_at(0);
    assert_int_equal(do_each(), 0);
    fixture_close(&fixture);
    assert_no_live_blocks();
    return count;
}

static void for_each(void (*plan)(unsigned long))
{
    unsigned failed = 0;
    unsigned long nth = 1;
    while (operate_with(plan, nth, &failed) > 0) {
        nth++;
        assert_true(nth < NTH_MAX);
    }
    print_message("%lu allocations, %u operations failed\n", nth - 1, failed);
    assert_true(nth > 5 && failed > 0);
}

static void one_fails(void **state)
{
    (void)state;
    for_each(le_mem_fail_at);
}

static void all_from_one_on_fail(void **state)
{
    (void)state;
    for_each(le_mem_fail_from);
}

static void every_third_fails(void **state)
{
    unsigned failed = 0;
    (void)state;
    assert_true(operate_with(le_mem_fail_every, 3, &failed) > 1);
    assert_true(failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_fails),
        cmocka_unit_test(all_from_one_on_fail),
        cmocka_unit_test(every_third_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
