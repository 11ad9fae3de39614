/* Logins that SNS or EventBridge passed on: what counts as an envelope, and what is in it. */
#include "loginetl/base/buf.h"
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"

#include "decode_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define LOGIN                                                                      \
    "{\"user_id\":\"u\",\"ip\":\"1.2.3.4\",\"locale\":\"\\u0072u\",\"device_id\":" \
    "\"a\\\"b\\\\\",\"app_version\":2.3}"

#define SNS_HEAD                                                                         \
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\"," \
    "\"TopicArn\":\"arn:aws:sns:us-east-1:000000000000:logins\",\"Message\":"
#define SNS_TAIL                                                              \
    ",\"Timestamp\":\"2023-05-17T12:00:00.000Z\",\"SignatureVersion\":\"1\"," \
    "\"Signature\":\"c2ln\",\"SigningCertURL\":\"https://sns/x.pem\"}"
#define EVENT_HEAD                                                                      \
    "{\"version\":\"0\",\"id\":\"6a7e8feb-b491-4cf7-a9f1-bf3703467718\","               \
    "\"detail-type\":\"login\",\"source\":\"app.logins\",\"account\":\"000000000000\"," \
    "\"time\":\"2023-05-17T12:00:00Z\",\"region\":\"us-east-1\",\"resources\":[],\"detail\":"
#define EVENT(detail) EVENT_HEAD detail "}"

/* A notification of that text, made as SNS does. */
static void notify(struct le_buf *out, const char *text)
{
    le_buf_init(out, BODY_MAX);
    assert_int_equal(le_buf_append_text(out, SNS_HEAD), LE_OK);
    assert_int_equal(le_json_append_string(out, le_span_of(text)), LE_OK);
    assert_int_equal(le_buf_append_text(out, SNS_TAIL), LE_OK);
    assert_int_equal(le_buf_append(out, "", 1), LE_OK);
}

static void expect_notified_row(struct bench *bench, const char *text)
{
    struct le_buf body;
    notify(&body, text);
    bench_expect_row(bench, body.data);
    le_buf_free(&body);
}

static void expect_notified_reject(struct bench *bench, const char *text,
                                   enum le_reject_reason reason, const char *key)
{
    struct le_buf body;
    notify(&body, text);
    bench_expect_reject(bench, body.data, reason, key);
    le_buf_free(&body);
}

/* The key is an envelope's, which no field has. */
static void expect_refused(struct bench *bench, const char *body, enum le_reject_reason reason,
                           const char *key)
{
    enum le_reject_reason got = bench_decode(bench, body, strlen(body));
    if (got != reason || !le_span_is(bench->reject.key, key))
        fail_msg("%s: %s %.*s", body, le_reject_word(got), (int)bench->reject.key.len,
                 bench->reject.key.ptr);
}

static void expect_login(struct bench *bench)
{
    bench_expect_text(bench, USER_ID, "u");
    bench_expect_text(bench, LOCALE, "ru");
    bench_expect_number(bench, APP_VERSION, LE_CELL_INT, 23);
    bench_expect_number(bench, CREATE_DATE, LE_CELL_DATE, SENT_DAY); /* the message's, not theirs */
    bench_expect_text(bench, IP,
                      "6694f83c9f476da31f5df6bcc520034e7e57d421d247b9d34f49edbfc84a764c");
    bench_expect_text(bench, DEVICE_ID,
                      "6867941a35f757e4350cd31c941f1a92b60224934b6ef24716c93973a42bda32");
}

static void a_login_in_a_notification(void **state)
{
    struct bench *bench = *state;
    expect_notified_row(bench, LOGIN);
    expect_login(bench);
}

static void a_login_in_an_event(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench, EVENT(LOGIN));
    expect_login(bench);
}

/* A rule's target is a topic, which the queue subscribes to; and the other way round. */
static void one_in_the_other(void **state)
{
    struct bench *bench = *state;
    struct le_buf inner, outer;
    expect_notified_row(bench, EVENT(LOGIN));
    expect_login(bench);
    notify(&inner, LOGIN);
    expect_notified_row(bench, inner.data);
    expect_login(bench);
    le_buf_init(&outer, BODY_MAX);
    assert_int_equal(le_buf_printf(&outer, "%s%s}", EVENT_HEAD, inner.data), LE_OK);
    assert_int_equal(le_buf_append(&outer, "", 1), LE_OK);
    bench_expect_row(bench, outer.data);
    expect_login(bench);
    expect_notified_reject(bench, outer.data, LE_REJECT_MISSING, "user_id"); /* two, no more */
    le_buf_free(&outer);
    le_buf_free(&inner);
}

static void what_is_only_like_an_envelope_is_a_login(void **state)
{
    static const char *const bodies[] = {
        "{\"user_id\":\"u\",\"Type\":\"Notification\",\"Message\":\"{}\"}",
        "{\"user_id\":\"u\",\"Type\":\"notification\",\"TopicArn\":\"a\",\"Message\":\"{}\"}",
        "{\"user_id\":\"u\",\"Type\":7,\"TopicArn\":\"a\",\"Message\":\"{}\"}",
        "{\"user_id\":\"u\",\"TopicArn\":\"a\",\"Message\":\"{}\"}",
        "{\"user_id\":\"u\",\"Type\":\"Notification\",\"TopicArn\":null,\"Message\":\"{}\"}",
        "{\"user_id\":\"u\",\"Type\":\"Notification\",\"TopicArn\":[],\"Message\":\"{}\"}",
        "{\"user_id\":\"u\",\"Type\":\"Notification\",\"TopicArn\":\"a\",\"Message\":null}",
        "{\"user_id\":\"u\",\"Type\":\"Notification\",\"TopicArn\":\"a\",\"Message\":{}}",
        "{\"user_id\":\"u\",\"Type\":\"Notification\",\"TopicArn\":\"a\"}",
        "{\"user_id\":\"u\",\"detail-type\":\"a\",\"source\":\"b\",\"detail\":[]}",
        "{\"user_id\":\"u\",\"detail-type\":\"a\",\"source\":\"b\",\"detail\":\"{}\"}",
        "{\"user_id\":\"u\",\"detail-type\":\"a\",\"source\":\"b\",\"detail\":null}",
        "{\"user_id\":\"u\",\"detail-type\":\"a\",\"source\":\"b\"}",
        "{\"user_id\":\"u\",\"detail-type\":\"a\",\"source\":1,\"detail\":{}}",
        "{\"user_id\":\"u\",\"detail-type\":{},\"source\":\"b\",\"detail\":{}}",
        "{\"user_id\":\"u\",\"source\":\"b\",\"detail\":{\"user_id\":\"v\"}}",
        "{\"user_id\":\"u\",\"x\":{\"Type\":\"Notification\",\"TopicArn\":\"a\",\"Message\":\"{}\"}}",
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        bench_expect_row(bench, bodies[i]);
        bench_expect_text(bench, USER_ID, "u");
    }
    /* SNS's other kinds of messages are none of ours, and say so as any other body does. */
    bench_expect_reject(bench,
                        "{\"Type\":\"SubscriptionConfirmation\",\"Token\":\"t\",\"TopicArn\":\"a\","
                        "\"Message\":\"You have chosen to subscribe\",\"SubscribeURL\":\"b\"}",
                        LE_REJECT_MISSING, "user_id");
    bench_expect_reject(bench, SNS_HEAD "null" SNS_TAIL, LE_REJECT_MISSING, "user_id");
    bench_expect_reject(bench, EVENT("[" LOGIN "]"), LE_REJECT_MISSING, "user_id");
}

static void what_is_in_an_envelope_is_told_of_as_ever(void **state)
{
    struct bench *bench = *state;
    expect_notified_reject(bench, "", LE_REJECT_NOT_JSON, NULL);
    expect_notified_reject(bench, "hello", LE_REJECT_NOT_JSON, NULL);
    expect_notified_reject(bench, "{\"user_id\":\"u\"", LE_REJECT_NOT_JSON, NULL);
    expect_notified_reject(bench, "{\"user_id\":\"a\nb\"}", LE_REJECT_NOT_JSON, NULL);
    expect_notified_reject(
        bench, "H4sIAAAAAAAAA6tWKi1OLYrPTFGyUipVqgUAZ0pWlhEAAAA=", LE_REJECT_NOT_JSON, NULL);
    expect_notified_reject(bench, "[" LOGIN "]", LE_REJECT_NOT_AN_OBJECT, NULL);
    expect_notified_reject(bench, "null", LE_REJECT_NOT_AN_OBJECT, NULL);
    expect_notified_reject(bench, "\"{}\"", LE_REJECT_NOT_AN_OBJECT, NULL);
    expect_notified_reject(bench, "{}", LE_REJECT_MISSING, "user_id");
    expect_notified_reject(bench, "{\"user_id\":\"u\",\"ip\":[]}", LE_REJECT_WRONG_TYPE, "ip");
    expect_notified_reject(bench, "{\"user_id\":\"u\",\"app_version\":\"2..3\"}",
                           LE_REJECT_MALFORMED_VERSION, "app_version");
    expect_notified_reject(bench, "{\"user_id\":\"u\",\"locale\":\"\\u0000\"}", LE_REJECT_BAD_TEXT,
                           "locale");
    expect_notified_reject(bench, "{\"user_id\":\"\\ud800\"}", LE_REJECT_BAD_TEXT, "user_id");
    bench_expect_reject(bench, EVENT("{}"), LE_REJECT_MISSING, "user_id");
    bench_expect_reject(bench, EVENT("{\"user_id\":1}"), LE_REJECT_WRONG_TYPE, "user_id");
    bench_expect_reject(bench, EVENT_HEAD LOGIN, LE_REJECT_NOT_JSON, NULL); /* cut */
    bench_expect_reject(bench, SNS_HEAD "\"{}\"", LE_REJECT_NOT_JSON, NULL);
}

/* One level of escapes is the envelope's, the next the login's. */
static void escapes_of_two_levels(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench, SNS_HEAD "\"{\\\"user_id\\\":\\\"\\u0061\\\\u0062\\ud83d\\ude00"
                                     "\\\\ud83d\\\\ude00\\\\\\\"\\\\\\\\\\/\\\"}\"" SNS_TAIL);
    bench_expect_text(bench, USER_ID, "ab\xF0\x9F\x98\x80\xF0\x9F\x98\x80\"\\/");
    expect_refused(bench, SNS_HEAD "\"{\\\"user_id\\\":\\\"\\ud800\\\"}\"" SNS_TAIL,
                   LE_REJECT_BAD_TEXT, "Message");
    expect_refused(bench, SNS_HEAD "\"{\\\"user_id\\\":\\\"\\u0000\\\"}\"" SNS_TAIL,
                   LE_REJECT_BAD_TEXT, "Message");
    /* Half a pair in each level is no pair. */
    expect_refused(bench, SNS_HEAD "\"{\\\"user_id\\\":\\\"\\ud83d\\\\ude00\\\"}\"" SNS_TAIL,
                   LE_REJECT_BAD_TEXT, "Message");
    bench_expect_reject(bench, SNS_HEAD "\"{\\\"user_id\\\":\\\"\\\\ud83d\\\"}\"" SNS_TAIL,
                        LE_REJECT_BAD_TEXT, "user_id");
    expect_notified_row(bench, "{\"\\u0000\":1,\"\\ud800\":2,\"user\\u005fid\":\"u\","
                               "\"\\u006c\\u006fcale\":\"\\t\",\"user_id\\u0000\":7}");
    bench_expect_text(bench, USER_ID, "u");
    bench_expect_text(bench, LOCALE, "\t");
    bench_expect_row(bench, EVENT("{\"user\\u005fid\":\"\\u0075\",\"\\ud800\":1}"));
    bench_expect_text(bench, USER_ID, "u");
}

static void keys_of_an_envelope_may_be_escaped_and_repeated(void **state)
{
    struct bench *bench = *state;
    bench_expect_row(bench, "{\"T\\u0079pe\":\"Notification\",\"Message\":7,\"TopicArn\":\"a\","
                            "\"Message\":\"{\\\"user_id\\\":1,\\\"user_id\\\":\\\"\\\\u0061\\\","
                            "\\\"user_id\\\":\\\"\\\\u0062\\\"}\"}");
    bench_expect_text(bench, USER_ID, "b");
    bench_expect_row(bench, "{\"detail\":[],\"detail-type\":\"a\",\"source\":1,\"source\":\"b\","
                            "\"det\\u0061il\":{\"user_id\":\"u\"},\"user_id\":\"outside\"}");
    bench_expect_text(bench, USER_ID, "u");
    bench_expect_row(bench, "{\"user_id\":\"u\",\"Type\":\"Notification\",\"TopicArn\":\"a\","
                            "\"Message\":\"{}\",\"Message\":null}");
}

static void none_is_never_opened(void **state)
{
    struct bench *bench = *state;
    bench->config.envelope = LE_ENVELOPE_NONE;
    expect_notified_reject(bench, LOGIN, LE_REJECT_MISSING, "user_id");
    bench_expect_reject(bench, EVENT(LOGIN), LE_REJECT_MISSING, "user_id");
    bench_expect_row(bench, LOGIN);
    expect_login(bench);
}

static void only_notifications(void **state)
{
    struct bench *bench = *state;
    bench->config.envelope = LE_ENVELOPE_SNS;
    expect_notified_row(bench, LOGIN);
    expect_login(bench);
    expect_refused(bench, LOGIN, LE_REJECT_MISSING, "TopicArn");
    expect_refused(bench, EVENT(LOGIN), LE_REJECT_MISSING, "TopicArn");
    expect_refused(bench, "{\"TopicArn\":\"a\",\"Message\":\"{}\"}", LE_REJECT_MISSING, "Type");
    expect_refused(bench, SNS_HEAD "null" SNS_TAIL, LE_REJECT_MISSING, "Message");
    expect_refused(bench, SNS_HEAD "{}" SNS_TAIL, LE_REJECT_WRONG_TYPE, "Message");
    expect_refused(bench,
                   "{\"Type\":\"SubscriptionConfirmation\",\"TopicArn\":\"a\",\"Message\":\"You\"}",
                   LE_REJECT_WRONG_TYPE, "Type");
    bench_expect_reject(bench, "[]", LE_REJECT_NOT_AN_OBJECT, NULL);
    bench_expect_reject(bench, "hello", LE_REJECT_NOT_JSON, NULL);
    expect_notified_reject(bench, EVENT(LOGIN), LE_REJECT_MISSING, "user_id");
}

static void only_events(void **state)
{
    struct bench *bench = *state;
    bench->config.envelope = LE_ENVELOPE_EVENTBRIDGE;
    bench_expect_row(bench, EVENT(LOGIN));
    expect_login(bench);
    expect_refused(bench, LOGIN, LE_REJECT_MISSING, "detail-type");
    expect_refused(bench, "{\"detail-type\":\"a\",\"detail\":{}}", LE_REJECT_MISSING, "source");
    expect_refused(bench, EVENT("null"), LE_REJECT_MISSING, "detail");
    expect_refused(bench, EVENT("[]"), LE_REJECT_WRONG_TYPE, "detail");
    expect_refused(bench, EVENT("\"{}\""), LE_REJECT_WRONG_TYPE, "detail");
    bench_expect_reject(bench, EVENT(EVENT(LOGIN)), LE_REJECT_MISSING, "user_id");
}

/* A mapping may ask for keys that envelopes have, too. */
static void fields_may_have_an_envelopes_keys(void **state)
{
    struct bench *bench = *state;
    bench->fields.list[DEVICE_TYPE].key = LE_SPAN_LIT("source");
    bench->fields.list[LOCALE].key = LE_SPAN_LIT("Message");
    bench_expect_row(bench, "{\"user_id\":\"u\",\"source\":\"web\",\"Message\":\"hi\"}");
    bench_expect_text(bench, DEVICE_TYPE, "web");
    bench_expect_text(bench, LOCALE, "hi");
    bench_expect_row(bench, EVENT("{\"user_id\":\"u\",\"source\":\"web\"}"));
    bench_expect_text(bench, DEVICE_TYPE, "web");
    expect_notified_row(bench, "{\"user_id\":\"u\",\"Message\":\"hi\"}");
    bench_expect_text(bench, LOCALE, "hi");
    bench_expect_null(bench, DEVICE_TYPE);
}

/* What the last body had does not show in the next one's row. */
static void one_kind_after_the_other(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 3; i++) {
        expect_notified_row(bench, LOGIN);
        expect_login(bench);
        bench_expect_row(bench, "{\"user_id\":\"v\"}");
        bench_expect_text(bench, USER_ID, "v");
        bench_expect_null(bench, LOCALE);
        bench_expect_row(bench, EVENT(LOGIN));
        expect_login(bench);
        bench_expect_reject(bench, "{}", LE_REJECT_MISSING, "user_id");
    }
}

static void a_login_as_large_as_a_body(void **state)
{
    struct bench *bench = *state;
    char *text = le_alloc(BODY_MAX / 2);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, BODY_MAX / 2, "{\"device_id\":\"");
    while (len + 1024 < BODY_MAX / 2) {
        memcpy(text + len, "\\n\\u0041xyz", 11);
        len += 11;
    }
    snprintf(text + len, BODY_MAX / 2 - len, "\",\"user_id\":\"\\u0075\"}");
    expect_notified_row(bench, text);
    bench_expect_text(bench, USER_ID, "u");
    le_free(text);
}

static void a_login_of_many_values(void **state)
{
    struct bench *bench = *state;
    char text[4 * LE_JSON_TOKENS_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"user_id\":\"u\",\"x\":[1");
    for (int i = 0; i < LE_JSON_TOKENS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ",1");
    snprintf(text + len, sizeof text - len, "]}");
    expect_notified_reject(bench, text, LE_REJECT_TOO_LARGE, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_in_a_notification),
        TEST(a_login_in_an_event),
        TEST(one_in_the_other),
        TEST(what_is_only_like_an_envelope_is_a_login),
        TEST(what_is_in_an_envelope_is_told_of_as_ever),
        TEST(escapes_of_two_levels),
        TEST(keys_of_an_envelope_may_be_escaped_and_repeated),
        TEST(none_is_never_opened),
        TEST(only_notifications),
        TEST(only_events),
        TEST(fields_may_have_an_envelopes_keys),
        TEST(one_kind_after_the_other),
        TEST(a_login_as_large_as_a_body),
        TEST(a_login_of_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
