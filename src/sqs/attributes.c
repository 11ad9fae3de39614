/* A queue's attributes, which both protocols give as names and texts. */
#include "loginetl/base/json_reader.h"
#include "loginetl/sqs/answer.h"

void le_sqs_clear_attributes(struct le_sqs_queue_attributes *out)
{
    *out = (struct le_sqs_queue_attributes){
        .visible = -1, .not_visible = -1, .delayed = -1, .visibility_timeout_s = -1};
}

void le_sqs_set_attribute(struct le_sqs_queue_attributes *out, struct le_span name,
                          struct le_span value)
{
    if (le_span_is(name, "QueueArn"))
        out->arn = value;
    else if (le_span_is(name, "RedrivePolicy"))
        out->redrive_policy = value.len > 0 ? value : LE_SPAN_NONE;
    else if (le_span_is(name, "ApproximateNumberOfMessages"))
        out->visible = le_sqs_number(value, INT64_MAX, -1);
    else if (le_span_is(name, "ApproximateNumberOfMessagesNotVisible"))
        out->not_visible = le_sqs_number(value, INT64_MAX, -1);
    else if (le_span_is(name, "ApproximateNumberOfMessagesDelayed"))
        out->delayed = le_sqs_number(value, INT64_MAX, -1);
    else if (le_span_is(name, "VisibilityTimeout"))
        out->visibility_timeout_s = le_sqs_number(value, INT64_MAX, -1);
}

/* A string; one of another kind (null, mostly) is skipped and absent. */
static struct le_span read_text(struct le_reader *reader)
{
    struct le_span text = LE_SPAN_NONE;
    if (!le_reader_string(reader, &text))
        le_reader_skip(reader);
    return text;
}

/* {"deadLetterTargetArn":"arn:…","maxReceiveCount":3}, the count as a number or as a string. One
 * that cannot be read is somebody else's and no reason to refuse the queue. */
void le_sqs_read_redrive(struct le_sqs_queue_attributes *out)
{
    struct le_reader reader;
    struct le_span key, arn = LE_SPAN_NONE;
    int64_t count = 0;
    if (out->redrive_policy.ptr == NULL)
        return;
    le_reader_init(&reader, (char *)(uintptr_t)out->redrive_policy.ptr, out->redrive_policy.len);
    if (!le_reader_enter_object(&reader))
        return;
    while (le_reader_next_key(&reader, &key)) {
        if (le_span_is(key, "deadLetterTargetArn"))
            arn = read_text(&reader);
        else if (!le_span_is(key, "maxReceiveCount"))
            le_reader_skip(&reader);
        else if (!le_reader_int(&reader, &count))
            count = le_sqs_number(read_text(&reader), INT64_MAX, 0);
    }
    if (le_reader_finish(&reader) != LE_OK)
        return;
    out->dead_letter_arn = arn.len > 0 ? arn : LE_SPAN_NONE;
    out->max_receive_count = count > 0 ? count : 0;
}
