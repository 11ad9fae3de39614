/* The logins that budget_core counts, each a function of its number, the same on every machine. */
#ifndef BENCH_BUDGET_LOGIN_H
#define BENCH_BUDGET_LOGIN_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"

#include <stdint.h>

/* Appends login n as a message of an answer to ReceiveMessage: an object of the JSON protocol, with
 * a body of about 170 bytes and its MD5. The errors of the buffer, and of hashing. */
LE_MUST enum le_err budget_put_message(struct le_buf *json, uint64_t n, int64_t sent_at_ms);

#endif
