/* The shared files together: what a profile says. Where both files have a key, the credentials file
 * wins. */
#ifndef LE_PROFILE_PROFILES_H
#define LE_PROFILE_PROFILES_H

#include "loginetl/base/buf.h"
#include "loginetl/profile/environment.h"
#include "loginetl/profile/file.h"

enum le_profile_place { LE_PROFILE_CONFIG, LE_PROFILE_CREDENTIALS, LE_PROFILE_PLACES };

struct le_profiles {
    struct le_profile_file files[LE_PROFILE_PLACES]; /* one that is missing is empty */
};

void le_profiles_free(struct le_profiles *profiles);
/* Wipes all secret keys and session tokens, of every profile, once the chosen one's are copied:
 * their spans are as long as before and hold nothing. */
void le_profiles_forget_keys(struct le_profiles *profiles);

/* The variable that names the file. */
const char *le_profile_variable(enum le_profile_place place);
/* Appends the file's path: the variable's, else ~/.aws/config or ~/.aws/credentials; $NAME, ${NAME}
 * and a leading ~ replaced. Without HOME a ~ stays, and names nothing. LE_ERR_TOO_LARGE,
 * LE_ERR_NOMEM. */
LE_MUST enum le_err le_profile_path(const struct le_environment *environment,
                                    enum le_profile_place place, struct le_buf *out);
/* The same for any path: a token's file, a cache. */
LE_MUST enum le_err le_profile_expand(const struct le_environment *environment, struct le_span path,
                                      struct le_buf *out);

bool le_profile_exists(const struct le_profiles *profiles, struct le_span profile);
/* Absent: the profile has no such key, or is not there. An empty value is not absent. */
struct le_span le_profile_get(const struct le_profiles *profiles, struct le_span profile,
                              const char *key);
/* The same in one of the files only. */
struct le_span le_profile_get_in(const struct le_profiles *profiles, enum le_profile_place place,
                                 struct le_span profile, const char *key);
/* A section of the config file that is no profile, kind "sso-session" or "services"; NULL: none. */
const struct le_profile_section *le_profile_other(const struct le_profiles *profiles,
                                                  const char *kind, struct le_span name);

#endif
