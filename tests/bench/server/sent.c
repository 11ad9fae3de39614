#include "sent.h"

#include "arrivals.h"

#include <string.h>
#include <sys/mman.h>

#define UNIT          8
#define OFFSETS_BYTES (sizeof(uint32_t) * (size_t)ARRIVALS_MESSAGES_MAX)

struct head {
    int64_t sent_ms;
    uint64_t len;
};

static void *reserve(size_t bytes)
{
    void *found = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return found != MAP_FAILED ? found : NULL;
}

enum le_err sent_init(struct sent *sent)
{
    *sent = (struct sent){reserve(SENT_BYTES_MAX), reserve(OFFSETS_BYTES), 0};
    return sent->bytes != NULL && sent->offsets != NULL ? LE_OK : LE_ERR_NOMEM;
}

void sent_free(struct sent *sent)
{
    if (sent->bytes != NULL)
        munmap(sent->bytes, SENT_BYTES_MAX);
    if (sent->offsets != NULL)
        munmap(sent->offsets, OFFSETS_BYTES);
}

enum le_err sent_add(struct sent *sent, uint32_t number, int64_t sent_ms, struct le_span body)
{
    const struct head head = {sent_ms, body.len};
    uint64_t needed = sizeof head + (body.len + UNIT - 1) / UNIT * UNIT;
    if (needed > SENT_BYTES_MAX - sent->used)
        return LE_ERR_TOO_LARGE;
    char *at = sent->bytes + sent->used;
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, body.ptr, body.len);
    sent->offsets[number] = (uint32_t)(sent->used / UNIT);
    sent->used += needed;
    return LE_OK;
}

struct le_span sent_body(const struct sent *sent, uint32_t number, int64_t *sent_ms)
{
    struct head head;
    const char *at = sent->bytes + (uint64_t)sent->offsets[number] * UNIT;
    memcpy(&head, at, sizeof head);
    *sent_ms = head.sent_ms;
    return (struct le_span){at + sizeof head, head.len};
}
