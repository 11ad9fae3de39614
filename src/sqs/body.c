#include "loginetl/base/crypto.h"
#include "loginetl/base/hex.h"
#include "loginetl/sqs/codec.h"

/* A library without MD5 (some are built so, by law) must not make every message a damaged one. */
bool le_sqs_body_is_damaged(const struct le_sqs_message *message)
{
    uint8_t given[LE_MD5_LEN], sum[LE_MD5_LEN];
    struct le_span body = {message->body, message->body_len};
    if (message->body_md5.len != 2 * sizeof given || !le_unhex(message->body_md5, given) ||
        le_md5_bulk(body, sum) != LE_OK)
        return false;
    return memcmp(given, sum, sizeof sum) != 0;
}
