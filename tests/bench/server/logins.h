/* Login events of the field's own shape, each a function of its number: as it stands in an answer,
 * that is, as the inside of a JSON string, with its MD5. The ips and device ids of a queue differ
 * from each other. Longer bodies are padded by a field that nobody asked for. It stands in front,
 * so that the hash goes over it once for all of them. */
#ifndef BENCH_LOGINS_H
#define BENCH_LOGINS_H

#include "loginetl/base/error.h"

#include <mbedtls/md.h>
#include <stddef.h>
#include <stdint.h>

#define LOGINS_BODY_MAX 262144
#define LOGINS_ID_LEN   36
#define LOGINS_MD5_LEN  32  /* as hex */
#define LOGINS_ROOM     512 /* for an escaped body, above logins.body_bytes */

struct logins {
    uint64_t seed;
    uint64_t bad_every; /* 0: all are good */
    size_t body_bytes;  /* about as many; at 170 and below the field's own */

    char *lead; /* what all bodies begin with, escaped */
    size_t lead_len;
    mbedtls_md_context_t after_lead; /* MD5 of it, not escaped */
    mbedtls_md_context_t digest;     /* to work with */
};

/* seed, bad_every and body_bytes are given. LE_ERR_NOMEM, LE_ERR_TOO_LARGE. */
LE_MUST enum le_err logins_init(struct logins *logins);
void logins_free(struct logins *logins);

/* Writes at out, where there is room, and answers its end. */
char *logins_put_body(struct logins *logins, uint64_t number, char *out, char md5[LOGINS_MD5_LEN]);
/* A message id: a UUID of its own. */
void logins_put_id(const struct logins *logins, uint64_t number, char out[LOGINS_ID_LEN]);
/* Any text's MD5 as hex. */
void logins_md5(struct logins *logins, const char *text, size_t len, char md5[LOGINS_MD5_LEN]);

#endif
