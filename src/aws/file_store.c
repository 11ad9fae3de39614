#include "loginetl/aws/fetch.h"
#include "loginetl/base/mem.h"
#include "loginetl/net/errand.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM ".XXXXXX"
#define SUFFIX ".tmp" /* the SDKs look at names that end in .json only */

/* Told by whoever comes first: a text that nobody waits for any more must not take the place of a
 * later one. */
enum stage { WRITING, PLACING, GIVEN_UP };

struct le_file_store {
    uv_timer_t timer;
    struct le_errand *errand;
    bool cancelled;
    void (*done)(void *owner, const char *words);
    void *owner;
};

struct writing {
    struct le_file_store *store; /* the loop's */
    atomic_int stage;
    int code; /* 0, or the errno of the step that failed */
    const char *path;
    char *temporary;
    struct le_span text;
    char bytes[]; /* what these three point into */
};

/* ---- in the thread ---- */

static bool become(struct writing *writing, enum stage stage)
{
    int from = WRITING;
    return atomic_compare_exchange_strong(&writing->stage, &from, (int)stage);
}

static int write_all(int fd, struct le_span text)
{
    while (text.len > 0) {
        ssize_t wrote = write(fd, text.ptr, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? errno : EIO;
        text = (struct le_span){text.ptr + wrote, text.len - (size_t)wrote};
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* It stays its owner's: root in a container would else take it from the user whose home it is. One
 * that has been removed stays so. */
static int keep_owner(int fd, const char *path)
{
    struct stat old;
    if (stat(path, &old) != 0)
        return errno;
    return old.st_uid == geteuid() || fchown(fd, old.st_uid, old.st_gid) == 0 ? 0 : errno;
}

/* Readable by its owner only, from its first byte on: mkostemps makes it so. */
static int write_temporary(struct writing *writing)
{
    int fd = mkostemps(writing->temporary, (int)strlen(SUFFIX), O_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = keep_owner(fd, writing->path);
    if (code == 0)
        code = write_all(fd, writing->text);
    if (close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0 && !become(writing, PLACING))
        code = ECANCELED;
    if (code == 0 && rename(writing->temporary, writing->path) != 0)
        code = errno;
    if (code != 0)
        (void)unlink(writing->temporary); /* what failed before is what is told */
    return code;
}

static void write_file(void *task)
{
    struct writing *writing = task;
    writing->code = write_temporary(writing);
}

/* ---- in the loop ---- */

static const char *words_of(int code)
{
    switch (code) {
    case 0: return NULL;
    case EACCES:
    case EPERM:
    case EROFS: return "may not be written";
    case ENOSPC:
    case EDQUOT: return "has no room on its disk";
    default: return "cannot be written";
    }
}

static void on_closed(uv_handle_t *handle)
{
    le_free(handle->data);
}

static void finish(struct le_file_store *store, const char *words)
{
    uv_close((uv_handle_t *)&store->timer, on_closed);
    if (!store->cancelled)
        store->done(store->owner, words);
}

static void on_written(void *task)
{
    const struct writing *writing = task;
    finish(writing->store, words_of(writing->code));
}

static void on_timeout(uv_timer_t *timer)
{
    struct le_file_store *store = timer->data;
    /* If it is about to take the file's name, that is all right too. */
    (void)become(le_errand_task(store->errand), GIVEN_UP);
    le_errand_cancel(store->errand);
    finish(store, "is not written in time: its file system does not answer");
}

static enum le_err start(struct le_file_store *store, uv_loop_t *loop, const char *path,
                         struct le_span text)
{
    static const struct le_errand_kind kind = {write_file, on_written, NULL};
    const size_t path_size = strlen(path) + 1, temporary_size = path_size + strlen(RANDOM SUFFIX);
    const size_t size = sizeof(struct writing) + path_size + temporary_size + text.len;
    enum le_err err = le_errand_new(loop, &kind, size, &store->errand);
    if (err != LE_OK)
        return err;
    struct writing *writing = le_errand_task(store->errand);
    writing->store = store;
    writing->path = memcpy(writing->bytes, path, path_size);
    writing->temporary = writing->bytes + path_size;
    (void)snprintf(writing->temporary, temporary_size, "%s" RANDOM SUFFIX, path);
    writing->text.ptr = memcpy(writing->temporary + temporary_size, text.ptr, text.len);
    writing->text.len = text.len;
    return le_errand_run(store->errand);
}

enum le_err le_file_store(uv_loop_t *loop, const char *path, struct le_span text,
                          int64_t timeout_ms, void (*done)(void *owner, const char *words),
                          void *owner, struct le_file_store **out)
{
    assert(path != NULL && text.len > 0 && text.len <= LE_SECRET_FILE_MAX && done != NULL);
    *out = NULL;
    struct le_file_store *store = le_calloc(1, sizeof *store);
    if (store == NULL)
        return LE_ERR_NOMEM;
    store->done = done;
    store->owner = owner;
    enum le_err err = start(store, loop, path, text);
    if (err != LE_OK) {
        le_free(store);
        return err;
    }
    int rc = uv_timer_init(loop, &store->timer);
    assert(rc == 0); /* it cannot: nothing is asked of the system */
    store->timer.data = store;
    rc = uv_timer_start(&store->timer, on_timeout, (uint64_t)timeout_ms, 0);
    assert(rc == 0); /* only a timer that is being closed refuses */
    (void)rc;
    *out = store;
    return LE_OK;
}

void le_file_store_cancel(struct le_file_store *store)
{
    assert(!store->cancelled);
    store->cancelled = true;
}
