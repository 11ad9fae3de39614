/* STS's answers. Where things stand is what counts, not how the elements around them are called:
 *
 *     <AssumeRoleResponse> <AssumeRoleResult> <Credentials> <AccessKeyId>
 *     <ErrorResponse>      <Error>            <Code>                       */
#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/sqs/json.h"
#include "loginetl/sqs/xml.h"

struct answer {
    struct le_credentials credentials;
    struct le_span expiration;
    struct le_span code;
    bool in_credentials, in_error;
};

static bool on_open(void *self, size_t depth, struct le_span name)
{
    struct answer *answer = self;
    if (depth == 1)
        answer->in_error = le_span_is(name, "Error");
    else if (depth == 2)
        answer->in_credentials = le_span_is(name, "Credentials");
    return true;
}

/* Of a repeated element the last counts. */
static bool on_close(void *self, size_t depth, struct le_span name, struct le_span text)
{
    struct answer *answer = self;
    bool field = depth == 3 && answer->in_credentials;
    if (depth == 2 && answer->in_error && le_span_is(name, "Code"))
        answer->code = le_sqs_code_word(text);
    else if (field && le_span_is(name, "AccessKeyId"))
        answer->credentials.access_key_id = text;
    else if (field && le_span_is(name, "SecretAccessKey"))
        answer->credentials.secret_access_key = text;
    else if (field && le_span_is(name, "SessionToken"))
        answer->credentials.session_token = text;
    else if (field && le_span_is(name, "Expiration"))
        answer->expiration = text;
    return true;
}

static enum le_err judge(const struct answer *answer, struct le_credential_answer *out)
{
    const struct le_credentials *got = &answer->credentials;
    if (!le_credential_fits(got->access_key_id) || !le_credential_fits(got->secret_access_key) ||
        !le_credential_fits(got->session_token) ||
        le_parse_iso_time(answer->expiration, &out->expires_at_ms) != LE_OK)
        return LE_ERR_PROTOCOL;
    out->credentials = *got;
    return LE_OK;
}

enum le_err le_sts_answer_read(char *text, size_t len, struct le_credential_answer *out)
{
    struct answer answer = {.code = LE_SPAN_NONE};
    const struct le_xml_visitor visitor = {on_open, on_close, &answer};
    *out = (struct le_credential_answer){.expires_at_ms = LE_NEVER_EXPIRES};
    enum le_err err = le_xml_read(text, len, &visitor);
    if (err != LE_OK)
        return err;
    if (answer.code.ptr == NULL)
        return judge(&answer, out);
    out->code = answer.code;
    return LE_ERR_CREDENTIALS;
}
