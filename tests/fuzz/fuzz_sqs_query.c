/* Answers of the queue service in the Query protocol. */
#include "sqs_answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_sqs_answer(&le_sqs_query, data, size);
    return 0;
}
