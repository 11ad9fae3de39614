/* A binary min-heap of things that fall due. The node lives inside the thing; the heap holds
 * pointers, so that taking out any of a hundred thousand leases costs log n and no search. */
#ifndef STUB_HEAP_H
#define STUB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t due_us;
    size_t at; /* position in the heap plus one; 0 when it is in none */
};

struct heap {
    struct heap_node **nodes;
    size_t count, capacity;
};

void heap_add(struct heap *heap, struct heap_node *node, int64_t due_us);
void heap_remove(struct heap *heap,
                 struct heap_node *node);              /* a node that is in no heap is left alone */
struct heap_node *heap_first(const struct heap *heap); /* NULL when empty */
void heap_free(struct heap *heap);

#define containing(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
