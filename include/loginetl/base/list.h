/* An intrusive doubly linked list; a node is in at most one list at a time, asserted. */
#ifndef LE_BASE_LIST_H
#define LE_BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct le_node {
    struct le_node *prev, *next; /* both NULL while in no list */
};

struct le_list {
    struct le_node head; /* a ring: the list must not move after le_list_init */
    size_t count;
};

static inline void le_list_init(struct le_list *list)
{
    list->head.prev = list->head.next = &list->head;
    list->count = 0;
}

static inline bool le_node_linked(const struct le_node *node)
{
    return node->next != NULL;
}

static inline void le_list_insert_before(struct le_list *list, struct le_node *at,
                                         struct le_node *node)
{
    assert(!le_node_linked(node));
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
    list->count++;
}

static inline void le_list_push(struct le_list *list, struct le_node *node)
{
    le_list_insert_before(list, &list->head, node);
}

static inline void le_list_push_front(struct le_list *list, struct le_node *node)
{
    le_list_insert_before(list, list->head.next, node);
}

static inline void le_list_remove(struct le_list *list, struct le_node *node)
{
    assert(le_node_linked(node) && list->count > 0);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
    list->count--;
}

static inline struct le_node *le_list_first(const struct le_list *list)
{
    return list->count > 0 ? list->head.next : NULL;
}

static inline struct le_node *le_list_next(const struct le_list *list, const struct le_node *node)
{
    return node->next != &list->head ? node->next : NULL;
}

static inline struct le_node *le_list_pop(struct le_list *list)
{
    struct le_node *node = le_list_first(list);
    if (node != NULL)
        le_list_remove(list, node);
    return node;
}

#define le_container_of(ptr_, type_, member_) \
    ((type_ *)(void *)((char *)(ptr_)-offsetof(type_, member_)))

#endif
