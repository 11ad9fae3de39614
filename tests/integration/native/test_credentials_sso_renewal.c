/* The token of an SSO login is renewed near its end, and written back into its file. */
#include "loginetl/aws/sso.h"
#include "loginetl/base/log.h"

#include "live_blocks.h"
#include "source_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NOW_MS       (SOURCE_EXPIRES_MS - 3600000) /* 11:36:00 */
#define GONE         "2015-08-30T11:35:59Z"
#define NEAR         "2015-08-30T11:50:59Z" /* a second less than a quarter of an hour */
#define FAR          "2015-08-30T11:51:00Z"
#define CLIENT(registration)                                       \
    "\"clientId\":\"client-id\",\"clientSecret\":\"client-psst\"," \
    "\"registrationExpiresAt\":\"" registration "\""
#define REGISTERED CLIENT("2015-11-28T12:36:00Z")
#define CACHE(until, more) \
    "{\"startUrl\":\"u\",\"accessToken\":\"old-psst\",\"expiresAt\":\"" until "\"," more "}"
#define RENEWABLE(until) CACHE(until, REGISTERED ",\"refreshToken\":\"refresh-psst\",\"x\":[1]")
#define TOKEN_ANSWER                                                                   \
    "{\"accessToken\":\"new-psst\",\"expiresIn\":3600,\"refreshToken\":\"next-psst\"," \
    "\"tokenType\":\"Bearer\"}"
#define WRITTEN                                                                        \
    "{\"startUrl\": \"u\", \"region\": \"eu-west-1\", \"accessToken\": \"new-psst\", " \
    "\"expiresAt\": \"2015-08-30T12:36:00Z\", \"refreshToken\": \"next-psst\", "       \
    "\"clientId\":\"client-id\", \"clientSecret\":\"client-psst\", "                   \
    "\"registrationExpiresAt\":\"2015-11-28T12:36:00Z\", \"x\":[1]}"
#define ANSWER                                                                       \
    "{\"roleCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"secret\"," \
    "\"sessionToken\":\"token\",\"expiration\":1440938160000}}"
#define LOGIN "run aws sso login --profile work (or --sso-session corp)"

static const struct script_answer renewing[] = {{.status = 200, .body = TOKEN_ANSWER},
                                                {.status = 200, .body = ANSWER}};
static const struct script_answer *const portal_only = &renewing[1];

static char folder[] = "/tmp/loginetl-sso-XXXXXX";
static char cache[512];
static int64_t clock_ms;
/* What another process makes of the file ("": it removes it) when the time is asked for next after
 * the service has been asked, and so often more. */
static const char *other_text;
static struct script *other_when;
static unsigned other_later;
static char lines[8192];
static size_t lines_len;

static void write_cache(const char *text)
{
    source_write_file(cache, text);
}

static int64_t now(void *self)
{
    (void)self;
    if (other_text != NULL && script_count(other_when) > 0 && other_later-- == 0) {
        if (other_text[0] != '\0')
            write_cache(other_text);
        else
            assert_int_equal(unlink(cache), 0);
        other_text = NULL;
    }
    return clock_ms;
}

static void take_line(void *self, const char *line, size_t len)
{
    (void)self;
    assert_true(lines_len + len < sizeof lines);
    memcpy(lines + lines_len, line, len);
    lines_len += len;
    lines[lines_len] = '\0';
}

static enum le_err make_at(struct source_fixture *fixture, const char *oidc, struct le_span session)
{
    const struct le_sso_params params = {
        .endpoint = fixture->origin,
        .oidc = oidc,
        .cache = cache,
        .start_url = LE_SPAN_LIT("u"),
        .region = LE_SPAN_LIT("eu-west-1"),
        .account_id = LE_SPAN_LIT("111111111111"),
        .role_name = LE_SPAN_LIT("r"),
        .profile = LE_SPAN_LIT("work"),
        .session = session,
        .pause_ms = 1,
    };
    struct le_setting_fault fault = {NULL, NULL};
    fixture->world.wall_ms = now;
    return le_credentials_sso(&fixture->world, &params, &fixture->source, &fault);
}

static enum le_err make_one(struct source_fixture *fixture)
{
    return make_at(fixture, fixture->origin, LE_SPAN_LIT("corp"));
}

static void begin(struct source_fixture *fixture, const char *text,
                  const struct script_answer *answers, size_t count)
{
    write_cache(text);
    source_script(fixture, answers, count);
    assert_int_equal(make_one(fixture), LE_OK);
}

static void check_file(const char *wanted)
{
    char text[2 * LE_SECRET_FILE_MAX];
    FILE *file = fopen(cache, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    assert_string_equal(text, wanted);
}

/* Nothing but the cache is left of writing it. */
static void check_folder(void)
{
    unsigned count = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open))
        count += entry->d_name[0] != '.';
    assert_int_equal(closedir(open), 0);
    assert_int_equal(count, 1);
}

static void check_renewal(struct source_fixture *fixture, size_t number)
{
    static const char body[] = "{\"clientId\":\"client-id\",\"clientSecret\":\"client-psst\","
                               "\"grantType\":\"refresh_token\",\"refreshToken\":\"refresh-psst\"}";
    const struct script_request *asked = script_request(fixture->script, number);
    assert_string_equal(asked->method, "POST");
    assert_string_equal(asked->path, "/token");
    assert_string_equal(script_header(asked, "content-type"), "application/json");
    assert_string_equal(script_header(asked, "host"), fixture->origin + strlen("http://"));
    assert_string_equal(script_header(asked, "authorization"), "");
    assert_int_equal(asked->body_len, sizeof body - 1);
    assert_memory_equal(asked->body, body, sizeof body - 1);
}

static void check_portal(struct source_fixture *fixture, size_t number, const char *token)
{
    const struct script_request *asked = script_request(fixture->script, number);
    assert_string_equal(asked->method, "GET");
    assert_string_equal(script_header(asked, "x-amz-sso_bearer_token"), token);
}

static void check_no_secret(const struct source_fixture *fixture)
{
    assert_null(strstr(fixture->source->failure->words, "psst"));
    assert_null(strstr(lines, "psst"));
}

static void test_a_token_is_renewed(void **state)
{
    static const char *const texts[] = {RENEWABLE(GONE), RENEWABLE(NEAR)};
    struct source_fixture *fixture = *state;
    struct stat status;
    for (size_t i = 0; i < COUNT(texts); i++) {
        begin(fixture, texts[i], renewing, COUNT(renewing));
        assert_int_equal(source_refresh(fixture), LE_OK);
        source_check(fixture);
        assert_string_equal(fixture->source->failure->words, "");
        assert_int_equal(script_count(fixture->script), 2);
        check_renewal(fixture, 0);
        check_portal(fixture, 1, "new-psst");
        check_file(WRITTEN);
        check_folder();
        assert_null(fixture->source->doubt);
        assert_int_equal(stat(cache, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        /* The next time it is good as it lies there. */
        source_script(fixture, portal_only, 1);
        assert_int_equal(source_refresh(fixture), LE_OK);
        assert_int_equal(script_count(fixture->script), 1);
        check_portal(fixture, 0, "new-psst");
        check_no_secret(fixture);
        assert_int_equal(lines_len, 0);
        source_close(fixture);
    }
}

/* As the SDKs have it: such a login is not renewed again. */
static void test_no_refresh_token_comes(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = "{\"accessToken\":\"new-psst\",\"expiresIn\":60}"},
        {.status = 200, .body = ANSWER}};
    struct source_fixture *fixture = *state;
    begin(fixture, RENEWABLE(GONE), answers, COUNT(answers));
    assert_int_equal(source_refresh(fixture), LE_OK);
    clock_ms += 59999;
    source_script(fixture, portal_only, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    check_portal(fixture, 0, "new-psst");
    clock_ms++;
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "has expired: " LOGIN);
    assert_int_equal(script_count(fixture->script), 1);
    source_close(fixture);
}

static void test_what_is_not_renewed(void **state)
{
    static const struct {
        const char *text;
        bool older; /* a profile without an sso-session */
        enum le_err err;
    } cases[] = {
        {RENEWABLE(FAR), false, LE_OK},
        {RENEWABLE(NEAR), true, LE_OK},
        {CACHE(NEAR, REGISTERED), false, LE_OK},
        {CACHE(NEAR, CLIENT("2015-08-30T11:36:00Z") ",\"refreshToken\":\"r\""), false, LE_OK},
        {RENEWABLE(GONE), true, LE_ERR_CREDENTIALS},
        {CACHE(GONE, REGISTERED), false, LE_ERR_CREDENTIALS},
        {CACHE(GONE, "\"refreshToken\":\"r\""), false, LE_ERR_CREDENTIALS},
        {CACHE(GONE, CLIENT("2015-08-30T11:36:00Z") ",\"refreshToken\":\"r\""), false,
         LE_ERR_CREDENTIALS},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_cache(cases[i].text);
        source_script(fixture, portal_only, 1);
        assert_int_equal(make_at(fixture, cases[i].older ? NULL : fixture->origin,
                                 cases[i].older ? LE_SPAN_NONE : LE_SPAN_LIT("corp")),
                         LE_OK);
        assert_int_equal(source_refresh(fixture), cases[i].err);
        assert_int_equal(script_count(fixture->script), cases[i].err == LE_OK ? 1 : 0);
        if (cases[i].err == LE_OK)
            check_portal(fixture, 0, "old-psst");
        else
            source_check_failure(fixture, cases[i].older ? "sso_start_url" : "sso_session",
                                 "has expired: run aws sso login --profile work");
        check_no_secret(fixture);
        check_file(cases[i].text);
        source_close(fixture);
    }
}

static const struct {
    struct script_answer answer;
    enum le_err err; /* when the token is none any more */
    const char *setting;
    const char *words;
    unsigned asked;
} failures[] = {
    {{.status = 400, .body = "{\"error\":\"invalid_grant\",\"error_description\":\"psst\"}"},
     LE_ERR_CREDENTIALS,
     "sso_session",
     "has expired: " LOGIN,
     1},
    {{.status = 401, .body = "{\"error\":\"invalid_client\",\"error_description\":\"psst\"}"},
     LE_ERR_CREDENTIALS,
     "sso_session",
     "has expired: " LOGIN,
     1},
    {{.status = 403, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_session", "has expired", 1},
    {{.status = 404, .body = "psst"}, LE_ERR_CREDENTIALS, "sso_region", "(status 404)", 1},
    {{.status = 500, .body = "psst"}, LE_ERR_SERVICE, NULL, "(status 500)", 3},
    {{.status = 429, .body = "psst"}, LE_ERR_THROTTLED, NULL, "asks to slow down", 3},
    {{.status = 200, .body = "{\"psst\":1}"}, LE_ERR_PROTOCOL, "sso_region", "not one of a", 1},
    {{.status = 200, .body = "<html>"}, LE_ERR_PROTOCOL, "sso_region", "not one of a token", 1},
};

static void test_a_renewal_fails(void **state)
{
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        begin(fixture, RENEWABLE(GONE), &failures[i].answer, 1);
        assert_int_equal(source_refresh(fixture), failures[i].err);
        source_check_failure(fixture, failures[i].setting, failures[i].words);
        assert_int_equal(script_count(fixture->script), failures[i].asked);
        source_check_none(fixture);
        check_no_secret(fixture);
        check_file(RENEWABLE(GONE));
        check_folder();
        source_close(fixture);
    }
}

/* The token is good for a while. */
static void test_it_goes_on_without_a_renewal(void **state)
{
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        struct script_answer answers[4];
        for (unsigned k = 0; k < failures[i].asked; k++)
            answers[k] = failures[i].answer;
        answers[failures[i].asked] = *portal_only;
        begin(fixture, RENEWABLE(NEAR), answers, failures[i].asked + 1);
        assert_int_equal(source_refresh(fixture), LE_OK);
        source_check(fixture);
        assert_string_equal(fixture->source->failure->words, "");
        assert_int_equal(script_count(fixture->script), failures[i].asked + 1);
        check_portal(fixture, failures[i].asked, "old-psst");
        source_close(fixture);
    }
}

static void test_nobody_answers(void **state)
{
    struct source_fixture *fixture = *state;
    struct raw_server *server = raw_server_start(&(struct raw_step){.end = RAW_CLOSE}, 1);
    char oidc[64];
    snprintf(oidc, sizeof oidc, "http://127.0.0.1:%d", raw_server_port(server));
    raw_server_stop(server);
    write_cache(RENEWABLE(NEAR));
    source_script(fixture, portal_only, 1);
    assert_int_equal(make_at(fixture, oidc, LE_SPAN_LIT("corp")), LE_OK);
    assert_int_equal(source_refresh(fixture), LE_OK);
    check_portal(fixture, 0, "old-psst");
    clock_ms += LE_SSO_AHEAD_MS;
    assert_int_equal(source_refresh(fixture), LE_ERR_CONNECT);
    source_check_failure(fixture, "sso_region",
                         "the token service of IAM Identity Center cannot be asked");
    source_check(fixture); /* the old ones stay */
    source_close(fixture);
}

static void test_attempts_have_an_interval(void **state)
{
    static const struct {
        int64_t later_ms;
        unsigned asked;
    } steps[] = {{0, 3},
                 {LE_SSO_INTERVAL_MS - 1, 0},
                 {1, 3},
                 {-3600000, 3}, /* a clock that was set */
                 {LE_SSO_INTERVAL_MS - 1, 0},
                 {1, 3}};
    static const struct script_answer failing[] = {{.status = 503}};
    struct source_fixture *fixture = *state;
    begin(fixture, RENEWABLE("2015-08-30T10:00:00Z"), failing, 1);
    for (size_t i = 0; i < COUNT(steps); i++) {
        clock_ms += steps[i].later_ms;
        source_script(fixture, failing, 1);
        assert_int_equal(source_refresh(fixture), LE_ERR_SERVICE);
        source_check_failure(fixture, NULL, "(status 503)");
        assert_int_equal(script_count(fixture->script), steps[i].asked);
    }
    /* A login is found at once. */
    write_cache(CACHE(FAR, REGISTERED));
    source_script(fixture, portal_only, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_close(fixture);
}

/* Two use one login: the refresh token of the one that comes second is refused. */
static void test_another_process_was_first(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 400, .body = "{\"error\":\"invalid_grant\"}"}, {.status = 200, .body = ANSWER}};
    struct source_fixture *fixture = *state;
    begin(fixture, RENEWABLE(GONE), answers, COUNT(answers));
    other_text = WRITTEN;
    other_when = fixture->script;
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_null(other_text);
    source_check(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    assert_int_equal(script_count(fixture->script), 2);
    check_portal(fixture, 1, "new-psst");
    check_file(WRITTEN);
    source_close(fixture);
}

/* It has the new token, and takes its time to write it. The time is asked for three times at most
 * from one look at the file to the next. */
static void test_another_process_is_slow(void **state)
{
    static const struct script_answer refused[] = {
        {.status = 400, .body = "{\"error\":\"invalid_grant\"}"}, {.status = 200, .body = ANSWER}};
    struct source_fixture *fixture = *state;
    for (unsigned later = 1; later <= 9; later++) {
        begin(fixture, RENEWABLE(GONE), refused, COUNT(refused));
        other_text = WRITTEN;
        other_when = fixture->script;
        other_later = later;
        assert_int_equal(source_refresh(fixture), LE_OK);
        assert_null(other_text);
        assert_string_equal(fixture->source->failure->words, "");
        assert_int_equal(script_count(fixture->script), 2);
        check_portal(fixture, 1, "new-psst");
        source_close(fixture);
    }
}

static void test_logged_out_meanwhile(void **state)
{
    static const struct script_answer answers[] = {{.status = 400, .body = "{}"}};
    struct source_fixture *fixture = *state;
    begin(fixture, RENEWABLE(NEAR), answers, COUNT(answers));
    other_text = "";
    other_when = fixture->script;
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "does not exist: " LOGIN);
    write_cache("");
    source_close(fixture);
}

/* What was renewed does not bring the login back. */
static void test_logged_out_while_it_is_renewed(void **state)
{
    struct source_fixture *fixture = *state;
    begin(fixture, RENEWABLE(GONE), renewing, COUNT(renewing));
    other_text = "";
    other_when = fixture->script;
    assert_int_equal(source_refresh(fixture), LE_OK);
    check_portal(fixture, 1, "new-psst");
    assert_int_equal(access(cache, F_OK), -1);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "does not exist: " LOGIN);
    write_cache("");
    check_folder();
    source_close(fixture);
}

/* Of so long a name that nothing can be written beside it. */
static void lengthen_name(void)
{
    size_t len = strlen(cache);
    memset(cache + len, 'x', 240);
    cache[len + 240] = '\0';
}

static void test_the_file_cannot_be_written(void **state)
{
    static const char another[] = CACHE(FAR, REGISTERED);
    struct source_fixture *fixture = *state;
    lengthen_name();
    begin(fixture, RENEWABLE(GONE), renewing, COUNT(renewing));
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    check_file(RENEWABLE(GONE));
    check_folder();
    assert_non_null(strstr(lines, "event=sso_token_not_saved"));
    assert_non_null(strstr(lines, "cannot be written"));
    assert_non_null(fixture->source->doubt);
    assert_non_null(strstr(lines, fixture->source->doubt));
    check_no_secret(fixture);
    lines_len = 0;
    lines[0] = '\0';
    /* It goes on with what it has, as often as need be, and renews that in its turn. */
    source_script(fixture, portal_only, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_int_equal(script_count(fixture->script), 1);
    check_portal(fixture, 0, "new-psst");
    clock_ms += 3600000;
    source_script(fixture, renewing, COUNT(renewing));
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_non_null(strstr(script_request(fixture->script, 0)->body, "next-psst"));
    assert_int_equal(lines_len, 0); /* it has been said */
    assert_non_null(fixture->source->doubt);
    /* Whatever comes into the file counts. */
    clock_ms = NOW_MS;
    write_cache(another);
    source_script(fixture, portal_only, 1);
    assert_int_equal(source_refresh(fixture), LE_OK);
    check_portal(fixture, 0, "old-psst");
    assert_null(fixture->source->doubt);
    assert_int_equal(unlink(cache), 0);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "sso_session", "does not exist");
    write_cache(another);
    source_close(fixture);
}

/* A file that would be larger than any that is read is not written. */
static void test_lengths(void **state)
{
    static char answer[LE_SECRET_FILE_MAX + 256];
    static const size_t refresh_len[] = {LE_SECRET_FILE_MAX - 1024, LE_SECRET_FILE_MAX};
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(refresh_len); i++) {
        int len = snprintf(answer, sizeof answer,
                           "{\"accessToken\":\"new-psst\",\"expiresIn\":60,\"refreshToken\":\"");
        memset(answer + len, 'r', refresh_len[i]);
        memcpy(answer + (size_t)len + refresh_len[i], "\"}", sizeof "\"}");
        const struct script_answer answers[] = {{.status = 200, .body = answer}, *portal_only};
        begin(fixture, RENEWABLE(GONE), answers, 2);
        assert_int_equal(source_refresh(fixture), i == 0 ? LE_OK : LE_ERR_PROTOCOL);
        if (i == 1)
            check_file(RENEWABLE(GONE));
        source_close(fixture);
    }
}

/* At any moment: the file is the old one or, if there is to be one, the new one, whole, and nothing
 * lies beside it. */
static void end_at_any_time(struct source_fixture *fixture, const struct script_answer *answers,
                            size_t count, const char *at_end)
{
    unsigned turns = 1;
    for (bool done = false; !done; turns++) {
        char text[1024] = "";
        begin(fixture, RENEWABLE(GONE), answers, count);
        assert_int_equal(source_begin(fixture), LE_OK);
        for (unsigned i = 0; i < turns && fixture->done == 0; i++)
            (void)uv_run(&fixture->loop, UV_RUN_ONCE);
        done = fixture->done > 0;
        source_close(fixture);
        check_folder();
        FILE *file = fopen(cache, "r");
        assert_non_null(file);
        assert_true(fread(text, 1, sizeof text - 1, file) > 0);
        assert_int_equal(fclose(file), 0);
        assert_true(strcmp(text, at_end) == 0 || (!done && strcmp(text, RENEWABLE(GONE)) == 0));
    }
    assert_true(turns > 5);
}

static void test_it_can_be_ended_at_any_time(void **state)
{
    static const struct script_answer refused[] = {{.status = 400, .body = "{}"}};
    end_at_any_time(*state, renewing, COUNT(renewing), WRITTEN);
    end_at_any_time(*state, refused, COUNT(refused), RENEWABLE(GONE));
}

static unsigned count_renewals(struct source_fixture *fixture)
{
    unsigned count = 0;
    for (size_t i = 0; i < script_count(fixture->script); i++)
        count += strcmp(script_request(fixture->script, i)->method, "POST") == 0;
    return count;
}

/* What has been renewed is not lost: whatever failed, there is a token without a second renewal
 * once one was given. */
static void test_every_allocation_may_fail(void **state)
{
    struct source_fixture *fixture = *state;
    unsigned long failed = 1, nth = 1;
    unsigned checked = 0;
    for (; failed > 0; nth++) {
        write_cache(RENEWABLE(GONE));
        source_script(fixture, renewing, COUNT(renewing));
        le_mem_fail_at(nth);
        enum le_err err = make_one(fixture);
        if (err == LE_OK)
            err = source_refresh(fixture);
        failed = le_mem_failures();
        le_mem_fail_at(0);
        assert_true(err == LE_OK || le_err_class(err) == LE_CLASS_RETRY);
        if (err == LE_OK)
            source_check(fixture);
        else if (fixture->source != NULL)
            assert_true(fixture->source->failure->words[0] != '\0');
        /* An answer that there was no memory to read was asked for twice. */
        if (fixture->source != NULL && count_renewals(fixture) == 1) {
            source_script(fixture, portal_only, 1);
            assert_int_equal(source_refresh(fixture), LE_OK);
            assert_int_equal(script_count(fixture->script), 1);
            check_portal(fixture, 0, "new-psst");
            checked++;
        }
        source_close(fixture);
        check_folder();
    }
    assert_true(nth > 20 && checked > 10);
    assert_null(strstr(lines, "psst"));
}

static int setup_one(void **state)
{
    (void)state;
    clock_ms = NOW_MS;
    other_text = NULL;
    other_later = 0;
    lines_len = 0;
    lines[0] = '\0';
    snprintf(cache, sizeof cache, "%s/token.json", folder);
    return 0;
}

static int teardown_one(void **state)
{
    (void)state;
    return unlink(cache);
}

static int setup(void **state)
{
    static const struct le_log_config log = {
        .level = LE_LOG_INFO, .format = LE_LOG_LOGFMT, .sink = take_line, .wall_ms = now};
    if (mkdtemp(folder) == NULL || source_setup(state) != 0)
        return -1;
    le_log_init(&log);
    return setenv("no_proxy", "127.0.0.1", 1); /* it is asked through proxies, where there are */
}

static int teardown(void **state)
{
    le_log_init(NULL);
    return rmdir(folder) == 0 ? source_teardown(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_token_is_renewed, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_no_refresh_token_comes, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_what_is_not_renewed, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_a_renewal_fails, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_it_goes_on_without_a_renewal, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_nobody_answers, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_attempts_have_an_interval, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_another_process_was_first, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_another_process_is_slow, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_logged_out_meanwhile, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_logged_out_while_it_is_renewed, setup_one,
                                        teardown_one),
        cmocka_unit_test_setup_teardown(test_the_file_cannot_be_written, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_lengths, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_it_can_be_ended_at_any_time, setup_one, teardown_one),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, setup_one, teardown_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
