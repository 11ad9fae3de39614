/* Which queue the settings name, by its name, its ARN or its URL, and what is odd about it. */
#ifndef LE_APP_SETTINGS_QUEUE_H
#define LE_APP_SETTINGS_QUEUE_H

#include "loginetl/app/settings.h"

#define LE_DEAD_LETTERS_COME_BACK \
    "names the queue itself: rejected messages would come back for ever; name another queue"

/* Are name, ARN and URLs such as a service gives out, and is a --dlq-url that will be used another
 * queue of the same kind? After on_reject is set. LE_ERR_CONFIG with options.error set. */
LE_MUST enum le_err le_settings_check_queue(struct le_settings *settings);
/* The queue's name, out of its URL or its ARN when it was given as one. Lent by the settings. */
struct le_span le_settings_queue_name(const struct le_settings *settings);
/* The account that its URL or its ARN names; absent: none. Lent as well. */
struct le_span le_settings_queue_account(const struct le_settings *settings);
/* The ARN that --queue is, if it is one and no URL stands before it. */
bool le_settings_queue_arn(const struct le_settings *settings, struct le_sqs_arn *out);
/* What may be meant so, and is more likely a mistake: settings that name different regions, AWS
 * over http://. The words are only lent. After le_settings_aws. */
void le_settings_doubts(const struct le_settings *settings,
                        void (*tell)(void *owner, const char *words), void *owner);

#endif
