#include "loginetl/pg/name.h"

#include "loginetl/base/ascii.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Fully reserved words and those that can only name functions and types, each between spaces. */
static const char reserved_words[] =
    " "
    "all analyse analyze and any array as asc asymmetric authorization binary both "
    "case cast check collate collation column concurrently constraint create cross "
    "current_catalog current_date current_role current_schema current_time "
    "current_timestamp current_user default deferrable desc distinct do else end "
    "except false fetch for foreign freeze from full grant group having ilike in "
    "initially inner intersect into is isnull join lateral leading left like limit "
    "localtime localtimestamp natural not notnull null offset on only or order outer "
    "overlaps placing primary references returning right select session_user similar "
    "some symmetric system_user table tablesample then to trailing true union unique "
    "user using variadic verbose when where window with ";

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static bool starts_name(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool continues_name(char c)
{
    return starts_name(c) || (c >= '0' && c <= '9') || c == '$';
}

/* Both answer what follows the part, or NULL when it is malformed. */
static const char *parse_bare(const char *at, char out[LE_PG_NAME_SIZE])
{
    size_t len = 0;
    if (!starts_name(*at))
        return NULL;
    for (; continues_name(*at); at++) {
        if (len == LE_PG_NAME_SIZE - 1)
            return NULL;
        out[len++] = le_ascii_lower(*at);
    }
    out[len] = '\0';
    return at;
}

static const char *parse_quoted(const char *at, char out[LE_PG_NAME_SIZE])
{
    size_t len = 0;
    assert(*at == '"');
    for (at++; *at != '\0'; at++) {
        if (*at == '"' && *++at != '"') {
            out[len] = '\0';
            return len > 0 ? at : NULL;
        }
        if (len == LE_PG_NAME_SIZE - 1)
            return NULL;
        out[len++] = *at;
    }
    return NULL;
}

static const char *parse_part(const char *at, char out[LE_PG_NAME_SIZE])
{
    return *at == '"' ? parse_quoted(at, out) : parse_bare(at, out);
}

enum le_err le_pg_name_parse(const char *text, struct le_pg_name *out)
{
    assert(text != NULL && out != NULL);
    memset(out, 0, sizeof *out);
    const char *at = parse_part(text, out->table);
    if (at != NULL && *at == '.') {
        memcpy(out->schema, out->table, sizeof out->schema);
        at = parse_part(at + 1, out->table);
    }
    return at != NULL && *at == '\0' ? LE_OK : LE_ERR_CONFIG;
}

bool le_pg_is_identifier(const char *text)
{
    assert(text != NULL);
    size_t len = 0;
    for (; text[len] != '\0'; len++) {
        bool fits = len == 0 ? starts_name(text[len]) : continues_name(text[len]);
        if (!fits || (unsigned char)text[len] >= 0x80 || len == LE_PG_NAME_SIZE - 1)
            return false;
    }
    return len > 0;
}

enum le_err le_pg_put_quoted(struct le_buf *out, struct le_span name)
{
    assert(out != NULL && name.ptr != NULL && name.len > 0);
    assert(memchr(name.ptr, '\0', name.len) == NULL);
    enum le_err err = le_buf_append(out, "\"", 1);
    for (size_t i = 0; i < name.len && err == LE_OK; i++) {
        if (name.ptr[i] == '"')
            err = le_buf_append(out, "\"", 1);
        if (err == LE_OK)
            err = le_buf_append(out, &name.ptr[i], 1);
    }
    return err != LE_OK ? err : le_buf_append(out, "\"", 1);
}

static bool is_reserved(struct le_span name)
{
    char word[LE_PG_NAME_SIZE + 2];
    if (name.len >= LE_PG_NAME_SIZE)
        return false;
    (void)snprintf(word, sizeof word, " %.*s ", (int)name.len, name.ptr);
    return strstr(reserved_words, word) != NULL;
}

static bool is_plain(struct le_span name)
{
    if (name.len == 0 || !is_lower(name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_lower(name.ptr[i]) && !(name.ptr[i] >= '0' && name.ptr[i] <= '9'))
            return false;
    }
    return !is_reserved(name);
}

enum le_err le_pg_put_name(struct le_buf *out, struct le_span name)
{
    return is_plain(name) ? le_buf_append_span(out, name) : le_pg_put_quoted(out, name);
}

enum le_err le_pg_put_table(struct le_buf *out, const char *schema, const char *table)
{
    assert(schema != NULL && table != NULL);
    enum le_err err = LE_OK;
    if (schema[0] != '\0') {
        err = le_pg_put_name(out, le_span_of(schema));
        if (err == LE_OK)
            err = le_buf_append_text(out, ".");
    }
    return err != LE_OK ? err : le_pg_put_name(out, le_span_of(table));
}
