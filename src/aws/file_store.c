#include "loginetl/aws/fetch.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".tmp" /* the SDKs look at names that end in .json only */

struct le_file_store {
    uv_work_t request;
    size_t size; /* of all of it */
    bool cancelled;
    int code; /* 0, or the errno of the step that failed */
    void (*done)(void *owner, const char *words);
    void *owner;
    const char *path;
    char *temporary;
    struct le_span text;
    char bytes[]; /* what these three point into */
};

/* ---- in a thread of the pool ---- */

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
static int write_temporary(struct le_file_store *store)
{
    int fd = mkostemps(store->temporary, (int)strlen(SUFFIX), O_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = keep_owner(fd, store->path);
    if (code == 0)
        code = write_all(fd, store->text);
    if (close(fd) != 0 && code == 0)
        code = errno;
    if (code == 0 && rename(store->temporary, store->path) != 0)
        code = errno;
    if (code != 0)
        (void)unlink(store->temporary); /* what failed before is what is told */
    return code;
}

static void work(uv_work_t *request)
{
    struct le_file_store *store = request->data;
    store->code = write_temporary(store);
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

static void on_worked(uv_work_t *request, int status)
{
    struct le_file_store *store = request->data;
    assert(status == 0); /* it is never taken back: le_file_store_cancel */
    (void)status;
    if (!store->cancelled)
        store->done(store->owner, words_of(store->code));
    le_free_secret(store, store->size);
}

static struct le_file_store *new_store(const char *path, struct le_span text)
{
    const size_t path_size = strlen(path) + 1;
    const size_t temporary_size = path_size + strlen(".XXXXXX" SUFFIX);
    const size_t size = sizeof(struct le_file_store) + path_size + temporary_size + text.len;
    struct le_file_store *store = le_calloc(1, size);
    if (store == NULL)
        return NULL;
    store->size = size;
    store->path = memcpy(store->bytes, path, path_size);
    store->temporary = store->bytes + path_size;
    (void)snprintf(store->temporary, temporary_size, "%s.XXXXXX" SUFFIX, path);
    store->text.ptr = memcpy(store->temporary + temporary_size, text.ptr, text.len);
    store->text.len = text.len;
    store->request.data = store;
    return store;
}

enum le_err le_file_store(uv_loop_t *loop, const char *path, struct le_span text,
                          void (*done)(void *owner, const char *words), void *owner,
                          struct le_file_store **out)
{
    assert(path != NULL && text.len > 0 && text.len <= LE_SECRET_FILE_MAX && done != NULL);
    struct le_file_store *store = *out = new_store(path, text);
    if (store == NULL)
        return LE_ERR_NOMEM;
    store->done = done;
    store->owner = owner;
    int rc = uv_queue_work(loop, &store->request, work, on_worked);
    assert(rc == 0); /* it is only queued */
    (void)rc;
    return LE_OK;
}

void le_file_store_cancel(struct le_file_store *store)
{
    assert(!store->cancelled);
    store->cancelled = true;
}
