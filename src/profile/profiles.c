#include "loginetl/profile/profiles.h"

#include "loginetl/base/mem.h"
#include "loginetl/base/shown.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define EXPANDED_NAME_MAX 128

/* ---- environment ---- */

struct le_span le_variable(const struct le_environment *environment, const char *name)
{
    const char *value = environment->get(environment->self, name);
    return value != NULL && *value != '\0' ? le_span_of(value) : LE_SPAN_NONE;
}

bool le_is_true(struct le_span text)
{
    return text.len == strlen("true") && strncasecmp(text.ptr, "true", text.len) == 0;
}

void le_profile_clean(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

enum le_err le_profile_fail(struct le_profile_fault *fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    le_profile_clean(fault->text);
    return LE_ERR_CONFIG;
}

enum le_err le_profile_fail_missing(struct le_profile_fault *fault, struct le_span profile,
                                    const char *key, struct le_span name)
{
    if (!le_shows_value(name))
        return le_profile_fail(fault, "profile %.*s: its %s is none that exists",
                               LE_PROFILE_SHOWN(profile), key);
    return le_profile_fail(fault, "profile %.*s: its %s %.*s does not exist",
                           LE_PROFILE_SHOWN(profile), key, LE_PROFILE_SHOWN(name));
}

/* ---- paths ---- */

static const struct {
    const char *variable;
    const char *standard;
} places[LE_PROFILE_PLACES] = {
    [LE_PROFILE_CONFIG] = {"AWS_CONFIG_FILE", "~/.aws/config"},
    [LE_PROFILE_CREDENTIALS] = {"AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"},
};

const char *le_profile_variable(enum le_profile_place place)
{
    assert(place < LE_PROFILE_PLACES);
    return places[place].variable;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* How long "$NAME" or "${NAME}" at the beginning is, and its name; 0: there is none. */
static size_t reference_len(struct le_span text, struct le_span *name)
{
    bool braces = text.len > 1 && text.ptr[1] == '{';
    size_t start = braces ? 2 : 1, end = start;
    while (end < text.len && (braces ? text.ptr[end] != '}' : is_name(text.ptr[end])))
        end++;
    *name = (struct le_span){text.ptr + start, end - start};
    if (braces)
        return end < text.len ? end + 1 : 0;
    return name->len > 0 ? end : 0;
}

static const char *value_of(const struct le_environment *environment, struct le_span name)
{
    char text[EXPANDED_NAME_MAX];
    if (name.len >= sizeof text)
        return NULL;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return environment->get(environment->self, text);
}

/* A variable that is not set stays as it is written. */
static enum le_err expand_variables(const struct le_environment *environment, struct le_span path,
                                    struct le_buf *out)
{
    enum le_err err = LE_OK;
    for (size_t at = 0; at < path.len && err == LE_OK;) {
        struct le_span rest = {path.ptr + at, path.len - at}, name = LE_SPAN_NONE;
        size_t len = rest.ptr[0] == '$' ? reference_len(rest, &name) : 0;
        const char *value = len > 0 ? value_of(environment, name) : NULL;
        if (len == 0)
            len = 1;
        err = value != NULL ? le_buf_append_text(out, value) : le_buf_append(out, rest.ptr, len);
        at += len;
    }
    return err;
}

enum le_err le_profile_expand(const struct le_environment *environment, struct le_span path,
                              struct le_buf *out)
{
    struct le_buf expanded;
    le_buf_init(&expanded, out->max);
    enum le_err err = expand_variables(environment, path, &expanded);
    struct le_span rest = le_buf_span(&expanded);
    const char *home = environment->get(environment->self, "HOME");
    bool at_home = rest.len > 0 && rest.ptr[0] == '~' && (rest.len == 1 || rest.ptr[1] == '/');
    if (err == LE_OK && at_home && home != NULL) {
        struct le_span prefix = le_span_of(home);
        while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/')
            prefix.len--;
        rest = (struct le_span){rest.ptr + 1, rest.len - 1};
        err = le_buf_append_span(out, prefix);
    }
    if (err == LE_OK && rest.len > 0)
        err = le_buf_append_span(out, rest);
    le_buf_free(&expanded);
    return err;
}

enum le_err le_profile_path(const struct le_environment *environment, enum le_profile_place place,
                            struct le_buf *out)
{
    struct le_span path = le_variable(environment, le_profile_variable(place));
    return le_profile_expand(environment, path.len > 0 ? path : le_span_of(places[place].standard),
                             out);
}

/* ---- look-ups ---- */

static bool is_secret(struct le_span key)
{
    return le_span_is(key, "aws_secret_access_key") || le_span_is(key, "aws_session_token") ||
           le_span_is(key, "aws_security_token");
}

void le_profiles_forget_keys(struct le_profiles *profiles)
{
    for (int i = 0; i < LE_PROFILE_PLACES; i++) {
        struct le_profile_file *file = &profiles->files[i];
        for (size_t k = 0; k < file->entry_count; k++) {
            struct le_profile_entry *entry = &file->entries[k];
            if (is_secret(entry->key) && entry->value.len > 0)
                le_wipe(file->text + (entry->value.ptr - file->text), entry->value.len);
        }
    }
}

void le_profiles_free(struct le_profiles *profiles)
{
    for (size_t i = 0; i < LE_PROFILE_PLACES; i++)
        le_profile_file_free(&profiles->files[i]);
}

/* In the config file "profile" stands before a name, except before "default", which may do without;
 * of several that come to the same the last counts. */
static const struct le_profile_section *find(const struct le_profiles *profiles,
                                             enum le_profile_place place, struct le_span profile)
{
    const struct le_profile_file *file = &profiles->files[place];
    bool bare = place == LE_PROFILE_CREDENTIALS || le_span_is(profile, "default");
    for (size_t i = file->section_count; i > 0; i--) {
        const struct le_profile_section *section = &file->sections[i - 1];
        if (bare && le_span_equal(section->name, profile) && !le_span_is(profile, "DEFAULT"))
            return section;
        if (place == LE_PROFILE_CONFIG && le_profile_section_is(section, "profile", profile))
            return section;
    }
    return NULL;
}

bool le_profile_exists(const struct le_profiles *profiles, struct le_span profile)
{
    return find(profiles, LE_PROFILE_CONFIG, profile) != NULL ||
           find(profiles, LE_PROFILE_CREDENTIALS, profile) != NULL;
}

struct le_span le_profile_get_in(const struct le_profiles *profiles, enum le_profile_place place,
                                 struct le_span profile, const char *key)
{
    const struct le_profile_section *section = find(profiles, place, profile);
    return section != NULL ? le_profile_file_get(&profiles->files[place], section, key)
                           : LE_SPAN_NONE;
}

struct le_span le_profile_get(const struct le_profiles *profiles, struct le_span profile,
                              const char *key)
{
    struct le_span value = le_profile_get_in(profiles, LE_PROFILE_CREDENTIALS, profile, key);
    return value.ptr != NULL ? value : le_profile_get_in(profiles, LE_PROFILE_CONFIG, profile, key);
}

const struct le_profile_section *le_profile_other(const struct le_profiles *profiles,
                                                  const char *kind, struct le_span name)
{
    const struct le_profile_file *file = &profiles->files[LE_PROFILE_CONFIG];
    for (size_t i = file->section_count; i > 0; i--) {
        if (le_profile_section_is(&file->sections[i - 1], kind, name))
            return &file->sections[i - 1];
    }
    return NULL;
}
