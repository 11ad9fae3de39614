#include "loginetl/pg/sqlstate.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct rule {
    const char *prefix; /* the longest that fits decides; a table's order does not */
    enum le_sqlstate_class class;
};

static const struct rule rules[] = {
    {"", LE_SQLSTATE_UNCLEAR}, /* what is not spoken of here: a trigger's or function's own codes */
    {"08", LE_SQLSTATE_RECONNECT},
    {"0A", LE_SQLSTATE_FATAL},
    {"0A000", LE_SQLSTATE_PREPARE}, /* a cached plan whose table changed, until it happens twice */
    {"22", LE_SQLSTATE_DATA},
    {"23", LE_SQLSTATE_DATA},
    {"2200H", LE_SQLSTATE_FATAL},  /* a sequence is used up, for every row */
    {"25", LE_SQLSTATE_RECONNECT}, /* 25006: the server became a standby */
    {"26", LE_SQLSTATE_PREPARE},
    {"28", LE_SQLSTATE_FATAL},
    {"3D", LE_SQLSTATE_FATAL},
    {"3F", LE_SQLSTATE_FATAL},
    {"40", LE_SQLSTATE_RETRY},
    {"42", LE_SQLSTATE_FATAL},
    {"44", LE_SQLSTATE_DATA}, /* a view's WITH CHECK OPTION */
    {"53", LE_SQLSTATE_RETRY},
    /* 54, a limit of the server, is unclear unless a table is named: le_sqlstate_judge */
    {"55", LE_SQLSTATE_FATAL},
    {"55006", LE_SQLSTATE_RETRY},
    {"55P03", LE_SQLSTATE_RETRY},
    {"57", LE_SQLSTATE_RETRY},
    {"57014", LE_SQLSTATE_TOO_SLOW}, /* statement_timeout, pg_cancel_backend: not told apart */
    {"57P", LE_SQLSTATE_RECONNECT},  /* shut down, crashed, starting up, dropped, idle for too long
                                      */
    {"58", LE_SQLSTATE_RETRY},
    {"72", LE_SQLSTATE_RETRY},
    {"F0", LE_SQLSTATE_RETRY},
    {"HV", LE_SQLSTATE_RETRY}, /* a foreign server's troubles */
    {"P0", LE_SQLSTATE_DATA},  /* a trigger that refuses the row */
};

#define RULE_COUNT (sizeof rules / sizeof rules[0])

enum le_sqlstate_class le_sqlstate_class(const char *sqlstate)
{
    assert(sqlstate != NULL && strlen(sqlstate) < LE_SQLSTATE_SIZE);
    if (sqlstate[0] == '\0')
        return LE_SQLSTATE_RECONNECT;
    const struct rule *best = &rules[0];
    size_t best_len = 0;
    for (size_t i = 1; i < RULE_COUNT; i++) {
        size_t len = strlen(rules[i].prefix);
        if (len > best_len && strncmp(sqlstate, rules[i].prefix, len) == 0) {
            best = &rules[i];
            best_len = len;
        }
    }
    return best->class;
}

/* A value that is too large for an index is told with the names of table and index. A server that
 * takes no more transactions, lest their numbers run out, has the same code for every statement: to
 * bisect that would reject every message there is. And a trigger may raise it for a single row. */
enum le_sqlstate_class le_sqlstate_judge(const char *sqlstate, bool names_table)
{
    assert(sqlstate != NULL);
    bool limit = strncmp(sqlstate, "54", 2) == 0;
    return limit && names_table ? LE_SQLSTATE_DATA : le_sqlstate_class(sqlstate);
}

struct words {
    const char *prefix;
    const char *text;
};

/* The first that fits counts. */
static const struct words words[] = {
    {"28P01", "user or password refused: check --database-url or PGPASSWORD"},
    {"28000",
     "the server does not let this user in: check the user in --database-url, sslcert and sslkey if "
     "the server wants a client certificate, and pg_hba.conf"},
    {"28", "authorization refused: check --database-url"},
    {"3D000", "no such database: check the name in --database-url, or create it"},
    {"3F000", "no such schema: create it, or check --table and the user's search_path"},
    {"42501", "permission denied: grant it to the user of --database-url"},
    {"42P01", "a table is missing: run `loginetl schema`"},
    {"42703", "a column is missing: compare the table with `loginetl schema`"},
    {"42804", "a column has changed its type: start loginetl again"},
    {"42P10", "the ledger has lost its primary key: compare it with `loginetl schema`"},
    {"42704", "the server does not know a setting or type: check the options in --database-url"},
    {"42", "the table does not take the statement: compare it with `loginetl schema`"},
    {"53300", "too many connections: raise the limit of the server, the user or the database, or "
              "lower --connections"},
    {"53100", "the server's disk is full"},
    {"53", "the server is short of resources"},
    {"57P03", "the server is starting up or shutting down"},
    {"57P01", "the server ended the session"},
    {"57P02", "the server crashed and is recovering"},
    {"57014", "the server cancelled the statement, perhaps by statement_timeout"},
    {"57", "an operator stepped in at the server"},
    {"25006", "the server is read-only: a standby, or default_transaction_read_only"},
    {"40P01", "deadlock with another session"},
    {"40", "the transaction was rolled back"},
    {"55P03", "a lock was not to be had in time"},
    {"55000", "not possible now: the database takes no connections, or the table no inserts"},
    {"26000", "the prepared statement is gone"},
    {"0A000", "the server does not support this"},
    {"2200H", "a sequence of the table has reached its end: give its column a larger type"},
    {"22", "a value does not fit its column"},
    {"23", "a constraint of the table refuses the row"},
    {"44", "a check of the view refuses the row"},
    {"54", "a value exceeds a limit of the server"},
    {"P0", "a trigger of the table refuses the row"},
    {"58", "the server had an input or output error"},
    {"XX", "the server had an internal error"},
    {"08", "the connection failed"},
    {"", "the server reported an error"},
};

const char *le_sqlstate_words(const char *sqlstate)
{
    assert(sqlstate != NULL);
    size_t i = 0;
    while (strncmp(sqlstate, words[i].prefix, strlen(words[i].prefix)) != 0)
        i++; /* ends at "" at the latest */
    assert(i < sizeof words / sizeof words[0]);
    return words[i].text;
}

static bool is_code(const char *at)
{
    for (size_t i = 0; i < LE_SQLSTATE_SIZE - 1; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'A' && at[i] <= 'Z')))
            return false;
    }
    return at[LE_SQLSTATE_SIZE - 1] == '\n' || at[LE_SQLSTATE_SIZE - 1] == '\0';
}

bool le_sqlstate_find(const char *text, char out[LE_SQLSTATE_SIZE])
{
    assert(text != NULL && out != NULL);
    bool found = false;
    for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        if (is_code(at + 3)) {
            memcpy(out, at + 3, LE_SQLSTATE_SIZE - 1);
            out[LE_SQLSTATE_SIZE - 1] = '\0';
            found = true;
        }
    }
    return found;
}
