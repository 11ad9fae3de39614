#include "loginetl/sqs/codec.h"

#include <assert.h>

/* Names of both protocols, old and new, and what emulators make of them. */
static const char *const throttled[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "OverLimit",
    "AWS.SimpleQueueService.OverLimit",
    "KmsThrottled",
    "KMS.ThrottlingException",
};
static const char *const transient[] = {
    "RequestTimeout",     "RequestTimeoutException",     "InternalError",
    "InternalFailure",    "InternalServerError",         "InternalServiceError",
    "ServiceUnavailable", "ServiceUnavailableException",
};
static const char *const no_queue[] = {
    "QueueDoesNotExist",
    "NonExistentQueue",
    "AWS.SimpleQueueService.NonExistentQueue",
    "InvalidAddress",
};
static const char *const denied[] = {
    "AccessDenied",  "AccessDeniedException", "UnauthorizedOperation",
    "OptInRequired", "KmsAccessDenied",       "KMS.AccessDeniedException",
};
/* What a wrong clock gives; a wrong secret gives some of them too. */
static const char *const skewed[] = {
    "RequestTimeTooSkewed",      "RequestExpired", "RequestInTheFuture", "SignatureDoesNotMatch",
    "InvalidSignatureException", "AuthFailure",
};
static const char *const credentials[] = {
    "InvalidClientTokenId",       "UnrecognizedClientException",
    "InvalidAccessKeyId",         "InvalidSecurity",
    "IncompleteSignature",        "IncompleteSignatureException",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException",
    "MissingClientTokenId",       "ExpiredToken",
    "ExpiredTokenException",      "InvalidToken",
    "TokenRefreshRequired",       "NotAuthorized",
};
static const char *const expired[] = {"ExpiredToken", "ExpiredTokenException",
                                      "TokenRefreshRequired"};
/* An entry of a batch that will never do: for its handle, or for what it holds. */
static const char *const invalid_entry[] = {
    "ReceiptHandleIsInvalid",
    "InvalidReceiptHandle",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "InvalidAttributeValue",
    "InvalidMessageContents",
    "InvalidIdFormat",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
};

static bool is_one_of(struct le_span code, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (le_span_is(code, names[i]))
            return true;
    }
    return false;
}

#define IS_ONE_OF(code, names) is_one_of(code, names, sizeof(names) / sizeof(names)[0])

bool le_sqs_is_skew(struct le_span code)
{
    return IS_ONE_OF(code, skewed);
}

bool le_sqs_is_expired(struct le_span code)
{
    return IS_ONE_OF(code, expired);
}

static enum le_err by_status(int status)
{
    if (status == 429)
        return LE_ERR_THROTTLED;
    if (status >= 500 || status == 408)
        return LE_ERR_SERVICE;
    if (status == 401)
        return LE_ERR_CREDENTIALS;
    return status == 403 ? LE_ERR_DENIED : LE_ERR_REFUSED;
}

enum le_err le_sqs_error(int status, struct le_span code)
{
    assert(status < 200 || status > 299);
    if (IS_ONE_OF(code, throttled))
        return LE_ERR_THROTTLED;
    if (IS_ONE_OF(code, transient))
        return LE_ERR_SERVICE;
    if (IS_ONE_OF(code, no_queue))
        return LE_ERR_NO_QUEUE;
    if (IS_ONE_OF(code, credentials) || IS_ONE_OF(code, skewed))
        return LE_ERR_CREDENTIALS;
    return IS_ONE_OF(code, denied) ? LE_ERR_DENIED : by_status(status);
}

bool le_sqs_entry_denied(const struct le_sqs_entry_result *result)
{
    return result->outcome == LE_SQS_ENTRY_FAILED && IS_ONE_OF(result->code, denied);
}

bool le_sqs_entry_retryable(const struct le_sqs_entry_result *result)
{
    if (result->outcome != LE_SQS_ENTRY_FAILED)
        return result->outcome == LE_SQS_ENTRY_MISSING;
    /* Being told to slow down is said to be the sender's fault, and passes all the same. */
    if (IS_ONE_OF(result->code, throttled))
        return true;
    return !result->sender_fault && !IS_ONE_OF(result->code, denied) &&
           !IS_ONE_OF(result->code, invalid_entry);
}
