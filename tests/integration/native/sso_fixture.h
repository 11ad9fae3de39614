/* An SSO login whose token can be renewed: its file, the services that are asked, and another
 * process that uses the same login. */
#ifndef LE_TESTS_SSO_FIXTURE_H
#define LE_TESTS_SSO_FIXTURE_H

#include "loginetl/aws/sso.h"

#include "source_fixture.h"

#define SSO_NOW_MS (SOURCE_EXPIRES_MS - 3600000) /* 11:36:00 */
#define SSO_GONE   "2015-08-30T11:35:59Z"
#define SSO_NEAR   "2015-08-30T11:50:59Z" /* a second less than a quarter of an hour */
#define SSO_FAR    "2015-08-30T11:51:00Z"
#define SSO_CLIENT(registration)                                   \
    "\"clientId\":\"client-id\",\"clientSecret\":\"client-psst\"," \
    "\"registrationExpiresAt\":\"" registration "\""
#define SSO_REGISTERED SSO_CLIENT("2015-11-28T12:36:00Z")
#define SSO_CACHE(until, more) \
    "{\"startUrl\":\"u\",\"accessToken\":\"old-psst\",\"expiresAt\":\"" until "\"," more "}"
#define SSO_RENEWABLE(until) \
    SSO_CACHE(until, SSO_REGISTERED ",\"refreshToken\":\"refresh-psst\",\"x\":[1]")
#define SSO_TOKEN_ANSWER                                                               \
    "{\"accessToken\":\"new-psst\",\"expiresIn\":3600,\"refreshToken\":\"next-psst\"," \
    "\"tokenType\":\"Bearer\"}"
#define SSO_WRITTEN                                                                    \
    "{\"startUrl\": \"u\", \"region\": \"eu-west-1\", \"accessToken\": \"new-psst\", " \
    "\"expiresAt\": \"2015-08-30T12:36:00Z\", \"refreshToken\": \"next-psst\", "       \
    "\"clientId\":\"client-id\", \"clientSecret\":\"client-psst\", "                   \
    "\"registrationExpiresAt\":\"2015-11-28T12:36:00Z\", \"x\":[1]}"
#define SSO_ANSWER                                                                   \
    "{\"roleCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"secret\"," \
    "\"sessionToken\":\"token\",\"expiration\":1440938160000}}"
#define SSO_LOGIN "run aws sso login --profile work (or --sso-session corp)"

/* The token service renews it, and the portal gives credentials. */
#define SSO_RENEWING_COUNT 2
extern const struct script_answer sso_renewing[SSO_RENEWING_COUNT];
#define SSO_PORTAL_ONLY (&sso_renewing[1])

/* One: cleared before each test. */
struct sso_world {
    char folder[32]; /* which holds nothing but the cache */
    char cache[512];
    int64_t clock_ms; /* at first SSO_NOW_MS */
    /* What another process makes of the file ("": it removes it) when the time is asked for next
     * after the service has been asked, and so often more. */
    const char *other_text;
    struct script *other_when;
    unsigned other_later;
    char lines[8192]; /* of the log */
    size_t lines_len;
};
extern struct sso_world sso;

/* Of all tests of a program, and of each. */
int sso_setup(void **state);
int sso_teardown(void **state);
int sso_setup_one(void **state);
int sso_teardown_one(void **state);

void sso_write_cache(const char *text);
/* oidc: NULL for a profile without a session. */
enum le_err sso_make_at(struct source_fixture *fixture, const char *oidc, struct le_span session);
enum le_err sso_make(struct source_fixture *fixture);
/* Writes the file, scripts the services and makes the source. */
void sso_begin(struct source_fixture *fixture, const char *text,
               const struct script_answer *answers, size_t count);

void sso_check_file(const char *wanted);
/* Nothing but the cache is left of writing it. */
void sso_check_folder(void);
/* That the request was the portal's, with this token. */
void sso_check_portal(struct source_fixture *fixture, size_t number, const char *token);
/* Neither in the words of the failure nor in the log. */
void sso_check_no_secret(const struct source_fixture *fixture);

#endif
