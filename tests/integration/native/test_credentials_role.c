/* Roles that are taken on with another source's credentials, and chains of them. */
#include "live_blocks.h"
#include "sts_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define MINUTE_MS    INT64_C(60000)

static const struct script_answer good[] = {{.status = 200, .body = STS_ANSWER}};

/* ---- bases ---- */

static const char *variable(void *self, const char *name)
{
    (void)self;
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return "BASEKEY";
    if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0)
        return "basesecret";
    return strcmp(name, "AWS_SESSION_TOKEN") == 0 ? "basetoken" : NULL;
}

static struct le_credential_source *fixed_base(void)
{
    static const struct le_environment environment = {variable, NULL};
    struct le_credential_source *base;
    struct le_setting_fault fault;
    assert_int_equal(le_credentials_environment(&environment, &base, &fault), LE_OK);
    return base;
}

static struct le_credential_source *container_base(const struct source_fixture *fixture)
{
    const struct le_container_params params = {.relative_uri = "/base",
                                               .relative_origin = fixture->origin};
    struct le_credential_source *base;
    struct le_setting_fault fault;
    assert_int_equal(le_credentials_container(&fixture->world, &params, &base, &fault), LE_OK);
    return base;
}

#define BASE_ANSWER(id, time)                                                                 \
    "{\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"basesecret\",\"Token\":\"basetoken\"," \
    "\"Expiration\":\"2015-08-30T" time "Z\"}"

/* ---- roles ---- */

static struct le_role_params role_params(const struct source_fixture *fixture)
{
    return (struct le_role_params){.sts = sts_params(fixture, "worker"),
                                   .profile = LE_SPAN_LIT("deploy")};
}

static void make(struct source_fixture *fixture, struct le_credential_source *base)
{
    const struct le_role_params params = role_params(fixture);
    struct le_setting_fault fault;
    assert_int_equal(le_credentials_role(&fixture->world, &params, base, &fixture->source, &fault),
                     LE_OK);
    assert_string_equal(fixture->source->name, "role of profile deploy");
    source_check_none(fixture);
}

/* Who signed the request at this position; "" when nobody did. */
static const char *signer_of(struct source_fixture *fixture, size_t position)
{
    static char id[64];
    const char *authorization =
        script_header(script_request(fixture->script, position), "authorization");
    if (sscanf(authorization, "AWS4-HMAC-SHA256 Credential=%60[^/]/", id) != 1)
        id[0] = '\0';
    return id;
}

static void refresh(struct source_fixture *fixture, const struct script_answer *answers,
                    size_t count, size_t requests)
{
    source_script(fixture, answers, count);
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_int_equal(script_count(fixture->script), requests);
}

/* ---- the request ---- */

static void test_the_request(void **state)
{
    struct source_fixture *fixture = *state;
    struct le_role_params params = role_params(fixture);
    struct le_setting_fault fault;
    params.external_id = LE_SPAN_LIT("a/b:c");
    params.duration_s = 900;
    assert_int_equal(
        le_credentials_role(&fixture->world, &params, fixed_base(), &fixture->source, &fault),
        LE_OK);
    refresh(fixture, good, 1, 1);
    source_check(fixture);
    const struct script_request *asked = script_request(fixture->script, 0);
    assert_string_equal(asked->method, "POST");
    assert_string_equal(asked->path, "/");
    assert_string_equal(asked->body,
                        "Action=AssumeRole&Version=2011-06-15&RoleArn=" STS_ARN_QUOTED
                        "&RoleSessionName=worker&ExternalId=a%2Fb%3Ac&DurationSeconds=900");
    assert_non_null(strstr(script_header(asked, "authorization"),
                           "Credential=BASEKEY/20150830/eu-west-1/sts/aws4_request, SignedHeaders="
                           "content-type;host;x-amz-date;x-amz-security-token, Signature="));
    assert_string_equal(script_header(asked, "x-amz-security-token"), "basetoken");
    assert_string_equal(script_header(asked, "x-amz-date"), "20150830T113600Z");
    assert_string_equal(script_header(asked, "accept"), "text/xml");
    source_close(fixture);
}

static void test_what_is_not_given_is_not_sent(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, fixed_base());
    refresh(fixture, good, 1, 1);
    assert_string_equal(script_request(fixture->script, 0)->body,
                        "Action=AssumeRole&Version=2011-06-15&RoleArn=" STS_ARN_QUOTED
                        "&RoleSessionName=worker");
    source_close(fixture);
}

/* The profile's name may be anything; a line of the log may not. */
static void test_the_name(void **state)
{
    struct source_fixture *fixture = *state;
    struct le_role_params params = role_params(fixture);
    struct le_setting_fault fault;
    params.profile = LE_SPAN_LIT("a\nb");
    assert_int_equal(
        le_credentials_role(&fixture->world, &params, fixed_base(), &fixture->source, &fault),
        LE_OK);
    assert_string_equal(fixture->source->name, "role of profile a?b");
    source_close(fixture);
}

static void test_parameters_that_are_refused(void **state)
{
    static char long_id[1300];
    static const struct {
        const char *arn, *session_name, *external_id;
        int64_t duration_s;
        const char *setting;
    } wrong[] = {
        {"", "worker", NULL, 0, "role_arn"},
        {STS_ARN, "two words", NULL, 0, "role_session_name"},
        {STS_ARN, "worker", "", 0, "external_id"},
        {STS_ARN, "worker", "x", 0, "external_id"},
        {STS_ARN, "worker", "a&b", 0, "external_id"},
        {STS_ARN, "worker", long_id, 0, "external_id"},
        {STS_ARN, "worker", NULL, 899, "duration_seconds"},
        {STS_ARN, "worker", NULL, 43201, "duration_seconds"},
    };
    struct source_fixture *fixture = *state;
    memset(long_id, 'x', sizeof long_id - 1);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct le_role_params params = {.sts = sts_params(fixture, wrong[i].session_name),
                                        .external_id = le_span_of(wrong[i].external_id),
                                        .duration_s = wrong[i].duration_s};
        struct le_setting_fault fault = {NULL, NULL};
        params.sts.role_arn = le_span_of(wrong[i].arn);
        assert_int_equal(
            le_credentials_role(&fixture->world, &params, fixed_base(), &fixture->source, &fault),
            LE_ERR_CONFIG);
        assert_null(fixture->source);
        assert_string_equal(fault.setting, wrong[i].setting);
    }
}

/* ---- the answer ---- */

static void test_refusals(void **state)
{
    static const struct {
        unsigned status;
        const char *code;
        enum le_err err;
        const char *setting, *words;
    } cases[] = {
        {403, "AccessDenied", LE_ERR_DENIED, "role_arn", "sts:AssumeRole"},
        {403, "ExpiredToken", LE_ERR_CREDENTIALS, NULL, "have expired"},
        {400, "ExpiredTokenException", LE_ERR_CREDENTIALS, NULL, "have expired"},
        {403, "InvalidClientTokenId", LE_ERR_CREDENTIALS, "AWS_ENDPOINT_URL_STS", "access key"},
        {403, "SignatureDoesNotMatch", LE_ERR_CREDENTIALS, NULL, "secret key"},
        {400, "ValidationError", LE_ERR_REFUSED, "role_arn", "duration_seconds"},
        {403, "RegionDisabledException", LE_ERR_DENIED, "AWS_REGION", "switched off"},
        {400, "Throttling", LE_ERR_THROTTLED, NULL, "slow down"},
        {500, "InternalFailure", LE_ERR_SERVICE, NULL, "gives no credentials"},
    };
    struct source_fixture *fixture = *state;
    make(fixture, fixed_base());
    for (size_t i = 0; i < COUNT(cases); i++) {
        sts_check_refusal(fixture, cases[i].status, cases[i].code, cases[i].err, cases[i].setting,
                          cases[i].words);
        source_check_failure(fixture, cases[i].setting, "role of profile deploy: STS ");
    }
    source_check_none(fixture);
    source_close(fixture);
}

/* Signed anew with the service's time, once, and with that from then on. */
static void test_a_wrong_clock_is_corrected(void **state)
{
    static const struct script_answer answers[] = {{.status = 403,
                                                    .body = STS_ERROR("SignatureDoesNotMatch"),
                                                    .date = "Sun, 30 Aug 2015 10:00:00 GMT"},
                                                   {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    make(fixture, fixed_base());
    refresh(fixture, answers, 2, 2);
    const struct script_request *second = script_request(fixture->script, 1);
    assert_string_equal(script_header(second, "x-amz-date"), "20150830T100000Z");
    assert_string_equal(script_request(fixture->script, 0)->body, second->body);
    assert_string_equal(fixture->source->failure->words, "");
    fixture->wall_ms += MINUTE_MS;
    refresh(fixture, answers + 1, 1, 1);
    assert_string_equal(script_header(script_request(fixture->script, 0), "x-amz-date"),
                        "20150830T100100Z");
    fixture->wall_ms = SOURCE_START_MS;
    source_close(fixture);
}

/* A secret that is wrong is wrong at any time. */
static void test_a_wrong_secret_is_not_tried_for_ever(void **state)
{
    static const struct script_answer answers[] = {{.status = 403,
                                                    .body = STS_ERROR("SignatureDoesNotMatch"),
                                                    .date = "Sun, 30 Aug 2015 10:00:00 GMT"},
                                                   {.status = 403,
                                                    .body = STS_ERROR("SignatureDoesNotMatch"),
                                                    .date = "Sun, 30 Aug 2015 20:00:00 GMT"}};
    struct source_fixture *fixture = *state;
    make(fixture, fixed_base());
    source_script(fixture, answers, 2);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    assert_int_equal(script_count(fixture->script), 2);
    source_close(fixture);
}

/* ---- the base ---- */

static void test_the_base_is_refreshed_in_time(void **state)
{
    static const struct script_answer first[] = {
        {.status = 200, .body = BASE_ANSWER("BASE1", "12:00:00")},
        {.status = 200, .body = STS_ANSWER}};
    static const struct script_answer later[] = {
        {.status = 200, .body = BASE_ANSWER("BASE2", "13:00:00")},
        {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    make(fixture, container_base(fixture));
    refresh(fixture, first, 2, 2); /* at 11:36 */
    assert_string_equal(script_request(fixture->script, 0)->path, "/base");
    assert_string_equal(signer_of(fixture, 1), "BASE1");
    source_check(fixture);
    fixture->wall_ms += 5 * MINUTE_MS; /* more than a quarter of an hour is left */
    refresh(fixture, good, 1, 1);
    assert_string_equal(signer_of(fixture, 0), "BASE1");
    fixture->wall_ms += 5 * MINUTE_MS; /* less */
    refresh(fixture, later, 2, 2);
    assert_string_equal(signer_of(fixture, 1), "BASE2");
    fixture->wall_ms = SOURCE_START_MS;
    source_close(fixture);
}

static void test_what_is_doubtful_about_the_base(void **state)
{
    static const char doubt[] = "it will not last";
    struct source_fixture *fixture = *state;
    struct le_credential_source *base = fixed_base();
    base->doubt = doubt;
    make(fixture, base);
    refresh(fixture, good, 1, 1);
    assert_ptr_equal(fixture->source->doubt, doubt);
    source_close(fixture);
}

static void test_a_base_that_fails(void **state)
{
    static const struct script_answer first[] = {
        {.status = 200, .body = BASE_ANSWER("BASE1", "11:46:00")},
        {.status = 200, .body = STS_ANSWER}};
    static const struct script_answer broken[] = {{.status = 404},
                                                  {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    make(fixture, container_base(fixture));
    source_script(fixture, broken, 2);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                         "the container's metadata service gives no credentials (status 404)");
    source_check_none(fixture);
    refresh(fixture, first, 2, 2);
    /* What it has lasts still, if not for long: the role is got with that. */
    refresh(fixture, broken, 2, 2);
    assert_string_equal(signer_of(fixture, 1), "BASE1");
    assert_string_equal(fixture->source->failure->words, "");
    fixture->wall_ms += 10 * MINUTE_MS; /* no longer */
    source_script(fixture, broken, 2);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "(status 404)");
    assert_int_equal(script_count(fixture->script), 1);
    fixture->wall_ms = SOURCE_START_MS;
    source_close(fixture);
}

/* Nobody is asked with those, and it is said whose fault it is. */
static void test_a_base_that_comes_expired(void **state)
{
    static const struct script_answer first[] = {
        {.status = 200, .body = BASE_ANSWER("BASE1", "11:46:00")},
        {.status = 200, .body = STS_ANSWER}};
    static const struct script_answer late[] = {
        {.status = 200, .body = BASE_ANSWER("BASE2", "11:30:00")},
        {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    make(fixture, container_base(fixture));
    source_script(fixture, late, 2);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                         "the container's metadata service gives credentials that expired at ");
    source_check_none(fixture);
    assert_int_equal(script_count(fixture->script), 1);
    refresh(fixture, first, 2, 2);
    refresh(fixture, late, 2, 2);
    assert_string_equal(signer_of(fixture, 1), "BASE1");
    source_close(fixture);
}

/* By what STS says, whatever was said of them before. */
static void test_a_base_that_has_expired_early(void **state)
{
    static const struct script_answer first[] = {
        {.status = 200, .body = BASE_ANSWER("BASE1", "23:00:00")},
        {.status = 403, .body = STS_ERROR("ExpiredToken")}};
    static const struct script_answer broken[] = {{.status = 404}};
    static const struct script_answer later[] = {
        {.status = 200, .body = BASE_ANSWER("BASE2", "23:00:00")},
        {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    make(fixture, container_base(fixture));
    source_script(fixture, first, 2);
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, NULL, "have expired");
    source_script(fixture, broken, 1); /* those that were refused are not tried once more */
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    assert_int_equal(script_count(fixture->script), 1);
    refresh(fixture, later, 2, 2);
    assert_string_equal(signer_of(fixture, 1), "BASE2");
    refresh(fixture, good, 1, 1);
    assert_string_equal(signer_of(fixture, 0), "BASE2");
    source_close(fixture);
}

/* ---- chains ---- */

static enum le_err make_roles(struct source_fixture *fixture, unsigned count)
{
    const struct le_role_params params = role_params(fixture);
    const struct le_container_params base = {.relative_uri = "/base",
                                             .relative_origin = fixture->origin};
    struct le_credential_source *source;
    struct le_setting_fault fault;
    enum le_err err = le_credentials_container(&fixture->world, &base, &source, &fault);
    for (unsigned i = 0; i < count && err == LE_OK; i++)
        err = le_credentials_role(&fixture->world, &params, source, &source, &fault);
    fixture->source = source;
    return err;
}

static enum le_err make_chain(struct source_fixture *fixture)
{
    return make_roles(fixture, 3);
}

static const struct script_answer chain[] = {
    {.status = 200, .body = BASE_ANSWER("BASE", "12:40:00")},
    {.status = 200, .body = STS_ANSWER_OF("ONE", "s1", "t1", "2015-08-30T11:56:00Z")},
    {.status = 200, .body = STS_ANSWER_OF("TWO", "s2", "t2", "2015-08-30T12:36:00Z")},
    {.status = 200, .body = STS_ANSWER}};

static void test_a_chain_of_three(void **state)
{
    static const struct script_answer later[] = {
        {.status = 200, .body = BASE_ANSWER("BASE", "13:40:00")},
        {.status = 200, .body = STS_ANSWER_OF("ONE", "s1", "t1", "2015-08-30T12:56:00Z")},
        {.status = 200, .body = STS_ANSWER_OF("TWO", "s2", "t2", "2015-08-30T13:36:00Z")},
        {.status = 200, .body = STS_ANSWER}};
    struct source_fixture *fixture = *state;
    assert_int_equal(make_chain(fixture), LE_OK);
    refresh(fixture, chain, COUNT(chain), 4);
    source_check(fixture);
    assert_string_equal(signer_of(fixture, 0), "");
    assert_string_equal(signer_of(fixture, 1), "BASE");
    assert_string_equal(signer_of(fixture, 2), "ONE");
    assert_string_equal(signer_of(fixture, 3), "TWO");
    fixture->wall_ms +=
        10 * MINUTE_MS; /* the first role's are near their end, the second's are not */
    refresh(fixture, good, 1, 1);
    assert_string_equal(signer_of(fixture, 0), "TWO");
    fixture->wall_ms += 40 * MINUTE_MS; /* all are */
    refresh(fixture, later, COUNT(later), 4);
    assert_string_equal(signer_of(fixture, 3), "TWO");
    fixture->wall_ms = SOURCE_START_MS;
    source_close(fixture);
}

static void test_a_chain_says_where_it_breaks(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = BASE_ANSWER("BASE", "13:00:00")},
        {.status = 403, .body = STS_ERROR("AccessDenied")}};
    struct source_fixture *fixture = *state;
    assert_int_equal(make_chain(fixture), LE_OK);
    source_script(fixture, answers, 2);
    assert_int_equal(source_refresh(fixture), LE_ERR_DENIED);
    assert_int_equal(script_count(fixture->script), 2);
    source_check_failure(fixture, "role_arn", "(AccessDenied)");
    source_close(fixture);
}

/* ---- its end ---- */

static void destroy_inside(void *owner, enum le_err err)
{
    struct source_fixture *fixture = owner;
    fixture->err = err;
    fixture->source->destroy(fixture->source);
    fixture->source = NULL;
}

static void test_it_may_be_ended_by_what_it_tells(void **state)
{
    static const struct script_answer broken[] = {{.status = 404}};
    struct source_fixture *fixture = *state;
    for (unsigned fails = 0; fails < 2; fails++) {
        assert_int_equal(make_chain(fixture), LE_OK);
        source_script(fixture, fails ? broken : chain, fails ? 1 : COUNT(chain));
        assert_int_equal(fixture->source->refresh(fixture->source, destroy_inside, fixture), LE_OK);
        assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
        assert_null(fixture->source);
        assert_int_equal(fixture->err, fails ? LE_ERR_CREDENTIALS : LE_OK);
    }
}

/* Whatever it waits for: each base's answer, its own. */
static void test_it_can_be_ended_at_any_time(void **state)
{
    struct source_fixture *fixture = *state;
    for (size_t waits = 0; waits <= COUNT(chain); waits++) {
        assert_int_equal(make_chain(fixture), LE_OK);
        source_script(fixture, chain, COUNT(chain));
        assert_int_equal(source_begin(fixture), LE_OK);
        while (script_count(fixture->script) < waits)
            (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
        source_close(fixture);
    }
}

static enum le_err make_one(struct source_fixture *fixture)
{
    return make_roles(fixture, 1);
}

static void test_every_allocation_may_fail(void **state)
{
    static const struct script_answer answers[] = {
        {.status = 200, .body = BASE_ANSWER("BASE", "13:00:00")},
        {.status = 200, .body = STS_ANSWER}};
    source_torture(*state, answers, 2, make_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_request),
        cmocka_unit_test(test_what_is_not_given_is_not_sent),
        cmocka_unit_test(test_the_name),
        cmocka_unit_test(test_parameters_that_are_refused),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_wrong_clock_is_corrected),
        cmocka_unit_test(test_a_wrong_secret_is_not_tried_for_ever),
        cmocka_unit_test(test_the_base_is_refreshed_in_time),
        cmocka_unit_test(test_what_is_doubtful_about_the_base),
        cmocka_unit_test(test_a_base_that_fails),
        cmocka_unit_test(test_a_base_that_comes_expired),
        cmocka_unit_test(test_a_base_that_has_expired_early),
        cmocka_unit_test(test_a_chain_of_three),
        cmocka_unit_test(test_a_chain_says_where_it_breaks),
        cmocka_unit_test(test_it_may_be_ended_by_what_it_tells),
        cmocka_unit_test(test_it_can_be_ended_at_any_time),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, sts_setup, source_teardown);
}
