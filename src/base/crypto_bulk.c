/* The hashes of whole bodies: long enough for libcrypto's assembly, and the CPU's instructions that
 * it uses, to matter. Whatever fails here (libcrypto 3 takes a little memory for every hash, and
 * may be built or told, as for FIPS, to have no MD5) is done by mbedTLS instead: slower, and the
 * same. */
#include "loginetl/base/crypto.h"

#include <assert.h>

#ifdef LE_HAVE_LIBCRYPTO

#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdbool.h>

/* Fetching an algorithm costs more than hashing with it (it takes locks and searches the
 * providers), so it is tried once; and so does giving a context another algorithm. */
struct road {
    const char *name;
    bool tried;
    EVP_MD *algorithm; /* NULL: it is not to be had */
    EVP_MD_CTX *ctx;   /* has begun a hash of it once; NULL: not yet */
};

static struct road sha256 = {.name = "SHA256"};
static struct road md5 = {.name = "MD5"};

/* What is shorter mbedTLS hashes as fast, and takes no memory for it. */
#define MD5_MIN 256

static bool set_up(struct road *road)
{
    if (!road->tried)
        road->algorithm = EVP_MD_fetch(NULL, road->name, NULL);
    road->tried = true;
    if (road->algorithm == NULL)
        return false;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx != NULL && EVP_DigestInit_ex2(ctx, road->algorithm, NULL) == 1)
        road->ctx = ctx;
    else
        EVP_MD_CTX_free(ctx); /* tolerates NULL */
    return road->ctx != NULL;
}

static bool hash(struct road *road, struct le_span bytes, uint8_t *out, unsigned out_len)
{
    unsigned len = 0;
    bool done = (road->ctx != NULL || set_up(road)) &&
                EVP_DigestInit_ex2(road->ctx, NULL, NULL) == 1 &&
                EVP_DigestUpdate(road->ctx, bytes.ptr, bytes.len) == 1 &&
                EVP_DigestFinal_ex(road->ctx, out, &len) == 1;
    assert(!done || len == out_len);
    /* What libcrypto noted of it is not for who asks it next why a connection failed. */
    if (!done)
        ERR_clear_error();
    return done;
}

enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return hash(&sha256, bytes, out, LE_SHA256_LEN) ? LE_OK : le_sha256(bytes, out);
}

enum le_err le_md5_bulk(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    bool done = bytes.len >= MD5_MIN && hash(&md5, bytes, out, LE_MD5_LEN);
    return done ? LE_OK : le_md5(bytes, out);
}

#else

enum le_err le_sha256_bulk(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return le_sha256(bytes, out);
}

enum le_err le_md5_bulk(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    assert(bytes.ptr != NULL || bytes.len == 0);
    return le_md5(bytes, out);
}

#endif
