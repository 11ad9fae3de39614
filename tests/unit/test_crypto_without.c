/* A libcrypto whose providers have none of the algorithms, as one for FIPS has no MD5: in a program
 * of its own, for that is said to all of it. */
#include "loginetl/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#ifdef LE_HAVE_LIBCRYPTO

#include <openssl/err.h>
#include <openssl/evp.h>

static int forbid_all(void **state)
{
    (void)state;
    return EVP_set_default_properties(NULL, "provider=nobody") == 1 ? 0 : -1;
}

static void nothing_is_to_be_had(void **state)
{
    (void)state;
    assert_null(EVP_MD_fetch(NULL, "MD5", NULL));
    assert_null(EVP_MD_fetch(NULL, "SHA256", NULL));
    ERR_clear_error();
}

static void the_hashes_are_the_same(void **state)
{
    static const char body[1000] = "message digest";
    const struct le_span text = {body, sizeof body};
    uint8_t want[LE_SHA512_LEN], sum[LE_SHA512_LEN];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(le_md5(text, want), LE_OK);
        assert_int_equal(le_md5_bulk(text, sum), LE_OK);
        assert_memory_equal(sum, want, LE_MD5_LEN);
        assert_int_equal(le_sha256(text, want), LE_OK);
        assert_int_equal(le_sha256_bulk(text, sum), LE_OK);
        assert_memory_equal(sum, want, LE_SHA256_LEN);
        assert_int_equal(le_sha512(text, want), LE_OK);
        assert_int_equal(le_sha512_bulk(text, sum), LE_OK);
        assert_memory_equal(sum, want, LE_SHA512_LEN);
        /* What looks for the reason of a failed handshake later must not find this. */
        assert_int_equal(ERR_peek_error(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_to_be_had),
        cmocka_unit_test(the_hashes_are_the_same),
    };
    return cmocka_run_group_tests(tests, forbid_all, NULL);
}

#else

static void without_libcrypto(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_libcrypto)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
