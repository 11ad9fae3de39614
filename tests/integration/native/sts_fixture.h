/* A scripted STS for the sources that ask it. */
#ifndef LE_TESTS_STS_FIXTURE_H
#define LE_TESTS_STS_FIXTURE_H

#include "source_fixture.h"

#define STS_ARN        "arn:aws:iam::111111111111:role/x"
#define STS_ARN_QUOTED "arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fx"

#define STS_ANSWER_OF(id, secret, token, expiration)                                             \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>" \
    "<AssumedRoleUser><Arn>arn</Arn></AssumedRoleUser><Credentials><AccessKeyId>" id             \
    "</AccessKeyId><SecretAccessKey>" secret "</SecretAccessKey><SessionToken>" token            \
    "</SessionToken><Expiration>" expiration                                                     \
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define STS_ANSWER STS_ANSWER_OF("AKID", "secret", "token", "2015-08-30T12:36:00Z")
#define STS_ERROR(code)                                                                 \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>psst " code \
    "</Message></Error><RequestId>1</RequestId></ErrorResponse>"

/* source_setup's, without its proxy. */
int sts_setup(void **state);
/* The script's, and a role; for region eu-west-1. */
struct le_sts_params sts_params(const struct source_fixture *fixture, const char *session_name);
/* That one refresh, which is refused with this, says it so: with the code, and not with the
 * message. */
void sts_check_refusal(struct source_fixture *fixture, unsigned status, const char *code,
                       enum le_err err, const char *setting, const char *words);

#endif
