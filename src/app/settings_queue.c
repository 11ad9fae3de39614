#include "loginetl/app/settings_queue.h"

#include <stdio.h>

#define AWS_ACCOUNT_LEN 12

static bool is_arn(const char *text)
{
    return strncmp(text, "arn:", 4) == 0;
}

/* ---- what is refused ---- */

static enum le_err check_name(struct le_settings *settings)
{
    const char *name = le_setting(settings, LE_OPT_QUEUE);
    struct le_sqs_arn arn;
    if (is_arn(name))
        return le_sqs_arn_parse(le_span_of(name), &arn) == LE_OK &&
                       arn.account.len == AWS_ACCOUNT_LEN
                   ? LE_OK
                   : le_options_refuse(&settings->options, LE_OPT_QUEUE,
                                       "is not a queue's ARN (arn:aws:sqs:REGION:ACCOUNT:NAME, the "
                                       "account in twelve digits)");
    if (le_sqs_is_queue_name(le_span_of(name)))
        return LE_OK;
    if (strstr(name, "://") != NULL)
        return le_options_refuse(&settings->options, LE_OPT_QUEUE,
                                 "is a URL, which goes to --queue-url");
    return le_options_refuse(&settings->options, LE_OPT_QUEUE,
                             "is not a queue's name (letters, digits, - and _, 80 at most, with "
                             ".fifo at the end of a FIFO queue's)");
}

/* AWS's are all of one form; what others make up has a name at least. */
static bool has_form(struct le_span url, const struct le_endpoint *endpoint)
{
    struct le_sqs_url parts = le_sqs_url_take_apart(url);
    if (!le_endpoint_is_aws(url))
        return parts.name.len > 0;
    return parts.base.len == endpoint->origin.len + 1 && parts.account.len == AWS_ACCOUNT_LEN &&
           le_sqs_is_queue_name(parts.name);
}

static enum le_err check_url(struct le_settings *settings, enum le_opt opt, bool of_queue)
{
    const char *text = le_setting(settings, opt);
    struct le_endpoint endpoint;
    if (text == NULL)
        return LE_OK;
    struct le_span url = le_span_of(text);
    if (opt == LE_OPT_QUEUE_URL && is_arn(text))
        return le_options_refuse(&settings->options, opt, "is an ARN, which goes to --queue");
    if (opt == LE_OPT_QUEUE_URL && le_sqs_is_queue_name(url))
        return le_options_refuse(&settings->options, opt, "is a name, which goes to --queue");
    if (le_endpoint_parse(url, &endpoint) != LE_OK)
        return le_options_refuse(
            &settings->options, opt,
            le_endpoint_fault(url, "is not an http:// or https:// URL with a host"));
    if (of_queue && !has_form(url, &endpoint))
        return le_options_refuse(&settings->options, opt,
                                 "is not a queue's URL: they are like "
                                 "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME");
    if (!of_queue && le_sqs_url_take_apart(url).account.len == AWS_ACCOUNT_LEN)
        return le_options_refuse(&settings->options, opt,
                                 "is a queue's URL, which goes to --queue-url");
    return LE_OK;
}

/* AWS takes no dead letters of a FIFO queue into a standard one, nor the reverse. A redrive
 * policy's own target is of the same kind. Whether a queue that is looked up is the same is known
 * only then. */
static enum le_err check_dead_letters(struct le_settings *settings)
{
    const char *dead = le_setting(settings, LE_OPT_DLQ_URL);
    bool main_job = (settings->command & (LE_COMMAND_RUN | LE_COMMAND_CHECK)) != 0;
    bool used = !settings->on_reject_given || settings->on_reject == LE_ON_REJECT_DLQ;
    if (dead == NULL || !main_job || !used)
        return LE_OK;
    const char *url = le_setting(settings, LE_OPT_QUEUE_URL);
    if (url != NULL && le_sqs_is_same_queue(le_span_of(url), le_span_of(dead)))
        return le_options_refuse(&settings->options, LE_OPT_DLQ_URL, LE_DEAD_LETTERS_COME_BACK);
    bool fifo = le_sqs_is_fifo(le_settings_queue_name(settings));
    if (le_sqs_is_fifo(le_span_of(dead)) == fifo)
        return LE_OK;
    return le_options_refuse(&settings->options, LE_OPT_DLQ_URL,
                             fifo ? "is a standard queue's: a FIFO queue's dead-letter queue is a "
                                    "FIFO queue too, and its name ends in .fifo"
                                  : "is a FIFO queue's: a standard queue's dead-letter queue is a "
                                    "standard queue too");
}

enum le_err le_settings_check_queue(struct le_settings *settings)
{
    enum le_err err = check_url(settings, LE_OPT_QUEUE_URL, true);
    if (err == LE_OK)
        err = check_url(settings, LE_OPT_ENDPOINT_URL, false);
    if (err == LE_OK)
        err = check_url(settings, LE_OPT_DLQ_URL, true);
    if (err == LE_OK)
        err = check_name(settings);
    return err == LE_OK ? check_dead_letters(settings) : err;
}

/* ---- what it is called ---- */

bool le_settings_queue_arn(const struct le_settings *settings, struct le_sqs_arn *out)
{
    const char *name = le_setting(settings, LE_OPT_QUEUE);
    return le_setting(settings, LE_OPT_QUEUE_URL) == NULL && is_arn(name) &&
           le_sqs_arn_parse(le_span_of(name), out) == LE_OK;
}

struct le_span le_settings_queue_name(const struct le_settings *settings)
{
    const char *url = le_setting(settings, LE_OPT_QUEUE_URL);
    struct le_sqs_arn arn;
    if (url != NULL)
        return le_sqs_url_take_apart(le_span_of(url)).name;
    if (le_settings_queue_arn(settings, &arn))
        return arn.name;
    return le_span_of(le_setting(settings, LE_OPT_QUEUE));
}

struct le_span le_settings_queue_account(const struct le_settings *settings)
{
    const char *url = le_setting(settings, LE_OPT_QUEUE_URL);
    struct le_sqs_arn arn;
    if (url != NULL)
        return le_sqs_url_take_apart(le_span_of(url)).account;
    return le_settings_queue_arn(settings, &arn) ? arn.account : LE_SPAN_NONE;
}

/* ---- what is odd ---- */

struct doubts {
    const struct le_settings *settings;
    void (*tell)(void *owner, const char *words);
    void *owner;
};

static void compare_region(const struct doubts *doubts, enum le_opt opt, const char *region)
{
    const struct le_settings *settings = doubts->settings;
    char words[400];
    if (region[0] == '\0' || strcmp(region, settings->region) == 0)
        return;
    bool given = le_setting(settings, LE_OPT_REGION) != NULL;
    (void)snprintf(
        words, sizeof words,
        "--%s names the region %s, and requests are signed for %s%s%s: a queue is known in its own "
        "region only",
        settings->options.table[opt].name, region, settings->region,
        given || settings->region_by_profile ? ", by " : "",
        given                         ? le_options_source(&settings->options, LE_OPT_REGION).text
        : settings->region_by_profile ? "the profile's region"
                                      : "");
    doubts->tell(doubts->owner, words);
}

static void compare_region_of_url(const struct doubts *doubts, enum le_opt opt)
{
    char region[LE_REGION_MAX];
    if (le_region_of_url(le_span_of(le_setting(doubts->settings, opt)), region))
        compare_region(doubts, opt, region);
}

static void compare_region_of_arn(const struct doubts *doubts)
{
    struct le_sqs_arn arn;
    char region[LE_REGION_MAX];
    if (!le_settings_queue_arn(doubts->settings, &arn) || arn.region.len >= sizeof region)
        return;
    memcpy(region, arn.region.ptr, arn.region.len);
    region[arn.region.len] = '\0';
    compare_region(doubts, LE_OPT_QUEUE, region);
}

void le_settings_doubts(const struct le_settings *settings,
                        void (*tell)(void *owner, const char *words), void *owner)
{
    const struct doubts doubts = {settings, tell, owner};
    compare_region_of_arn(&doubts);
    compare_region_of_url(&doubts, LE_OPT_QUEUE_URL);
    compare_region_of_url(&doubts, LE_OPT_ENDPOINT_URL);
    compare_region_of_url(&doubts, LE_OPT_DLQ_URL);
    if (le_endpoint_is_aws(le_span_of(settings->endpoint)) &&
        strncmp(settings->endpoint, "http://", 7) == 0)
        tell(owner, "requests go to AWS over http://, where what they hold can be read on the way: "
                    "give an https:// URL");
}
