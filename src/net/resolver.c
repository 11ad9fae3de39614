#include "loginetl/net/resolver.h"

#include "loginetl/base/list.h"
#include "loginetl/base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* Not uv_getaddrinfo: a program that ends waits for libuv's threads, and a name server that says
 * nothing keeps one of them for minutes. Here each look-up of a name has a thread of its own, and
 * nobody waits for it. */

/* Belongs to the loop and the thread together until one of them lets go; then the other frees it.
 */
struct question {
    pthread_mutex_t mutex;
    struct le_lookup *lookup; /* NULL: nobody waits for the answer any more */
    bool answered;
    int status; /* getaddrinfo's */
    struct addrinfo *answer;
    const char *service; /* behind host */
    char host[];
};

struct le_lookup {
    uv_async_t wake; /* the thread has the answer */
    struct question *question;
    le_resolved_fn *done;
    void *owner;
};

static void free_question(struct question *question)
{
    if (question->answer != NULL)
        freeaddrinfo(question->answer);
    (void)pthread_mutex_destroy(&question->mutex); /* fails only while it is locked */
    le_free(question);
}

static void lock(struct question *question)
{
    int failure = pthread_mutex_lock(&question->mutex);
    assert(failure == 0);
}

static void unlock(struct question *question)
{
    int failure = pthread_mutex_unlock(&question->mutex);
    assert(failure == 0);
}

/* ---- in the thread ---- */

static void ask(void *arg)
{
    struct question *question = arg;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *answer = NULL;
    int status = getaddrinfo(question->host, question->service, &hints, &answer);
    lock(question);
    question->answered = true;
    question->status = status;
    question->answer = status == 0 ? answer : NULL;
    bool wanted = question->lookup != NULL;
    if (wanted) {
        int failure = uv_async_send(&question->lookup->wake);
        assert(failure == 0);
    }
    unlock(question);
    if (!wanted)
        free_question(question);
}

/* ---- in the loop ---- */

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

static void on_closed(uv_handle_t *handle)
{
    le_free(handle->data);
}

static void close_lookup(struct le_lookup *lookup)
{
    uv_close((uv_handle_t *)&lookup->wake, on_closed);
}

static void on_answered(uv_async_t *wake)
{
    struct le_lookup *lookup = wake->data;
    struct question *question = lookup->question;
    struct le_address addresses[LE_ADDRESSES_MAX];
    lock(question); /* until the thread has let go of it */
    assert(question->answered && question->lookup == lookup);
    unlock(question);
    size_t count = collect(question->answer, addresses, LE_ADDRESSES_MAX);
    enum le_err err = question->status == EAI_MEMORY ? LE_ERR_NOMEM : LE_ERR_RESOLVE;
    free_question(question);
    close_lookup(lookup);
    lookup->done(lookup->owner, count > 0 ? LE_OK : err, addresses, count);
}

static struct question *new_question(const char *host, const char *service)
{
    size_t host_size = strlen(host) + 1, service_size = strlen(service) + 1;
    struct question *question = le_calloc(1, sizeof *question + host_size + service_size);
    if (question == NULL)
        return NULL;
    if (pthread_mutex_init(&question->mutex, NULL) != 0) {
        le_free(question);
        return NULL;
    }
    memcpy(question->host, host, host_size);
    memcpy(question->host + host_size, service, service_size);
    question->service = question->host + host_size;
    return question;
}

/* An address and a port's number say all themselves: with these flags nothing is looked up, so the
 * answer is there at once, without a thread that first has to get its turn. */
static bool answer_at_once(struct question *question)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *answer = NULL;
    if (getaddrinfo(question->host, question->service, &hints, &answer) != 0)
        return false;
    question->answer = answer;
    question->answered = true;
    int failure = uv_async_send(&question->lookup->wake);
    assert(failure == 0);
    return true;
}

static bool start_thread(struct question *question)
{
    uv_thread_t thread;
    if (uv_thread_create(&thread, ask, question) != 0)
        return false;
    int failure = pthread_detach(thread);
    assert(failure == 0);
    return true;
}

static enum le_err start(uv_loop_t *loop, struct le_lookup *lookup, struct question *question)
{
    if (uv_async_init(loop, &lookup->wake, on_answered) != 0) {
        free_question(question);
        le_free(lookup);
        return LE_ERR_NOMEM;
    }
    lookup->wake.data = lookup;
    lookup->question = question;
    question->lookup = lookup;
    if (answer_at_once(question) || start_thread(question))
        return LE_OK;
    free_question(question);
    close_lookup(lookup);
    return LE_ERR_NOMEM;
}

enum le_err le_resolve(uv_loop_t *loop, const char *host, const char *service, le_resolved_fn *done,
                       void *owner, struct le_lookup **out)
{
    assert(loop != NULL && host != NULL && service != NULL && done != NULL && out != NULL);
    *out = NULL;
    /* An empty one the resolver would take for this machine. */
    if (host[0] == '\0' || strlen(host) >= NI_MAXHOST)
        return LE_ERR_RESOLVE;
    struct question *question = new_question(host, service);
    if (question == NULL)
        return LE_ERR_NOMEM;
    struct le_lookup *lookup = le_calloc(1, sizeof *lookup);
    if (lookup == NULL) {
        free_question(question);
        return LE_ERR_NOMEM;
    }
    lookup->done = done;
    lookup->owner = owner;
    enum le_err err = start(loop, lookup, question);
    if (err == LE_OK)
        *out = lookup;
    return err;
}

void le_resolve_cancel(struct le_lookup *lookup)
{
    assert(lookup != NULL);
    struct question *question = lookup->question;
    lock(question);
    bool answered = question->answered;
    question->lookup = NULL;
    unlock(question);
    if (answered)
        free_question(question);
    close_lookup(lookup);
}
