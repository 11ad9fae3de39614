/* What the readers of both protocols make of the texts that they find in an answer. */
#ifndef LE_SQS_ANSWER_H
#define LE_SQS_ANSWER_H

#include "loginetl/sqs/codec.h"

#include <stdbool.h>
#include <stdint.h>

/* The year 9999: what the database can hold. */
#define LE_SQS_SENT_AT_MS_MAX INT64_C(253402300799999)

/* Digits only; otherwise what stands for "not given". */
static inline int64_t le_sqs_number(struct le_span text, int64_t max, int64_t otherwise)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > 18)
        return otherwise;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return otherwise;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value <= max ? value : otherwise;
}

/* Before the first of its members is read. One by one: for a struct of that size a compiler takes
 * twice the instructions. */
static inline void le_sqs_clear_message(struct le_sqs_message *message)
{
    message->message_id = message->receipt_handle = LE_SPAN_NONE;
    message->body = NULL;
    message->body_len = 0;
    message->body_md5 = message->group_id = LE_SPAN_NONE;
    message->sent_at_ms = -1;
    message->receive_count = 0;
}

/* Entry ids are positions. An entry that is said to have failed has failed, whatever else is said
 * of it. False: the id was not asked for. */
LE_MUST static inline bool le_sqs_keep_entry(struct le_span id,
                                             const struct le_sqs_entry_result *result,
                                             struct le_sqs_entry_result *out, size_t count)
{
    if (id.len != 1 || id.ptr[0] < '0' || id.ptr[0] > '9')
        return false;
    size_t position = (size_t)(id.ptr[0] - '0');
    if (position >= count)
        return false;
    if (out[position].outcome != LE_SQS_ENTRY_FAILED)
        out[position] = *result;
    return true;
}

/* Before the first of le_sqs_set_attribute. */
void le_sqs_clear_attributes(struct le_sqs_queue_attributes *out);
/* One attribute of a queue, by its name; others than those of the struct are left alone. */
void le_sqs_set_attribute(struct le_sqs_queue_attributes *out, struct le_span name,
                          struct le_span value);
/* After the last one: takes the redrive policy apart, in place. */
void le_sqs_read_redrive(struct le_sqs_queue_attributes *out);

#endif
