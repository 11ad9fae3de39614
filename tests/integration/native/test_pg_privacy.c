/* What the store's log says of a database, and what it does not: neither a password nor anything
 * that a row holds. */
#include "pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void no_secret_is_logged(void **state)
{
    (void)state;
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
    assert_null(strstr(pg_log(), PG_CLUSTER_PASSWORD));
    assert_null(strstr(pg_log(), "user-"));
    assert_non_null(strstr(pg_log(), "event=database_connected"));
    row_set_free(&rows);
    pg_fixture_end(&f);
}

#define FUNCTION(what) \
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " what "; END $$; "

/* What a row holds, wherever a trigger can put it. */
#define NAME_THE_ROW                                                                               \
    "RAISE EXCEPTION '%', NEW.device_type USING ERRCODE = '23514', CONSTRAINT = NEW.device_type, " \
    "TABLE = NEW.device_type, COLUMN = NEW.device_type, SCHEMA = NEW.device_type, "                \
    "DATATYPE = NEW.device_type, DETAIL = NEW.device_type, HINT = NEW.device_type"

#define BEFORE_INSERT \
    "CREATE TRIGGER no BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION no()"
#define AT_COMMIT                                                                             \
    "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON user_logins DEFERRABLE INITIALLY DEFERRED " \
    "FOR EACH ROW EXECUTE FUNCTION no()"

/* A row is refused because of what sql does, and the log names that constraint; NULL: none. */
static void expect_constraint(const char *sql, const char *constraint)
{
    struct pg_fixture f;
    struct row_set rows;
    struct pg_batch batch;
    char field[64];
    snprintf(field, sizeof field, " constraint=%s", constraint != NULL ? constraint : "");
    pg_fixture_begin(&f);
    pg_fixture_ready(&f);
    pg_rows_now(&rows, 10, 1);
    pg_exec(f.pg, sql);
    pg_log_clear();
    assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_DATA_ERROR);
    assert_memory_equal(batch.op.sqlstate, "23", 2);
    assert_non_null(strstr(pg_log(), "event=database_statement"));
    if ((strstr(pg_log(), field) != NULL) != (constraint != NULL))
        fail_msg("%s: %s", sql, pg_log());
    assert_null(strstr(pg_log(), "android"));
    assert_null(strstr(pg_log(), "user-"));
    row_set_free(&rows);
    pg_fixture_end(&f);
}

static void constraints_of_the_table_are_named(void **state)
{
    (void)state;
    expect_constraint(
        "ALTER TABLE user_logins ADD CONSTRAINT \"No_$7\" CHECK (user_id <> 'user-7')", "No_$7 ");
    expect_constraint("ALTER TABLE user_logins ADD CONSTRAINT one UNIQUE (device_type)", "one ");
    expect_constraint("ALTER TABLE user_logins ADD CONSTRAINT late UNIQUE (device_type) "
                      "DEFERRABLE INITIALLY DEFERRED",
                      "late ");
    expect_constraint("CREATE TABLE devices (type varchar PRIMARY KEY); ALTER TABLE user_logins "
                      "ADD CONSTRAINT known FOREIGN KEY (device_type) REFERENCES devices",
                      "known ");
}

static void other_names_of_constraints_are_not_told(void **state)
{
    (void)state;
    expect_constraint(FUNCTION(NAME_THE_ROW) BEFORE_INSERT, NULL);
    expect_constraint(FUNCTION(NAME_THE_ROW) AT_COMMIT, NULL);
    /* The trigger makes a constraint and names it after the row. */
    expect_constraint(
        FUNCTION("EXECUTE format('CREATE TEMP TABLE t (x int CONSTRAINT %I CHECK (x > 0)); "
                 "INSERT INTO t VALUES (0)', NEW.device_type)") BEFORE_INSERT,
        NULL);
    /* One of the table's own, but its name could be anything. */
    expect_constraint(
        "ALTER TABLE user_logins ADD CONSTRAINT \"not user-7\" CHECK (user_id <> 'user-7')", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_secret_is_logged),
        cmocka_unit_test(constraints_of_the_table_are_named),
        cmocka_unit_test(other_names_of_constraints_are_not_told),
    };
    return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
