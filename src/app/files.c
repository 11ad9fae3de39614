#include "loginetl/app/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *reason_of(int code)
{
    switch (code) {
    case ENOENT: return "does not exist";
    case EACCES:
    case EPERM: return "may not be read";
    case EISDIR: return "is a directory";
    default: return "cannot be read";
    }
}

static enum le_err read_all(int fd, struct le_buf *out, const char **reason)
{
    for (;;) {
        char chunk[4096];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *reason = reason_of(errno);
            return LE_ERR_SYSTEM;
        }
        if (got == 0)
            return LE_OK;
        /* The buffer's maximum ends the loop for a file without end. */
        enum le_err err = le_buf_append(out, chunk, (size_t)got);
        explicit_bzero(chunk, (size_t)got);
        if (err != LE_OK)
            return err;
    }
}

enum le_err le_file_read(const char *path, struct le_buf *out, const char **reason)
{
    assert(path != NULL && out != NULL && reason != NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *reason = reason_of(errno);
        return LE_ERR_SYSTEM;
    }
    enum le_err err = read_all(fd, out, reason);
    close(fd);
    return err;
}
