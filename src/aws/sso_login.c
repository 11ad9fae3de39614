/* The token of an SSO login.
 *
 *   read the file ─▶ look ─▶ good for a while ─────────────────▶ the token
 *         ▲           │ near its end, and it can be renewed
 *         │           ▼
 *         │         renew ─▶ write the file ─▶ look again
 *         └─ failed ──┘
 *
 * After a failure the file is read again, for another process may have renewed the token at the
 * same time, and a refresh token is good for one renewal only. After a refusal it is read a few
 * times more: that process may not have written the file yet. */
#include "loginetl/aws/sso.h"
#include "loginetl/base/crypto.h"
#include "loginetl/base/log.h"
#include "loginetl/base/mem.h"

#include <assert.h>
#include <stdio.h>

#define TARGET_MAX 4096
#define WHO        "the token service of IAM Identity Center"

struct le_sso_login {
    uv_timer_t timer; /* until the file is read once more */
    int64_t pause_ms;
    unsigned looks; /* at the file, that are left after a refusal */
    struct le_fetching_source *taker;
    struct le_fetch *oidc; /* NULL: its tokens cannot be renewed */
    struct le_file_fetch *file;
    struct le_file_store *store; /* being written */
    struct le_buf text;          /* the file's, or what could not be written into it */
    struct le_buf fresh;         /* taken before the service is asked: what it gives is not lost */
    uint8_t origin[LE_SHA256_LEN]; /* of what the file held when text was taken from it */
    bool kept;                     /* text is not in the file: it stays for the next time */
    bool warned;                   /* of that */
    char doubt[256];               /* the same, as the source has it */
    bool tried;                    /* to renew it, since the token was asked for */
    int64_t tried_ms;              /* when, ever; 0: never */
    enum le_err err;               /* of that attempt, with its words */
    struct le_credential_failure failure;
    char *url, *cache, *start_url, *region;
    struct le_endpoint endpoint; /* into url */
    struct le_buf target;
    struct le_sso_words words;
    void (*done)(void *owner, enum le_err err, struct le_span token); /* NULL: nobody asks */
    void *owner;
};

static int64_t now_ms(const struct le_sso_login *login)
{
    return le_fetching_wall_ms(login->taker);
}

static void forget_text(struct le_sso_login *login)
{
    le_buf_free_secret(&login->text);
    login->kept = false;
    login->taker->source.doubt = NULL;
}

const struct le_sso_words *le_sso_login_words(const struct le_sso_login *login)
{
    return &login->words;
}

/* ---- what comes of it ---- */

/* The login may be gone afterwards. */
static void finish(struct le_sso_login *login, enum le_err err, struct le_span token)
{
    void (*done)(void *owner, enum le_err err, struct le_span token) = login->done;
    assert(done != NULL && login->store == NULL);
    login->done = NULL;
    login->looks = 0;
    if (!login->kept)
        forget_text(login);
    done(login->owner, err, token);
}

static enum le_err fail_expired(struct le_sso_login *login)
{
    return le_fetching_fail(login->taker, LE_ERR_CREDENTIALS, login->words.setting,
                            "the SSO login has expired: %s", login->words.todo);
}

/* Why there is no token: a failed renewal says it better than the time. */
static enum le_err explain(struct le_sso_login *login, const struct le_sso_token *token)
{
    if (login->err == LE_OK || !le_sso_token_renewable(token, now_ms(login)))
        return fail_expired(login);
    login->taker->failure = login->failure;
    return login->err;
}

/* ---- renewing ---- */

static void on_renewed(void *owner, const struct le_fetched *fetched);

static enum le_err ask(struct le_sso_login *login, struct le_span body)
{
    const struct le_http_header headers[] = {
        {LE_SPAN_LIT("Host"), login->endpoint.host},
        {LE_SPAN_LIT("Accept"), LE_SPAN_LIT("application/json")},
        {LE_SPAN_LIT("Content-Type"), LE_SPAN_LIT("application/json")},
    };
    const struct le_fetch_request request = {
        .method = LE_SPAN_LIT("POST"),
        .target = le_buf_span(&login->target),
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .body = body,
        .timeout_ms = LE_SSO_TIMEOUT_MS,
        .attempts = LE_SSO_ATTEMPTS,
    };
    return le_fetch_send(login->oidc, &request, on_renewed, login);
}

static enum le_err renew(struct le_sso_login *login, const struct le_sso_token *token)
{
    struct le_buf body;
    le_buf_init(&body, LE_FETCH_REQUEST_MAX / 2);
    enum le_err err = le_buf_reserve(&body, body.max);
    if (err == LE_OK)
        err = le_buf_reserve(&login->fresh, login->fresh.max);
    if (err == LE_OK)
        err = le_sso_renewal_write(&body, token);
    if (err == LE_OK)
        err = ask(login, le_buf_span(&body));
    le_buf_free_secret(&body);
    return err;
}

/* A clock that was set back does not keep it from being tried. */
static bool may_renew(const struct le_sso_login *login, const struct le_sso_token *token)
{
    int64_t now = now_ms(login);
    int64_t since = now - login->tried_ms;
    bool lately = login->tried_ms != 0 && since >= 0 && since < LE_SSO_INTERVAL_MS;
    return login->oidc != NULL && !login->tried && !lately && le_sso_token_renewable(token, now);
}

static void on_pause(uv_timer_t *timer);

static void look_later(struct le_sso_login *login)
{
    login->looks--;
    int rc = uv_timer_start(&login->timer, on_pause, (uint64_t)login->pause_ms, 0);
    assert(rc == 0); /* only a timer that is being closed refuses */
    (void)rc;
}

/* One that is near its end and cannot be renewed is good until then. */
static void use(struct le_sso_login *login, const struct le_sso_token *token)
{
    int64_t left = token->expires_at_ms - now_ms(login);
    enum le_err err = LE_OK;
    if (left < LE_SSO_AHEAD_MS && may_renew(login, token)) {
        err = renew(login, token);
        if (err == LE_OK)
            return; /* on_renewed */
        le_fetch_rest(login->oidc);
        le_buf_free_secret(&login->fresh);
    }
    if (left <= 0 && login->looks > 0) {
        look_later(login);
        return;
    }
    if (left > 0)
        err = LE_OK;
    else if (err == LE_OK)
        err = explain(login, token);
    finish(login, err, err == LE_OK ? token->access_token : LE_SPAN_NONE);
}

/* What there is now: begins to renew it, or finishes. */
static void look(struct le_sso_login *login)
{
    struct le_sso_token token;
    const size_t len = login->text.len;
    char *copy = le_strndup(len > 0 ? login->text.data : "", len); /* it is read in place */
    if (copy == NULL)
        finish(login, LE_ERR_NOMEM, LE_SPAN_NONE);
    else if (le_sso_token_read(copy, len, &token) == LE_OK)
        use(login, &token);
    else
        finish(login,
               le_fetching_fail(login->taker, LE_ERR_CREDENTIALS, login->words.setting,
                                "the file of the SSO login's token holds none: %s",
                                login->words.todo),
               LE_SPAN_NONE);
    if (copy != NULL)
        le_free_secret(copy, len);
}

/* ---- the file ---- */

static enum le_err take_text(struct le_sso_login *login, struct le_span text)
{
    uint8_t origin[LE_SHA256_LEN];
    enum le_err err = le_sha256(text, origin);
    if (err != LE_OK)
        return err;
    if (login->kept && memcmp(origin, login->origin, sizeof origin) == 0)
        return LE_OK;
    forget_text(login);
    memcpy(login->origin, origin, sizeof origin);
    return le_buf_append_span(&login->text, text);
}

static void on_text(void *owner, enum le_err err, const char *words, struct le_span text)
{
    struct le_sso_login *login = owner;
    if (err == LE_OK)
        err = take_text(login, text);
    else if (err == LE_ERR_TIMEOUT) /* another login would be no help */
        err = le_fetching_fail(login->taker, err, login->words.setting,
                               "the file of the SSO login's token %s", words);
    else
        err =
            le_fetching_fail(login->taker, LE_ERR_CREDENTIALS, login->words.setting,
                             "the file of the SSO login's token %s: %s", words, login->words.todo);
    if (err == LE_OK)
        look(login);
    else
        finish(login, err, LE_SPAN_NONE);
}

static enum le_err read_file(struct le_sso_login *login)
{
    return le_file_fetch_read(login->file, on_text, login);
}

/* With what there is, if need be. */
static void read_again(struct le_sso_login *login)
{
    if (read_file(login) != LE_OK)
        look(login);
}

static void on_pause(uv_timer_t *timer)
{
    read_again(timer->data);
}

/* Whoever shares the file has a refresh token that is of no use any more. */
static void warn(struct le_sso_login *login, const char *words)
{
    (void)snprintf(login->doubt, sizeof login->doubt,
                   "the SSO login was renewed, but the file of its token %s: it goes on here, and "
                   "other programs may need another aws sso login",
                   words);
    login->taker->source.doubt = login->doubt;
    if (!login->warned)
        le_log(LE_LOG_WARN, "sso_token_not_saved", LE_FS("text", login->doubt),
               LE_FS("setting", login->words.setting));
    login->warned = true;
}

static void on_stored(void *owner, const char *words)
{
    struct le_sso_login *login = owner;
    login->store = NULL;
    login->kept = words != NULL;
    if (words != NULL)
        warn(login, words);
    else
        login->warned = false;
    look(login);
}

static void store(struct le_sso_login *login)
{
    enum le_err err =
        le_file_store(login->taker->world.loop, login->cache, le_buf_span(&login->text),
                      LE_FILE_TIMEOUT_MS, on_stored, login, &login->store);
    if (err != LE_OK)
        on_stored(login, "cannot be written");
}

/* ---- what came of a renewal ---- */

/* The new text in place of the old one. */
static enum le_err replace_text(struct le_sso_login *login, const struct le_sso_renewed *renewed)
{
    const struct le_sso_place place = {le_span_of(login->start_url), le_span_of(login->region)};
    struct le_buf *fresh = &login->fresh, old = login->text;
    enum le_err err = le_sso_token_write(fresh, old.data, old.len, renewed, now_ms(login), &place);
    if (err != LE_OK)
        return err;
    login->text = *fresh;
    *fresh = old;
    return LE_OK;
}

/* What a client and its refresh token are refused with; the service's reason is not told: whatever
 * it is, a login helps. */
static bool is_refusal(const struct le_fetched *fetched)
{
    return fetched->err == LE_OK &&
           (fetched->status == 400 || fetched->status == 401 || fetched->status == 403);
}

static enum le_err take_renewed(struct le_sso_login *login, const struct le_fetched *fetched)
{
    struct le_sso_renewed renewed;
    if (is_refusal(fetched))
        return fail_expired(login);
    enum le_err err = le_fetching_judge(login->taker, fetched, "sso_region", WHO);
    if (err != LE_OK)
        return err;
    err = le_sso_renewed_read(fetched->text, fetched->len, &renewed);
    if (err == LE_OK)
        err = replace_text(login, &renewed);
    if (err == LE_OK)
        return LE_OK;
    return le_fetching_fail(login->taker, LE_ERR_PROTOCOL, "sso_region",
                            "the answer of " WHO " is not one of a token");
}

/* Its words are for the case that the token does not do without it. */
static void note_attempt(struct le_sso_login *login, enum le_err err)
{
    login->tried = true;
    login->tried_ms = now_ms(login);
    login->err = err;
    login->failure = login->taker->failure;
    login->taker->failure = (struct le_credential_failure){.setting = NULL};
}

static void on_renewed(void *owner, const struct le_fetched *fetched)
{
    struct le_sso_login *login = owner;
    enum le_err err = take_renewed(login, fetched);
    le_fetch_rest(login->oidc);
    le_buf_free_secret(&login->fresh);
    login->looks = is_refusal(fetched) ? LE_SSO_LOOKS : 0;
    note_attempt(login, err);
    if (err == LE_OK)
        store(login);
    else
        read_again(login);
}

/* ---- the beginning and the end ---- */

static void write_words(struct le_sso_words *words, const struct le_sso_params *params)
{
    (void)snprintf(words->profile, sizeof words->profile, "%.*s",
                   LE_PROFILE_SHOWN(params->profile));
    bool session = params->session.ptr != NULL;
    words->setting = session ? "sso_session" : "sso_start_url";
    int len =
        snprintf(words->todo, sizeof words->todo, "run aws sso login --profile %s", words->profile);
    assert(len > 0 && (size_t)len < sizeof words->todo);
    if (session)
        (void)snprintf(words->todo + len, sizeof words->todo - (size_t)len,
                       " (or --sso-session %.*s)", LE_PROFILE_SHOWN(params->session));
    le_profile_clean(words->profile);
    le_profile_clean(words->todo);
}

enum le_err le_sso_append_path(struct le_buf *out, const struct le_endpoint *endpoint,
                               const char *behind)
{
    struct le_span path = endpoint->path;
    while (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    enum le_err err = le_buf_append_span(out, path);
    return err == LE_OK ? le_buf_append_text(out, behind) : err;
}

static enum le_err copy_texts(struct le_sso_login *login, const struct le_sso_params *params)
{
    login->cache = le_strdup(params->cache);
    if (login->cache == NULL)
        return LE_ERR_NOMEM;
    if (params->session.ptr == NULL)
        return LE_OK;
    login->url = le_strdup(params->oidc);
    login->start_url = le_strndup(params->start_url.ptr, params->start_url.len);
    login->region = le_strndup(params->region.ptr, params->region.len);
    return login->url != NULL && login->start_url != NULL && login->region != NULL ? LE_OK
                                                                                   : LE_ERR_NOMEM;
}

static enum le_err open_oidc(struct le_sso_login *login, const struct le_source_world *world,
                             struct le_setting_fault *fault)
{
    *fault = (struct le_setting_fault){"AWS_ENDPOINT_URL_SSO_OIDC",
                                       "is not an http:// or https:// URL that can be used"};
    enum le_err err = le_endpoint_parse(le_span_of(login->url), &login->endpoint);
    if (err == LE_OK)
        err = le_sso_append_path(&login->target, &login->endpoint, "/token");
    const struct le_fetch_config config = {
        .net = world->net,
        .name = "SSO token",
        .origin = login->url,
        .connect_timeout_ms = LE_SSO_TIMEOUT_MS,
    };
    if (err == LE_OK)
        err = le_fetch_new(&config, &login->oidc);
    return err == LE_ERR_TOO_LARGE ? LE_ERR_CONFIG : err;
}

enum le_err le_sso_login_new(const struct le_source_world *world,
                             const struct le_sso_params *params, struct le_fetching_source *taker,
                             struct le_sso_login **out, struct le_setting_fault *fault)
{
    assert(params->cache != NULL);
    assert(params->oidc != NULL || params->session.ptr == NULL);
    *out = NULL;
    struct le_sso_login *login = le_calloc(1, sizeof *login);
    if (login == NULL)
        return LE_ERR_NOMEM;
    int rc = uv_timer_init(world->loop, &login->timer);
    assert(rc == 0); /* it cannot: nothing is asked of the system */
    (void)rc;
    login->timer.data = login;
    login->pause_ms = params->pause_ms > 0 ? params->pause_ms : LE_SSO_PAUSE_MS;
    login->taker = taker;
    le_buf_init(&login->target, TARGET_MAX);
    le_buf_init(&login->text, LE_SECRET_FILE_MAX);
    le_buf_init(&login->fresh, LE_SECRET_FILE_MAX);
    write_words(&login->words, params);
    enum le_err err = copy_texts(login, params);
    if (err == LE_OK)
        err = le_file_fetch_new(world->loop, le_span_of(params->cache), LE_FILE_TIMEOUT_MS,
                                &login->file);
    if (err == LE_OK && login->url != NULL)
        err = open_oidc(login, world, fault);
    if (err == LE_OK)
        *out = login;
    else
        le_sso_login_close(login);
    return err;
}

enum le_err le_sso_login_token(struct le_sso_login *login,
                               void (*done)(void *owner, enum le_err err, struct le_span token),
                               void *owner)
{
    assert(login->done == NULL && done != NULL);
    enum le_err err = read_file(login);
    if (err != LE_OK)
        return err;
    login->tried = false;
    login->done = done;
    login->owner = owner;
    return LE_OK;
}

static void on_closed(uv_handle_t *handle)
{
    le_free(handle->data);
}

void le_sso_login_close(struct le_sso_login *login)
{
    if (login == NULL)
        return;
    le_file_fetch_close(login->file);
    if (login->store != NULL)
        le_file_store_cancel(login->store);
    le_fetch_close(login->oidc);
    forget_text(login);
    le_buf_free_secret(&login->fresh);
    le_buf_free(&login->target);
    le_free(login->url);
    le_free(login->cache);
    le_free(login->start_url);
    le_free(login->region);
    uv_close((uv_handle_t *)&login->timer, on_closed);
}
