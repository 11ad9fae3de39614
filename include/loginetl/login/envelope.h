/* What stands around a login that SNS or EventBridge has passed on to the queue, and what it is
 * known by. */
#ifndef LE_LOGIN_ENVELOPE_H
#define LE_LOGIN_ENVELOPE_H

#include "loginetl/base/json.h"
#include "loginetl/login/reject.h"

/* In the order of the option's words. */
enum le_envelope {
    LE_ENVELOPE_AUTO, /* the body tells: a login, in a notification, an event, or one in the other
                       */
    LE_ENVELOPE_NONE, /* every body is a login */
    LE_ENVELOPE_SNS,  /* every body is a notification, and what is in it a login … */
    LE_ENVELOPE_EVENTBRIDGE /* … or an event */
};

/* Each kind has three members that it always has. The first is the one that other bodies are least
 * likely to have; the last holds what was passed on: Message as a JSON text in a string, detail as
 * an object.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
#define LE_ENVELOPE_MEMBERS 3
enum le_envelope_key {
    LE_SNS_TOPIC_ARN,
    LE_SNS_TYPE,
    LE_SNS_MESSAGE,
    LE_EVENT_DETAIL_TYPE,
    LE_EVENT_SOURCE,
    LE_EVENT_DETAIL,
    LE_ENVELOPE_KEYS
};

extern const struct le_span le_envelope_keys[LE_ENVELOPE_KEYS];

/* How many envelopes, one in the other, are taken off at most. */
unsigned le_envelope_depth(enum le_envelope how);
/* Is this member as its kind of envelope has it? MISSING: absent (ptr NULL) or null. WRONG_TYPE:
 * another kind of value, or a Type other than Notification. */
enum le_reject_reason le_envelope_check(enum le_envelope_key key,
                                        const struct le_json_value *value);

#endif
