#include "loginetl/sqs/codec.h"

#include <assert.h>

const char *le_sqs_operation_name(enum le_sqs_operation operation)
{
    static const char *const names[LE_SQS_OPERATION_COUNT] = {
        [LE_SQS_GET_QUEUE_URL] = "GetQueueUrl",
        [LE_SQS_GET_QUEUE_ATTRIBUTES] = "GetQueueAttributes",
        [LE_SQS_RECEIVE] = "ReceiveMessage",
        [LE_SQS_DELETE_BATCH] = "DeleteMessageBatch",
        [LE_SQS_VISIBILITY_BATCH] = "ChangeMessageVisibilityBatch",
        [LE_SQS_SEND_BATCH] = "SendMessageBatch",
    };
    assert(operation < LE_SQS_OPERATION_COUNT);
    return names[operation];
}
