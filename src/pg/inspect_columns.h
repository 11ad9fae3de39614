/* The table's columns, judged against the fields. Pure, but for the query's text. */
#ifndef LE_PG_INSPECT_COLUMNS_H
#define LE_PG_INSPECT_COLUMNS_H

#include "loginetl/base/span.h"
#include "loginetl/pg/inspect.h"

struct le_inspect_column {
    struct le_span name;
    const char *type_name; /* as SQL writes it: "character varying(32)" */
    Oid type;              /* of a domain, the one below */
    int modifier;          /* of varchar(n) and char(n): n + 4; -1 without */
    bool not_null, has_default, generated, can_insert;
};

/* $1: the table's OID. One row for each column. */
const char *le_inspect_columns_sql(int server_version);

/* No field has a column until it is judged. */
void le_inspect_forget_columns(struct le_inspect *inspect);
/* Notes type, length and misfit in found and report. */
void le_inspect_judge_column(struct le_inspect *inspect, const struct le_inspect_column *column);
/* After the last one: what is missing. */
void le_inspect_judge_missing(struct le_inspect *inspect);

#endif
