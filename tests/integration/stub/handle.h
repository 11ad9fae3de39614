/* Receipt handles: 184 to 376 characters as AWS's are, holding where the message is, so that
 * finding it again is an index and not a search, and checked to the last character. */
#ifndef STUB_HANDLE_H
#define STUB_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HANDLE_MAX = 376 };

struct handle {
    unsigned queue; /* below 65,536 */
    uint32_t slot;
    uint32_t receive; /* which receive of the message */
    uint64_t serial;  /* below 2^48 */
};

size_t handle_write(struct handle handle, char out[HANDLE_MAX]); /* returns the length */
bool handle_read(const char *text, size_t length,
                 struct handle *handle); /* false if this stub never made it */

#endif
