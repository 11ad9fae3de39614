#include "loginetl/aws/endpoint.h"

#include "loginetl/base/ascii.h"

#include <assert.h>
#include <strings.h>

#define REGION_LEN_MAX 40
#define HOST_MAX       256 /* the longest name that there can be, its port, and a NUL */

/* The names that each partition's endpoints are made with; the last one stands for all others. */
static const struct partition {
    const char *regions, *suffix, *dualstack_suffix;
} partitions[] = {{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
                  {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
                  {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
                  {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
                  {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
                  {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
                  {"", "amazonaws.com", "api.aws"}};

#define PARTITIONS (sizeof partitions / sizeof partitions[0])

/* Schemes and host names are the same in capitals. */
static bool has_scheme(struct le_span url, const char *scheme)
{
    size_t len = strlen(scheme);
    return url.len >= len && strncasecmp(url.ptr, scheme, len) == 0;
}

static struct le_span behind(struct le_span text, size_t count)
{
    assert(count <= text.len);
    return (struct le_span){text.ptr + count, text.len - count};
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
    size_t len = le_span_until(authority, le_span_begins(authority, "[") ? "]" : ":");
    if (le_span_begins(authority, "["))
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
    bool secure = has_scheme(url, "https://");
    if (!all_visible(url) || le_span_until(url, "@") < url.len ||
        (!secure && !has_scheme(url, "http://")))
        return LE_ERR_CONFIG;
    size_t scheme_len = secure ? 8 : 7;
    struct le_span rest = behind(url, scheme_len);
    struct le_span authority = {rest.ptr, le_span_until(rest, "/?#")};
    struct le_span path = behind(rest, authority.len);
    size_t host = host_len(authority);
    if (host == 0 || le_span_until(path, "?#") < path.len)
        return LE_ERR_CONFIG;
    out->origin = (struct le_span){url.ptr, scheme_len + authority.len};
    bool own_port = le_span_is(behind(authority, host), secure ? ":443" : ":80");
    out->host = own_port ? (struct le_span){authority.ptr, host} : authority;
    out->path = path.len > 0 ? path : LE_SPAN_LIT("/");
    return LE_OK;
}

const char *le_endpoint_fault(struct le_span url, const char *otherwise)
{
    if (le_span_until(url, "@") < url.len)
        return "has a user's name or a password in it, which is not taken there: leave it out";
    return otherwise;
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

static struct le_span region_of_host(struct le_span host)
{
    if (le_span_is(host, "queue.amazonaws.com")) /* the first one, which is older than regions */
        return LE_SPAN_LIT("us-east-1");
    struct le_span rest = host;
    struct le_span before = LE_SPAN_NONE;
    while (rest.len > 0) {
        struct le_span label = {rest.ptr, le_span_until(rest, ".:")};
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

/* "/queue/REGION/ACCOUNT/NAME", as emulators have it. */
static struct le_span region_of_path(struct le_span path)
{
    if (!le_span_begins(path, "/queue/"))
        return LE_SPAN_NONE;
    struct le_span rest = behind(path, 7);
    struct le_span segment = {rest.ptr, le_span_until(rest, "/")};
    return segment.len < rest.len && looks_like_region(segment) ? segment : LE_SPAN_NONE;
}

/* The host in small letters, as the Host header has it: false when it is none, or no host is so
 * long. */
static bool lower_host(struct le_span host, char out[HOST_MAX])
{
    if (host.len == 0 || host.len >= HOST_MAX)
        return false;
    memcpy(out, host.ptr, host.len);
    out[host.len] = '\0';
    le_ascii_lower_text(out, host.len);
    return true;
}

static bool set_region(struct le_span region, char out[LE_REGION_MAX])
{
    if (!le_region_valid(region))
        return false;
    memcpy(out, region.ptr, region.len);
    out[region.len] = '\0';
    return true;
}

bool le_region_of_url(struct le_span url, char out[LE_REGION_MAX])
{
    struct le_endpoint endpoint;
    char host[HOST_MAX];
    out[0] = '\0';
    if (url.len == 0 || le_endpoint_parse(url, &endpoint) != LE_OK ||
        !lower_host(endpoint.host, host))
        return false;
    return set_region(region_of_host(le_span_of(host)), out) ||
           set_region(region_of_path(endpoint.path), out);
}

/* ".suffix" at the end of a host without its port. */
static bool is_below(struct le_span host, const char *suffix)
{
    size_t len = strlen(suffix);
    return le_span_ends(host, suffix) && host.len > len && host.ptr[host.len - len - 1] == '.';
}

bool le_endpoint_is_aws(struct le_span url)
{
    struct le_endpoint endpoint;
    char text[HOST_MAX];
    if (url.len == 0 || le_endpoint_parse(url, &endpoint) != LE_OK ||
        !lower_host(endpoint.host, text))
        return false;
    struct le_span host = {text, host_len(le_span_of(text))};
    for (size_t i = 0; i < PARTITIONS; i++) {
        if (is_below(host, partitions[i].suffix) || is_below(host, partitions[i].dualstack_suffix))
            return true;
    }
    return false;
}

/* A database may be called rds as well: the service's label is the last of that name. And an id in
 * front of it may look like a region, what follows it only if it is one. */
static struct le_span region_of_database(struct le_span host)
{
    struct le_span rest = host, before = LE_SPAN_NONE, found = LE_SPAN_NONE;
    if (host.len == 0 || memmem(host.ptr, host.len, ".amazonaws.", 11) == NULL)
        return LE_SPAN_NONE;
    while (rest.len > 0) {
        struct le_span label = {rest.ptr, le_span_until(rest, ".")};
        rest = behind(rest, label.len < rest.len ? label.len + 1 : label.len);
        struct le_span next = {rest.ptr, le_span_until(rest, ".")};
        if (le_span_is(label, "rds") && (looks_like_region(next) || looks_like_region(before)))
            found = looks_like_region(next) ? next : before;
        before = label;
    }
    return found;
}

bool le_region_of_database(struct le_span host, char out[LE_REGION_MAX])
{
    char name[HOST_MAX];
    out[0] = '\0';
    return lower_host(host, name) && set_region(region_of_database(le_span_of(name)), out);
}

enum le_err le_region_choose(struct le_span given, struct le_span queue_url,
                             struct le_span endpoint, char out[LE_REGION_MAX])
{
    if (given.len > 0)
        return set_region(given, out) ? LE_OK : LE_ERR_CONFIG;
    if (le_region_of_url(queue_url, out) || le_region_of_url(endpoint, out))
        return LE_OK;
    bool own = endpoint.len > 0 && !le_endpoint_is_aws(endpoint);
    return own && set_region(LE_SPAN_LIT("us-east-1"), out) ? LE_OK : LE_ERR_CONFIG;
}

enum le_err le_endpoint_own(struct le_buf *out, const char *service, struct le_span region,
                            struct le_endpoint_kind kind)
{
    assert(le_region_valid(region));
    const struct partition *partition = partitions;
    while (!le_span_begins(region, partition->regions))
        partition++;
    /* The plain endpoint of GovCloud is the certified one already. */
    bool plain = !kind.fips || (le_span_begins(region, "us-gov-") && !kind.dualstack);
    return le_buf_printf(out, "https://%s%s.%.*s.%s", service, plain ? "" : "-fips",
                         (int)region.len, region.ptr,
                         kind.dualstack ? partition->dualstack_suffix : partition->suffix);
}

static enum le_err append_given(struct le_buf *out, struct le_span url, size_t origin_len)
{
    size_t start = out->len;
    enum le_err err = le_buf_append_span(out, url);
    if (err == LE_OK)
        le_ascii_lower_text(out->data + start, origin_len);
    return err;
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
        return append_given(out, given.len > 0 ? given : endpoint.origin, endpoint.origin.len);
    }
    return le_endpoint_own(out, "sqs", region, kind);
}

/* The regions of AWS's own partition that were there when STS had one endpoint. */
static bool is_of_one_endpoint(struct le_span region)
{
    static const char *const regions[] = {
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
        "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        if (le_span_is(region, regions[i]))
            return true;
    }
    return false;
}

enum le_err le_endpoint_sts(struct le_buf *out, struct le_span region, struct le_endpoint_kind kind,
                            bool legacy, struct le_span *signed_for)
{
    assert(le_region_valid(region));
    *signed_for = region;
    if (!legacy || kind.fips || kind.dualstack || !is_of_one_endpoint(region))
        return le_endpoint_own(out, "sts", region, kind);
    *signed_for = LE_SPAN_LIT("us-east-1");
    return le_buf_append_text(out, "https://sts.amazonaws.com");
}
