/* What a FIFO queue needs beside a message: its group, within which order is kept, and what tells
 * it from all others. A user's logins are a group, so that they stay in order, and users do not
 * wait for each other. */
#include "loginetl/app/send.h"

#include "loginetl/base/crypto.h"
#include "loginetl/base/hex.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define NO_USER "loginetl" /* the group of what has no user */

enum le_err le_send_order_open(struct le_sender *sender)
{
    sender->group_id = le_span_of(le_setting(sender->world.settings, LE_OPT_GROUP_ID));
    sender->run = le_rng_next(&sender->world.rng);
    sender->json = le_json_new();
    return sender->json != NULL ? LE_OK : LE_ERR_NOMEM;
}

void le_send_order_close(struct le_sender *sender)
{
    le_json_free(sender->json);
    sender->json = NULL;
}

/* Its user_id as it is written, the last one if there are several; absent when it is not JSON. */
static struct le_span user_of(struct le_sender *sender, struct le_span body)
{
    struct le_json_value key, value;
    struct le_span user = LE_SPAN_NONE;
    size_t cursor = 0;
    if (le_json_parse(sender->json, body.ptr, body.len) != LE_OK ||
        le_json_root(sender->json).kind != LE_JSON_OBJECT)
        return user;
    while (le_json_member(sender->json, &cursor, &key, &value))
        if (le_span_is((struct le_span){key.ptr, key.len}, "user_id"))
            user = (struct le_span){value.ptr, value.len};
    return user;
}

/* Hashed, for a group's id may not hold every character that a user's may, nor be as long. */
static enum le_err group_of(struct le_sender *sender, struct le_span body,
                            struct le_send_order *out, struct le_span *group)
{
    uint8_t sum[LE_SHA256_LEN];
    *group = sender->group_id;
    if (group->len > 0)
        return LE_OK;
    struct le_span user = user_of(sender, body);
    *group = LE_SPAN_LIT(NO_USER);
    if (user.len == 0)
        return LE_OK;
    enum le_err err = le_sha256(user, sum);
    if (err != LE_OK)
        return err;
    le_hex(sum, sizeof sum, out->group);
    *group = (struct le_span){out->group, sizeof out->group};
    return LE_OK;
}

enum le_err le_send_order(struct le_sender *sender, uint64_t number, struct le_send_order *out,
                          struct le_sqs_send_entry *entry)
{
    int len = snprintf(out->deduplication, sizeof out->deduplication, "%016" PRIx64 "-%" PRIu64,
                       sender->run, number);
    assert(len > 0 && (size_t)len < sizeof out->deduplication);
    entry->deduplication_id = (struct le_span){out->deduplication, (size_t)len};
    return group_of(sender, entry->body, out, &entry->group_id);
}
