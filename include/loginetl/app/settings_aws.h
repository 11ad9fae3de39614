/* The part of the settings that the AWS SDKs have in common. */
#ifndef LE_APP_SETTINGS_AWS_H
#define LE_APP_SETTINGS_AWS_H

#include "loginetl/app/settings.h"

/* Region, endpoint and credentials, from the options, the environment and the SDKs' shared files.
 * LE_ERR_CONFIG with options.error set; LE_ERR_NOMEM; LE_ERR_CRYPTO. */
LE_MUST enum le_err le_settings_aws(struct le_settings *settings);
/* An endpoint is set in the environment, which says itself that such are not to be used. */
bool le_settings_endpoint_ignored(const struct le_settings *settings);
/* The plan's keys, of the environment or of a profile, as a source that is the caller's; NULL: the
 * plan names none. LE_ERR_CONFIG with *fault; LE_ERR_NOMEM. */
LE_MUST enum le_err le_settings_source(const struct le_settings *settings,
                                       struct le_credential_source **out,
                                       struct le_setting_fault *fault);

#endif
