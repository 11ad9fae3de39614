#include "loginetl/app/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define MMAP_THRESHOLD (256 * 1024)
#define TRIM_THRESHOLD (128 * 1024)

void le_memory_tune(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
}

/* Segments that were never writable hold nothing but what their file holds. A failure costs memory
 * and nothing else. */
static int let_go(struct dl_phdr_info *object, size_t size, void *page_size)
{
    (void)size;
    uintptr_t mask = ~((uintptr_t) * (long *)page_size - 1);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0)
            continue;
        uintptr_t from = (object->dlpi_addr + segment->p_vaddr) & mask;
        uintptr_t to = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz) & mask;
        if (from < to)
            (void)madvise((void *)from, to - from, MADV_DONTNEED);
    }
    return 0;
}

void le_memory_settle(void)
{
    long page_size = sysconf(_SC_PAGESIZE);
    if (page_size > 0)
        (void)dl_iterate_phdr(let_go, &page_size);
    (void)malloc_trim(0);
}
