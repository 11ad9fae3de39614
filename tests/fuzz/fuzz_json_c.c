/* Our JSON against json-c's: both take the same texts, and read the same out of them. Held against
 * it are the strict parser with its unescaping, the pull reader, and the decoder's way to find a
 * key.
 *
 * Where json-c is laxer, the text is rewritten first (json_c_dialect.h). It is not asked about NUL
 * bytes, where it ends, and bytes that are not UTF-8, of which it sees only some: these we must
 * refuse. In values it has U+FFFD for a lone surrogate, and it ends a key at U+0000. Of escaped
 * characters some it mistakes for surrogates: texts with them are not compared. */
#include "json_c_dialect.h"

#include "loginetl/base/buf.h"
#include "loginetl/base/json.h"
#include "loginetl/base/json_reader.h"
#include "loginetl/base/mem.h"
#include "loginetl/login/row.h"

#include <json-c/json.h>

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096
#define KEYS_MAX  INPUT_MAX

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy_of(const void *bytes, size_t len)
{
    char *copy = le_alloc(len + 1);
    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

/* ---- who takes it ---- */

static bool json_c_takes(const char *text, size_t len, struct json_object **root)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_C_DIALECT_DEPTH_MAX + 2);
    assert(tokener != NULL);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    /* With its NUL: without, it waits for more of a number. */
    *root = json_tokener_parse_ex(tokener, text, (int)len + 1);
    bool takes = json_tokener_get_error(tokener) == json_tokener_success;
    assert(!takes || json_tokener_get_parse_end(tokener) == len);
    json_tokener_free(tokener);
    return takes;
}

static bool reader_takes(const char *text, size_t len)
{
    struct le_reader reader;
    char *copy = copy_of(text, len);
    le_reader_init(&reader, copy, len);
    le_reader_skip(&reader);
    bool takes = le_reader_finish(&reader) == LE_OK;
    le_free(copy);
    return takes;
}

/* ---- the same values: the pull reader walks beside json-c's tree ---- */

/* As json-c has it: U+FFFD for a lone surrogate, which is three bytes as well. */
static bool replace_surrogates(struct le_span text)
{
    bool any = false;
    for (size_t i = 0; i + 2 < text.len; i++) {
        unsigned char *at = (unsigned char *)(uintptr_t)text.ptr + i;
        if (at[0] == 0xED && at[1] >= 0xA0) {
            memcpy(at, "\xEF\xBF\xBD", 3);
            any = true;
        }
    }
    return any;
}

static struct le_span json_c_key(struct le_span key)
{
    (void)replace_surrogates(key);
    return (struct le_span){key.ptr, strnlen(key.ptr, key.len)};
}

/* The keys of the object that begins at text, as json-c has them; they lie in *copy. */
static size_t keys_of(const char *text, size_t len, char **copy, struct le_span *keys)
{
    struct le_reader reader;
    struct le_span key;
    size_t count = 0;
    *copy = copy_of(text, len);
    le_reader_init(&reader, *copy, len);
    bool object = le_reader_enter_object(&reader);
    assert(object);
    while (le_reader_next_key(&reader, &key)) {
        assert(count < KEYS_MAX);
        keys[count++] = json_c_key(key);
        le_reader_skip(&reader);
    }
    assert(reader.err == LE_OK);
    return count;
}

static bool stands_in(const struct le_span *keys, size_t from, size_t to, struct le_span key)
{
    for (size_t i = from; i < to; i++)
        if (le_span_equal(keys[i], key))
            return true;
    return false;
}

/* json-c keeps a repeated key where it stood first, with the value that came last. */
static void check_order(struct json_object *object, const struct le_span *keys, size_t count)
{
    size_t at = 0;
    json_object_object_foreach(object, key, value)
    {
        (void)value;
        while (at < count && stands_in(keys, 0, at, keys[at]))
            at++;
        assert(at < count && le_span_is(keys[at], key));
        at++;
    }
    while (at < count && stands_in(keys, 0, at, keys[at]))
        at++;
    assert(at == count);
}

static void compare(struct le_reader *reader, struct json_object *value);

static struct json_object *member(struct json_object *object, struct le_span key)
{
    struct json_object *value = NULL;
    char *name = copy_of(key.ptr, key.len);
    bool found = json_object_object_get_ex(object, name, &value);
    assert(found);
    le_free(name);
    return value;
}

static void compare_object(struct le_reader *reader, struct json_object *object)
{
    struct le_span key, *keys = le_alloc(KEYS_MAX * sizeof *keys);
    char *copy;
    assert(keys != NULL && json_object_is_type(object, json_type_object));
    size_t count = keys_of(reader->at - 1, (size_t)(reader->end - reader->at) + 1, &copy, keys);
    check_order(object, keys, count);
    size_t at = 0;
    for (; le_reader_next_key(reader, &key); at++) {
        assert(at < count && le_span_equal(json_c_key(key), keys[at]));
        if (stands_in(keys, at + 1, count, keys[at]))
            le_reader_skip(reader);
        else
            compare(reader, member(object, keys[at]));
    }
    assert(at == count);
    le_free(copy);
    le_free(keys);
}

static void compare_array(struct le_reader *reader, struct json_object *array)
{
    size_t at = 0;
    assert(json_object_is_type(array, json_type_array));
    for (; le_reader_next_element(reader); at++) {
        assert(at < json_object_array_length(array));
        compare(reader, json_object_array_get_idx(array, at));
    }
    assert(at == json_object_array_length(array));
}

/* Not a text, not a bool, not a whole number that fits. */
static void compare_rest(struct le_reader *reader, struct json_object *value)
{
    const char *from = reader->at;
    le_reader_skip(reader);
    assert(reader->err == LE_OK);
    char *text = copy_of(from, (size_t)(reader->at - from)), *end;
    if (value == NULL)
        assert(strstr(text, "null") != NULL);
    else if (json_object_is_type(value, json_type_double))
        assert(strtod(text, &end) == json_object_get_double(value));
    else /* too large: it clips */
        assert(json_object_is_type(value, json_type_int) &&
               (json_object_get_uint64(value) > INT64_MAX ||
                json_object_get_int64(value) == INT64_MIN));
    le_free(text);
}

static void compare(struct le_reader *reader, struct json_object *value)
{
    struct le_span text;
    bool yes;
    int64_t number;
    if (reader->depth == LE_READER_DEPTH_MAX) {
        le_reader_skip(reader);
    } else if (le_reader_enter_object(reader)) {
        compare_object(reader, value);
    } else if (le_reader_enter_array(reader)) {
        compare_array(reader, value);
    } else if (le_reader_string(reader, &text)) {
        (void)replace_surrogates(text);
        assert(json_object_is_type(value, json_type_string));
        assert(text.len == (size_t)json_object_get_string_len(value) &&
               memcmp(text.ptr, json_object_get_string(value), text.len) == 0);
    } else if (le_reader_bool(reader, &yes)) {
        assert(json_object_is_type(value, json_type_boolean) &&
               yes == (bool)json_object_get_boolean(value));
    } else if (le_reader_int(reader, &number)) {
        assert(json_object_is_type(value, json_type_int) && number == json_object_get_int64(value));
    } else {
        compare_rest(reader, value);
    }
}

static void compare_reader(const char *text, size_t len, struct json_object *root)
{
    struct le_reader reader;
    char *copy = copy_of(text, len);
    le_reader_init(&reader, copy, len);
    compare(&reader, root);
    enum le_err err = le_reader_finish(&reader);
    assert(err == LE_OK);
    le_free(copy);
}

/* ---- the same values: the parser's members, unescaped ---- */

/* What PostgreSQL cannot hold is found, and nothing else. */
static bool check_unescaped(struct le_json_value string, struct json_object *value)
{
    char *copy = copy_of(string.ptr, string.len);
    const char *want = json_object_get_string(value);
    size_t len = string.len, want_len = (size_t)json_object_get_string_len(value);
    enum le_err err = le_json_unescape(copy, &len);
    assert(err == LE_OK || err == LE_ERR_RANGE);
    if (err == LE_OK)
        assert(len == want_len && memcmp(copy, want, len) == 0 &&
               memchr(want, '\0', want_len) == NULL);
    else
        assert(memchr(want, '\0', want_len) != NULL || strstr(want, "\xEF\xBF\xBD") != NULL);
    le_free(copy);
    return err == LE_OK;
}

static enum le_json_kind kind_of(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null: return LE_JSON_NULL;
    case json_type_boolean: return json_object_get_boolean(value) ? LE_JSON_TRUE : LE_JSON_FALSE;
    case json_type_double:
    case json_type_int: return LE_JSON_NUMBER;
    case json_type_object: return LE_JSON_OBJECT;
    case json_type_array: return LE_JSON_ARRAY;
    case json_type_string: return LE_JSON_STRING;
    }
    assert(!"a kind that json-c has not");
    return LE_JSON_NULL;
}

/* One by one: a member by itself is an object without repeated keys. */
static void check_member(struct le_json_value key, struct le_json_value value)
{
    struct json_object *object;
    struct le_buf alone;
    size_t quote = value.kind == LE_JSON_STRING;
    le_buf_init(&alone, 2 * INPUT_MAX);
    enum le_err err = le_buf_printf(&alone, "[\"%.*s\",%.*s]", (int)key.len, key.ptr,
                                    (int)(value.len + 2 * quote), value.ptr - quote);
    assert(err == LE_OK);
    char *text = copy_of(alone.data, alone.len);
    bool takes = json_c_takes(text, alone.len, &object);
    assert(takes);
    (void)check_unescaped(key, json_object_array_get_idx(object, 0));
    struct json_object *read = json_object_array_get_idx(object, 1);
    assert(kind_of(read) == value.kind);
    if (value.kind == LE_JSON_STRING)
        (void)check_unescaped(value, read);
    json_object_put(object);
    le_free(text);
    le_buf_free(&alone);
}

static void compare_parsed(const struct le_json *json, struct json_object *root)
{
    struct le_json_value value = le_json_root(json), key;
    size_t cursor = 0;
    assert(kind_of(root) == value.kind);
    if (value.kind == LE_JSON_STRING)
        (void)check_unescaped(value, root);
    while (value.kind == LE_JSON_OBJECT && le_json_member(json, &cursor, &key, &value)) {
        check_member(key, value);
        value.kind = LE_JSON_OBJECT;
    }
}

/* ---- the same row: which key counts, and what is in it ---- */

static void check_cell(const struct le_field *field, const struct le_cell *cell,
                       struct json_object *root)
{
    char key[64] = "";
    struct json_object *value = NULL;
    assert(field->key.len < sizeof key);
    memcpy(key, field->key.ptr, field->key.len);
    (void)json_object_object_get_ex(root, key, &value);
    if (value == NULL || json_object_get_string_len(value) == 0)
        assert(cell->kind == LE_CELL_NULL);
    else
        assert(cell->kind == LE_CELL_TEXT && json_object_is_type(value, json_type_string) &&
               cell->len == (size_t)json_object_get_string_len(value) &&
               memcmp(cell->text, json_object_get_string(value), cell->len) == 0);
}

/* Columns that hold a text as it comes. json-c ends a key at U+0000, so that it could take another
 * key for one of ours: not compared then. */
static void compare_row(const char *text, size_t len, struct json_object *root)
{
    struct le_fields fields;
    struct le_cell cells[LE_FIELDS_MAX];
    struct le_reject reject;
    le_fields_builtin(&fields);
    for (size_t i = 0; i < fields.count; i++) {
        fields.list[i].masked = fields.list[i].required = false;
        if (fields.list[i].kind != LE_FIELD_TEXT)
            fields.list[i].type = LE_COLUMN_ABSENT;
    }
    struct le_decoder_config config = {.fields = &fields,
                                       .mask = LE_MASK_SHA256,
                                       .body_max = INPUT_MAX,
                                       .envelope = LE_ENVELOPE_NONE};
    struct le_decoder *decoder = le_decoder_new(&config);
    char *scratch = le_alloc(len), *masks = le_alloc(le_decoder_mask_space(decoder));
    assert(decoder != NULL && scratch != NULL && masks != NULL);
    enum le_err err = le_decode(decoder, text, len, -1, scratch, masks, cells, &reject);
    assert(err == LE_OK && reject.reason != LE_REJECT_NOT_JSON);
    assert((reject.reason == LE_REJECT_NOT_AN_OBJECT) ==
           !json_object_is_type(root, json_type_object));
    if (reject.reason == LE_REJECT_NONE && strstr(text, "\\u0000") == NULL)
        for (size_t i = 0; i < fields.count; i++)
            if (fields.list[i].kind == LE_FIELD_TEXT)
                check_cell(&fields.list[i], &cells[i], root);
    le_free(masks);
    le_free(scratch);
    le_decoder_free(decoder);
}

/* ---- both ---- */

/* U+1D800 to U+1DFFF, and the same of every plane above, are half surrogates to json-c 0.16 when
 * they come as a pair of escapes: by the pair's first half these can be told. */
static bool json_c_mistakes(const char *text)
{
    while ((text = strstr(text, "\\u")) != NULL) {
        text += 2;
        if (strspn(text, "dD") > 0 && strspn(text + 1, "89abAB") > 0 &&
            strspn(text + 2, "37bfBF") > 0 && strspn(text + 3, "67") > 0)
            return true;
    }
    return false;
}

static void check_values(const struct le_json *json, const char *text, size_t len,
                         struct json_object *root)
{
    compare_reader(text, len, root);
    if (json != NULL) {
        compare_parsed(json, root);
        compare_row(text, len, root);
    }
}

static void check_same(const char *text, size_t len, struct json_object *root, bool takes)
{
    struct le_json *json = le_json_new();
    assert(json != NULL);
    bool reads = reader_takes(text, len);
    assert(reads == takes);
    enum le_err err = le_json_parse(json, text, len);
    /* Of a text with too many tokens the rest was not looked at. */
    assert(err == LE_ERR_TOO_LARGE || (err == LE_OK) == takes);
    if (takes && !json_c_mistakes(text))
        check_values(err == LE_OK ? json : NULL, text, len, root);
    le_json_free(json);
}

static void check_refused(const char *text, size_t len)
{
    struct le_json *json = le_json_new();
    assert(json != NULL);
    enum le_err err = le_json_parse(json, text, len);
    assert(err == LE_ERR_SYNTAX || err == LE_ERR_TOO_LARGE);
    le_json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *root = NULL;
    bool changed = false;
    if (size > INPUT_MAX)
        return 0;
    char *text = copy_of(data, size), *plain = copy_of(data, size);
    if (memchr(text, '\0', size) != NULL || !le_utf8_valid((struct le_span){text, size})) {
        check_refused(text, size);
    } else if (json_c_dialect_rewrite(plain, &changed)) {
        bool takes = json_c_takes(text, size, &root);
        if (changed) {
            check_refused(text, size);
            json_object_put(root);
            bool again = json_c_takes(plain, size, &root);
            assert(again == takes);
        }
        check_same(plain, size, root, takes);
        json_object_put(root);
    }
    le_free(plain);
    le_free(text);
    return 0;
}
