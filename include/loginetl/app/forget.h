/* A secret that has been passed on is wiped where it came from: what is left in memory is in as few
 * places as the work needs. */
#ifndef LE_APP_FORGET_H
#define LE_APP_FORGET_H

#include "loginetl/app/settings.h"

/* After le_settings_complete: secrets in the environment and in the profiles, and options that only
 * pass such a variable on. Left alone: what the plan's source of credentials still reads (the
 * environment of a credential_process, the keys that a role is taken on with, the token for a
 * container's service), and PGPASSWORD, for libpq reads it for every connection: there is one copy
 * then. LE_ERR_NOMEM: that could not be made. */
LE_MUST enum le_err le_forget_sources(struct le_settings *settings);
/* After le_identity_open, whose sources have copies of their own: what was left for them. A
 * credential_process is given its environment each time. */
void le_forget_opened(struct le_settings *settings);

#endif
