/* The HTTP codec's limits and its reader's life over many answers; the request writer. */
#include "loginetl/base/http.h"
#include "loginetl/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK200 "HTTP/1.1 200 OK\r\n"

struct rig {
    struct le_http_reader reader;
    struct le_buf raw;
    struct le_buf body;
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    le_http_reader_init(&rig->reader);
    le_buf_init(&rig->raw, 1 << 20);
    le_buf_init(&rig->body, 1 << 16);
    le_http_reader_begin(&rig->reader, &rig->body);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    le_http_reader_free(&rig->reader);
    le_buf_free(&rig->raw);
    le_buf_free(&rig->body);
    free(rig);
    return 0;
}

static void add(struct rig *rig, const char *text)
{
    assert_int_equal(le_buf_append_text(&rig->raw, text), LE_OK);
}

static void pad(struct rig *rig, char c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(le_buf_append(&rig->raw, &c, 1), LE_OK);
}

/* Feeds what has been added, in pieces, and forgets it. */
static enum le_err feed(struct rig *rig, size_t step)
{
    enum le_err err = LE_OK;
    size_t at = 0;
    while (err == LE_OK && at < rig->raw.len && !le_http_reader_done(&rig->reader)) {
        size_t used = 0;
        size_t part = step < rig->raw.len - at ? step : rig->raw.len - at;
        err = le_http_reader_feed(&rig->reader, rig->raw.data + at, part, &used);
        at += used;
    }
    le_buf_clear(&rig->raw);
    return err;
}

static void begin(struct rig *rig)
{
    le_buf_clear(&rig->body);
    le_http_reader_begin(&rig->reader, &rig->body);
}

static void add_long_head(struct rig *rig, size_t len)
{
    add(rig, OK200 "Content-Length: 0\r\nX: ");
    pad(rig, 'x', len - rig->raw.len - 4);
    add(rig, "\r\n\r\n");
    assert_int_equal(rig->raw.len, len);
}

static void head_as_long_as_allowed(void **state)
{
    struct rig *rig = *state;
    for (size_t step = 1; step <= LE_HTTP_HEAD_MAX; step += LE_HTTP_HEAD_MAX - 1) {
        begin(rig);
        add_long_head(rig, LE_HTTP_HEAD_MAX);
        assert_int_equal(feed(rig, step), LE_OK);
        assert_true(le_http_reader_done(&rig->reader));
        begin(rig);
        add_long_head(rig, LE_HTTP_HEAD_MAX + 1);
        assert_int_equal(feed(rig, step + 1), LE_ERR_TOO_LARGE);
    }
}

static void head_without_end(void **state)
{
    struct rig *rig = *state;
    add(rig, "HTTP/1.1 200 ");
    pad(rig, 'x', LE_HTTP_HEAD_MAX);
    assert_int_equal(feed(rig, 1000), LE_ERR_TOO_LARGE);
    assert_int_equal(rig->reader.state, LE_HTTP_FAILED);
}

static void as_many_headers_as_allowed(void **state)
{
    struct rig *rig = *state;
    for (size_t extra = 0; extra < 2; extra++) {
        begin(rig);
        add(rig, OK200 "Content-Length: 0\r\n");
        for (size_t i = 1; i < LE_HTTP_HEADERS_MAX + extra; i++)
            add(rig, "A: b\r\n");
        add(rig, "\r\n");
        assert_int_equal(feed(rig, 9999), extra == 0 ? LE_OK : LE_ERR_TOO_LARGE);
    }
}

static void as_many_interim_answers_as_allowed(void **state)
{
    struct rig *rig = *state;
    for (size_t extra = 0; extra < 2; extra++) {
        begin(rig);
        for (size_t i = 0; i < LE_HTTP_INTERIM_MAX + extra; i++)
            add(rig, "HTTP/1.1 102 Processing\r\nA: b\r\n\r\n");
        add(rig, OK200 "Content-Length: 0\r\n\r\n");
        assert_int_equal(feed(rig, 9999), extra == 0 ? LE_OK : LE_ERR_PROTOCOL);
    }
}

static void body_as_long_as_allowed(void **state)
{
    struct rig *rig = *state;
    char size[32];
    for (size_t extra = 0; extra < 2; extra++) {
        enum le_err expected = extra == 0 ? LE_OK : LE_ERR_TOO_LARGE;
        size_t len = rig->body.max + extra;
        begin(rig);
        snprintf(size, sizeof size, "%zu\r\n\r\n", len);
        add(rig, OK200 "Content-Length: ");
        add(rig, size);
        pad(rig, 'b', len);
        assert_int_equal(feed(rig, 60000), expected);

        begin(rig);
        snprintf(size, sizeof size, "%zx\r\n", len - 3);
        add(rig, OK200 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        add(rig, size);
        pad(rig, 'b', len - 3);
        add(rig, "\r\n0\r\n\r\n");
        assert_int_equal(feed(rig, 60000), expected);

        begin(rig);
        add(rig, OK200 "\r\n");
        pad(rig, 'b', len);
        assert_int_equal(feed(rig, 60000), expected);
    }
}

/* The caller's buffer may hold something already: the limit is on what it holds in the end. */
static void body_is_appended(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(le_buf_append_text(&rig->body, "before "), LE_OK);
    le_http_reader_begin(&rig->reader, &rig->body);
    add(rig, OK200 "Content-Length: 5\r\n\r\nafter");
    assert_int_equal(feed(rig, 9999), LE_OK);
    assert_true(le_span_is(le_buf_span(&rig->body), "before after"));
    le_http_reader_begin(&rig->reader, &rig->body);
    char head[64];
    snprintf(head, sizeof head, OK200 "Content-Length: %zu\r\n\r\n", rig->body.max - 11);
    add(rig, head);
    assert_int_equal(feed(rig, 9999), LE_ERR_TOO_LARGE);
}

static void chunk_lines_are_bounded(void **state)
{
    struct rig *rig = *state;
    add(rig, OK200 "Transfer-Encoding: chunked\r\n\r\n1;");
    pad(rig, 'e', 5000);
    assert_int_equal(feed(rig, 100), LE_ERR_TOO_LARGE);
    begin(rig);
    add(rig, OK200 "Transfer-Encoding: chunked\r\n\r\n");
    pad(rig, '0', 5000);
    assert_int_equal(feed(rig, 9999), LE_ERR_TOO_LARGE);
    begin(rig);
    add(rig, OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\n");
    for (size_t i = 0; i < LE_HTTP_HEAD_MAX / 4; i++)
        add(rig, "A: b\r\n");
    assert_int_equal(feed(rig, 9999), LE_ERR_TOO_LARGE);
}

static void one_reader_for_many_answers(void **state)
{
    struct rig *rig = *state;
    add(rig, OK200 "A: 1\r\nX-Amzn-RequestId: abc\r\na: 2\r\nContent-Length: 1\r\n\r\nx");
    assert_int_equal(feed(rig, 3), LE_OK);
    assert_true(le_span_is(le_http_reader_header(&rig->reader, "a"), "1"));
    assert_true(le_span_is(le_http_reader_header(&rig->reader, "x-amzn-requestid"), "abc"));
    assert_true(le_span_is(le_http_reader_header(&rig->reader, "X-AMZN-REQUESTID"), "abc"));
    assert_null(le_http_reader_header(&rig->reader, "absent").ptr);
    assert_null(le_http_reader_header(&rig->reader, "X-Amzn-RequestI").ptr);
    const char *kept = rig->reader.head.data;
    begin(rig);
    assert_null(le_http_reader_header(&rig->reader, "a").ptr);
    assert_false(rig->reader.started || rig->reader.keep_alive || rig->reader.status != 0);
    add(rig, "HTTP/1.1 500 x\r\nX-Empty:\r\nContent-Length: 1\r\n\r\ny");
    assert_int_equal(feed(rig, 9999), LE_OK);
    assert_ptr_equal(rig->reader.head.data, kept);
    assert_int_equal(rig->reader.status, 500);
    assert_non_null(le_http_reader_header(&rig->reader, "x-empty").ptr);
    assert_int_equal(le_http_reader_header(&rig->reader, "x-empty").len, 0);
}

/* The head buffer moves while it grows: the spans must point where it came to rest. */
static void headers_point_into_the_final_head(void **state)
{
    struct rig *rig = *state;
    add(rig, OK200 "First: one\r\nPadding: ");
    pad(rig, 'p', 3000);
    add(rig, "\r\nContent-Length: 0\r\nLast: two \t\r\n\r\n");
    assert_int_equal(feed(rig, 10), LE_OK);
    assert_true(le_span_is(le_http_reader_header(&rig->reader, "first"), "one"));
    assert_true(le_span_is(le_http_reader_header(&rig->reader, "last"), "two"));
    assert_int_equal(le_http_reader_header(&rig->reader, "padding").len, 3000);
}

static bool may_stand_in_a_value(int byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

/* Values are checked several bytes at a time: every byte at every place. */
static void every_byte_in_a_value(void **state)
{
    struct rig *rig = *state;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 20 && byte != '\n'; at++) {
            begin(rig);
            add(rig, OK200 "Content-Length: 0\r\nX: ");
            pad(rig, 'v', at);
            pad(rig, (char)byte, 1);
            pad(rig, '\xff', 19 - at);
            add(rig, "v\r\n\r\n");
            enum le_err err = feed(rig, 9999);
            if (err != (may_stand_in_a_value(byte) ? LE_OK : LE_ERR_PROTOCOL))
                fail_msg("byte %d at %zu: %s", byte, at, le_err_name(err));
        }
    }
}

static void an_error_sticks(void **state)
{
    struct rig *rig = *state;
    add(rig, "nonsense");
    assert_int_equal(feed(rig, 9999), LE_ERR_PROTOCOL);
    add(rig, OK200 "Content-Length: 0\r\n\r\n");
    assert_int_equal(feed(rig, 9999), LE_ERR_PROTOCOL);
    assert_int_equal(le_http_reader_eof(&rig->reader), LE_ERR_CLOSED);
    begin(rig);
    add(rig, OK200 "Content-Length: 0\r\n\r\n");
    assert_int_equal(feed(rig, 9999), LE_OK);
}

static void no_memory(void **state)
{
    struct rig *rig = *state;
    for (unsigned long nth = 1; nth <= 2; nth++) {
        le_buf_free(&rig->body);
        le_http_reader_free(&rig->reader);
        le_http_reader_begin(&rig->reader, &rig->body);
        add(rig, OK200 "Content-Length: 2\r\n\r\nhi");
        le_mem_fail_at(nth);
        enum le_err err = feed(rig, 9999);
        le_mem_fail_at(0);
        assert_int_equal(err, LE_ERR_NOMEM);
    }
}

#define SPAN(text) LE_SPAN_LIT(text)

static void a_request_head(void **state)
{
    struct rig *rig = *state;
    const struct le_http_header headers[] = {
        {SPAN("Host"), SPAN("sqs.example:4566")},
        {SPAN("X-Empty"), {NULL, 0}},
    };
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("POST"), SPAN("/"), headers, 2, 12), LE_OK);
    assert_true(le_span_is(le_buf_span(&rig->raw),
                           "POST / HTTP/1.1\r\nHost: sqs.example:4566\r\nX-Empty: \r\n"
                           "Content-Length: 12\r\n\r\n"));
    le_buf_clear(&rig->raw);
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/a?b"), headers, 1, 0),
                     LE_OK);
    assert_true(
        le_span_is(le_buf_span(&rig->raw), "GET /a?b HTTP/1.1\r\nHost: sqs.example:4566\r\n\r\n"));
    le_buf_clear(&rig->raw);
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("PUT"), SPAN("/"), NULL, 0, 0), LE_OK);
    assert_true(le_span_is(le_buf_span(&rig->raw), "PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"));
    le_buf_clear(&rig->raw);
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/"), NULL, 0, SIZE_MAX),
                     LE_OK);
    assert_true(le_span_is(le_buf_span(&rig->raw),
                           "GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"));
}

static void nothing_is_smuggled_into_a_request(void **state)
{
    struct rig *rig = *state;
    static const struct le_span bad[] = {LE_SPAN_LIT("a\rb"), LE_SPAN_LIT("a\nb"),
                                         LE_SPAN_LIT("a\0b"), LE_SPAN_LIT("\n")};
    add(rig, "before");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct le_http_header name = {bad[i], SPAN("v")}, value = {SPAN("n"), bad[i]};
        assert_int_equal(le_http_write_head(&rig->raw, bad[i], SPAN("/"), NULL, 0, 0),
                         LE_ERR_SYNTAX);
        assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), bad[i], NULL, 0, 0),
                         LE_ERR_SYNTAX);
        assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/"), &name, 1, 0),
                         LE_ERR_SYNTAX);
        assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/"), &value, 1, 0),
                         LE_ERR_SYNTAX);
    }
    struct le_http_header colon = {SPAN("a:b"), SPAN("v")}, blank = {SPAN("a b"), SPAN("v")};
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/"), &colon, 1, 0),
                     LE_ERR_SYNTAX);
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/"), &blank, 1, 0),
                     LE_ERR_SYNTAX);
    assert_int_equal(le_http_write_head(&rig->raw, SPAN("GET"), SPAN("/ x"), NULL, 0, 0),
                     LE_ERR_SYNTAX);
    assert_int_equal(le_http_write_head(&rig->raw, SPAN(""), SPAN("/"), NULL, 0, 0), LE_ERR_SYNTAX);
    assert_true(le_span_is(le_buf_span(&rig->raw), "before"));
}

static void a_request_has_its_limit(void **state)
{
    (void)state;
    struct le_buf small;
    le_buf_init(&small, 20);
    assert_int_equal(le_http_write_head(&small, SPAN("GET"), SPAN("/123456789"), NULL, 0, 0),
                     LE_ERR_TOO_LARGE);
    assert_int_equal(small.len, 0);
    le_buf_free(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(head_as_long_as_allowed),
        TEST(head_without_end),
        TEST(as_many_headers_as_allowed),
        TEST(as_many_interim_answers_as_allowed),
        TEST(body_as_long_as_allowed),
        TEST(body_is_appended),
        TEST(chunk_lines_are_bounded),
        TEST(one_reader_for_many_answers),
        TEST(headers_point_into_the_final_head),
        TEST(every_byte_in_a_value),
        TEST(an_error_sticks),
        TEST(no_memory),
        TEST(a_request_head),
        TEST(nothing_is_smuggled_into_a_request),
        TEST(a_request_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
