/* A loop, a net, and one source of credentials at a time, whose refreshes are waited for. */
#ifndef LE_TESTS_SOURCE_FIXTURE_H
#define LE_TESTS_SOURCE_FIXTURE_H

#include "loginetl/aws/sources.h"

#include "raw_server.h"
#include "sqs_script.h"

#define SOURCE_ANSWER                                                                \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"secret\"," \
    "\"Token\":\"token\",\"Expiration\":\"2015-08-30T12:36:00Z\"}"
#define SOURCE_EXPIRES_MS INT64_C(1440938160000)
/* An hour before. */
#define SOURCE_START_MS (SOURCE_EXPIRES_MS - INT64_C(3600000))

struct source_fixture {
    uv_loop_t loop;
    struct le_net *net;
    struct le_source_world world;
    int64_t wall_ms;                     /* at first SOURCE_START_MS */
    struct le_credential_source *source; /* the test makes it; source_close ends it */
    struct script *script;
    char origin[64]; /* of the script: "http://127.0.0.1:port" */
    unsigned done;
    bool inside; /* refresh is being called: done must not come now */
    enum le_err err;
};

int source_setup(void **state);
int source_teardown(void **state);
void source_script(struct source_fixture *fixture, const struct script_answer *answers,
                   size_t count);
/* A token's. */
void source_write_file(const char *path, const char *text);
/* Begins, waits, and says what came of it. */
enum le_err source_refresh(struct source_fixture *fixture);
/* Begins only. */
enum le_err source_begin(struct source_fixture *fixture);
/* Ends the source, and runs the loop until nothing of it is left. */
void source_close(struct source_fixture *fixture);
/* That the source has what SOURCE_ANSWER says, and that nothing of it stayed where it was read. */
void source_check(const struct source_fixture *fixture);
void source_check_none(const struct source_fixture *fixture);
/* That the words of the last failure, and its setting, are about this. */
void source_check_failure(const struct source_fixture *fixture, const char *setting,
                          const char *words);

/* The source has its credentials. They come once more when they have expired: as long as a clock
 * may be off that nobody notices, they are taken, and then refused with words about this. */
void source_check_expired(struct source_fixture *fixture, const char *setting, const char *who);

/* Makes the source and refreshes it while the nth allocation fails, and says what came of it: an
 * error that may pass, with words where there is a source, or credentials. *failures: how many
 * allocations failed; 0: there were not so many. */
enum le_err source_fail_at(struct source_fixture *fixture, unsigned long nth,
                           enum le_err (*make)(struct source_fixture *fixture),
                           unsigned long *failures);
/* Made, refreshed and ended again and again, each time with the next allocation failing, until none
 * is left to fail: an error that may pass, with words where there is a source, or credentials. */
void source_torture(struct source_fixture *fixture, const struct script_answer *answers,
                    size_t count, enum le_err (*make)(struct source_fixture *fixture));

#endif
