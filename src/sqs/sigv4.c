#include "loginetl/sqs/sigv4.h"

#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/sqs/canonical.h"

#include <assert.h>

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define CANONICAL_MAX (64 * 1024)
#define SCOPE_MAX     512
#define SECRET_MAX    4096
#define DAY_LEN       8
#define DATE_STEP_MS  1000 /* a Date header leaves the rest of its second out */

struct le_signer {
    char *region;
    char *service;
    char *access_key_id;
    char *secret; /* "AWS4" and the secret access key, as the first key of the chain wants it */
    size_t secret_len;
    struct le_hmac *key; /* the day's signing key; NULL: to be derived */
    struct le_buf scope; /* "20150830/us-east-1/sqs/aws4_request" of that key */
    struct le_buf scratch;
    bool normalise;
};

struct le_signer *le_signer_new(struct le_span region, struct le_span service)
{
    assert(region.len > 0 && service.len > 0);
    struct le_signer *signer = le_calloc(1, sizeof *signer);
    if (signer == NULL)
        return NULL;
    le_buf_init(&signer->scope, SCOPE_MAX);
    le_buf_init(&signer->scratch, CANONICAL_MAX);
    signer->normalise = !le_span_is(service, "s3");
    signer->region = le_strndup(region.ptr, region.len);
    signer->service = le_strndup(service.ptr, service.len);
    if (signer->region == NULL || signer->service == NULL) {
        le_signer_free(signer);
        return NULL;
    }
    return signer;
}

static void forget(struct le_signer *signer)
{
    le_hmac_free(signer->key);
    signer->key = NULL;
    le_free(signer->access_key_id);
    signer->access_key_id = NULL;
    if (signer->secret != NULL)
        le_free_secret(signer->secret, signer->secret_len);
    signer->secret = NULL;
}

void le_signer_free(struct le_signer *signer)
{
    if (signer == NULL)
        return;
    forget(signer);
    le_free(signer->region);
    le_free(signer->service);
    le_buf_free(&signer->scope);
    le_buf_free(&signer->scratch);
    le_free(signer);
}

enum le_err le_signer_set_credentials(struct le_signer *signer,
                                      const struct le_credentials *credentials)
{
    static const char prefix[4] = {'A', 'W', 'S', '4'};
    struct le_span secret = credentials->secret_access_key;
    assert(credentials->access_key_id.len > 0 && secret.len > 0);
    if (secret.len > SECRET_MAX)
        return LE_ERR_TOO_LARGE;
    char *id = le_strndup(credentials->access_key_id.ptr, credentials->access_key_id.len);
    char *key = le_alloc(sizeof prefix + secret.len);
    if (id == NULL || key == NULL) {
        le_free(id);
        le_free(key);
        return LE_ERR_NOMEM;
    }
    memcpy(key, prefix, sizeof prefix);
    memcpy(key + sizeof prefix, secret.ptr, secret.len);
    forget(signer);
    signer->access_key_id = id;
    signer->secret = key;
    signer->secret_len = sizeof prefix + secret.len;
    return LE_OK;
}

/* key is replaced by HMAC(key, text). */
static enum le_err chain(uint8_t key[LE_SHA256_LEN], struct le_span text)
{
    struct le_span by = {(const char *)key, LE_SHA256_LEN};
    uint8_t sum[LE_SHA256_LEN];
    enum le_err err = le_hmac_sha256(by, text, sum);
    memcpy(key, sum, sizeof sum);
    le_wipe(sum, sizeof sum);
    return err;
}

static enum le_err write_scope(struct le_signer *signer, const char *amz_date)
{
    le_buf_clear(&signer->scope);
    return le_buf_printf(&signer->scope, "%.*s/%s/%s/aws4_request", DAY_LEN, amz_date,
                         signer->region, signer->service);
}

static enum le_err derive(struct le_signer *signer, const char *amz_date)
{
    uint8_t key[LE_SHA256_LEN];
    struct le_span secret = {signer->secret, signer->secret_len};
    enum le_err err = le_hmac_sha256(secret, (struct le_span){amz_date, DAY_LEN}, key);
    err = err == LE_OK ? chain(key, le_span_of(signer->region)) : err;
    err = err == LE_OK ? chain(key, le_span_of(signer->service)) : err;
    err = err == LE_OK ? chain(key, LE_SPAN_LIT("aws4_request")) : err;
    err = err == LE_OK ? write_scope(signer, amz_date) : err;
    if (err == LE_OK) {
        le_hmac_free(signer->key);
        signer->key = le_hmac_new((struct le_span){(const char *)key, sizeof key});
        err = signer->key != NULL ? LE_OK : LE_ERR_NOMEM;
    }
    le_wipe(key, sizeof key);
    return err;
}

/* The key depends on the day only, and HMAC's states of it are kept. */
static enum le_err ensure_key(struct le_signer *signer, const char *amz_date)
{
    if (signer->key != NULL && memcmp(signer->scope.data, amz_date, DAY_LEN) == 0)
        return LE_OK;
    le_hmac_free(signer->key);
    signer->key = NULL;
    return derive(signer, amz_date);
}

static enum le_err append_hash(struct le_buf *out, const uint8_t hash[LE_SHA256_LEN])
{
    char hex[2 * LE_SHA256_LEN];
    le_hex(hash, LE_SHA256_LEN, hex);
    return le_buf_append(out, hex, sizeof hex);
}

static enum le_err write_canonical(struct le_signer *signer, const struct le_sigv4_request *request)
{
    struct le_buf *out = &signer->scratch;
    le_buf_clear(out);
    enum le_err err = le_buf_append_span(out, request->method);
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    err = err == LE_OK ? le_canonical_path(out, request->path, signer->normalise) : err;
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    err = err == LE_OK ? le_canonical_query(out, request->query) : err;
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    err = err == LE_OK ? le_canonical_headers(out, request->headers, request->header_count) : err;
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    err = err == LE_OK ? le_canonical_names(out, request->headers, request->header_count) : err;
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    return err == LE_OK ? append_hash(out, request->payload_sha256) : err;
}

static enum le_err write_string_to_sign(struct le_signer *signer, const char *amz_date,
                                        const uint8_t hash[LE_SHA256_LEN])
{
    struct le_buf *out = &signer->scratch;
    le_buf_clear(out);
    enum le_err err = le_buf_append_text(out, ALGORITHM "\n");
    err = err == LE_OK ? le_buf_append_text(out, amz_date) : err;
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    err = err == LE_OK ? le_buf_append_span(out, le_buf_span(&signer->scope)) : err;
    err = err == LE_OK ? le_buf_append(out, "\n", 1) : err;
    return err == LE_OK ? append_hash(out, hash) : err;
}

static enum le_err sign(struct le_signer *signer, const struct le_sigv4_request *request,
                        const char *amz_date, uint8_t signature[LE_SHA256_LEN])
{
    uint8_t hash[LE_SHA256_LEN];
    enum le_err err = ensure_key(signer, amz_date);
    err = err == LE_OK ? write_canonical(signer, request) : err;
    err = err == LE_OK ? le_sha256_bulk(le_buf_span(&signer->scratch), hash) : err;
    err = err == LE_OK ? write_string_to_sign(signer, amz_date, hash) : err;
    return err == LE_OK ? le_hmac_sum(signer->key, le_buf_span(&signer->scratch), signature) : err;
}

enum le_err le_sigv4_authorization(struct le_signer *signer, const struct le_sigv4_request *request,
                                   int64_t wall_ms, struct le_buf *out)
{
    assert(signer != NULL && signer->secret != NULL);
    assert(request->header_count > 0 && request->payload_sha256 != NULL);
    char amz_date[17];
    le_format_amz_date(wall_ms, amz_date);
    uint8_t signature[LE_SHA256_LEN];
    size_t start = out->len;
    enum le_err err = sign(signer, request, amz_date, signature);
    err = err == LE_OK ? le_buf_append_text(out, ALGORITHM " Credential=") : err;
    err = err == LE_OK ? le_buf_append_text(out, signer->access_key_id) : err;
    err = err == LE_OK ? le_buf_append(out, "/", 1) : err;
    err = err == LE_OK ? le_buf_append_span(out, le_buf_span(&signer->scope)) : err;
    err = err == LE_OK ? le_buf_append_text(out, ", SignedHeaders=") : err;
    err = err == LE_OK ? le_canonical_names(out, request->headers, request->header_count) : err;
    err = err == LE_OK ? le_buf_append_text(out, ", Signature=") : err;
    err = err == LE_OK ? append_hash(out, signature) : err;
    if (err != LE_OK)
        out->len = start;
    return err;
}

bool le_sigv4_clock_is_off(struct le_span date, int64_t signed_ms, int64_t *theirs_ms)
{
    if (date.ptr == NULL || le_parse_http_date(date, theirs_ms) != LE_OK)
        return false;
    int64_t off = *theirs_ms - signed_ms;
    return off <= -LE_SIGV4_SKEW_MS || off + DATE_STEP_MS > LE_SIGV4_SKEW_MS;
}

/* ---- presigned ---- */

/* As they are signed, in the order that every SDK writes them. */
static enum le_err append_credential(struct le_signer *signer, struct le_buf *out)
{
    enum le_err err = le_buf_append_text(out, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    err = err == LE_OK ? le_percent_encode(out, le_span_of(signer->access_key_id), '\0') : err;
    err = err == LE_OK ? le_percent_encode(out, LE_SPAN_LIT("/"), '\0') : err;
    return err == LE_OK ? le_percent_encode(out, le_buf_span(&signer->scope), '\0') : err;
}

static enum le_err append_names(struct le_signer *signer, const struct le_sigv4_request *request,
                                struct le_buf *out)
{
    le_buf_clear(&signer->scratch);
    enum le_err err = le_buf_append_text(out, "&X-Amz-SignedHeaders=");
    err = err == LE_OK
              ? le_canonical_names(&signer->scratch, request->headers, request->header_count)
              : err;
    return err == LE_OK ? le_percent_encode(out, le_buf_span(&signer->scratch), '\0') : err;
}

static enum le_err append_unsigned(struct le_signer *signer, const struct le_sigv4_request *request,
                                   struct le_span session_token, unsigned expires_s,
                                   const char *amz_date, struct le_buf *out)
{
    enum le_err err = le_buf_append_span(out, request->query);
    if (err == LE_OK && request->query.len > 0)
        err = le_buf_append(out, "&", 1);
    err = err == LE_OK ? append_credential(signer, out) : err;
    err = err == LE_OK ? le_buf_printf(out, "&X-Amz-Date=%s&X-Amz-Expires=%u", amz_date, expires_s)
                       : err;
    err = err == LE_OK ? append_names(signer, request, out) : err;
    if (err != LE_OK || session_token.len == 0)
        return err;
    err = le_buf_append_text(out, "&X-Amz-Security-Token=");
    return err == LE_OK ? le_percent_encode(out, session_token, '\0') : err;
}

enum le_err le_sigv4_presign(struct le_signer *signer, const struct le_sigv4_request *request,
                             struct le_span session_token, unsigned expires_s, int64_t wall_ms,
                             struct le_buf *out)
{
    assert(signer != NULL && signer->secret != NULL && expires_s > 0);
    assert(request->header_count > 0 && request->payload_sha256 != NULL);
    char amz_date[17];
    le_format_amz_date(wall_ms, amz_date);
    uint8_t signature[LE_SHA256_LEN];
    size_t start = out->len;
    enum le_err err = ensure_key(signer, amz_date);
    err = err == LE_OK ? append_unsigned(signer, request, session_token, expires_s, amz_date, out)
                       : err;
    if (err == LE_OK) {
        struct le_sigv4_request whole = *request;
        whole.query = (struct le_span){out->data + start, out->len - start};
        err = sign(signer, &whole, amz_date, signature);
    }
    err = err == LE_OK ? le_buf_append_text(out, "&X-Amz-Signature=") : err;
    err = err == LE_OK ? append_hash(out, signature) : err;
    le_wipe(signature, sizeof signature);
    if (err != LE_OK)
        out->len = start;
    return err;
}
