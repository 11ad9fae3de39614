/* The HTTP/1.1 answer reader: every rule, each answer whole, byte by byte and cut in two at every
 * place. */
#include "loginetl/base/http.h"
#include "loginetl/base/mem.h"

#include "http_answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BODY_MAX 4096

struct outcome {
    enum le_err err;
    int status;
    bool done;
    bool keep_alive;
    size_t used;
    size_t body_len;
    char body[BODY_MAX + 1];
};

/* Feeds raw in steps: first bytes, then pieces of step bytes; then the connection closes. */
static void read_answer(const char *raw, size_t len, size_t first, size_t step, bool no_body,
                        struct outcome *out)
{
    struct le_http_reader reader;
    struct le_buf body;
    memset(out, 0, sizeof *out);
    le_http_reader_init(&reader);
    le_buf_init(&body, BODY_MAX);
    le_http_reader_begin(&reader, &body);
    reader.no_body = no_body;
    size_t at = 0;
    while (out->err == LE_OK && !le_http_reader_done(&reader) && at < len) {
        size_t part = at == 0 ? first : step;
        if (part > len - at)
            part = len - at;
        size_t used = 0;
        out->err = le_http_reader_feed(&reader, raw + at, part, &used);
        assert_true(used == part || out->err != LE_OK || le_http_reader_done(&reader));
        assert_true(reader.started);
        at += used;
    }
    out->used = at;
    if (out->err == LE_OK)
        out->err = le_http_reader_eof(&reader);
    out->status = reader.status;
    out->done = le_http_reader_done(&reader);
    out->keep_alive = reader.keep_alive;
    assert_int_equal(out->err == LE_OK, out->done);
    out->body_len = body.len;
    memcpy(out->body, body.len > 0 ? body.data : "", body.len);
    le_buf_free(&body);
    le_http_reader_free(&reader);
}

static void check(const struct answer *answer, const struct outcome *out)
{
    if (out->err != answer->err || out->status != answer->status)
        fail_msg("%s: %s, status %d", answer->name, le_err_name(out->err), out->status);
    if (answer->err != LE_OK)
        return;
    if (out->used != answer->raw_len - answer->surplus || out->keep_alive == answer->closes ||
        out->body_len != answer->body_len || memcmp(out->body, answer->body, out->body_len) != 0)
        fail_msg("%s: used %zu, keep-alive %d, body \"%s\"", answer->name, out->used,
                 out->keep_alive, out->body);
}

static void every_answer_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        struct outcome out;
        size_t len = answers[i].raw_len;
        read_answer(answers[i].raw, len, len, len, answers[i].no_body, &out);
        check(&answers[i], &out);
    }
}

static void every_answer_in_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t len = answers[i].raw_len;
        for (size_t step = 1; step <= 7; step++) {
            struct outcome out;
            read_answer(answers[i].raw, len, step, step, answers[i].no_body, &out);
            check(&answers[i], &out);
        }
    }
}

static void every_answer_cut_in_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t len = answers[i].raw_len;
        for (size_t first = 1; first < len; first++) {
            struct outcome out;
            read_answer(answers[i].raw, len, first, len, answers[i].no_body, &out);
            check(&answers[i], &out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_whole),
        cmocka_unit_test(every_answer_in_steps),
        cmocka_unit_test(every_answer_cut_in_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
