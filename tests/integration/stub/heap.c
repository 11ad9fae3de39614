#include "heap.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static void put(struct heap *heap, size_t at, struct heap_node *node)
{
    heap->nodes[at] = node;
    node->at = at + 1;
}

static void sift_up(struct heap *heap, size_t at)
{
    struct heap_node *node = heap->nodes[at];
    while (at && heap->nodes[(at - 1) / 2]->due_us > node->due_us) {
        put(heap, at, heap->nodes[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(heap, at, node);
}

static void sift_down(struct heap *heap, size_t at)
{
    struct heap_node *node = heap->nodes[at];
    for (size_t child = 2 * at + 1; child < heap->count; child = 2 * at + 1) {
        if (child + 1 < heap->count && heap->nodes[child + 1]->due_us < heap->nodes[child]->due_us)
            child++;
        if (heap->nodes[child]->due_us >= node->due_us)
            break;
        put(heap, at, heap->nodes[child]);
        at = child;
    }
    put(heap, at, node);
}

static void grow(struct heap *heap)
{
    size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
    struct heap_node **nodes = must_alloc(capacity * sizeof *nodes);
    if (heap->count)
        memcpy(nodes, heap->nodes, heap->count * sizeof(struct heap_node *));
    free(heap->nodes);
    heap->nodes = nodes;
    heap->capacity = capacity;
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t due_us)
{
    if (heap->count == heap->capacity)
        grow(heap);
    node->due_us = due_us;
    heap->nodes[heap->count++] = node;
    sift_up(heap, heap->count - 1);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!node->at)
        return;
    size_t at = node->at - 1;
    struct heap_node *last = heap->nodes[--heap->count];
    node->at = 0;
    if (last == node)
        return;
    put(heap, at, last);
    sift_up(heap, at);
    sift_down(heap, last->at - 1);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

void heap_free(struct heap *heap)
{
    free(heap->nodes);
    *heap = (struct heap){0};
}
