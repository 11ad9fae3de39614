/* Hexadecimal digits: every character as a digit, at every place; there and back. */
#include "loginetl/base/crypto.h"
#include "loginetl/base/hex.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BYTES_MAX 33

/* By search, unlike the table. */
static int value_of(int c)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    for (int i = 0; i < 16; i++) {
        if (lower[i] == c || upper[i] == c)
            return i;
    }
    return -1;
}

static void every_character_has_its_value(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++)
        assert_int_equal(le_hex_value((char)c), value_of(c));
}

/* In blocks of their exact sizes, so that a sanitizer sees a byte too many. */
static void bytes_come_back_as_they_were(void **state)
{
    (void)state;
    for (size_t len = 0; len <= BYTES_MAX; len++) {
        uint8_t bytes[BYTES_MAX];
        uint8_t *out = le_alloc(len);
        char *text = le_alloc(2 * len);
        assert_true(out != NULL && text != NULL);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(i * 83 + len);
        le_hex(bytes, len, text);
        assert_true(le_unhex((struct le_span){text, 2 * len}, out));
        assert_memory_equal(out, bytes, len);
        le_free(text);
        le_free(out);
    }
}

static void one_wrong_character_is_found_anywhere(void **state)
{
    (void)state;
    uint8_t out[8];
    char text[] = "0123456789abcDEF";
    for (size_t at = 0; at < 16; at++) {
        char right = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            assert_int_equal(le_unhex((struct le_span){text, 16}, out), value_of(c) >= 0);
        }
        text[at] = right;
    }
}

static void digits_come_in_pairs(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_true(le_unhex(LE_SPAN_LIT(""), out));
    assert_true(le_unhex(LE_SPAN_NONE, NULL));
    assert_false(le_unhex(LE_SPAN_LIT("0"), out));
    assert_false(le_unhex(LE_SPAN_LIT("012"), out));
    assert_true(le_unhex(LE_SPAN_LIT("0fF0"), out));
    assert_int_equal(out[0], 0x0f);
    assert_int_equal(out[1], 0xf0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_has_its_value),
        cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(one_wrong_character_is_found_anywhere),
        cmocka_unit_test(digits_come_in_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
