#include "loginetl/sqs/json.h"

const struct le_sqs_codec le_sqs_json = {
    .name = "json",
    .content_type = "application/x-amz-json-1.0",
    .target_header = true,
    .get_queue_url = le_sqs_json_get_queue_url,
    .get_queue_attributes = le_sqs_json_get_queue_attributes,
    .receive = le_sqs_json_receive,
    .delete_batch = le_sqs_json_delete_batch,
    .visibility_batch = le_sqs_json_visibility_batch,
    .send_batch = le_sqs_json_send_batch,
    .read_queue_url = le_sqs_json_read_queue_url,
    .read_queue_attributes = le_sqs_json_read_queue_attributes,
    .read_messages = le_sqs_json_read_messages,
    .read_batch = le_sqs_json_read_batch,
    .read_error = le_sqs_json_read_error,
};
