/* The hashes that every message costs: its masks, its body's MD5, a share of request bodies. They
 * go through libcrypto where the build has it, for its assembly uses the CPU's own instructions: a
 * short SHA-256 takes it 50 ns and mbedTLS 235, a long one a sixth.
 *
 * They go through the functions that each hash has of its own, not through EVP: EVP takes memory
 * for every hash and half as long again for a short one. OpenSSL 3 calls them deprecated, and has
 * them all the same, as 4.0 does; where a build of it has left them out (no-deprecated, no-md5), or
 * a later one will have, CMake does not find them, and mbedTLS does everything. They know nothing
 * of providers: one for FIPS is not asked, as little as mbedTLS would ask it, and that it has no
 * MD5 is no matter. They take no memory, need no start of the library, and do not fail; what they
 * answer is looked at nevertheless. */
#include "loginetl/base/crypto.h"

#include <assert.h>
#include <stdbool.h>

#ifdef LE_HAVE_LIBCRYPTO

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>

_Static_assert(SHA256_DIGEST_LENGTH == LE_SHA256_LEN && SHA512_DIGEST_LENGTH == LE_SHA512_LEN &&
                   MD5_DIGEST_LENGTH == LE_MD5_LEN,
               "a hash fills what it is given");

static enum le_err answer(bool done)
{
    return done ? LE_OK : LE_ERR_CRYPTO;
}

enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    SHA256_CTX ctx;
    assert(bytes.ptr != NULL || bytes.len == 0);
    return answer(SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, bytes.ptr, bytes.len) == 1 &&
                  SHA256_Final(out, &ctx) == 1);
}

enum le_err le_sha512_bulk(struct le_span bytes, uint8_t out[LE_SHA512_LEN])
{
    SHA512_CTX ctx;
    assert(bytes.ptr != NULL || bytes.len == 0);
    return answer(SHA512_Init(&ctx) == 1 && SHA512_Update(&ctx, bytes.ptr, bytes.len) == 1 &&
                  SHA512_Final(out, &ctx) == 1);
}

enum le_err le_md5_bulk(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    MD5_CTX ctx;
    assert(bytes.ptr != NULL || bytes.len == 0);
    return answer(MD5_Init(&ctx) == 1 && MD5_Update(&ctx, bytes.ptr, bytes.len) == 1 &&
                  MD5_Final(out, &ctx) == 1);
}

#else

enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return le_sha256(bytes, out);
}

enum le_err le_sha512_bulk(struct le_span bytes, uint8_t out[LE_SHA512_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return le_sha512(bytes, out);
}

enum le_err le_md5_bulk(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return le_md5(bytes, out);
}

#endif
