#include "loginetl/net/resolver.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

/* A name server that says nothing keeps a thread for minutes. */
struct question {
    int status; /* getaddrinfo's */
    struct addrinfo *answer;
    le_resolved_fn *done;
    void *owner;
    const char *service; /* behind host */
    char host[];
};

static void free_answer(void *task)
{
    struct question *question = task;
    if (question->answer != NULL)
        freeaddrinfo(question->answer);
}

/* flags: AI_NUMERICHOST… */
static bool look_up(struct question *question, int flags)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *answer = NULL;
    question->status = getaddrinfo(question->host, question->service, &hints, &answer);
    question->answer = question->status == 0 ? answer : NULL;
    return question->status == 0;
}

static void ask(void *task)
{
    (void)look_up(task, 0); /* the status says what came of it */
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

static void on_answered(void *task)
{
    struct question *question = task;
    struct le_address addresses[LE_ADDRESSES_MAX];
    size_t count = collect(question->answer, addresses, LE_ADDRESSES_MAX);
    enum le_err err = question->status == EAI_MEMORY ? LE_ERR_NOMEM : LE_ERR_RESOLVE;
    question->done(question->owner, count > 0 ? LE_OK : err, addresses, count);
}

enum le_err le_resolve(uv_loop_t *loop, const char *host, const char *service, le_resolved_fn *done,
                       void *owner, struct le_errand **out)
{
    static const struct le_errand_kind kind = {ask, on_answered, free_answer};
    assert(loop != NULL && host != NULL && service != NULL && done != NULL && out != NULL);
    *out = NULL;
    /* An empty one the resolver would take for this machine. */
    if (host[0] == '\0' || strlen(host) >= NI_MAXHOST)
        return LE_ERR_RESOLVE;
    size_t host_size = strlen(host) + 1, service_size = strlen(service) + 1;
    struct le_errand *errand;
    enum le_err err =
        le_errand_new(loop, &kind, sizeof(struct question) + host_size + service_size, &errand);
    if (err != LE_OK)
        return err;
    struct question *question = le_errand_task(errand);
    question->done = done;
    question->owner = owner;
    memcpy(question->host, host, host_size);
    question->service = memcpy(question->host + host_size, service, service_size);
    /* An address and a port's number say all themselves: with these flags nothing is looked up, so
     * the answer is there at once, without a thread that first has to get its turn. */
    if (look_up(question, AI_NUMERICHOST | AI_NUMERICSERV))
        le_errand_skip(errand);
    else
        err = le_errand_run(errand);
    if (err == LE_OK)
        *out = errand;
    return err;
}
