#include "loginetl/pg/arrays.h"

#include "loginetl/base/timefmt.h"

#include <assert.h>
#include <string.h>

/* PostgreSQL's OIDs of built-in types never change. */
enum {
    OID_TEXT = 25,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_DATE = 1082,
    OID_TIMESTAMPTZ = 1184,
    OID_UUID = 2950
};

struct element {
    Oid oid;
    Oid array_oid;
    size_t size; /* 0: varies */
};

static const struct element sent_at_element = {OID_TIMESTAMPTZ, 1185, 8};
static const struct element message_id_element = {OID_UUID, 2951, 16};
static const struct element cell_elements[] = {
    [LE_COLUMN_TEXT] = {OID_TEXT, 1009, 0}, [LE_COLUMN_INT2] = {OID_INT2, 1005, 2},
    [LE_COLUMN_INT4] = {OID_INT4, 1007, 4}, [LE_COLUMN_INT8] = {OID_INT8, 1016, 8},
    [LE_COLUMN_DATE] = {OID_DATE, 1182, 4},
};

#define HEADER_SIZE    20
#define LENGTH_SIZE    4
#define NULL_LENGTH    UINT32_C(0xffffffff)
#define EPOCH_DAYS     10957 /* 2000-01-01, from which PostgreSQL counts, since 1970-01-01 */
#define SENT_AT_MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */

static const struct element *element_of(const struct le_array *array)
{
    switch (array->source) {
    case LE_ARRAY_SENT_AT: return &sent_at_element;
    case LE_ARRAY_MESSAGE_ID: return &message_id_element;
    case LE_ARRAY_CELL: break;
    }
    assert(array->type > LE_COLUMN_ABSENT && array->type <= LE_COLUMN_DATE);
    return &cell_elements[array->type];
}

static void add_array(struct le_arrays *arrays, enum le_array_source source, size_t field,
                      enum le_column_type type)
{
    assert(arrays->count < LE_ARRAYS_MAX);
    struct le_array *array = &arrays->list[arrays->count];
    *array = (struct le_array){.source = source, .field = field, .type = type};
    le_buf_init(&array->bytes, LE_ARRAYS_BYTES_MAX);
    arrays->types[arrays->count] = element_of(array)->array_oid;
    arrays->formats[arrays->count++] = 1;
}

void le_arrays_init(struct le_arrays *arrays, const struct le_fields *fields, bool keys)
{
    assert(arrays != NULL && fields != NULL && fields->count <= LE_FIELDS_MAX);
    memset(arrays, 0, sizeof *arrays);
    if (keys) {
        add_array(arrays, LE_ARRAY_SENT_AT, 0, LE_COLUMN_ABSENT);
        add_array(arrays, LE_ARRAY_MESSAGE_ID, 0, LE_COLUMN_ABSENT);
    }
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->list[i].type != LE_COLUMN_ABSENT)
            add_array(arrays, LE_ARRAY_CELL, i, fields->list[i].type);
    }
}

void le_arrays_free(struct le_arrays *arrays)
{
    assert(arrays != NULL);
    for (size_t i = 0; i < arrays->count; i++)
        le_buf_free(&arrays->list[i].bytes);
    memset(arrays, 0, sizeof *arrays);
}

void le_arrays_shrink(struct le_arrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++) {
        if (arrays->list[i].bytes.cap > LE_ARRAYS_BYTES_KEPT)
            le_buf_shrink(&arrays->list[i].bytes, LE_ARRAYS_BYTES_KEPT);
    }
}

/* Written by shifts: compilers make one byte swap and one store of it. */
static char *put16(char *at, uint16_t value)
{
    at[0] = (char)(value >> 8);
    at[1] = (char)value;
    return at + 2;
}

static char *put32(char *at, uint32_t value)
{
    at[0] = (char)(value >> 24);
    at[1] = (char)(value >> 16);
    at[2] = (char)(value >> 8);
    at[3] = (char)value;
    return at + 4;
}

static char *put64(char *at, uint64_t value)
{
    return put32(put32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

static char *put_header(char *at, Oid oid, size_t count, bool has_null)
{
    at = put32(at, 1); /* dimensions */
    at = put32(at, has_null);
    at = put32(at, oid);
    at = put32(at, (uint32_t)count);
    return put32(at, 1); /* lower bound */
}

static int64_t sent_at_us(const struct le_message *row)
{
    int64_t ms = row->sent_at_ms < 0 ? 0 : row->sent_at_ms;
    if (ms > SENT_AT_MAX_MS)
        ms = SENT_AT_MAX_MS;
    return (ms - EPOCH_DAYS * LE_MS_PER_DAY) * 1000;
}

static char *put_sent_at(char *at, struct le_message *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at = put64(put32(at, 8), (uint64_t)sent_at_us(rows[i]));
    return at;
}

static char *put_message_id(char *at, struct le_message *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at = put32(at, sizeof rows[i]->id);
        memcpy(at, rows[i]->id, sizeof rows[i]->id);
        at += sizeof rows[i]->id;
    }
    return at;
}

static char *put_text(char *at, const struct le_cell *cell)
{
    assert(cell->kind == LE_CELL_TEXT);
    at = put32(at, cell->len);
    memcpy(at, cell->text, cell->len);
    return at + cell->len;
}

static char *put_number(char *at, const struct le_cell *cell, enum le_column_type type)
{
    assert(cell->kind == (type == LE_COLUMN_DATE ? LE_CELL_DATE : LE_CELL_INT));
    int64_t num = type == LE_COLUMN_DATE ? cell->num - EPOCH_DAYS : cell->num;
    switch (type) {
    case LE_COLUMN_INT2:
        assert(num >= INT16_MIN && num <= INT16_MAX);
        return put16(put32(at, 2), (uint16_t)num);
    case LE_COLUMN_INT4:
    case LE_COLUMN_DATE:
        assert(num >= INT32_MIN && num <= INT32_MAX);
        return put32(put32(at, 4), (uint32_t)num);
    case LE_COLUMN_INT8: return put64(put32(at, 8), (uint64_t)num);
    case LE_COLUMN_ABSENT:
    case LE_COLUMN_TEXT: break;
    }
    assert(!"a number's column");
    return at;
}

static char *put_cells(char *at, const struct le_array *array, struct le_message *const *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct le_cell *cell = &rows[i]->cells[array->field];
        if (cell->kind == LE_CELL_NULL)
            at = put32(at, NULL_LENGTH);
        else if (array->type == LE_COLUMN_TEXT)
            at = put_text(at, cell);
        else
            at = put_number(at, cell, array->type);
    }
    return at;
}

/* Bytes of the elements themselves, without their lengths. */
static size_t measure_cells(const struct le_array *array, struct le_message *const *rows,
                            size_t count, bool *has_null)
{
    size_t fixed = element_of(array)->size;
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        const struct le_cell *cell = &rows[i]->cells[array->field];
        if (cell->kind == LE_CELL_NULL)
            *has_null = true;
        else
            sum += fixed > 0 ? fixed : cell->len;
    }
    return sum;
}

static char *put_elements(char *at, const struct le_array *array, struct le_message *const *rows,
                          size_t count)
{
    switch (array->source) {
    case LE_ARRAY_SENT_AT: return put_sent_at(at, rows, count);
    case LE_ARRAY_MESSAGE_ID: return put_message_id(at, rows, count);
    case LE_ARRAY_CELL: return put_cells(at, array, rows, count);
    }
    assert(!"an array's source");
    return at;
}

static enum le_err encode_array(struct le_array *array, struct le_message *const *rows,
                                size_t count)
{
    const struct element *element = element_of(array);
    bool has_null = false;
    size_t content = array->source == LE_ARRAY_CELL ? measure_cells(array, rows, count, &has_null)
                                                    : element->size * count;
    size_t size = HEADER_SIZE + LENGTH_SIZE * count + content;
    le_buf_clear(&array->bytes);
    enum le_err err = le_buf_reserve(&array->bytes, size);
    if (err != LE_OK)
        return err;
    char *end = put_header(array->bytes.data, element->oid, count, has_null);
    end = put_elements(end, array, rows, count);
    array->bytes.len = (size_t)(end - array->bytes.data);
    /* Arrays of unequal lengths are padded with NULL by unnest, silently: what was measured is what
     * was written. */
    assert(array->bytes.len == size);
    return LE_OK;
}

enum le_err le_arrays_encode(struct le_arrays *arrays, struct le_message *const *rows, size_t count)
{
    assert(arrays != NULL && rows != NULL && count > 0 && count <= INT32_MAX);
    size_t sum = 0;
    for (size_t i = 0; i < arrays->count; i++) {
        struct le_array *array = &arrays->list[i];
        enum le_err err = encode_array(array, rows, count);
        if (err != LE_OK)
            return err;
        sum += array->bytes.len;
        if (sum > LE_ARRAYS_BYTES_MAX)
            return LE_ERR_TOO_LARGE;
        arrays->values[i] = array->bytes.data;
        arrays->lengths[i] = (int)array->bytes.len;
    }
    return LE_OK;
}
