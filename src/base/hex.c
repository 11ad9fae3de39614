#include "loginetl/base/hex.h"

#include <assert.h>

const uint8_t le_hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool le_unhex(struct le_span text, uint8_t *out)
{
    assert((text.ptr != NULL && out != NULL) || text.len == 0);
    int all = 0; /* below 0 as soon as one digit's value is */
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = le_hex_value(text.ptr[2 * i]), low = le_hex_value(text.ptr[2 * i + 1]);
        all |= high | low;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return text.len % 2 == 0 && all >= 0;
}
