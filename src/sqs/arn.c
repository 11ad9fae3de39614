#include "loginetl/sqs/codec.h"

#include <assert.h>

#define NAME_MAX_LEN 80 /* of a queue, ".fifo" included */

/* What stands before the next colon; *rest moves behind it. LE_SPAN_NONE when there is no colon. */
static struct le_span field(struct le_span *rest)
{
    const char *colon = rest->len > 0 ? memchr(rest->ptr, ':', rest->len) : NULL;
    if (colon == NULL)
        return LE_SPAN_NONE;
    struct le_span found = {rest->ptr, (size_t)(colon - rest->ptr)};
    rest->ptr = colon + 1;
    rest->len -= found.len + 1;
    return found;
}

static bool is_queue_name(struct le_span name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static bool is_account(struct le_span account)
{
    for (size_t i = 0; i < account.len; i++) {
        if (account.ptr[i] < '0' || account.ptr[i] > '9')
            return false;
    }
    return account.len > 0 && account.len <= 20;
}

enum le_err le_sqs_arn_parts(struct le_span arn, struct le_span *account, struct le_span *name)
{
    struct le_span rest = arn;
    bool begins = le_span_is(field(&rest), "arn");
    bool partition = field(&rest).len > 0; /* aws, aws-cn, aws-us-gov */
    bool service = le_span_is(field(&rest), "sqs");
    bool region = field(&rest).ptr != NULL;
    *account = field(&rest);
    *name = rest;
    bool good =
        begins && partition && service && region && is_account(*account) && is_queue_name(*name);
    return good ? LE_OK : LE_ERR_SYNTAX;
}

/* Where the last segment of text begins; 0 when there is no slash. */
static size_t last_segment(struct le_span text)
{
    const char *slash = text.len > 0 ? memrchr(text.ptr, '/', text.len) : NULL;
    return slash != NULL ? (size_t)(slash - text.ptr) + 1 : 0;
}

enum le_err le_sqs_url_from_arn(struct le_buf *out, struct le_span queue_url, struct le_span arn)
{
    struct le_span account, name;
    enum le_err err = le_sqs_arn_parts(arn, &account, &name);
    if (err != LE_OK)
        return err;
    size_t name_at = last_segment(queue_url);
    if (name_at < 2 || name_at == queue_url.len)
        return LE_ERR_SYNTAX;
    size_t account_at = last_segment((struct le_span){queue_url.ptr, name_at - 1});
    struct le_span old = {queue_url.ptr + account_at, name_at - 1 - account_at};
    if (account_at == 0 || !is_account(old))
        return LE_ERR_SYNTAX;
    size_t start = out->len;
    err = le_buf_append(out, queue_url.ptr, account_at);
    err = err == LE_OK ? le_buf_append_span(out, account) : err;
    err = err == LE_OK ? le_buf_append(out, "/", 1) : err;
    err = err == LE_OK ? le_buf_append_span(out, name) : err;
    if (err != LE_OK)
        out->len = start;
    return err;
}
