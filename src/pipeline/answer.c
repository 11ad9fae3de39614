/* Answers and messages: blocks that are used again and again. An answer's bytes are taken anew each
 * time, in just the size that it has: how many messages come at once differs, and small answers
 * must not hold large buffers. */
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

struct le_answer *le_answer_take(struct le_pipeline *pipeline)
{
    struct le_node *node = le_list_pop(&pipeline->free_answers);
    struct le_answer *answer = node != NULL ? le_container_of(node, struct le_answer, free_node)
                                            : le_calloc(1, sizeof *answer);
    if (answer == NULL)
        return NULL;
    assert(answer->refs == 0 && answer->charged == 0);
    le_buf_init(&answer->bytes, LE_ANSWER_BYTES_MAX);
    answer->found = pipeline->found;
    answer->found_count = 0;
    answer->refs = 1;
    le_list_push(&pipeline->used_answers, &answer->free_node);
    return answer;
}

void le_answer_charge(struct le_pipeline *pipeline, struct le_answer *answer, size_t more)
{
    answer->charged += more;
    pipeline->bytes += more;
}

void le_answer_drop(struct le_pipeline *pipeline, struct le_answer *answer)
{
    assert(answer->refs > 0);
    if (--answer->refs > 0)
        return;
    assert(pipeline->bytes >= answer->charged);
    pipeline->bytes -= answer->charged;
    answer->charged = 0;
    le_buf_free(&answer->bytes);
    le_list_remove(&pipeline->used_answers, &answer->free_node);
    le_list_push_front(&pipeline->free_answers, &answer->free_node); /* the warmest first */
}

static struct le_message *message_new(const struct le_pipeline *pipeline)
{
    struct le_message *message = le_calloc(1, pipeline->message_size);
    if (message == NULL)
        return NULL;
    message->cells = (struct le_cell *)(void *)(message + 1);
    message->masks = (char *)(message->cells + pipeline->config.field_count);
    return message;
}

struct le_message *le_message_take(struct le_pipeline *pipeline)
{
    struct le_node *node = le_list_pop(&pipeline->free_messages);
    if (node == NULL)
        return message_new(pipeline);
    return le_container_of(node, struct le_message, queue_node);
}

/* After a burst the blocks beyond what a full load needs go back to the system. */
void le_message_give_back(struct le_pipeline *pipeline, struct le_message *message)
{
    assert(message->state == LE_MESSAGE_FREE && message->answer == NULL);
    if (pipeline->free_messages.count >= pipeline->config.batch_rows)
        le_free(message);
    else
        le_list_push_front(&pipeline->free_messages, &message->queue_node);
}

static void free_answers(struct le_list *list)
{
    struct le_node *node;
    while ((node = le_list_pop(list)) != NULL) {
        struct le_answer *answer = le_container_of(node, struct le_answer, free_node);
        le_buf_free(&answer->bytes);
        le_free(answer);
    }
}

void le_memory_free(struct le_pipeline *pipeline)
{
    struct le_node *node;
    free_answers(&pipeline->free_answers);
    free_answers(&pipeline->used_answers); /* only after a deadline: what was let go */
    while ((node = le_list_pop(&pipeline->free_messages)) != NULL)
        le_free(le_container_of(node, struct le_message, queue_node));
    while ((node = le_list_pop(&pipeline->held)) != NULL) {
        struct le_message *message = le_container_of(node, struct le_message, held_node);
        le_free(message->scratch);
        le_free(message);
    }
}
