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

static void read_token(char *text, size_t len)
{
    struct le_span token;
    int64_t expires_at_ms;
    enum le_err err = le_sso_token_read(text, len, &token, &expires_at_ms);
    must(err == LE_ERR_PROTOCOL || (err == LE_OK && le_credential_fits(token)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LE_CREDENTIAL_ANSWER_MAX)
        return 0;
    size_t len = size - 1;
    char *text = malloc(len > 0 ? len : 1);
    must(text != NULL);
    memcpy(text, data + 1, len);
    switch (data[0]) {
    case 'm': read_json(LE_ANSWER_METADATA, text, len); break;
    case 'p': read_json(LE_ANSWER_PROCESS, text, len); break;
    case 's': read_json(LE_ANSWER_SSO, text, len); break;
    case 't': read_token(text, len); break;
    case 'x': read_xml(text, len); break;
    default: break;
    }
    free(text);
    return 0;
}
