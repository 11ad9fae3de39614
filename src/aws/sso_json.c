/* The token of an SSO login as bytes: its cache, and how it is renewed. */
#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/json.h"
#include "loginetl/base/json_reader.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>

/* What a token's life may be: a year. More is a mistake, and would not fit into a time. */
#define LASTS_S_MAX INT64_C(31622400)

/* ---- the cache ---- */

struct cached {
    struct le_sso_token token;
    struct le_span expires, registration;
};

static struct le_span *place_of(struct le_span key, struct cached *cached)
{
    const struct {
        const char *key;
        struct le_span *place;
    } members[] = {
        {"accessToken", &cached->token.access_token},
        {"expiresAt", &cached->expires},
        {"refreshToken", &cached->token.refresh_token},
        {"clientId", &cached->token.client_id},
        {"clientSecret", &cached->token.client_secret},
        {"registrationExpiresAt", &cached->registration},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (le_span_is(key, members[i].key))
            return members[i].place;
    }
    return NULL;
}

static void read_members(struct le_reader *reader, struct cached *cached)
{
    struct le_span key;
    while (le_reader_next_key(reader, &key)) {
        struct le_span *place = place_of(key, cached);
        if (place == NULL || !le_reader_string(reader, place))
            le_reader_skip(reader);
    }
}

enum le_err le_sso_token_read(char *text, size_t len, struct le_sso_token *out)
{
    struct le_reader reader;
    struct cached cached = {.token = {.expires_at_ms = 0}};
    *out = cached.token;
    le_reader_init(&reader, text, len);
    if (len == 0 || !le_reader_enter_object(&reader))
        return LE_ERR_PROTOCOL;
    read_members(&reader, &cached);
    if (le_reader_finish(&reader) != LE_OK || !le_credential_fits(cached.token.access_token) ||
        le_parse_iso_time(cached.expires, &cached.token.expires_at_ms) != LE_OK)
        return LE_ERR_PROTOCOL;
    if (le_parse_iso_time(cached.registration, &cached.token.registration_ends_at_ms) != LE_OK)
        cached.token.registration_ends_at_ms = 0;
    *out = cached.token;
    return LE_OK;
}

bool le_sso_token_renewable(const struct le_sso_token *token, int64_t now_ms)
{
    return token->refresh_token.len > 0 && token->client_id.len > 0 &&
           token->client_secret.len > 0 && token->registration_ends_at_ms > now_ms;
}

/* ---- the request and its answer ---- */

/* before: what stands between it and the member before, and its key. */
static enum le_err append_member(struct le_buf *out, const char *before, struct le_span value)
{
    enum le_err err = le_buf_append_text(out, before);
    return err == LE_OK ? le_json_append_string(out, value) : err;
}

enum le_err le_sso_renewal_write(struct le_buf *out, const struct le_sso_token *token)
{
    enum le_err err = append_member(out, "{\"clientId\":", token->client_id);
    if (err == LE_OK)
        err = append_member(out, ",\"clientSecret\":", token->client_secret);
    if (err == LE_OK)
        err = append_member(
            out, ",\"grantType\":\"refresh_token\",\"refreshToken\":", token->refresh_token);
    return err == LE_OK ? le_buf_append_text(out, "}") : err;
}

static bool read_renewed(struct le_reader *reader, struct le_sso_renewed *out)
{
    struct le_span key;
    int64_t lasts_s = 0;
    while (le_reader_next_key(reader, &key)) {
        bool read = false;
        if (le_span_is(key, "accessToken"))
            read = le_reader_string(reader, &out->access_token);
        else if (le_span_is(key, "refreshToken"))
            read = le_reader_string(reader, &out->refresh_token);
        else if (le_span_is(key, "expiresIn"))
            read = le_reader_int(reader, &lasts_s);
        if (!read)
            le_reader_skip(reader);
    }
    if (lasts_s <= 0 || lasts_s > LASTS_S_MAX)
        return false;
    out->lasts_ms = lasts_s * 1000;
    return le_reader_finish(reader) == LE_OK && le_credential_fits(out->access_token);
}

enum le_err le_sso_renewed_read(char *text, size_t len, struct le_sso_renewed *out)
{
    struct le_reader reader;
    struct le_sso_renewed renewed = {.lasts_ms = 0};
    *out = renewed;
    le_reader_init(&reader, text, len);
    if (len == 0 || !le_reader_enter_object(&reader) || !read_renewed(&reader, &renewed))
        return LE_ERR_PROTOCOL;
    *out = renewed;
    return LE_OK;
}

/* ---- the new cache ---- */

static bool is_written_anew(struct le_span key)
{
    return le_span_is(key, "startUrl") || le_span_is(key, "region") ||
           le_span_is(key, "accessToken") || le_span_is(key, "expiresAt") ||
           le_span_is(key, "refreshToken");
}

static enum le_err append_new(struct le_buf *out, const struct le_sso_renewed *renewed,
                              int64_t now_ms, const struct le_sso_place *place)
{
    char ends[25];
    le_format_iso_ms(now_ms + renewed->lasts_ms, ends);
    memcpy(ends + strlen("2015-08-30T12:36:00"), "Z", sizeof "Z"); /* as all write it */
    enum le_err err = append_member(out, "{\"startUrl\": ", place->start_url);
    if (err == LE_OK)
        err = append_member(out, ", \"region\": ", place->region);
    if (err == LE_OK)
        err = append_member(out, ", \"accessToken\": ", renewed->access_token);
    if (err == LE_OK)
        err = append_member(out, ", \"expiresAt\": ", le_span_of(ends));
    if (err == LE_OK && renewed->refresh_token.len > 0)
        err = append_member(out, ", \"refreshToken\": ", renewed->refresh_token);
    return err;
}

/* With the value as it stands there, for it may be of any kind. */
static enum le_err append_old(struct le_buf *out, struct le_span key, struct le_span value)
{
    enum le_err err = append_member(out, ", ", key);
    if (err == LE_OK)
        err = le_buf_append_text(out, ":");
    return err == LE_OK ? le_buf_append_span(out, value) : err;
}

static enum le_err append_others(struct le_buf *out, struct le_reader *reader)
{
    struct le_span key;
    enum le_err err = LE_OK;
    while (err == LE_OK && le_reader_next_key(reader, &key)) {
        const char *from = reader->at;
        le_reader_skip(reader);
        if (reader->err == LE_OK && !is_written_anew(key))
            err = append_old(out, key, (struct le_span){from, (size_t)(reader->at - from)});
    }
    if (err != LE_OK)
        return err;
    return le_reader_finish(reader) == LE_OK ? le_buf_append_text(out, "}") : LE_ERR_PROTOCOL;
}

enum le_err le_sso_token_write(struct le_buf *out, char *old, size_t old_len,
                               const struct le_sso_renewed *renewed, int64_t now_ms,
                               const struct le_sso_place *place)
{
    struct le_reader reader;
    assert(renewed->lasts_ms > 0 && renewed->access_token.len > 0);
    le_reader_init(&reader, old, old_len);
    if (old_len == 0 || !le_reader_enter_object(&reader))
        return LE_ERR_PROTOCOL;
    enum le_err err = append_new(out, renewed, now_ms, place);
    return err == LE_OK ? append_others(out, &reader) : err;
}
