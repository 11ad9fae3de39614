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

static int tell(void **state)
{
    (void)state;
    if (!LE_FAILING_MALLOC)
        print_message("not with the address sanitizer, whose malloc is in use\n");
    return 0;
}

#define NEEDS_IT()              \
    do {                        \
        if (!LE_FAILING_MALLOC) \
            skip();             \
    } while (0)

/* Every hash, from its first use in the program on: neither library may take memory for one, nor
 * for its own start. */
static void a_hash_takes_no_memory(void **state)
{
    static const struct {
        enum le_err (*hash)(struct le_span, uint8_t *);
        size_t len;
    } all[] = {{le_sha256, LE_SHA256_LEN}, {le_sha256_bulk, LE_SHA256_LEN},
               {le_sha512, LE_SHA512_LEN}, {le_sha512_bulk, LE_SHA512_LEN},
               {le_md5, LE_MD5_LEN},       {le_md5_bulk, LE_MD5_LEN}};
    static const char body[1000] = "192.0.2.1";
    const struct le_span texts[] = {{body, 9}, {body, sizeof body}};
    (void)state;
    NEEDS_IT();
    for (size_t i = 0; i < 2 * COUNT(all); i++) {
        uint8_t without[LE_SHA512_LEN], with[LE_SHA512_LEN];
        struct le_span text = texts[i / COUNT(all)];
        fail_malloc_at(1, true);
        enum le_err err = all[i % COUNT(all)].hash(text, without);
        unsigned long failures = failing_malloc.failures;
        fail_malloc_at(0, false);
        assert_int_equal(err, LE_OK);
        assert_int_equal(failures, 0);
        assert_int_equal(all[i % COUNT(all)].hash(text, with), LE_OK);
        assert_memory_equal(without, with, all[i % COUNT(all)].len);
    }
}

static void a_sum_with_a_kept_key_takes_no_memory(void **state)
{
    static const char body[1000] = "192.0.2.1";
    const struct le_span text = {body, sizeof body};
    uint8_t with[LE_SHA256_LEN], without[LE_SHA256_LEN];
    (void)state;
    NEEDS_IT();
    struct le_hmac *hmac = le_hmac_new(LE_SPAN_LIT("key"));
    assert_non_null(hmac);
    fail_malloc_at(1, true);
    enum le_err err = le_hmac_sum(hmac, text, without);
    unsigned long failures = failing_malloc.failures;
    fail_malloc_at(0, false);
    assert_int_equal(err, LE_OK);
    assert_int_equal(failures, 0);
    assert_int_equal(le_hmac_sum(hmac, text, with), LE_OK);
    assert_memory_equal(with, without, sizeof with);
    le_hmac_free(hmac);
}

/* Blocks of memory that a kept key takes: ours, and mbedTLS's for the two states. */
#ifdef LE_HAVE_LIBCRYPTO
#define KEY_BLOCKS 1
#else
#define KEY_BLOCKS 3
#endif

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
    assert_true(nth >= 2 + KEY_BLOCKS);
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
        cmocka_unit_test(a_hash_takes_no_memory),
        cmocka_unit_test(a_sum_with_a_kept_key_takes_no_memory),
        cmocka_unit_test(a_key_that_is_kept),
        cmocka_unit_test(a_signer),
    };
    return cmocka_run_group_tests(tests, tell, NULL);
}
