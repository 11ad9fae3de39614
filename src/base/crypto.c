/* mbedTLS is reached through its md interface only: it is the same in 2.28 and 3.6, which sha256's
 * own is not. */
#include "loginetl/base/crypto.h"

#include "loginetl/base/mem.h"

#include <mbedtls/md.h>

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK_LEN 64 /* of SHA-256; RFC 2104 calls it B */
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

/* mbedTLS takes memory when a context is set up and not when it hashes, so one context serves every
 * hash. The program has one thread. */
static mbedtls_md_context_t scratch;
static bool scratch_ready;

struct le_hmac {
    mbedtls_md_context_t inner; /* has hashed key xor ipad */
    mbedtls_md_context_t outer; /* has hashed key xor opad */
};

static const mbedtls_md_info_t *sha256_info(void)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    assert(info != NULL && mbedtls_md_get_size(info) == LE_SHA256_LEN);
    return info;
}

static const unsigned char *bytes_of(struct le_span span)
{
    assert(span.ptr != NULL || span.len == 0);
    return (const unsigned char *)(span.ptr != NULL ? span.ptr : "");
}

static enum le_err hash(mbedtls_md_type_t type, struct le_span bytes, uint8_t *out)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(type);
    if (info == NULL)
        return LE_ERR_CRYPTO;
    return mbedtls_md(info, bytes_of(bytes), bytes.len, out) == 0 ? LE_OK : LE_ERR_CRYPTO;
}

enum le_err le_sha256(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    return hash(MBEDTLS_MD_SHA256, bytes, out);
}

enum le_err le_sha512(struct le_span bytes, uint8_t out[LE_SHA512_LEN])
{
    return hash(MBEDTLS_MD_SHA512, bytes, out);
}

enum le_err le_md5(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    return hash(MBEDTLS_MD_MD5, bytes, out);
}

static bool set_up(mbedtls_md_context_t *ctx)
{
    mbedtls_md_init(ctx);
    return mbedtls_md_setup(ctx, sha256_info(), 0) == 0;
}

static bool scratch_set_up(void)
{
    if (!scratch_ready)
        scratch_ready = set_up(&scratch);
    return scratch_ready;
}

/* A key longer than a block is replaced by its hash (RFC 2104 §2). */
static enum le_err key_block(struct le_span key, uint8_t block[BLOCK_LEN])
{
    memset(block, 0, BLOCK_LEN);
    if (key.len > BLOCK_LEN)
        return le_sha256(key, block);
    memcpy(block, bytes_of(key), key.len);
    return LE_OK;
}

static bool start_padded(mbedtls_md_context_t *ctx, const uint8_t block[BLOCK_LEN], uint8_t pad)
{
    uint8_t padded[BLOCK_LEN];
    for (size_t i = 0; i < BLOCK_LEN; i++)
        padded[i] = block[i] ^ pad;
    bool done = mbedtls_md_starts(ctx) == 0 && mbedtls_md_update(ctx, padded, BLOCK_LEN) == 0;
    le_wipe(padded, sizeof padded);
    return done;
}

static bool finish(mbedtls_md_context_t *ctx, const uint8_t *bytes, size_t len,
                   uint8_t out[LE_SHA256_LEN])
{
    return mbedtls_md_update(ctx, bytes, len) == 0 && mbedtls_md_finish(ctx, out) == 0;
}

enum le_err le_hmac_sha256(struct le_span key, struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    uint8_t block[BLOCK_LEN];
    uint8_t inner[LE_SHA256_LEN];
    if (!scratch_set_up())
        return LE_ERR_NOMEM;
    enum le_err err = key_block(key, block);
    if (err == LE_OK &&
        !(start_padded(&scratch, block, INNER_PAD) &&
          finish(&scratch, bytes_of(bytes), bytes.len, inner) &&
          start_padded(&scratch, block, OUTER_PAD) && finish(&scratch, inner, sizeof inner, out)))
        err = LE_ERR_CRYPTO;
    le_wipe(block, sizeof block);
    le_wipe(inner, sizeof inner);
    return err;
}

struct le_hmac *le_hmac_new(struct le_span key)
{
    uint8_t block[BLOCK_LEN];
    struct le_hmac *hmac = le_calloc(1, sizeof *hmac);
    if (hmac == NULL)
        return NULL;
    bool done = scratch_set_up() && key_block(key, block) == LE_OK && set_up(&hmac->inner) &&
                set_up(&hmac->outer) && start_padded(&hmac->inner, block, INNER_PAD) &&
                start_padded(&hmac->outer, block, OUTER_PAD);
    le_wipe(block, sizeof block);
    if (done)
        return hmac;
    le_hmac_free(hmac);
    return NULL;
}

enum le_err le_hmac_sum(const struct le_hmac *hmac, struct le_span bytes,
                        uint8_t out[LE_SHA256_LEN])
{
    uint8_t inner[LE_SHA256_LEN];
    assert(hmac != NULL && scratch_ready);
    bool done = mbedtls_md_clone(&scratch, &hmac->inner) == 0 &&
                finish(&scratch, bytes_of(bytes), bytes.len, inner) &&
                mbedtls_md_clone(&scratch, &hmac->outer) == 0 &&
                finish(&scratch, inner, sizeof inner, out);
    return done ? LE_OK : LE_ERR_CRYPTO;
}

void le_hmac_free(struct le_hmac *hmac)
{
    if (hmac == NULL)
        return;
    mbedtls_md_free(&hmac->inner); /* wipes what it frees */
    mbedtls_md_free(&hmac->outer);
    le_free_secret(hmac, sizeof *hmac);
}

/* The digits of four bytes at once, in the eight bytes of a word: each byte is spread to two, a
 * half each, and then '0' is added, or what leads to 'a' when the half is above nine. */
static uint64_t hex_word(const uint8_t bytes[4])
{
    const uint64_t ones = UINT64_C(0x0101010101010101), lows = UINT64_C(0x000F000F000F000F);
    uint64_t word = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 32 |
                    (uint64_t)bytes[3] << 48;
    word = (word >> 4 & lows) | (word & lows) << 8;
    uint64_t letters = (word + ones * 6) >> 4 & ones;
    return word + ones * '0' + letters * ('a' - '0' - 10);
}

void le_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[16] = {'0', '1', '2', '3', '4', '5', '6', '7',
                                    '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
    assert(out != NULL && (bytes != NULL || len == 0));
    for (; len >= 4; len -= 4, bytes += 4, out += 8) {
        uint64_t word = htole64(hex_word(bytes));
        memcpy(out, &word, sizeof word);
    }
    for (; len > 0; len--, bytes++, out += 2) {
        out[0] = digits[*bytes >> 4];
        out[1] = digits[*bytes & 15];
    }
}
