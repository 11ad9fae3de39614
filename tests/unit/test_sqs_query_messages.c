/* Messages of the Query protocol: what XML may be, and what it may not be here. */
#include "sqs_texts.h"

#include "loginetl/base/mem.h"
#include "loginetl/sqs/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANSWER(list)                                                                \
    "<ReceiveMessageResponse><ReceiveMessageResult>" list "</ReceiveMessageResult>" \
    "</ReceiveMessageResponse>"
#define HEAD       "<MessageId>i</MessageId><ReceiptHandle>h</ReceiptHandle>"
#define BODY(body) ANSWER("<Message>" HEAD "<Body>" body "</Body></Message>")

static char *copy;
static size_t copy_len;

static struct le_sqs_message messages[LE_SQS_BATCH_MAX];
static size_t message_count;

static void check_within(const char *ptr, size_t len)
{
    assert_true(ptr == NULL || (ptr >= copy && ptr + len <= copy + copy_len));
}

static enum le_err read_bytes(const char *text, size_t len)
{
    copy = sqs_fresh(text, len);
    copy_len = len;
    enum le_err err = le_sqs_query.read_messages(copy, len, messages, &message_count);
    for (size_t i = 0; err == LE_OK && i < message_count; i++) {
        check_within(messages[i].body, messages[i].body_len);
        check_within(messages[i].message_id.ptr, messages[i].message_id.len);
        check_within(messages[i].receipt_handle.ptr, messages[i].receipt_handle.len);
        check_within(messages[i].body_md5.ptr, messages[i].body_md5.len);
    }
    return err;
}

static enum le_err read_messages(const char *text)
{
    return read_bytes(text, strlen(text));
}

static bool body_is(size_t i, const char *expect)
{
    return le_span_is((struct le_span){messages[i].body, messages[i].body_len}, expect);
}

static void test_empty_answers(void **state)
{
    static const char *const empty[] = {
        "",
        ANSWER(""),
        "<ReceiveMessageResponse/>",
        "<ReceiveMessageResponse><ReceiveMessageResult/></ReceiveMessageResponse>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ReceiveMessageResponse "
        "xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\n  <ReceiveMessageResult>\n"
        "  </ReceiveMessageResult>\n  <ResponseMetadata>\n    <RequestId>1</RequestId>\n"
        "  </ResponseMetadata>\n</ReceiveMessageResponse>\n",
        "<!-- a --><ReceiveMessageResponse><Message/></ReceiveMessageResponse>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        if (read_messages(empty[i]) != LE_OK || message_count != 0)
            fail_msg("not empty: %s", empty[i]);
    }
}

static void test_messages(void **state)
{
    (void)state;
    assert_int_equal(
        read_messages(ANSWER(
            "<Message><MessageId>id-1</MessageId><ReceiptHandle>h/1+&amp;</ReceiptHandle>"
            "<MD5OfBody>00</MD5OfBody><Body>{&quot;user_id&quot;: &quot;\xC3\xA9&#x1F600;&quot;}"
            "</Body><Attribute><Name>MessageGroupId</Name><Value>g&amp;</Value></Attribute><Attribute>"
            "<Name>SentTimestamp</Name><Value>1700000000123</Value></Attribute><Attribute><Name>"
            "ApproximateReceiveCount</Name><Value>2</Value></Attribute><MessageAttribute><Name>"
            "SentTimestamp</Name><Value><StringValue>5</StringValue><DataType>String</DataType>"
            "</Value></MessageAttribute></Message><Message><Body/><ReceiptHandle>h2</ReceiptHandle>"
            "<MessageId>id-2</MessageId></Message>")),
        LE_OK);
    assert_int_equal(message_count, 2);
    assert_true(le_span_is(messages[0].message_id, "id-1"));
    assert_true(le_span_is(messages[0].receipt_handle, "h/1+&"));
    assert_true(body_is(0, "{\"user_id\": \"\xC3\xA9\xF0\x9F\x98\x80\"}"));
    assert_true(messages[0].sent_at_ms == INT64_C(1700000000123) && messages[0].receive_count == 2);
    assert_true(le_span_is(messages[0].group_id, "g&") && messages[1].group_id.ptr == NULL);
    assert_true(le_span_is(messages[1].message_id, "id-2") &&
                le_span_is(messages[1].receipt_handle, "h2"));
    assert_true(messages[1].body != NULL && messages[1].body_len == 0);
    assert_true(messages[1].sent_at_ms == -1 && messages[1].receive_count == 0);
}

static void test_pretty_printed(void **state)
{
    (void)state;
    assert_int_equal(
        read_messages("<?xml version='1.0' encoding='utf-8'?>\r\n\r\n"
                      "<sqs:ReceiveMessageResponse xmlns:sqs='http://queue.amazonaws.com/doc/'>\n"
                      "  <sqs:ReceiveMessageResult>\n    <sqs:Message>\n"
                      "      <sqs:MessageId>i</sqs:MessageId>\n      <sqs:Attribute>\n"
                      "        <sqs:Name>ApproximateReceiveCount</sqs:Name>\n"
                      "        <sqs:Value>7</sqs:Value>\n      </sqs:Attribute>\n"
                      "      <sqs:ReceiptHandle>h</sqs:ReceiptHandle>\n"
                      "      <sqs:Body type=\"x\"> two  spaces </sqs:Body>\n    </sqs:Message>\n"
                      "  </sqs:ReceiveMessageResult>\n</sqs:ReceiveMessageResponse>\n"),
        LE_OK);
    assert_int_equal(message_count, 1);
    assert_true(body_is(0, " two  spaces "));
    assert_int_equal(messages[0].receive_count, 7);
}

static void test_bodies(void **state)
{
    static const struct {
        const char *xml, *body;
    } cases[] = {
        {BODY("&#13;&#xA;&#9;"), "\r\n\t"},
        {BODY("a&lt;b&gt;&amp;amp;&quot;&apos;"), "a<b>&amp;\"'"},
        {BODY("<![CDATA[<a>&amp;]]>"), "<a>&amp;"},
        {BODY("x<![CDATA[y]]>z<![CDATA[]]>"), "xyz"},
        {BODY("one<!-- a comment -->two<?target data?>three"), "onetwothree"},
        /* XML would have line feeds here; some servers do not write &#13;. */
        {BODY("a\r\nb\rc\n"), "a\r\nb\rc\n"},
        {BODY("\r\r\n&lt;\r"), "\r\r\n<\r"},
        {BODY("&#13;\r&#13;\n\r&#10;"), "\r\r\r\n\r\n"},
        {BODY("<![CDATA[\ra\r\n]]>\r"), "\ra\r\n\r"},
        {BODY("&#x10FFFF;&#128512;\xEF\xBF\xBD"), "\xF4\x8F\xBF\xBF\xF0\x9F\x98\x80\xEF\xBF\xBD"},
        {BODY(""), ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_messages(cases[i].xml) != LE_OK || !body_is(0, cases[i].body))
            fail_msg("%s", cases[i].xml);
    }
}

static void test_damaged_bodies(void **state)
{
    static const struct {
        const char *xml;
        bool damaged;
    } cases[] = {
        {BODY("h&#x65;llo"), false}, /* none was given */
        {ANSWER("<Message>" HEAD "<MD5OfBody>5d41402abc4b2a76b9719d911017c592</MD5OfBody><Body>"
                "h&#x65;llo</Body></Message>"),
         false},
        {ANSWER("<Message>" HEAD "<Body>hell</Body>"
                "<MD5OfBody>5d41402abc4b2a76b9719d911017c592</MD5OfBody></Message>"),
         true},
        {ANSWER("<Message>" HEAD "<Body>hell</Body><MD5OfBody/></Message>"), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_messages(cases[i].xml), LE_OK);
        assert_int_equal(le_sqs_body_is_damaged(&messages[0]), cases[i].damaged);
    }
}

static void test_odd_system_attributes(void **state)
{
    static const char *const odd[] = {
        "-1", "", "1.5", " 1", "253402300800000", "99999999999999999999", "<b>1</b>"};
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       ANSWER("<Message>" HEAD "<Body>b</Body><Attribute><Name>SentTimestamp</Name>"
                              "<Value>%s</Value></Attribute><Attribute><Name>"
                              "ApproximateReceiveCount</Name><Value>%s</Value></Attribute>"
                              "</Message>"),
                       odd[i], i == 4 ? "4294967296" : odd[i]);
        assert_int_equal(read_messages(text), LE_OK);
        assert_true(messages[0].sent_at_ms == -1 && messages[0].receive_count == 0);
    }
}

static void test_answers_that_are_none(void **state)
{
    static const char *const bad[] = {
        " ",
        "{}",
        "<",
        "<html/>",
        "<DeleteMessageBatchResponse/>",
        "<ReceiveMessageResult/>",
        ANSWER("<Message/>"),
        ANSWER("<Message>" HEAD "</Message>"),
        ANSWER("<Message><MessageId>i</MessageId><Body>b</Body></Message>"),
        ANSWER("<Message><ReceiptHandle>h</ReceiptHandle><Body>b</Body></Message>"),
        ANSWER("<Message><MessageId/><ReceiptHandle>h</ReceiptHandle><Body>b</Body></Message>"),
        ANSWER("<Message><MessageId>i</MessageId><ReceiptHandle/><Body>b</Body></Message>"),
        BODY("<b/>"),
        BODY("a<b/>"), /* it would lose a part */
        BODY("&nbsp;"),
        BODY("&#0;"),
        BODY("&#1;"),
        BODY("&#xD800;"),
        BODY("&#xFFFE;"),
        BODY("&#x110000;"),
        BODY("\x01"),
        BODY("a & b"),
        BODY("\xFF"),
        BODY("\xC3"),
        BODY("\xC0\xBC"),     /* '<' in two bytes */
        BODY("\xED\xA0\x80"), /* a surrogate */
        BODY("]]>"),
        BODY("x") BODY("x"),
        BODY("x") "x",
        ANSWER("<Message>" HEAD "<Body>b</body></Message>"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_messages(bad[i]) != LE_ERR_PROTOCOL)
            fail_msg("taken: %s", bad[i]);
    }
}

/* No document type: what it declares may grow without end, or name files. */
static void test_no_document_types(void **state)
{
    static const char *const bad[] = {
        "<!DOCTYPE ReceiveMessageResponse>" BODY("x"),
        "<?xml version=\"1.0\"?><!DOCTYPE r SYSTEM \"file:///etc/hostname\">" BODY("x"),
        "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>" BODY("&b;"),
        "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/hostname\">]>" BODY("&a;"),
        "<!DOCTYPE r [<!ENTITY % a \"<!ENTITY b 'c'>\">%a;]>" BODY("&b;"),
        "<!DOCTYPE r [<!ATTLIST Body a CDATA \"x\">]>" BODY("x"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_messages(bad[i]) != LE_ERR_PROTOCOL || message_count != 0)
            fail_msg("taken: %s", bad[i]);
    }
}

/* What the prolog says, or a byte order mark, never makes a text longer than its XML. */
static void test_utf8_whatever_is_said(void **state)
{
    static const char utf16[] = "\xFE\xFF\0<\0a\0/\0>";
    static const char utf16_le[] = "\xFF\xFE<\0a\0/\0>\0";
    static const char narrow[] = BODY("x");
    char wide[2 * (sizeof narrow + 8000)];
    size_t len = 0;
    (void)state;
    assert_int_equal(
        read_messages("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" BODY("\xC3\xA9")), LE_OK);
    assert_true(body_is(0, "\xC3\xA9"));
    assert_int_equal(read_messages("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" BODY("\xE9")),
                     LE_ERR_PROTOCOL);
    assert_int_equal(read_messages("\xEF\xBB\xBF" BODY("x")), LE_OK);
    assert_int_equal(read_bytes(utf16, sizeof utf16 - 1), LE_ERR_PROTOCOL);
    assert_int_equal(read_bytes(utf16_le, sizeof utf16_le - 1), LE_ERR_PROTOCOL);
    wide[len++] = (char)0xFF;
    wide[len++] = (char)0xFE;
    for (size_t i = 0; i < sizeof narrow - 1; i++) {
        bool body = narrow[i] == 'x'; /* it becomes 8000 times U+4E78, of three bytes each */
        for (size_t times = body ? 8000 : 1; times > 0; times--) {
            wide[len++] = narrow[i];
            wide[len++] = body ? 0x4E : 0;
        }
    }
    assert_int_equal(read_bytes(wide, len), LE_ERR_PROTOCOL);
}

static void test_ten_messages_and_no_more(void **state)
{
    char text[2048];
    (void)state;
    for (int count = 10; count <= 11; count++) {
        int len = snprintf(text, sizeof text, "<ReceiveMessageResponse><ReceiveMessageResult>");
        for (int i = 0; i < count; i++)
            len += snprintf(text + len, sizeof text - (size_t)len,
                            "<Message>" HEAD "<Body>b%d</Body></Message>", i);
        (void)snprintf(text + len, sizeof text - (size_t)len,
                       "</ReceiveMessageResult></ReceiveMessageResponse>");
        assert_int_equal(read_messages(text), count == 10 ? LE_OK : LE_ERR_PROTOCOL);
        assert_int_equal(message_count, 10);
        assert_true(body_is(9, "b9"));
    }
}

/* An answer cut anywhere is never taken for a whole one. */
static void test_cut_answers(void **state)
{
    static const char whole[] = "<?xml version=\"1.0\"?>" ANSWER(
        "<Message>" HEAD "<Body>{&quot;a&quot;:1}</Body><Attribute>"
        "<Name>SentTimestamp</Name><Value>1</Value></Attribute>"
        "</Message>");
    (void)state;
    for (size_t len = 1; len < sizeof whole - 1; len++)
        assert_int_equal(read_bytes(whole, len), LE_ERR_PROTOCOL);
    assert_int_equal(read_bytes(whole, sizeof whole - 1), LE_OK);
}

/* Whatever stands where the parser's chunks end, the body is the same: each length moves the ends.
 */
static void test_bodies_across_chunks(void **state)
{
    enum { MOTIF_COUNT = 6000, SHIFTS = 24 };
    static const char xml[] = "&amp;\xF0\x9F\x98\x80\r\n<![CDATA[]]]]>&#13;",
                      plain[] = "&\xF0\x9F\x98\x80\r\n]]\r";
    size_t size = 512 + MOTIF_COUNT * sizeof xml;
    char *text = malloc(size), *expect = malloc(size);
    (void)state;
    assert_true(text != NULL && expect != NULL);
    for (int shift = 0; shift < SHIFTS; shift++) {
        int len = snprintf(
            text, size, "<ReceiveMessageResponse><ReceiveMessageResult>%*s<Message>" HEAD "<Body>",
            shift, "");
        char *at = text + len, *expect_at = expect;
        for (int i = 0; i < MOTIF_COUNT; i++) {
            memcpy(at, xml, sizeof xml - 1);
            at += sizeof xml - 1;
            memcpy(expect_at, plain, sizeof plain - 1);
            expect_at += sizeof plain - 1;
        }
        at = stpcpy(at, "</Body></Message></ReceiveMessageResult></ReceiveMessageResponse>");
        *expect_at = '\0';
        assert_int_equal(read_bytes(text, (size_t)(at - text)), LE_OK);
        assert_true(body_is(0, expect));
    }
    free(text);
    free(expect);
}

/* Ten bodies of a MiB; what the parser took for itself is given back. */
static void test_large_answers(void **state)
{
    enum { BODY_LEN = 1024 * 1024 };
    size_t size = 10 * (BODY_LEN + 256) + 256, len = 0;
    char *text = malloc(size);
    (void)state;
    assert_non_null(text);
    len += (size_t)sprintf(text, "<ReceiveMessageResponse><ReceiveMessageResult>");
    for (int i = 0; i < 10; i++) {
        len += (size_t)sprintf(text + len, "<Message>" HEAD "<Body>");
        memset(text + len, 'a' + i, BODY_LEN);
        len += BODY_LEN;
        len += (size_t)sprintf(text + len, "</Body></Message>");
    }
    len += (size_t)sprintf(text + len, "</ReceiveMessageResult></ReceiveMessageResponse>");
    assert_int_equal(read_bytes(text, len), LE_OK);
    assert_int_equal(message_count, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(messages[i].body_len, BODY_LEN);
        assert_int_equal(messages[i].body[0], 'a' + i);
        assert_int_equal(messages[i].body[BODY_LEN - 1], 'a' + i);
    }
    assert_int_equal(le_mem_live(), 0);
    free(text);
}

/* `before`, `fill` again and again for len bytes, `after`. */
static enum le_err read_filled(const char *before, const char *fill, size_t len, const char *after)
{
    size_t fill_len = strlen(fill);
    char *text = malloc(strlen(before) + len + strlen(after) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, before);
    for (size_t used = 0; used + fill_len <= len; used += fill_len)
        at = stpcpy(at, fill);
    at = stpcpy(at, after);
    enum le_err err = read_bytes(text, (size_t)(at - text));
    free(text);
    return err;
}

static void test_limits(void **state)
{
    static const struct {
        const char *before, *fill, *after;
    } tokens[] = {
        {"<!--", "x", "-->" ANSWER("")},
        {"<?p ", "x", "?>" ANSWER("")},
        {"<ReceiveMessageResponse a='", "x", "'/>"},
        {"<ReceiveMessageResponse><", "x", "/></ReceiveMessageResponse>"},
        {"<ReceiveMessageResponse><!--", "x", "--></ReceiveMessageResponse>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        const char *before = tokens[i].before, *fill = tokens[i].fill, *after = tokens[i].after;
        assert_int_equal(read_filled(before, fill, 1000, after), LE_OK);
        if (read_filled(before, fill, (size_t)4 * LE_XML_TOKEN_MAX, after) != LE_ERR_PROTOCOL)
            fail_msg("taken: %s", before);
    }
    const size_t deep = LE_XML_DEPTH_MAX - 1;
    char closing[sizeof "</a>" * (LE_XML_DEPTH_MAX + 1) + 64];
    for (size_t depth = deep; depth <= deep + 1; depth++) {
        char *at = closing;
        for (size_t i = 0; i < depth; i++)
            at = stpcpy(at, "</a>");
        (void)stpcpy(at, "</ReceiveMessageResponse>");
        assert_int_equal(read_filled("<ReceiveMessageResponse>", "<a>", 3 * depth, closing),
                         depth == deep ? LE_OK : LE_ERR_PROTOCOL);
    }
    assert_int_equal(read_filled("<ReceiveMessageResponse>", "<a>", 300000, ""), LE_ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_answers),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_pretty_printed),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_damaged_bodies),
        cmocka_unit_test(test_odd_system_attributes),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_no_document_types),
        cmocka_unit_test(test_utf8_whatever_is_said),
        cmocka_unit_test(test_ten_messages_and_no_more),
        cmocka_unit_test(test_cut_answers),
        cmocka_unit_test(test_bodies_across_chunks),
        cmocka_unit_test(test_large_answers),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, sqs_drop_fresh);
}
