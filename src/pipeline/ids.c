/* Which messages are in flight here: a redelivery of one of them is recognised before it reaches
 * the database. */
#include "loginetl/base/crypto.h"
#include "loginetl/base/hex.h"
#include "loginetl/base/prefetch.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

/* 8-4-4-4-12 */
static bool uuid_parse(struct le_span text, uint8_t out[16])
{
    const char *at = text.ptr;
    return text.len == 36 && at[8] == '-' && at[13] == '-' && at[18] == '-' && at[23] == '-' &&
           le_unhex((struct le_span){at, 8}, out) &&
           le_unhex((struct le_span){at + 9, 4}, out + 4) &&
           le_unhex((struct le_span){at + 14, 4}, out + 6) &&
           le_unhex((struct le_span){at + 19, 4}, out + 8) &&
           le_unhex((struct le_span){at + 24, 12}, out + 10);
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

void le_ids_expect(const struct le_pipeline *pipeline, const uint8_t id[16])
{
    le_prefetch(&pipeline->ids[bucket_of(pipeline, id)], 1);
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
