/* Every allocation of the pure layers fails: in making a request and reading its answer, signing,
 * reading the options, cutting an input. The pipeline has a file of its own. */
#include "torture.h"

#include "loginetl/base/buf.h"
#include "loginetl/base/crypto.h"
#include "loginetl/base/http.h"
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/options.h"
#include "loginetl/base/splitter.h"
#include "loginetl/login/row.h"
#include "loginetl/sqs/codec.h"
#include "loginetl/sqs/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define URL          LE_SPAN_LIT("http://localhost:4566/000000000000/login-queue")

/* ---- decoding ---- */

static const char *const bodies[] = {
    "{\"user_id\":\"u\",\"ip\":\"2001:db8::1\",\"device_id\":\"d\",\"app_version\":\"2.3.0\"}",
    "{\"user_id\":\"\\u0075\",\"locale\":\"\\ud83d\\ude00\",\"ip\":\"1\\u002e2.3.4\"}",
    "{\"user_id\":\"a\\u0000\"}",
    "{\"foo\":1}",
    "[]",
    "{",
};

static enum le_err decode_all(struct le_decoder *decoder, size_t field_count)
{
    struct le_cell cells[LE_FIELDS_MAX];
    char scratch[256], masks[2048];
    enum le_err err = LE_OK;
    assert_true(field_count <= LE_FIELDS_MAX && le_decoder_mask_space(decoder) <= sizeof masks);
    for (size_t i = 0; err == LE_OK && i < COUNT(bodies); i++) {
        struct le_reject reject;
        err = le_decode(decoder, bodies[i], strlen(bodies[i]), 0, scratch, masks, cells, &reject);
        assert_true(err != LE_OK || (reject.reason == LE_REJECT_NONE) == (i < 2));
    }
    return err;
}

static enum le_err make_and_use_a_decoder(void *arg)
{
    struct le_fields fields;
    (void)arg;
    le_fields_builtin(&fields);
    struct le_decoder_config config = {
        .fields = &fields, .mask = LE_MASK_SHA512, .body_max = 1 << 20};
    struct le_decoder *decoder = le_decoder_new(&config);
    if (decoder == NULL)
        return LE_ERR_NOMEM;
    enum le_err err = decode_all(decoder, fields.count);
    le_decoder_free(decoder);
    return err;
}

static void a_decoder(void **state)
{
    (void)state;
    torture(make_and_use_a_decoder, NULL, 2);
}

/* None to fail: there is none for each message. */
static void decoding_takes_no_memory(void **state)
{
    struct le_fields fields;
    (void)state;
    le_fields_builtin(&fields);
    struct le_decoder_config config = {
        .fields = &fields, .mask = LE_MASK_SHA256, .body_max = 1 << 20};
    struct le_decoder *decoder = le_decoder_new(&config);
    assert_non_null(decoder);
    le_mem_fail_from(1);
    enum le_err err = decode_all(decoder, fields.count);
    unsigned long failures = le_mem_failures();
    le_mem_fail_at(0);
    assert_int_equal(err, LE_OK);
    assert_int_equal(failures, 0);
    le_decoder_free(decoder);
}

/* ---- the queue's language ---- */

static enum le_err write_batches(const struct le_sqs_codec *codec, struct le_buf *out,
                                 const struct le_span *texts, size_t count)
{
    const struct le_sqs_attribute attribute = {LE_SPAN_LIT("loginetl_reason"),
                                               LE_SPAN_LIT("missing")};
    struct le_sqs_send_entry entries[LE_SQS_BATCH_MAX];
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct le_sqs_send_entry){.body = texts[i],
                                                .attributes = &attribute,
                                                .attribute_count = 1,
                                                .group_id = texts[i],
                                                .deduplication_id = texts[i]};
    enum le_err err = codec->delete_batch(out, URL, texts, count);
    if (err == LE_OK)
        err = codec->visibility_batch(out, URL, texts, count, 0);
    if (err == LE_OK)
        err = codec->send_batch(out, URL, entries, count);
    return err;
}

static enum le_err write_requests(void *arg)
{
    static char long_text[3000];
    struct le_span texts[LE_SQS_BATCH_MAX];
    const struct le_sqs_codec *codec = arg;
    struct le_buf out;
    memset(long_text, '"', sizeof long_text);
    for (size_t i = 0; i < LE_SQS_BATCH_MAX; i++)
        texts[i] = (struct le_span){long_text, 300 * (i + 1)};
    le_buf_init(&out, 1 << 20);
    enum le_err err = codec->get_queue_url(&out, LE_SPAN_LIT("q"), LE_SPAN_NONE);
    if (err == LE_OK)
        err = codec->get_queue_attributes(&out, URL);
    if (err == LE_OK)
        err = codec->receive(&out, URL, 10, 20, 60);
    if (err == LE_OK)
        err = write_batches(codec, &out, texts, LE_SQS_BATCH_MAX);
    if (err == LE_OK)
        err = le_sqs_url_from_arn(&out, URL, LE_SPAN_LIT("arn:aws:sqs:eu-west-1:1:dead"));
    le_buf_free(&out);
    return err;
}

/* Each piece goes into a buffer that has just no room left, so that every place that appends is one
 * that fails. */
struct full_buffer {
    const struct le_sqs_codec *codec;
    size_t room;
};

static enum le_err write_into_a_full_buffer(void *arg)
{
    const struct full_buffer *full = arg;
    size_t room = full->room;
    const struct le_span text = LE_SPAN_LIT("a \"text\" to escape\n");
    struct le_buf out;
    le_buf_init(&out, 1 << 20);
    enum le_err err = le_buf_reserve(&out, room);
    if (err == LE_OK) {
        out.len = out.cap - (room < out.cap ? room : out.cap);
        memset(out.data, 'x', out.cap);
        err = write_batches(full->codec, &out, &text, 1);
    }
    le_buf_free(&out);
    return err;
}

static void requests(void **state)
{
    static const struct le_sqs_codec *const codecs[] = {&le_sqs_json, &le_sqs_query};
    (void)state;
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct full_buffer full = {codecs[i], 1};
        torture(write_requests, (void *)(uintptr_t)codecs[i], 8);
        for (; full.room < 600; full.room++)
            torture(write_into_a_full_buffer, &full, 1);
    }
}

static void json_answers_are_read_without_memory(void **state)
{
    char messages[] = "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\\u0031\","
                      "\"Body\":\"{\\\"user_id\\\":\\\"u\\\"}\"}]}";
    char batch[] = "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"1\",\"Code\":\"X\"}]}";
    char refusal[] = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}";
    struct le_sqs_message found[LE_SQS_BATCH_MAX];
    struct le_sqs_entry_result results[2];
    size_t count = 0;
    (void)state;
    le_mem_fail_from(1);
    enum le_err first = le_sqs_json.read_messages(messages, sizeof messages - 1, found, &count);
    enum le_err second = le_sqs_json.read_batch(batch, sizeof batch - 1, results, 2);
    struct le_span code = le_sqs_json.read_error(refusal, sizeof refusal - 1, LE_SPAN_NONE);
    unsigned long failures = le_mem_failures();
    le_mem_fail_at(0);
    assert_int_equal(first, LE_OK);
    assert_int_equal(second, LE_OK);
    assert_int_equal(count, 1);
    assert_true(le_span_is(code, "QueueDoesNotExist"));
    assert_int_equal(failures, 0);
}

#define XML_BODY_LEN (64 * 1024)

static enum le_err read_xml_messages(void *arg)
{
    static char text[XML_BODY_LEN + 512];
    struct le_sqs_message found[LE_SQS_BATCH_MAX];
    size_t count = 0;
    int len = snprintf(text, sizeof text,
                       "<?xml version=\"1.0\"?><ReceiveMessageResponse xmlns=\"u\">"
                       "<ReceiveMessageResult><Message><MessageId>i</MessageId><ReceiptHandle>h"
                       "</ReceiptHandle><Body>%0*d</Body></Message></ReceiveMessageResult>"
                       "</ReceiveMessageResponse>",
                       XML_BODY_LEN, 0);
    (void)arg;
    enum le_err err = le_sqs_query.read_messages(text, (size_t)len, found, &count);
    if (err == LE_OK) {
        assert_int_equal(count, 1);
        assert_int_equal(found[0].body_len, XML_BODY_LEN);
    }
    return err;
}

static enum le_err read_xml_look_ups(void *arg)
{
    char attributes[] =
        "<GetQueueAttributesResponse><GetQueueAttributesResult><Attribute><Name>VisibilityTimeout"
        "</Name><Value>30</Value></Attribute></GetQueueAttributesResult>"
        "</GetQueueAttributesResponse>";
    char batch[] = "<DeleteMessageBatchResponse><DeleteMessageBatchResult>"
                   "<DeleteMessageBatchResultEntry><Id>0</Id></DeleteMessageBatchResultEntry>"
                   "</DeleteMessageBatchResult></DeleteMessageBatchResponse>";
    struct le_sqs_queue_attributes got;
    struct le_sqs_entry_result result;
    (void)arg;
    enum le_err err = le_sqs_query.read_queue_attributes(attributes, sizeof attributes - 1, &got);
    if (err == LE_OK)
        err = le_sqs_query.read_batch(batch, sizeof batch - 1, &result, 1);
    if (err == LE_OK)
        assert_true(got.visibility_timeout_s == 30 && result.outcome == LE_SQS_ENTRY_OK);
    return err;
}

/* A code that could not be read is none: the status says what to do. */
static enum le_err read_xml_error(void *arg)
{
    char text[] = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
    struct le_span code = le_sqs_query.read_error(text, sizeof text - 1, LE_SPAN_NONE);
    (void)arg;
    assert_true(code.ptr == NULL || le_span_is(code, "AccessDenied"));
    return code.ptr != NULL ? LE_OK : LE_ERR_NOMEM;
}

static void xml_answers(void **state)
{
    (void)state;
    torture(read_xml_messages, NULL, 4);
    torture(read_xml_look_ups, NULL, 4);
    torture(read_xml_error, NULL, 4);
}

/* ---- signing ---- */

static enum le_err sign(struct le_signer *signer, struct le_buf *out)
{
    static const struct le_http_header headers[] = {
        {LE_SPAN_LIT("host"), LE_SPAN_LIT("sqs.eu-west-1.amazonaws.com")},
        {LE_SPAN_LIT("x-amz-date"), LE_SPAN_LIT("20260101T000000Z")}};
    uint8_t payload[LE_SHA256_LEN];
    enum le_err err = le_sha256_bulk(LE_SPAN_LIT("{}"), payload);
    struct le_sigv4_request request = {.method = LE_SPAN_LIT("POST"),
                                       .path = LE_SPAN_LIT("/"),
                                       .query = LE_SPAN_LIT(""),
                                       .headers = headers,
                                       .header_count = COUNT(headers),
                                       .payload_sha256 = payload};
    if (err == LE_OK)
        err = le_sigv4_authorization(signer, &request, INT64_C(1767225600000), out);
    if (err == LE_OK)
        err = le_http_write_head(out, request.method, request.path, headers, COUNT(headers), 2);
    return err;
}

/* The keys change once, as they do in a role's life. */
static enum le_err make_and_use_a_signer(void *arg)
{
    static const struct le_credentials keys[] = {
        {LE_SPAN_LIT("AKIDEXAMPLE"), LE_SPAN_LIT("secret"), LE_SPAN_NONE},
        {LE_SPAN_LIT("ASIAEXAMPLE"), LE_SPAN_LIT("another"), LE_SPAN_LIT("token")}};
    struct le_buf out;
    (void)arg;
    le_buf_init(&out, 8192);
    struct le_signer *signer = le_signer_new(LE_SPAN_LIT("eu-west-1"), LE_SPAN_LIT("sqs"));
    enum le_err err = signer != NULL ? LE_OK : LE_ERR_NOMEM;
    for (size_t i = 0; err == LE_OK && i < COUNT(keys); i++) {
        err = le_signer_set_credentials(signer, &keys[i]);
        if (err == LE_OK)
            err = sign(signer, &out);
    }
    le_signer_free(signer);
    le_buf_free(&out);
    return err;
}

static void a_signer(void **state)
{
    (void)state;
    torture(make_and_use_a_signer, NULL, 8);
}

/* ---- options ---- */

static const struct le_option table[] = {
    {.name = "queue", .argument = "NAME", .environment = {"T_QUEUE"}, .group = "G", .help = "h"},
    {.name = "database-url",
     .argument = "URL",
     .environment = {"DATABASE_URL"},
     .secret = true,
     .file_variable = true,
     .group = "G",
     .help = "h"},
    {.name = "concurrency",
     .argument = "N",
     .kind = LE_OPTION_COUNT,
     .standard = "8",
     .min = 1,
     .max = 256,
     .group = "G",
     .help = "a sentence that is long enough to be wrapped over more than one line of the help"},
    {.name = "drain", .kind = LE_OPTION_SWITCH, .standard = "no", .group = "H", .help = "h"},
};

static const char *variable(void *self, const char *name)
{
    (void)self;
    return strcmp(name, "DATABASE_URL_FILE") == 0 ? "/secret" : NULL;
}

static enum le_err read_secret(void *self, const char *path, struct le_buf *out,
                               const char **reason)
{
    (void)self;
    (void)path;
    (void)reason;
    return le_buf_append_text(out, "postgres://u:p@h/d\n");
}

static enum le_err read_options(struct le_options *options)
{
    static const struct le_options_world world = {.variable = variable, .read_file = read_secret};
    static const char file[] = "# a file\nqueue = of the file\nconcurrency = 16\n";
    char drain[] = "--drain", queue[] = "--queue=q";
    char *words[] = {drain, queue};
    int count;
    enum le_err err = le_options_arguments(options, 2, words, &count);
    if (err == LE_OK)
        err = le_options_environment(options, &world);
    if (err == LE_OK)
        err = le_options_config(options, "f", LE_SPAN_LIT(file));
    return err == LE_OK ? le_options_finish(options) : err;
}

static enum le_err use_options(void *arg)
{
    struct le_options options;
    struct le_buf out;
    (void)arg;
    le_options_init(&options, table, COUNT(table));
    le_buf_init(&out, 1 << 20);
    enum le_err err = read_options(&options);
    if (err == LE_OK)
        err = le_options_print(&options, &out);
    if (err == LE_OK)
        err = le_options_help(table, COUNT(table), ~0u, &out);
    le_buf_free(&out);
    le_options_free(&options);
    return err;
}

static void options(void **state)
{
    (void)state;
    torture(use_options, NULL, 8);
}

/* ---- an answer over a connection, and the messages of `send` ---- */

static enum le_err read_http(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
                                 "5\r\nhello\r\n6\r\n world\r\n0\r\nT: t\r\n\r\n";
    size_t step = *(size_t *)arg, used;
    struct le_http_reader reader;
    struct le_buf body;
    enum le_err err = LE_OK;
    le_buf_init(&body, 1 << 16);
    le_http_reader_init(&reader);
    le_http_reader_begin(&reader, &body);
    for (size_t at = 0; err == LE_OK && at < sizeof answer - 1; at += step) {
        size_t left = sizeof answer - 1 - at;
        err = le_http_reader_feed(&reader, answer + at, left < step ? left : step, &used);
    }
    assert_true(err != LE_OK || le_http_reader_done(&reader));
    le_http_reader_free(&reader);
    le_buf_free(&body);
    return err;
}

static enum le_err split_lines(void *arg)
{
    struct le_splitter splitter;
    struct le_split split;
    char lines[64];
    enum le_err err = LE_OK;
    (void)arg;
    memset(lines, 'x', sizeof lines);
    le_splitter_init(&splitter, 1 << 16, sizeof lines);
    for (int i = 0; err == LE_OK && i < 100; i++) {
        lines[i % 64] = i % 8 == 0 ? '\n' : 'y';
        err = le_splitter_feed(&splitter, lines, sizeof lines);
        while (err == LE_OK && le_splitter_next(&splitter, &split))
            ;
    }
    le_splitter_free(&splitter);
    return err;
}

static void streams(void **state)
{
    (void)state;
    for (size_t step = 1; step < 200; step += 7)
        torture(read_http, &step, 2);
    torture(split_lines, NULL, 1);
}

/* ---- hashing ---- */

static enum le_err keyed_hash(void *arg)
{
    uint8_t sum[LE_SHA256_LEN];
    (void)arg;
    struct le_hmac *hmac = le_hmac_new(LE_SPAN_LIT("key"));
    if (hmac == NULL)
        return LE_ERR_NOMEM;
    enum le_err err = le_hmac_sum(hmac, LE_SPAN_LIT("text"), sum);
    le_hmac_free(hmac);
    return err;
}

static void hashes(void **state)
{
    (void)state;
    torture(keyed_hash, NULL, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decoder),   cmocka_unit_test(decoding_takes_no_memory),
        cmocka_unit_test(requests),    cmocka_unit_test(json_answers_are_read_without_memory),
        cmocka_unit_test(xml_answers), cmocka_unit_test(a_signer),
        cmocka_unit_test(options),     cmocka_unit_test(streams),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
