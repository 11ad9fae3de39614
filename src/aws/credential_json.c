#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/json_reader.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/sqs/json.h"

#include <assert.h>

/* A form's keys, and what it cannot do without. */
struct form {
    const char *within; /* the object that holds them; NULL: the root */
    const char *id, *secret, *token, *expiration;
    bool temporary; /* token and expiration are never missing */
    bool versioned;
};

static const struct form forms[] = {
    [LE_ANSWER_METADATA] = {NULL, "AccessKeyId", "SecretAccessKey", "Token", "Expiration", true,
                            false},
    [LE_ANSWER_PROCESS] = {NULL, "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration",
                           false, true},
    [LE_ANSWER_SSO] = {"roleCredentials", "accessKeyId", "secretAccessKey", "sessionToken",
                       "expiration", true, false},
};

struct found {
    struct le_credentials credentials;
    struct le_span expiration;
    struct le_span code;
    int64_t expiration_ms; /* when it is a number */
    int64_t version;
};

bool le_credential_fits(struct le_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= LE_CREDENTIAL_LEN_MAX;
}

/* Where a key's text goes; NULL: it is none of ours. */
static struct le_span *place_of(const struct form *form, struct le_span key, struct found *found)
{
    if (le_span_is(key, form->id))
        return &found->credentials.access_key_id;
    if (le_span_is(key, form->secret))
        return &found->credentials.secret_access_key;
    if (le_span_is(key, form->token))
        return &found->credentials.session_token;
    return le_span_is(key, "Code") || le_span_is(key, "code") ? &found->code : NULL;
}

static void read_member(struct le_reader *reader, const struct form *form, struct le_span key,
                        struct found *found)
{
    struct le_span *place = place_of(form, key, found);
    bool read = place != NULL && le_reader_string(reader, place);
    if (le_span_is(key, form->expiration))
        read = le_reader_string(reader, &found->expiration) ||
               le_reader_int(reader, &found->expiration_ms);
    else if (le_span_is(key, "Version"))
        read = le_reader_int(reader, &found->version);
    if (!read)
        le_reader_skip(reader);
}

/* The members of the object that the reader has entered. */
static void read_members(struct le_reader *reader, const struct form *form, struct found *found)
{
    struct le_span key;
    while (le_reader_next_key(reader, &key)) {
        bool deeper =
            form->within != NULL && le_span_is(key, form->within) && le_reader_enter_object(reader);
        while (deeper && le_reader_next_key(reader, &key))
            read_member(reader, form, key, found);
        if (!deeper)
            read_member(reader, form, key, found);
    }
}

static bool read_expiration(const struct form *form, const struct found *found, int64_t *out)
{
    if (found->expiration.ptr != NULL)
        return le_parse_iso_time(found->expiration, out) == LE_OK;
    *out = found->expiration_ms > 0 ? found->expiration_ms : LE_NEVER_EXPIRES;
    return found->expiration_ms > 0 || !form->temporary;
}

static enum le_err judge(const struct form *form, const struct found *found,
                         struct le_credential_answer *out)
{
    const struct le_credentials *got = &found->credentials;
    if (found->code.ptr != NULL && !le_span_is(found->code, "Success")) {
        out->code = le_sqs_code_word(found->code);
        return LE_ERR_CREDENTIALS;
    }
    bool token =
        got->session_token.len > 0 ? le_credential_fits(got->session_token) : !form->temporary;
    if (!le_credential_fits(got->access_key_id) || !le_credential_fits(got->secret_access_key) ||
        !token || (form->versioned && found->version != 1) ||
        !read_expiration(form, found, &out->expires_at_ms))
        return LE_ERR_PROTOCOL;
    out->credentials = *got;
    if (got->session_token.len == 0)
        out->credentials.session_token = LE_SPAN_NONE;
    return LE_OK;
}

enum le_err le_credential_answer_read(enum le_answer_form form, char *text, size_t len,
                                      struct le_credential_answer *out)
{
    struct le_reader reader;
    struct found found = {.expiration_ms = 0};
    assert((size_t)form < sizeof forms / sizeof forms[0]);
    *out = (struct le_credential_answer){.expires_at_ms = LE_NEVER_EXPIRES};
    le_reader_init(&reader, text, len);
    if (len == 0 || !le_reader_enter_object(&reader))
        return LE_ERR_PROTOCOL;
    read_members(&reader, &forms[form], &found);
    if (le_reader_finish(&reader) != LE_OK)
        return LE_ERR_PROTOCOL;
    return judge(&forms[form], &found, out);
}
