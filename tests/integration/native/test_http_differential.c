/* The answer reader against libcurl's own HTTP engine: the same bytes, the same judgement. Where we
 * are of another mind, the table says so; in answers changed at random, what we take libcurl takes
 * too, with the same status and body. */
#include "loginetl/base/http.h"
#include "loginetl/base/rng.h"

#include "../../unit/http_answers.h"
#include "raw_server.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_MAX  4096
#define RAW_MAX   8192
#define MUTATIONS 20000

struct verdict {
    bool taken;
    int status;
    struct le_buf body;
};

struct rig {
    struct raw_server *server;
    CURL *curl;
    char url[64];
    struct verdict ours, theirs;
};

static size_t collect(char *bytes, size_t size, size_t count, void *self)
{
    struct le_buf *body = self;
    return le_buf_append(body, bytes, size * count) == LE_OK ? size * count : 0;
}

static void ask_libcurl(struct rig *rig, const char *raw, size_t len, bool head)
{
    struct verdict *out = &rig->theirs;
    const struct raw_step step = {.bytes = raw, .len = len, .end = RAW_CLOSE};
    const struct raw_step nothing = {.end = RAW_CLOSE};
    raw_server_script(rig->server, len > 0 ? &step : &nothing, 1);
    le_buf_clear(&out->body);
    curl_easy_reset(rig->curl);
    curl_easy_setopt(rig->curl, CURLOPT_URL, rig->url);
    curl_easy_setopt(rig->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(rig->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(rig->curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(rig->curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(rig->curl, CURLOPT_TIMEOUT_MS, 60000L);
    curl_easy_setopt(rig->curl, CURLOPT_NOBODY, (long)head);
    curl_easy_setopt(rig->curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(rig->curl, CURLOPT_WRITEDATA, &out->body);
    CURLcode rc = curl_easy_perform(rig->curl);
    long status = 0;
    curl_easy_getinfo(rig->curl, CURLINFO_RESPONSE_CODE, &status);
    assert_int_not_equal(rc, CURLE_OPERATION_TIMEDOUT);
    out->taken = rc == CURLE_OK;
    out->status = (int)status;
}

static void ask_ours(struct rig *rig, const char *raw, size_t len, bool head)
{
    struct verdict *out = &rig->ours;
    struct le_http_reader reader;
    size_t used = 0;
    le_buf_clear(&out->body);
    le_http_reader_init(&reader);
    le_http_reader_begin(&reader, &out->body);
    reader.no_body = head;
    enum le_err err = le_http_reader_feed(&reader, raw, len, &used);
    if (err == LE_OK)
        err = le_http_reader_eof(&reader);
    out->taken = err == LE_OK;
    out->status = reader.status;
    le_http_reader_free(&reader);
}

static bool same(const struct rig *rig)
{
    return rig->ours.status == rig->theirs.status &&
           le_span_equal(le_buf_span(&rig->ours.body), le_buf_span(&rig->theirs.body));
}

static void the_table(void **state)
{
    struct rig *rig = *state;
    unsigned differences = 0;
    for (size_t i = 0; i < ANSWERS; i++) {
        const struct answer *answer = &answers[i];
        if (answer->libcurl == UNSAFE)
            continue;
        ask_ours(rig, answer->raw, answer->raw_len, answer->no_body);
        ask_libcurl(rig, answer->raw, answer->raw_len, answer->no_body);
        enum libcurl is = rig->ours.taken == rig->theirs.taken ? AGREES
                          : rig->theirs.taken                  ? TAKES_IT
                                                               : REFUSES_IT;
        assert_int_equal(rig->ours.taken, answer->err == LE_OK);
        bool differs = is != answer->libcurl || (is == AGREES && rig->ours.taken && !same(rig));
        if (differs)
            print_error("%s: taken by us %d, by libcurl %d; status %d and %d\n", answer->name,
                        rig->ours.taken, rig->theirs.taken, rig->ours.status, rig->theirs.status);
        differences += differs;
    }
    assert_int_equal(differences, 0);
}

/* A few bytes replaced, dropped, doubled or taken from elsewhere in the table. */
static size_t mutate(struct le_rng *rng, char *raw)
{
    const struct answer *answer = &answers[le_rng_below(rng, ANSWERS)];
    size_t len = answer->raw_len;
    memcpy(raw, answer->raw, len);
    static const char spice[] = "\r\n\r\n :;,0129afA-\t\0HTTP/1.1 ";
    for (uint64_t changes = 1 + le_rng_below(rng, 3); changes > 0 && len > 0; changes--) {
        size_t at = le_rng_below(rng, len);
        switch (le_rng_below(rng, 4)) {
        case 0: raw[at] = spice[le_rng_below(rng, sizeof spice)]; break;
        case 1:
            memmove(raw + at, raw + at + 1, len - at - 1);
            len--;
            break;
        case 2:
            memmove(raw + at + 1, raw + at, len - at);
            raw[at] = spice[le_rng_below(rng, sizeof spice)];
            len++;
            break;
        default: len = at; break;
        }
    }
    return len;
}

/* Of what we take, libcurl refuses later minor versions, which RFC 9110 has us read as 1.1, and
 * very many leading zeros. */
static bool is_exception(const char *raw, size_t len)
{
    static const char version[] = "HTTP/1.";
    const char *at = raw, *end = raw + len;
    while ((at = memmem(at, (size_t)(end - at), version, sizeof version - 1)) != NULL) {
        at += sizeof version - 1;
        if (at<end && * at> '1')
            return true;
    }
    return memmem(raw, len, "00000000000000", 14) != NULL;
}

static void answers_changed_at_random(void **state)
{
    struct rig *rig = *state;
    struct le_rng rng;
    char raw[RAW_MAX];
    unsigned taken = 0;
    le_rng_seed(&rng, 20240501);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        size_t len = mutate(&rng, raw);
        ask_ours(rig, raw, len, false);
        if (!rig->ours.taken || is_exception(raw, len))
            continue;
        taken++;
        ask_libcurl(rig, raw, len, false);
        if (!rig->theirs.taken || !same(rig)) {
            print_error("status %d and %d, body %zu and %zu bytes, taken by libcurl %d:\n%.*s\n",
                        rig->ours.status, rig->theirs.status, rig->ours.body.len,
                        rig->theirs.body.len, rig->theirs.taken, (int)len, raw);
            fail();
        }
    }
    assert_true(taken > MUTATIONS / 20);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    const struct raw_step nothing = {.end = RAW_CLOSE};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rig->curl = curl_easy_init();
    rig->server = raw_server_start(&nothing, 1);
    snprintf(rig->url, sizeof rig->url, "http://127.0.0.1:%d/", raw_server_port(rig->server));
    le_buf_init(&rig->ours.body, BODY_MAX);
    le_buf_init(&rig->theirs.body, BODY_MAX);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    curl_easy_cleanup(rig->curl);
    raw_server_stop(rig->server);
    le_buf_free(&rig->ours.body);
    le_buf_free(&rig->theirs.body);
    free(rig);
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(answers_changed_at_random),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
