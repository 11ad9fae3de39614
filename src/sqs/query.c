#include "loginetl/sqs/query.h"

const struct le_sqs_codec le_sqs_query = {
    .name = "query",
    .content_type = "application/x-www-form-urlencoded; charset=utf-8",
    .get_queue_url = le_sqs_query_get_queue_url,
    .get_queue_attributes = le_sqs_query_get_queue_attributes,
    .receive = le_sqs_query_receive,
    .delete_batch = le_sqs_query_delete_batch,
    .visibility_batch = le_sqs_query_visibility_batch,
    .send_batch = le_sqs_query_send_batch,
    .read_queue_url = le_sqs_query_read_queue_url,
    .read_queue_attributes = le_sqs_query_read_queue_attributes,
    .read_messages = le_sqs_query_read_messages,
    .read_batch = le_sqs_query_read_batch,
    .read_error = le_sqs_query_read_error,
};
