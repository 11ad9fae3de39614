/* The hashes that every message costs: its masks, its body's MD5, a share of request bodies and of
 * their signatures. They go through libcrypto where the build has it, for its assembly uses the
 * CPU's own instructions: a short SHA-256 takes it 50 ns and mbedTLS 235, a long one a sixth.
 *
 * They go through the functions that each hash has of its own, not through EVP: EVP takes memory
 * for every hash and half as long again for a short one. OpenSSL 3 calls them deprecated, and has
 * them all the same, as 4.0 does; where a build of it has left them out (no-deprecated, no-md5), or
 * a later one will have, CMake does not find them, and mbedTLS does everything. They know nothing
 * of providers: one for FIPS is not asked, as little as mbedTLS would ask it, and that it has no
 * MD5 is no matter. They take no memory, need no start of the library, and do not fail; what they
 * answer is looked at nevertheless. */
#include "loginetl/base/crypto.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK_LEN 64 /* of SHA-256; RFC 2104 calls it B */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

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
    bool done = SHA512_Init(&ctx) == 1 && SHA512_Update(&ctx, bytes.ptr, bytes.len) == 1 &&
                SHA512_Final(out, &ctx) == 1;
    le_wipe(&ctx, sizeof ctx); /* unlike the others it keeps the end of the text */
    return answer(done);
}

enum le_err le_md5_bulk(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    MD5_CTX ctx;
    assert(bytes.ptr != NULL || bytes.len == 0);
    return answer(MD5_Init(&ctx) == 1 && MD5_Update(&ctx, bytes.ptr, bytes.len) == 1 &&
                  MD5_Final(out, &ctx) == 1);
}

struct state {
    SHA256_CTX ctx;
};

static enum le_err keep(struct state *state, const uint8_t block[BLOCK_LEN])
{
    return answer(SHA256_Init(&state->ctx) == 1 &&
                  SHA256_Update(&state->ctx, block, BLOCK_LEN) == 1);
}

static enum le_err go_on(const struct state *state, struct le_span bytes,
                         uint8_t out[LE_SHA256_LEN])
{
    SHA256_CTX ctx = state->ctx;
    bool done = SHA256_Update(&ctx, bytes.ptr, bytes.len) == 1 && SHA256_Final(out, &ctx) == 1;
    le_wipe(&ctx, sizeof ctx); /* of what is a key, its words still have it */
    return answer(done);
}

static void drop(struct state *state)
{
    le_wipe(state, sizeof *state);
}

#else

#include <mbedtls/md.h>

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

struct state {
    mbedtls_md_context_t ctx;
};

/* mbedTLS takes memory when a context is set up and not when it hashes, so one context goes on from
 * every state. The program has one thread. */
static mbedtls_md_context_t scratch;
static bool scratch_ready;

static enum le_err set_up(mbedtls_md_context_t *ctx)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    assert(info != NULL && mbedtls_md_get_size(info) == LE_SHA256_LEN);
    mbedtls_md_init(ctx);
    return mbedtls_md_setup(ctx, info, 0) == 0 ? LE_OK : LE_ERR_NOMEM;
}

static enum le_err keep(struct state *state, const uint8_t block[BLOCK_LEN])
{
    enum le_err err = scratch_ready ? LE_OK : set_up(&scratch);
    scratch_ready = err == LE_OK;
    err = err == LE_OK ? set_up(&state->ctx) : err;
    if (err != LE_OK)
        return err;
    bool done = mbedtls_md_starts(&state->ctx) == 0 &&
                mbedtls_md_update(&state->ctx, block, BLOCK_LEN) == 0;
    return done ? LE_OK : LE_ERR_CRYPTO;
}

static enum le_err go_on(const struct state *state, struct le_span bytes,
                         uint8_t out[LE_SHA256_LEN])
{
    const unsigned char *text = (const unsigned char *)(bytes.len > 0 ? bytes.ptr : "");
    assert(scratch_ready);
    bool done = mbedtls_md_clone(&scratch, &state->ctx) == 0 &&
                mbedtls_md_update(&scratch, text, bytes.len) == 0 &&
                mbedtls_md_finish(&scratch, out) == 0;
    return done ? LE_OK : LE_ERR_CRYPTO;
}

static void drop(struct state *state)
{
    mbedtls_md_free(&state->ctx); /* wipes what it frees; zeros are fine */
}

#endif

/* ---- HMAC ---- */

struct le_hmac {
    struct state inner; /* has hashed key xor ipad */
    struct state outer; /* has hashed key xor opad */
};

/* A key longer than a block is replaced by its hash (RFC 2104 §2): as good as the key itself, so it
 * comes from the library that wipes its state. */
static enum le_err key_block(struct le_span key, uint8_t block[BLOCK_LEN])
{
    assert(key.ptr != NULL || key.len == 0);
    memset(block, 0, BLOCK_LEN);
    if (key.len > BLOCK_LEN)
        return le_sha256(key, block);
    if (key.len > 0)
        memcpy(block, key.ptr, key.len);
    return LE_OK;
}

static enum le_err keep_padded(struct state *state, const uint8_t block[BLOCK_LEN], uint8_t pad)
{
    uint8_t padded[BLOCK_LEN];
    for (size_t i = 0; i < BLOCK_LEN; i++)
        padded[i] = block[i] ^ pad;
    enum le_err err = keep(state, padded);
    le_wipe(padded, sizeof padded);
    return err;
}

/* hmac is zeros. Whatever comes of it, forget must follow. */
static enum le_err set_key(struct le_hmac *hmac, struct le_span key)
{
    uint8_t block[BLOCK_LEN];
    enum le_err err = key_block(key, block);
    err = err == LE_OK ? keep_padded(&hmac->inner, block, INNER_PAD) : err;
    err = err == LE_OK ? keep_padded(&hmac->outer, block, OUTER_PAD) : err;
    le_wipe(block, sizeof block);
    return err;
}

static void forget(struct le_hmac *hmac)
{
    drop(&hmac->inner);
    drop(&hmac->outer);
}

enum le_err le_hmac_sum(const struct le_hmac *hmac, struct le_span bytes,
                        uint8_t out[LE_SHA256_LEN])
{
    uint8_t inner[LE_SHA256_LEN];
    assert(hmac != NULL && (bytes.ptr != NULL || bytes.len == 0));
    enum le_err err = go_on(&hmac->inner, bytes, inner);
    if (err == LE_OK)
        err = go_on(&hmac->outer, (struct le_span){(const char *)inner, sizeof inner}, out);
    le_wipe(inner, sizeof inner);
    return err;
}

enum le_err le_hmac_sha256(struct le_span key, struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    struct le_hmac hmac = {0};
    enum le_err err = set_key(&hmac, key);
    err = err == LE_OK ? le_hmac_sum(&hmac, bytes, out) : err;
    forget(&hmac);
    return err;
}

struct le_hmac *le_hmac_new(struct le_span key)
{
    struct le_hmac *hmac = le_calloc(1, sizeof *hmac);
    if (hmac != NULL && set_key(hmac, key) == LE_OK)
        return hmac;
    le_hmac_free(hmac);
    return NULL;
}

void le_hmac_free(struct le_hmac *hmac)
{
    if (hmac == NULL)
        return;
    forget(hmac);
    le_free_secret(hmac, sizeof *hmac);
}
