#include "loginetl/aws/fetch.h"
#include "loginetl/base/mem.h"
#include "loginetl/net/errand.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct le_file_fetch {
    uv_timer_t timer;
    int64_t timeout_ms;
    struct le_errand *errand; /* NULL: nothing is being read */
    le_file_fetched_fn *done; /* NULL: nobody waits for it */
    void *owner;
    char path[];
};

struct reading {
    struct le_file_fetch *file; /* the loop's */
    const char *words;          /* NULL: nothing is wrong */
    size_t len;
    char text[LE_SECRET_FILE_MAX + 1]; /* one more than may be, to see that there is more */
    char path[];
};

/* ---- in the thread ---- */

static const char *words_of(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR: return "does not exist";
    case EACCES:
    case EPERM: return "may not be read";
    default: return "cannot be read";
    }
}

static const char *read_all(struct reading *reading, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return words_of(errno);
    if (!S_ISREG(status.st_mode))
        return "is not a regular file";
    while (reading->len < sizeof reading->text) {
        ssize_t got = read(fd, reading->text + reading->len, sizeof reading->text - reading->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return words_of(errno);
        if (got == 0)
            return NULL;
        reading->len += (size_t)got;
    }
    return "is larger than any token";
}

static void read_file(void *task)
{
    struct reading *reading = task;
    /* A named pipe would else wait for whoever writes into it. */
    int fd = open(reading->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    reading->words = fd < 0 ? words_of(errno) : read_all(reading, fd);
    if (fd >= 0)
        (void)close(fd); /* it was only read: nothing can have been lost */
}

/* ---- in the loop ---- */

static void tell(struct le_file_fetch *file, enum le_err err, const char *words,
                 struct le_span text)
{
    le_file_fetched_fn *done = file->done;
    (void)uv_timer_stop(&file->timer); /* cannot fail */
    file->done = NULL;
    done(file->owner, err, words, text);
}

static void on_read(void *task)
{
    const struct reading *reading = task;
    struct le_file_fetch *file = reading->file;
    file->errand = NULL;
    if (file->done == NULL)
        return; /* it came too late */
    if (reading->words == NULL)
        tell(file, LE_OK, NULL, (struct le_span){reading->text, reading->len});
    else
        tell(file, LE_ERR_CONFIG, reading->words, LE_SPAN_NONE);
}

static void on_timeout(uv_timer_t *timer)
{
    tell(timer->data, LE_ERR_TIMEOUT, "is not read in time: its file system does not answer",
         LE_SPAN_NONE);
}

static enum le_err start(struct le_file_fetch *file)
{
    static const struct le_errand_kind kind = {read_file, on_read, NULL};
    size_t path_size = strlen(file->path) + 1;
    struct le_errand *errand;
    enum le_err err =
        le_errand_new(file->timer.loop, &kind, sizeof(struct reading) + path_size, &errand);
    if (err != LE_OK)
        return err;
    struct reading *reading = le_errand_task(errand);
    reading->file = file;
    memcpy(reading->path, file->path, path_size);
    err = le_errand_run(errand);
    if (err == LE_OK)
        file->errand = errand;
    return err;
}

enum le_err le_file_fetch_read(struct le_file_fetch *file, le_file_fetched_fn *done, void *owner)
{
    assert(done != NULL && file->done == NULL);
    enum le_err err = file->errand != NULL ? LE_OK : start(file);
    if (err != LE_OK)
        return err;
    file->done = done;
    file->owner = owner;
    int rc = uv_timer_start(&file->timer, on_timeout, (uint64_t)file->timeout_ms, 0);
    assert(rc == 0); /* only a timer that is being closed refuses */
    (void)rc;
    return LE_OK;
}

/* ---- beginning and end ---- */

enum le_err le_file_fetch_new(uv_loop_t *loop, struct le_span path, int64_t timeout_ms,
                              struct le_file_fetch **out)
{
    assert(path.ptr != NULL && timeout_ms > 0);
    *out = NULL;
    struct le_file_fetch *file = le_calloc(1, sizeof *file + path.len + 1);
    if (file == NULL)
        return LE_ERR_NOMEM;
    int rc = uv_timer_init(loop, &file->timer);
    assert(rc == 0); /* it cannot: nothing is asked of the system */
    (void)rc;
    file->timer.data = file;
    file->timeout_ms = timeout_ms;
    memcpy(file->path, path.ptr, path.len);
    *out = file;
    return LE_OK;
}

static void on_closed(uv_handle_t *handle)
{
    le_free(handle->data);
}

void le_file_fetch_close(struct le_file_fetch *file)
{
    if (file == NULL)
        return;
    if (file->errand != NULL)
        le_errand_cancel(file->errand);
    uv_close((uv_handle_t *)&file->timer, on_closed);
}
