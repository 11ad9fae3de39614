#include "loginetl/net/errand.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>

/* Belongs to the loop and the thread together until one of them lets go; then the other frees it.
 */
struct shared {
    pthread_mutex_t mutex;
    struct le_errand *errand; /* NULL: nobody waits for it any more */
    bool finished;
    const struct le_errand_kind *kind;
    size_t size; /* of all this */
    alignas(max_align_t) unsigned char task[];
};

struct le_errand {
    uv_async_t wake; /* the thread has finished */
    struct shared *shared;
};

static void free_shared(struct shared *shared)
{
    if (shared->kind->free != NULL)
        shared->kind->free(shared->task);
    (void)pthread_mutex_destroy(&shared->mutex); /* fails only while it is locked */
    le_free_secret(shared, shared->size);
}

static void lock(struct shared *shared)
{
    int failure = pthread_mutex_lock(&shared->mutex);
    assert(failure == 0);
}

static void unlock(struct shared *shared)
{
    int failure = pthread_mutex_unlock(&shared->mutex);
    assert(failure == 0);
}

static void wake(struct shared *shared)
{
    int failure = uv_async_send(&shared->errand->wake);
    assert(failure == 0);
}

/* ---- in the thread ---- */

static void run(void *arg)
{
    struct shared *shared = arg;
    shared->kind->run(shared->task);
    lock(shared);
    shared->finished = true;
    bool wanted = shared->errand != NULL;
    if (wanted)
        wake(shared);
    unlock(shared);
    if (!wanted)
        free_shared(shared);
}

/* ---- in the loop ---- */

static void on_closed(uv_handle_t *handle)
{
    le_free(handle->data);
}

static void close_errand(struct le_errand *errand)
{
    uv_close((uv_handle_t *)&errand->wake, on_closed);
}

static void on_finished(uv_async_t *handle)
{
    struct le_errand *errand = handle->data;
    struct shared *shared = errand->shared;
    lock(shared); /* until the thread has let go of it */
    assert(shared->finished && shared->errand == errand);
    unlock(shared);
    close_errand(errand);
    shared->kind->done(shared->task);
    free_shared(shared);
}

static struct shared *new_shared(const struct le_errand_kind *kind, size_t task_size)
{
    size_t size = sizeof(struct shared) + task_size;
    struct shared *shared = le_calloc(1, size);
    if (shared == NULL)
        return NULL;
    if (pthread_mutex_init(&shared->mutex, NULL) != 0) {
        le_free(shared);
        return NULL;
    }
    shared->kind = kind;
    shared->size = size;
    return shared;
}

enum le_err le_errand_new(uv_loop_t *loop, const struct le_errand_kind *kind, size_t task_size,
                          struct le_errand **out)
{
    assert(kind->run != NULL && kind->done != NULL);
    *out = NULL;
    struct le_errand *errand = le_calloc(1, sizeof *errand);
    if (errand == NULL)
        return LE_ERR_NOMEM;
    struct shared *shared = new_shared(kind, task_size);
    if (shared == NULL || uv_async_init(loop, &errand->wake, on_finished) != 0) {
        if (shared != NULL)
            free_shared(shared);
        le_free(errand);
        return LE_ERR_NOMEM;
    }
    errand->wake.data = errand;
    errand->shared = shared;
    shared->errand = errand;
    *out = errand;
    return LE_OK;
}

void *le_errand_task(struct le_errand *errand)
{
    return errand->shared->task;
}

enum le_err le_errand_run(struct le_errand *errand)
{
    uv_thread_t thread;
    if (uv_thread_create(&thread, run, errand->shared) != 0) {
        free_shared(errand->shared);
        close_errand(errand);
        return LE_ERR_NOMEM;
    }
    int failure = pthread_detach(thread);
    assert(failure == 0);
    return LE_OK;
}

void le_errand_skip(struct le_errand *errand)
{
    errand->shared->finished = true;
    wake(errand->shared);
}

void le_errand_cancel(struct le_errand *errand)
{
    assert(errand != NULL);
    struct shared *shared = errand->shared;
    lock(shared);
    bool finished = shared->finished;
    shared->errand = NULL;
    unlock(shared);
    if (finished)
        free_shared(shared);
    close_errand(errand);
}
