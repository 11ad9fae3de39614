/* What the table holds for a value. The value itself is never printed, not even in a complaint. */
#include "loginetl/app/commands.h"
#include "loginetl/app/world.h"

#include <stdio.h>

static int complain_of_field(const struct le_settings *settings)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < settings->fields.count; i++) {
        const struct le_field *field = &settings->fields.list[i];
        if (!field->masked || used >= sizeof names - 1)
            continue;
        int len = snprintf(names + used, sizeof names - used, "%s%.*s=VALUE", used > 0 ? ", " : "",
                           (int)field->key.len, field->key.ptr);
        used += len > 0 ? (size_t)len : 0;
    }
    le_complain("mask takes %s", names);
    return LE_EXIT_USAGE;
}

static int print_mask(const struct le_settings *settings, const struct le_field *field,
                      struct le_span value)
{
    char address[LE_IP_CHARS_MAX];
    char mask[LE_MASK_CHARS_MAX];
    char line[LE_MASK_CHARS_MAX + 128];
    size_t address_len = field->kind == LE_FIELD_IP ? le_ip_canonical(value, address) : 0;
    if (address_len > 0)
        value = (struct le_span){address, address_len};
    else if (field->kind == LE_FIELD_IP && value.len > 0)
        le_complain("warning: what is given for %.*s is not an IP address; it is masked as it "
                    "stands, as it is in the table",
                    (int)field->key.len, field->key.ptr);
    /* An empty value is none. */
    struct le_span shown = LE_SPAN_LIT("NULL");
    if (value.len > 0) {
        enum le_err err = le_mask(settings->mask, value, mask);
        if (err != LE_OK) {
            le_complain("%s", le_err_text(err));
            return LE_EXIT_FAILED;
        }
        shown = (struct le_span){mask, le_mask_chars(settings->mask)};
    }
    int len = snprintf(line, sizeof line, "%.*s\t%.*s\n", (int)field->key.len, field->key.ptr,
                       (int)shown.len, shown.ptr);
    return le_say((struct le_span){line, (size_t)len}) ? LE_EXIT_DONE : LE_EXIT_FAILED;
}

static const struct le_field *masked_field(struct le_settings *settings, const char *word,
                                           struct le_span *value)
{
    size_t len = strcspn(word, "=");
    if (word[len] != '=')
        return NULL;
    *value = le_span_of(word + len + 1);
    const struct le_field *field = le_fields_by_key(&settings->fields, (struct le_span){word, len});
    return field != NULL && field->masked ? field : NULL;
}

int le_mask_values(struct le_settings *settings)
{
    struct le_span value;
    for (int i = 0; i < settings->word_count; i++) {
        if (masked_field(settings, settings->words[i], &value) == NULL)
            return complain_of_field(settings);
    }
    for (int i = 0; i < settings->word_count; i++) {
        const struct le_field *field = masked_field(settings, settings->words[i], &value);
        int status = print_mask(settings, field, value);
        if (status != LE_EXIT_DONE)
            return status;
    }
    return LE_EXIT_DONE;
}
