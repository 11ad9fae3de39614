/* The system's own malloc, made to fail in the thread that asks for it: what le_mem_fail_at cannot
 * reach, in the libraries. mbedTLS as distributions build it has no hook for that, libpq has none
 * at all, so the functions are replaced for the whole program: include this in one of its files.
 * The address sanitizer has replaced them already; with it there is nothing to do here. */
#ifndef LE_TESTS_FAILING_MALLOC_H
#define LE_TESTS_FAILING_MALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define LE_FAILING_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LE_FAILING_MALLOC 0
#endif
#endif
#ifndef LE_FAILING_MALLOC
#define LE_FAILING_MALLOC 1
#endif

static _Thread_local struct {
    unsigned long left; /* 0: none fails */
    bool for_ever;
    unsigned long failures;
} failing_malloc;

/* The Nth from now on this thread fails, and with for_ever all after it. 0 turns it off. */
static void fail_malloc_at(unsigned long nth, bool for_ever)
{
    failing_malloc.left = nth;
    failing_malloc.for_ever = for_ever;
    failing_malloc.failures = 0;
}

#if LE_FAILING_MALLOC

/* glibc's names for its own. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);

static bool malloc_fails(void)
{
    if (failing_malloc.left == 0 || --failing_malloc.left > 0)
        return false;
    failing_malloc.left = failing_malloc.for_ever;
    failing_malloc.failures++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return malloc_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return malloc_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return malloc_fails() ? NULL : __libc_realloc(block, size);
}

#endif
#endif
