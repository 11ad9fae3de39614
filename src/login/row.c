/* One body to one row: the members that fields ask for are found first, then made into cells in the
 * field list's order, so that a message with several faults is always rejected for the same one. */
#include "loginetl/login/row.h"

#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>

struct le_decoder {
    struct le_decoder_config config;
    struct le_json *json;
    struct le_json_value found[LE_FIELDS_MAX]; /* of each field; ptr NULL when the body has none */
};

/* What one row is made with. */
struct work {
    const struct le_decoder_config *config;
    const char *body_end;
    int64_t sent_at_ms;
    char *scratch; /* the rest of it */
    char *masks;   /* the rest of it */
    enum le_reject_reason reason;
};

_Static_assert(sizeof(struct le_cell) == 16,
               "rows are counted against the memory limit by this size");

struct le_decoder *le_decoder_new(const struct le_decoder_config *config)
{
    assert(config != NULL && config->fields != NULL);
    assert(config->fields->count <= LE_FIELDS_MAX);
    assert(config->body_max <= UINT32_MAX); /* a cell's len */
    struct le_decoder *decoder = le_calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;
    decoder->config = *config;
    decoder->json = le_json_new();
    if (decoder->json == NULL) {
        le_free(decoder);
        return NULL;
    }
    return decoder;
}

void le_decoder_free(struct le_decoder *decoder)
{
    if (decoder == NULL)
        return;
    le_json_free(decoder->json);
    le_free(decoder);
}

size_t le_decoder_mask_space(const struct le_decoder *decoder)
{
    assert(decoder != NULL);
    const struct le_fields *fields = decoder->config.fields;
    size_t space = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->list[i].masked)
            space += le_mask_chars(decoder->config.mask);
        else if (fields->list[i].kind == LE_FIELD_IP)
            space += LE_IP_CHARS_MAX;
    }
    return space;
}

static enum le_reject_reason parse_body(struct le_decoder *decoder, struct le_span body)
{
    if (body.len > decoder->config.body_max)
        return LE_REJECT_TOO_LARGE;
    switch (le_json_parse(decoder->json, body.ptr, body.len)) {
    case LE_OK: break;
    case LE_ERR_TOO_LARGE: return LE_REJECT_TOO_LARGE;
    default: return le_utf8_valid(body) ? LE_REJECT_NOT_JSON : LE_REJECT_BAD_TEXT;
    }
    if (le_json_root(decoder->json).kind != LE_JSON_OBJECT)
        return LE_REJECT_NOT_AN_OBJECT;
    return LE_REJECT_NONE;
}

/* Without a scratch there is no backslash in all of the body. */
static bool has_escape(struct le_json_value string, const char *scratch)
{
    return scratch != NULL && string.len > 0 && memchr(string.ptr, '\\', string.len) != NULL;
}

/* A copy of text in scratch, unescaped. LE_ERR_RANGE: it stands for something that is no text. */
static enum le_err unescape_copy(struct le_json_value text, char *scratch, struct le_span *out)
{
    assert(scratch != NULL);
    size_t len = text.len;
    memcpy(scratch, text.ptr, text.len);
    enum le_err err = le_json_unescape(scratch, &len);
    assert(err != LE_ERR_SYNTAX); /* the parser saw to that */
    *out = (struct le_span){scratch, len};
    return err;
}

/* The index of the field that asks for key, or the count of fields. */
static size_t field_of(const struct le_fields *fields, struct le_span key)
{
    size_t i = 0;
    while (i < fields->count && !le_span_equal(fields->list[i].key, key))
        i++;
    return i;
}

/* Of a repeated key the last value stays. */
static void find_members(struct le_decoder *decoder, char *scratch)
{
    const struct le_fields *fields = decoder->config.fields;
    struct le_json_value key, value;
    size_t cursor = 0;
    for (size_t i = 0; i < fields->count; i++)
        decoder->found[i].ptr = NULL;
    while (le_json_member(decoder->json, &cursor, &key, &value)) {
        struct le_span name = {key.ptr, key.len};
        /* Values are unescaped later, so for now the whole scratch is there for keys. */
        if (has_escape(key, scratch) && unescape_copy(key, scratch, &name) != LE_OK)
            continue; /* no field has such a key */
        size_t i = field_of(fields, name);
        if (i < fields->count)
            decoder->found[i] = value;
    }
}

/* Absent, null and the empty string are the same. */
static bool is_absent(const struct le_json_value *value)
{
    return value->ptr == NULL || value->kind == LE_JSON_NULL ||
           (value->kind == LE_JSON_STRING && value->len == 0);
}

static bool takes_kind(enum le_field_kind kind, enum le_json_kind json)
{
    return json == LE_JSON_STRING || (kind == LE_FIELD_VERSION && json == LE_JSON_NUMBER);
}

static struct le_cell text_cell(struct le_span text)
{
    assert(text.len > 0 && text.len <= UINT32_MAX);
    return (struct le_cell){.kind = LE_CELL_TEXT, .len = (uint32_t)text.len, .text = text.ptr};
}

static struct le_cell number_cell(enum le_cell_kind kind, int64_t number)
{
    return (struct le_cell){.kind = kind, .num = number};
}

static void fill_absent(struct work *work, const struct le_field *field, struct le_cell *cell)
{
    static const int64_t ms_max = INT64_C(253402300799999); /* the end of the year 9999 */
    if (field->required) {
        work->reason = LE_REJECT_MISSING;
        return;
    }
    if (!field->sent_date || field->masked || field->type == LE_COLUMN_ABSENT)
        return;
    assert(field->kind == LE_FIELD_DATE);
    if (work->sent_at_ms >= 0 && work->sent_at_ms <= ms_max)
        *cell = number_cell(LE_CELL_DATE, work->sent_at_ms / LE_MS_PER_DAY);
}

/* The value's text, unescaped. */
static struct le_span take_text(struct work *work, const struct le_json_value *value)
{
    struct le_span text = {value->ptr, value->len};
    assert(value->ptr + value->len <= work->body_end);
    if (value->kind != LE_JSON_STRING || !has_escape(*value, work->scratch))
        return text;
    if (unescape_copy(*value, work->scratch, &text) != LE_OK)
        work->reason = LE_REJECT_BAD_TEXT;
    /* Each value is copied once at most and values do not overlap, so a scratch of the body's
     * length holds them all. */
    work->scratch += value->len;
    return text;
}

static enum le_reject_reason check_form(enum le_field_kind kind, struct le_span text)
{
    int64_t days;
    switch (kind) {
    case LE_FIELD_TEXT:
    case LE_FIELD_IP: return LE_REJECT_NONE;
    case LE_FIELD_VERSION:
        return le_version_well_formed(text) ? LE_REJECT_NONE : LE_REJECT_MALFORMED_VERSION;
    case LE_FIELD_DATE: return le_date_parse(text, &days);
    }
    assert(!"a field of no kind");
    return LE_REJECT_NONE;
}

static bool chars_fit(const struct le_field *field, struct le_span text)
{
    size_t max = (size_t)field->chars_max;
    assert(field->chars_max >= 0);
    /* Bytes are never fewer than characters, so they need not be counted in most texts. */
    return max == 0 || text.len <= max || le_utf8_chars(text) <= max;
}

static void fill_text(struct work *work, const struct le_field *field, struct le_span text,
                      struct le_cell *cell)
{
    assert(field->type == LE_COLUMN_TEXT);
    if (!chars_fit(field, text))
        work->reason = LE_REJECT_TOO_LONG;
    else
        *cell = text_cell(text);
}

/* An address in its canonical form, in buffer; any other text as it stands. */
static struct le_span canonical(const struct le_field *field, struct le_span text, char *buffer)
{
    size_t len = field->kind == LE_FIELD_IP ? le_ip_canonical(text, buffer) : 0;
    return len > 0 ? (struct le_span){buffer, len} : text;
}

static enum le_err fill_mask(struct work *work, const struct le_field *field, struct le_span text,
                             struct le_cell *cell)
{
    char ip[LE_IP_CHARS_MAX];
    struct le_span mask = {work->masks, le_mask_chars(work->config->mask)};
    assert(field->type == LE_COLUMN_TEXT && field->chars_max >= 0);
    work->reason = check_form(field->kind, text);
    if (work->reason == LE_REJECT_NONE && field->chars_max > 0 &&
        mask.len > (size_t)field->chars_max)
        work->reason = LE_REJECT_TOO_LONG;
    if (work->reason != LE_REJECT_NONE)
        return LE_OK;
    *cell = text_cell(mask);
    work->masks += mask.len;
    return le_mask(work->config->mask, canonical(field, text, ip), work->masks - mask.len);
}

static void fill_address(struct work *work, const struct le_field *field, struct le_span text,
                         struct le_cell *cell)
{
    struct le_span address = canonical(field, text, work->masks);
    if (address.ptr == work->masks)
        work->masks += address.len;
    fill_text(work, field, address, cell);
}

static int64_t integer_max(enum le_column_type type)
{
    switch (type) {
    case LE_COLUMN_INT2: return INT16_MAX;
    case LE_COLUMN_INT4: return INT32_MAX;
    case LE_COLUMN_INT8: return INT64_MAX;
    case LE_COLUMN_ABSENT:
    case LE_COLUMN_TEXT:
    case LE_COLUMN_DATE: break;
    }
    assert(!"not an integer column");
    return 0;
}

static void fill_version(struct work *work, const struct le_field *field, struct le_span text,
                         struct le_cell *cell)
{
    int64_t number = 0;
    if (field->type == LE_COLUMN_TEXT) {
        work->reason = check_form(field->kind, text);
        if (work->reason == LE_REJECT_NONE)
            fill_text(work, field, text, cell);
        return;
    }
    work->reason =
        le_version_parse(text, work->config->app_version, integer_max(field->type), &number);
    if (work->reason == LE_REJECT_NONE)
        *cell = number_cell(LE_CELL_INT, number);
}

static void fill_date(struct work *work, struct le_span text, struct le_cell *cell)
{
    int64_t days = 0;
    work->reason = le_date_parse(text, &days);
    if (work->reason == LE_REJECT_NONE)
        *cell = number_cell(LE_CELL_DATE, days);
}

static void fill_plain(struct work *work, const struct le_field *field, struct le_span text,
                       struct le_cell *cell)
{
    switch (field->kind) {
    case LE_FIELD_TEXT: fill_text(work, field, text, cell); return;
    case LE_FIELD_IP: fill_address(work, field, text, cell); return;
    case LE_FIELD_VERSION: fill_version(work, field, text, cell); return;
    case LE_FIELD_DATE: fill_date(work, text, cell); return;
    }
    assert(!"a field of no kind");
}

static enum le_err fill_cell(struct work *work, const struct le_field *field,
                             const struct le_json_value *value, struct le_cell *cell)
{
    assert(
        le_field_fits(field->kind, field->masked, field->type)); /* the adapter's check at start */
    *cell = number_cell(LE_CELL_NULL, 0);
    if (is_absent(value)) {
        fill_absent(work, field, cell);
        return LE_OK;
    }
    if (!takes_kind(field->kind, value->kind)) {
        work->reason = LE_REJECT_WRONG_TYPE;
        return LE_OK;
    }
    struct le_span text = take_text(work, value);
    if (work->reason != LE_REJECT_NONE)
        return LE_OK;
    if (field->type == LE_COLUMN_ABSENT)
        work->reason = check_form(field->kind, text);
    else if (field->masked)
        return fill_mask(work, field, text, cell);
    else
        fill_plain(work, field, text, cell);
    return LE_OK;
}

enum le_err le_decode(struct le_decoder *decoder, const char *body, size_t len, int64_t sent_at_ms,
                      char *scratch, char *masks, struct le_cell *cells, struct le_reject *reject)
{
    assert(decoder != NULL && cells != NULL && reject != NULL && (body != NULL || len == 0));
    const struct le_fields *fields = decoder->config.fields;
    struct work work = {&decoder->config, body + len, sent_at_ms, scratch, masks, LE_REJECT_NONE};
    *reject = (struct le_reject){.reason = LE_REJECT_NONE};
    reject->reason = parse_body(decoder, (struct le_span){body, len});
    if (reject->reason != LE_REJECT_NONE)
        return LE_OK;
    assert(scratch != NULL || !le_json_has_escapes(decoder->json));
    if (!le_json_has_escapes(decoder->json))
        work.scratch = NULL;
    find_members(decoder, work.scratch);
    for (size_t i = 0; i < fields->count; i++) {
        enum le_err err = fill_cell(&work, &fields->list[i], &decoder->found[i], &cells[i]);
        if (err != LE_OK)
            return err;
        if (work.reason != LE_REJECT_NONE) {
            reject->reason = work.reason;
            reject->key = fields->list[i].key;
            return LE_OK;
        }
    }
    assert(work.scratch == NULL || work.scratch <= scratch + len);
    return LE_OK;
}
