/* One body to one row: the members that fields ask for are found first, then made into cells in the
 * field list's order, so that a message with several faults is always rejected for the same one. */
#include "loginetl/login/row.h"

#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/login/body.h"

#include <assert.h>

struct le_decoder {
    struct le_decoder_config config;
    struct le_body_reader reader;
};

/* What one row is made with. */
struct work {
    const struct le_decoder_config *config;
    struct le_body body;
    int64_t sent_at_ms;
    char *masks; /* the rest of it */
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
    if (le_body_reader_init(&decoder->reader, config->fields, config->envelope, config->body_max) !=
        LE_OK) {
        le_free(decoder);
        return NULL;
    }
    return decoder;
}

void le_decoder_free(struct le_decoder *decoder)
{
    if (decoder == NULL)
        return;
    le_body_reader_free(&decoder->reader);
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
    struct le_span text;
    if (le_body_text(&work->body, value, &text) != LE_OK) {
        work->reason = LE_REJECT_BAD_TEXT;
        return LE_OK;
    }
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
    struct le_body_reader *reader = &decoder->reader;
    struct work work = {.config = &decoder->config,
                        .body = {.text = {body, len}, .scratch = scratch},
                        .sent_at_ms = sent_at_ms,
                        .masks = masks};
    work.reason = le_body_read(reader, &work.body);
    *reject = (struct le_reject){.reason = work.reason, .key = work.body.key};
    for (size_t i = 0; work.reason == LE_REJECT_NONE && i < fields->count; i++) {
        enum le_err err = fill_cell(&work, &fields->list[i], &reader->found[i], &cells[i]);
        if (err != LE_OK)
            return err;
        if (work.reason != LE_REJECT_NONE)
            *reject = (struct le_reject){.reason = work.reason, .key = fields->list[i].key};
    }
    assert(work.body.used <= len);
    return LE_OK;
}
