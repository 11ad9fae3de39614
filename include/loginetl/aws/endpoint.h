/* Where requests go, and for which region they are signed. */
#ifndef LE_AWS_ENDPOINT_H
#define LE_AWS_ENDPOINT_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

/* Parts of "https://host:port/path", pointing into it. */
struct le_endpoint {
    struct le_span origin; /* "https://host:port" */
    struct le_span host;   /* the Host header: with the port, unless it is the scheme's own */
    struct le_span path;   /* "/" at least */
};

/* LE_ERR_CONFIG: not http:// or https:// with a host, or with a user, a query, a fragment, or
 * characters that no URL has. An @ anywhere counts as a user's: behind a password with a / in it,
 * it stands in the path. */
LE_MUST enum le_err le_endpoint_parse(struct le_span url, struct le_endpoint *out);
/* What is wrong with a URL that was refused, for a person: behind the setting's name, which goes
 * without its value. otherwise: when there is no user in it. */
const char *le_endpoint_fault(struct le_span url, const char *otherwise);

#define LE_REGION_MAX 64 /* with a NUL */

/* The region that a URL's host names ("sqs.eu-west-1.amazonaws.com" and the older and private
 * forms), else its path ("/queue/REGION/ACCOUNT/NAME"). False, and out empty: none does. */
bool le_region_of_url(struct le_span url, char out[LE_REGION_MAX]);
/* Is the host one of AWS's own, in any partition? */
bool le_endpoint_is_aws(struct le_span url);
/* The region that the name of a database server of RDS or Aurora holds, a cluster's or a proxy's
 * too ("db.abc.eu-west-1.rds.amazonaws.com", "db.abc.rds.cn-north-1.amazonaws.com.cn"). False, and
 * out empty: it is not such a name. */
bool le_region_of_database(struct le_span host, char out[LE_REGION_MAX]);
/* Lower-case letters, digits and dashes: it becomes part of a host name and of signatures. */
bool le_region_valid(struct le_span region);
/* The given region, else the queue URL's, else the endpoint's, else us-east-1 when the endpoint is
 * somebody's own, whose servers do not care. LE_ERR_CONFIG: there is none, or it is not valid. */
LE_MUST enum le_err le_region_choose(struct le_span given, struct le_span queue_url,
                                     struct le_span endpoint, char out[LE_REGION_MAX]);
/* Which of AWS's own endpoints: with cryptography that a certificate covers, reachable by IPv6 too.
 */
struct le_endpoint_kind {
    bool fips, dualstack;
};

/* Appends the endpoint: the given one, else the queue URL's scheme and host, else AWS's own of that
 * kind in the region ("https://sqs.<region>.amazonaws.com", other names in China, in the European
 * sovereign cloud and in the isolated partitions). Scheme and host become small letters, as the
 * Host header that is signed has them. LE_ERR_CONFIG: the given one or the queue URL is malformed.
 * LE_ERR_TOO_LARGE, LE_ERR_NOMEM. */
LE_MUST enum le_err le_endpoint_choose(struct le_buf *out, struct le_span given,
                                       struct le_span queue_url, struct le_span region,
                                       struct le_endpoint_kind kind);

/* Appends AWS's own endpoint of STS, of that kind in the region, and says which region requests to
 * it are signed for. legacy: as before there was one in each, "https://sts.amazonaws.com" for the
 * older regions. LE_ERR_TOO_LARGE, LE_ERR_NOMEM. */
LE_MUST enum le_err le_endpoint_sts(struct le_buf *out, struct le_span region,
                                    struct le_endpoint_kind kind, bool legacy,
                                    struct le_span *signed_for);

/* Appends AWS's own endpoint of a service ("sqs", "portal.sso"), of that kind in the region, named
 * by the services' endpoint rules. LE_ERR_TOO_LARGE, LE_ERR_NOMEM. */
LE_MUST enum le_err le_endpoint_own(struct le_buf *out, const char *service, struct le_span region,
                                    struct le_endpoint_kind kind);

#endif
