/* The JSON body of an SQS request, of whichever operation. Pure. */
#ifndef BENCH_CALL_H
#define BENCH_CALL_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_ENTRIES_MAX 10

/* X(NAME): attributes of messages first, then of queues */
#define CALL_ATTRIBUTES(X)                   \
    X(SenderId)                              \
    X(SentTimestamp)                         \
    X(ApproximateReceiveCount)               \
    X(ApproximateNumberOfMessages)           \
    X(ApproximateNumberOfMessagesNotVisible) \
    X(ApproximateNumberOfMessagesDelayed)    \
    X(VisibilityTimeout)                     \
    X(MaximumMessageSize)                    \
    X(ReceiveMessageWaitTimeSeconds)         \
    X(QueueArn)                              \
    X(RedrivePolicy)

enum call_attribute {
#define X(name) CALL_##name,
    CALL_ATTRIBUTES(X)
#undef X
        CALL_ATTRIBUTE_COUNT
};

extern const char *const call_attribute_names[CALL_ATTRIBUTE_COUNT];

#define CALL_NUMBER_ABSENT (-1)

/* Absent strings are spans of NULL. */
struct call_entry {
    struct le_span id, handle, body;
    int64_t visibility_s;
};

struct call {
    struct le_span queue_url, queue_name;
    int64_t most, wait_s;
    uint32_t attributes; /* a bit each */
    struct call_entry single;
    struct call_entry entries[CALL_ENTRIES_MAX];
    size_t entry_count; /* may be more than there is room for */
};

/* Unescapes in place: the call points into text. LE_ERR_SYNTAX: no JSON object. */
LE_MUST enum le_err call_read(struct call *call, char *text, size_t len);

#endif
