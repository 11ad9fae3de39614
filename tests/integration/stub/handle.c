#include "handle.h"

#include <string.h>

#include "text.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char lead[] = "AQEB";

enum {
    LEAD = sizeof lead - 1,
    WORD = 11,
    FRONT = LEAD + 2 * WORD
}; /* 64 bits are 11 digits of 6 bits */

/* The words are turned around by a constant only: they need to look like nothing, not to be secret.
 */
static const uint64_t turn[2] = {0x6c6f67696e65746cULL, 0x73717373747562ffULL};

static void write_word(uint64_t word, char *out)
{
    for (int i = 0; i < WORD; i++, word >>= 6)
        out[i] = letters[word & 63];
}

static bool read_word(const char *in, uint64_t *word)
{
    *word = 0;
    for (int i = WORD; i-- > 0;) {
        const char *found = in[i] ? strchr(letters, in[i]) : NULL;
        if (!found)
            return false;
        *word = *word << 6 | (uint64_t)(found - letters);
    }
    return true;
}

static void write_tail(uint64_t seed, char *out, size_t length)
{
    for (size_t i = 0; i < length;) {
        seed = mix64(seed);
        uint64_t bits = seed;
        for (int k = 0; k < 10 && i < length; k++, bits >>= 6)
            out[i++] = letters[bits & 63];
    }
}

size_t handle_write(struct handle handle, char out[HANDLE_MAX])
{
    uint64_t where = (uint64_t)handle.slot << 32 | handle.receive;
    uint64_t which = handle.serial << 16 | handle.queue;
    uint64_t seed = mix64(where ^ mix64(which));
    size_t length = 184 + seed % 49 * 4;
    memcpy(out, lead, LEAD);
    write_word(where ^ turn[0], out + LEAD);
    write_word(which ^ turn[1], out + LEAD + WORD);
    write_tail(seed, out + FRONT, length - FRONT);
    size_t padding = seed >> 32 & 1 ? 1 + (seed >> 33 & 1) : 0;
    memset(out + length - padding, '=', padding);
    return length;
}

bool handle_read(const char *text, size_t length, struct handle *handle)
{
    char same[HANDLE_MAX];
    uint64_t where, which;
    if (length < FRONT || !read_word(text + LEAD, &where) || !read_word(text + LEAD + WORD, &which))
        return false;
    where ^= turn[0];
    which ^= turn[1];
    *handle =
        (struct handle){which & 0xffff, (uint32_t)(where >> 32), (uint32_t)where, which >> 16};
    return handle_write(*handle, same) == length && !memcmp(same, text, length);
}
