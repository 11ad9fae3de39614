/* What those say who give credentials out, as bytes: no loop, no clock. */
#ifndef LE_AWS_CREDENTIAL_ANSWER_H
#define LE_AWS_CREDENTIAL_ANSWER_H

#include "loginetl/aws/credentials.h"
#include "loginetl/base/buf.h"

#define LE_CREDENTIAL_ANSWER_MAX (64 * 1024)

struct le_credential_answer {
    struct le_credentials credentials; /* non-empty, visible ASCII, LE_CREDENTIAL_LEN_MAX at most */
    int64_t expires_at_ms;             /* since 1970, or LE_NEVER_EXPIRES */
    struct le_span code;               /* of a refusal: a word; absent when there is none */
};

enum le_answer_form {
    /* The container's and the instance's metadata service: AccessKeyId, SecretAccessKey, Token,
     * Expiration, and Code, which is Success or the reason why there are none. */
    LE_ANSWER_METADATA,
    /* A process: Version (1), AccessKeyId, SecretAccessKey; SessionToken and Expiration may be
     * missing. */
    LE_ANSWER_PROCESS,
    /* IAM Identity Center's GetRoleCredentials: roleCredentials with accessKeyId, secretAccessKey,
     * sessionToken, and expiration in milliseconds. */
    LE_ANSWER_SSO
};

/* JSON; strings are unescaped in place, and the spans of *out point into text. LE_ERR_CREDENTIALS:
 * a refusal with out->code. LE_ERR_PROTOCOL: anything else but that form. */
LE_MUST enum le_err le_credential_answer_read(enum le_answer_form form, char *text, size_t len,
                                              struct le_credential_answer *out);

/* The token that `aws sso login` has cached. The spans point into the text that was read. */
struct le_sso_token {
    struct le_span access_token; /* fits into a header */
    int64_t expires_at_ms;       /* since 1970 */
    /* What it is renewed with; absent: it cannot be. */
    struct le_span refresh_token, client_id, client_secret;
    int64_t registration_ends_at_ms; /* the client's; 0: absent, or no time */
};

/* JSON; strings are unescaped in place. LE_ERR_PROTOCOL: no accessToken and expiresAt. */
LE_MUST enum le_err le_sso_token_read(char *text, size_t len, struct le_sso_token *out);
/* Does it have all that it takes to be renewed? */
bool le_sso_token_renewable(const struct le_sso_token *token, int64_t now_ms);

/* OIDC's CreateToken (RFC 6749, section 6, in JSON): appends its body. LE_ERR_TOO_LARGE,
 * LE_ERR_NOMEM. */
LE_MUST enum le_err le_sso_renewal_write(struct le_buf *out, const struct le_sso_token *token);

struct le_sso_renewed {
    struct le_span access_token;
    struct le_span refresh_token; /* in place of the one before; absent: there is none any more */
    int64_t lasts_ms;
};

/* Its answer, in place as above. LE_ERR_PROTOCOL. */
LE_MUST enum le_err le_sso_renewed_read(char *text, size_t len, struct le_sso_renewed *out);

struct le_sso_place {
    struct le_span start_url, region; /* the settings' */
};

/* Appends the cache's new text: what the old one has of other members stays as it is written there,
 * the client's among them. Keys of the old one are unescaped in place. LE_ERR_PROTOCOL: it is no
 * object; LE_ERR_TOO_LARGE, LE_ERR_NOMEM. */
LE_MUST enum le_err le_sso_token_write(struct le_buf *out, char *old, size_t old_len,
                                       const struct le_sso_renewed *renewed, int64_t now_ms,
                                       const struct le_sso_place *place);

/* Visible ASCII without spaces, some, and LE_CREDENTIAL_LEN_MAX at most. A line end would end the
 * header that it is sent in. */
bool le_credential_fits(struct le_span text);

/* STS's XML, of AssumeRole as of AssumeRoleWithWebIdentity: Credentials in the result, or an error
 * with its Code. Decoded in place, and the spans of *out point into text. A document type is
 * refused, and with it every entity that is not XML's own. LE_ERR_CREDENTIALS: a refusal with
 * out->code. LE_ERR_PROTOCOL, LE_ERR_NOMEM. */
LE_MUST enum le_err le_sts_answer_read(char *text, size_t len, struct le_credential_answer *out);

#endif
