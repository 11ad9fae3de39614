#include "loginetl/login/body.h"

#include <assert.h>

/* ---- the reader ---- */

/* The index of that key, or the count of keys. */
static size_t find_key(const struct le_body_reader *reader, struct le_span key)
{
    size_t i = 0;
    while (i < reader->key_count && !le_span_equal(reader->keys[i], key))
        i++;
    return i;
}

/* A field may have a key that envelopes have, too. */
static void list_keys(struct le_body_reader *reader, const struct le_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        reader->keys[reader->key_count++] = fields->list[i].key;
    for (size_t i = 0; i < LE_ENVELOPE_KEYS && reader->depth > 0; i++) {
        size_t at = find_key(reader, le_envelope_keys[i]);
        reader->keys[at] = le_envelope_keys[i];
        reader->member[i] = at;
        if (at == reader->key_count)
            reader->key_count++;
    }
}

enum le_err le_body_reader_init(struct le_body_reader *reader, const struct le_fields *fields,
                                enum le_envelope envelope, size_t len_max)
{
    assert(reader != NULL && fields != NULL && fields->count <= LE_FIELDS_MAX);
    memset(reader, 0, sizeof *reader);
    reader->envelope = envelope;
    reader->depth = le_envelope_depth(envelope);
    reader->len_max = len_max;
    list_keys(reader, fields);
    reader->json = le_json_new();
    return reader->json != NULL ? LE_OK : LE_ERR_NOMEM;
}

void le_body_reader_free(struct le_body_reader *reader)
{
    le_json_free(reader->json);
    reader->json = NULL;
}

/* ---- strings ---- */

static bool has_escape(const struct le_body *body, const struct le_json_value *string)
{
    return body->escapes && string->len > 0 && memchr(string->ptr, '\\', string->len) != NULL;
}

/* The string, unescaped: where it stands when that is the scratch, else as a copy at the front of
 * what is left of it. LE_ERR_RANGE: it stands for something that is no text. */
static enum le_err unescape(struct le_body *body, const struct le_json_value *string,
                            struct le_span *out)
{
    assert(body->scratch != NULL);
    size_t len = string->len;
    char *place = body->scratch + (body->own ? (size_t)(string->ptr - body->scratch) : body->used);
    if (!body->own)
        memcpy(place, string->ptr, len);
    enum le_err err = le_json_unescape(place, &len);
    assert(err != LE_ERR_SYNTAX); /* the parser saw to that */
    *out = (struct le_span){place, len};
    return err;
}

enum le_err le_body_unescape(struct le_body *body, const struct le_json_value *value,
                             struct le_span *out)
{
    assert(value->ptr >= body->text.ptr &&
           value->ptr + value->len <= body->text.ptr + body->text.len);
    if (value->kind != LE_JSON_STRING || !has_escape(body, value))
        return LE_OK;
    enum le_err err = unescape(body, value, out);
    /* Each value is copied once at most and values do not overlap, so a scratch of the body's
     * length holds them all. */
    if (!body->own)
        body->used += value->len;
    return err;
}

/* ---- members ---- */

static enum le_reject_reason parse(struct le_body_reader *reader, struct le_span text)
{
    if (text.len > reader->len_max)
        return LE_REJECT_TOO_LARGE;
    switch (le_json_parse(reader->json, text.ptr, text.len)) {
    case LE_OK: break;
    case LE_ERR_TOO_LARGE: return LE_REJECT_TOO_LARGE;
    default: return le_utf8_valid(text) ? LE_REJECT_NOT_JSON : LE_REJECT_BAD_TEXT;
    }
    if (le_json_root(reader->json).kind != LE_JSON_OBJECT)
        return LE_REJECT_NOT_AN_OBJECT;
    return LE_REJECT_NONE;
}

/* The index of the key of a text's nth member. Who writes logins writes one like the other. */
static size_t key_of_member(struct le_body_reader *reader, struct le_span key, size_t nth)
{
    uint8_t *guess = &reader->order[nth % LE_BODY_ORDER_MAX];
    if (le_span_equal(reader->keys[*guess], key))
        return *guess;
    size_t i = find_key(reader, key);
    if (i < reader->key_count)
        *guess = (uint8_t)i;
    return i;
}

/* Of a repeated key the last value stays. */
static void find_members(struct le_body_reader *reader, struct le_body *body)
{
    struct le_json_value key, value;
    size_t cursor = 0;
    for (size_t i = 0; i < reader->key_count; i++)
        reader->found[i].ptr = NULL;
    for (size_t nth = 0; le_json_member(reader->json, &cursor, &key, &value); nth++) {
        struct le_span name = {key.ptr, key.len};
        /* Values are copied later, so for now the whole scratch is there for a key. */
        if (has_escape(body, &key) && unescape(body, &key, &name) != LE_OK)
            continue; /* nobody asks for such a key */
        size_t i = key_of_member(reader, name, nth);
        if (i < reader->key_count)
            reader->found[i] = value;
    }
}

static enum le_reject_reason read_text(struct le_body_reader *reader, struct le_body *body)
{
    enum le_reject_reason reason = parse(reader, body->text);
    if (reason != LE_REJECT_NONE)
        return reason;
    body->escapes = le_json_has_escapes(reader->json);
    assert(body->scratch != NULL || !body->escapes);
    find_members(reader, body);
    return LE_REJECT_NONE;
}

/* ---- envelopes ---- */

static const struct le_json_value *member(const struct le_body_reader *reader, size_t key)
{
    assert(key < LE_ENVELOPE_KEYS);
    return &reader->found[reader->member[key]];
}

/* Is the text an envelope of the kind whose first member that is? If not, *fault is the member that
 * shows it. */
static enum le_reject_reason check_envelope(const struct le_body_reader *reader, size_t first,
                                            size_t *fault)
{
    for (*fault = first; *fault < first + LE_ENVELOPE_MEMBERS; ++*fault) {
        enum le_reject_reason reason =
            le_envelope_check((enum le_envelope_key) * fault, member(reader, *fault));
        if (reason != LE_REJECT_NONE)
            return reason;
    }
    return LE_REJECT_NONE;
}

static bool is_envelope(const struct le_body_reader *reader, size_t first)
{
    size_t fault;
    return member(reader, first)->ptr != NULL &&
           check_envelope(reader, first, &fault) == LE_REJECT_NONE;
}

/* The kind that the text must be of, or that it is, by its first member; LE_ENVELOPE_KEYS: the text
 * is the login. */
static size_t find_envelope(const struct le_body_reader *reader)
{
    switch (reader->envelope) {
    case LE_ENVELOPE_AUTO: break;
    case LE_ENVELOPE_NONE: return LE_ENVELOPE_KEYS;
    case LE_ENVELOPE_SNS: return LE_SNS_TOPIC_ARN;
    case LE_ENVELOPE_EVENTBRIDGE: return LE_EVENT_DETAIL_TYPE;
    }
    if (is_envelope(reader, LE_SNS_TOPIC_ARN))
        return LE_SNS_TOPIC_ARN;
    return is_envelope(reader, LE_EVENT_DETAIL_TYPE) ? LE_EVENT_DETAIL_TYPE : LE_ENVELOPE_KEYS;
}

/* Goes on with the text in the envelope. */
static enum le_reject_reason open_envelope(struct le_body_reader *reader, struct le_body *body,
                                           size_t first)
{
    size_t key;
    enum le_reject_reason reason = check_envelope(reader, first, &key);
    if (reason != LE_REJECT_NONE) {
        body->key = le_envelope_keys[key];
        return reason;
    }
    size_t last = first + LE_ENVELOPE_MEMBERS - 1;
    const struct le_json_value *inner = member(reader, last);
    bool copied = inner->kind == LE_JSON_STRING && has_escape(body, inner);
    if (le_body_text(body, inner, &body->text) != LE_OK) {
        body->key = le_envelope_keys[last];
        return LE_REJECT_BAD_TEXT;
    }
    body->own = body->own || copied;
    return read_text(reader, body);
}

enum le_reject_reason le_body_read(struct le_body_reader *reader, struct le_body *body)
{
    assert(reader != NULL && body != NULL && (body->text.ptr != NULL || body->text.len == 0));
    enum le_reject_reason reason = read_text(reader, body);
    for (unsigned left = reader->depth; left > 0 && reason == LE_REJECT_NONE; left--) {
        size_t first = find_envelope(reader);
        if (first == LE_ENVELOPE_KEYS)
            break;
        reason = open_envelope(reader, body, first);
    }
    return reason;
}
