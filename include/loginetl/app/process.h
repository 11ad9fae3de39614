/* What the process around the program must be like: its standard files, its limit of open files,
 * who may look into it. */
#ifndef LE_APP_PROCESS_H
#define LE_APP_PROCESS_H

#include "loginetl/app/settings.h"

/* libuv's own threads, made when the first file is read in them: send's, which may be a pipe that
 * keeps one waiting. */
#define LE_PROCESS_POOL_THREADS 1
/* Those, and one each for the looking up of the queue's host and the database's, and for the file
 * that credentials are got with. */
#define LE_PROCESS_THREADS (LE_PROCESS_POOL_THREADS + 3)

/* Before anything is opened. A parent may have closed stdin, stdout or stderr: then the next socket
 * would get the number, and log lines would go into it. Such a file becomes /dev/null. Ends the
 * program when even that cannot be opened. */
void le_process_standard_files(void);
/* Before any secret is read: no core dump holds what is in memory, and no other process of the same
 * user can look into it (the files of /proc/PID that show it become root's; the process itself
 * reads its own as before). Builds with sanitizers leave that out, since they look into it
 * themselves. */
void le_process_hide_memory(void);
/* How many threads libuv makes. Before it makes one. */
void le_process_limit_threads(void);
/* Signals that would end the program for a write that fails: the write tells it too. */
void le_process_ignore_signals(void);
/* Raises the limit of open files to what the settings need. LE_ERR_SYSTEM, after a complaint that
 * names the setting, when it may not be raised so far: better at the start than as a connection
 * that fails under load. */
LE_MUST enum le_err le_process_allow_files(const struct le_settings *settings);
/* A look-up without a thread fails as if memory were short, and libuv ends the program without a
 * word when its own cannot be made. LE_ERR_SYSTEM, after a complaint, when there is no room for
 * them. */
LE_MUST enum le_err le_process_allow_threads(void);

#endif
