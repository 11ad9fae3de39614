/* mbedTLS is reached through its md interface only: it is the same in 2.28 and 3.6, which sha256's
 * own is not. */
#include "loginetl/base/crypto.h"

#include <mbedtls/md.h>

#include <assert.h>
#include <endian.h>
#include <string.h>

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

enum le_err le_sha1(struct le_span bytes, uint8_t out[LE_SHA1_LEN])
{
    return hash(MBEDTLS_MD_SHA1, bytes, out);
}

enum le_err le_md5(struct le_span bytes, uint8_t out[LE_MD5_LEN])
{
    return hash(MBEDTLS_MD_MD5, bytes, out);
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
