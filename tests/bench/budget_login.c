#include "budget_login.h"

#include "loginetl/base/crypto.h"
#include "loginetl/base/rng.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define BODY_SIZE   256
#define MESSAGE_IDS UINT64_C(0x1d) /* another series of numbers than the user ids */

/* A login of the field's own shape. */
static struct le_span make_body(uint64_t n, char out[BODY_SIZE])
{
    uint64_t a = le_mix64(n), b = le_mix64(a), c = le_mix64(b);
    int len = snprintf(
        out, BODY_SIZE,
        "{\"user_id\": \"%08x-%04x-4%03x-8%03x-%012" PRIx64
        "\", \"app_version\": \"%u.%u.%u\", \"device_type\": \"%s\", "
        "\"ip\": \"%u.%u.%u.%u\", \"locale\": %s, \"device_id\": \"%03u-%02u-%04u\"}",
        (unsigned)a, (unsigned)(a >> 32 & 0xffff), (unsigned)(a >> 52), (unsigned)(b & 0xfff),
        b >> 16, (unsigned)(c % 8), (unsigned)(c / 8 % 10), (unsigned)(c / 80 % 10),
        c & 1 << 20 ? "ios" : "android", (unsigned)(1 + a % 223), (unsigned)(b & 255),
        (unsigned)(b >> 8 & 255), (unsigned)(c >> 32 & 255), b % 100 < 29 ? "null" : "\"RU\"",
        (unsigned)(c % 1000), (unsigned)(c / 1000 % 100), (unsigned)(a % 10000));
    assert(len > 0 && len < BODY_SIZE);
    return (struct le_span){out, (size_t)len};
}

static enum le_err put_escaped(struct le_buf *out, struct le_span text)
{
    enum le_err err = LE_OK;
    for (size_t i = 0; i < text.len && err == LE_OK; i++) {
        if (text.ptr[i] == '"')
            err = le_buf_append_text(out, "\\");
        if (err == LE_OK)
            err = le_buf_append(out, &text.ptr[i], 1);
    }
    return err;
}

static enum le_err put_head(struct le_buf *json, uint64_t n, struct le_span body)
{
    char md5_text[2 * LE_MD5_LEN + 1] = "";
    uint8_t md5[LE_MD5_LEN];
    uint64_t a = le_mix64(n ^ MESSAGE_IDS), b = le_mix64(a);
    enum le_err err = le_md5(body, md5);
    if (err != LE_OK)
        return err;
    le_hex(md5, sizeof md5, md5_text);
    return le_buf_printf(json,
                         "{\"MessageId\":\"%08x-%04x-4%03x-8%03x-%012" PRIx64
                         "\",\"ReceiptHandle\":\"AQEB%016" PRIx64 "%0176" PRIx64
                         "\",\"MD5OfBody\":\"%s\",\"Body\":\"",
                         (unsigned)a, (unsigned)(a >> 32 & 0xffff), (unsigned)(a >> 52),
                         (unsigned)(b & 0xfff), b >> 16, a, b, md5_text);
}

enum le_err budget_put_message(struct le_buf *json, uint64_t n, int64_t sent_at_ms)
{
    char text[BODY_SIZE];
    struct le_span body = make_body(n, text);
    enum le_err err = put_head(json, n, body);
    if (err == LE_OK)
        err = put_escaped(json, body);
    if (err == LE_OK)
        err = le_buf_printf(json,
                            "\",\"Attributes\":{\"SentTimestamp\":\"%" PRId64
                            "\",\"ApproximateReceiveCount\":\"1\"}}",
                            sent_at_ms);
    return err;
}
