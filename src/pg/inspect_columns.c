#include "inspect_columns.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODIFIER_BASE 4 /* varchar(n) and char(n) have n + 4 */

/* A domain is followed down to the type that it is made of, which says what fits; on the way its
 * NOT NULL and default count as the column's own. */
#define COLUMNS_SQL(identity_, generated_)                                                                 \
    "WITH RECURSIVE col AS (SELECT a.attnum, 0 AS depth, a.attname AS name, a.atttypid AS type, "          \
    "a.atttypmod AS modifier, a.attnotnull AS not_null, a.atthasdef OR " identity_                         \
    " <> '' AS has_default, " generated_ " <> '' OR " identity_                                            \
    " = 'a' AS generated, pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT') AS can_insert, " \
    "pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name FROM pg_catalog.pg_attribute a "         \
    "WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped UNION ALL "             \
    "SELECT col.attnum, col.depth + 1, col.name, t.typbasetype, t.typtypmod, "                             \
    "col.not_null OR t.typnotnull, col.has_default OR t.typdefault IS NOT NULL, col.generated, "           \
    "col.can_insert, col.type_name FROM col JOIN pg_catalog.pg_type t ON t.oid = col.type "                \
    "WHERE t.typtype = 'd') SELECT DISTINCT ON (attnum) * FROM col ORDER BY attnum, depth DESC"

const char *le_inspect_columns_sql(int server_version)
{
    static const char before_12[] = COLUMNS_SQL("a.attidentity", "''");
    static const char since_12[] = COLUMNS_SQL("a.attidentity", "a.attgenerated");
    return server_version < 120000 ? before_12 : since_12;
}

static enum le_column_type column_type(Oid type)
{
    switch (type) {
    case 25:   /* text */
    case 1042: /* char(n) */
    case 1043: /* varchar(n) */ return LE_COLUMN_TEXT;
    case 21: return LE_COLUMN_INT2;
    case 23: return LE_COLUMN_INT4;
    case 20: return LE_COLUMN_INT8;
    case 1082: return LE_COLUMN_DATE;
    default: return LE_COLUMN_ABSENT; /* of no use to us */
    }
}

static void append_name(char *list, size_t size, struct le_span name)
{
    size_t len = strlen(list);
    int count = name.len < INT_MAX ? (int)name.len : INT_MAX;
    (void)snprintf(list + len, size - len, "%s%.*s", len > 0 ? "," : "", count, name.ptr);
}

static const char *value_words(const struct le_field *field)
{
    if (field->masked)
        return "a mask";
    switch (field->kind) {
    case LE_FIELD_TEXT: return "a text";
    case LE_FIELD_IP: return "an address";
    case LE_FIELD_VERSION: return "a version";
    case LE_FIELD_DATE: return "a date";
    }
    abort();
}

/* The first misfit is told; the others show themselves when it is mended. */
static void note_misfit(struct le_inspect *inspect, const struct le_inspect_column *column,
                        const char *words, const char *more)
{
    struct le_store_report *report = &inspect->report;
    report->types_fit = false;
    if (report->misfit[0] == '\0')
        (void)snprintf(report->misfit, sizeof report->misfit, "%.*s: %s %s%s",
                       (int)column->name.len, column->name.ptr, column->type_name, words, more);
}

static void judge_mask(struct le_inspect *inspect, const struct le_inspect_column *column,
                       const struct le_field *field)
{
    if (!field->masked || field->chars_max == 0 || (size_t)field->chars_max >= inspect->mask_chars)
        return;
    char chars[48];
    (void)snprintf(chars, sizeof chars, "%zu characters", inspect->mask_chars);
    note_misfit(inspect, column, "is too short for a mask of ", chars);
}

static void judge_field(struct le_inspect *inspect, const struct le_inspect_column *column,
                        struct le_field *field)
{
    enum le_column_type type = column_type(column->type);
    if (column->generated) {
        note_misfit(inspect, column, "is generated and takes no value", "");
    } else if (type == LE_COLUMN_ABSENT || !le_field_fits(field->kind, field->masked, type)) {
        note_misfit(inspect, column, "cannot hold ", value_words(field));
    }
    field->type = type;
    field->chars_max = 0;
    if (type == LE_COLUMN_TEXT && column->type != 25 && column->modifier > MODIFIER_BASE)
        field->chars_max = column->modifier - MODIFIER_BASE;
    inspect->report.can_insert = inspect->report.can_insert && column->can_insert;
    judge_mask(inspect, column, field);
}

void le_inspect_forget_columns(struct le_inspect *inspect)
{
    assert(inspect->found.count == inspect->wanted->count);
    memset(inspect->seen, 0, sizeof inspect->seen);
}

void le_inspect_judge_column(struct le_inspect *inspect, const struct le_inspect_column *column)
{
    assert(inspect != NULL && column != NULL && column->name.ptr != NULL);
    bool filled = false;
    for (size_t i = 0; i < inspect->found.count; i++) {
        if (!le_span_equal(inspect->found.list[i].column, column->name))
            continue;
        filled = inspect->seen[i] = true;
        judge_field(inspect, column, &inspect->found.list[i]);
    }
    if (!filled && column->not_null && !column->has_default && !column->generated)
        append_name(inspect->report.required_columns, sizeof inspect->report.required_columns,
                    column->name);
}

void le_inspect_judge_missing(struct le_inspect *inspect)
{
    struct le_store_report *report = &inspect->report;
    for (size_t i = 0; i < inspect->found.count; i++) {
        if (inspect->seen[i])
            continue;
        struct le_field *field = &inspect->found.list[i];
        field->type = LE_COLUMN_ABSENT;
        if (field->optional_column)
            continue;
        append_name(report->missing_columns, sizeof report->missing_columns, field->column);
    }
}
