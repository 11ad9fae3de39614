#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static unsigned long allocations_until_failure; /* 0: never */

static bool must_fail(void)
{
    if (allocations_until_failure == 0)
        return false;
    return --allocations_until_failure == 0;
}

void le_mem_fail_at(unsigned long nth)
{
    allocations_until_failure = nth;
}

void *le_alloc(size_t size)
{
    if (must_fail())
        return NULL;
    return malloc(size > 0 ? size : 1);
}

void *le_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || must_fail())
        return NULL;
    return calloc(1, total > 0 ? total : 1);
}

void *le_realloc(void *ptr, size_t size)
{
    if (must_fail())
        return NULL;
    return realloc(ptr, size > 0 ? size : 1);
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
    free(ptr);
}
