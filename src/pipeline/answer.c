/* Answers and messages: blocks that are used again and again. An answer's bytes are taken anew each
 * time, in just the size that it has: how many messages come at once differs, and small answers
 * must not hold large buffers. Only of large ones some are kept while others as large come: the
 * system gives and takes these page by page, and a fifth of what a message of 64 kB costs was that.
 */
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

static struct le_answer *answer_new(void)
{
    struct le_answer *answer = le_calloc(1, sizeof *answer);
    if (answer != NULL)
        le_buf_init(&answer->bytes, LE_ANSWER_BYTES_MAX);
    return answer;
}

/* One that has kept its block, if there is one. */
static struct le_answer *take_free(struct le_pipeline *pipeline)
{
    struct le_node *node = le_list_pop(&pipeline->free_answers);
    if (node == NULL)
        return NULL;
    struct le_answer *answer = le_container_of(node, struct le_answer, free_node);
    assert(pipeline->spare_bytes >= answer->bytes.cap);
    pipeline->spare_bytes -= answer->bytes.cap;
    return answer;
}

struct le_answer *le_answer_take(struct le_pipeline *pipeline)
{
    struct le_answer *answer = take_free(pipeline);
    if (answer == NULL)
        answer = answer_new();
    if (answer == NULL)
        return NULL;
    assert(answer->refs == 0 && answer->charged == 0 && answer->bytes.len == 0);
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

/* What is held and what is kept stay below the memory limit together. */
static bool worth_keeping(const struct le_pipeline *pipeline, size_t block)
{
    return block >= LE_SPARE_BLOCK_MIN && block / LE_SPARE_TIMES <= pipeline->answer_expected &&
           pipeline->bytes + pipeline->spare_bytes + block <= pipeline->config.memory_limit;
}

/* The warmest first, those with a block before those without. */
static void put_free(struct le_pipeline *pipeline, struct le_answer *answer)
{
    bool keep = worth_keeping(pipeline, answer->bytes.cap);
    if (keep)
        le_buf_clear(&answer->bytes);
    else
        le_buf_free(&answer->bytes);
    pipeline->spare_bytes += answer->bytes.cap;
    if (keep || pipeline->spare_bytes == 0)
        le_list_push_front(&pipeline->free_answers, &answer->free_node);
    else
        le_list_push(&pipeline->free_answers, &answer->free_node);
}

void le_answer_drop(struct le_pipeline *pipeline, struct le_answer *answer)
{
    assert(answer->refs > 0);
    if (--answer->refs > 0)
        return;
    assert(pipeline->bytes >= answer->charged);
    pipeline->bytes -= answer->charged;
    answer->charged = 0;
    le_list_remove(&pipeline->used_answers, &answer->free_node);
    put_free(pipeline, answer);
}

void le_answer_drop_spare(struct le_pipeline *pipeline)
{
    struct le_node *node = le_list_first(&pipeline->free_answers);
    for (; pipeline->spare_bytes > 0; node = le_list_next(&pipeline->free_answers, node)) {
        struct le_answer *answer = le_container_of(node, struct le_answer, free_node);
        assert(pipeline->spare_bytes >= answer->bytes.cap);
        pipeline->spare_bytes -= answer->bytes.cap;
        le_buf_free(&answer->bytes);
    }
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
