/* A decoder on a test bench: bodies in, and what became of them. */
#ifndef LE_TEST_DECODE_BENCH_H
#define LE_TEST_DECODE_BENCH_H

#include "loginetl/login/row.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SENT_AT_MS      INT64_C(1700000000000) /* 2023-11-14 */
#define SENT_DAY        19675
#define BODY_MAX        (1024 * 1024)

/* The cells of the built-in list. */
enum { USER_ID, DEVICE_TYPE, IP, DEVICE_ID, LOCALE, APP_VERSION, CREATE_DATE };

struct bench {
    struct le_fields fields;
    struct le_decoder_config config;
    struct le_decoder *decoder;
    int64_t sent_at_ms;
    char *body; /* as the decoder saw it */
    char *scratch;
    char *masks;
    struct le_cell cells[LE_FIELDS_MAX];
    struct le_reject reject;
};

/* For cmocka: *state is a bench with the built-in fields, which a test may change before its first
 * body. */
int bench_set_up(void **state);
int bench_tear_down(void **state);

enum le_reject_reason bench_decode(struct bench *bench, const char *body, size_t len);
void bench_expect_row(struct bench *bench, const char *body);
/* key NULL: none is at fault. */
void bench_expect_reject(struct bench *bench, const char *body, enum le_reject_reason reason,
                         const char *key);
void bench_expect_text(const struct bench *bench, int cell, const char *text);
void bench_expect_number(const struct bench *bench, int cell, enum le_cell_kind kind,
                         int64_t number);
void bench_expect_null(const struct bench *bench, int cell);

#endif
