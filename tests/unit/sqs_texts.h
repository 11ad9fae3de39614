/* What the tests of both protocols' codecs share. */
#ifndef LE_TESTS_SQS_TEXTS_H
#define LE_TESTS_SQS_TEXTS_H

#include "loginetl/sqs/codec.h"

#define URL       "http://localhost:4566/000000000000/login-queue"
#define QUEUE_URL LE_SPAN_LIT(URL)

/* A request was written, and is this one; out is empty afterwards. */
void sqs_check_written(struct le_buf *out, enum le_err err, const char *expect);
/* What does not become whole leaves nothing behind what was there before. whole: bytes of a delete
 * of ten that are not enough. */
void sqs_check_limit(const struct le_sqs_codec *codec, size_t whole);

/* An answer in a block of its own, without anything behind it; until the next one. */
char *sqs_fresh(const char *text, size_t len);
/* The group's teardown. */
int sqs_drop_fresh(void **state);

#endif
