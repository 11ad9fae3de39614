/* --print-config: every setting, with what a profile adds to options, variables and file. */
#include "loginetl/app/commands.h"
#include "loginetl/app/settings_aws.h"

#include <stdio.h>

#define NAME_SIZE 64

/* Of whoever said it before, nothing is left. */
static enum le_err replace(struct le_settings *settings, enum le_opt opt, struct le_span text,
                           const char *profile)
{
    struct le_options *options = &settings->options;
    le_options_forget(options, opt);
    options->values[opt].source = LE_OPTION_UNSET;
    return text.len > 0 ? le_options_set(options, opt, text, LE_OPTION_PROFILE, profile, 0) : LE_OK;
}

static bool is_one_line(struct le_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (le_option_is_control(text.ptr[i]))
            return false;
    }
    return true;
}

/* What a start refuses stays away: it may be anything, and says so itself. */
static enum le_err add_place(struct le_settings *settings, const char *profile)
{
    const struct le_place *place = &settings->place;
    struct le_endpoint endpoint;
    enum le_err err = LE_OK;
    if (le_setting(settings, LE_OPT_REGION) == NULL && le_region_valid(place->region))
        err = replace(settings, LE_OPT_REGION, place->region, profile);
    if (err == LE_OK && le_settings_endpoint_ignored(settings))
        err = replace(settings, LE_OPT_ENDPOINT_URL, LE_SPAN_NONE, NULL);
    if (err == LE_OK && le_setting(settings, LE_OPT_ENDPOINT_URL) == NULL &&
        le_endpoint_parse(place->endpoint_url, &endpoint) == LE_OK)
        err = replace(settings, LE_OPT_ENDPOINT_URL, place->endpoint_url, profile);
    if (err == LE_OK && le_setting(settings, LE_OPT_CA_BUNDLE) == NULL &&
        place->ca_bundle.len < LE_CA_FILE_MAX && is_one_line(place->ca_bundle))
        err = replace(settings, LE_OPT_CA_BUNDLE, place->ca_bundle, profile);
    return err;
}

/* Stars instead of them, as they are shown. The environment's are not in force then. */
static enum le_err add_keys(struct le_settings *settings, const char *profile)
{
    const struct le_plan *plan = &settings->plan;
    const struct le_span stars = LE_SPAN_LIT("***");
    if (plan->source != LE_PLAN_KEYS)
        return LE_OK;
    enum le_err err = replace(settings, LE_OPT_ACCESS_KEY_ID, stars, profile);
    if (err == LE_OK)
        err = replace(settings, LE_OPT_SECRET_ACCESS_KEY, stars, profile);
    if (err == LE_OK)
        err = replace(settings, LE_OPT_SESSION_TOKEN,
                      plan->keys.session_token.len > 0 ? stars : LE_SPAN_NONE, profile);
    return err;
}

static void name_profile(struct le_span profile, char out[NAME_SIZE])
{
    if (profile.len == 0)
        profile = LE_SPAN_LIT("default");
    (void)snprintf(out, NAME_SIZE, "%.*s", LE_PROFILE_SHOWN(profile));
    le_profile_clean(out);
}

struct page {
    struct le_buf text;
    enum le_err err;
};

static void add_variable(void *owner, const char *words, bool meant)
{
    struct page *page = owner;
    (void)meant;
    if (page->err == LE_OK)
        page->err = le_buf_printf(&page->text, "# %s\n", words);
}

int le_print_config(struct le_settings *settings)
{
    char profile[NAME_SIZE], profile_of_keys[NAME_SIZE];
    name_profile(le_span_of(le_setting(settings, LE_OPT_PROFILE)), profile);
    name_profile(settings->plan.profile, profile_of_keys);
    struct page page;
    le_buf_init(&page.text, LE_OPTIONS_MAX * (LE_OPTION_VALUE_MAX + 512));
    page.err = add_place(settings, profile);
    if (page.err == LE_OK)
        page.err = add_keys(settings, profile_of_keys);
    if (page.err == LE_OK)
        page.err = le_options_print(&settings->options, &page.text);
    le_settings_unknown_variables(settings, add_variable, &page);
    return le_print_text(page.err, &page.text);
}
