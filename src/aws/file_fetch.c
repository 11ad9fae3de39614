#include "loginetl/aws/fetch.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

struct le_file_fetch {
    uv_fs_t request; /* one step at a time: open, stat, read until the end, close */
    uv_file fd;
    bool cancelled;
    const char *words; /* NULL: nothing is wrong */
    size_t len;
    void (*done)(void *owner, enum le_err err, const char *words, struct le_span text);
    void *owner;
    char text[LE_SECRET_FILE_MAX + 1]; /* one more than may be, to see that there is more */
};

static const char *words_of(ssize_t code)
{
    switch (code) {
    case UV_ENOENT:
    case UV_ENOTDIR: return "does not exist";
    case UV_EACCES:
    case UV_EPERM: return "may not be read";
    default: return "cannot be read";
    }
}

static void finish(struct le_file_fetch *file)
{
    const struct le_span text = {file->text, file->len};
    if (!file->cancelled && file->words == NULL)
        file->done(file->owner, LE_OK, NULL, text);
    else if (!file->cancelled)
        file->done(file->owner, LE_ERR_CONFIG, file->words, LE_SPAN_NONE);
    le_free_secret(file, sizeof *file);
}

/* What a step came to; the request is ready for the next one. */
static ssize_t take_result(struct le_file_fetch *file)
{
    ssize_t result = file->request.result;
    uv_fs_req_cleanup(&file->request);
    if (result < 0 && file->words == NULL)
        file->words = words_of(result);
    return result;
}

static void on_closed(uv_fs_t *request)
{
    struct le_file_fetch *file = request->data;
    uv_fs_req_cleanup(request); /* the file was only read: nothing can have been lost */
    finish(file);
}

static void close_file(struct le_file_fetch *file)
{
    int rc = uv_fs_close(file->request.loop, &file->request, file->fd, on_closed);
    assert(rc == 0); /* a step that has a callback is only queued */
    (void)rc;
}

static void on_read(uv_fs_t *request);

static void read_more(struct le_file_fetch *file)
{
    const uv_buf_t into =
        uv_buf_init(file->text + file->len, (unsigned)(sizeof file->text - file->len));
    int rc = uv_fs_read(file->request.loop, &file->request, file->fd, &into, 1, -1, on_read);
    if (rc == 0)
        return;
    file->words = words_of(rc);
    close_file(file);
}

static void on_read(uv_fs_t *request)
{
    struct le_file_fetch *file = request->data;
    ssize_t got = take_result(file);
    if (got > 0)
        file->len += (size_t)got;
    if (file->len > LE_SECRET_FILE_MAX)
        file->words = "is larger than any token";
    if (got > 0 && file->words == NULL && !file->cancelled)
        read_more(file);
    else
        close_file(file);
}

static void on_stat(uv_fs_t *request)
{
    struct le_file_fetch *file = request->data;
    bool regular = request->result == 0 && S_ISREG(request->statbuf.st_mode);
    if (take_result(file) == 0 && !regular)
        file->words = "is not a regular file";
    if (file->words == NULL && !file->cancelled)
        read_more(file);
    else
        close_file(file);
}

static void on_open(uv_fs_t *request)
{
    struct le_file_fetch *file = request->data;
    ssize_t fd = take_result(file);
    if (fd < 0) {
        finish(file);
        return;
    }
    file->fd = (uv_file)fd;
    int rc = uv_fs_fstat(request->loop, request, file->fd, on_stat);
    assert(rc == 0); /* as with close */
    (void)rc;
}

enum le_err le_file_fetch(uv_loop_t *loop, const char *path,
                          void (*done)(void *owner, enum le_err err, const char *words,
                                       struct le_span text),
                          void *owner, struct le_file_fetch **out)
{
    assert(path != NULL && done != NULL);
    *out = NULL;
    struct le_file_fetch *file = le_calloc(1, sizeof *file);
    if (file == NULL)
        return LE_ERR_NOMEM;
    file->done = done;
    file->owner = owner;
    file->request.data = file;
    /* A named pipe would else wait for whoever writes into it. */
    int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    if (uv_fs_open(loop, &file->request, path, flags, 0, on_open) != 0) {
        le_free(file); /* libuv copies the path, and had no memory for it */
        return LE_ERR_NOMEM;
    }
    *out = file;
    return LE_OK;
}

void le_file_fetch_cancel(struct le_file_fetch *file)
{
    assert(!file->cancelled);
    file->cancelled = true;
}
