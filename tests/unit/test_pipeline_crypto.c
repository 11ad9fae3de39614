/* The pipeline when hashing fails: no message can be looked at, and none is lost. */
#include "world.h"

#include "loginetl/pipeline/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* In the place of the libraries' own, which never fail in practice. */
struct mbedtls_md_info_t;
struct SHA256state_st;
int mbedtls_md(const struct mbedtls_md_info_t *info, const unsigned char *bytes, size_t len,
               unsigned char *out);
int mbedtls_md(const struct mbedtls_md_info_t *info, const unsigned char *bytes, size_t len,
               unsigned char *out)
{
    (void)info;
    (void)bytes;
    (void)len;
    (void)out;
    return -1;
}

int SHA256_Final(unsigned char *out, struct SHA256state_st *ctx);
int SHA256_Final(unsigned char *out, struct SHA256state_st *ctx)
{
    (void)out;
    (void)ctx;
    return 0;
}

static void run_to_its_end(struct world *world, const char *words, bool ids)
{
    world->config.drain = false;
    world_add_good(world, 5);
    for (size_t i = 0; ids && i < world->count; i++)
        (void)snprintf(world->messages[i].id, sizeof world->messages[i].id, "no-uuid-%zu", i);
    world_watch_log(world, words);
    world_start(world);
    assert_int_equal(world_run(world, 1000), LE_ERR_CRYPTO);
    const struct le_books *books = le_pipeline_books(world->pipeline);
    assert_int_equal(books->received, 5);
    assert_int_equal(books->released, 5);
    for (size_t i = 0; i < world->count; i++)
        assert_false(world->messages[i].deleted);
}

/* It is no lack of memory, which would pass; nor is any message at fault. Nobody else tells why it
 * ends. */
static void check_ends_and_loses_nothing(void **state, bool ids)
{
    run_to_its_end(*state, "event=out_of_memory", ids);
    assert_int_equal(((struct world *)*state)->log_lines, 0);
    world_renew(state);
    run_to_its_end(*state, "level=error event=failed error=crypto", ids);
    assert_int_equal(((struct world *)*state)->log_lines, 1);
}

static void a_value_that_cannot_be_masked_ends_the_pipeline(void **state)
{
    check_ends_and_loses_nothing(state, false);
}

static void an_id_that_cannot_be_hashed_ends_the_pipeline(void **state)
{
    check_ends_and_loses_nothing(state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(a_value_that_cannot_be_masked_ends_the_pipeline),
        WORLD(an_id_that_cannot_be_hashed_ends_the_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
