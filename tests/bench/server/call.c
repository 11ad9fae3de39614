#include "call.h"

#include "loginetl/base/json_reader.h"

#define ALL ((UINT32_C(1) << CALL_ATTRIBUTE_COUNT) - 1)

const char *const call_attribute_names[CALL_ATTRIBUTE_COUNT] = {
#define X(name) #name,
    CALL_ATTRIBUTES(X)
#undef X
};

static void read_string(struct le_reader *reader, struct le_span *out)
{
    if (!le_reader_string(reader, out))
        le_reader_skip(reader);
}

static void read_int(struct le_reader *reader, int64_t *out)
{
    if (!le_reader_int(reader, out))
        le_reader_skip(reader);
}

static uint32_t attribute_bit(struct le_span name)
{
    if (le_span_is(name, "All"))
        return ALL;
    for (unsigned i = 0; i < CALL_ATTRIBUTE_COUNT; i++)
        if (le_span_is(name, call_attribute_names[i]))
            return UINT32_C(1) << i;
    return 0;
}

static void read_attributes(struct le_reader *reader, uint32_t *attributes)
{
    if (!le_reader_enter_array(reader)) {
        le_reader_skip(reader);
        return;
    }
    while (le_reader_next_element(reader)) {
        struct le_span name = LE_SPAN_NONE;
        read_string(reader, &name);
        *attributes |= attribute_bit(name);
    }
}

static void clear_entry(struct call_entry *entry)
{
    *entry = (struct call_entry){.visibility_s = CALL_NUMBER_ABSENT};
}

/* false: the key belongs to no entry. */
static bool read_entry_value(struct le_reader *reader, struct le_span key, struct call_entry *entry)
{
    if (le_span_is(key, "ReceiptHandle"))
        read_string(reader, &entry->handle);
    else if (le_span_is(key, "Id"))
        read_string(reader, &entry->id);
    else if (le_span_is(key, "VisibilityTimeout"))
        read_int(reader, &entry->visibility_s);
    else if (le_span_is(key, "MessageBody"))
        read_string(reader, &entry->body);
    else
        return false;
    return true;
}

static void read_entry(struct le_reader *reader, struct call_entry *entry)
{
    struct le_span key;
    clear_entry(entry);
    if (!le_reader_enter_object(reader)) {
        le_reader_skip(reader);
        return;
    }
    while (le_reader_next_key(reader, &key))
        if (!read_entry_value(reader, key, entry))
            le_reader_skip(reader);
}

static void read_entries(struct le_reader *reader, struct call *call)
{
    if (!le_reader_enter_array(reader)) {
        le_reader_skip(reader);
        return;
    }
    while (le_reader_next_element(reader)) {
        if (call->entry_count < CALL_ENTRIES_MAX)
            read_entry(reader, &call->entries[call->entry_count]);
        else
            le_reader_skip(reader);
        call->entry_count++;
    }
}

static void read_value(struct le_reader *reader, struct le_span key, struct call *call)
{
    if (le_span_is(key, "QueueUrl"))
        read_string(reader, &call->queue_url);
    else if (le_span_is(key, "QueueName"))
        read_string(reader, &call->queue_name);
    else if (le_span_is(key, "MaxNumberOfMessages"))
        read_int(reader, &call->most);
    else if (le_span_is(key, "WaitTimeSeconds"))
        read_int(reader, &call->wait_s);
    else if (le_span_is(key, "AttributeNames") || le_span_is(key, "MessageSystemAttributeNames"))
        read_attributes(reader, &call->attributes);
    else if (le_span_is(key, "Entries"))
        read_entries(reader, call);
    else if (!read_entry_value(reader, key, &call->single))
        le_reader_skip(reader);
}

enum le_err call_read(struct call *call, char *text, size_t len)
{
    struct le_reader reader;
    struct le_span key;
    call->queue_url = call->queue_name = LE_SPAN_NONE;
    call->most = call->wait_s = CALL_NUMBER_ABSENT;
    call->attributes = 0;
    call->entry_count = 0;
    clear_entry(&call->single);
    le_reader_init(&reader, text, len);
    if (!le_reader_enter_object(&reader))
        return LE_ERR_SYNTAX;
    while (le_reader_next_key(&reader, &key))
        read_value(&reader, key, call);
    return le_reader_finish(&reader);
}
