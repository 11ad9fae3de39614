/* The Query protocol's two halves; le_sqs_query (codec.h) is the table of them. Requests are forms,
 * answers XML. */
#ifndef LE_SQS_QUERY_H
#define LE_SQS_QUERY_H

#include "loginetl/sqs/codec.h"

LE_MUST enum le_err le_sqs_query_get_queue_url(struct le_buf *out, struct le_span name,
                                               struct le_span account);
LE_MUST enum le_err le_sqs_query_get_queue_attributes(struct le_buf *out, struct le_span queue_url);
LE_MUST enum le_err le_sqs_query_receive(struct le_buf *out, struct le_span queue_url,
                                         int max_messages, int wait_s, int visibility_s);
LE_MUST enum le_err le_sqs_query_delete_batch(struct le_buf *out, struct le_span queue_url,
                                              const struct le_span *handles, size_t count);
LE_MUST enum le_err le_sqs_query_visibility_batch(struct le_buf *out, struct le_span queue_url,
                                                  const struct le_span *handles, size_t count,
                                                  int visibility_s);
LE_MUST enum le_err le_sqs_query_send_batch(struct le_buf *out, struct le_span queue_url,
                                            const struct le_sqs_send_entry *entries, size_t count);

LE_MUST enum le_err le_sqs_query_read_queue_url(char *text, size_t len, struct le_span *queue_url);
LE_MUST enum le_err le_sqs_query_read_queue_attributes(char *text, size_t len,
                                                       struct le_sqs_queue_attributes *out);
LE_MUST enum le_err le_sqs_query_read_messages(char *text, size_t len,
                                               struct le_sqs_message out[LE_SQS_BATCH_MAX],
                                               size_t *count);
LE_MUST enum le_err le_sqs_query_read_batch(char *text, size_t len, struct le_sqs_entry_result *out,
                                            size_t count);
/* Understands a JSON error too: a server that speaks JSON only answers so. */
struct le_span le_sqs_query_read_error(char *text, size_t len, struct le_span query_error_header);

#endif
