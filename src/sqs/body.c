#include "loginetl/base/crypto.h"
#include "loginetl/sqs/codec.h"

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static bool read_md5(struct le_span hex, uint8_t out[LE_MD5_LEN])
{
    if (hex.len != 2 * (size_t)LE_MD5_LEN)
        return false;
    for (size_t i = 0; i < LE_MD5_LEN; i++) {
        int high = hex_value(hex.ptr[2 * i]), low = hex_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* A library without MD5 (some are built so, by law) must not make every message a damaged one. */
bool le_sqs_body_is_damaged(const struct le_sqs_message *message)
{
    uint8_t given[LE_MD5_LEN], sum[LE_MD5_LEN];
    struct le_span body = {message->body, message->body_len};
    if (!read_md5(message->body_md5, given) || le_md5_bulk(body, sum) != LE_OK)
        return false;
    return memcmp(given, sum, sizeof sum) != 0;
}
