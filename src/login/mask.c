#include "loginetl/login/mask.h"

#include "loginetl/base/crypto.h"

#include <assert.h>

const char *le_mask_word(enum le_mask_method method)
{
    switch (method) {
    case LE_MASK_SHA256: return "sha256";
    case LE_MASK_SHA512: return "sha512";
    }
    assert(!"a mask of no method");
    return "";
}

enum le_err le_mask_parse(struct le_span word, enum le_mask_method *out)
{
    static const enum le_mask_method all[] = {LE_MASK_SHA256, LE_MASK_SHA512};
    assert(out != NULL);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (le_span_is(word, le_mask_word(all[i]))) {
            *out = all[i];
            return LE_OK;
        }
    }
    return LE_ERR_CONFIG;
}

size_t le_mask_chars(enum le_mask_method method)
{
    _Static_assert(2 * LE_SHA512_LEN <= LE_MASK_CHARS_MAX, "the longest mask fits");
    switch (method) {
    case LE_MASK_SHA256: return 2 * LE_SHA256_LEN;
    case LE_MASK_SHA512: return 2 * LE_SHA512_LEN;
    }
    assert(!"a mask of no method");
    return 0;
}

enum le_err le_mask(enum le_mask_method method, struct le_span value, char *out)
{
    assert(out != NULL && (value.ptr != NULL || value.len == 0));
    uint8_t sum[LE_SHA512_LEN];
    enum le_err err =
        method == LE_MASK_SHA256 ? le_sha256_bulk(value, sum) : le_sha512_bulk(value, sum);
    if (err != LE_OK)
        return err;
    le_hex(sum, le_mask_chars(method) / 2, out);
    return LE_OK;
}
