#include "logins.h"

#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const locales[] = {"AR", "BR", "CN", "DE", "ES", "FR", "GB",
                                      "ID", "IN", "JP", "PL", "RU", "SE", "US"};

/* One of each kind of body that cannot become a row. */
static const char *const bad_bodies[] = {
    "not json at all",
    "[\"an\", \"array\"]",
    "{\"foo\": \"oops\", \"bar\": 1}",
    "{\"user_id\": {\"nested\": true}}",
    "{\"user_id\": \"bad-version\", \"app_version\": \"2.x\"}",
    "{\"user_id\": \"bad-date\", \"create_date\": \"2023-02-30\"}",
    "{\"user_id\": \"too-long\", \"locale\": \"a locale that is far longer than the column\"}",
    "{\"user_id\": \"nul\\u0000\"}",
    "{\"user_id\": \"surrogate\\ud800\"}",
    "{\"user_id\": \"big\", \"app_version\": \"99999999999\"}",
};

static uint64_t draw(uint64_t *state)
{
    return *state = mix64(*state);
}

static void add_locale(struct text *body, uint64_t drawn)
{
    if (drawn % 100 < 29) /* the share of the sample queue that has none */
        text_puts(body, "null");
    else
        text_printf(body, "\"%s\"", locales[drawn / 100 % COUNT(locales)]);
}

static void add_good(struct text *body, uint64_t state)
{
    char user[37];
    uint64_t high = draw(&state);
    uuid_from(high, draw(&state), user);
    uint64_t v = draw(&state), ip = draw(&state), device = draw(&state);
    text_printf(
        body,
        "{\"user_id\": \"%s\", \"app_version\": \"%u.%u.%u\", \"device_type\": \"%s\", \"ip\": \"%u.%u.%u.%u\", ",
        user, (unsigned)(v % 8), (unsigned)(v / 8 % 10), (unsigned)(v / 80 % 10),
        v & 1 << 20 ? "ios" : "android", (unsigned)(1 + ip % 223), (unsigned)(ip >> 8 & 255),
        (unsigned)(ip >> 16 & 255), (unsigned)(ip >> 24 & 255));
    text_puts(body, "\"locale\": ");
    add_locale(body, draw(&state));
    text_printf(body, ", \"device_id\": \"%03u-%02u-%04u\"}", (unsigned)(device % 1000),
                (unsigned)(device / 1000 % 100), (unsigned)(device / 100000 % 10000));
}

static void pad(struct text *body, unsigned size)
{
    static const char key[] = ", \"note\": \"";
    if (body->length + sizeof key + 2 > size)
        return;
    body->length--; /* the closing brace */
    text_add(body, key, sizeof key - 1);
    text_reserve(body, size);
    while (body->length < size - 2)
        body->bytes[body->length++] = 'x';
    text_add(body, "\"}", 2);
}

void login_body(const struct logins *logins, uint64_t number, struct text *body)
{
    uint64_t state = mix64(logins->seed) ^ number;
    uint64_t kind = draw(&state);
    if (kind % 1000000 < logins->bad_per_million) {
        text_puts(body, bad_bodies[kind / 1000000 % COUNT(bad_bodies)]);
        return;
    }
    add_good(body, state);
    pad(body, logins->body_size);
}

void login_id(const struct logins *logins, uint64_t number, char id[37])
{
    uint64_t high = mix64(mix64(~logins->seed) ^ number);
    uuid_from(high, mix64(high), id);
}

int64_t login_sent_ms(const struct logins *logins, uint64_t number)
{
    return logins->end_ms - (int64_t)((logins->total - number) / 10);
}
