/* Answers of those who give credentials out: the first byte chooses the reader. What is taken can
 * be sent in a header. */
#include "loginetl/aws/credential_answer.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(enum le_err err, const struct le_credential_answer *answer)
{
    const struct le_credentials *got = &answer->credentials;
    must(err == LE_OK || err == LE_ERR_CREDENTIALS || err == LE_ERR_PROTOCOL);
    must(err == LE_ERR_CREDENTIALS || answer->code.ptr == NULL);
    must(answer->code.ptr == NULL || le_credential_fits(answer->code));
    must((err == LE_OK) == (got->access_key_id.ptr != NULL));
    if (err != LE_OK)
        return;
    must(le_credential_fits(got->access_key_id) && le_credential_fits(got->secret_access_key));
    must(got->session_token.ptr == NULL || le_credential_fits(got->session_token));
}

static void read_json(enum le_answer_form form, char *text, size_t len)
{
    struct le_credential_answer answer;
    enum le_err err = le_credential_answer_read(form, text, len, &answer);
    check(err, &answer);
}

static void read_xml(char *text, size_t len)
{
    struct le_credential_answer answer;
    enum le_err err = le_sts_answer_read(text, len, &answer);
    check(err, &answer);
}

static void read_renewed(char *text, size_t len)
{
    struct le_sso_renewed renewed;
    enum le_err err = le_sso_renewed_read(text, len, &renewed);
    must(err == LE_ERR_PROTOCOL || err == LE_OK);
    must(err != LE_OK || (le_credential_fits(renewed.access_token) && renewed.lasts_ms > 0));
}

static char *copy_of(const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    must(copy != NULL);
    memcpy(copy, text, len);
    return copy;
}

/* A cache that can be read is written anew, and reads as what it was written with. */
static void write_token(char *old, size_t len, const struct le_sso_token *before)
{
    const struct le_sso_renewed renewed = {LE_SPAN_LIT("n"), LE_SPAN_LIT("r"), 1000};
    const struct le_sso_place place = {LE_SPAN_LIT("u"), LE_SPAN_LIT("l")};
    struct le_sso_token after;
    struct le_buf out;
    le_buf_init(&out, 8 * LE_CREDENTIAL_ANSWER_MAX);
    must(le_sso_token_write(&out, old, len, &renewed, 1000, &place) == LE_OK);
    must(le_sso_token_read(out.data, out.len, &after) == LE_OK);
    must(le_span_is(after.access_token, "n") && after.expires_at_ms == 2000);
    must(le_span_is(after.refresh_token, "r"));
    must(le_span_equal(after.client_id, before->client_id));
    must(le_span_equal(after.client_secret, before->client_secret));
    must(after.registration_ends_at_ms == before->registration_ends_at_ms);
    le_buf_free(&out);
}

static void read_token(char *text, size_t len)
{
    struct le_sso_token token;
    char *copy = copy_of(text, len);
    enum le_err err = le_sso_token_read(text, len, &token);
    must(err == LE_ERR_PROTOCOL || (err == LE_OK && le_credential_fits(token.access_token)));
    if (err == LE_OK)
        write_token(copy, len, &token);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LE_CREDENTIAL_ANSWER_MAX)
        return 0;
    size_t len = size - 1;
    char *text = copy_of((const char *)data + 1, len);
    switch (data[0]) {
    case 'm': read_json(LE_ANSWER_METADATA, text, len); break;
    case 'p': read_json(LE_ANSWER_PROCESS, text, len); break;
    case 'r': read_renewed(text, len); break;
    case 's': read_json(LE_ANSWER_SSO, text, len); break;
    case 't': read_token(text, len); break;
    case 'x': read_xml(text, len); break;
    default: break;
    }
    free(text);
    return 0;
}
