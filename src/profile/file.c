#include "loginetl/profile/file.h"

#include "loginetl/base/ascii.h"
#include "loginetl/base/json.h"
#include "loginetl/base/mem.h"
#include "loginetl/profile/words.h"

#include <assert.h>
#include <stdint.h>

#define DEFAULT_SECTION  "DEFAULT"
#define SECTION_WORD_MAX 256

struct reading {
    struct le_profile_file *file;
    struct le_span text;
    size_t at; /* of the next line */
    unsigned line;
    size_t used;   /* of file->text */
    size_t indent; /* of the last line that went on with nothing */
    bool in_value;
    const char *words; /* what is wrong; NULL: nothing yet, or memory */
};

/* ---- lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static struct le_span behind(struct le_span text, size_t count)
{
    assert(count <= text.len);
    return (struct le_span){text.ptr + count, text.len - count};
}

static struct le_span strip_end(struct le_span text)
{
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static struct le_span strip(struct le_span text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = behind(text, 1);
    return strip_end(text);
}

/* Lines end in LF, CRLF or CR. false: there is no more. */
static bool next_line(struct reading *reading, struct le_span *line)
{
    struct le_span rest = behind(reading->text, reading->at);
    if (rest.len == 0)
        return false;
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '\n' && rest.ptr[len] != '\r')
        len++;
    *line = (struct le_span){rest.ptr, len};
    reading->at += len;
    if (len < rest.len)
        reading->at += len + 1 < rest.len && memcmp(rest.ptr + len, "\r\n", 2) == 0 ? 2 : 1;
    reading->line++;
    return true;
}

/* ---- what is kept ---- */

static enum le_err fail(struct reading *reading, const char *words)
{
    reading->words = words;
    return LE_ERR_SYNTAX;
}

static enum le_err too_large(struct reading *reading, const char *words)
{
    reading->words = words;
    return LE_ERR_TOO_LARGE;
}

/* Everything kept of a line is shorter than the line with its end, so there is room. */
static struct le_span keep(struct reading *reading, struct le_span text)
{
    char *to = reading->file->text + reading->used;
    assert(text.len <= reading->file->size - reading->used);
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    reading->used += text.len;
    return (struct le_span){to, text.len};
}

/* Room for one more in a list. */
static enum le_err grow(void **list, size_t *room, size_t count, size_t max, size_t size)
{
    if (count < *room)
        return LE_OK;
    if (count >= max)
        return LE_ERR_TOO_LARGE;
    size_t more = *room > 0 ? *room * 2 : 16;
    more = more < max ? more : max;
    void *moved = le_realloc(*list, more * size);
    if (moved == NULL)
        return LE_ERR_NOMEM;
    *list = moved;
    *room = more;
    return LE_OK;
}

static struct le_profile_entry *last_entry(struct reading *reading)
{
    assert(reading->file->entry_count > 0);
    return &reading->file->entries[reading->file->entry_count - 1];
}

static const struct le_profile_entry *find(const struct le_profile_file *file,
                                           const struct le_profile_section *section,
                                           struct le_span key)
{
    for (size_t i = 0; i < section->count; i++) {
        if (le_span_equal(file->entries[section->first + i].key, key))
            return &file->entries[section->first + i];
    }
    return NULL;
}

/* ---- values ---- */

/* The key's value goes on: it stands last in the text. */
static void go_on(struct reading *reading, struct le_span more)
{
    struct le_profile_entry *entry = last_entry(reading);
    (void)keep(reading, LE_SPAN_LIT("\n"));
    (void)keep(reading, more);
    entry->value.len += 1 + more.len;
    assert(entry->value.ptr + entry->value.len == reading->file->text + reading->used);
}

static bool next_nested(struct le_span *rest, struct le_span *line)
{
    while (rest->len > 0) {
        const char *end = memchr(rest->ptr, '\n', rest->len);
        size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
        *line = strip((struct le_span){rest->ptr, len});
        *rest = behind(*rest, len < rest->len ? len + 1 : len);
        if (line->len > 0)
            return true;
    }
    return false;
}

static bool is_nested(struct le_span value)
{
    return value.len > 0 && value.ptr[0] == '\n';
}

static enum le_err finish_value(struct reading *reading)
{
    if (!reading->in_value)
        return LE_OK;
    reading->in_value = false;
    struct le_profile_entry *entry = last_entry(reading);
    entry->value = strip_end(entry->value);
    struct le_span rest = entry->value, line;
    while (is_nested(entry->value) && next_nested(&rest, &line)) {
        if (memchr(line.ptr, '=', line.len) == NULL)
            return fail(reading, "ends a value that is a section of its own and has a line "
                                 "without `key = value`");
    }
    return LE_OK;
}

/* ---- sections and keys ---- */

static enum le_err take_section(struct reading *reading, struct le_span name)
{
    struct le_profile_file *file = reading->file;
    bool shared = le_span_is(name, DEFAULT_SECTION);
    for (size_t i = 0; i < file->section_count; i++) {
        if (le_span_equal(file->sections[i].name, name))
            return fail(reading, shared ? "has [DEFAULT] a second time"
                                        : "has a section that was there before");
    }
    enum le_err err = grow((void **)&file->sections, &file->section_room, file->section_count,
                           LE_PROFILE_SECTIONS_MAX, sizeof *file->sections);
    if (err == LE_ERR_TOO_LARGE)
        return too_large(reading, "has more sections than are read");
    if (err == LE_OK)
        file->sections[file->section_count++] = (struct le_profile_section){
            .name = keep(reading, name), .first = file->entry_count, .count = 0};
    return err;
}

static enum le_err take_key(struct reading *reading, struct le_span line)
{
    struct le_profile_file *file = reading->file;
    size_t len = 0;
    while (len < line.len && line.ptr[len] != '=' && line.ptr[len] != ':')
        len++;
    struct le_span key = strip_end((struct le_span){line.ptr, len});
    if (len == line.len || key.len == 0)
        return fail(reading, "is neither `key = value` nor a [section]");
    enum le_err err = grow((void **)&file->entries, &file->entry_room, file->entry_count,
                           LE_PROFILE_ENTRIES_MAX, sizeof *file->entries);
    if (err == LE_ERR_TOO_LARGE)
        return too_large(reading, "has more keys than are read");
    if (err != LE_OK)
        return err;
    char *at = file->text + reading->used;
    key = keep(reading, key);
    le_ascii_lower_text(at, key.len);
    struct le_profile_section *section = &file->sections[file->section_count - 1];
    if (find(file, section, key) != NULL)
        return fail(reading, "has a key that its section has already");
    struct le_span value = keep(reading, strip(behind(line, len + 1)));
    file->entries[file->entry_count++] = (struct le_profile_entry){key, value};
    section->count++;
    reading->in_value = true;
    return LE_OK;
}

/* "[name]" and anything behind the last bracket; 0: it is none. */
static size_t section_len(struct le_span line)
{
    size_t len = line.len;
    if (line.ptr[0] != '[')
        return 0;
    while (len > 0 && line.ptr[len - 1] != ']')
        len--;
    return len > 2 ? len : 0;
}

static enum le_err take_line(struct reading *reading, struct le_span whole)
{
    struct le_span line = strip(whole);
    if (line.len > 0 && (line.ptr[0] == '#' || line.ptr[0] == ';'))
        return LE_OK;
    if (line.len == 0) {
        if (reading->in_value)
            go_on(reading, line);
        return LE_OK;
    }
    size_t indent = (size_t)(line.ptr - whole.ptr);
    if (reading->in_value && indent > reading->indent) {
        go_on(reading, line);
        return LE_OK;
    }
    reading->indent = indent;
    enum le_err err = finish_value(reading);
    if (err != LE_OK)
        return err;
    size_t bracket = section_len(line);
    if (bracket > 0)
        return take_section(reading, (struct le_span){line.ptr + 1, bracket - 2});
    if (reading->file->section_count == 0)
        return fail(reading, "stands before any [section]");
    return take_key(reading, line);
}

static enum le_err read_lines(struct reading *reading)
{
    if (reading->text.len >= 3 && memcmp(reading->text.ptr, "\xef\xbb\xbf", 3) == 0) {
        reading->line = 1;
        return fail(reading, "begins with a byte order mark");
    }
    struct le_span line;
    while (next_line(reading, &line)) {
        if (!le_utf8_valid(line) || memchr(line.ptr, '\0', line.len) != NULL)
            return fail(reading, "is not text in UTF-8");
        enum le_err err = take_line(reading, line);
        if (err != LE_OK)
            return err;
    }
    return finish_value(reading);
}

enum le_err le_profile_file_read(struct le_profile_file *file, struct le_span text, unsigned *line,
                                 const char **words)
{
    assert(file != NULL && line != NULL && words != NULL);
    *file = (struct le_profile_file){0};
    *line = 0;
    *words = "is larger than is read";
    if (text.len == 0)
        return LE_OK;
    if (text.len > LE_PROFILE_FILE_MAX)
        return LE_ERR_TOO_LARGE;
    file->size = text.len + 1;
    file->text = le_alloc(file->size);
    if (file->text == NULL)
        return LE_ERR_NOMEM;
    struct reading reading = {.file = file, .text = text};
    enum le_err err = read_lines(&reading);
    *line = reading.line;
    *words = reading.words;
    if (err != LE_OK)
        le_profile_file_free(file);
    return err;
}

void le_profile_file_free(struct le_profile_file *file)
{
    if (file->text != NULL)
        le_free_secret(file->text, file->size);
    le_free(file->sections);
    le_free(file->entries);
    *file = (struct le_profile_file){0};
}

/* ---- look-ups ---- */

struct le_span le_profile_file_get(const struct le_profile_file *file,
                                   const struct le_profile_section *section, const char *key)
{
    const struct le_profile_entry *entry = find(file, section, le_span_of(key));
    for (size_t i = 0; entry == NULL && i < file->section_count; i++) {
        if (le_span_is(file->sections[i].name, DEFAULT_SECTION))
            entry = find(file, &file->sections[i], le_span_of(key));
    }
    return entry != NULL ? entry->value : LE_SPAN_NONE;
}

struct le_span le_profile_nested(struct le_span value, const char *key)
{
    struct le_span rest = value, line, found = LE_SPAN_NONE;
    while (is_nested(value) && next_nested(&rest, &line)) {
        const char *sign = memchr(line.ptr, '=', line.len);
        size_t len = sign != NULL ? (size_t)(sign - line.ptr) : line.len;
        if (sign != NULL && le_span_is(strip_end((struct le_span){line.ptr, len}), key))
            found = strip(behind(line, len + 1));
    }
    return found;
}

bool le_profile_section_is(const struct le_profile_section *section, const char *kind,
                           struct le_span name)
{
    char first[SECTION_WORD_MAX], second[SECTION_WORD_MAX], third[1];
    size_t kind_len = strlen(kind);
    struct le_span rest = section->name, word, named, none;
    if (section->name.len < kind_len || memcmp(section->name.ptr, kind, kind_len) != 0)
        return false;
    return le_word_next(&rest, first, sizeof first, &word) == LE_OK && word.ptr != NULL &&
           le_word_next(&rest, second, sizeof second, &named) == LE_OK && named.ptr != NULL &&
           le_span_equal(named, name) && le_word_next(&rest, third, sizeof third, &none) == LE_OK &&
           none.ptr == NULL;
}
