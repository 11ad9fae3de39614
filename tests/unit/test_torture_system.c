/* Memory that fails inside mbedTLS and libcrypto. */
#include "failing_malloc.h"

#include "loginetl/base/buf.h"
#include "loginetl/base/crypto.h"
#include "loginetl/base/mem.h"
#include "loginetl/sqs/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NTH_MAX      1000
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* libcrypto 3.0 crashes when there is no memory for its own start (it takes a lock that it could
 * not make). In the program libcurl has started it long before. */
static int start_libraries(void **state)
{
    uint8_t sum[LE_SHA256_LEN];
    (void)state;
    if (!LE_FAILING_MALLOC)
        print_message("not with the address sanitizer, whose malloc is in use\n");
    if (le_sha256_bulk(LE_SPAN_LIT(""), sum) != LE_OK)
        return -1;
    /* An algorithm that could not be had the first time is not tried again. */
    static const char body[1000];
    return le_md5_bulk((struct le_span){body, sizeof body}, sum) == LE_OK ? 0 : -1;
}

#define NEEDS_IT()              \
    do {                        \
        if (!LE_FAILING_MALLOC) \
            skip();             \
    } while (0)

typedef enum le_err hash_fn(struct le_span, uint8_t *);

static void hash_without_memory(hash_fn *hash, hash_fn *bulk, size_t len)
{
    static const char body[1000] = "{}"; /* as long as what libcrypto is for */
    const struct le_span text = {body, sizeof body};
    uint8_t want[LE_SHA512_LEN], sum[LE_SHA512_LEN];
    assert_int_equal(hash(text, want), LE_OK);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        unsigned long failures = 1;
        for (unsigned long nth = 1; failures > 0; nth++) {
            assert_true(nth < NTH_MAX);
            fail_malloc_at(nth, for_ever != 0);
            enum le_err err = bulk(text, sum);
            failures = failing_malloc.failures;
            fail_malloc_at(0, false);
            assert_int_equal(err, LE_OK);
            assert_memory_equal(sum, want, len);
        }
    }
}

/* libcrypto takes memory for a hash. When there is none, the other library does it. */
static void a_bulk_hash(void **state)
{
    (void)state;
    NEEDS_IT();
    hash_without_memory(le_sha256, le_sha256_bulk, LE_SHA256_LEN);
    hash_without_memory(le_md5, le_md5_bulk, LE_MD5_LEN);
}

static void a_hash_takes_no_memory(void **state)
{
    const struct le_span text = LE_SPAN_LIT("192.0.2.1"), key = LE_SPAN_LIT("key");
    uint8_t sums[2][LE_SHA512_LEN], keyed[2][LE_SHA256_LEN], md5[2][LE_MD5_LEN];
    enum le_err errs[2][4];
    (void)state;
    NEEDS_IT();
    for (int i = 0; i < 2; i++) {
        fail_malloc_at((unsigned long)i, true); /* the second time there is none */
        errs[i][0] = le_sha512(text, sums[i]);
        errs[i][1] = le_md5(text, md5[i]);
        errs[i][2] = le_sha256(text, keyed[i]);
        errs[i][3] = le_hmac_sha256(key, text, keyed[i]);
        fail_malloc_at(0, false);
        for (int k = 0; k < 4; k++)
            assert_int_equal(errs[i][k], LE_OK);
    }
    assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
    assert_memory_equal(md5[0], md5[1], sizeof md5[0]);
    assert_memory_equal(keyed[0], keyed[1], sizeof keyed[0]);
}

static void a_key_that_is_kept(void **state)
{
    struct le_hmac *hmac = NULL;
    long before = le_mem_live();
    unsigned long nth = 1;
    (void)state;
    NEEDS_IT();
    for (; hmac == NULL; nth++) {
        assert_true(nth < NTH_MAX);
        fail_malloc_at(nth, false);
        hmac = le_hmac_new(LE_SPAN_LIT("key"));
        fail_malloc_at(0, false);
        assert_int_equal(le_mem_live(), before + (hmac != NULL));
    }
    assert_true(nth > 3); /* ours, and a context's two states */
    le_hmac_free(hmac);
}

static enum le_err sign(struct le_signer *signer, struct le_buf *out)
{
    static const struct le_http_header headers[] = {
        {LE_SPAN_LIT("host"), LE_SPAN_LIT("localhost")},
        {LE_SPAN_LIT("x-amz-date"), LE_SPAN_LIT("20260101T000000Z")}};
    uint8_t payload[LE_SHA256_LEN];
    enum le_err err = le_sha256_bulk(LE_SPAN_LIT("{}"), payload);
    struct le_sigv4_request request = {.method = LE_SPAN_LIT("POST"),
                                       .path = LE_SPAN_LIT("/"),
                                       .query = LE_SPAN_LIT(""),
                                       .headers = headers,
                                       .header_count = COUNT(headers),
                                       .payload_sha256 = payload};
    return err == LE_OK ? le_sigv4_authorization(signer, &request, INT64_C(1767225600000), out)
                        : err;
}

/* A signer that ran out of memory signs well as soon as there is some. */
static enum le_err make_and_sign(unsigned long nth, bool for_ever, unsigned long *failures)
{
    const struct le_credentials keys = {LE_SPAN_LIT("AKIDEXAMPLE"), LE_SPAN_LIT("secret"),
                                        LE_SPAN_NONE};
    struct le_buf out;
    le_buf_init(&out, 4096);
    fail_malloc_at(nth, for_ever);
    struct le_signer *signer = le_signer_new(LE_SPAN_LIT("eu-west-1"), LE_SPAN_LIT("sqs"));
    enum le_err err = signer != NULL ? le_signer_set_credentials(signer, &keys) : LE_ERR_NOMEM;
    if (err == LE_OK)
        err = sign(signer, &out);
    *failures = failing_malloc.failures;
    fail_malloc_at(0, false);
    if (signer != NULL && err != LE_OK) {
        assert_int_equal(le_signer_set_credentials(signer, &keys), LE_OK);
        le_buf_clear(&out);
        assert_int_equal(sign(signer, &out), LE_OK);
    }
    le_signer_free(signer);
    le_buf_free(&out);
    return err;
}

static void a_signer(void **state)
{
    long before = le_mem_live();
    (void)state;
    NEEDS_IT();
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        unsigned long failures = 1;
        for (unsigned long nth = 1; failures > 0; nth++) {
            assert_true(nth < NTH_MAX);
            enum le_err err = make_and_sign(nth, for_ever != 0, &failures);
            assert_true(err == LE_ERR_NOMEM || err == LE_OK);
            assert_int_equal(le_mem_live(), before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bulk_hash),
        cmocka_unit_test(a_hash_takes_no_memory),
        cmocka_unit_test(a_key_that_is_kept),
        cmocka_unit_test(a_signer),
    };
    return cmocka_run_group_tests(tests, start_libraries, NULL);
}
