#include "message.h"

#include "loginetl/pipeline/internal.h"
#include "trace.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LARGE_MAX 6
#define SLOW_MAX  2

static struct {
    char bytes[LARGE_MAX * BODY_LARGE + MESSAGES_MAX * 256];
    size_t used;
    unsigned large, slow;
    uint32_t large_size;
    bool uuids, times;
} arena;

void messages_draw(struct world *world)
{
    static const uint32_t sizes[] = {16u << 10, 16u << 10, 16u << 10,  16u << 10, 64u << 10,
                                     64u << 10, 64u << 10, 256u << 10, BODY_LARGE};
    arena.used = 0;
    arena.large = arena.slow = 0;
    /* A megabyte takes its time: most worlds have to do with less. */
    arena.large_size = sizes[world_below(world, sizeof sizes / sizeof sizes[0])];
    arena.uuids = world_below(world, 8) != 0;
    arena.times = world_below(world, 16) != 0 || world->crowd;
}

/* The last four digits are the message's number, so that it is found again. */
static void draw_id(struct world *world, unsigned index, struct message *message)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits[2] = {le_rng_next(&world->rng), le_rng_next(&world->rng)};
    bits[1] = (bits[1] & ~UINT64_C(0xffff)) | index;
    unsigned at = 0;
    for (unsigned i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            message->id[at++] = arena.uuids ? '-' : '_';
        message->id[at++] = digits[bits[i / 16] >> (60 - 4 * (i % 16)) & 15];
    }
    message->id[at] = '\0';
    enum le_err err = le_message_key((struct le_span){message->id, at}, message->key);
    assert(err == LE_OK);
    (void)err;
}

static const char *draw_body(struct world *world, struct message *message)
{
    static const char *const good[] = {
        "{\"user_id\":\"u%u\",\"app_version\":\"2.3.0\",\"ip\":\"192.0.2.7\",\"device_id\":\"d\"}",
        "{\"user_id\":\"u%u\",\"locale\":\"de\",\"create_date\":\"2026-11-21\"}",
        "{\"device_type\":\"a\\u006edroid\",\"user_id\":\"u%u\",\"ip\":\"2001:db8::1\"}",
        "{\"user_id\":\"u%u\",\"extra\":[1,{\"deep\":null}]}",
    };
    static const char *const bad[] = {
        "{\"no_user\":%u}",     "[%u]",
        "{\"user_id\":\"u%u\"", "{\"user_id\":\"a\\u0000%u\"}",
        "{\"user_id\":%u}",     "{\"user_id\":\"u%u\",\"create_date\":\"tomorrow\"}",
    };
    bool of_crowd = message < &world->messages[CROWD_ROWS] && world_strikes(world, FAULT_BAD_CROWD);
    if (of_crowd || world_strikes(world, FAULT_BAD_ROW)) {
        message->bad = message->bad_row = true;
        return "{\"user_id\":\"c%u\",\"locale\":\"xx\"}";
    }
    if (world_strikes(world, FAULT_UNCLEAR_ROW)) {
        message->bad = message->bad_row = message->unclear = true;
        return "{\"user_id\":\"c%u\",\"locale\":\"yy\"}";
    }
    if (world_strikes(world, FAULT_BAD_BODY)) {
        message->bad = true;
        return bad[world_below(world, sizeof bad / sizeof bad[0])];
    }
    if (arena.slow < SLOW_MAX && world_strikes(world, FAULT_SLOW_ROW)) {
        arena.slow++;
        message->slow = true;
    }
    return good[world_below(world, sizeof good / sizeof good[0])];
}

/* White space behind the value makes it as large as it is to be. */
static void make_large(struct world *world, struct message *message)
{
    if (arena.large == LARGE_MAX || !world_strikes(world, FAULT_LARGE_BODY))
        return;
    arena.large++;
    memset(message->body + message->body_len, ' ', arena.large_size - message->body_len);
    message->body_len = arena.large_size;
}

static void send_one(struct world *world)
{
    unsigned index = world->message_count++;
    struct message *message = &world->messages[index];
    *message = (struct message){.visible_at_ms = world->now_ms};
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        world->workers[i].known[index] = (struct known){0};
    draw_id(world, index, message);
    message->group = (unsigned)le_rng_below(&world->groups_rng, world->group_count);
    message->sent_at_ms =
        arena.times ? INT64_C(1700000000000) + world->now_ms - (int64_t)(index % 3) : -1;
    message->body = arena.bytes + arena.used;
    const char *body = draw_body(world, message);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len = snprintf(message->body, 256, body, index);
#pragma GCC diagnostic pop
    assert(len > 0 && len < 256);
    message->body_len = (uint32_t)len;
    make_large(world, message);
    arena.used += message->body_len;
    assert(arena.used + 256 <= sizeof arena.bytes || index + 1 == MESSAGES_MAX);
    *(message->bad ? &world->open_bad : &world->open_good) += 1;
}

void messages_send(struct world *world, unsigned count)
{
    unsigned sent = 0;
    while (sent < count && world->message_count < MESSAGES_MAX) {
        send_one(world);
        sent++;
    }
    trace(world, NULL, "%u messages are sent", sent);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

unsigned world_find(const struct world *world, struct le_span id)
{
    if (id.len != 36)
        return MESSAGES_MAX;
    unsigned index = 0;
    for (size_t i = 32; i < 36; i++)
        index = index * 16 + (unsigned)digit(id.ptr[i]);
    if (index >= world->message_count || memcmp(world->messages[index].id, id.ptr, id.len) != 0)
        return MESSAGES_MAX;
    return index;
}
