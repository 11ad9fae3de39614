#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "text.h"

struct queue *queues[QUEUES_MAX];
unsigned queue_count;
bool queues_awake;

static uint64_t next_serial = 1;

static bool name_is_valid(const char *name, size_t length)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (!length || length > QUEUE_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!name[i] || !strchr(letters, name[i]))
            return false;
    return true;
}

struct queue *queue_find(const char *name, size_t length)
{
    for (unsigned i = 0; i < queue_count; i++)
        if (strlen(queues[i]->name) == length && !memcmp(queues[i]->name, name, length))
            return queues[i];
    return NULL;
}

struct queue *queue_create(const char *name, size_t length)
{
    struct queue *queue = queue_find(name, length);
    if (queue || queue_count == QUEUES_MAX || !name_is_valid(name, length))
        return queue;
    queue = must_alloc(sizeof *queue);
    memcpy(queue->name, name, length);
    queue->number = queue_count;
    queue->visibility_s = 30;
    queue->in_flight_max = 120000;
    queue->created_ms = wall_ms();
    return queues[queue_count++] = queue;
}

/* ---- where messages stand ---- */

static void link_ready(struct queue *queue, struct message *message)
{
    message->ready = true;
    message->next = NULL;
    message->previous = queue->last;
    *(queue->last ? &queue->last->next : &queue->first) = message;
    queue->last = message;
    queue->ready_count++;
    if (queue->waiters)
        queues_awake = true;
}

static void unlink_ready(struct queue *queue, struct message *message)
{
    *(message->previous ? &message->previous->next : &queue->first) = message->next;
    *(message->next ? &message->next->previous : &queue->last) = message->previous;
    message->ready = false;
    queue->ready_count--;
}

/* Out of the ready list or the leases, wherever it is. */
static void detach(struct queue *queue, struct message *message)
{
    if (message->ready)
        unlink_ready(queue, message);
    heap_remove(&queue->leases, &message->lease);
}

static void grow_slots(struct queue *queue)
{
    uint32_t capacity = queue->slots_capacity ? queue->slots_capacity * 2 : 256;
    queue->slots = realloc(queue->slots, capacity * sizeof *queue->slots);
    queue->free_slots = realloc(queue->free_slots, capacity * sizeof *queue->free_slots);
    if (!queue->slots || !queue->free_slots)
        abort();
    queue->slots_capacity = capacity;
}

static void admit(struct queue *queue, struct message *message)
{
    if (!queue->free_count && queue->slots_used == queue->slots_capacity)
        grow_slots(queue);
    message->slot =
        queue->free_count ? queue->free_slots[--queue->free_count] : queue->slots_used++;
    queue->slots[message->slot] = message;
    link_ready(queue, message);
}

static void expel(struct queue *queue, struct message *message)
{
    detach(queue, message);
    queue->slots[message->slot] = NULL;
    queue->free_slots[queue->free_count++] = message->slot;
}

static void message_free(struct message *message)
{
    free(message->attributes);
    free(message);
}

/* ---- messages come in ---- */

static struct message *message_new(const char *body, size_t length)
{
    static struct text escaped; /* kept between messages: this is on the load server's hot path */
    text_clear(&escaped);
    text_escape(&escaped, body, length);
    struct message *message = must_alloc(sizeof *message + escaped.length + 1);
    memcpy(message->body, text_string(&escaped), escaped.length);
    message->length = escaped.length;
    message->serial = next_serial++;
    md5_hex(body, length, message->md5);
    return message;
}

struct message *queue_send(struct queue *queue, const char *body, size_t length, char *attributes)
{
    struct message *message = message_new(body, length);
    message->attributes = attributes;
    message->sent_ms = wall_ms();
    uint64_t high = mix64((uint64_t)message->sent_ms ^ message->serial << 20);
    uuid_from(high, mix64(high ^ message->serial), message->id);
    admit(queue, message);
    queue->counts.sent++;
    return message;
}

static bool generate(struct queue *queue)
{
    static struct text body;
    struct logins *source = queue->source;
    if (!source || source->made == source->total)
        return false;
    text_clear(&body);
    login_body(source, source->made, &body);
    struct message *message = message_new(body.bytes, body.length);
    login_id(source, source->made, message->id);
    message->sent_ms = login_sent_ms(source, source->made);
    source->made++;
    admit(queue, message);
    queue->counts.sent++;
    return true;
}

/* ---- messages go out ---- */

uint64_t queue_visible(const struct queue *queue)
{
    return queue->ready_count + (queue->source ? queue->source->total - queue->source->made : 0);
}

bool queue_at_limit(const struct queue *queue)
{
    return queue->leases.count >= queue->in_flight_max;
}

void queue_expire(struct queue *queue, int64_t now_us)
{
    for (struct heap_node *node; (node = heap_first(&queue->leases)) && node->due_us <= now_us;) {
        struct message *message = containing(node, struct message, lease);
        heap_remove(&queue->leases, node);
        queue->counts.expired++;
        if (!message->ready)
            link_ready(queue, message);
    }
}

static void bury(struct queue *queue, struct message *message)
{
    expel(queue, message);
    message->receives = 0;
    admit(queue->dead_letters, message);
    queue->counts.dead_lettered++;
}

static void lease(struct queue *queue, struct message *message, unsigned visibility_s)
{
    detach(queue, message);
    message->receives++;
    queue->counts.received++;
    if (message->receives > 1)
        queue->counts.redelivered++;
    else
        message->first_received_ms = wall_ms();
    heap_add(&queue->leases, &message->lease, monotonic_us() + (int64_t)visibility_s * 1000000);
}

/* A lease of no time leaves the message ready, at the end of the line. */
static void end_empty_lease(struct queue *queue, struct message *message)
{
    heap_remove(&queue->leases, &message->lease);
    link_ready(queue, message);
}

size_t queue_receive(struct queue *queue, size_t most, unsigned visibility_s,
                     struct message *out[RECEIVE_MAX])
{
    size_t count = 0;
    while (count < most && (queue->first || generate(queue))) {
        struct message *message = queue->first;
        if (queue->dead_letters && message->receives >= queue->receives_max) {
            bury(queue, message);
            continue;
        }
        lease(queue, message, visibility_s);
        out[count++] = message;
    }
    for (size_t i = 0; i < count && !visibility_s; i++)
        end_empty_lease(queue, out[i]);
    return count;
}

void queue_redeliver(struct queue *queue, struct message *message, unsigned visibility_s)
{
    queue->counts.doubled++;
    lease(queue, message, visibility_s);
    if (!visibility_s)
        end_empty_lease(queue, message);
}

void queue_surface(struct queue *queue, struct message *message)
{
    if (message->ready)
        return;
    queue->counts.doubled++;
    link_ready(queue, message);
}

/* ---- what holders of handles do ---- */

struct found {
    enum { FOUND, GONE, STALE, FOREIGN } what;
    struct message *message;
};

static struct found look_up(struct queue *queue, const char *text, size_t length)
{
    struct handle handle;
    if (!handle_read(text, length, &handle) || handle.queue != queue->number ||
        handle.serial >= next_serial)
        return (struct found){FOREIGN, NULL};
    struct message *message = handle.slot < queue->slots_used ? queue->slots[handle.slot] : NULL;
    if (!message || message->serial != handle.serial)
        return (struct found){GONE, NULL};
    return (struct found){message->receives == handle.receive ? FOUND : STALE, message};
}

enum outcome queue_delete(struct queue *queue, const char *handle, size_t length)
{
    struct found found = look_up(queue, handle, length);
    if (found.what == FOREIGN)
        return OUTCOME_BAD_HANDLE;
    if (found.what == GONE) {
        queue->counts.deleted_again++;
        return queue->refuse_deleted ? OUTCOME_BAD_HANDLE : OUTCOME_DONE;
    }
    if (found.what == STALE) {
        queue->counts.stale_deletes++;
        if (queue->stale != STALE_DELETE)
            return queue->stale == STALE_REFUSE ? OUTCOME_BAD_HANDLE : OUTCOME_DONE;
    }
    expel(queue, found.message);
    message_free(found.message);
    queue->counts.deleted++;
    return OUTCOME_DONE;
}

enum outcome queue_change(struct queue *queue, const char *handle, size_t length,
                          unsigned visibility_s)
{
    struct found found = look_up(queue, handle, length);
    if (found.what == FOREIGN || (found.what == STALE && queue->stale == STALE_REFUSE))
        return OUTCOME_BAD_HANDLE;
    if (found.what != FOUND)
        return found.what == STALE ? OUTCOME_DONE : OUTCOME_NOT_IN_FLIGHT;
    struct message *message = found.message;
    if (!message->lease.at)
        return OUTCOME_NOT_IN_FLIGHT;
    heap_remove(&queue->leases, &message->lease);
    if (visibility_s) {
        heap_add(&queue->leases, &message->lease, monotonic_us() + (int64_t)visibility_s * 1000000);
        queue->counts.extended++;
        return OUTCOME_DONE;
    }
    queue->counts.released++;
    if (!message->ready)
        link_ready(queue, message);
    return OUTCOME_DONE;
}

/* ---- the end ---- */

void queue_purge(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->slots_used; i++) {
        struct message *message = queue->slots[i];
        if (!message)
            continue;
        expel(queue, message);
        message_free(message);
    }
}

void queues_free(void)
{
    for (unsigned i = 0; i < queue_count; i++) {
        queue_purge(queues[i]);
        heap_free(&queues[i]->leases);
        free(queues[i]->slots);
        free(queues[i]->free_slots);
        free(queues[i]);
    }
    queue_count = 0;
}
