/* The binary arrays, read back byte by byte. Pure. */
#include "loginetl/base/mem.h"
#include "loginetl/pg/arrays.h"
#include "loginetl/pg/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 3 };

struct rows {
    struct le_message messages[ROWS];
    struct le_message *pointers[ROWS];
    struct le_cell cells[ROWS][LE_FIELDS_MAX];
};

static void init_rows(struct rows *rows)
{
    memset(rows, 0, sizeof *rows);
    for (int i = 0; i < ROWS; i++) {
        rows->pointers[i] = &rows->messages[i];
        rows->messages[i].cells = rows->cells[i];
        for (int byte = 0; byte < 16; byte++)
            rows->messages[i].id[byte] = (uint8_t)(16 * i + byte);
    }
}

static struct le_cell text(const char *bytes, size_t len)
{
    return (struct le_cell){.kind = LE_CELL_TEXT, .len = (uint32_t)len, .text = bytes};
}

static struct le_cell number(enum le_cell_kind kind, int64_t num)
{
    return (struct le_cell){.kind = kind, .num = num};
}

static void add_field(struct le_fields *fields, enum le_column_type type)
{
    fields->list[fields->count++] =
        (struct le_field){.key = LE_SPAN_LIT("k"), .column = LE_SPAN_LIT("a\"b"), .type = type};
}

/* ---- reading ---- */

static uint64_t take(const char **at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (uint8_t) * (*at)++;
    return value;
}

static const char *check_header(const struct le_arrays *arrays, size_t at, Oid array_oid, Oid oid,
                                bool has_null)
{
    const char *bytes = arrays->values[at];
    assert_int_equal(arrays->types[at], array_oid);
    assert_int_equal(arrays->formats[at], 1);
    assert_int_equal(take(&bytes, 4), 1);
    assert_int_equal(take(&bytes, 4), has_null);
    assert_int_equal(take(&bytes, 4), oid);
    assert_int_equal(take(&bytes, 4), ROWS);
    assert_int_equal(take(&bytes, 4), 1);
    return bytes;
}

static void check_end(const struct le_arrays *arrays, size_t at, const char *end)
{
    assert_ptr_equal(arrays->values[at] + arrays->lengths[at], end);
}

static void check_numbers(const struct le_arrays *arrays, size_t at, Oid array_oid, Oid oid,
                          size_t size, const uint64_t *values)
{
    const char *bytes = check_header(arrays, at, array_oid, oid, false);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(take(&bytes, 4), size);
        assert_true(take(&bytes, size) == values[i]);
    }
    check_end(arrays, at, bytes);
}

static void keys(void **state)
{
    (void)state;
    struct rows rows;
    struct le_fields fields = {.count = 0};
    struct le_arrays arrays;
    init_rows(&rows);
    rows.messages[0].sent_at_ms = -1;
    rows.messages[1].sent_at_ms = 946684800001;
    rows.messages[2].sent_at_ms = INT64_MAX;
    le_arrays_init(&arrays, &fields, true);
    assert_int_equal(arrays.count, 2);
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_OK);
    const uint64_t times[] = {(uint64_t)-946684800000000, 1000, UINT64_C(252455615999999000)};
    check_numbers(&arrays, 0, 1185, 1184, 8, times);
    const char *bytes = check_header(&arrays, 1, 2951, 2950, false);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(take(&bytes, 4), 16);
        assert_memory_equal(bytes, rows.messages[i].id, 16);
        bytes += 16;
    }
    check_end(&arrays, 1, bytes);
    le_arrays_free(&arrays);
}

static void numbers(void **state)
{
    (void)state;
    struct rows rows;
    struct le_fields fields = {.count = 0};
    struct le_arrays arrays;
    init_rows(&rows);
    add_field(&fields, LE_COLUMN_INT2);
    add_field(&fields, LE_COLUMN_INT4);
    add_field(&fields, LE_COLUMN_ABSENT);
    add_field(&fields, LE_COLUMN_INT8);
    add_field(&fields, LE_COLUMN_DATE);
    static const int64_t values[ROWS][4] = {
        {-32768, INT32_MIN, INT64_MIN, 0}, {0, 0, 0, 10957}, {32767, INT32_MAX, INT64_MAX, 19782}};
    for (int i = 0; i < ROWS; i++) {
        rows.cells[i][0] = number(LE_CELL_INT, values[i][0]);
        rows.cells[i][1] = number(LE_CELL_INT, values[i][1]);
        rows.cells[i][3] = number(LE_CELL_INT, values[i][2]);
        rows.cells[i][4] = number(LE_CELL_DATE, values[i][3]);
    }
    le_arrays_init(&arrays, &fields, false);
    assert_int_equal(arrays.count, 4);
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_OK);
    check_numbers(&arrays, 0, 1005, 21, 2, (const uint64_t[]){0x8000, 0, 0x7fff});
    check_numbers(&arrays, 1, 1007, 23, 4, (const uint64_t[]){0x80000000, 0, 0x7fffffff});
    check_numbers(&arrays, 2, 1016, 20, 8, (const uint64_t[]){UINT64_C(1) << 63, 0, INT64_MAX});
    check_numbers(&arrays, 3, 1182, 1082, 4, (const uint64_t[]){(uint32_t)-10957, 0, 8825});
    le_arrays_free(&arrays);
}

static void texts_and_nulls(void **state)
{
    (void)state;
    struct rows rows;
    struct le_fields fields = {.count = 0};
    struct le_arrays arrays;
    init_rows(&rows);
    add_field(&fields, LE_COLUMN_TEXT);
    add_field(&fields, LE_COLUMN_INT4);
    rows.cells[0][0] = text("", 0);
    rows.cells[1][0] = text("null", 4);
    rows.cells[2][0] = text("a\"\\,{}", 6);
    rows.cells[1][1] = number(LE_CELL_INT, 5);
    le_arrays_init(&arrays, &fields, false);
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_OK);
    const char *bytes = check_header(&arrays, 0, 1009, 25, false);
    for (int i = 0; i < ROWS; i++) {
        size_t len = rows.cells[i][0].len;
        assert_int_equal(take(&bytes, 4), len);
        assert_memory_equal(bytes, rows.cells[i][0].text, len);
        bytes += len;
    }
    check_end(&arrays, 0, bytes);
    bytes = check_header(&arrays, 1, 1007, 23, true);
    assert_int_equal(take(&bytes, 4), 0xffffffff);
    assert_int_equal(take(&bytes, 4), 4);
    assert_int_equal(take(&bytes, 4), 5);
    assert_int_equal(take(&bytes, 4), 0xffffffff);
    check_end(&arrays, 1, bytes);
    le_arrays_free(&arrays);
}

static void memory_is_kept_and_given_back(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    struct rows rows;
    struct le_fields fields = {.count = 0};
    struct le_arrays arrays;
    char *large = calloc(1, LARGE);
    assert_non_null(large);
    init_rows(&rows);
    add_field(&fields, LE_COLUMN_TEXT);
    for (int i = 0; i < ROWS; i++)
        rows.cells[i][0] = text("abc", 3);
    le_arrays_init(&arrays, &fields, false);
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_OK);
    const char *first = arrays.values[0];
    le_arrays_shrink(&arrays);
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_OK);
    assert_ptr_equal(arrays.values[0], first);
    rows.cells[1][0] = text(large, LARGE);
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_OK);
    assert_true(arrays.list[0].bytes.cap > LARGE);
    le_arrays_shrink(&arrays);
    assert_true(arrays.list[0].bytes.cap <= LE_ARRAYS_BYTES_KEPT);
    rows.cells[1][0].len = UINT32_C(300) << 20; /* measured before it is read */
    assert_int_equal(le_arrays_encode(&arrays, rows.pointers, ROWS), LE_ERR_TOO_LARGE);
    le_arrays_free(&arrays);
    free(large);
}

static void no_memory_is_an_answer(void **state)
{
    (void)state;
    struct rows rows;
    struct le_fields fields = {.count = 0};
    struct le_arrays arrays;
    init_rows(&rows);
    for (int i = 0; i < 5; i++)
        add_field(&fields, LE_COLUMN_TEXT);
    le_arrays_init(&arrays, &fields, true);
    unsigned long nth = 1;
    for (; nth < 100; nth++) {
        le_mem_fail_at(nth);
        enum le_err err = le_arrays_encode(&arrays, rows.pointers, ROWS);
        le_arrays_free(&arrays);
        le_arrays_init(&arrays, &fields, true);
        if (err == LE_OK)
            break;
        assert_int_equal(err, LE_ERR_NOMEM);
    }
    le_mem_fail_at(0);
    assert_int_equal(nth, 7 + 1);
    le_arrays_free(&arrays);
}

static void statement_text(void **state)
{
    (void)state;
    struct le_fields fields = {.count = 0};
    struct le_buf sql;
    le_buf_init(&sql, LE_STATEMENT_MAX);
    add_field(&fields, LE_COLUMN_TEXT);
    add_field(&fields, LE_COLUMN_ABSENT);
    add_field(&fields, LE_COLUMN_DATE);
    assert_int_equal(le_statement_write(&sql, "s", "t", &fields, LE_STATEMENT_PLAIN), LE_OK);
    assert_true(le_span_is(le_buf_span(&sql), "INSERT INTO \"s\".\"t\" (\"a\"\"b\", \"a\"\"b\") "
                                              "SELECT c1, c2 FROM unnest($1, $2) AS u(c1, c2)"));
    le_buf_clear(&sql);
    assert_int_equal(le_statement_write(&sql, "s", "t", &fields, LE_STATEMENT_KEYED), LE_OK);
    assert_true(
        le_span_is(le_buf_span(&sql),
                   "INSERT INTO \"s\".\"t\" (\"a\"\"b\", \"a\"\"b\") "
                   "SELECT c1, c2 FROM unnest($1, $2) AS u(c1, c2) ON CONFLICT DO NOTHING"));
    le_buf_clear(&sql);
    assert_int_equal(le_statement_write(&sql, "s", "t", &fields, LE_STATEMENT_LEDGER), LE_OK);
    assert_true(le_span_is(
        le_buf_span(&sql),
        "WITH input AS (SELECT * FROM unnest($1, $2, $3, $4) AS u(c1, c2, c3, c4)), "
        "fresh AS (INSERT INTO \"s\".\"loginetl_ledger\" (sent_at, message_id) SELECT c1, c2 FROM input "
        "ON CONFLICT (sent_at, message_id) DO NOTHING RETURNING sent_at, message_id), "
        "stored AS (INSERT INTO \"s\".\"t\" (\"a\"\"b\", \"a\"\"b\") SELECT c3, c4 FROM input "
        "JOIN fresh ON sent_at = c1 AND message_id = c2) SELECT count(*) FROM fresh"));
    le_buf_free(&sql);
    static char quotes[63];
    memset(quotes, '"', sizeof quotes);
    fields.count = 0;
    while (fields.count < LE_FIELDS_MAX) {
        add_field(&fields, LE_COLUMN_TEXT);
        fields.list[fields.count - 1].column = (struct le_span){quotes, sizeof quotes};
    }
    assert_int_equal(le_statement_write(&sql, "s", "t", &fields, LE_STATEMENT_LEDGER),
                     LE_OK); /* the largest there is */
    le_buf_free(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(numbers),
        cmocka_unit_test(texts_and_nulls),
        cmocka_unit_test(memory_is_kept_and_given_back),
        cmocka_unit_test(no_memory_is_an_answer),
        cmocka_unit_test(statement_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
