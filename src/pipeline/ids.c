/* Which messages are in flight here: a redelivery of one of them is recognised before it reaches
 * the database. */
#include "loginetl/base/crypto.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* 8-4-4-4-12 */
static bool uuid_parse(struct le_span text, uint8_t out[16])
{
    if (text.len != 36)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.ptr[at++] != '-')
                return false;
        }
        int high = hex_digit(text.ptr[at]), low = hex_digit(text.ptr[at + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

enum le_err le_message_key(struct le_span message_id, uint8_t out[16])
{
    if (uuid_parse(message_id, out))
        return LE_OK;
    uint8_t sum[LE_SHA256_LEN];
    enum le_err err = le_sha256(message_id, sum);
    if (err == LE_OK)
        memcpy(out, sum, 16);
    return err;
}

static size_t bucket_of(const struct le_pipeline *pipeline, const uint8_t id[16])
{
    uint64_t low, high;
    memcpy(&low, id, 8);
    memcpy(&high, id + 8, 8);
    uint64_t hash = (low ^ pipeline->ids_seed) * UINT64_C(0x9e3779b97f4a7c15) ^ high;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return (size_t)(hash >> 40) & (LE_IDS_BUCKETS - 1);
}

struct le_message *le_ids_find(const struct le_pipeline *pipeline, const uint8_t id[16])
{
    struct le_message *message = pipeline->ids[bucket_of(pipeline, id)];
    while (message != NULL && memcmp(message->id, id, 16) != 0)
        message = message->id_next;
    return message;
}

void le_ids_add(struct le_pipeline *pipeline, struct le_message *message)
{
    assert(le_ids_find(pipeline, message->id) == NULL);
    struct le_message **bucket = &pipeline->ids[bucket_of(pipeline, message->id)];
    message->id_next = *bucket;
    *bucket = message;
}

void le_ids_remove(struct le_pipeline *pipeline, struct le_message *message)
{
    struct le_message **link = &pipeline->ids[bucket_of(pipeline, message->id)];
    while (*link != message) {
        assert(*link != NULL);
        link = &(*link)->id_next;
    }
    *link = message->id_next;
    message->id_next = NULL;
}
