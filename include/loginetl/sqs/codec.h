/* SQS requests and answers as bytes: one interface, and behind it the JSON 1.0 protocol and the
 * older Query protocol (forms and XML). */
#ifndef LE_SQS_CODEC_H
#define LE_SQS_CODEC_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LE_SQS_BATCH_MAX 10 /* entries in a batch, messages in an answer */
#define LE_SQS_BATCH_BYTES_MAX                                        \
    1048576 /* bodies and attributes of one SendMessageBatch together \
             */

enum le_sqs_operation {
    LE_SQS_GET_QUEUE_URL,
    LE_SQS_GET_QUEUE_ATTRIBUTES,
    LE_SQS_RECEIVE,
    LE_SQS_DELETE_BATCH,
    LE_SQS_VISIBILITY_BATCH,
    LE_SQS_SEND_BATCH,
    LE_SQS_OPERATION_COUNT
};
const char *le_sqs_operation_name(enum le_sqs_operation operation); /* "ReceiveMessage" */

struct le_sqs_message {
    struct le_span message_id;
    struct le_span receipt_handle;
    char *body; /* unescaped in place; may be changed by its reader */
    size_t body_len;
    struct le_span body_md5; /* MD5OfBody as given: hex; absent when the server gave none */
    int64_t sent_at_ms;      /* SentTimestamp; -1 when the server gave none */
    uint32_t receive_count;  /* ApproximateReceiveCount; 0 when not given */
    struct le_span group_id; /* MessageGroupId; absent when not given */
};

struct le_sqs_attribute {
    struct le_span name;
    struct le_span
        value; /* DataType String; empty or absent ones are left out (SQS refuses empty values) */
};

struct le_sqs_send_entry {
    struct le_span body;
    const struct le_sqs_attribute *attributes;
    size_t attribute_count;
    /* For a FIFO queue, which refuses entries without a group; absent: left out, as any other queue
     * wants it. 1 to 128 letters, digits and punctuation each. */
    struct le_span group_id, deduplication_id;
};

enum le_sqs_outcome {
    LE_SQS_ENTRY_MISSING =
        0, /* the answer does not speak of this entry: outcome unknown, try again */
    LE_SQS_ENTRY_OK,
    LE_SQS_ENTRY_FAILED
};

struct le_sqs_entry_result {
    enum le_sqs_outcome outcome;
    bool sender_fault;
    struct le_span code; /* into the answer; a fixed word of the service's, fit for a log */
};

/* The attributes that loginetl asks for. */
struct le_sqs_queue_attributes {
    int64_t visible, not_visible, delayed; /* approximate; -1 when not given */
    int64_t visibility_timeout_s;          /* -1 when not given */
    struct le_span redrive_policy;  /* JSON text, unescaped (strings in it too); absent when none */
    struct le_span dead_letter_arn; /* out of the redrive policy; absent when none */
    int64_t max_receive_count;      /* 0 when none */
    struct le_span arn;
};

/* Letters, digits, - and _, 80 at most; a dot only in .fifo at the end. */
LE_MUST bool le_sqs_is_queue_name(struct le_span name);

/* Parts of "arn:aws:sqs:REGION:ACCOUNT:NAME", pointing into it. LE_ERR_SYNTAX: it is none. */
struct le_sqs_arn {
    struct le_span region, account, name;
};
LE_MUST enum le_err le_sqs_arn_parse(struct le_span text, struct le_sqs_arn *out);

/* Parts of a queue's URL, pointing into it: "https://host/", "queue/REGION/" and the like; the
 * account, absent where servers have none ("http://host/queue/NAME"); the name, absent where there
 * is no path. Slashes at the end count for nothing. */
struct le_sqs_url {
    struct le_span base, account, name;
};
struct le_sqs_url le_sqs_url_take_apart(struct le_span url);
/* Do they name the same queue, on one server? In whichever of its styles. */
LE_MUST bool le_sqs_is_same_queue(struct le_span a, struct le_span b);

/* Appends "https://…" of the queue that an ARN names, told by the source queue's URL: same scheme,
 * host and path style, the ARN's account and name ("http://host:1/000000000000/q" +
 * arn:aws:sqs:r:111111111111:q-dlq -> "http://host:1/111111111111/q-dlq"). LE_ERR_SYNTAX: not an
 * SQS ARN or a URL without account and name. (A client prefers GetQueueUrl and falls back on this.)
 */
LE_MUST enum le_err le_sqs_url_from_arn(struct le_buf *out, struct le_span queue_url,
                                        struct le_span arn);

/* Does the URL, or the name, end in ".fifo"? Every FIFO queue's does, and no other's may. */
bool le_sqs_is_fifo(struct le_span queue);

/* Is the body another one than the server hashed (MD5OfBody)? To be asked before the body is
 * changed. False when no MD5 was given or what was given is none. */
LE_MUST bool le_sqs_body_is_damaged(const struct le_sqs_message *message);

/* The writers append a whole request body to out: LE_ERR_TOO_LARGE or LE_ERR_NOMEM. Entry ids are
 * positions ("0" … "9"). The readers work in place on a 2xx answer's body (an empty body counts as
 * {}): spans point into it. LE_ERR_PROTOCOL: not an answer of that kind. LE_ERR_NOMEM: XML's parser
 * takes memory while it reads. */
struct le_sqs_codec {
    const char *name;         /* "json", "query" */
    const char *content_type; /* of requests */
    bool target_header;       /* requests name their operation in x-amz-target */
    LE_MUST enum le_err (*get_queue_url)(struct le_buf *out, struct le_span name,
                                         struct le_span account /* or absent */);
    LE_MUST enum le_err (*get_queue_attributes)(struct le_buf *out, struct le_span queue_url);
    /* Asks for the messages' groups where the queue is FIFO. */
    LE_MUST enum le_err (*receive)(struct le_buf *out, struct le_span queue_url, int max_messages,
                                   int wait_s, int visibility_s);
    LE_MUST enum le_err (*delete_batch)(struct le_buf *out, struct le_span queue_url,
                                        const struct le_span *handles, size_t count);
    LE_MUST enum le_err (*visibility_batch)(struct le_buf *out, struct le_span queue_url,
                                            const struct le_span *handles, size_t count,
                                            int visibility_s);
    LE_MUST enum le_err (*send_batch)(struct le_buf *out, struct le_span queue_url,
                                      const struct le_sqs_send_entry *entries, size_t count);

    LE_MUST enum le_err (*read_queue_url)(char *text, size_t len, struct le_span *queue_url);
    LE_MUST enum le_err (*read_queue_attributes)(char *text, size_t len,
                                                 struct le_sqs_queue_attributes *out);
    /* A message without id, handle or body is LE_ERR_PROTOCOL; more than LE_SQS_BATCH_MAX too. */
    LE_MUST enum le_err (*read_messages)(char *text, size_t len,
                                         struct le_sqs_message out[LE_SQS_BATCH_MAX],
                                         size_t *count);
    /* out has count entries, set by their ids; an id that was not asked for is LE_ERR_PROTOCOL. */
    LE_MUST enum le_err (*read_batch)(char *text, size_t len, struct le_sqs_entry_result *out,
                                      size_t count);
    /* The error code of a non-2xx answer, stripped of prefix and suffix; falls back on the header
     * x-amzn-query-error (absent is fine). Absent when neither says one. Never the server's
     * message. */
    struct le_span (*read_error)(char *text, size_t len, struct le_span query_error_header);
};

extern const struct le_sqs_codec le_sqs_json;
extern const struct le_sqs_codec le_sqs_query;

/* What status and code of a refused request mean: LE_ERR_THROTTLED, _SERVICE, _CREDENTIALS (keys
 * and tokens), _DENIED, _NO_QUEUE, _REFUSED. le_sqs_is_skew: the codes that a wrong clock gives. */
enum le_err le_sqs_error(int status, struct le_span code);
bool le_sqs_is_skew(struct le_span code);
/* Did it say that credentials which were good have expired? */
bool le_sqs_is_expired(struct le_span code);
/* Is an entry that failed with this code worth another try? Not when the sender is at fault or the
 * handle is invalid. */
bool le_sqs_entry_retryable(const struct le_sqs_entry_result *result);
/* Did it fail because the caller has no permission? */
bool le_sqs_entry_denied(const struct le_sqs_entry_result *result);

#endif
