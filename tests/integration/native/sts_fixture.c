#include "sts_fixture.h"

#include "live_blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sts_setup(void **state)
{
    int status = source_setup(state);
    setenv("no_proxy", "127.0.0.1", 1);
    return status;
}

struct le_sts_params sts_params(const struct source_fixture *fixture, const char *session_name)
{
    return (struct le_sts_params){
        .endpoint = fixture->origin,
        .region = "eu-west-1",
        .role_arn = LE_SPAN_LIT(STS_ARN),
        .session_name = le_span_of(session_name),
    };
}

void sts_check_refusal(struct source_fixture *fixture, unsigned status, const char *code,
                       enum le_err err, const char *setting, const char *words)
{
    char body[512], quoted[80];
    snprintf(body, sizeof body, STS_ERROR("%s"), code, code);
    snprintf(quoted, sizeof quoted, "(%s)", code);
    const struct script_answer answer = {.status = status, .body = body};
    source_script(fixture, &answer, 1);
    if (source_refresh(fixture) != err)
        fail_msg("%s: %s instead of %s", code, le_err_name(fixture->err), le_err_name(err));
    source_check_failure(fixture, setting, words);
    source_check_failure(fixture, setting, quoted);
    const char *said = fixture->source->failure->words;
    assert_null(strstr(said, "psst"));
    assert_true(said[strlen(said) - 1] == ')'); /* nothing was cut */
    source_script(fixture, NULL, 0);
}
