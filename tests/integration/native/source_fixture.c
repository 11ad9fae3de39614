#include "source_fixture.h"

#include "loginetl/base/mem.h"
#include "loginetl/sqs/sigv4.h"

#include "../../../src/net/internal.h"
#include "live_blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t wall_ms(void *self)
{
    return ((struct source_fixture *)self)->wall_ms;
}

int source_setup(void **state)
{
    /* Nothing of this may go through a proxy: one that is not there would be noticed. */
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    struct source_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    const struct le_net_config config = {.ca_file = NULL};
    fixture->net = le_net_new(&fixture->loop, &config);
    assert_non_null(fixture->net);
    fixture->wall_ms = SOURCE_START_MS;
    fixture->world = (struct le_source_world){&fixture->loop, fixture->net, wall_ms, fixture};
    fixture->script = script_start();
    snprintf(fixture->origin, sizeof fixture->origin, "http://127.0.0.1:%d",
             script_port(fixture->script));
    *state = fixture;
    return 0;
}

int source_teardown(void **state)
{
    struct source_fixture *fixture = *state;
    le_net_close(fixture->net);
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    script_stop(fixture->script);
    free(fixture);
    assert_no_live_blocks();
    return 0;
}

void source_script(struct source_fixture *fixture, const struct script_answer *answers,
                   size_t count)
{
    script_set(fixture->script, answers, count);
}

void source_write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void on_done(void *owner, enum le_err err)
{
    struct source_fixture *fixture = owner;
    assert_false(fixture->inside);
    fixture->done++;
    fixture->err = err;
}

enum le_err source_begin(struct source_fixture *fixture)
{
    fixture->done = 0;
    memset(fixture->net->read_buffer, 'x', LE_NET_READ_SIZE);
    fixture->inside = true;
    enum le_err err = fixture->source->refresh(fixture->source, on_done, fixture);
    fixture->inside = false;
    return err;
}

enum le_err source_refresh(struct source_fixture *fixture)
{
    enum le_err err = source_begin(fixture);
    if (err != LE_OK)
        return err;
    while (fixture->done == 0)
        assert_true(uv_run(&fixture->loop, UV_RUN_ONCE) != 0 || fixture->done > 0);
    /* Nothing more comes of it, and its connections do not keep the loop. */
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(fixture->done, 1);
    return fixture->err;
}

void source_close(struct source_fixture *fixture)
{
    unsigned done = fixture->done;
    if (fixture->source != NULL)
        fixture->source->destroy(fixture->source);
    fixture->source = NULL;
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(fixture->done, done);
}

/* All connections read into it, the ones to the queue too: it is never free. */
static void check_wiped(const struct source_fixture *fixture)
{
    const char *bytes = fixture->net->read_buffer;
    assert_int_equal(bytes[0], 0);
    assert_null(memmem(bytes, LE_NET_READ_SIZE, "secret", 6));
    assert_null(memmem(bytes, LE_NET_READ_SIZE, "token", 5));
}

void source_check(const struct source_fixture *fixture)
{
    struct le_credentials got;
    int64_t expires;
    assert_int_equal(fixture->source->get(fixture->source, &got, &expires), LE_OK);
    assert_true(le_span_is(got.access_key_id, "AKID"));
    assert_true(le_span_is(got.secret_access_key, "secret"));
    assert_true(le_span_is(got.session_token, "token"));
    assert_true(expires == SOURCE_EXPIRES_MS);
    if (fixture->err == LE_OK && script_count(fixture->script) > 0)
        check_wiped(fixture);
}

void source_check_none(const struct source_fixture *fixture)
{
    struct le_credentials got;
    int64_t expires;
    assert_int_equal(fixture->source->get(fixture->source, &got, &expires), LE_ERR_CREDENTIALS);
}

void source_check_failure(const struct source_fixture *fixture, const char *setting,
                          const char *words)
{
    const struct le_credential_failure *failure = fixture->source->failure;
    if (strstr(failure->words, words) == NULL)
        fail_msg("not about \"%s\": %s", words, failure->words);
    if (setting == NULL)
        assert_null(failure->setting);
    else
        assert_string_equal(failure->setting, setting);
}

void source_check_expired(struct source_fixture *fixture, const char *setting, const char *who)
{
    char words[200];
    snprintf(words, sizeof words,
             "%s gives credentials that expired at 2015-08-30T12:36:00.000Z: ", who);
    fixture->wall_ms = SOURCE_EXPIRES_MS + LE_SIGV4_SKEW_MS;
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    fixture->wall_ms++;
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, setting, words);
    source_check_failure(fixture, setting, "set this machine's clock right"); /* nothing was cut */
    source_check(fixture);
    fixture->wall_ms = SOURCE_START_MS;
}

enum le_err source_fail_at(struct source_fixture *fixture, unsigned long nth,
                           enum le_err (*make)(struct source_fixture *fixture),
                           unsigned long *failures)
{
    le_mem_fail_at(nth);
    enum le_err err = make(fixture);
    if (err == LE_OK)
        err = source_refresh(fixture);
    *failures = le_mem_failures();
    le_mem_fail_at(0);
    assert_true(err == LE_OK || le_err_class(err) == LE_CLASS_RETRY);
    if (err == LE_OK)
        source_check(fixture);
    else if (fixture->source != NULL)
        assert_true(fixture->source->failure->words[0] != '\0');
    return err;
}

void source_torture(struct source_fixture *fixture, const struct script_answer *answers,
                    size_t count, enum le_err (*make)(struct source_fixture *fixture))
{
    unsigned long failures = 1;
    unsigned failed = 0;
    for (unsigned long nth = 1; failures > 0; nth++) {
        assert_true(nth < 200);
        source_script(fixture, answers, count);
        failed += source_fail_at(fixture, nth, make, &failures) != LE_OK;
        source_close(fixture);
    }
    assert_true(failed > 5);
}
