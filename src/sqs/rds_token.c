#include "loginetl/sqs/rds_token.h"

#include "loginetl/base/ascii.h"
#include "loginetl/sqs/canonical.h"

#include <assert.h>

#define VALID_S   900
#define HOST_MAX  512 /* with the port */
#define QUERY_MAX 1024

/* The Host header of an https URL: the name in lower case, without the scheme's own port. */
static enum le_err write_host(const struct le_rds_login *login, struct le_buf *out)
{
    enum le_err err = le_buf_append_span(out, login->host);
    le_ascii_lower_text(out->data, out->len);
    if (err != LE_OK || le_span_is(login->port, "443"))
        return err;
    err = le_buf_append(out, ":", 1);
    return err == LE_OK ? le_buf_append_span(out, login->port) : err;
}

static enum le_err write_query(const struct le_rds_login *login, struct le_buf *out)
{
    enum le_err err = le_buf_append_text(out, "Action=connect&DBUser=");
    return err == LE_OK ? le_percent_encode(out, login->user, '\0') : err;
}

/* "host:port/?" and the presigned query. */
static enum le_err append_token(struct le_signer *signer, const struct le_rds_login *login,
                                const struct le_sigv4_request *request,
                                struct le_span session_token, int64_t wall_ms, struct le_buf *out)
{
    size_t start = out->len;
    enum le_err err = le_buf_append_span(out, login->host);
    err = err == LE_OK ? le_buf_append(out, ":", 1) : err;
    err = err == LE_OK ? le_buf_append_span(out, login->port) : err;
    err = err == LE_OK ? le_buf_append(out, "/?", 2) : err;
    err = err == LE_OK ? le_sigv4_presign(signer, request, session_token, VALID_S, wall_ms, out)
                       : err;
    if (err != LE_OK)
        out->len = start;
    return err;
}

static enum le_err sign(const struct le_rds_login *login, const struct le_credentials *credentials,
                        const struct le_sigv4_request *request, int64_t wall_ms, struct le_buf *out)
{
    struct le_signer *signer = le_signer_new(login->region, LE_SPAN_LIT("rds-db"));
    if (signer == NULL)
        return LE_ERR_NOMEM;
    enum le_err err = le_signer_set_credentials(signer, credentials);
    if (err == LE_OK)
        err = append_token(signer, login, request, credentials->session_token, wall_ms, out);
    le_signer_free(signer);
    return err;
}

enum le_err le_rds_token(const struct le_rds_login *login, const struct le_credentials *credentials,
                         int64_t wall_ms, struct le_buf *out)
{
    assert(login->region.len > 0 && login->host.len > 0 && login->port.len > 0);
    uint8_t payload[LE_SHA256_LEN];
    struct le_buf host, query;
    le_buf_init(&host, HOST_MAX);
    le_buf_init(&query, QUERY_MAX);
    enum le_err err = le_buf_reserve(out, LE_RDS_TOKEN_MAX);
    err = err == LE_OK ? write_host(login, &host) : err;
    err = err == LE_OK ? write_query(login, &query) : err;
    err = err == LE_OK ? le_sha256(LE_SPAN_LIT(""), payload) : err;
    if (err == LE_OK) {
        const struct le_http_header header = {LE_SPAN_LIT("host"), le_buf_span(&host)};
        const struct le_sigv4_request request = {
            LE_SPAN_LIT("GET"), LE_SPAN_LIT("/"), le_buf_span(&query), &header, 1, payload};
        err = sign(login, credentials, &request, wall_ms, out);
    }
    le_buf_free(&host);
    le_buf_free(&query);
    return err;
}
