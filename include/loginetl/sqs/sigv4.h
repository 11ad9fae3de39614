/* AWS Signature Version 4. Pure: the time is a parameter. */
#ifndef LE_SQS_SIGV4_H
#define LE_SQS_SIGV4_H

#include "loginetl/base/buf.h"
#include "loginetl/base/crypto.h"
#include "loginetl/base/error.h"
#include "loginetl/base/http.h"

#include <stdint.h>

struct le_credentials {
    struct le_span access_key_id;
    struct le_span secret_access_key;
    struct le_span session_token; /* absent for long-lived keys */
};

/* Keeps the day's signing key with its HMAC states: derived once for a secret, day, region and
 * service. */
struct le_signer;

LE_MUST struct le_signer *le_signer_new(struct le_span region,
                                        struct le_span service); /* copies; NULL: no memory */
void le_signer_free(struct le_signer *signer);                   /* wipes keys */
/* Copies what it needs; forgets the old key. LE_ERR_NOMEM. */
LE_MUST enum le_err le_signer_set_credentials(struct le_signer *signer,
                                              const struct le_credentials *credentials);

struct le_sigv4_request {
    struct le_span method;
    struct le_span path;  /* as sent, "/" at least; not normalised for S3-like services */
    struct le_span query; /* without '?', as sent */
    /* All of them are signed. Names in lower case, sorted, host and x-amz-date among them; values
     * as sent. */
    const struct le_http_header *headers;
    size_t header_count;
    const uint8_t *payload_sha256; /* LE_SHA256_LEN bytes */
};

/* Appends the value of the Authorization header. wall_ms must be the time that x-amz-date says. */
LE_MUST enum le_err le_sigv4_authorization(struct le_signer *signer,
                                           const struct le_sigv4_request *request, int64_t wall_ms,
                                           struct le_buf *out);

/* How far off a clock may be that signs: what the services tolerate, and do not tell. */
#define LE_SIGV4_SKEW_MS (5 * 60 * 1000)

/* A request that was signed with this time has been refused, by an answer with this Date. Is the
 * clock so wrong that this explains it? Then *theirs_ms is the service's time. */
bool le_sigv4_clock_is_off(struct le_span date, int64_t signed_ms, int64_t *theirs_ms);

/* Appends the query of a presigned request, which whoever has it may send for expires_s seconds:
 * the request's own query (encoded already), the X-Amz- parameters, the signature last. The request
 * needs no x-amz-date among its headers; session_token is that of the signer's credentials. */
LE_MUST enum le_err le_sigv4_presign(struct le_signer *signer,
                                     const struct le_sigv4_request *request,
                                     struct le_span session_token, unsigned expires_s,
                                     int64_t wall_ms, struct le_buf *out);

#endif
