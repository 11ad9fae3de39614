#include "floor.h"

#include <arpa/inet.h>
#include <string.h>

#define COLUMNS        7
#define ARRAY_HEAD     20 /* dimensions, nulls, element type, size, first index */
#define TYPE_INT4      23
#define TYPE_TEXT      25
#define TYPE_DATE      1082
#define ARRAYS_OF_INT4 1007
#define ARRAYS_OF_TEXT 1009
#define ARRAYS_OF_DATE 1182
#define ARRAY_MAX      (8 * 1024 * 1024)

/* As long as a SHA-256 is that loginetl puts there. */
#define MASKED "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char insert[] =
    "INSERT INTO user_logins (user_id, device_type, masked_ip, masked_device_id, locale, app_version, "
    "create_date) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)";

static const Oid types[COLUMNS] = {ARRAYS_OF_TEXT, ARRAYS_OF_TEXT, ARRAYS_OF_TEXT, ARRAYS_OF_TEXT,
                                   ARRAYS_OF_TEXT, ARRAYS_OF_INT4, ARRAYS_OF_DATE};

/* --- binary arrays --- */

static void put_u32(struct le_buf *out, uint32_t value)
{
    value = htonl(value);
    if (le_buf_append(out, &value, sizeof value) != LE_OK)
        floor_die("an array that is too long");
}

static void put_value(struct le_buf *out, const void *bytes, size_t len)
{
    put_u32(out, (uint32_t)len);
    if (le_buf_append(out, bytes, len) != LE_OK)
        floor_die("an array that is too long");
}

static void begin_array(struct le_buf *out, Oid element)
{
    le_buf_clear(out);
    put_u32(out, 1);
    put_u32(out, 0);
    put_u32(out, element);
    put_u32(out, 0); /* how many: set when it is known */
    put_u32(out, 1);
}

static void set_count(struct le_buf *array, size_t count)
{
    uint32_t value = htonl((uint32_t)count);
    memcpy(array->data + 12, &value, sizeof value);
}

static void fill(struct le_buf *out, Oid element, const void *bytes, size_t len, size_t rows)
{
    le_buf_init(out, ARRAY_MAX);
    begin_array(out, element);
    for (size_t i = 0; i < rows; i++)
        put_value(out, bytes, len);
}

/* The columns that are the same in every row are made once. */
static void make_columns(struct floor_pg *pg, size_t rows_max)
{
    const uint32_t version = htonl(230), day = htonl(8000); /* since 2000-01-01 */
    fill(&pg->columns[0], TYPE_TEXT, "android", 7, rows_max);
    fill(&pg->columns[1], TYPE_TEXT, MASKED, sizeof MASKED - 1, rows_max);
    fill(&pg->columns[2], TYPE_TEXT, MASKED, sizeof MASKED - 1, rows_max);
    fill(&pg->columns[3], TYPE_TEXT, "US", 2, rows_max);
    fill(&pg->columns[4], TYPE_INT4, &version, sizeof version, rows_max);
    fill(&pg->columns[5], TYPE_DATE, &day, sizeof day, rows_max);
}

/* --- the connection --- */

static void forget_notice(void *self, const PGresult *result)
{
    (void)self;
    (void)result;
}

void floor_pg_connect(struct floor_pg *pg, const char *database_url, size_t rows_max)
{
    le_buf_init(&pg->users, ARRAY_MAX);
    make_columns(pg, rows_max);
    pg->conn = PQconnectdb(database_url);
    if (PQstatus(pg->conn) != CONNECTION_OK)
        floor_die("no connection to the database");
    (void)PQsetNoticeReceiver(pg->conn, forget_notice, NULL);
    PGresult *result = PQprepare(pg->conn, "insert", insert, COLUMNS, types);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        floor_die("prepare: SQLSTATE %s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
    PQclear(result);
    if (PQsetnonblocking(pg->conn, 1) != 0)
        floor_die("the database's connection cannot be made nonblocking");
}

void floor_pg_close(struct floor_pg *pg)
{
    PQfinish(pg->conn);
    le_buf_free(&pg->users);
    for (size_t i = 0; i < COLUMNS - 1; i++)
        le_buf_free(&pg->columns[i]);
}

/* A column made once is cut to as many rows as there are. */
static void bind_column(struct le_buf *column, size_t count, size_t rows_len, const char **value,
                        int *len)
{
    set_count(column, count);
    *value = column->data;
    *len = (int)(ARRAY_HEAD + rows_len);
}

static void flush(struct floor_pg *pg)
{
    int left = PQflush(pg->conn);
    if (left < 0)
        floor_die("the database's connection is lost");
    transport_watch(PQsocket(pg->conn), left > 0);
}

void floor_pg_submit(struct floor_pg *pg, const struct floor_row *rows, size_t count)
{
    static const size_t lens[COLUMNS - 1] = {7, sizeof MASKED - 1, sizeof MASKED - 1, 2, 4, 4};
    static const int formats[COLUMNS] = {1, 1, 1, 1, 1, 1, 1};
    const char *values[COLUMNS];
    int value_lens[COLUMNS];
    begin_array(&pg->users, TYPE_TEXT);
    for (size_t i = 0; i < count; i++)
        put_value(&pg->users, rows[i].user, FLOOR_USER_LEN);
    bind_column(&pg->users, count, pg->users.len - ARRAY_HEAD, &values[0], &value_lens[0]);
    for (size_t i = 0; i < COLUMNS - 1; i++)
        bind_column(&pg->columns[i], count, count * (4 + lens[i]), &values[i + 1],
                    &value_lens[i + 1]);
    pg->busy = true;
    if (PQsendQueryPrepared(pg->conn, "insert", COLUMNS, values, value_lens, formats, 1) == 0)
        floor_die("the database's connection is lost");
    flush(pg);
}

bool floor_pg_advance(struct floor_pg *pg)
{
    if (PQconsumeInput(pg->conn) == 0)
        floor_die("the database's connection is lost");
    flush(pg);
    while (pg->busy && PQisBusy(pg->conn) == 0) {
        PGresult *result = PQgetResult(pg->conn);
        pg->busy = result != NULL;
        if (result == NULL)
            return true;
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            floor_die("insert: SQLSTATE %s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
        PQclear(result);
    }
    return false;
}
