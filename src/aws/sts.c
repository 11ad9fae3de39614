/* STS's Query protocol, version 2011-06-15: a form is asked, XML answers. */
#include "loginetl/aws/sts.h"

#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/sqs/canonical.h"
#include "loginetl/sqs/codec.h"
#include "loginetl/sqs/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         10000
#define ATTEMPTS           3
#define AUTHORIZATION_MAX  8192 /* an access key id of full length, and what stands around it */
#define HEADERS_MAX        6
#define AMZ_DATE_SIZE      17
#define NAME_MORE          "+=,.@-"
#define SESSION_NAME_MAX   64
#define ARN_MAX            2048
#define ENDPOINT           "AWS_ENDPOINT_URL_STS"
#define WHO                "STS"

struct le_sts {
    enum le_sts_kind kind;
    struct le_fetch *fetch;
    struct le_signer *signer;
    char *url;
    struct le_endpoint endpoint; /* into url */
    char *role_arn;
    char *session_name;
    struct le_source_world world;
    int64_t skew_ms; /* to be added to our clock */

    /* of the request under way */
    struct le_buf body;
    char *session_token; /* of its signer; NULL: none */
    int64_t signed_at_ms;
    unsigned asked; /* how often */
    bool resigned;  /* with another time */
    struct le_fetching_source *taker;
    void (*done)(void *owner, enum le_err err, struct le_span code);
    void *owner;
};

static int64_t wall_ms(const struct le_sts *sts)
{
    return sts->world.wall_ms(sts->world.self);
}

/* ---- refusals ---- */

enum {
    ROLE = 1 << LE_STS_ROLE,
    WEB_IDENTITY = 1 << LE_STS_WEB_IDENTITY,
    ANY = ROLE | WEB_IDENTITY
};

/* What the codes of the two operations' documentation, and those of every service, mean here. */
static const struct refusal {
    const char *code;
    unsigned kinds;
    const char *setting;
    const char *words;
} refusals[] = {
    {"AccessDenied", ROLE, "role_arn",
     "denies the role: look at role_arn, the role's trust policy (and external_id), and the "
     "permission sts:AssumeRole"},
    {"AccessDenied", WEB_IDENTITY, "AWS_ROLE_ARN",
     "denies the role: look at AWS_ROLE_ARN or role_arn, and at the role's trust policy"},
    {"ExpiredTokenException", ROLE, NULL,
     "says that the credentials have expired that the role is taken on with"},
    {"ExpiredToken", ROLE, NULL,
     "says that the credentials have expired that the role is taken on with"},
    {"InvalidClientTokenId", ROLE, ENDPOINT,
     "does not know the access key that the role is taken on with; an emulator's STS is named by "
     "AWS_ENDPOINT_URL_STS"},
    {"SignatureDoesNotMatch", ROLE, NULL,
     "finds the signature wrong: look at the secret key that the role is taken on with"},
    {"ExpiredTokenException", WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE",
     "says that the token has expired: whoever writes AWS_WEB_IDENTITY_TOKEN_FILE or "
     "web_identity_token_file has to renew it"},
    {"InvalidIdentityToken", WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE",
     "does not accept the token: look at AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file, "
     "and at IAM's identity provider"},
    {"IDPRejectedClaim", WEB_IDENTITY, "AWS_WEB_IDENTITY_TOKEN_FILE",
     "says that the identity provider rejects the token, or that it was revoked"},
    {"IDPCommunicationError", WEB_IDENTITY, NULL, "cannot reach the identity provider"},
    {"ValidationError", ROLE, "role_arn",
     "finds a value malformed, or a time too long: look at role_arn, role_session_name, "
     "external_id and duration_seconds"},
    {"ValidationError", WEB_IDENTITY, "AWS_ROLE_ARN",
     "finds a value malformed: look at AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME"},
    {"RegionDisabledException", ANY, "AWS_REGION",
     "is switched off in this region: look at AWS_REGION, or switch it on in IAM's account "
     "settings"},
    {"Throttling", ANY, NULL, "asks to slow down"},
};

static const struct refusal *find_refusal(const struct le_sts *sts, struct le_span code)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if ((refusals[i].kinds & 1U << sts->kind) != 0 && le_span_is(code, refusals[i].code))
            return &refusals[i];
    }
    return NULL;
}

static bool passes(struct le_span code)
{
    return le_span_is(code, "IDPCommunicationError");
}

static enum le_err refuse(struct le_sts *sts, int status, struct le_span code)
{
    const struct refusal *refusal = find_refusal(sts, code);
    enum le_err err = passes(code) ? LE_ERR_SERVICE : le_sqs_error(status, code);
    return le_fetching_fail(sts->taker, err, refusal != NULL ? refusal->setting : NULL,
                            "%s: " WHO " %s (%.*s)", sts->taker->source.name,
                            refusal != NULL ? refusal->words : "gives no credentials",
                            (int)code.len, code.ptr);
}

/* ---- the answer ---- */

/* What was used for one request, and is secret. */
static void forget(struct le_sts *sts)
{
    le_buf_free_secret(&sts->body);
    if (sts->session_token != NULL)
        le_free_secret(sts->session_token, strlen(sts->session_token));
    sts->session_token = NULL;
}

/* Does a wrong clock explain the refusal? */
static bool learn_skew(struct le_sts *sts, const struct le_fetched *fetched, struct le_span code)
{
    int64_t theirs;
    if (sts->kind != LE_STS_ROLE || sts->resigned || !le_sqs_is_skew(code) ||
        !le_sigv4_clock_is_off(fetched->date, sts->signed_at_ms, &theirs))
        return false;
    sts->skew_ms = theirs - wall_ms(sts);
    sts->resigned = true;
    return true;
}

static enum le_err send_request(struct le_sts *sts);

/* LE_OK: the same is asked again. */
static enum le_err ask_again(struct le_sts *sts, const struct le_fetched *fetched,
                             struct le_span code, enum le_err refused)
{
    bool again = learn_skew(sts, fetched, code) || (passes(code) && sts->asked < ATTEMPTS);
    if (!again)
        return refused;
    sts->taker->failure = (struct le_credential_failure){.setting = NULL};
    return send_request(sts);
}

static enum le_err read_answer(struct le_sts *sts, const struct le_fetched *fetched,
                               struct le_credential_answer *answer)
{
    if (fetched->err == LE_ERR_RESOLVE) /* a name that was made of the region, as a rule */
        return le_fetching_judge(sts->taker, fetched, "--region, " ENDPOINT, WHO);
    if (fetched->err != LE_OK)
        return le_fetching_judge(sts->taker, fetched, ENDPOINT, WHO);
    bool accepted = fetched->status >= 200 && fetched->status <= 299;
    enum le_err err = le_sts_answer_read(fetched->text, fetched->len, answer);
    if (err == LE_ERR_NOMEM)
        return err;
    if (err == LE_ERR_CREDENTIALS && !accepted && answer->code.len > 0)
        return refuse(sts, fetched->status, answer->code);
    if (!accepted)
        return le_fetching_judge(sts->taker, fetched, ENDPOINT, WHO);
    if (err == LE_OK)
        return le_fetching_take(sts->taker, answer, fetched->date, ENDPOINT, WHO);
    return le_fetching_fail(sts->taker, LE_ERR_PROTOCOL, ENDPOINT,
                            "the answer of " WHO " is not one of credentials");
}

static void on_answer(void *owner, const struct le_fetched *fetched)
{
    struct le_sts *sts = owner;
    struct le_credential_answer answer = {.code = LE_SPAN_NONE};
    char word[64];
    enum le_err err = read_answer(sts, fetched, &answer);
    /* The code stands in the answer, which is wiped before anybody hears of it. */
    int len = snprintf(word, sizeof word, "%.*s", (int)answer.code.len,
                       answer.code.len > 0 ? answer.code.ptr : "");
    assert(len >= 0 && (size_t)len < sizeof word);
    struct le_span code = {len > 0 ? word : NULL, (size_t)len};
    if (err != LE_OK && code.len > 0) {
        enum le_err again = ask_again(sts, fetched, code, err);
        if (again == LE_OK)
            return;
        err = again;
    }
    le_fetch_rest(sts->fetch);
    forget(sts);
    sts->done(sts->owner, err, code);
}

/* ---- the request ---- */

static void put_field(struct le_sqs_writer *form, const char *name, struct le_span value)
{
    if (value.ptr == NULL)
        return;
    LE_SQS_PUT(form, "&");
    le_sqs_put(form, le_span_of(name));
    LE_SQS_PUT(form, "=");
    if (form->err == LE_OK)
        form->err = le_percent_encode(form->out, value, '\0');
}

static enum le_err write_body(struct le_sts *sts, const struct le_sts_field *fields,
                              size_t field_count)
{
    static const char *const actions[] = {
        [LE_STS_ROLE] = "AssumeRole", [LE_STS_WEB_IDENTITY] = "AssumeRoleWithWebIdentity"};
    struct le_sqs_writer form = le_sqs_begin(&sts->body);
    form.err = le_buf_reserve(&sts->body, sts->body.max);
    LE_SQS_PUT(&form, "Action=");
    le_sqs_put(&form, le_span_of(actions[sts->kind]));
    LE_SQS_PUT(&form, "&Version=2011-06-15");
    put_field(&form, "RoleArn", le_span_of(sts->role_arn));
    put_field(&form, "RoleSessionName", le_span_of(sts->session_name));
    for (size_t i = 0; i < field_count; i++)
        put_field(&form, fields[i].name, fields[i].value);
    return le_sqs_finish(&form);
}

static enum le_err set_signer(struct le_sts *sts, const struct le_credentials *signer)
{
    assert((signer != NULL) == (sts->kind == LE_STS_ROLE));
    if (signer == NULL)
        return LE_OK;
    struct le_span token = signer->session_token;
    if (token.ptr != NULL && (sts->session_token = le_strndup(token.ptr, token.len)) == NULL)
        return LE_ERR_NOMEM;
    return le_signer_set_credentials(sts->signer, signer);
}

/* Names in lower case and in the order that SigV4 wants; those that are signed. */
static size_t list_headers(const struct le_sts *sts, const char *amz_date,
                           struct le_http_header out[HEADERS_MAX])
{
    size_t count = 0;
    out[count++] =
        (struct le_http_header){LE_SPAN_LIT("content-type"), le_span_of(le_sqs_query.content_type)};
    out[count++] = (struct le_http_header){LE_SPAN_LIT("host"), sts->endpoint.host};
    if (sts->kind == LE_STS_ROLE)
        out[count++] = (struct le_http_header){LE_SPAN_LIT("x-amz-date"), le_span_of(amz_date)};
    if (sts->session_token != NULL)
        out[count++] = (struct le_http_header){LE_SPAN_LIT("x-amz-security-token"),
                                               le_span_of(sts->session_token)};
    return count;
}

static enum le_err sign(struct le_sts *sts, const struct le_http_header *headers, size_t count,
                        struct le_buf *authorization)
{
    uint8_t sha256[LE_SHA256_LEN];
    enum le_err err = le_sha256(le_buf_span(&sts->body), sha256);
    const struct le_sigv4_request request = {
        .method = LE_SPAN_LIT("POST"),
        .path = sts->endpoint.path,
        .query = LE_SPAN_NONE,
        .headers = headers,
        .header_count = count,
        .payload_sha256 = sha256,
    };
    if (err == LE_OK && sts->kind == LE_STS_ROLE)
        err = le_sigv4_authorization(sts->signer, &request, sts->signed_at_ms, authorization);
    return err;
}

static enum le_err send_headers(struct le_sts *sts, struct le_http_header headers[HEADERS_MAX],
                                size_t count)
{
    const struct le_fetch_request request = {
        .method = LE_SPAN_LIT("POST"),
        .target = sts->endpoint.path,
        .headers = headers,
        .header_count = count,
        .body = le_buf_span(&sts->body),
        .timeout_ms = TIMEOUT_MS,
        .attempts = ATTEMPTS,
    };
    assert(count <= HEADERS_MAX);
    sts->asked++;
    return le_fetch_send(sts->fetch, &request, on_answer, sts);
}

static enum le_err send_request(struct le_sts *sts)
{
    char amz_date[AMZ_DATE_SIZE];
    struct le_http_header headers[HEADERS_MAX];
    struct le_buf authorization;
    le_buf_init(&authorization, AUTHORIZATION_MAX);
    sts->signed_at_ms = wall_ms(sts) + sts->skew_ms;
    le_format_amz_date(sts->signed_at_ms, amz_date);
    size_t count = list_headers(sts, amz_date, headers);
    enum le_err err = sign(sts, headers, count, &authorization);
    if (authorization.len > 0)
        headers[count++] =
            (struct le_http_header){LE_SPAN_LIT("authorization"), le_buf_span(&authorization)};
    /* Whoever accepts anything may be answered with JSON. */
    headers[count++] = (struct le_http_header){LE_SPAN_LIT("accept"), LE_SPAN_LIT("text/xml")};
    if (err == LE_OK)
        err = send_headers(sts, headers, count);
    le_buf_free(&authorization);
    return err;
}

enum le_err le_sts_ask(struct le_sts *sts, struct le_fetching_source *taker,
                       const struct le_sts_field *fields, size_t field_count,
                       const struct le_credentials *signer,
                       void (*done)(void *owner, enum le_err err, struct le_span code), void *owner)
{
    assert(sts->body.len == 0 && sts->session_token == NULL);
    sts->taker = taker;
    sts->done = done;
    sts->owner = owner;
    sts->asked = 0;
    sts->resigned = false;
    enum le_err err = write_body(sts, fields, field_count);
    if (err == LE_OK)
        err = set_signer(sts, signer);
    if (err == LE_OK)
        err = send_request(sts);
    if (err != LE_OK)
        forget(sts);
    return err;
}

/* ---- beginning and end ---- */

bool le_sts_is_name(struct le_span text, const char *more, size_t len_min, size_t len_max)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '_' && (c == '\0' || strchr(more, c) == NULL))
            return false;
    }
    return text.len >= len_min && text.len <= len_max;
}

static enum le_err set_role(struct le_sts *sts, const struct le_sts_params *params,
                            struct le_setting_fault *fault)
{
    static const struct le_setting_fault faults[] = {
        [LE_STS_ROLE] = {"role_arn", "is not the ARN of a role"},
        [LE_STS_WEB_IDENTITY] = {"AWS_ROLE_ARN", "or the profile's role_arn is not the ARN of a "
                                                 "role"}};
    struct le_span arn = params->role_arn;
    *fault = faults[sts->kind];
    bool begins = arn.len > 4 && memcmp(arn.ptr, "arn:", 4) == 0;
    if (!begins || !le_sts_is_name(arn, NAME_MORE ":/", 1, ARN_MAX))
        return LE_ERR_CONFIG;
    sts->role_arn = le_strndup(arn.ptr, arn.len);
    return sts->role_arn != NULL ? LE_OK : LE_ERR_NOMEM;
}

static enum le_err set_session_name(struct le_sts *sts, const struct le_sts_params *params,
                                    struct le_setting_fault *fault)
{
#define WORDS "is not 2 to 64 letters, digits and _ + = , . @ -"
    static const struct le_setting_fault faults[] = {
        [LE_STS_ROLE] = {"role_session_name", WORDS},
        [LE_STS_WEB_IDENTITY] = {"AWS_ROLE_SESSION_NAME",
                                 "or the profile's role_session_name " WORDS}};
#undef WORDS
    char made[SESSION_NAME_MAX];
    struct le_span name = params->session_name;
    *fault = faults[sts->kind];
    if (name.len == 0) {
        (void)snprintf(made, sizeof made, "loginetl-%" PRId64, wall_ms(sts));
        name = le_span_of(made);
    }
    if (!le_sts_is_name(name, NAME_MORE, 2, SESSION_NAME_MAX))
        return LE_ERR_CONFIG;
    sts->session_name = le_strndup(name.ptr, name.len);
    return sts->session_name != NULL ? LE_OK : LE_ERR_NOMEM;
}

static enum le_err set_endpoint(struct le_sts *sts, const struct le_source_world *world,
                                const struct le_sts_params *params, struct le_setting_fault *fault)
{
    sts->url = le_strdup(params->endpoint);
    sts->signer = le_signer_new(le_span_of(params->region), LE_SPAN_LIT("sts"));
    if (sts->url == NULL || sts->signer == NULL)
        return LE_ERR_NOMEM;
    *fault = (struct le_setting_fault){ENDPOINT, "is not an http:// or https:// URL with a host"};
    if (le_endpoint_parse(le_span_of(sts->url), &sts->endpoint) != LE_OK)
        return LE_ERR_CONFIG;
    const struct le_fetch_config config = {
        .net = world->net,
        .name = "sts",
        .origin = sts->url,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
    };
    return le_fetch_new(&config, &sts->fetch);
}

enum le_err le_sts_new(const struct le_source_world *world, enum le_sts_kind kind,
                       const struct le_sts_params *params, struct le_sts **out,
                       struct le_setting_fault *fault)
{
    *out = NULL;
    struct le_sts *sts = le_calloc(1, sizeof *sts);
    if (sts == NULL)
        return LE_ERR_NOMEM;
    sts->kind = kind;
    sts->world = *world;
    le_buf_init(&sts->body, LE_FETCH_REQUEST_MAX);
    enum le_err err = set_role(sts, params, fault);
    if (err == LE_OK)
        err = set_session_name(sts, params, fault);
    if (err == LE_OK)
        err = set_endpoint(sts, world, params, fault);
    if (err == LE_OK)
        *out = sts;
    else
        le_sts_close(sts);
    return err;
}

void le_sts_close(struct le_sts *sts)
{
    if (sts == NULL)
        return;
    le_fetch_close(sts->fetch);
    if (sts->signer != NULL)
        le_signer_free(sts->signer);
    forget(sts);
    le_free(sts->url);
    le_free(sts->role_arn);
    le_free(sts->session_name);
    le_free(sts);
}
