/* Hashing. The only includer of mbedTLS, and of libcrypto for the hashes that a message costs. */
#ifndef LE_BASE_CRYPTO_H
#define LE_BASE_CRYPTO_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stddef.h>
#include <stdint.h>

/* For one thread only: a context is kept, so that a hash takes no memory, but for the two functions
 * that take a key. LE_ERR_NOMEM: no memory for that. LE_ERR_CRYPTO: the library failed. */

#define LE_SHA256_LEN 32
#define LE_SHA512_LEN 64
#define LE_SHA1_LEN   20
#define LE_MD5_LEN    16

LE_MUST enum le_err le_sha256(struct le_span bytes, uint8_t out[LE_SHA256_LEN]);
LE_MUST enum le_err le_sha512(struct le_span bytes, uint8_t out[LE_SHA512_LEN]);
/* For names that others made of it; it protects nothing. */
LE_MUST enum le_err le_sha1(struct le_span bytes, uint8_t out[LE_SHA1_LEN]);
LE_MUST enum le_err le_md5(struct le_span bytes, uint8_t out[LE_MD5_LEN]);
/* The same for what is hashed again and again: through libcrypto where the build has it, which uses
 * the CPU's instructions for it, or at least assembly. */
LE_MUST enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN]);
LE_MUST enum le_err le_sha512_bulk(struct le_span bytes, uint8_t out[LE_SHA512_LEN]);
LE_MUST enum le_err le_md5_bulk(struct le_span bytes, uint8_t out[LE_MD5_LEN]);

/* HMAC-SHA256, by the same library as what is hashed in bulk. */
LE_MUST enum le_err le_hmac_sha256(struct le_span key, struct le_span bytes,
                                   uint8_t out[LE_SHA256_LEN]);

/* The same with one key for many texts: inner and outer state are kept, so that a use costs two
 * blocks, not four. */
struct le_hmac;
LE_MUST struct le_hmac *le_hmac_new(struct le_span key); /* NULL: no memory */
LE_MUST enum le_err le_hmac_sum(const struct le_hmac *hmac, struct le_span bytes,
                                uint8_t out[LE_SHA256_LEN]);
void le_hmac_free(struct le_hmac *hmac); /* wipes the states; NULL is fine */

/* Lower-case hex: 2 * len characters, no NUL. */
void le_hex(const uint8_t *bytes, size_t len, char *out);

#endif
