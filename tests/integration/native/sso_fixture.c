#include "sso_fixture.h"

#include "loginetl/base/log.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const struct script_answer sso_renewing[SSO_RENEWING_COUNT] = {
    {.status = 200, .body = SSO_TOKEN_ANSWER}, {.status = 200, .body = SSO_ANSWER}};

struct sso_world sso = {.folder = "/tmp/loginetl-sso-XXXXXX"};

void sso_write_cache(const char *text)
{
    source_write_file(sso.cache, text);
}

static int64_t now(void *self)
{
    (void)self;
    if (sso.other_text != NULL && script_count(sso.other_when) > 0 && sso.other_later-- == 0) {
        if (sso.other_text[0] != '\0')
            sso_write_cache(sso.other_text);
        else
            assert_int_equal(unlink(sso.cache), 0);
        sso.other_text = NULL;
    }
    return sso.clock_ms;
}

static void take_line(void *self, const char *line, size_t len)
{
    (void)self;
    assert_true(sso.lines_len + len < sizeof sso.lines);
    memcpy(sso.lines + sso.lines_len, line, len);
    sso.lines_len += len;
    sso.lines[sso.lines_len] = '\0';
}

enum le_err sso_make_at(struct source_fixture *fixture, const char *oidc, struct le_span session)
{
    const struct le_sso_params params = {
        .endpoint = fixture->origin,
        .oidc = oidc,
        .cache = sso.cache,
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

enum le_err sso_make(struct source_fixture *fixture)
{
    return sso_make_at(fixture, fixture->origin, LE_SPAN_LIT("corp"));
}

void sso_begin(struct source_fixture *fixture, const char *text,
               const struct script_answer *answers, size_t count)
{
    sso_write_cache(text);
    source_script(fixture, answers, count);
    assert_int_equal(sso_make(fixture), LE_OK);
}

void sso_check_file(const char *wanted)
{
    char text[2 * LE_SECRET_FILE_MAX];
    FILE *file = fopen(sso.cache, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    assert_string_equal(text, wanted);
}

void sso_check_folder(void)
{
    unsigned count = 0;
    DIR *open = opendir(sso.folder);
    assert_non_null(open);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open))
        count += entry->d_name[0] != '.';
    assert_int_equal(closedir(open), 0);
    assert_int_equal(count, 1);
}

void sso_check_portal(struct source_fixture *fixture, size_t number, const char *token)
{
    const struct script_request *asked = script_request(fixture->script, number);
    assert_string_equal(asked->method, "GET");
    assert_string_equal(script_header(asked, "x-amz-sso_bearer_token"), token);
}

void sso_check_no_secret(const struct source_fixture *fixture)
{
    assert_null(strstr(fixture->source->failure->words, "psst"));
    assert_null(strstr(sso.lines, "psst"));
}

int sso_setup_one(void **state)
{
    (void)state;
    sso.clock_ms = SSO_NOW_MS;
    sso.other_text = NULL;
    sso.other_later = 0;
    sso.lines_len = 0;
    sso.lines[0] = '\0';
    snprintf(sso.cache, sizeof sso.cache, "%s/token.json", sso.folder);
    return 0;
}

int sso_teardown_one(void **state)
{
    (void)state;
    return unlink(sso.cache);
}

int sso_setup(void **state)
{
    static const struct le_log_config log = {
        .level = LE_LOG_INFO, .format = LE_LOG_LOGFMT, .sink = take_line, .wall_ms = now};
    if (mkdtemp(sso.folder) == NULL || source_setup(state) != 0)
        return -1;
    le_log_init(&log);
    return setenv("no_proxy", "127.0.0.1", 1); /* it is asked through proxies, where there are */
}

int sso_teardown(void **state)
{
    le_log_init(NULL);
    return rmdir(sso.folder) == 0 ? source_teardown(state) : -1;
}
