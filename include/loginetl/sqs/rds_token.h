/* The password by which a database user of Amazon RDS or Aurora signs in with IAM: a presigned
 * request to the service rds-db, action connect, written without its scheme. AWS takes it for a
 * quarter of an hour, to open a connection with; the connection lasts longer. Pure: the time is a
 * parameter. */
#ifndef LE_SQS_RDS_TOKEN_H
#define LE_SQS_RDS_TOKEN_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/sqs/sigv4.h"

#include <stdint.h>

#define LE_RDS_TOKEN_MAX (16 * 1024) /* most of it a session token */

struct le_rds_login {
    struct le_span region; /* the database's */
    struct le_span host;   /* the endpoint's own name: the service knows no alias of it */
    struct le_span port;
    struct le_span user;
};

/* Appends it: as many bytes of a secret, which are the caller's to wipe. out takes memory for
 * LE_RDS_TOKEN_MAX bytes before, so that it leaves no copy behind as it grows. LE_ERR_TOO_LARGE,
 * LE_ERR_NOMEM, LE_ERR_CRYPTO: out is as before. */
LE_MUST enum le_err le_rds_token(const struct le_rds_login *login,
                                 const struct le_credentials *credentials, int64_t wall_ms,
                                 struct le_buf *out);

#endif
