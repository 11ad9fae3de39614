/* What holds for the answers of either protocol, whatever bytes they are. */
#ifndef LE_TESTS_FUZZ_SQS_ANSWERS_H
#define LE_TESTS_FUZZ_SQS_ANSWERS_H

#include "loginetl/sqs/codec.h"

#include <stdint.h>

/* The first byte chooses the reader, the answer follows. Aborts when something does not hold. */
void fuzz_sqs_answer(const struct le_sqs_codec *codec, const uint8_t *data, size_t size);

#endif
