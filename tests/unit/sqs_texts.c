#include "sqs_texts.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void sqs_check_written(struct le_buf *out, enum le_err err, const char *expect)
{
    assert_int_equal(err, LE_OK);
    if (out->len != strlen(expect) || memcmp(out->data, expect, out->len) != 0)
        fail_msg("%.*s\ninstead of\n%s", (int)out->len, out->data, expect);
    le_buf_clear(out);
}

void sqs_check_limit(const struct le_sqs_codec *codec, size_t whole)
{
    struct le_span handles[LE_SQS_BATCH_MAX];
    struct le_buf out;
    for (size_t i = 0; i < LE_SQS_BATCH_MAX; i++)
        handles[i] = LE_SPAN_LIT("AQEB0123456789");
    for (size_t max = 4; max < whole; max += 7) {
        le_buf_init(&out, max);
        assert_int_equal(le_buf_append_text(&out, "keep"), LE_OK);
        enum le_err err = codec->delete_batch(&out, QUEUE_URL, handles, LE_SQS_BATCH_MAX);
        assert_int_equal(err, LE_ERR_TOO_LARGE);
        assert_int_equal(out.len, 4);
        le_buf_free(&out);
    }
    le_buf_init(&out, 4096);
    le_mem_fail_at(1);
    assert_int_equal(codec->receive(&out, QUEUE_URL, 1, 0, 5), LE_ERR_NOMEM);
    le_mem_fail_at(0);
    le_buf_free(&out);
}

static char *copy;

char *sqs_fresh(const char *text, size_t len)
{
    free(copy);
    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return copy;
}

int sqs_drop_fresh(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}
