/* What the store finds at its start: tables to create, to require, to look at, and what does not
 * fit. */
#include "pg_fixture.h"

#include "loginetl/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TABLE_SQL                                                                                       \
    "CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256), " \
    "masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date);"
#define LEDGER_SQL                                                                           \
    "CREATE TABLE loginetl_ledger (sent_at timestamptz NOT NULL, message_id uuid NOT NULL, " \
    "PRIMARY KEY (sent_at, message_id)) PARTITION BY RANGE (sent_at);"                       \
    "CREATE TABLE loginetl_ledger_default PARTITION OF loginetl_ledger DEFAULT;"

static void creates_what_is_missing(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    const struct le_store_report *report = le_store_report(f.world.store);
    assert_true(report->table_exists && report->ledger_exists && report->types_fit);
    assert_true(report->can_insert && report->can_insert_ledger && report->can_create);
    assert_false(report->tls || report->read_only);
    assert_true(report->server_version >= 110000);
    assert_int_equal(
        pg_number(f.pg,
                  "SELECT count(*) FROM pg_inherits WHERE inhparent = 'loginetl_ledger'::regclass"),
        15 + 1 + 2 + 1);
    assert_int_equal(
        pg_number(
            f.pg,
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'user_logins' AND "
            "(column_name, data_type, coalesce(character_maximum_length, 0)) IN "
            "(('user_id', 'character varying', 128), ('device_type', 'character varying', 32), "
            "('masked_ip', 'character varying', 256), ('masked_device_id', 'character varying', 256), "
            "('locale', 'character varying', 32), ('app_version', 'integer', 0), ('create_date', 'date', 0))"),
        7);
    assert_string_equal(le_store_last_failure(f.world.store), "");
    assert_int_equal(le_store_failures_in_a_row(f.world.store), 0);
    pg_world_run_idle(&f.world, 2);
    assert_int_equal(f.world.port.up(f.world.port.self), 2);
    pg_fixture_end(&f);
}

static void a_second_start_changes_nothing(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct pg_world second;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    long before = pg_number(f.pg, "SELECT max(oid::int8) FROM pg_class");
    pg_fixture_second(&f, &second);
    second.config.schema = LE_SCHEMA_REQUIRE;
    pg_world_open(&second);
    pg_world_run_ready(&second);
    assert_int_equal(pg_number(f.pg, "SELECT max(oid::int8) FROM pg_class"), before);
    pg_world_close(&second);
    pg_fixture_end(&f);
}

/* Eight workers start at once on an empty database. */
static void workers_create_together(void **state)
{
    (void)state;
    enum { WORKERS = 8 };
    struct pg_fixture f;
    struct pg_world others[WORKERS];
    pg_fixture_begin(&f);
    for (int i = 0; i < WORKERS; i++) {
        pg_fixture_second(&f, &others[i]);
        others[i].config.connections = 1;
        pg_world_open(&others[i]);
    }
    unsigned ready = 0;
    for (int turn = 0; turn < 60000 && ready < WORKERS; turn++) {
        ready = 0;
        for (int i = 0; i < WORKERS; i++) {
            uv_run(&others[i].loop, UV_RUN_NOWAIT);
            assert_int_equal(others[i].failed, 0);
            ready += others[i].ready;
        }
        if (ready < WORKERS)
            uv_sleep(1);
    }
    assert_int_equal(ready, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        pg_world_close(&others[i]);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM pg_inherits"),
                     2 * (15 + 1 + 2 + 1)); /* and their indexes */
    pg_fixture_end(&f);
}

static void requires_what_is_missing(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    f.world.config.schema = LE_SCHEMA_REQUIRE;
    pg_world_open(&f.world);
    pg_world_run_failed(&f.world);
    assert_int_equal(f.world.ready, 0);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "table and ledger are missing"));
    assert_non_null(strstr(pg_log(), "CREATE TABLE IF NOT EXISTS public.user_logins"));
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM pg_class WHERE relname ~ 'login'"), 0);
    pg_fixture_end(&f);
}

static void looks_without_changing(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    f.world.config.schema = LE_SCHEMA_LOOK;
    pg_fixture_ready(&f);
    const struct le_store_report *report = le_store_report(f.world.store);
    assert_false(report->table_exists || report->ledger_exists);
    assert_true(report->can_create);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM pg_class WHERE relname ~ 'login'"), 0);
    pg_fixture_end(&f);
}

struct table_case {
    const char *sql;
    const char *failure;                     /* of REQUIRE */
    const char *missing, *required, *misfit; /* of LOOK */
    bool can_insert;
};

static void check_look(struct pg_fixture *f, const struct table_case *table)
{
    struct pg_world look;
    pg_fixture_second(f, &look);
    look.config.schema = LE_SCHEMA_LOOK;
    pg_world_open(&look);
    pg_world_run_ready(&look);
    const struct le_store_report *report = le_store_report(look.store);
    assert_string_equal(report->missing_columns, table->missing);
    assert_string_equal(report->required_columns, table->required);
    assert_string_equal(report->misfit, table->misfit);
    assert_int_equal(report->types_fit, table->misfit[0] == '\0');
    assert_int_equal(report->can_insert, table->can_insert);
    pg_world_close(&look);
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    static const struct table_case tables[] = {
        {TABLE_SQL "ALTER TABLE user_logins DROP locale, DROP user_id",
         "lacks columns: user_id,locale; run: ALTER TABLE public.user_logins ADD COLUMN user_id varchar(128), ADD COLUMN locale varchar(32);",
         "user_id,locale", "", "", true},
        {TABLE_SQL "ALTER TABLE user_logins ADD tenant text NOT NULL, ADD region int NOT NULL",
         "nothing fills: tenant,region", "", "tenant,region", "", true},
        {TABLE_SQL "ALTER TABLE user_logins ALTER app_version TYPE boolean USING false",
         "does not fit: app_version: boolean cannot hold a version", "", "",
         "app_version: boolean cannot hold a version", true},
        {TABLE_SQL "ALTER TABLE user_logins ALTER masked_ip TYPE inet USING NULL",
         "masked_ip: inet cannot hold a mask", "", "", "masked_ip: inet cannot hold a mask", true},
        {TABLE_SQL "ALTER TABLE user_logins ALTER masked_ip TYPE varchar(63)",
         "masked_ip: character varying(63) is too short for a mask of 64 characters", "", "",
         "masked_ip: character varying(63) is too short for a mask of 64 characters", true},
        {TABLE_SQL
         "ALTER TABLE user_logins DROP app_version, ADD app_version int GENERATED ALWAYS AS (1) STORED",
         "app_version: integer is generated and takes no value", "", "",
         "app_version: integer is generated and takes no value", true},
        {"CREATE SEQUENCE user_logins", "user_logins: neither a table nor a view", "", "",
         "user_logins: neither a table nor a view", false},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct pg_fixture f;
        pg_fixture_begin(&f);
        pg_exec(f.pg, tables[i].sql);
        pg_exec(f.pg, LEDGER_SQL);
        check_look(&f, &tables[i]);
        pg_world_open(&f.world); /* CREATE: what exists is not altered */
        pg_world_run_failed(&f.world);
        if (strstr(le_store_last_failure(f.world.store), tables[i].failure) == NULL)
            fail_msg("%s", le_store_last_failure(f.world.store));
        pg_fixture_end(&f);
    }
}

static void wider_tables_fit(void **state)
{
    (void)state;
    static const char *const tables[] = {
        /* Extra columns that fill themselves; domains; char(n); a text version; no create_date. */
        "CREATE DOMAIN locale_code AS varchar(5) DEFAULT 'en'; CREATE DOMAIN masked AS varchar(80); "
        "CREATE DOMAIN my_masked AS masked; "
        "CREATE TABLE user_logins (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, seen timestamptz NOT NULL DEFAULT now(), "
        "user_id text, device_type char(32), masked_ip my_masked, masked_device_id varchar(256), locale locale_code, "
        "app_version text)",
        "CREATE TABLE user_logins (user_id text, device_type text, masked_ip text, masked_device_id text, locale text, "
        "app_version varchar(12), create_date date NOT NULL) PARTITION BY RANGE (create_date); "
        "CREATE TABLE user_logins_all PARTITION OF user_logins DEFAULT",
    };
    for (size_t i = 0; i < 2; i++) {
        struct pg_fixture f;
        struct row_set rows;
        struct pg_batch batch;
        pg_fixture_begin(&f);
        pg_exec(f.pg, tables[i]);
        pg_fixture_ready(&f);
        const struct le_field *list = f.world.fields.list;
        assert_int_equal(list[5].type, LE_COLUMN_TEXT);
        assert_int_equal(list[5].chars_max, i == 0 ? 0 : 12);
        assert_int_equal(list[1].chars_max, i == 0 ? 32 : 0);
        assert_int_equal(list[2].chars_max, i == 0 ? 80 : 0);
        assert_int_equal(list[4].chars_max, i == 0 ? 5 : 0);
        assert_int_equal(list[6].type, i == 0 ? LE_COLUMN_ABSENT : LE_COLUMN_DATE);
        row_set_make(&rows, &(struct row_wish){.count = 20,
                                               .first_id = 1,
                                               .sent_at_ms = pg_now_ms(),
                                               .text_version = true});
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        assert_int_equal(batch.op.inserted, 20);
        assert_int_equal(
            pg_number(f.pg, "SELECT count(*) FROM user_logins WHERE app_version = '2.3.0'"), 20);
        row_set_free(&rows);
        pg_fixture_end(&f);
    }
}

static void integer_columns_of_every_width(void **state)
{
    (void)state;
    static const char *const types[] = {"smallint", "integer", "bigint"};
    static const enum le_column_type columns[] = {LE_COLUMN_INT2, LE_COLUMN_INT4, LE_COLUMN_INT8};
    for (size_t i = 0; i < 3; i++) {
        struct pg_fixture f;
        struct row_set rows;
        struct pg_batch batch;
        char sql[128];
        pg_fixture_begin(&f);
        pg_exec(f.pg, TABLE_SQL);
        snprintf(sql, sizeof sql, "ALTER TABLE user_logins ALTER app_version TYPE %s", types[i]);
        pg_exec(f.pg, sql);
        pg_fixture_ready(&f);
        assert_int_equal(f.world.fields.list[5].type, columns[i]);
        pg_rows_now(&rows, 10, 1);
        rows.messages[3].cells[5].num = -32768;
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        assert_int_equal(
            pg_number(f.pg, "SELECT count(*) FROM user_logins WHERE app_version = 230"), 9);
        assert_int_equal(
            pg_number(f.pg, "SELECT count(*) FROM user_logins WHERE app_version = -32768"), 1);
        row_set_free(&rows);
        pg_fixture_end(&f);
    }
}

static void names_as_people_type_them(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_exec(f.pg, "CREATE SCHEMA \"My \"\"own\"\" schema\"");
    f.world.config.table = "\"My \"\"own\"\" schema\".\"Select\"";
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM \"My \"\"own\"\" schema\".\"Select\""),
                     10);
    assert_int_equal(
        pg_number(f.pg, "SELECT count(*) FROM \"My \"\"own\"\" schema\".loginetl_ledger"), 10);
    row_set_free(&rows);
    pg_fixture_end(&f);

    pg_fixture_begin(&f);
    f.world.config.table = "nowhere.user_logins";
    pg_world_open(&f.world);
    pg_world_run_failed(&f.world);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "no such schema"));
    pg_fixture_end(&f);
}

static void a_ledger_without_its_key_is_refused(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    pg_exec(f.pg, TABLE_SQL LEDGER_SQL
            "ALTER TABLE loginetl_ledger DROP CONSTRAINT loginetl_ledger_pkey");
    check_look(
        &f, &(struct table_case){.missing = "",
                                 .required = "",
                                 .can_insert = true,
                                 .misfit = "loginetl_ledger: no key over sent_at and message_id"});
    pg_world_open(&f.world);
    pg_world_run_failed(&f.world);
    assert_non_null(
        strstr(le_store_last_failure(f.world.store), "no key over sent_at and message_id"));
    pg_fixture_end(&f);
}

/* A user who may only insert. */
static void least_privilege(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_exec(f.pg, TABLE_SQL LEDGER_SQL
            "DROP ROLE IF EXISTS worker; CREATE ROLE worker LOGIN PASSWORD 'w'");
    snprintf(f.world.url, sizeof f.world.url,
             "host=127.0.0.1 port=%d user=worker password=w dbname=%s", pg_server.port, f.database);
    pg_world_open(&f.world);
    pg_world_run_failed(&f.world);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "GRANT INSERT"));
    pg_world_close(&f.world);

    char url[256];
    memcpy(url, f.world.url, sizeof url);
    pg_exec(
        f.pg,
        "GRANT INSERT ON user_logins TO worker; GRANT SELECT, INSERT ON loginetl_ledger TO worker");
    pg_fixture_second(&f, &f.world);
    memcpy(f.world.url, url, sizeof url);
    f.world.config.schema = LE_SCHEMA_REQUIRE;
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_int_equal(pg_number(f.pg, "SELECT count(*) FROM loginetl_ledger_default"), 10);
    row_set_free(&rows);
    pg_fixture_end(&f);

    /* One who may not create is told what to have created. */
    pg_fixture_begin(&f);
    snprintf(f.world.url, sizeof f.world.url,
             "host=127.0.0.1 port=%d user=worker password=w dbname=%s", pg_server.port, f.database);
    pg_exec(f.pg, "REVOKE CREATE ON SCHEMA public FROM public");
    pg_world_open(&f.world);
    pg_world_run_failed(&f.world);
    assert_non_null(
        strstr(le_store_last_failure(f.world.store),
               "may not create tables in schema public (SQLSTATE 42501): let its owner"));
    assert_non_null(strstr(pg_log(), "CREATE TABLE IF NOT EXISTS"));
    pg_world_close(&f.world);

    pg_exec(f.pg, "CREATE SCHEMA closed");
    memcpy(url, f.world.url, sizeof url);
    pg_fixture_second(&f, &f.world);
    memcpy(f.world.url, url, sizeof url);
    f.world.config.table = "closed.user_logins";
    pg_world_open(&f.world);
    pg_world_run_failed(&f.world);
    assert_string_equal(le_store_last_failure(f.world.store),
                        "USAGE on the table's schema: permission denied: grant it to the user of "
                        "--database-url (SQLSTATE 42501)");
    pg_fixture_end(&f);
}

static void ddl_is_what_psql_takes(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct le_buf ddl;
    struct le_fields fields;
    pg_fixture_begin(&f);
    le_fields_builtin(&fields);
    le_buf_init(&ddl, 65536);
    assert_int_equal(le_store_ddl(&ddl, "user_logins", &fields, true), LE_OK);
    assert_int_equal(le_buf_append(&ddl, "", 1), LE_OK);
    pg_exec(f.pg, ddl.data);
    pg_exec(f.pg, ddl.data); /* twice does no harm */
    f.world.config.schema = LE_SCHEMA_REQUIRE;
    pg_fixture_ready(&f);
    le_buf_clear(&ddl);
    assert_int_equal(le_store_ddl(&ddl, "user-logins", &fields, true), LE_ERR_CONFIG);
    le_buf_free(&ddl);
    pg_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_what_is_missing),
        cmocka_unit_test(a_second_start_changes_nothing),
        cmocka_unit_test(workers_create_together),
        cmocka_unit_test(requires_what_is_missing),
        cmocka_unit_test(looks_without_changing),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(wider_tables_fit),
        cmocka_unit_test(integer_columns_of_every_width),
        cmocka_unit_test(names_as_people_type_them),
        cmocka_unit_test(a_ledger_without_its_key_is_refused),
        cmocka_unit_test(least_privilege),
        cmocka_unit_test(ddl_is_what_psql_takes),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
