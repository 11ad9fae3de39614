#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"
#include "loginetl/pipeline/internal.h"

#include <assert.h>

const char *le_message_state_word(enum le_message_state state)
{
    static const char *const words[] = {
#define X(name, word) word,
        LE_MESSAGE_STATES(X)
#undef X
    };
    assert(state < LE_MESSAGE_STATE_COUNT);
    return words[state];
}

void le_message_set_state(struct le_pipeline *pipeline, struct le_message *message,
                          enum le_message_state state)
{
    assert(message->state != state);
    le_log(LE_LOG_DEBUG, "message", LE_FSPAN("message_id", message->message_id),
           LE_FS("from", le_message_state_word(message->state)),
           LE_FS("to", le_message_state_word(state)));
    if (message->state != LE_MESSAGE_FREE) {
        assert(pipeline->state_count[message->state] > 0);
        pipeline->state_count[message->state]--;
    }
    message->state = state;
    if (state != LE_MESSAGE_FREE)
        pipeline->state_count[state]++;
}

void le_books_balance(struct le_pipeline *pipeline)
{
    struct le_books *books = &pipeline->books;
    if (pipeline->closed)
        return; /* what was still in flight has been let go */
    books->in_flight = pipeline->state_count[LE_MESSAGE_WAITING] +
                       pipeline->state_count[LE_MESSAGE_SUBMITTED] +
                       pipeline->state_count[LE_MESSAGE_RELEASING];
    assert(books->received == books->inserted + books->duplicate + books->rejected +
                                  books->released + books->in_flight);
}

static void forget(struct le_pipeline *pipeline, struct le_message *message)
{
    struct le_answer *answer = message->answer, *holder = message->holder;
    le_free(message->scratch);
    message->scratch = NULL;
    message->answer = message->holder = NULL;
    le_list_remove(&pipeline->held, &message->held_node);
    le_message_give_back(pipeline, message);
    if (holder != answer)
        le_answer_drop(pipeline, holder);
    le_answer_drop(pipeline, answer);
}

void le_message_end(struct le_pipeline *pipeline, struct le_message *message)
{
    assert(!le_node_linked(&message->queue_node));
    if (message->state != LE_MESSAGE_FREE) {
        le_message_set_state(pipeline, message, LE_MESSAGE_FREE);
        le_ids_remove(pipeline, message);
    }
    if (le_node_linked(&message->lease_node))
        le_list_remove(&pipeline->leases, &message->lease_node);
    message->ended = true;
    if (!message->extending && !message->unsettled)
        forget(pipeline, message);
}
