#include "loginetl/base/json_reader.h"
#include "loginetl/sqs/json.h"

#define CODE_MAX_LEN 63

static bool is_word(struct le_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return text.len > 0 && text.len <= CODE_MAX_LEN;
}

struct le_span le_sqs_code_word(struct le_span text)
{
    const char *hash = text.len > 0 ? memrchr(text.ptr, '#', text.len) : NULL;
    if (hash != NULL) {
        text.len -= (size_t)(hash + 1 - text.ptr);
        text.ptr = hash + 1;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ':' || text.ptr[i] == ';')
            text.len = i;
    }
    return is_word(text) ? text : LE_SPAN_NONE;
}

/* __type before Code before code, wherever they stand; some servers have Code only, or one inside
 * of Error. */
struct found {
    struct le_span type;
    struct le_span code;
};

static void read_member(struct le_reader *reader, struct le_span key, struct found *found)
{
    struct le_span value;
    bool is_type = le_span_is(key, "__type");
    bool is_code = le_span_is(key, "Code") || le_span_is(key, "code");
    if ((!is_type && !is_code) || !le_reader_string(reader, &value)) {
        le_reader_skip(reader);
        return;
    }
    value = le_sqs_code_word(value);
    if (value.ptr == NULL)
        return;
    if (is_type)
        found->type = value;
    else
        found->code = value;
}

static void read_members(struct le_reader *reader, struct found *found)
{
    struct le_span key, inner;
    while (le_reader_next_key(reader, &key)) {
        if (!le_span_is(key, "Error") || !le_reader_enter_object(reader)) {
            read_member(reader, key, found);
            continue;
        }
        while (le_reader_next_key(reader, &inner))
            read_member(reader, inner, found);
    }
}

/* A body that is cut or not JSON at all (a proxy's page) may still have begun with a code: what was
 * found counts. */
struct le_span le_sqs_json_read_error(char *text, size_t len, struct le_span query_error_header)
{
    struct le_reader reader;
    struct found found = {LE_SPAN_NONE, LE_SPAN_NONE};
    le_reader_init(&reader, text, len);
    if (le_reader_enter_object(&reader))
        read_members(&reader, &found);
    if (found.type.ptr != NULL)
        return found.type;
    return found.code.ptr != NULL ? found.code : le_sqs_code_word(query_error_header);
}
