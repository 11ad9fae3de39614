#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Which allocations fail: the one after so many others, and from then on every so many. */
static struct {
    unsigned long left; /* 0: none */
    unsigned long then; /* 0: no further one */
    unsigned long failures;
} plan;

/* A look-up that nobody waits for any more is freed by its own thread. */
static atomic_long live;

static void count_live(long change)
{
    (void)atomic_fetch_add_explicit(&live, change, memory_order_relaxed);
}

static void set_plan(unsigned long nth, unsigned long then)
{
    plan.left = nth;
    plan.then = nth > 0 ? then : 0;
    plan.failures = 0;
}

void le_mem_fail_at(unsigned long nth)
{
    set_plan(nth, 0);
}

void le_mem_fail_from(unsigned long nth)
{
    set_plan(nth, 1);
}

void le_mem_fail_every(unsigned long nth)
{
    set_plan(nth, nth);
}

unsigned long le_mem_failures(void)
{
    return plan.failures;
}

long le_mem_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

static bool must_fail(void)
{
    if (plan.left == 0 || --plan.left > 0)
        return false;
    plan.left = plan.then;
    plan.failures++;
    return true;
}

static void *counted(void *block)
{
    if (block != NULL)
        count_live(1);
    return block;
}

void *le_alloc(size_t size)
{
    if (must_fail())
        return NULL;
    return counted(malloc(size > 0 ? size : 1));
}

void *le_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || must_fail())
        return NULL;
    return counted(calloc(1, total > 0 ? total : 1));
}

void *le_realloc(void *ptr, size_t size)
{
    if (must_fail())
        return NULL;
    void *block = realloc(ptr, size > 0 ? size : 1);
    if (ptr == NULL && block != NULL)
        count_live(1);
    return block;
}

char *le_strdup(const char *text)
{
    assert(text != NULL);
    return le_strndup(text, strlen(text));
}

char *le_strndup(const char *text, size_t len)
{
    assert(text != NULL || len == 0);
    assert(len < SIZE_MAX);
    char *copy = le_alloc(len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void le_free(void *ptr)
{
    if (ptr != NULL)
        count_live(-1);
    free(ptr);
}

void le_wipe(void *ptr, size_t size)
{
    assert(ptr != NULL || size == 0);
    if (size > 0)
        explicit_bzero(ptr, size);
}

void le_free_secret(void *ptr, size_t size)
{
    if (ptr == NULL)
        return;
    le_wipe(ptr, size);
    le_free(ptr);
}
