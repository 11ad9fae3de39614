/* The one hash that is long enough for the CPU's own instructions to matter. Whatever fails here
 * (libcrypto 3 takes a little memory for every hash) is done by le_sha256 instead: slower, and the
 * same. */
#include "loginetl/base/crypto.h"

#include <assert.h>

#ifdef LE_HAVE_LIBCRYPTO

#include <openssl/evp.h>

#include <stdbool.h>

/* Fetching an algorithm costs as much as hashing with it (it takes locks and searches the
 * providers), so it is fetched once. */
static EVP_MD *sha256;
static EVP_MD_CTX *ctx;

static bool set_up(void)
{
    if (sha256 == NULL)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (ctx == NULL)
        ctx = EVP_MD_CTX_new();
    return sha256 != NULL && ctx != NULL;
}

enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    if (!set_up())
        return le_sha256(bytes, out);
    unsigned len = 0;
    bool done = EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 &&
                EVP_DigestUpdate(ctx, bytes.ptr, bytes.len) == 1 &&
                EVP_DigestFinal_ex(ctx, out, &len) == 1;
    assert(!done || len == LE_SHA256_LEN);
    return done ? LE_OK : le_sha256(bytes, out);
}

#else

enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return le_sha256(bytes, out);
}

#endif
