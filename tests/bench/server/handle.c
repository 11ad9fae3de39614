#include "handle.h"

#include "loginetl/base/rng.h"

#include <string.h>

#define LEAD  4
#define WORD  11                           /* digits of six bits for 64 */
#define TURN  UINT64_C(0x6c6f67696e65746c) /* it needs to look like nothing, not to be secret */
#define SHAPE "AQEB"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What does not depend on the delivery, and each letter's value plus one; made at the first use. */
static char pattern[HANDLE_LEN];
static uint8_t values[256];

static void make_tables(void)
{
    uint64_t state = TURN;
    for (size_t i = 0; i < HANDLE_LEN; i++) {
        state = le_mix64(state);
        pattern[i] = letters[state & 63];
    }
    memcpy(pattern, SHAPE, LEAD);
    pattern[HANDLE_LEN - 1] = '=';
    for (int i = 0; i < 64; i++)
        values[(unsigned char)letters[i]] = (uint8_t)(i + 1);
}

static void put_word(uint64_t word, char *out)
{
    for (int i = 0; i < WORD; i++, word >>= 6)
        out[i] = letters[word & 63];
}

static bool read_word(const char *in, uint64_t *word)
{
    *word = 0;
    for (int i = WORD; i-- > 0;) {
        unsigned value = values[(unsigned char)in[i]];
        if (value == 0)
            return false;
        *word = *word << 6 | (value - 1);
    }
    return true;
}

void handle_put(struct delivery delivery, char out[HANDLE_LEN])
{
    if (pattern[0] == '\0')
        make_tables();
    uint64_t word = (uint64_t)delivery.number << 32 | delivery.receives;
    memcpy(out, pattern, HANDLE_LEN);
    put_word(word ^ TURN, out + LEAD);
    put_word(le_mix64(word), out + LEAD + WORD);
}

bool handle_read(struct le_span text, struct delivery *delivery)
{
    char same[HANDLE_LEN];
    uint64_t word;
    if (pattern[0] == '\0')
        make_tables();
    if (text.len != HANDLE_LEN || !read_word(text.ptr + LEAD, &word))
        return false;
    word ^= TURN;
    *delivery = (struct delivery){(uint32_t)(word >> 32), (uint32_t)word};
    handle_put(*delivery, same);
    return memcmp(same, text.ptr, HANDLE_LEN) == 0;
}
