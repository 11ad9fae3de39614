#include "loginetl/app/forget.h"

#include "loginetl/app/identity.h"
#include "loginetl/base/mem.h"

#include <stdlib.h>

static void forget_variable(const char *name)
{
    char *value = getenv(name);
    if (value == NULL)
        return;
    le_wipe(value, strlen(value));
    (void)unsetenv(name); /* it fails only for what is no name */
}

static bool is_of_aws(const struct le_option *option)
{
    return strncmp(option->environment[0], "AWS_", 4) == 0;
}

static void forget_option(struct le_settings *settings, enum le_opt opt, bool aws)
{
    const struct le_option *option = &settings->options.table[opt];
    if (!option->secret || option->environment[0] == NULL || (is_of_aws(option) && !aws))
        return;
    for (size_t i = 0; i < LE_OPTION_VARIABLES_MAX && option->environment[i] != NULL; i++)
        forget_variable(option->environment[i]);
    if (option->place == LE_OPTION_ENVIRONMENT_ONLY)
        le_options_forget(&settings->options, opt);
}

/* libpq looks for the password itself. */
static enum le_err pass_password_on(struct le_settings *settings)
{
    const char *password = le_setting(settings, LE_OPT_PGPASSWORD);
    if (password == NULL)
        return LE_OK;
    forget_variable("PGPASSWORD");
    bool set = setenv("PGPASSWORD", password, 1) == 0;
    le_options_forget(&settings->options, LE_OPT_PGPASSWORD);
    return set ? LE_OK : LE_ERR_NOMEM;
}

static void forget_options(struct le_settings *settings, bool aws)
{
    for (size_t i = 0; i < settings->options.count; i++) {
        if (i != LE_OPT_PGPASSWORD)
            forget_option(settings, (enum le_opt)i, aws);
    }
}

enum le_err le_forget_sources(struct le_settings *settings)
{
    const struct le_plan *plan = &settings->plan;
    const bool roles = plan->role_count > 0;
    if (!roles)
        le_profiles_forget_keys(&settings->profiles);
    forget_options(settings, !roles && plan->source != LE_PLAN_PROCESS);
    return pass_password_on(settings);
}

void le_forget_opened(struct le_settings *settings)
{
    le_profiles_forget_keys(&settings->profiles);
    if (settings->plan.source == LE_PLAN_PROCESS)
        return;
    forget_options(settings, true);
    forget_variable(LE_CONTAINER_TOKEN);
}
