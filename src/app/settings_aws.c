/* Where requests go, for which region, and who signs them: options, environment and the files that
 * the AWS SDKs share. */
#include "loginetl/app/settings_aws.h"

#include "loginetl/app/files.h"
#include "loginetl/app/settings_queue.h"
#include "loginetl/app/settings_sso.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096

/* ---- the files ---- */

/* Without HOME the user's entry says where home is. */
static const char *environment_get(void *self, const char *name)
{
    (void)self;
    const char *value = getenv(name);
    if (value != NULL || strcmp(name, "HOME") != 0)
        return value;
    const struct passwd *entry = getpwuid(getuid());
    return entry != NULL ? entry->pw_dir : NULL;
}

static const struct le_environment environment = {environment_get, NULL};

static enum le_err refuse_file(struct le_settings *settings, enum le_profile_place place,
                               const char *path, unsigned line, const char *words)
{
    const char *variable = le_profile_variable(place);
    bool named = le_variable(&environment, variable).len > 0;
    char where[40] = "";
    if (line > 0)
        (void)snprintf(where, sizeof where, " line %u", line);
    return le_options_fail(&settings->options, "%s%s%.200s%s %s", named ? variable : "",
                           named ? ": " : "", path, where, words);
}

static enum le_err read_text(struct le_settings *settings, enum le_profile_place place,
                             const char *path, struct le_buf *text)
{
    const char *reason = "cannot be read";
    unsigned line = 0;
    enum le_err err = le_file_read(path, text, &reason);
    if (err == LE_ERR_TOO_LARGE)
        reason = "is larger than is read";
    if (err == LE_OK)
        err = le_profile_file_read(&settings->profiles.files[place], le_buf_span(text), &line,
                                   &reason);
    return err == LE_OK || err == LE_ERR_NOMEM ? err
                                               : refuse_file(settings, place, path, line, reason);
}

/* What is no file, or none that can be seen, is as good as missing; one that is there and cannot be
 * read is somebody's mistake. */
static enum le_err read_file(struct le_settings *settings, enum le_profile_place place,
                             const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return LE_OK;
    struct le_buf text;
    le_buf_init(&text, LE_PROFILE_FILE_MAX);
    /* All of it at once: a buffer that grows leaves copies behind. */
    enum le_err err = le_buf_reserve(&text, LE_PROFILE_FILE_MAX);
    if (err == LE_OK)
        err = read_text(settings, place, path, &text);
    le_buf_free_secret(&text);
    return err;
}

static enum le_err read_files(struct le_settings *settings)
{
    enum le_err err = LE_OK;
    struct le_buf path;
    le_buf_init(&path, PATH_LEN_MAX);
    for (int i = 0; i < LE_PROFILE_PLACES && err == LE_OK; i++) {
        enum le_profile_place place = (enum le_profile_place)i;
        le_buf_clear(&path);
        err = le_profile_path(&environment, place, &path);
        if (err == LE_OK)
            err = le_buf_append(&path, "", 1);
        if (err == LE_ERR_TOO_LARGE)
            err = le_options_fail(&settings->options, "%s: longer than any path",
                                  le_profile_variable(place));
        if (err == LE_OK)
            err = read_file(settings, place, path.data);
    }
    le_buf_free(&path);
    return err;
}

/* ---- where to ---- */

/* What is said to loginetl itself is not ignored. */
bool le_settings_endpoint_ignored(const struct le_settings *settings)
{
    return settings->place.ignores_configured &&
           settings->options.values[LE_OPT_ENDPOINT_URL].source == LE_OPTION_ENVIRONMENT;
}

static struct le_span endpoint_given(const struct le_settings *settings)
{
    const char *given = le_setting(settings, LE_OPT_ENDPOINT_URL);
    const struct le_place *place = &settings->place;
    if (given != NULL && !le_settings_endpoint_ignored(settings))
        return le_span_of(given);
    return place->endpoint_url.len > 0 ? place->endpoint_url : LE_SPAN_NONE;
}

static enum le_err check_place(struct le_settings *settings, const struct le_place *place)
{
    struct le_endpoint endpoint;
    if (place->endpoint_url.len > 0 && le_endpoint_parse(place->endpoint_url, &endpoint) != LE_OK)
        return le_options_fail(&settings->options, "the profile's endpoint_url %s",
                               le_endpoint_fault(place->endpoint_url,
                                                 "is not an http:// or https:// URL with a host"));
    if (place->region.len > 0 && !le_region_valid(place->region))
        return le_options_fail(&settings->options, "the profile's region is not a region's name");
    return LE_OK;
}

/* Where made-up credentials will not do. */
static bool is_aws(const struct le_settings *settings)
{
    return le_setting_rds_iam(settings) || settings->endpoint_source == LE_ENDPOINT_BY_REGION ||
           le_endpoint_is_aws(le_span_of(settings->endpoint));
}

static enum le_err take_endpoint(struct le_settings *settings, struct le_span given,
                                 struct le_endpoint_kind kind)
{
    struct le_span queue_url = le_span_of(le_setting(settings, LE_OPT_QUEUE_URL));
    struct le_buf endpoint;
    le_buf_init(&endpoint, sizeof settings->endpoint - 1);
    enum le_err err =
        le_endpoint_choose(&endpoint, given, queue_url, le_span_of(settings->region), kind);
    if (err == LE_OK) {
        memcpy(settings->endpoint, endpoint.data, endpoint.len);
        settings->endpoint_source = given.ptr != NULL       ? LE_ENDPOINT_BY_URL
                                    : queue_url.ptr != NULL ? LE_ENDPOINT_BY_QUEUE_URL
                                                            : LE_ENDPOINT_BY_REGION;
        settings->aws = is_aws(settings);
    }
    le_buf_free(&endpoint);
    if (err == LE_ERR_CONFIG || err == LE_ERR_TOO_LARGE)
        return le_options_fail(&settings->options, "--endpoint-url: not a URL that can be used");
    return err;
}

static enum le_err find_endpoint(struct le_settings *settings, const struct le_place *place)
{
    struct le_span given = endpoint_given(settings);
    struct le_span queue_url = le_span_of(le_setting(settings, LE_OPT_QUEUE_URL));
    struct le_span region = le_span_of(le_setting(settings, LE_OPT_REGION));
    struct le_sqs_arn arn;
    char said[LE_REGION_MAX];
    settings->region_by_profile = region.len == 0 && place->region.len > 0;
    if (region.len == 0)
        region = place->region;
    if (region.len == 0 && le_settings_queue_arn(settings, &arn))
        region = arn.region;
    settings->region_made_up =
        region.len == 0 && !le_region_of_url(queue_url, said) && !le_region_of_url(given, said);
    enum le_err err = le_region_choose(region, queue_url, given.ptr != NULL ? given : queue_url,
                                       settings->region);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options,
                               "no region: give --region or AWS_REGION (or --endpoint-url for a "
                               "queue that is not AWS's)");
    if (err != LE_OK)
        return err;
    return take_endpoint(settings, given, (struct le_endpoint_kind){place->fips, place->dualstack});
}

/* The variable is stronger than the profile. */
static enum le_err take_ca_file(struct le_settings *settings, const struct le_place *place)
{
    const char *given = le_setting(settings, LE_OPT_CA_BUNDLE);
    struct le_span file = given != NULL ? le_span_of(given) : place->ca_bundle;
    if (file.len >= sizeof settings->ca_file)
        return le_options_fail(&settings->options, "%s is longer than %d bytes",
                               given != NULL ? "AWS_CA_BUNDLE" : "the profile's ca_bundle",
                               LE_CA_FILE_MAX - 1);
    if (file.len > 0)
        memcpy(settings->ca_file, file.ptr, file.len);
    return LE_OK;
}

/* ---- an instance ---- */

static enum le_err find_instance(struct le_settings *settings, const struct le_plan_input *input)
{
    struct le_instance_place *place = &settings->instance;
    struct le_profile_fault fault;
    struct le_endpoint endpoint;
    bool asked = settings->plan.source == LE_PLAN_INSTANCE;
    enum le_err err = le_place_instance(input, asked, place, &fault);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options, "%s", fault.text);
    if (err == LE_OK && le_endpoint_parse(place->url, &endpoint) != LE_OK)
        return le_options_fail(
            &settings->options, "%s %s", place->setting,
            le_endpoint_fault(place->url, "is not an http:// or https:// URL with a host"));
    return err;
}

/* ---- STS ---- */

static bool asks_sts(const struct le_plan *plan)
{
    return plan->role_count > 0 || plan->source == LE_PLAN_WEB_IDENTITY;
}

static enum le_err write_sts(struct le_settings *settings, const struct le_place *place,
                             struct le_span given, struct le_buf *out, struct le_span *signed_for)
{
    struct le_endpoint endpoint;
    *signed_for = le_span_of(settings->region);
    if (given.ptr == NULL)
        return le_endpoint_sts(out, *signed_for,
                               (struct le_endpoint_kind){place->fips, place->dualstack},
                               place->sts_legacy, signed_for);
    enum le_err err = le_endpoint_parse(given, &endpoint);
    return err == LE_OK ? le_buf_append_span(out, given) : err;
}

/* An emulator's is not guessed from the queue's: keys and tokens go nowhere but where the SDKs
 * would send them. */
static enum le_err find_sts(struct le_settings *settings, const struct le_plan_input *input,
                            const struct le_place *place)
{
    struct le_span given, signed_for;
    struct le_profile_fault fault;
    if (!asks_sts(&settings->plan))
        return LE_OK;
    enum le_err err =
        le_place_endpoint(input, place, "sts", "AWS_ENDPOINT_URL_STS", &given, &fault);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options, "%s", fault.text);
    struct le_buf out;
    le_buf_init(&out, sizeof settings->sts_endpoint - 1);
    if (err == LE_OK)
        err = write_sts(settings, place, given, &out, &signed_for);
    if (err == LE_OK) {
        memcpy(settings->sts_endpoint, out.data, out.len);
        memcpy(settings->sts_region, signed_for.ptr, signed_for.len);
    }
    le_buf_free(&out);
    if (err == LE_ERR_CONFIG || err == LE_ERR_TOO_LARGE)
        return le_options_fail(&settings->options,
                               "AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or the profile's "
                               "endpoint_url %s",
                               le_endpoint_fault(given, "is not a URL that can be used for STS"));
    return err;
}

/* ---- who ---- */

enum le_err le_settings_source(const struct le_settings *settings,
                               struct le_credential_source **out, struct le_setting_fault *fault)
{
    *out = NULL;
    if (settings->plan.source == LE_PLAN_ENVIRONMENT)
        return le_credentials_environment(&environment, out, fault);
    if (settings->plan.source == LE_PLAN_KEYS)
        return le_credentials_profile(&settings->plan, out, fault);
    return LE_OK;
}

/* Whoever names such a profile means its credentials, an emulator's user too. */
static enum le_err refuse_login(struct le_settings *settings)
{
    struct le_span profile = settings->plan.profile;
    struct le_profile_fault fault;
    enum le_err err = le_profile_fail(
        &fault,
        "profile %.*s has login_session, which only the AWS CLI can read: give --profile another "
        "one, with credential_process = aws configure export-credentials --profile %.*s",
        LE_PROFILE_SHOWN(profile), LE_PROFILE_SHOWN(profile));
    assert(err == LE_ERR_CONFIG);
    (void)err;
    return le_options_fail(&settings->options, "%s", fault.text);
}

/* What a role is taken on with is opened by whoever takes it on. */
static enum le_err open_source(struct le_settings *settings)
{
    struct le_setting_fault fault;
    if (settings->plan.source == LE_PLAN_LOGIN)
        return refuse_login(settings);
    if (settings->plan.role_count > 0)
        return LE_OK;
    enum le_err err = le_settings_source(settings, &settings->credential_source, &fault);
    return err == LE_ERR_CONFIG
               ? le_options_fail(&settings->options, "%s %s", fault.setting, fault.words)
               : err;
}

static enum le_err find_credentials(struct le_settings *settings)
{
    enum le_err err = open_source(settings);
    if (err != LE_OK)
        return err;
    settings->credentials = (struct le_credentials){.access_key_id = LE_SPAN_LIT("test"),
                                                    .secret_access_key = LE_SPAN_LIT("test")};
    if (settings->credential_source == NULL)
        return LE_OK;
    int64_t expires_at_ms;
    return settings->credential_source->get(settings->credential_source, &settings->credentials,
                                            &expires_at_ms);
}

/* The place before the plan, so that it is known when there is something wrong with that. */
static enum le_err read_profile(struct le_settings *settings, const struct le_plan_input *input)
{
    bool endpoint = le_setting(settings, LE_OPT_ENDPOINT_URL) != NULL;
    struct le_profile_fault fault;
    enum le_err err = read_files(settings);
    if (err != LE_OK)
        return err;
    if (input->profile.len > 0 && !le_profile_exists(&settings->profiles, input->profile))
        return le_options_refuse(&settings->options, LE_OPT_PROFILE,
                                 "is in neither of the AWS configuration files");
    err = le_place_find(input, endpoint, &settings->place, &fault);
    if (err == LE_OK)
        err = le_plan_make(input, &settings->plan, &fault);
    return err == LE_ERR_CONFIG ? le_options_fail(&settings->options, "%s", fault.text) : err;
}

enum le_err le_settings_aws(struct le_settings *settings)
{
    const struct le_option_value *profile = &settings->options.values[LE_OPT_PROFILE];
    const struct le_plan_input input = {&environment, &settings->profiles,
                                        le_span_of(profile->text),
                                        profile->source == LE_OPTION_ARGUMENT};
    const struct le_place *place = &settings->place;
    enum le_err err = read_profile(settings, &input);
    if (err == LE_OK)
        err = check_place(settings, place);
    if (err == LE_OK)
        err = find_endpoint(settings, place);
    if (err == LE_OK)
        err = take_ca_file(settings, place);
    if (err == LE_OK)
        err = find_instance(settings, &input);
    if (err == LE_OK)
        err = le_settings_sso(settings, &input, place);
    if (err == LE_OK)
        err = find_sts(settings, &input, place);
    if (err == LE_OK)
        err = find_credentials(settings);
    return err;
}
