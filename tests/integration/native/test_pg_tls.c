/* TLS as libpq has it: names are checked although the address is given. */
#include "pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A server with a certificate of its own for "localhost". */
static int setup(void **state)
{
    char command[768];
    pg_group_setup(state);
    snprintf(
        command, sizeof command,
        "cd %s/data && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout server.key -out server.crt "
        ">/dev/null 2>&1 && chmod 600 server.key && chown --reference=PG_VERSION server.key server.crt && "
        "cp server.crt .. && chmod 644 ../server.crt && sed -i '1i hostssl all plain all reject' pg_hba.conf",
        pg_server.directory);
    assert_int_equal(system(command), 0);
    pg_exec(pg_admin, "ALTER SYSTEM SET ssl = on");
    pg_exec(pg_admin, "SELECT pg_reload_conf()");
    for (int i = 0; i < 1200; i++) {
        PGconn *pg = pg_cluster_connect(&pg_server, "postgres");
        bool secured = PQsslInUse(pg) != 0;
        PQfinish(pg);
        if (secured)
            return 0;
        usleep(50000);
    }
    return -1;
}

static void open_with(struct pg_fixture *f, const char *host, const char *settings)
{
    snprintf(f->world.url, sizeof f->world.url,
             "host=%s port=%d user=postgres password=" PG_CLUSTER_PASSWORD " dbname=%s %s", host,
             pg_server.port, f->database, settings);
    pg_world_open(&f->world);
}

static void rows_pass_through_tls(void **state)
{
    (void)state;
    char settings[200];
    const char *const modes[] = {"", "sslmode=require", settings};
    snprintf(settings, sizeof settings, "sslmode=verify-full sslrootcert=%s/server.crt",
             pg_server.directory);
    for (size_t i = 0; i < 3; i++) {
        struct pg_fixture f;
        struct row_set rows;
        struct pg_batch batch;
        pg_fixture_begin(&f);
        open_with(&f, "localhost", modes[i]);
        pg_world_run_ready(&f.world);
        assert_true(le_store_report(f.world.store)->tls);
        pg_rows_now(&rows, 5000, 1);
        assert_int_equal(pg_world_store(&f.world, &batch, &rows), LE_STORE_COMMITTED);
        assert_int_equal(batch.op.inserted, 5000);
        row_set_free(&rows);
        pg_fixture_end(&f);
    }
}

/* So wide a table that its catalogue does not fit in one TLS record. */
static void long_answers_pass_through_tls(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    pg_exec(
        f.pg,
        "CREATE TABLE user_logins (user_id text, device_type text, masked_ip text, masked_device_id text, "
        "locale text, app_version text, create_date date)");
    pg_exec(
        f.pg,
        "DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('ALTER TABLE user_logins ADD %I text DEFAULT NULL', "
        "'a_rather_long_name_of_a_column_that_fills_answers_' || i); END LOOP; END $$");
    open_with(&f, "localhost", "sslmode=require");
    pg_world_run_ready(&f.world);
    pg_fixture_end(&f);
}

/* libpq tries TLS, is refused, and starts over without it, on a new socket that mostly has the old
 * one's number. */
static void falling_back_changes_the_socket(void **state)
{
    (void)state;
    struct pg_fixture f;
    pg_fixture_begin(&f);
    pg_exec(f.pg, "CREATE ROLE plain SUPERUSER LOGIN PASSWORD 'p'");
    snprintf(f.world.url, sizeof f.world.url,
             "host=127.0.0.1 port=%d user=plain password=p dbname=%s sslmode=prefer",
             pg_server.port, f.database);
    pg_fixture_ready(&f);
    assert_false(le_store_report(f.world.store)->tls);
    pg_world_run_idle(&f.world, 2);
    pg_fixture_end(&f);
}

static void another_name_is_refused(void **state)
{
    (void)state;
    struct pg_fixture f;
    char settings[200];
    pg_fixture_begin(&f);
    snprintf(settings, sizeof settings, "sslmode=verify-full sslrootcert=%s/server.crt",
             pg_server.directory);
    open_with(&f, "127.0.0.1", settings);
    pg_world_run_failed(&f.world);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "TLS failed"));
    assert_int_equal(f.world.ready, 0);
    pg_fixture_end(&f);

    pg_fixture_begin(&f);
    open_with(&f, "localhost", "sslmode=verify-ca sslrootcert=/nonexistent");
    pg_world_run_failed(&f.world);
    assert_non_null(strstr(le_store_last_failure(f.world.store), "TLS failed"));
    pg_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_pass_through_tls),
        cmocka_unit_test(long_answers_pass_through_tls),
        cmocka_unit_test(falling_back_changes_the_socket),
        cmocka_unit_test(another_name_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, pg_group_teardown);
}
