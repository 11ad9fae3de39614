/* The field list: which JSON keys become which columns, and how. Data, so that a mapping file can
 * give another. */
#ifndef LE_LOGIN_FIELD_H
#define LE_LOGIN_FIELD_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>

#define LE_FIELDS_MAX 64

/* What the JSON value means. */
enum le_field_kind { LE_FIELD_TEXT, LE_FIELD_IP, LE_FIELD_VERSION, LE_FIELD_DATE };

/* What the target column holds, as the catalogue says. */
enum le_column_type {
    LE_COLUMN_ABSENT, /* the table has no such column: the value is checked, then dropped */
    LE_COLUMN_TEXT,   /* text, varchar(n), char(n) */
    LE_COLUMN_INT2,
    LE_COLUMN_INT4,
    LE_COLUMN_INT8,
    LE_COLUMN_DATE
};

/* Keys are distinct within a list, and so are columns. */
struct le_field {
    struct le_span key;    /* JSON key */
    struct le_span column; /* column name, unquoted */
    enum le_field_kind kind;
    bool masked;
    bool required;
    bool sent_date;           /* LE_FIELD_DATE: without a value it is the day of SentTimestamp */
    bool optional_column;     /* the table may lack it (create_date in the table's older variant) */
    enum le_column_type type; /* set from the catalogue before the first row; the built-in table's
                                 type until then */
    int chars_max;            /* varchar(n): n characters (not bytes); 0 when unlimited */
};

struct le_fields {
    struct le_field list[LE_FIELDS_MAX];
    size_t count;
};

/* The seven fields of a login, with the types of the table that `loginetl schema` prints. */
void le_fields_builtin(struct le_fields *fields);
/* Sets required from a comma-separated list of keys ("user_id,ip"), replacing the default.
 * LE_ERR_CONFIG: a key that no field has; *unknown names it (a span of keys) and nothing is
 * changed. Spaces around a key do not count; an empty list requires nothing. */
LE_MUST enum le_err le_fields_require(struct le_fields *fields, struct le_span keys,
                                      struct le_span *unknown);
/* NULL when there is none. */
struct le_field *le_fields_by_key(struct le_fields *fields, struct le_span key);
struct le_field *le_fields_by_column(struct le_fields *fields, struct le_span column);
/* Can a column of that type take such a field's values? To be asked for every field before the
 * first row is decoded. LE_COLUMN_ABSENT takes any: whether a column may be missing is
 * optional_column's matter. */
bool le_field_fits(enum le_field_kind kind, bool masked, enum le_column_type type);

#endif
