#include "decode_bench.h"

#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int bench_set_up(void **state)
{
    struct bench *bench = le_calloc(1, sizeof *bench);
    assert_non_null(bench);
    le_fields_builtin(&bench->fields);
    bench->config = (struct le_decoder_config){&bench->fields, LE_MASK_SHA256,
                                               LE_APP_VERSION_DIGITS, BODY_MAX, LE_ENVELOPE_AUTO};
    bench->sent_at_ms = SENT_AT_MS;
    *state = bench;
    return 0;
}

static void drop_row(struct bench *bench)
{
    le_free(bench->body);
    le_free(bench->scratch);
    le_free(bench->masks);
    bench->body = bench->scratch = bench->masks = NULL;
}

int bench_tear_down(void **state)
{
    struct bench *bench = *state;
    drop_row(bench);
    le_decoder_free(bench->decoder);
    le_free(bench);
    return 0;
}

/* Everything is given in exactly the size that the contract names, so that a sanitizer sees a byte
 * too many. */
enum le_reject_reason bench_decode(struct bench *bench, const char *body, size_t len)
{
    if (bench->decoder == NULL)
        bench->decoder = le_decoder_new(&bench->config);
    assert_non_null(bench->decoder);
    drop_row(bench);
    bench->body = le_alloc(len);
    bench->masks = le_alloc(le_decoder_mask_space(bench->decoder));
    assert_true(bench->body != NULL && bench->masks != NULL);
    memcpy(bench->body, body, len);
    if (memchr(body, '\\', len) != NULL) {
        bench->scratch = le_alloc(len);
        assert_non_null(bench->scratch);
    }
    assert_int_equal(le_decode(bench->decoder, bench->body, len, bench->sent_at_ms, bench->scratch,
                               bench->masks, bench->cells, &bench->reject),
                     LE_OK);
    assert_memory_equal(bench->body, body, len);
    return bench->reject.reason;
}

void bench_expect_row(struct bench *bench, const char *body)
{
    enum le_reject_reason reason = bench_decode(bench, body, strlen(body));
    if (reason != LE_REJECT_NONE)
        fail_msg("%s: %s", body, le_reject_word(reason));
    assert_null(bench->reject.key.ptr);
}

void bench_expect_reject(struct bench *bench, const char *body, enum le_reject_reason reason,
                         const char *key)
{
    enum le_reject_reason got = bench_decode(bench, body, strlen(body));
    if (got != reason)
        fail_msg("%s: %s", body, le_reject_word(got));
    if (key == NULL) {
        assert_null(bench->reject.key.ptr);
        return;
    }
    assert_true(le_span_is(bench->reject.key, key));
    /* never a piece of the message */
    assert_ptr_equal(bench->reject.key.ptr,
                     le_fields_by_key(&bench->fields, le_span_of(key))->key.ptr);
}

void bench_expect_text(const struct bench *bench, int cell, const char *text)
{
    assert_int_equal(bench->cells[cell].kind, LE_CELL_TEXT);
    assert_true(
        le_span_is((struct le_span){bench->cells[cell].text, bench->cells[cell].len}, text));
}

void bench_expect_number(const struct bench *bench, int cell, enum le_cell_kind kind,
                         int64_t number)
{
    assert_int_equal(bench->cells[cell].kind, kind);
    assert_int_equal(bench->cells[cell].num, number);
}

void bench_expect_null(const struct bench *bench, int cell)
{
    assert_int_equal(bench->cells[cell].kind, LE_CELL_NULL);
}
