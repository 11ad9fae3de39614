#include "loginetl/net/resolver.h"

#include "loginetl/base/list.h"
#include "loginetl/base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

struct le_lookup {
    uv_getaddrinfo_t req;
    le_resolved_fn *done; /* NULL once cancelled */
    void *owner;
};

static enum le_err lookup_error(int status)
{
    assert(status < 0);
    return status == UV_ENOMEM || status == UV_EAI_MEMORY ? LE_ERR_NOMEM : LE_ERR_RESOLVE;
}

static bool format_address(const struct addrinfo *info, struct le_address *out)
{
    memset(out, 0, sizeof *out);
    out->family = info->ai_family;
    if (info->ai_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)info->ai_addr;
        out->port = ntohs(in4->sin_port);
    } else if (info->ai_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)info->ai_addr;
        out->port = ntohs(in6->sin6_port);
    } else {
        return false;
    }
    /* Not inet_ntop: a link-local address is of no use without its scope. */
    return getnameinfo(info->ai_addr, info->ai_addrlen, out->text, sizeof out->text, NULL, 0,
                       NI_NUMERICHOST) == 0;
}

static bool is_known(const struct le_address *addresses, size_t count,
                     const struct le_address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].family == address->family && strcmp(addresses[i].text, address->text) == 0)
            return true;
    }
    return false;
}

static size_t collect(const struct addrinfo *info, struct le_address *addresses, size_t max)
{
    size_t count = 0;
    for (; info != NULL && count < max; info = info->ai_next) {
        if (format_address(info, &addresses[count]) &&
            !is_known(addresses, count, &addresses[count]))
            count++;
    }
    return count;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *info)
{
    struct le_lookup *lookup = le_container_of(req, struct le_lookup, req);
    struct le_address addresses[LE_ADDRESSES_MAX];
    size_t count = 0;
    enum le_err err = LE_OK;
    if (status < 0)
        err = lookup_error(status);
    else if ((count = collect(info, addresses, LE_ADDRESSES_MAX)) == 0)
        err = LE_ERR_RESOLVE;
    uv_freeaddrinfo(info);
    le_resolved_fn *done = lookup->done;
    void *owner = lookup->owner;
    le_free(lookup);
    if (done != NULL)
        done(owner, err, addresses, count);
}

enum le_err le_resolve(uv_loop_t *loop, const char *host, const char *service, le_resolved_fn *done,
                       void *owner, struct le_lookup **out)
{
    assert(loop != NULL && host != NULL && service != NULL && done != NULL && out != NULL);
    *out = NULL;
    if (host[0] == '\0')
        return LE_ERR_RESOLVE; /* the resolver would take it for this machine */
    struct le_lookup *lookup = le_calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return LE_ERR_NOMEM;
    lookup->done = done;
    lookup->owner = owner;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    int rc = uv_getaddrinfo(loop, &lookup->req, on_resolved, host, service, &hints);
    if (rc < 0) {
        le_free(lookup);
        return lookup_error(rc);
    }
    *out = lookup;
    return LE_OK;
}

void le_resolve_cancel(struct le_lookup *lookup)
{
    assert(lookup != NULL && lookup->done != NULL);
    lookup->done = NULL;
    /* UV_EBUSY when it has begun already; on_resolved comes either way and frees it. */
    (void)uv_cancel((uv_req_t *)&lookup->req);
}
