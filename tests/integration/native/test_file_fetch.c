/* A file with a secret in it, read and written on a file system that may hang. This program has an
 * open and an fsync of its own: files whose names end in "hangs" are not opened as long as the test
 * says so, and none gets onto the disk. */
#include "loginetl/aws/fetch.h"

#include "live_blocks.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define SOON_MS     20

static atomic_bool silent;
static atomic_uint opened; /* how often one of those was asked for */

static bool hangs(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, "hangs") == 0;
}

int open(const char *path, int flags, ...)
{
    if (hangs(path)) {
        atomic_fetch_add(&opened, 1);
        while (atomic_load(&silent))
            usleep(1000);
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

int fsync(int fd)
{
    while (atomic_load(&silent))
        usleep(1000);
    return (int)syscall(SYS_fsync, fd);
}

struct world {
    uv_loop_t loop;
    char folder[32], path[64];
    struct le_file_fetch *file;
    unsigned done;
    enum le_err err;
    const char *words;
    char text[LE_SECRET_FILE_MAX + 1];
    bool close_in_done;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(uv_loop_init(&world->loop), 0);
    strcpy(world->folder, "/tmp/loginetl-file-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/hangs", world->folder);
    atomic_store(&silent, false);
    atomic_store(&opened, 0);
    *state = world;
    return 0;
}

static void close_file(struct world *world)
{
    le_file_fetch_close(world->file);
    world->file = NULL;
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0); /* it ends, whatever hangs */
}

static int teardown(void **state)
{
    struct world *world = *state;
    close_file(world);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    atomic_store(&silent, false);
    assert_no_live_blocks();
    (void)unlink(world->path); /* some have none */
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
    return 0;
}

static void write_file(const struct world *world, const char *text)
{
    FILE *file = fopen(world->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make(struct world *world, int64_t timeout_ms)
{
    assert_int_equal(
        le_file_fetch_new(&world->loop, le_span_of(world->path), timeout_ms, &world->file), LE_OK);
}

static void on_done(void *owner, enum le_err err, const char *words, struct le_span text)
{
    struct world *world = owner;
    assert_int_equal(words == NULL, err == LE_OK);
    world->done++;
    world->err = err;
    world->words = words;
    assert_true(text.len < sizeof world->text);
    if (text.len > 0)
        memcpy(world->text, text.ptr, text.len);
    world->text[text.len] = '\0';
    uv_stop(&world->loop);
    if (world->close_in_done)
        le_file_fetch_close(world->file);
    if (world->close_in_done)
        world->file = NULL;
}

static void begin(struct world *world)
{
    world->done = 0;
    assert_int_equal(le_file_fetch_read(world->file, on_done, world), LE_OK);
    assert_int_equal(world->done, 0);
}

/* Until on_done stops it. One turn after another would not do: a time that is over when a turn
 * begins is told, and then the turn waits for what hangs. */
static void read_once(struct world *world)
{
    begin(world);
    (void)uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->done, 1);
}

static void read_text(struct world *world, const char *text)
{
    read_once(world);
    assert_int_equal(world->err, LE_OK);
    assert_string_equal(world->text, text);
}

static void read_badly(struct world *world, enum le_err err, const char *words)
{
    read_once(world);
    assert_int_equal(world->err, err);
    assert_string_equal(world->words, words);
}

static void test_what_it_holds(void **state)
{
    static char text[LE_SECRET_FILE_MAX + 2];
    struct world *world = *state;
    make(world, PATIENCE_MS);
    read_badly(world, LE_ERR_CONFIG, "does not exist");
    write_file(world, "");
    read_text(world, "");
    write_file(world, "a token\n");
    read_text(world, "a token\n");
    memset(text, 't', LE_SECRET_FILE_MAX);
    write_file(world, text);
    read_text(world, text);
    text[LE_SECRET_FILE_MAX] = 't';
    write_file(world, text);
    read_badly(world, LE_ERR_CONFIG, "is larger than any token");
}

static void test_what_is_no_file(void **state)
{
    struct world *world = *state;
    make(world, PATIENCE_MS);
    assert_int_equal(mkfifo(world->path, 0600), 0); /* nobody ever writes into it */
    read_badly(world, LE_ERR_CONFIG, "is not a regular file");
    assert_int_equal(unlink(world->path), 0);
    assert_int_equal(mkdir(world->path, 0700), 0);
    read_badly(world, LE_ERR_CONFIG, "is not a regular file");
    assert_int_equal(rmdir(world->path), 0);
}

/* However often it is tried: one thread waits. When the file is there again, it is read. */
static void test_a_file_system_that_hangs(void **state)
{
    struct world *world = *state;
    write_file(world, "first");
    make(world, SOON_MS);
    atomic_store(&silent, true);
    for (unsigned i = 0; i < 3; i++)
        read_badly(world, LE_ERR_TIMEOUT, "is not read in time: its file system does not answer");
    while (atomic_load(&opened) == 0)
        usleep(1000); /* the thread has not had its turn yet */
    assert_int_equal(atomic_load(&opened), 1);
    atomic_store(&silent, false);
    do
        read_once(world);
    while (world->err == LE_ERR_TIMEOUT); /* this machine may be slow */
    assert_int_equal(world->err, LE_OK);
    assert_string_equal(world->text, "first");
}

/* It came too late for the one who waited, and is not kept for the next. */
static void test_what_comes_too_late_is_dropped(void **state)
{
    struct world *world = *state;
    write_file(world, "first");
    make(world, SOON_MS);
    atomic_store(&silent, true);
    read_badly(world, LE_ERR_TIMEOUT, "is not read in time: its file system does not answer");
    atomic_store(&silent, false);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0); /* until it has come */
    assert_int_equal(world->done, 1);
    write_file(world, "second");
    do
        read_once(world);
    while (world->err == LE_ERR_TIMEOUT);
    assert_string_equal(world->text, "second");
}

static void test_the_end_does_not_wait(void **state)
{
    struct world *world = *state;
    write_file(world, "first");
    atomic_store(&silent, true);
    make(world, PATIENCE_MS);
    begin(world);
    close_file(world);
    make(world, SOON_MS);
    read_badly(world, LE_ERR_TIMEOUT, "is not read in time: its file system does not answer");
    close_file(world);
    make(world, SOON_MS);
    world->close_in_done = true;
    read_once(world);
    assert_null(world->file);
    atomic_store(&silent, false);
    make(world, PATIENCE_MS);
    read_text(world, "first");
}

/* ---- writing ---- */

static void on_stored(void *owner, const char *words)
{
    struct world *world = owner;
    world->done++;
    world->words = words;
}

static struct le_file_store *begin_to_write(struct world *world, int64_t timeout_ms)
{
    struct le_file_store *store;
    write_file(world, "old");
    assert_int_equal(le_file_store(&world->loop, world->path, LE_SPAN_LIT("new"), timeout_ms,
                                   on_stored, world, &store),
                     LE_OK);
    assert_int_equal(world->done, 0);
    return store;
}

static void check_file(const struct world *world, const char *text)
{
    char found[16] = "";
    FILE *file = fopen(world->path, "r");
    assert_non_null(file);
    assert_non_null(fgets(found, sizeof found, file));
    assert_int_equal(fclose(file), 0);
    assert_string_equal(found, text);
}

/* Nothing is left of what came too late, and it does not take the place of what came after it. */
static void test_a_write_that_hangs(void **state)
{
    struct world *world = *state;
    atomic_store(&silent, true);
    (void)begin_to_write(world, SOON_MS); /* gone by itself */
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(world->done, 1);
    assert_string_equal(world->words, "is not written in time: its file system does not answer");
    atomic_store(&silent, false);
    assert_no_live_blocks(); /* the thread has ended */
    check_file(world, "old");
}

static void test_the_end_waits_for_a_write_but_not_for_ever(void **state)
{
    struct world *world = *state;
    le_file_store_cancel(begin_to_write(world, PATIENCE_MS));
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    check_file(world, "new");
    atomic_store(&silent, true);
    le_file_store_cancel(begin_to_write(world, SOON_MS));
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(world->done, 0);
    atomic_store(&silent, false);
    assert_no_live_blocks();
    check_file(world, "old");
}

static void test_every_allocation_may_fail(void **state)
{
    struct world *world = *state;
    write_file(world, "first");
    le_mem_fail_at(1);
    assert_int_equal(
        le_file_fetch_new(&world->loop, le_span_of(world->path), PATIENCE_MS, &world->file),
        LE_ERR_NOMEM);
    assert_null(world->file);
    make(world, PATIENCE_MS);
    for (unsigned long nth = 1; nth <= 2; nth++) {
        le_mem_fail_at(nth);
        assert_int_equal(le_file_fetch_read(world->file, on_done, world), LE_ERR_NOMEM);
    }
    le_mem_fail_at(0);
    read_text(world, "first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_system_that_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_comes_too_late_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_write_that_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_waits_for_a_write_but_not_for_ever, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
