#include "loginetl/aws/endpoint.h"

#include <assert.h>

#define REGION_LEN_MAX 40

static bool begins_with(struct le_span text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

static struct le_span behind(struct le_span text, size_t count)
{
    assert(count <= text.len);
    return (struct le_span){text.ptr + count, text.len - count};
}

/* Length of the part of text before the first of these characters. */
static size_t until(struct le_span text, const char *stops)
{
    size_t len = 0;
    while (len < text.len && strchr(stops, text.ptr[len]) == NULL)
        len++;
    return len;
}

static bool all_visible(struct le_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || strchr("\"<>\\^`{|}", text.ptr[i]) != NULL)
            return false;
    }
    return true;
}

/* Length of "host" or "[address]" at the beginning of "host:port"; 0 when there is none, or the
 * port is no number. */
static size_t host_len(struct le_span authority)
{
    size_t len = until(authority, begins_with(authority, "[") ? "]" : ":");
    if (begins_with(authority, "["))
        len = len > 1 && len < authority.len ? len + 1 : 0;
    if (len == 0 || len == authority.len)
        return len;
    struct le_span port = behind(authority, len);
    if (port.len < 2 || port.len > 6 || port.ptr[0] != ':')
        return 0;
    for (size_t i = 1; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return 0;
    }
    return len;
}

enum le_err le_endpoint_parse(struct le_span url, struct le_endpoint *out)
{
    bool secure = begins_with(url, "https://");
    if (!all_visible(url) || (!secure && !begins_with(url, "http://")))
        return LE_ERR_CONFIG;
    size_t scheme_len = secure ? 8 : 7;
    struct le_span rest = behind(url, scheme_len);
    struct le_span authority = {rest.ptr, until(rest, "/?#")};
    struct le_span path = behind(rest, authority.len);
    size_t host = host_len(authority);
    if (host == 0 || until(authority, "@") < authority.len || until(path, "?#") < path.len)
        return LE_ERR_CONFIG;
    out->origin = (struct le_span){url.ptr, scheme_len + authority.len};
    bool own_port = le_span_is(behind(authority, host), secure ? ":443" : ":80");
    out->host = own_port ? (struct le_span){authority.ptr, host} : authority;
    out->path = path.len > 0 ? path : LE_SPAN_LIT("/");
    return LE_OK;
}

bool le_region_valid(struct le_span region)
{
    for (size_t i = 0; i < region.len; i++) {
        char c = region.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return region.len > 0 && region.len <= REGION_LEN_MAX;
}

/* "eu-west-1": to be told from the other labels of a host name, a region has a dash and ends in a
 * digit. */
static bool looks_like_region(struct le_span label)
{
    return le_region_valid(label) && memchr(label.ptr, '-', label.len) != NULL &&
           label.ptr[label.len - 1] >= '0' && label.ptr[label.len - 1] <= '9';
}

struct le_span le_region_of_url(struct le_span queue_url)
{
    struct le_endpoint endpoint;
    if (queue_url.len == 0 || le_endpoint_parse(queue_url, &endpoint) != LE_OK)
        return LE_SPAN_NONE;
    if (le_span_is(endpoint.host, "queue.amazonaws.com"))
        return LE_SPAN_LIT("us-east-1");
    struct le_span rest = endpoint.host;
    struct le_span before = LE_SPAN_NONE;
    while (rest.len > 0) {
        struct le_span label = {rest.ptr, until(rest, ".:")};
        bool newer = le_span_is(before, "sqs") || le_span_is(before, "sqs-fips");
        if (newer && looks_like_region(label))
            return label;
        if (le_span_is(label, "queue") && looks_like_region(before))
            return before;
        before = label;
        rest = behind(rest, label.len < rest.len ? label.len + 1 : label.len);
    }
    return LE_SPAN_NONE;
}

enum le_err le_region_choose(struct le_span given, struct le_span queue_url,
                             struct le_span endpoint, struct le_span *out)
{
    *out = given.len > 0 ? given : le_region_of_url(queue_url);
    if (out->len == 0)
        *out = le_region_of_url(endpoint);
    bool theirs =
        endpoint.len > 0 && memmem(endpoint.ptr, endpoint.len, ".amazonaws.com", 14) != NULL;
    if (out->len == 0 && endpoint.len > 0 && !theirs)
        *out = LE_SPAN_LIT("us-east-1");
    return le_region_valid(*out) ? LE_OK : LE_ERR_CONFIG;
}

/* The names of SQS's endpoint rules, and of the partitions that they are made with. */
static enum le_err append_own(struct le_buf *out, struct le_span region,
                              struct le_endpoint_kind kind)
{
    static const struct {
        const char *regions, *suffix, *dualstack_suffix;
    } partitions[] = {{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
                      {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
                      {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
                      {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
                      {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
                      {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
                      {"", "amazonaws.com", "api.aws"}};
    size_t i = 0;
    while (!begins_with(region, partitions[i].regions))
        i++;
    /* The plain endpoint of GovCloud is the certified one already. */
    bool plain = !kind.fips || (begins_with(region, "us-gov-") && !kind.dualstack);
    return le_buf_printf(out, "https://sqs%s.%.*s.%s", plain ? "" : "-fips", (int)region.len,
                         region.ptr,
                         kind.dualstack ? partitions[i].dualstack_suffix : partitions[i].suffix);
}

enum le_err le_endpoint_choose(struct le_buf *out, struct le_span given, struct le_span queue_url,
                               struct le_span region, struct le_endpoint_kind kind)
{
    struct le_endpoint endpoint;
    struct le_span from = given.len > 0 ? given : queue_url;
    if (from.len > 0) {
        enum le_err err = le_endpoint_parse(from, &endpoint);
        if (err != LE_OK)
            return err;
        return le_buf_append_span(out, given.len > 0 ? given : endpoint.origin);
    }
    assert(le_region_valid(region));
    return append_own(out, region, kind);
}
