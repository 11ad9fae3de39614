/* When credentials are fetched anew, and what is told of it. */
#include "loginetl/aws/refresh.h"

#include "live_blocks.h"

#include <stdbool.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define HOUR_MS      INT64_C(3600000)
#define START_MS     INT64_C(1440938160000)
#define STEPS_MAX    8

/* What the n-th refresh of the source comes to; the last one is for all beyond. */
struct step {
    enum le_err unbegun; /* it does not even begin */
    enum le_err err;
    int64_t life_ms; /* of the new credentials, from then on */
};

struct world {
    struct le_credential_source source;
    struct le_credential_failure failure;
    struct step steps[STEPS_MAX];
    size_t step_count, asked;
    int64_t expires_at_ms; /* 0: none have come */
    uv_timer_t timer;      /* ends what is under way */
    uint64_t held_ms;      /* how long that takes */
    void (*done)(void *owner, enum le_err err);
    void *done_owner;

    uv_loop_t loop;
    struct le_rng rng;
    struct le_refresh *refresh;
    int64_t wall_ms;
    bool inside; /* of a call that must not call back */
    unsigned changed, failed;
    enum le_err refuse;
    enum le_err errs[STEPS_MAX]; /* of the first failures, in order */
    bool have[STEPS_MAX];
    char words[STEPS_MAX][256];
    bool close_in_changed, close_in_failed;
};

static struct world world;

static enum le_err get(const struct le_credential_source *self, struct le_credentials *out,
                       int64_t *expires_at_ms)
{
    (void)self;
    if (world.expires_at_ms == 0)
        return LE_ERR_CREDENTIALS;
    *out = (struct le_credentials){LE_SPAN_LIT("AKID"), LE_SPAN_LIT("secret"), LE_SPAN_NONE};
    *expires_at_ms = world.expires_at_ms;
    return LE_OK;
}

static const struct step *step_at(size_t asked)
{
    return &world.steps[asked < world.step_count ? asked : world.step_count - 1];
}

static void on_source_timer(uv_timer_t *timer)
{
    const struct step *step = step_at(world.asked - 1);
    (void)timer;
    if (step->err == LE_OK)
        world.expires_at_ms =
            step->life_ms == LE_NEVER_EXPIRES ? LE_NEVER_EXPIRES : world.wall_ms + step->life_ms;
    else
        strcpy(world.failure.words, "the service is out");
    world.done(world.done_owner, step->err);
}

static enum le_err refresh(struct le_credential_source *self,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    assert_ptr_equal(self, &world.source);
    assert_false(uv_is_active((uv_handle_t *)&world.timer)); /* one at a time */
    world.failure.words[0] = '\0';
    const struct step *step = step_at(world.asked++);
    if (step->unbegun != LE_OK)
        return step->unbegun;
    world.done = done;
    world.done_owner = owner;
    assert_int_equal(uv_timer_start(&world.timer, on_source_timer, world.held_ms, 0), 0);
    return LE_OK;
}

static int64_t wall(void *self)
{
    (void)self;
    return world.wall_ms;
}

static void close_refresh(void)
{
    le_refresh_close(world.refresh);
    world.refresh = NULL;
    (void)uv_timer_stop(&world.timer); /* as a source's end does */
}

static enum le_err on_changed(void *owner, const struct le_credentials *credentials)
{
    assert_ptr_equal(owner, &world);
    assert_false(world.inside);
    assert_true(le_span_is(credentials->access_key_id, "AKID"));
    enum le_err err = world.refuse;
    world.refuse = LE_OK;
    world.changed += err == LE_OK;
    if (world.close_in_changed)
        close_refresh();
    return err;
}

static void on_failed(void *owner, enum le_err err, const struct le_credential_failure *failure,
                      bool have)
{
    assert_ptr_equal(owner, &world);
    assert_false(world.inside);
    if (world.failed < STEPS_MAX) {
        world.errs[world.failed] = err;
        world.have[world.failed] = have;
        memcpy(world.words[world.failed], failure->words, sizeof failure->words);
    }
    world.failed++;
    if (world.close_in_failed)
        close_refresh();
}

static void open_world_with(const struct step *steps, size_t count, int64_t pause_ms)
{
    world = (struct world){.wall_ms = START_MS, .step_count = count};
    memcpy(world.steps, steps, count * sizeof *steps);
    world.source = (struct le_credential_source){
        .name = "test", .get = get, .refresh = refresh, .failure = &world.failure};
    assert_int_equal(uv_loop_init(&world.loop), 0);
    assert_int_equal(uv_timer_init(&world.loop, &world.timer), 0);
    le_rng_seed(&world.rng, 1);
    const struct le_refresh_config config = {.loop = &world.loop,
                                             .source = &world.source,
                                             .rng = &world.rng,
                                             .wall_ms = wall,
                                             .changed = on_changed,
                                             .failed = on_failed,
                                             .forced_ms = 20,
                                             .pause_ms = pause_ms,
                                             .owner = &world};
    assert_int_equal(le_refresh_new(&config, &world.refresh), LE_OK);
}

static void open_world(const struct step *steps, size_t count)
{
    open_world_with(steps, count, 20);
}

static void start(void)
{
    world.inside = true;
    le_refresh_start(world.refresh);
    world.inside = false;
}

static void force(void)
{
    world.inside = true;
    assert_true(le_refresh_now(world.refresh));
    world.inside = false;
}

static void close_world(void)
{
    if (world.refresh != NULL)
        close_refresh();
    uv_close((uv_handle_t *)&world.timer, NULL);
    assert_int_equal(uv_run(&world.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world.loop), 0);
    assert_no_live_blocks();
}

/* One turn that does not wait: the next thing that is due may be an hour away. */
static void turn(void)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    (void)nanosleep(&millisecond, NULL);
}

/* Some more of either may come in the same turn of the loop. */
static void run_until(unsigned changed, unsigned failed)
{
    while (world.changed < changed || world.failed < failed)
        turn();
}

static void test_when(void **state)
{
    struct le_rng rng;
    (void)state;
    le_rng_seed(&rng, 7);
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t wait = le_refresh_wait_ms(HOUR_MS, &rng);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        /* An STS role lives 15 minutes at least: it must not be asked for again at once. */
        assert_in_range(le_refresh_wait_ms(LE_REFRESH_AHEAD_MS, &rng), 405000, 450000);
        assert_in_range(le_refresh_wait_ms(2 * LE_REFRESH_AHEAD_MS, &rng), 810000, 900000);
    }
    assert_in_range(least, 2430000, 2460000);
    assert_in_range(most, 2670000, 2700000);
    assert_int_equal(le_refresh_wait_ms(0, &rng), 1);
    assert_int_equal(le_refresh_wait_ms(1, &rng), 1);
    assert_int_equal(le_refresh_wait_ms(-HOUR_MS, &rng), 1);
}

static void test_credentials_that_never_expire(void **state)
{
    static const struct step steps[] = {{.life_ms = LE_NEVER_EXPIRES}};
    (void)state;
    open_world(steps, COUNT(steps));
    start();
    /* Nothing is left that the loop would wait for. */
    assert_int_equal(uv_run(&world.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(world.changed, 1);
    assert_int_equal(world.asked, 1);
    close_world();
}

static void test_a_source_without_refresh(void **state)
{
    static const struct step steps[] = {{.life_ms = LE_NEVER_EXPIRES}};
    (void)state;
    open_world(steps, COUNT(steps));
    world.source.refresh = NULL;
    world.source.failure = NULL;
    world.expires_at_ms = LE_NEVER_EXPIRES;
    world.refuse = LE_ERR_NOMEM;
    start();
    run_until(1, 1); /* there was no memory for them at first */
    assert_int_equal(world.errs[0], LE_ERR_NOMEM);
    assert_non_null(strstr(world.words[0], "out of memory"));
    assert_false(le_refresh_now(world.refresh));
    assert_int_equal(uv_run(&world.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(world.changed, 1);
    close_world();
}

/* The clock does not move by itself here: only what is due is asked for. */
static void test_before_they_expire(void **state)
{
    static const struct step steps[] = {{.life_ms = 60}, {.life_ms = 60}, {.life_ms = HOUR_MS}};
    (void)state;
    open_world(steps, COUNT(steps));
    start();
    run_until(1, 0);
    world.wall_ms += 59;
    run_until(2, 0);
    world.wall_ms += 59;
    run_until(3, 0);
    for (int i = 0; i < 20; i++)
        turn();
    assert_int_equal(world.asked, 3);
    close_world();
}

/* However soon they expire: here nothing would be due for a minute. Who is forced need not wait. */
static void test_there_is_a_pause_in_between(void **state)
{
    static const struct step steps[] = {{.life_ms = 1}};
    (void)state;
    open_world_with(steps, COUNT(steps), LE_REFRESH_INTERVAL_MAX);
    start();
    run_until(1, 0);
    for (int i = 0; i < 20; i++) {
        world.wall_ms++;
        turn();
    }
    assert_int_equal(world.asked, 1);
    force();
    run_until(2, 0);
    close_world();
}

static void test_a_failure_is_tried_again(void **state)
{
    static const struct step steps[] = {
        {.err = LE_ERR_CONNECT}, {.unbegun = LE_ERR_NOMEM}, {.life_ms = HOUR_MS}};
    (void)state;
    open_world(steps, COUNT(steps));
    start();
    run_until(1, 2);
    assert_int_equal(world.errs[0], LE_ERR_CONNECT);
    assert_string_equal(world.words[0], "the service is out");
    assert_int_equal(world.errs[1], LE_ERR_NOMEM);
    assert_false(world.have[0] || world.have[1]);
    assert_int_equal(world.failed, 2);
    assert_int_equal(world.asked, 3);
    close_world();
}

static void test_the_old_ones_stay_until_they_expire(void **state)
{
    static const struct step steps[] = {{.life_ms = 60}, {.err = LE_ERR_SERVICE}};
    (void)state;
    open_world(steps, COUNT(steps));
    start();
    run_until(1, 0);
    world.wall_ms += 59;
    run_until(1, 1);
    assert_true(world.have[0]);
    world.wall_ms += 1;
    unsigned failed = world.failed;
    run_until(1, failed + 1);
    assert_true(failed < STEPS_MAX);
    assert_false(world.have[failed]);
    assert_int_equal(world.changed, 1);
    close_world();
}

static void test_what_the_owner_cannot_take_comes_again(void **state)
{
    static const struct step steps[] = {{.life_ms = HOUR_MS}};
    (void)state;
    open_world(steps, COUNT(steps));
    world.refuse = LE_ERR_NOMEM;
    start();
    run_until(1, 1);
    assert_int_equal(world.errs[0], LE_ERR_NOMEM);
    assert_int_equal(world.failed, 1);
    assert_int_equal(world.asked, 2);
    close_world();
}

static void test_forced(void **state)
{
    static const struct step steps[] = {{.life_ms = HOUR_MS}};
    (void)state;
    open_world(steps, COUNT(steps));
    start();
    force(); /* the first one is due: it is that */
    run_until(1, 0);
    force();
    force();
    run_until(2, 0);
    for (int i = 0; i < 20; i++)
        turn();
    assert_int_equal(world.asked, 2);
    force();
    world.held_ms = HOUR_MS;
    while (world.asked < 3)
        turn();
    force(); /* under way */
    assert_int_equal(uv_timer_start(&world.timer, on_source_timer, 0, 0), 0);
    run_until(3, 0);
    for (int i = 0; i < 20; i++)
        turn();
    assert_int_equal(world.asked, 3);
    close_world();
}

/* Be it that a clock is wrong: they are used, and better ones are asked for. */
static void test_credentials_that_come_expired(void **state)
{
    static const struct step steps[] = {{.life_ms = -HOUR_MS}, {.life_ms = HOUR_MS}};
    (void)state;
    open_world(steps, COUNT(steps));
    start();
    run_until(2, 0);
    assert_int_equal(world.asked, 2);
    close_world();
}

static void test_the_end_comes_at_any_time(void **state)
{
    static const struct step good[] = {{.life_ms = HOUR_MS}};
    static const struct step bad[] = {{.err = LE_ERR_SERVICE}};
    (void)state;
    open_world(good, 1);
    close_world();
    open_world(good, 1);
    start();
    close_world();
    open_world(good, 1);
    start();
    world.held_ms = HOUR_MS;
    while (world.asked == 0)
        turn();
    close_world();
    assert_int_equal(world.changed, 0);
    open_world(good, 1);
    world.close_in_changed = true;
    start();
    run_until(1, 0);
    close_world();
    open_world(bad, 1);
    world.close_in_failed = true;
    start();
    run_until(0, 1);
    close_world();
}

static void test_no_memory(void **state)
{
    static const struct step steps[] = {{.life_ms = HOUR_MS}};
    struct le_refresh *refused = NULL;
    (void)state;
    open_world(steps, 1);
    const struct le_refresh_config config = {.loop = &world.loop,
                                             .source = &world.source,
                                             .rng = &world.rng,
                                             .wall_ms = wall,
                                             .changed = on_changed,
                                             .failed = on_failed};
    le_mem_fail_at(1);
    assert_int_equal(le_refresh_new(&config, &refused), LE_ERR_NOMEM);
    le_mem_fail_at(0);
    assert_null(refused);
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_credentials_that_never_expire),
        cmocka_unit_test(test_a_source_without_refresh),
        cmocka_unit_test(test_before_they_expire),
        cmocka_unit_test(test_there_is_a_pause_in_between),
        cmocka_unit_test(test_a_failure_is_tried_again),
        cmocka_unit_test(test_the_old_ones_stay_until_they_expire),
        cmocka_unit_test(test_what_the_owner_cannot_take_comes_again),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_credentials_that_come_expired),
        cmocka_unit_test(test_the_end_comes_at_any_time),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
