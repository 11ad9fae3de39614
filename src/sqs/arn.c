#include "loginetl/sqs/codec.h"

#include <assert.h>

#define NAME_MAX_LEN 80 /* of a queue, ".fifo" included */
#define FIFO         ".fifo"

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

bool le_sqs_is_queue_name(struct le_span name)
{
    size_t letters = le_span_ends(name, FIFO) ? name.len - strlen(FIFO) : name.len;
    for (size_t i = 0; i < letters; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return letters > 0 && name.len <= NAME_MAX_LEN;
}

static bool is_account(struct le_span account)
{
    for (size_t i = 0; i < account.len; i++) {
        if (account.ptr[i] < '0' || account.ptr[i] > '9')
            return false;
    }
    return account.len > 0 && account.len <= 20;
}

enum le_err le_sqs_arn_parse(struct le_span text, struct le_sqs_arn *out)
{
    struct le_span rest = text;
    bool begins = le_span_is(field(&rest), "arn");
    bool partition = field(&rest).len > 0; /* aws, aws-cn, aws-us-gov */
    bool service = le_span_is(field(&rest), "sqs");
    out->region = field(&rest);
    out->account = field(&rest);
    out->name = rest;
    bool good = begins && partition && service && out->region.ptr != NULL &&
                is_account(out->account) && le_sqs_is_queue_name(out->name);
    return good ? LE_OK : LE_ERR_SYNTAX;
}

/* ---- URLs ---- */

/* Where the path begins; at the end when there is none, or no host before it. */
static size_t path_at(struct le_span url)
{
    const char *scheme = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;
    if (scheme == NULL)
        return url.len;
    size_t host_at = (size_t)(scheme - url.ptr) + 3;
    const char *slash = memchr(url.ptr + host_at, '/', url.len - host_at);
    return slash != NULL ? (size_t)(slash - url.ptr) : url.len;
}

/* The last segment before *end, which moves to where it begins. Slashes behind it name nothing. */
static struct le_span last_segment(struct le_span url, size_t path, size_t *end)
{
    size_t stop = *end;
    while (stop > path && url.ptr[stop - 1] == '/')
        stop--;
    size_t start = stop;
    while (start > path && url.ptr[start - 1] != '/')
        start--;
    *end = start;
    return stop > start ? (struct le_span){url.ptr + start, stop - start} : LE_SPAN_NONE;
}

struct le_sqs_url le_sqs_url_take_apart(struct le_span url)
{
    size_t path = path_at(url), end = url.len;
    struct le_sqs_url parts = {.name = last_segment(url, path, &end)};
    parts.base = (struct le_span){url.ptr, end};
    struct le_span account = last_segment(url, path, &end);
    if (account.len > 0 && is_account(account)) {
        parts.account = account;
        parts.base.len = end;
    }
    return parts;
}

bool le_sqs_is_same_queue(struct le_span a, struct le_span b)
{
    struct le_sqs_url one = le_sqs_url_take_apart(a), other = le_sqs_url_take_apart(b);
    bool accounts = one.account.len > 0 && other.account.len > 0;
    return one.name.len > 0 && le_span_equal(one.name, other.name) &&
           (!accounts || le_span_equal(one.account, other.account));
}

enum le_err le_sqs_url_from_arn(struct le_buf *out, struct le_span queue_url, struct le_span arn)
{
    struct le_sqs_arn dead;
    enum le_err err = le_sqs_arn_parse(arn, &dead);
    if (err != LE_OK)
        return err;
    struct le_sqs_url ours = le_sqs_url_take_apart(queue_url);
    bool has_account = ours.account.len > 0;
    if (ours.name.len == 0 || (!has_account && !le_span_ends(ours.base, "/queue/")))
        return LE_ERR_SYNTAX;
    size_t start = out->len;
    err = le_buf_append_span(out, ours.base);
    err = err == LE_OK && has_account ? le_buf_append_span(out, dead.account) : err;
    err = err == LE_OK && has_account ? le_buf_append(out, "/", 1) : err;
    err = err == LE_OK ? le_buf_append_span(out, dead.name) : err;
    if (err != LE_OK)
        out->len = start;
    return err;
}

bool le_sqs_is_fifo(struct le_span queue)
{
    while (queue.len > 0 && queue.ptr[queue.len - 1] == '/')
        queue.len--;
    return queue.len > strlen(FIFO) && le_span_ends(queue, FIFO);
}
