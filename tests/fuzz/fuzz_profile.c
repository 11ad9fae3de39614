/* The SDKs' shared files, of any bytes: an error that says where, or sections and keys that lie
 * within what was read, and a plan that is made of them or refused in words. The first byte says
 * where the config file ends and the credentials file begins. */
#include "loginetl/profile/place.h"
#include "loginetl/profile/words.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_span(const struct le_profile_file *file, struct le_span span)
{
    must(span.ptr >= file->text && span.len <= file->size);
    must(span.ptr + span.len <= file->text + file->size);
}

static void quote(struct le_buf *out, const char *word)
{
    must(le_buf_append_text(out, " '") == LE_OK);
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            must(le_buf_append_text(out, "'\\''") == LE_OK);
        else
            must(le_buf_append(out, word, 1) == LE_OK);
    }
    must(le_buf_append_text(out, "'") == LE_OK);
}

/* Quoted again, they are the same words. */
static void check_words(struct le_span line)
{
    struct le_words words, again;
    struct le_buf quoted;
    const char *reason = NULL;
    enum le_err err = le_words_split(line, &words, &reason);
    must(err == LE_OK || err == LE_ERR_SYNTAX || err == LE_ERR_TOO_LARGE);
    must(err == LE_OK || reason != NULL);
    if (err != LE_OK)
        return;
    le_buf_init(&quoted, 8 * (line.len + LE_WORDS_MAX));
    for (size_t i = 0; i < words.count; i++)
        quote(&quoted, words.argv[i]);
    must(le_words_split(le_buf_span(&quoted), &again, &reason) == LE_OK);
    must(again.count == words.count);
    for (size_t i = 0; i < words.count; i++)
        must(strcmp(words.argv[i], again.argv[i]) == 0);
    le_words_free(&again);
    le_words_free(&words);
    le_buf_free(&quoted);
}

static void check_file(const struct le_profile_file *file)
{
    for (size_t i = 0; i < file->section_count; i++) {
        const struct le_profile_section *section = &file->sections[i];
        check_span(file, section->name);
        must(section->name.len > 0 && section->first + section->count <= file->entry_count);
        (void)le_profile_section_is(section, "profile", LE_SPAN_LIT("a"));
    }
    for (size_t i = 0; i < file->entry_count; i++) {
        check_span(file, file->entries[i].key);
        check_span(file, file->entries[i].value);
        must(file->entries[i].key.len > 0);
        (void)le_profile_nested(file->entries[i].value, "endpoint_url");
        check_words(file->entries[i].value);
    }
}

static void read_file(struct le_profile_file *file, struct le_span text)
{
    unsigned line = 0;
    const char *words = NULL;
    enum le_err err = le_profile_file_read(file, text, &line, &words);
    must(err == LE_OK || err == LE_ERR_SYNTAX || err == LE_ERR_TOO_LARGE);
    must(err == LE_OK || (words != NULL && file->text == NULL));
    must(err != LE_ERR_SYNTAX || line > 0);
    check_file(file);
}

static const char *nothing(void *self, const char *name)
{
    (void)self;
    (void)name;
    return NULL;
}

static void make_plan(const struct le_profiles *profiles, struct le_span profile)
{
    if (!le_profile_exists(profiles, profile))
        return; /* of which a person is told before a plan is made */
    const struct le_environment environment = {nothing, NULL};
    const struct le_plan_input input = {&environment, profiles, profile, true};
    struct le_plan plan;
    struct le_place place;
    struct le_instance_place instance;
    struct le_profile_fault fault = {""};
    enum le_err err = le_plan_make(&input, &plan, &fault);
    must(err == LE_OK ? plan.source != LE_PLAN_NONE : fault.text[0] != '\0');
    must(plan.role_count <= LE_ROLES_MAX && le_plan_word(&plan) != NULL);
    fault.text[0] = '\0';
    err = le_place_find(&input, false, &place, &fault);
    must(err == LE_OK || fault.text[0] != '\0');
    fault.text[0] = '\0';
    err = le_place_instance(&input, true, &instance, &fault);
    must(err == LE_OK ? instance.url.len > 0 && instance.timeout_s <= LE_INSTANCE_TIMEOUT_MAX_S &&
                            instance.attempts <= LE_INSTANCE_ATTEMPTS_MAX
                      : fault.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct le_profiles profiles = {0};
    if (size == 0)
        return 0;
    size_t first = (size - 1) * data[0] / 255;
    const char *text = (const char *)data + 1;
    read_file(&profiles.files[LE_PROFILE_CONFIG], (struct le_span){text, first});
    read_file(&profiles.files[LE_PROFILE_CREDENTIALS],
              (struct le_span){text + first, size - 1 - first});
    make_plan(&profiles, LE_SPAN_NONE);
    make_plan(&profiles, LE_SPAN_LIT("a"));
    le_profiles_free(&profiles);
    return 0;
}
