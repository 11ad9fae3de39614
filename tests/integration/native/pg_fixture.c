#include "pg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct pg_cluster pg_server;
PGconn *pg_admin;

int pg_group_setup(void **state)
{
    (void)state;
    pg_cluster_make(&pg_server);
    pg_cluster_start(&pg_server);
    pg_admin = pg_cluster_connect(&pg_server, "postgres");
    return 0;
}

int pg_group_teardown(void **state)
{
    (void)state;
    PQfinish(pg_admin);
    pg_cluster_remove(&pg_server);
    return 0;
}

void pg_server_restart(void)
{
    pg_cluster_start(&pg_server);
    PQfinish(pg_admin);
    pg_admin = pg_cluster_connect(&pg_server, "postgres");
}

void pg_fixture_begin(struct pg_fixture *fixture)
{
    static unsigned number;
    char sql[64];
    snprintf(fixture->database, sizeof fixture->database, "t%u", ++number);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", fixture->database);
    pg_exec(pg_admin, sql);
    fixture->pg = pg_cluster_connect(&pg_server, fixture->database);
    pg_world_init(&fixture->world, &pg_server, fixture->database);
}

void pg_fixture_ready(struct pg_fixture *fixture)
{
    pg_world_open(&fixture->world);
    pg_world_run_ready(&fixture->world);
}

void pg_fixture_end(struct pg_fixture *fixture)
{
    pg_world_close(&fixture->world);
    PQfinish(fixture->pg);
}

void pg_fixture_second(const struct pg_fixture *fixture, struct pg_world *world)
{
    pg_world_init(world, &pg_server, fixture->database);
}

int64_t pg_now_ms(void)
{
    return pg_number(pg_admin, "SELECT (extract(epoch FROM now()) * 1000)::int8");
}

void pg_rows_now(struct row_set *rows, size_t count, uint64_t first_id)
{
    row_set_make(rows, &(struct row_wish){.count = count,
                                          .first_id = first_id,
                                          .sent_at_ms = pg_now_ms() / 1000 * 1000});
}
