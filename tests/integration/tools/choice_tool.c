/* Says what the program would choose, so that a test can hold it against another SDK's choice: the
 * source of the credentials (and what a role is taken on with), the access key id where there is
 * one without asking anybody, the region and the endpoint, and those of STS and of SSO (the
 * portal, and who renews its token) where they would be asked; a line `name value` each. What was
 * not reached is left out. The arguments are the program's own. */
#include "loginetl/app/settings.h"

#include <stdio.h>
#include <stdlib.h>

static void print_chain(const struct le_plan *plan)
{
    struct le_plan last = *plan;
    last.role_count = 0;
    printf("source %s\n", le_plan_word(plan));
    if (plan->role_count > 0)
        printf("roles %zu\nwith %s\n", plan->role_count, le_plan_word(&last));
    if (plan->source == LE_PLAN_SSO)
        printf("cache %s\n", plan->sso.cache_file);
    if (plan->source == LE_PLAN_KEYS)
        printf("key %.*s\n", (int)plan->keys.access_key_id.len, plan->keys.access_key_id.ptr);
}

/* How it would be asked; the numbers where somebody says them. */
static void print_instance(const struct le_instance_place *place)
{
    printf("instance %.*s\n", (int)place->url.len, place->url.ptr);
    if (place->timeout_s > 0)
        printf("instance-timeout %u\n", place->timeout_s);
    if (place->attempts > 0)
        printf("instance-attempts %u\n", place->attempts);
}

int main(int argc, char **argv)
{
    static struct le_settings settings;
    enum le_err err = le_settings_arguments(&settings, argc, argv);
    if (err == LE_OK)
        err = le_settings_values(&settings);
    if (err == LE_OK)
        err = le_settings_complete(&settings);
    print_chain(&settings.plan);
    if (settings.plan.source == LE_PLAN_ENVIRONMENT && settings.credential_source != NULL)
        printf("key %.*s\n", (int)settings.credentials.access_key_id.len,
               settings.credentials.access_key_id.ptr);
    else if (settings.plan.source == LE_PLAN_ENVIRONMENT)
        printf("key %s\n", getenv("AWS_ACCESS_KEY_ID"));
    if (settings.plan.source == LE_PLAN_INSTANCE && settings.instance.url.ptr != NULL)
        print_instance(&settings.instance);
    if (settings.sso_endpoint[0] != '\0')
        printf("sso %s\n", settings.sso_endpoint);
    if (settings.oidc_endpoint[0] != '\0')
        printf("oidc %s\n", settings.oidc_endpoint);
    if (settings.endpoint[0] != '\0')
        printf("region %s\nendpoint %s\n", settings.region, settings.endpoint);
    if (settings.sts_endpoint[0] != '\0')
        printf("sts %s\nsts-region %s\n", settings.sts_endpoint, settings.sts_region);
    if (err == LE_ERR_CONFIG)
        printf("error %s\n", settings.options.error);
    le_settings_free(&settings);
    return err == LE_OK || err == LE_ERR_CONFIG ? 0 : 1;
}
