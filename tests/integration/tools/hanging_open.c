/* For LD_PRELOAD: the file that HANGING_FILE names is not opened while there is one beside it with
 * .hangs behind its name, as on a network's file system whose server is away. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for(const char *path)
{
    const char *file = getenv("HANGING_FILE");
    char sign[4096];
    if (file == NULL || strcmp(path, file) != 0)
        return;
    (void)snprintf(sign, sizeof sign, "%s.hangs", file);
    while (access(sign, F_OK) == 0)
        usleep(10000);
}

int open(const char *path, int flags, ...)
{
    wait_for(path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

/* So libraries call it whose files may be large. */
int open64(const char *path, int flags, ...)
{
    return open(path, flags, 0600);
}
