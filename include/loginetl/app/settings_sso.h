/* The part of the settings that only SSO needs. */
#ifndef LE_APP_SETTINGS_SSO_H
#define LE_APP_SETTINGS_SSO_H

#include "loginetl/app/settings.h"

/* Where the plan's SSO, if it has any, is asked, and where its token is kept. LE_ERR_CONFIG with
 * options.error set; LE_ERR_NOMEM. */
LE_MUST enum le_err le_settings_sso(struct le_settings *settings, const struct le_plan_input *input,
                                    const struct le_place *place);

#endif
