/* The JSON 1.0 protocol's two halves; le_sqs_json (codec.h) is the table of them. */
#ifndef LE_SQS_JSON_H
#define LE_SQS_JSON_H

#include "loginetl/sqs/codec.h"

LE_MUST enum le_err le_sqs_json_get_queue_url(struct le_buf *out, struct le_span name,
                                              struct le_span account);
LE_MUST enum le_err le_sqs_json_get_queue_attributes(struct le_buf *out, struct le_span queue_url);
LE_MUST enum le_err le_sqs_json_receive(struct le_buf *out, struct le_span queue_url,
                                        int max_messages, int wait_s, int visibility_s);
LE_MUST enum le_err le_sqs_json_delete_batch(struct le_buf *out, struct le_span queue_url,
                                             const struct le_span *handles, size_t count);
LE_MUST enum le_err le_sqs_json_visibility_batch(struct le_buf *out, struct le_span queue_url,
                                                 const struct le_span *handles, size_t count,
                                                 int visibility_s);
LE_MUST enum le_err le_sqs_json_send_batch(struct le_buf *out, struct le_span queue_url,
                                           const struct le_sqs_send_entry *entries, size_t count);

LE_MUST enum le_err le_sqs_json_read_queue_url(char *text, size_t len, struct le_span *queue_url);
LE_MUST enum le_err le_sqs_json_read_queue_attributes(char *text, size_t len,
                                                      struct le_sqs_queue_attributes *out);
LE_MUST enum le_err le_sqs_json_read_messages(char *text, size_t len,
                                              struct le_sqs_message out[LE_SQS_BATCH_MAX],
                                              size_t *count);
LE_MUST enum le_err le_sqs_json_read_batch(char *text, size_t len, struct le_sqs_entry_result *out,
                                           size_t count);
struct le_span le_sqs_json_read_error(char *text, size_t len, struct le_span query_error_header);

/* A service's error code without its prefix up to '#' and what follows a ':' or ';'. Absent when
 * that is no word of letters, digits, '.', '_' and '-': what goes into a log is a code and never a
 * sentence. */
struct le_span le_sqs_code_word(struct le_span text);

#endif
