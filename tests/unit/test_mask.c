/* Masks against what any other implementation gives. */
#include "loginetl/login/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect_mask(enum le_mask_method method, const char *value, const char *hex)
{
    char out[LE_MASK_CHARS_MAX + 1];
    memset(out, '#', sizeof out);
    assert_int_equal(le_mask(method, le_span_of(value), out), LE_OK);
    size_t chars = le_mask_chars(method);
    assert_int_equal(chars, strlen(hex));
    assert_memory_equal(out, hex, chars);
    assert_int_equal(out[chars], '#');
}

static void sha256_is_sha256(void **state)
{
    (void)state;
    expect_mask(LE_MASK_SHA256, "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_mask(LE_MASK_SHA256, "",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_mask(LE_MASK_SHA256, "199.172.111.135",
                "a6d0e2f27f6111e10b06790db42f34123e724aa0fd24b280f4a0ef5ee986784c");
}

static void sha512_is_sha512(void **state)
{
    (void)state;
    expect_mask(LE_MASK_SHA512, "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void methods_have_words(void **state)
{
    enum le_mask_method method;
    (void)state;
    assert_string_equal(le_mask_word(LE_MASK_SHA256), "sha256");
    assert_string_equal(le_mask_word(LE_MASK_SHA512), "sha512");
    assert_int_equal(le_mask_parse(LE_SPAN_LIT("sha512"), &method), LE_OK);
    assert_int_equal(method, LE_MASK_SHA512);
    assert_int_equal(le_mask_parse(LE_SPAN_LIT("sha256"), &method), LE_OK);
    assert_int_equal(method, LE_MASK_SHA256);
}

static void other_words_are_no_methods(void **state)
{
    static const char *const words[] = {"",        "sha", "SHA256", "sha256 ",
                                        "sha-256", "md5", "none",   "sha2566"};
    enum le_mask_method method;
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_int_equal(le_mask_parse(le_span_of(words[i]), &method), LE_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_sha256),
        cmocka_unit_test(sha512_is_sha512),
        cmocka_unit_test(methods_have_words),
        cmocka_unit_test(other_words_are_no_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
