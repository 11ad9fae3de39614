/* A body to a row, into tables of several shapes: whatever the body, cells stay within their memory
 * and their columns, the body stays as it was, and a second time gives the same, as does the body
 * in a notification or an event. A first byte below LE_ENVELOPE_COUNT, which no JSON has, is no
 * part of the body and says which envelopes there are; else the body tells. */
#include "loginetl/base/buf.h"
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"
#include "loginetl/login/row.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BODY_MAX   16384
#define SENT_AT_MS INT64_C(1700000000000)

#define LE_ENVELOPE_COUNT (LE_ENVELOPE_EVENTBRIDGE + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum shape { SHAPE_BUILTIN, SHAPE_TEXTS, SHAPE_NARROW, SHAPE_ABSENT, SHAPE_COUNT };

struct table {
    struct le_fields fields;
    struct le_decoder *decoder;
    size_t mask_chars;
};

struct row {
    char *scratch;
    char *masks;
    struct le_cell cells[LE_FIELDS_MAX];
    struct le_reject reject;
};

/* Text columns wherever they fit, nothing masked, nothing required. */
static void shape_texts(struct le_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct le_field *field = &fields->list[i];
        field->masked = field->required = field->sent_date = false;
        field->chars_max = 0;
        if (field->kind == LE_FIELD_VERSION)
            field->type = LE_COLUMN_TEXT;
    }
}

/* Columns that are nearly too short, and everything that can be masked is. */
static void shape_narrow(struct le_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct le_field *field = &fields->list[i];
        field->chars_max = 3;
        if (field->kind == LE_FIELD_VERSION)
            field->type = LE_COLUMN_INT2;
        if (field->kind == LE_FIELD_IP)
            field->masked = false;
        if (field->kind == LE_FIELD_DATE) {
            field->masked = true;
            field->type = LE_COLUMN_TEXT;
        }
        if (field->masked)
            field->chars_max = LE_MASK_CHARS_MAX;
    }
}

static void shape_absent(struct le_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        fields->list[i].type = LE_COLUMN_ABSENT;
}

static void make_table(struct table *table, enum shape shape, enum le_envelope envelope)
{
    static const enum le_app_version how[SHAPE_COUNT] = {
        LE_APP_VERSION_DIGITS, LE_APP_VERSION_MAJOR, LE_APP_VERSION_PACKED, LE_APP_VERSION_DIGITS};
    enum le_mask_method mask = shape == SHAPE_NARROW ? LE_MASK_SHA512 : LE_MASK_SHA256;
    le_fields_builtin(&table->fields);
    switch (shape) {
    case SHAPE_TEXTS: shape_texts(&table->fields); break;
    case SHAPE_NARROW: shape_narrow(&table->fields); break;
    case SHAPE_ABSENT: shape_absent(&table->fields); break;
    case SHAPE_BUILTIN:
    case SHAPE_COUNT: break;
    }
    const struct le_decoder_config config = {&table->fields, mask, how[shape], BODY_MAX, envelope};
    table->decoder = le_decoder_new(&config);
    table->mask_chars = le_mask_chars(mask);
    assert(table->decoder != NULL);
}

static void decode(const struct table *table, const char *body, size_t len, struct row *row)
{
    bool escapes = len > 0 && memchr(body, '\\', len) != NULL;
    row->scratch = escapes ? le_alloc(len) : NULL;
    row->masks = le_alloc(le_decoder_mask_space(table->decoder));
    assert(row->masks != NULL && (row->scratch != NULL || !escapes));
    enum le_err err = le_decode(table->decoder, body, len, SENT_AT_MS, row->scratch, row->masks,
                                row->cells, &row->reject);
    assert(err == LE_OK);
}

static void drop(struct row *row)
{
    le_free(row->scratch);
    le_free(row->masks);
}

static bool within(const char *text, size_t len, const char *area, size_t area_len)
{
    return area != NULL && text >= area && text + len <= area + area_len;
}

static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static void check_text(const struct table *table, const struct le_field *field,
                       const struct row *row, const struct le_cell *cell, struct le_span body)
{
    size_t space = le_decoder_mask_space(table->decoder);
    assert(field->type == LE_COLUMN_TEXT && cell->len > 0);
    assert(le_utf8_valid((struct le_span){cell->text, cell->len}));
    assert(memchr(cell->text, '\0', cell->len) == NULL);
    assert(field->chars_max == 0 || characters(cell->text, cell->len) <= (size_t)field->chars_max);
    if (!field->masked) {
        assert(within(cell->text, cell->len, body.ptr, body.len) ||
               within(cell->text, cell->len, row->scratch, body.len) ||
               (field->kind == LE_FIELD_IP && within(cell->text, cell->len, row->masks, space)));
        return;
    }
    assert(cell->len == table->mask_chars && within(cell->text, cell->len, row->masks, space));
    for (size_t i = 0; i < cell->len; i++)
        assert(cell->text[i] != '\0' && strchr("0123456789abcdef", cell->text[i]) != NULL);
}

static void check_int(const struct le_field *field, int64_t number)
{
    assert(field->kind == LE_FIELD_VERSION && number >= 0);
    assert(field->type != LE_COLUMN_INT2 || number <= INT16_MAX);
    assert(field->type != LE_COLUMN_INT4 || number <= INT32_MAX);
    assert(field->type >= LE_COLUMN_INT2 && field->type <= LE_COLUMN_INT8);
}

static void check_cell(const struct table *table, size_t index, const struct row *row,
                       struct le_span body)
{
    const struct le_field *field = &table->fields.list[index];
    const struct le_cell *cell = &row->cells[index];
    switch (cell->kind) {
    case LE_CELL_NULL: assert(!field->required || field->type == LE_COLUMN_ABSENT); return;
    case LE_CELL_TEXT: check_text(table, field, row, cell, body); return;
    case LE_CELL_INT: check_int(field, cell->num); return;
    case LE_CELL_DATE:
        assert(field->type == LE_COLUMN_DATE);
        assert(cell->num >= -719162 && cell->num <= 2932896); /* 0001-01-01 … 9999-12-31 */
        return;
    }
    assert(!"a cell of no kind");
}

static void check_same(const struct table *table, const struct row *a, const struct row *b)
{
    assert(a->reject.reason == b->reject.reason && a->reject.key.ptr == b->reject.key.ptr);
    if (a->reject.reason != LE_REJECT_NONE)
        return;
    for (size_t i = 0; i < table->fields.count; i++) {
        const struct le_cell *x = &a->cells[i], *y = &b->cells[i];
        assert(x->kind == y->kind);
        if (x->kind == LE_CELL_TEXT)
            assert(x->len == y->len && memcmp(x->text, y->text, x->len) == 0);
        else if (x->kind != LE_CELL_NULL)
            assert(x->num == y->num);
    }
}

static void check_reject(const struct table *table, const struct le_reject *reject)
{
    assert(reject->reason < LE_REJECT_CONSTRAINT);
    bool of_a_key = false;
    for (size_t i = 0; i < table->fields.count; i++)
        of_a_key = of_a_key || reject->key.ptr == table->fields.list[i].key.ptr;
    for (size_t i = 0; i < LE_ENVELOPE_KEYS; i++)
        of_a_key = of_a_key || reject->key.ptr == le_envelope_keys[i].ptr;
    assert(of_a_key || reject->key.ptr == NULL);
}

/* Nothing but an object can stand in an event, and the event's own members count, too. */
static bool fits_event(const struct le_reject *reject)
{
    switch (reject->reason) {
    case LE_REJECT_NOT_JSON:
    case LE_REJECT_NOT_AN_OBJECT:
    case LE_REJECT_TOO_LARGE: return false;
    default: return true;
    }
}

static void make_wrapped(struct le_buf *out, enum le_envelope envelope, struct le_span body)
{
    bool sns = envelope == LE_ENVELOPE_SNS;
    le_buf_init(out, 8 * BODY_MAX);
    enum le_err err =
        le_buf_append_text(out, sns ? "{\"Type\":\"Notification\",\"TopicArn\":\"a\",\"Message\":"
                                    : "{\"detail-type\":\"a\",\"source\":\"b\",\"detail\":");
    if (err == LE_OK)
        err = sns ? le_json_append_string(out, body) : le_buf_append_span(out, body);
    if (err == LE_OK)
        err = le_buf_append_text(out, "}");
    assert(err == LE_OK);
}

/* What a body is without an envelope, it is in one. */
static void check_wrapped(enum le_envelope envelope, struct le_span body)
{
    struct table plain, wrapping;
    struct row alone, wrapped;
    struct le_buf text;
    make_table(&plain, SHAPE_BUILTIN, LE_ENVELOPE_NONE);
    make_table(&wrapping, SHAPE_BUILTIN, envelope);
    decode(&plain, body.ptr, body.len, &alone);
    make_wrapped(&text, envelope, body);
    decode(&wrapping, text.data, text.len, &wrapped);
    bool event = envelope == LE_ENVELOPE_EVENTBRIDGE;
    if (wrapped.reject.reason != LE_REJECT_TOO_LARGE && (!event || fits_event(&alone.reject)))
        check_same(&plain, &alone, &wrapped);
    drop(&alone);
    drop(&wrapped);
    le_buf_free(&text);
    le_decoder_free(plain.decoder);
    le_decoder_free(wrapping.decoder);
}

static void check_table(enum shape shape, enum le_envelope envelope, const uint8_t *data,
                        size_t size)
{
    struct table table;
    struct row first, second;
    make_table(&table, shape, envelope);
    char *body = le_alloc(size);
    assert(body != NULL);
    if (size > 0)
        memcpy(body, data, size);
    decode(&table, body, size, &first);
    decode(&table, body, size, &second);
    assert(size == 0 || memcmp(body, data, size) == 0);
    check_same(&table, &first, &second);
    check_reject(&table, &first.reject);
    for (size_t i = 0; first.reject.reason == LE_REJECT_NONE && i < table.fields.count; i++)
        check_cell(&table, i, &first, (struct le_span){body, size});
    drop(&first);
    drop(&second);
    le_free(body);
    le_decoder_free(table.decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum le_envelope envelope = LE_ENVELOPE_AUTO;
    if (size > 0 && data[0] < LE_ENVELOPE_COUNT) {
        envelope = (enum le_envelope)data[0];
        data++;
        size--;
    }
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        check_table((enum shape)shape, envelope, data, size);
    struct le_span body = {(const char *)data, size};
    if (le_utf8_valid(body) && size < BODY_MAX && memchr(data, '\0', size) == NULL) {
        check_wrapped(LE_ENVELOPE_SNS, body);
        check_wrapped(LE_ENVELOPE_EVENTBRIDGE, body);
    }
    return 0;
}
