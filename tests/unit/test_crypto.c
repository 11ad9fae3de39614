#include "loginetl/base/crypto.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>
#include <ucontext.h>

typedef enum le_err (*hash_fn)(struct le_span bytes, uint8_t *out);

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    char hex[2 * LE_SHA512_LEN + 1];
    le_hex(bytes, len, hex);
    hex[2 * len] = '\0';
    assert_string_equal(hex, expected);
}

static void assert_hash(hash_fn hash, size_t len, struct le_span bytes, const char *expected)
{
    uint8_t out[LE_SHA512_LEN];
    assert_int_equal(hash(bytes, out), LE_OK);
    assert_hex(out, len, expected);
}

static char large[1000000];

/* FIPS 180-2, appendix B, and the empty text; the bulk hash is the same function by another road.
 */
static void test_sha256_vectors(void **state)
{
    (void)state;
    static const hash_fn roads[] = {le_sha256, le_sha256_bulk};
    memset(large, 'a', sizeof large);
    for (int i = 0; i < 2; i++) {
        hash_fn f = roads[i];
        assert_hash(f, 32, LE_SPAN_LIT(""),
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_hash(f, 32, LE_SPAN_NONE,
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_hash(f, 32, LE_SPAN_LIT("abc"),
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_hash(f, 32, LE_SPAN_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        assert_hash(f, 32, (struct le_span){large, sizeof large},
                    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

static void test_sha512_vectors(void **state)
{
    (void)state;
    static const hash_fn roads[] = {le_sha512, le_sha512_bulk};
    for (int i = 0; i < 2; i++) {
        hash_fn f = roads[i];
        assert_hash(f, 64, LE_SPAN_LIT(""),
                    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
        assert_hash(f, 64, LE_SPAN_LIT("abc"),
                    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
        assert_hash(f, 64,
                    LE_SPAN_LIT("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                                "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
                    "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
                    "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
    }
}

/* RFC 1321, appendix A.5. */
static void test_md5_vectors(void **state)
{
    (void)state;
    static const hash_fn roads[] = {le_md5, le_md5_bulk};
    for (int i = 0; i < 2; i++) {
        hash_fn f = roads[i];
        assert_hash(f, 16, LE_SPAN_LIT(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_hash(f, 16, LE_SPAN_NONE, "d41d8cd98f00b204e9800998ecf8427e");
        assert_hash(f, 16, LE_SPAN_LIT("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
        assert_hash(f, 16,
                    LE_SPAN_LIT("1234567890123456789012345678901234567890"
                                "1234567890123456789012345678901234567890"),
                    "57edf4a22be3c955ac49da2e2107b67a");
    }
}

static void assert_hmac(struct le_span key, struct le_span bytes, const char *expected)
{
    uint8_t out[LE_SHA256_LEN];
    assert_int_equal(le_hmac_sha256(key, bytes, out), LE_OK);
    assert_hex(out, sizeof out, expected);
    struct le_hmac *hmac = le_hmac_new(key);
    assert_non_null(hmac);
    for (int i = 0; i < 3; i++) { /* a use leaves the kept states as they were */
        memset(out, 0, sizeof out);
        assert_int_equal(le_hmac_sum(hmac, bytes, out), LE_OK);
        assert_hex(out, sizeof out, expected);
    }
    le_hmac_free(hmac);
}

static struct le_span run(char *bytes, char byte, size_t len)
{
    memset(bytes, byte, len);
    return (struct le_span){bytes, len};
}

/* RFC 4231, cases 1 to 4, 6 and 7. */
static void test_hmac_vectors(void **state)
{
    (void)state;
    char key[131], data[131], counting[25];
    for (size_t i = 0; i < sizeof counting; i++)
        counting[i] = (char)(i + 1);
    assert_hmac(run(key, 0x0b, 20), LE_SPAN_LIT("Hi There"),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hmac(LE_SPAN_LIT("Jefe"), LE_SPAN_LIT("what do ya want for nothing?"),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_hmac(run(key, (char)0xaa, 20), run(data, (char)0xdd, 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    assert_hmac((struct le_span){counting, sizeof counting}, run(data, (char)0xcd, 50),
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    assert_hmac(run(key, (char)0xaa, 131),
                LE_SPAN_LIT("Test Using Larger Than Block-Size Key - Hash Key First"),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_hmac(
        run(key, (char)0xaa, 131),
        LE_SPAN_LIT(
            "This is a test using a larger than block-size key and a larger than block-size "
            "data. The key needs to be hashed before being used by the HMAC algorithm."),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void fill(struct le_rng *rng, char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)le_rng_next(rng);
}

static void assert_both_roads_agree(struct le_span text)
{
    static const struct {
        hash_fn one, other;
        size_t len;
    } pairs[] = {{le_sha256, le_sha256_bulk, LE_SHA256_LEN},
                 {le_sha512, le_sha512_bulk, LE_SHA512_LEN},
                 {le_md5, le_md5_bulk, LE_MD5_LEN}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint8_t one[LE_SHA512_LEN], other[LE_SHA512_LEN];
        assert_int_equal(pairs[i].one(text, one), LE_OK);
        assert_int_equal(pairs[i].other(text, other), LE_OK);
        assert_memory_equal(one, other, pairs[i].len);
    }
}

/* Every length of a few blocks, at every place in a word, and then some of many blocks. */
static void test_both_roads_agree(void **state)
{
    (void)state;
    enum { MAX = 9000 };
    struct le_rng rng;
    le_rng_seed(&rng, 1);
    fill(&rng, large, sizeof large);
    for (size_t len = 0; len <= MAX; len += len < 300 ? 1 : 97) {
        for (size_t at = 0; at < 8; at++)
            assert_both_roads_agree((struct le_span){large + at, len});
    }
    assert_both_roads_agree((struct le_span){large + 1, sizeof large - 1});
}

/* RFC 2104's definition, written out over le_sha256. */
static void hmac_by_definition(struct le_span key, struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    char text[64 + 512];
    uint8_t block[64] = {0};
    assert_true(bytes.len <= 512);
    if (key.len > sizeof block)
        assert_int_equal(le_sha256(key, block), LE_OK);
    else
        memcpy(block, key.ptr, key.len);
    for (size_t i = 0; i < sizeof block; i++)
        text[i] = (char)(block[i] ^ 0x36);
    memcpy(text + sizeof block, bytes.ptr, bytes.len);
    assert_int_equal(le_sha256((struct le_span){text, sizeof block + bytes.len}, out), LE_OK);
    for (size_t i = 0; i < sizeof block; i++)
        text[i] = (char)(block[i] ^ 0x5c);
    memcpy(text + sizeof block, out, LE_SHA256_LEN);
    assert_int_equal(le_sha256((struct le_span){text, sizeof block + LE_SHA256_LEN}, out), LE_OK);
}

static void test_hmac_is_its_definition_for_every_key_length(void **state)
{
    (void)state;
    struct le_rng rng;
    le_rng_seed(&rng, 2);
    for (size_t key_len = 0; key_len <= 200; key_len++) {
        char key[200], bytes[512];
        uint8_t expected[LE_SHA256_LEN], once[LE_SHA256_LEN], kept[LE_SHA256_LEN];
        fill(&rng, key, sizeof key);
        fill(&rng, bytes, sizeof bytes);
        struct le_span k = {key, key_len}, b = {bytes, le_rng_below(&rng, sizeof bytes + 1)};
        struct le_hmac *hmac = le_hmac_new(k);
        assert_non_null(hmac);
        hmac_by_definition(k, b, expected);
        assert_int_equal(le_hmac_sha256(k, b, once), LE_OK);
        assert_int_equal(le_hmac_sum(hmac, b, kept), LE_OK);
        assert_memory_equal(once, expected, sizeof expected);
        assert_memory_equal(kept, expected, sizeof expected);
        le_hmac_free(hmac);
    }
}

static void test_keys_do_not_disturb_each_other(void **state)
{
    (void)state;
    uint8_t first[LE_SHA256_LEN], second[LE_SHA256_LEN], again[LE_SHA256_LEN];
    struct le_hmac *a = le_hmac_new(LE_SPAN_LIT("key a"));
    struct le_hmac *b = le_hmac_new(LE_SPAN_LIT("key b"));
    assert_int_equal(le_hmac_sum(a, LE_SPAN_LIT("text"), first), LE_OK);
    assert_int_equal(le_hmac_sum(b, LE_SPAN_LIT("text"), second), LE_OK);
    assert_int_equal(le_hmac_sum(a, LE_SPAN_LIT("text"), again), LE_OK);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    le_hmac_free(a);
    assert_int_equal(le_hmac_sum(b, LE_SPAN_LIT("text"), again), LE_OK);
    assert_memory_equal(second, again, sizeof second);
    le_hmac_free(b);
    le_hmac_free(NULL);
}

static void test_no_memory_for_a_key(void **state)
{
    (void)state;
    le_mem_fail_at(1);
    assert_null(le_hmac_new(LE_SPAN_LIT("key")));
    le_mem_fail_at(0);
}

/* ---- what stays behind on the stack ---- */

static unsigned char own_stack[256 * 1024];
static const char secret[] =
    "no word of this text, nor of what it becomes, is to be found when all "
    "is done: 203.0.113.77";

static struct le_span secret_span(void)
{
    return (struct le_span){secret, sizeof secret - 1};
}

static void mask_long(void)
{
    uint8_t sum[LE_SHA512_LEN];
    assert_int_equal(le_sha512_bulk(secret_span(), sum), LE_OK);
}

static void mask_short(void)
{
    uint8_t sum[LE_SHA256_LEN];
    assert_int_equal(le_sha256_bulk(secret_span(), sum), LE_OK);
}

static void keep_key(void)
{
    le_hmac_free(le_hmac_new(secret_span()));
}

static void use_key(void)
{
    uint8_t sum[LE_SHA256_LEN];
    assert_int_equal(le_hmac_sha256(secret_span(), LE_SPAN_LIT("text"), sum), LE_OK);
}

static void run_on_own_stack(void (*what)(void))
{
    static ucontext_t here, there;
    what(); /* the loader saves registers on the stack when it looks for a function */
    memset(own_stack, 0, sizeof own_stack);
    assert_int_equal(getcontext(&there), 0);
    there.uc_stack.ss_sp = own_stack;
    there.uc_stack.ss_size = sizeof own_stack;
    there.uc_link = &here;
    makecontext(&there, what, 0);
    assert_int_equal(swapcontext(&here, &there), 0);
}

static void assert_gone(struct le_span bytes)
{
    enum { PIECE = 8 };
    for (size_t at = 0; at + PIECE <= bytes.len; at++)
        assert_null(memmem(own_stack, sizeof own_stack, bytes.ptr + at, PIECE));
}

/* What a longer key is replaced by, as bytes and as a processor's words. */
static void assert_key_gone(void)
{
    uint8_t sum[LE_SHA256_LEN], words[LE_SHA256_LEN];
    assert_int_equal(le_sha256(secret_span(), sum), LE_OK);
    for (size_t i = 0; i < sizeof sum; i++)
        words[i ^ 3] = sum[i];
    assert_gone(secret_span());
    assert_gone((struct le_span){(const char *)sum, sizeof sum});
    assert_gone((struct le_span){(const char *)words, sizeof words});
}

static void test_no_text_or_key_stays_on_the_stack(void **state)
{
    (void)state;
    run_on_own_stack(mask_long);
    assert_gone(secret_span());
    run_on_own_stack(mask_short);
    assert_gone(secret_span());
    run_on_own_stack(keep_key);
    assert_key_gone();
    run_on_own_stack(use_key);
    assert_key_gone();
}

static void test_hex(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xff, 0x5a};
    char out[11] = "xxxxxxxxxx";
    le_hex(bytes, sizeof bytes, out);
    assert_string_equal(out, "000ff0ff5a");
    le_hex(NULL, 0, out);
    assert_string_equal(out, "000ff0ff5a");
}

/* Every byte at every place, beside every other kind of digit, in every length. */
static void test_hex_of_every_byte(void **state)
{
    (void)state;
    uint8_t bytes[LE_SHA512_LEN + 1];
    char out[2 * sizeof bytes + 1], want[2 * sizeof bytes + 1];
    for (unsigned first = 0; first < 256; first++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)(first + i * 101);
            (void)snprintf(want + 2 * i, 3, "%02x", bytes[i]);
        }
        for (size_t len = 0; len <= sizeof bytes; len++) {
            memset(out, 'x', sizeof out);
            le_hex(bytes, len, out);
            assert_memory_equal(out, want, 2 * len);
            assert_int_equal(out[2 * len], 'x');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_vectors),
        cmocka_unit_test(test_sha512_vectors),
        cmocka_unit_test(test_md5_vectors),
        cmocka_unit_test(test_hmac_vectors),
        cmocka_unit_test(test_both_roads_agree),
        cmocka_unit_test(test_hmac_is_its_definition_for_every_key_length),
        cmocka_unit_test(test_keys_do_not_disturb_each_other),
        cmocka_unit_test(test_no_memory_for_a_key),
        cmocka_unit_test(test_no_text_or_key_stays_on_the_stack),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_hex_of_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
