/* Credentials of a process: what credential_process of a profile writes. */
#include "loginetl/aws/source_internal.h"
#include "loginetl/base/mem.h"
#include "loginetl/profile/words.h"

#include <assert.h>
#include <stdio.h>

#define SETTING "credential_process"

struct process {
    struct le_fetching_source base;
    struct le_words command;
    int64_t timeout_ms, grace_ms;
    struct le_process_fetch *running; /* NULL: none */
    char who[100];                    /* "credential_process of profile x" */
};

static void destroy(struct le_credential_source *source)
{
    struct process *self = (struct process *)source;
    if (self->running != NULL)
        le_process_fetch_cancel(self->running);
    le_fetching_free(&self->base);
    le_words_free(&self->command);
    le_free(self);
}

/* ---- a refresh ---- */

static enum le_err judge(struct process *self, const struct le_process_ended *ended)
{
    struct le_fetching_source *base = &self->base;
    if (ended->err == LE_ERR_TIMEOUT)
        return le_fetching_fail(base, ended->err, SETTING,
                                "%s did not end within %d seconds, and was made to", self->who,
                                (int)(self->timeout_ms / 1000));
    if (ended->err == LE_ERR_TOO_LARGE)
        return le_fetching_fail(base, ended->err, SETTING, "%s writes more than credentials",
                                self->who);
    if (ended->signal != 0)
        return le_fetching_fail(base, LE_ERR_CREDENTIALS, SETTING, "%s was ended by signal %d",
                                self->who, ended->signal);
    if (ended->status != 0)
        return le_fetching_fail(base, LE_ERR_CREDENTIALS, SETTING,
                                "%s failed with exit status %d: run it by hand to see why",
                                self->who, ended->status);
    assert(ended->err == LE_OK);
    return LE_OK;
}

static enum le_err read_answer(struct process *self, const struct le_process_ended *ended)
{
    struct le_credential_answer answer;
    enum le_err err = judge(self, ended);
    if (err != LE_OK)
        return err;
    err = le_credential_answer_read(LE_ANSWER_PROCESS, ended->text, ended->len, &answer);
    if (err != LE_OK)
        return le_fetching_fail(&self->base, LE_ERR_PROTOCOL, SETTING,
                                "what %s writes is not one JSON object with Version (1), "
                                "AccessKeyId, SecretAccessKey and, if they end, SessionToken and "
                                "Expiration",
                                self->who);
    return le_fetching_take(&self->base, &answer, LE_SPAN_NONE, SETTING, self->who);
}

static void on_ended(void *owner, const struct le_process_ended *ended)
{
    struct process *self = owner;
    self->running = NULL;
    le_fetching_end(&self->base, read_answer(self, ended));
}

static enum le_err refresh(struct le_credential_source *source,
                           void (*done)(void *owner, enum le_err err), void *owner)
{
    struct process *self = (struct process *)source;
    const struct le_process_config config = {
        .loop = self->base.world.loop,
        .argv = self->command.argv,
        .timeout_ms = self->timeout_ms,
        .grace_ms = self->grace_ms,
    };
    const char *words;
    le_fetching_begin(&self->base, done, owner);
    enum le_err err = le_process_fetch(&config, on_ended, self, &self->running, &words);
    if (err == LE_OK)
        return LE_OK;
    err = le_fetching_fail(&self->base, err, SETTING, "the program of %s %s", self->who, words);
    return le_fetching_refuse(&self->base, err);
}

/* ---- the beginning ---- */

static enum le_err split(struct process *self, struct le_span command,
                         struct le_setting_fault *fault)
{
    fault->setting = SETTING;
    enum le_err err = le_words_split(command, &self->command, &fault->words);
    if (err == LE_ERR_NOMEM || (err == LE_OK && self->command.count > 0))
        return err;
    if (err == LE_OK)
        fault->words = "names no program";
    return LE_ERR_CONFIG;
}

enum le_err le_credentials_process(const struct le_source_world *world,
                                   const struct le_process_params *params,
                                   struct le_credential_source **out,
                                   struct le_setting_fault *fault)
{
    *out = NULL;
    struct process *self = le_calloc(1, sizeof *self);
    if (self == NULL)
        return LE_ERR_NOMEM;
    le_fetching_init(&self->base, world, "process");
    self->base.source.refresh = refresh;
    self->base.source.destroy = destroy;
    self->timeout_ms = params->timeout_ms > 0 ? params->timeout_ms : LE_PROCESS_TIMEOUT_MS;
    self->grace_ms = params->grace_ms > 0 ? params->grace_ms : LE_PROCESS_GRACE_MS;
    (void)snprintf(self->who, sizeof self->who, SETTING " of profile %.*s",
                   LE_PROFILE_SHOWN(params->profile));
    le_profile_clean(self->who);
    enum le_err err = split(self, params->command, fault);
    if (err == LE_OK)
        *out = &self->base.source;
    else
        destroy(&self->base.source);
    return err;
}
