/* Special characters of JSON strings, found 64 at a time: whichever way the processor has it, the
 * answer is that of one character after the other; and the reader that walks by it sees each where
 * it is, whatever the text's length and wherever in a block it stands. */
#include "loginetl/base/json_reader.h"
#include "loginetl/base/json_scan.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RFC 8259 §7: a string holds all but these. */
static bool is_special(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte <= 0x1F || byte == 0x22 || byte == 0x5C;
}

static void check_block(const char *block)
{
    uint64_t expected = 0;
    for (unsigned i = 0; i < LE_SCAN_BLOCK; i++)
        expected |= (uint64_t)is_special(block[i]) << i;
    assert_int_equal(le_scan_block(block), expected);
    assert_int_equal(le_scan_block_plain(block), expected);
}

/* One other character in a block of equal ones: all pairs, at all places. */
static void every_character_at_every_place(void **state)
{
    static const char around[] = {'a', '"', '\\', '\0', '\x1F', ' ', '\x80', '\xFF'};
    char block[LE_SCAN_BLOCK];
    (void)state;
    for (size_t i = 0; i < sizeof around; i++) {
        memset(block, around[i], sizeof block);
        check_block(block);
        for (unsigned at = 0; at < LE_SCAN_BLOCK; at++) {
            for (int c = 0; c < 256; c++) {
                block[at] = (char)c;
                check_block(block);
            }
            block[at] = around[i];
        }
    }
}

/* Mostly what is special, or beside that, or the same but for its highest bit. */
static void blocks_of_all_sorts(void **state)
{
    static const char sorts[] = {'"',    '\\',   '\0',   '\x01', '\x1F', ' ',    '!',
                                 '#',    '[',    ']',    '\x7F', '\x80', '\x9F', '\xA0',
                                 '\xA2', '\xDC', '\xFF', '\x02', '\x20', '\x5D'};
    struct le_rng rng;
    char block[LE_SCAN_BLOCK];
    (void)state;
    le_rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        for (size_t at = 0; at < sizeof block; at++)
            block[at] = sorts[le_rng_below(&rng, sizeof sorts)];
        check_block(block);
    }
}

/* A string of len characters behind so many blanks; what stands at one place is another's. */
struct sample {
    size_t blanks, len, place;
    const char *there; /* NULL: nothing else */
    bool ends;         /* with a quote */
};

/* In a block of its exact length, so that a sanitizer sees a byte too many. */
static char *text_of(const struct sample *sample, size_t *len)
{
    size_t extra = sample->there != NULL ? strlen(sample->there) : 0;
    *len = sample->blanks + 1 + sample->len + extra + sample->ends;
    char *text = le_alloc(*len);
    assert_non_null(text);
    char *at = text + sample->blanks;
    memset(text, ' ', sample->blanks);
    *at++ = '"';
    for (size_t i = 0; i < sample->len; i++) {
        if (i == sample->place && extra > 0)
            at = (char *)memcpy(at, sample->there, extra) + extra;
        *at++ = (char)('a' + i % 26);
    }
    if (sample->ends)
        *at = '"';
    return text;
}

/* stands_for: what is at the place is read as; NULL: it must be refused. */
static void check_sample(const struct sample *sample, const char *stands_for)
{
    struct le_reader reader;
    struct le_span found = LE_SPAN_NONE;
    size_t len;
    char *text = text_of(sample, &len);
    le_reader_init(&reader, text, len);
    bool read = le_reader_string(&reader, &found);
    enum le_err err = le_reader_finish(&reader);
    assert_int_equal(read && err == LE_OK, stands_for != NULL);
    size_t at = 0;
    for (size_t i = 0; stands_for != NULL && i < sample->len; i++) {
        for (const char *c = stands_for; i == sample->place && *c != '\0'; c++)
            assert_int_equal(found.ptr[at++], *c);
        assert_int_equal(found.ptr[at++], 'a' + i % 26);
    }
    assert_true(stands_for == NULL || at == found.len);
    le_free(text);
}

static void check_samples(size_t blanks, size_t len)
{
    check_sample(&(struct sample){blanks, len, 0, NULL, true}, "");
    check_sample(&(struct sample){blanks, len, 0, NULL, false}, NULL);
    for (size_t place = 0; place < len; place++) {
        check_sample(&(struct sample){blanks, len, place, "\\n", true}, "\n");
        check_sample(&(struct sample){blanks, len, place, "\\\\\\\"", true}, "\\\"");
        check_sample(&(struct sample){blanks, len, place, "\\u00e9", true}, "\xC3\xA9");
        check_sample(&(struct sample){blanks, len, place, "\\ud83d\\ude00", true},
                     "\xF0\x9F\x98\x80");
        check_sample(&(struct sample){blanks, len, place, "\n", true}, NULL);
        check_sample(&(struct sample){blanks, len, place, "\\n", false}, NULL);
    }
}

static void strings_of_every_length_at_every_place(void **state)
{
    static const size_t lens[] = {0,  1,  2,  7,  8,  9,  15, 16,  17,  31,
                                  33, 48, 61, 62, 63, 64, 65, 127, 128, 129};
    (void)state;
    for (size_t blanks = 0; blanks <= LE_SCAN_BLOCK; blanks++) {
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++)
            check_samples(blanks, lens[i]);
    }
}

/* What is unescaped moves down over what was looked through before: the strings behind it, in the
 * same block, are found where they are. */
static void strings_of_one_block(void **state)
{
    static const char json[] =
        "[\"\\\"\\\"\",\"\",\"\\\\\",\"a\\\"b\",\"\\\"\",{\"\\\\\":\"\\\\\"}]";
    static const char *const expected[] = {"\"\"", "", "\\", "a\"b", "\"", "\\", "\\"};
    struct le_reader reader;
    struct le_span text;
    (void)state;
    for (size_t blanks = 0; blanks <= LE_SCAN_BLOCK; blanks++) {
        char copy[sizeof json + LE_SCAN_BLOCK];
        size_t i = 0;
        memset(copy, ' ', blanks);
        memcpy(copy + blanks, json, sizeof json - 1);
        le_reader_init(&reader, copy, blanks + sizeof json - 1);
        assert_true(le_reader_enter_array(&reader));
        while (le_reader_next_element(&reader)) {
            bool object = le_reader_enter_object(&reader);
            if (object)
                assert_true(le_reader_next_key(&reader, &text) && le_span_is(text, expected[i++]));
            assert_true(le_reader_string(&reader, &text) && le_span_is(text, expected[i++]));
            assert_true(!object || !le_reader_next_key(&reader, &text));
        }
        assert_int_equal(le_reader_finish(&reader), LE_OK);
        assert_int_equal(i, sizeof expected / sizeof expected[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_at_every_place),
        cmocka_unit_test(blocks_of_all_sorts),
        cmocka_unit_test(strings_of_every_length_at_every_place),
        cmocka_unit_test(strings_of_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
