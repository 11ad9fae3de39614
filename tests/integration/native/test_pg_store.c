/* The store against a real server: rows in, duplicates out, and every kind of answer. */
#include "pg_fixture.h"

#include "../../../src/pg/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONG_AGO_MS INT64_C(1704067200000) /* 2024-01-01: goes into the default partition */

static void stores_rows_once(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows, more;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    row_set_make(&rows,
                 &(struct row_wish){.count = 1000, .first_id = 1, .sent_at_ms = LONG_AGO_MS});
    row_set_make(&more,
                 &(struct row_wish){.count = 1000, .first_id = 501, .sent_at_ms = LONG_AGO_MS});
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 1000);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 0);
    assert_int_equal(pg_world_store(&f.world, &batch, &more), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 500);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 1500);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM loginetl_ledger"), 1500);
    row_set_free(&rows);
    row_set_free(&more);
    pg_fixture_end(&f);
}

static void values_arrive_as_they_are(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 3, 1);
    row_set_text(&rows, 1, 0, "a\\b\"c,d{e}'f NULL \xc3\xa4\xe2\x82\xac");
    rows.messages[2].cells[0].kind = LE_CELL_NULL;
    rows.messages[2].cells[5].num = -1;
    rows.messages[2].cells[6].num = -719162; /* 0001-01-01 */
    rows.messages[2].sent_at_ms = rows.messages[1].sent_at_ms + 1;
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(
        pg_number(
            f.pg,
            "SELECT count(*) FROM user_logins WHERE user_id = E'a\\\\b\"c,d{e}''f NULL \\u00e4\\u20ac' AND "
            "locale = 'DE' AND create_date = '2024-01-01' AND device_type = 'android'"),
        1);
    assert_int_equal(
        pg_number(f.pg,
                  "SELECT count(*) FROM user_logins WHERE user_id IS NULL AND app_version = -1 AND "
                  "create_date = '0001-01-01'"),
        1);
    assert_int_equal(
        pg_number(
            f.pg,
            "SELECT count(*) FROM user_logins WHERE user_id = 'user-1' AND locale IS NULL AND "
            "masked_ip = repeat('0', 63) || '1' AND app_version = 230"),
        1);
    char sql[160];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM loginetl_ledger WHERE message_id = '00000000-0000-0000-0000-000000000001' AND "
        "sent_at = to_timestamp(%lld / 1000.0)",
        (long long)rows.messages[0].sent_at_ms);
    assert_int_equal(pg_number(f.pg, sql), 1);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void unknown_time_is_1970(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    row_set_make(&rows, &(struct row_wish){.count = 5, .first_id = 1, .sent_at_ms = -1});
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 5);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 0);
    assert_int_equal(
        pg_number(
            f.pg,
            "SELECT count(*) FROM loginetl_ledger_default WHERE sent_at = '1970-01-01 00:00:00+00'"),
        5);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void without_ledger(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    f.world.config.ledger = false;
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 100, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        assert_int_equal(batch.op.inserted, 100);
    }
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 200);
    assert_int_equal(
        pg_number(f.pg, "SELECT count(*) FROM pg_class WHERE relname LIKE 'loginetl%'"), 0);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

/* What refuses the row, and what the server says to it. */
struct refusal {
    const char *sql;
    const char *sqlstate;
};

static void data_errors_store_nothing(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"ALTER TABLE user_logins ALTER user_id TYPE varchar(6)", "22001"},
        {"ALTER TABLE user_logins ADD CONSTRAINT c CHECK (user_id <> 'user-77')", "23514"},
        {"ALTER TABLE user_logins ALTER locale SET NOT NULL", "23502"},
        {"ALTER TABLE user_logins ADD UNIQUE (device_type)", "23505"},
        /* Found at COMMIT, after the statement's own success. */
        {"ALTER TABLE user_logins ADD UNIQUE (device_type) DEFERRABLE INITIALLY DEFERRED", "23505"},
        {"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no: %', NEW; END $$; "
         "CREATE TRIGGER no BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION no()",
         "P0001"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct pg_fixture f;
        struct row_set rows;
        struct pg_batch batch;
        pg_fixture_begin(&f);
        pg_fixture_ready(&f);
        pg_rows_now(&rows, 100, 1);
        pg_exec(f.pg, refusals[i].sql);
        pg_log_clear();
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_DATA_ERROR);
        assert_string_equal(batch.op.sqlstate, refusals[i].sqlstate);
        assert_int_equal(batch.op.bad_row, -1);
        assert_int_equal(
            pg_number(f.pg,
                      "SELECT (SELECT count(*) FROM user_logins) + count(*) FROM loginetl_ledger"),
            0);
        assert_null(strstr(pg_log(), "user-"));
        assert_null(strstr(pg_log(), "android"));
        row_set_free(&rows);
        pg_fixture_end(&f);
    }
}

static void invalid_utf8_is_data(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    row_set_text(&rows, 3, 0, "\xff\xfe");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_DATA_ERROR);
    assert_string_equal(batch.op.sqlstate, "22021");
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void a_changed_table_is_planned_again(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    for (uint64_t i = 0; i < 8; i++) { /* past the plans of the first five executions */
        pg_rows_now(&rows, 10, 1 + i * 10);
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        row_set_free(&rows);
    }
    pg_exec(f.pg,
            "ALTER TABLE user_logins ADD COLUMN note text DEFAULT 'x', ALTER user_id TYPE text");
    pg_rows_now(&rows, 10, 1000);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    row_set_free(&rows);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins WHERE note = 'x'"), 90);
    pg_fixture_end(&f);
}

#define FORGET_SQL                                                  \
    "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS " \
    "$$ BEGIN DEALLOCATE ALL; RETURN NULL; END $$; "                \
    "CREATE TRIGGER forget AFTER INSERT ON user_logins FOR EACH STATEMENT EXECUTE FUNCTION forget()"

/* The session's statements are dropped behind our back: by a pooler, say. */
static void a_lost_statement_is_prepared_again(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    pg_exec(f.pg, FORGET_SQL);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 10);
    pg_log_clear();
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 0);
    assert_non_null(strstr(pg_log(), "sqlstate=26000"));
    row_set_free(&rows);
    pg_fixture_end(&f);
}

/* Lost twice in a row: from then on statements go unprepared, as a pooler in transaction mode needs
 * it. */
static void statements_that_stay_lost_go_unprepared(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    f.world.config.connections = 1;
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    pg_exec(f.pg, FORGET_SQL);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    row_set_free(&rows);
    pg_rows_now(&rows, 10, 100);
    pg_world_submit(&f.world, &batch, &rows);
    f.world.store->lanes[0].resent = true;
    pg_world_run_batch(&f.world, &batch);
    assert_int_equal(batch.op.outcome, LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 10);
    assert_true(f.world.store->unprepared);
    assert_non_null(strstr(pg_log(), "event=database_pooler"));
    pg_log_clear();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        assert_int_equal(batch.op.inserted, 0);
    }
    assert_null(strstr(pg_log(), "26000"));
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), 20);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

/* A statement's name says which it is, so that shared sessions cannot mix up two workers' tables.
 */
static void statements_are_named_after_their_text(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct pg_world second, third;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_fixture_second(&f, &second);
    second.config.table = "other_logins";
    pg_world_open(&second);
    pg_world_run_ready(&second);
    pg_fixture_second(&f, &third);
    pg_world_open(&third);
    pg_world_run_ready(&third);
    assert_string_equal(f.world.store->lanes[0].statement, third.store->lanes[0].statement);
    assert_string_not_equal(f.world.store->lanes[0].statement, second.store->lanes[0].statement);
    pg_world_close(&second);
    pg_world_close(&third);
    pg_fixture_end(&f);
}

static void a_batch_beyond_all_bounds_is_bisected(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 2, 1);
    rows.messages[1].cells[0].len = UINT32_C(300) << 20; /* measured, never read */
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_DATA_ERROR);
    assert_string_equal(batch.op.sqlstate, "54000");
    assert_int_equal(batch.op.bad_row, -1);
    row_set_text(&rows, 1, 0, "short");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 2);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void a_fatal_answer_is_told_once(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    pg_exec(f.pg, "DROP TABLE user_logins");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_FATAL);
    assert_int_equal(batch.op.err, LE_ERR_DATABASE_FATAL);
    assert_int_equal(f.world.failed, 1);
    assert_int_equal(f.world.port.idle(f.world.port.self), 0);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "42P01"));
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void a_lock_timeout_is_tried_again(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    char sql[96];
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET lock_timeout = '200ms'", f.database);
    pg_exec(f.pg, sql);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    pg_exec(f.pg, "BEGIN; LOCK TABLE user_logins");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_RETRY);
    assert_string_equal(batch.op.sqlstate, "55P03");
    pg_exec(f.pg, "COMMIT");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, 10);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static const char limit_trigger_sql[] =
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '54000'; "
    "END $$; CREATE TRIGGER no BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION no()";

/* A server that runs out of transaction numbers has one code for that and for what a trigger raises
 * because of a row. */
static void a_limit_of_the_server_is_unclear(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    pg_exec(f.pg, limit_trigger_sql);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_UNCLEAR);
    assert_string_equal(batch.op.sqlstate, "54000");
    pg_exec(f.pg, "DROP TRIGGER no ON user_logins");
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void a_value_too_large_for_an_index_is_data(void **state)
{
    (void)state;
    static char text[8001];
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    uint32_t noise = 1; /* the server compresses what repeats */
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('0' + ((noise = noise * 1664525 + 1013904223) >> 16) % 75);
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_exec(
        f.pg,
        "ALTER TABLE user_logins ALTER user_id TYPE text; CREATE INDEX ON user_logins (user_id)");
    pg_rows_now(&rows, 10, 1);
    row_set_text(&rows, 3, 0, text);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_DATA_ERROR);
    assert_string_equal(batch.op.sqlstate, "54000");
    row_set_free(&rows);
    pg_fixture_end(&f);
}

/* Two workers with the same messages: whatever the order of their statements, each message is one
 * row. */
static void workers_overlap_without_deadlock(void **state)
{
    (void)state;
    enum { ROUNDS = 20, SETS = 4 };
    struct pg_fixture f;
    struct row_set rows[SETS];
    struct pg_batch batches[SETS];
    size_t inserted = 0;
    pg_fixture_begin(&f);
    f.world.config.connections = SETS;
    pg_fixture_ready(&f);
    pg_world_run_idle(&f.world, SETS);
    int64_t now = pg_now_ms();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < SETS; i++) {
            row_set_make(&rows[i], &(struct row_wish){.count = 2000,
                                                      .first_id = round * 10000 + i * 500,
                                                      .sent_at_ms = now});
            pg_world_submit(&f.world, &batches[i], &rows[i]);
        }
        for (size_t i = 0; i < SETS; i++) {
            pg_world_run_batch(&f.world, &batches[i]);
            assert_int_equal(batches[i].op.outcome, LE_STORE_COMMITTED);
            inserted += batches[i].op.inserted;
            row_set_free(&rows[i]);
        }
    }
    assert_int_equal(inserted, ROUNDS * 3500);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM user_logins"), ROUNDS * 3500);
    assert_int_equal(pg_number(f.pg, "SELECT count(DISTINCT user_id) FROM user_logins"),
                     ROUNDS * 3500);
    pg_fixture_end(&f);
}

/* More than a socket's buffers hold: sending and reading take turns. */
static void large_batches_pass(void **state)
{
    (void)state;
    enum { SIZE = 1 << 16, ROWS = 400 };
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_exec(
        f.pg,
        "CREATE TABLE user_logins (user_id text, device_type text, masked_ip text, masked_device_id text, "
        "locale text, app_version text)");
    pg_fixture_ready(&f);
    char *large = malloc(SIZE + 1);
    assert_non_null(large);
    memset(large, 'x', SIZE);
    large[SIZE] = '\0';
    row_set_make(
        &rows, &(struct row_wish){
                   .count = ROWS, .first_id = 1, .sent_at_ms = LONG_AGO_MS, .text_version = true});
    for (size_t i = 0; i < ROWS; i++)
        row_set_text(&rows, i, 0, large);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(batch.op.inserted, ROWS);
    assert_int_equal(
        pg_number(f.pg, "SELECT count(*) FROM user_logins WHERE length(user_id) = 65536"), ROWS);
    row_set_free(&rows);
    free(large);
    pg_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_rows_once),
        cmocka_unit_test(values_arrive_as_they_are),
        cmocka_unit_test(unknown_time_is_1970),
        cmocka_unit_test(without_ledger),
        cmocka_unit_test(data_errors_store_nothing),
        cmocka_unit_test(invalid_utf8_is_data),
        cmocka_unit_test(a_changed_table_is_planned_again),
        cmocka_unit_test(a_lost_statement_is_prepared_again),
        cmocka_unit_test(statements_that_stay_lost_go_unprepared),
        cmocka_unit_test(statements_are_named_after_their_text),
        cmocka_unit_test(a_batch_beyond_all_bounds_is_bisected),
        cmocka_unit_test(a_fatal_answer_is_told_once),
        cmocka_unit_test(a_lock_timeout_is_tried_again),
        cmocka_unit_test(a_limit_of_the_server_is_unclear),
        cmocka_unit_test(a_value_too_large_for_an_index_is_data),
        cmocka_unit_test(workers_overlap_without_deadlock),
        cmocka_unit_test(large_batches_pass),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
