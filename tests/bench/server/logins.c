#include "logins.h"

#include "loginetl/base/crypto.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/rng.h"

#include <assert.h>
#include <string.h>

#define FIELD_OWN    170 /* bytes of a body without padding, about */
#define RAW_MAX      256 /* what follows the lead */
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char locales[][3] = {"AR", "BR", "CN", "DE", "ES", "FR", "GB",
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
};

/* A body is written twice at once: as it is, for the hash, and escaped, for the answer. */
struct twin {
    char *raw, *escaped;
};

static void put_plain(struct twin *twin, const char *text, size_t len)
{
    memcpy(twin->raw, text, len);
    memcpy(twin->escaped, text, len);
    twin->raw += len;
    twin->escaped += len;
}

#define PUT(twin, literal, escaped_literal)                                      \
    do {                                                                         \
        memcpy((twin)->raw, (literal), sizeof(literal) - 1);                     \
        memcpy((twin)->escaped, (escaped_literal), sizeof(escaped_literal) - 1); \
        (twin)->raw += sizeof(literal) - 1;                                      \
        (twin)->escaped += sizeof(escaped_literal) - 1;                          \
    } while (0)

/* --- numbers as text --- */

static char hex_pairs[256][2]; /* made by logins_init */

static void make_hex_pairs(void)
{
    for (int i = 0; i < 256; i++) {
        const uint8_t byte = (uint8_t)i;
        le_hex(&byte, 1, hex_pairs[i]);
    }
}

static void put_pair(uint64_t word, int shift, char *out)
{
    memcpy(out, hex_pairs[word >> shift & 255], 2);
}

/* Version 4, variant 10. */
static void put_uuid(uint64_t high, uint64_t low, char out[LOGINS_ID_LEN])
{
    static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    high = (high & ~UINT64_C(0xf000)) | 0x4000;
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    for (int i = 0; i < 8; i++) {
        put_pair(high, 56 - 8 * i, out + places[i]);
        put_pair(low, 56 - 8 * i, out + places[8 + i]);
    }
    out[8] = out[13] = out[18] = out[23] = '-';
}

static char *put_octet(uint32_t octet, char *out)
{
    if (octet >= 100)
        *out++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *out++ = (char)('0' + octet / 10 % 10);
    *out++ = (char)('0' + octet % 10);
    return out;
}

static void put_digits(uint32_t value, int digits, char *out)
{
    for (; digits-- > 0; value /= 10)
        out[digits] = (char)('0' + value % 10);
}

/* --- the fields; a step that shares no factor with the count of values reaches each before any
 * again --- */

static void put_ip(struct twin *twin, uint64_t number)
{
    char text[15], *at = text;
    uint32_t ip = (uint32_t)(number * UINT64_C(2654435761) % (UINT64_C(223) << 24)) + (1U << 24);
    for (int shift = 24; shift >= 0; shift -= 8) {
        at = put_octet(ip >> shift & 255, at);
        if (shift > 0)
            *at++ = '.';
    }
    put_plain(twin, text, (size_t)(at - text));
}

static void put_device_id(struct twin *twin, uint64_t number)
{
    char text[11];
    uint32_t device = (uint32_t)(number * UINT64_C(382653587) % 1000000000);
    put_digits(device / 1000000, 3, text);
    put_digits(device / 10000 % 100, 2, text + 4);
    put_digits(device % 10000, 4, text + 7);
    text[3] = text[6] = '-';
    put_plain(twin, text, sizeof text);
}

static void put_version(struct twin *twin, uint64_t drawn)
{
    const char text[5] = {(char)('0' + drawn % 8), '.', (char)('0' + drawn / 8 % 10), '.',
                          (char)('0' + drawn / 80 % 10)};
    put_plain(twin, text, sizeof text);
}

static void put_locale(struct twin *twin, uint64_t drawn)
{
    if (drawn % 100 < 29) { /* the share of the sample queue that has none */
        put_plain(twin, "null", 4);
        return;
    }
    PUT(twin, "\"", "\\\"");
    put_plain(twin, locales[drawn / 100 % COUNT(locales)], 2);
    PUT(twin, "\"", "\\\"");
}

static void put_fields(struct twin *twin, uint64_t seed, uint64_t number)
{
    char user[LOGINS_ID_LEN];
    uint64_t high = le_mix64(le_mix64(seed) ^ number), low = le_mix64(high), drawn = le_mix64(low);
    put_uuid(high, low, user);
    put_plain(twin, user, sizeof user);
    PUT(twin, "\", \"app_version\": \"", "\\\", \\\"app_version\\\": \\\"");
    put_version(twin, drawn);
    PUT(twin, "\", \"device_type\": \"", "\\\", \\\"device_type\\\": \\\"");
    if (drawn >> 20 & 1)
        put_plain(twin, "ios", 3);
    else
        put_plain(twin, "android", 7);
    PUT(twin, "\", \"ip\": \"", "\\\", \\\"ip\\\": \\\"");
    put_ip(twin, seed + number);
    PUT(twin, "\", \"locale\": ", "\\\", \\\"locale\\\": ");
    put_locale(twin, drawn >> 32);
    PUT(twin, ", \"device_id\": \"", ", \\\"device_id\\\": \\\"");
    put_device_id(twin, seed + number);
    PUT(twin, "\"}", "\\\"}");
}

/* --- hashing --- */

/* It fails only for contexts that were not set up. */
static void must(int result)
{
    assert(result == 0);
    (void)result;
}

static void finish_md5(struct logins *logins, const char *rest, size_t len,
                       char md5[LOGINS_MD5_LEN])
{
    uint8_t sum[LE_MD5_LEN];
    must(mbedtls_md_update(&logins->digest, (const unsigned char *)rest, len));
    must(mbedtls_md_finish(&logins->digest, sum));
    le_hex(sum, sizeof sum, md5);
}

void logins_md5(struct logins *logins, const char *text, size_t len, char md5[LOGINS_MD5_LEN])
{
    must(mbedtls_md_starts(&logins->digest));
    finish_md5(logins, text, len, md5);
}

/* --- all of it --- */

static char *put_bad(struct logins *logins, uint64_t kind, char *out, char md5[LOGINS_MD5_LEN])
{
    const char *body = bad_bodies[kind % COUNT(bad_bodies)];
    logins_md5(logins, body, strlen(body), md5);
    for (; *body != '\0'; body++) {
        if (*body == '"')
            *out++ = '\\';
        *out++ = *body;
    }
    return out;
}

char *logins_put_body(struct logins *logins, uint64_t number, char *out, char md5[LOGINS_MD5_LEN])
{
    if (logins->bad_every > 0 && number % logins->bad_every == logins->bad_every - 1)
        return put_bad(logins, number / logins->bad_every, out, md5);
    char raw[RAW_MAX];
    memcpy(out, logins->lead, logins->lead_len);
    struct twin twin = {raw, out + logins->lead_len};
    put_fields(&twin, logins->seed, number);
    must(mbedtls_md_clone(&logins->digest, &logins->after_lead));
    finish_md5(logins, raw, (size_t)(twin.raw - raw), md5);
    return twin.escaped;
}

void logins_put_id(const struct logins *logins, uint64_t number, char out[LOGINS_ID_LEN])
{
    /* The low half's step is odd, so that no two of its 62 bits are the same. */
    put_uuid(le_mix64(le_mix64(~logins->seed) ^ number), number * UINT64_C(0x9e3779b97f4a7c15),
             out);
}

/* {"note": "xxx…", "user_id": " */
static char *make_lead(const struct logins *logins, size_t *len, size_t *escaped_len)
{
    struct twin start, twin;
    char *raw = le_alloc(2 * (logins->body_bytes + LOGINS_ROOM));
    if (raw == NULL)
        return NULL;
    start = twin = (struct twin){raw, raw + logins->body_bytes + LOGINS_ROOM};
    PUT(&twin, "{", "{");
    if (logins->body_bytes > FIELD_OWN) {
        PUT(&twin, "\"note\": \"", "\\\"note\\\": \\\"");
        for (size_t left = logins->body_bytes - FIELD_OWN; left > 0; left--)
            put_plain(&twin, "x", 1);
        PUT(&twin, "\", ", "\\\", ");
    }
    PUT(&twin, "\"user_id\": \"", "\\\"user_id\\\": \\\"");
    *len = (size_t)(twin.raw - start.raw);
    *escaped_len = (size_t)(twin.escaped - start.escaped);
    return raw;
}

enum le_err logins_init(struct logins *logins)
{
    const mbedtls_md_info_t *md5 = mbedtls_md_info_from_type(MBEDTLS_MD_MD5);
    mbedtls_md_init(&logins->after_lead);
    mbedtls_md_init(&logins->digest);
    logins->lead = NULL;
    make_hex_pairs();
    if (logins->body_bytes > LOGINS_BODY_MAX)
        return LE_ERR_TOO_LARGE;
    size_t raw_len;
    char *raw = make_lead(logins, &raw_len, &logins->lead_len);
    if (raw == NULL || mbedtls_md_setup(&logins->after_lead, md5, 0) != 0 ||
        mbedtls_md_setup(&logins->digest, md5, 0) != 0) {
        le_free(raw);
        return LE_ERR_NOMEM;
    }
    must(mbedtls_md_starts(&logins->after_lead));
    must(mbedtls_md_update(&logins->after_lead, (const unsigned char *)raw, raw_len));
    logins->lead = raw;
    memmove(raw, raw + logins->body_bytes + LOGINS_ROOM, logins->lead_len);
    return LE_OK;
}

void logins_free(struct logins *logins)
{
    le_free(logins->lead);
    mbedtls_md_free(&logins->after_lead);
    mbedtls_md_free(&logins->digest);
}
