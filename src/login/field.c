/* The built-in field list, and looking things up in a list. */
#include "loginetl/login/field.h"

#include <assert.h>

/* What a login becomes, in the order of the table's columns. */
static const struct le_field builtin[] = {
    {.key = {"user_id", 7},
     .column = {"user_id", 7},
     .kind = LE_FIELD_TEXT,
     .required = true,
     .type = LE_COLUMN_TEXT,
     .chars_max = 128},
    {.key = {"device_type", 11},
     .column = {"device_type", 11},
     .kind = LE_FIELD_TEXT,
     .type = LE_COLUMN_TEXT,
     .chars_max = 32},
    {.key = {"ip", 2},
     .column = {"masked_ip", 9},
     .kind = LE_FIELD_IP,
     .masked = true,
     .type = LE_COLUMN_TEXT,
     .chars_max = 256},
    {.key = {"device_id", 9},
     .column = {"masked_device_id", 16},
     .kind = LE_FIELD_TEXT,
     .masked = true,
     .type = LE_COLUMN_TEXT,
     .chars_max = 256},
    {.key = {"locale", 6},
     .column = {"locale", 6},
     .kind = LE_FIELD_TEXT,
     .type = LE_COLUMN_TEXT,
     .chars_max = 32},
    {.key = {"app_version", 11},
     .column = {"app_version", 11},
     .kind = LE_FIELD_VERSION,
     .type = LE_COLUMN_INT4},
    {.key = {"create_date", 11},
     .column = {"create_date", 11},
     .kind = LE_FIELD_DATE,
     .sent_date = true,
     .optional_column = true,
     .type = LE_COLUMN_DATE},
};

void le_fields_builtin(struct le_fields *fields)
{
    assert(fields != NULL);
    _Static_assert(sizeof builtin / sizeof builtin[0] <= LE_FIELDS_MAX, "the built-in list fits");
    fields->count = sizeof builtin / sizeof builtin[0];
    memcpy(fields->list, builtin, sizeof builtin);
}

struct le_field *le_fields_by_key(struct le_fields *fields, struct le_span key)
{
    assert(fields != NULL && fields->count <= LE_FIELDS_MAX);
    for (size_t i = 0; i < fields->count; i++) {
        if (le_span_equal(fields->list[i].key, key))
            return &fields->list[i];
    }
    return NULL;
}

struct le_field *le_fields_by_column(struct le_fields *fields, struct le_span column)
{
    assert(fields != NULL && fields->count <= LE_FIELDS_MAX);
    for (size_t i = 0; i < fields->count; i++) {
        if (le_span_equal(fields->list[i].column, column))
            return &fields->list[i];
    }
    return NULL;
}

static struct le_span trim(struct le_span text)
{
    while (text.len > 0 && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

/* Takes the next item off the front of a comma-separated list. */
static struct le_span next_item(struct le_span *list)
{
    const char *comma = memchr(list->ptr, ',', list->len);
    size_t len = comma != NULL ? (size_t)(comma - list->ptr) : list->len;
    size_t taken = comma != NULL ? len + 1 : len;
    struct le_span item = trim((struct le_span){list->ptr, len});
    list->ptr += taken;
    list->len -= taken;
    return item;
}

enum le_err le_fields_require(struct le_fields *fields, struct le_span keys,
                              struct le_span *unknown)
{
    assert(fields != NULL && unknown != NULL && (keys.ptr != NULL || keys.len == 0));
    bool required[LE_FIELDS_MAX] = {false};
    *unknown = LE_SPAN_NONE;
    while (keys.len > 0) {
        struct le_span key = next_item(&keys);
        if (key.len == 0)
            continue;
        const struct le_field *field = le_fields_by_key(fields, key);
        if (field == NULL) {
            *unknown = key;
            return LE_ERR_CONFIG;
        }
        required[field - fields->list] = true;
    }
    for (size_t i = 0; i < fields->count; i++)
        fields->list[i].required = required[i];
    return LE_OK;
}

bool le_field_fits(enum le_field_kind kind, bool masked, enum le_column_type type)
{
    if (type == LE_COLUMN_ABSENT)
        return true;
    if (masked)
        return type == LE_COLUMN_TEXT;
    switch (kind) {
    case LE_FIELD_TEXT:
    case LE_FIELD_IP: return type == LE_COLUMN_TEXT;
    case LE_FIELD_VERSION: return type != LE_COLUMN_DATE;
    case LE_FIELD_DATE: return type == LE_COLUMN_DATE;
    }
    assert(!"a field of no kind");
    return false;
}
