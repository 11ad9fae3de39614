/* Small files, read whole before the loop starts. */
#ifndef LE_APP_FILES_H
#define LE_APP_FILES_H

#include "loginetl/base/buf.h"

/* Appends the file's content. LE_ERR_TOO_LARGE (out's maximum), LE_ERR_NOMEM, or LE_ERR_SYSTEM with
 * *reason set to a fixed text. */
LE_MUST enum le_err le_file_read(const char *path, struct le_buf *out, const char **reason);

#endif
