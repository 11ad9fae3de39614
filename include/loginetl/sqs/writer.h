/* How the writers of both protocols put a request together: appended piece by piece, and the first
 * failure sticks, so that a request reads as it is written. */
#ifndef LE_SQS_WRITER_H
#define LE_SQS_WRITER_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stddef.h>

struct le_sqs_writer {
    struct le_buf *out;
    size_t start;
    enum le_err err;
};

static inline struct le_sqs_writer le_sqs_begin(struct le_buf *out)
{
    return (struct le_sqs_writer){.out = out, .start = out->len, .err = LE_OK};
}

/* A request that did not become whole leaves nothing behind. */
LE_MUST static inline enum le_err le_sqs_finish(struct le_sqs_writer *writer)
{
    if (writer->err != LE_OK)
        writer->out->len = writer->start;
    return writer->err;
}

static inline void le_sqs_put(struct le_sqs_writer *writer, struct le_span text)
{
    if (writer->err == LE_OK)
        writer->err = le_buf_append_span(writer->out, text);
}

#define LE_SQS_PUT(writer, literal) le_sqs_put(writer, LE_SPAN_LIT(literal))

static inline void le_sqs_put_number(struct le_sqs_writer *writer, size_t value)
{
    if (writer->err == LE_OK)
        writer->err = le_buf_append_u64(writer->out, value);
}

#endif
