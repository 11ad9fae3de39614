#include "loginetl/app/settings.h"

#include "loginetl/app/files.h"
#include "loginetl/app/settings_aws.h"
#include "loginetl/app/settings_queue.h"
#include "loginetl/base/shown.h"
#include "loginetl/pg/conninfo.h"
#include "loginetl/pg/name.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *word;
    enum le_command command;
} commands[] = {{"run", LE_COMMAND_RUN},
                {"check", LE_COMMAND_CHECK},
                {"schema", LE_COMMAND_SCHEMA},
                {"send", LE_COMMAND_SEND},
                {"mask", LE_COMMAND_MASK}};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const char *le_command_word(enum le_command command)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].command == command)
            return commands[i].word;
    }
    return "";
}

/* ---- which command ---- */

/* It may be anything. One that is near a name is shown: it has hardly another letter. */
static enum le_err unknown_command(struct le_settings *settings, const char *word)
{
    bool database = strncmp(word, "postgres", 8) == 0;
    if (strstr(word, "://") != NULL)
        return le_options_fail(&settings->options, "a URL is not a command: give it to %s",
                               database ? "--database-url" : "--queue-url or --endpoint-url");
    const char *shown = le_shows_value(le_span_of(word)) ? word : "that word";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (le_option_near(le_span_of(word), le_span_of(commands[i].word)))
            return le_options_fail(&settings->options, "%s is not a command (did you mean %s?)",
                                   shown, commands[i].word);
    }
    const char *option = le_options_nearest(&settings->options, le_span_of(word), false);
    if (option != NULL)
        return le_options_fail(&settings->options, "%s is not a command (did you mean --%s?)",
                               shown, option);
    return le_options_fail(&settings->options, "%s is not a command (--help lists them)", shown);
}

static enum le_err take_command(struct le_settings *settings)
{
    settings->command = LE_COMMAND_RUN;
    if (settings->word_count == 0)
        return LE_OK;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(settings->words[0], commands[i].word) != 0)
            continue;
        settings->command = commands[i].command;
        settings->words++;
        settings->word_count--;
        return LE_OK;
    }
    return unknown_command(settings, settings->words[0]);
}

static enum le_err check_words(struct le_settings *settings)
{
    bool wanted = (settings->command & (LE_COMMAND_SEND | LE_COMMAND_MASK)) != 0;
    bool asks = le_option_given(&settings->options, LE_OPT_HELP) ||
                le_option_given(&settings->options, LE_OPT_VERSION) ||
                le_option_given(&settings->options, LE_OPT_PRINT_CONFIG);
    if (!wanted && settings->word_count > 0)
        return le_options_fail(&settings->options, "%s takes no argument, but there is %s",
                               le_command_word(settings->command),
                               le_shows_value(le_span_of(settings->words[0])) ? settings->words[0]
                                                                              : "one");
    if (wanted && settings->word_count == 0 && !asks)
        return le_options_fail(
            &settings->options, "%s needs %s", le_command_word(settings->command),
            settings->command == LE_COMMAND_SEND ? "a FILE (- is stdin)"
                                                 : "a FIELD=VALUE, for example ip=192.0.2.1");
    return LE_OK;
}

enum le_err le_settings_arguments(struct le_settings *settings, int argc, char **argv)
{
    assert(settings != NULL && argc > 0);
    memset(settings, 0, sizeof *settings);
    le_options_init(&settings->options, le_option_table, LE_OPT_COUNT);
    settings->words = argv + 1;
    enum le_err err =
        le_options_arguments(&settings->options, argc - 1, argv + 1, &settings->word_count);
    if (err == LE_OK)
        err = take_command(settings);
    if (err == LE_OK)
        err = check_words(settings);
    return err;
}

void le_settings_free(struct le_settings *settings)
{
    if (settings->credential_source != NULL)
        settings->credential_source->destroy(settings->credential_source);
    settings->credential_source = NULL;
    le_profiles_free(&settings->profiles);
    le_options_free(&settings->options);
}

/* ---- values ---- */

static const char *variable(void *self, const char *name)
{
    (void)self;
    return getenv(name);
}

static enum le_err read_file(void *self, const char *path, struct le_buf *out, const char **reason)
{
    (void)self;
    return le_file_read(path, out, reason);
}

static enum le_err read_config(struct le_settings *settings)
{
    const char *path = le_setting(settings, LE_OPT_CONFIG);
    if (path == NULL)
        return LE_OK;
    struct le_buf text;
    const char *reason = "cannot be read";
    const char *shown = le_shows_path(le_span_of(path)) ? path : "the file that it names";
    le_buf_init(&text, LE_OPTIONS_FILE_MAX);
    enum le_err err = le_file_read(path, &text, &reason);
    if (err == LE_OK)
        err = le_options_config(&settings->options, path, le_buf_span(&text));
    else if (err == LE_ERR_TOO_LARGE)
        err = le_options_fail(&settings->options, "--config: %.200s is larger than %d bytes", shown,
                              LE_OPTIONS_FILE_MAX);
    else if (err == LE_ERR_SYSTEM)
        err = le_options_fail(&settings->options, "--config: %.200s %s", shown, reason);
    le_buf_free_secret(&text);
    return err;
}

static const char *entry(void *self, size_t index)
{
    (void)self;
    return environ != NULL ? environ[index] : NULL; /* clearenv leaves none */
}

static const struct le_options_world world = {
    .variable = variable, .read_file = read_file, .entry = entry};

struct listener {
    void (*tell)(void *owner, const char *words, bool meant);
    void *owner;
};

static void tell_unknown(void *self, const char *name, const char *near)
{
    const struct listener *listener = self;
    char words[200];
    (void)snprintf(words, sizeof words, "%s is not a variable that loginetl reads%s%s%s", name,
                   near != NULL ? " (did you mean " : "", near != NULL ? near : "",
                   near != NULL ? "?)" : "");
    listener->tell(listener->owner, words, near != NULL);
}

void le_settings_unknown_variables(const struct le_settings *settings,
                                   void (*tell)(void *owner, const char *words, bool meant),
                                   void *owner)
{
    struct listener listener = {tell, owner};
    le_options_unknown_variables(&settings->options, &world, tell_unknown, &listener);
}

enum le_err le_settings_values(struct le_settings *settings)
{
    enum le_err err = le_options_environment(&settings->options, &world);
    if (err == LE_OK)
        err = read_config(settings);
    if (err == LE_OK)
        err = le_options_finish(&settings->options);
    return err;
}

/* ---- what follows ---- */

static enum le_err check_names(struct le_settings *settings)
{
    enum le_err err = le_settings_check_queue(settings);
    if (err != LE_OK)
        return err;
    const char *region = le_setting(settings, LE_OPT_REGION);
    if (region != NULL && !le_region_valid(le_span_of(region)))
        return le_options_refuse(&settings->options, LE_OPT_REGION,
                                 "is not a region's name (lower-case letters, digits and -)");
    return LE_OK;
}

static enum le_err find_fields(struct le_settings *settings)
{
    le_fields_builtin(&settings->fields);
    struct le_span unknown = LE_SPAN_NONE;
    enum le_err err = le_fields_require(&settings->fields,
                                        le_span_of(le_setting(settings, LE_OPT_REQUIRE)), &unknown);
    if (err != LE_ERR_CONFIG)
        return err;
    char keys[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < settings->fields.count && used < sizeof keys - 1; i++) {
        struct le_span key = settings->fields.list[i].key;
        int len = snprintf(keys + used, sizeof keys - used, "%s%.*s", i > 0 ? ", " : "",
                           (int)key.len, key.ptr);
        used += len > 0 ? (size_t)len : 0;
    }
    char what[LE_OPTIONS_ERROR_MAX - 100];
    (void)snprintf(what, sizeof what, "names a key that no field has; there are %s", keys);
    return le_options_refuse(&settings->options, LE_OPT_REQUIRE, what);
}

/* Why tokens cannot be made for each host. */
static const char *token_fault(const struct le_settings *settings, const struct le_conninfo *info)
{
    char region[LE_REGION_MAX];
    const char *why = le_conninfo_password_fault(info);
    for (size_t i = 0; i < info->host_count && why == NULL && settings->region_made_up; i++) {
        if (!le_region_of_database(le_span_of(info->hosts[i].host), region))
            why = "a host's name does not say its region, for which the password is made: give "
                  "--region or AWS_REGION";
    }
    return why;
}

static enum le_err check_auth(struct le_settings *settings, const struct le_conninfo *info)
{
    if (!le_setting_rds_iam(settings))
        return LE_OK;
    settings->password_unused = info->password;
    const char *why = token_fault(settings, info);
    if (why == NULL)
        return LE_OK;
    const bool given = le_setting(settings, LE_OPT_DATABASE_URL) != NULL;
    return le_options_fail(
        &settings->options, "--database-auth rds-iam: %s (from %s%sthe PG* variables)", why,
        given ? le_options_source(&settings->options, LE_OPT_DATABASE_URL).text : "",
        given ? " or " : "");
}

/* What SQS takes. */
static enum le_err check_group_id(struct le_settings *settings)
{
    struct le_span id = le_span_of(le_setting(settings, LE_OPT_GROUP_ID));
    bool good = id.len >= 1 && id.len <= 128;
    if (id.ptr == NULL)
        return LE_OK;
    for (size_t i = 0; good && i < id.len; i++)
        good = id.ptr[i] > ' ' && id.ptr[i] <= '~';
    if (!good)
        return le_options_refuse(&settings->options, LE_OPT_GROUP_ID,
                                 "is not 1 to 128 letters, digits and punctuation characters");
    return le_sqs_is_fifo(le_settings_queue_name(settings))
               ? LE_OK
               : le_options_refuse(&settings->options, LE_OPT_GROUP_ID,
                                   "is for FIFO queues, whose names end in .fifo");
}

static enum le_err check_database(struct le_settings *settings)
{
    struct le_conninfo info;
    const char *why = "";
    enum le_err err = le_conninfo_parse(le_setting(settings, LE_OPT_DATABASE_URL), &info, &why);
    if (err == LE_ERR_CONFIG && le_setting(settings, LE_OPT_DATABASE_URL) == NULL)
        return le_options_fail(&settings->options, "the PG* variables: %s", why);
    if (err == LE_ERR_CONFIG)
        return le_options_fail(&settings->options, "--database-url: %s (from %s)", why,
                               le_options_source(&settings->options, LE_OPT_DATABASE_URL).text);
    if (err != LE_OK)
        return err;
    err = check_auth(settings, &info);
    le_conninfo_free(&info);
    return err;
}

static enum le_err check_table(struct le_settings *settings)
{
    struct le_pg_name name;
    enum le_err err = le_pg_name_parse(le_setting(settings, LE_OPT_TABLE), &name);
    if (err == LE_ERR_CONFIG)
        return le_options_refuse(&settings->options, LE_OPT_TABLE,
                                 "is not a table's name: give table or schema.table, in double "
                                 "quotes where needed");
    return err;
}

static enum le_log_format find_log_format(const struct le_settings *settings)
{
    static const enum le_log_format formats[] = {LE_LOG_PEOPLE, LE_LOG_LOGFMT, LE_LOG_JSON};
    int64_t choice = le_setting_number(settings, LE_OPT_LOG_FORMAT);
    if (choice == 0 && isatty(STDERR_FILENO) == 0)
        return LE_LOG_LOGFMT;
    return formats[choice];
}

/* The words have been checked against the table; that both know the same ones is asserted. */
static void take_choices(struct le_settings *settings)
{
    enum le_err mask =
        le_mask_parse(le_span_of(le_setting(settings, LE_OPT_MASK)), &settings->mask);
    bool level = le_log_level_parse(le_span_of(le_setting(settings, LE_OPT_LOG_LEVEL)),
                                    &settings->log_level);
    assert(mask == LE_OK && level);
    (void)mask;
    (void)level;
    settings->envelope = (enum le_envelope)le_setting_number(settings, LE_OPT_ENVELOPE);
    settings->app_version = (enum le_app_version)le_setting_number(settings, LE_OPT_APP_VERSION);
    settings->on_reject_given = le_setting(settings, LE_OPT_ON_REJECT) != NULL;
    if (settings->on_reject_given)
        settings->on_reject = (enum le_on_reject)le_setting_number(settings, LE_OPT_ON_REJECT);
    settings->log_format = find_log_format(settings);
}

enum le_err le_settings_complete(struct le_settings *settings)
{
    const bool main_job = (settings->command & (LE_COMMAND_RUN | LE_COMMAND_CHECK)) != 0;
    const bool queue = main_job || settings->command == LE_COMMAND_SEND;
    const bool table = main_job || settings->command == LE_COMMAND_SCHEMA;
    take_choices(settings);
    enum le_err err = find_fields(settings);
    if (err == LE_OK && queue)
        err = check_names(settings);
    if (err == LE_OK && queue)
        err = le_settings_aws(settings);
    if (err == LE_OK && settings->command == LE_COMMAND_SEND)
        err = check_group_id(settings);
    if (err == LE_OK && table)
        err = check_table(settings);
    if (err == LE_OK && main_job)
        err = check_database(settings);
    return err;
}
