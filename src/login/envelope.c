#include "loginetl/login/envelope.h"

#include <assert.h>

const struct le_span le_envelope_keys[LE_ENVELOPE_KEYS] = {
    [LE_SNS_TOPIC_ARN] = {"TopicArn", 8},
    [LE_SNS_TYPE] = {"Type", 4},
    [LE_SNS_MESSAGE] = {"Message", 7},
    [LE_EVENT_SOURCE] = {"source", 6},
    [LE_EVENT_DETAIL_TYPE] = {"detail-type", 11},
    [LE_EVENT_DETAIL] = {"detail", 6},
};

unsigned le_envelope_depth(enum le_envelope how)
{
    switch (how) {
    case LE_ENVELOPE_AUTO: return 2; /* a rule's target is a topic, which the queue subscribes to */
    case LE_ENVELOPE_NONE: return 0;
    case LE_ENVELOPE_SNS:
    case LE_ENVELOPE_EVENTBRIDGE: return 1;
    }
    assert(!"an envelope of no kind");
    return 0;
}

enum le_reject_reason le_envelope_check(enum le_envelope_key key, const struct le_json_value *value)
{
    assert(key < LE_ENVELOPE_KEYS && value != NULL);
    enum le_json_kind kind = key == LE_EVENT_DETAIL ? LE_JSON_OBJECT : LE_JSON_STRING;
    if (value->ptr == NULL || value->kind == LE_JSON_NULL)
        return LE_REJECT_MISSING;
    if (value->kind != kind)
        return LE_REJECT_WRONG_TYPE;
    /* SNS sends other kinds of messages too, about the subscription itself. */
    if (key == LE_SNS_TYPE && !le_span_is((struct le_span){value->ptr, value->len}, "Notification"))
        return LE_REJECT_WRONG_TYPE;
    return LE_REJECT_NONE;
}
