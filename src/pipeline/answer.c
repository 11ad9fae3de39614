/* Answers: up to ten messages and the buffer they point into, in one block that is used again and
 * again. */
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

static struct le_answer *answer_new(const struct le_pipeline *pipeline)
{
    struct le_answer *answer = le_calloc(1, pipeline->block_size);
    if (answer == NULL)
        return NULL;
    size_t field_count = pipeline->config.field_count;
    struct le_cell *cells = (struct le_cell *)(void *)(answer + 1);
    char *masks = (char *)(cells + field_count * LE_SQS_BATCH_MAX);
    size_t mask_space = le_decoder_mask_space(pipeline->config.decoder);
    for (size_t i = 0; i < LE_SQS_BATCH_MAX; i++) {
        answer->messages[i].cells = cells + i * field_count;
        answer->messages[i].masks = masks + i * mask_space;
    }
    le_buf_init(&answer->bytes, LE_ANSWER_BYTES_MAX);
    return answer;
}

struct le_answer *le_answer_take(struct le_pipeline *pipeline)
{
    struct le_node *node = le_list_pop(&pipeline->free_answers);
    struct le_answer *answer =
        node != NULL ? le_container_of(node, struct le_answer, free_node) : answer_new(pipeline);
    if (answer == NULL)
        return NULL;
    assert(answer->refs == 0 && answer->charged == 0 && answer->bytes.len == 0);
    answer->refs = 1;
    answer->found_count = 0;
    le_list_push(&pipeline->used_answers, &answer->free_node);
    return answer;
}

void le_answer_charge(struct le_pipeline *pipeline, struct le_answer *answer, size_t more)
{
    answer->charged += more;
    pipeline->bytes += more;
}

static void answer_free(struct le_answer *answer)
{
    le_buf_free(&answer->bytes);
    le_free(answer);
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
    /* A few stay ready; after a burst the rest goes back to the system. */
    if (pipeline->free_answers.count >= pipeline->config.concurrency + 8) {
        answer_free(answer);
        return;
    }
    le_buf_shrink(&answer->bytes, LE_ANSWER_BYTES_KEPT);
    le_list_push_front(&pipeline->free_answers, &answer->free_node); /* the warmest first */
}

static void free_list(struct le_list *list)
{
    struct le_node *node;
    while ((node = le_list_pop(list)) != NULL) {
        struct le_answer *answer = le_container_of(node, struct le_answer, free_node);
        for (size_t i = 0; i < LE_SQS_BATCH_MAX; i++)
            le_free(answer->messages[i].scratch);
        answer_free(answer);
    }
}

void le_answers_free(struct le_pipeline *pipeline)
{
    free_list(&pipeline->free_answers);
    free_list(&pipeline->used_answers); /* only after a deadline: what was let go */
}
