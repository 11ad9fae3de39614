#include "loginetl/base/log.h"

#include "loginetl/base/json.h"
#include "loginetl/base/timefmt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define LINE_MAX_LEN 4096
/* Kept free behind the last field, so that even a line that is full can say that it was cut, and
 * end. */
#define TAIL_MAX_LEN 16
#define REPLACEMENT  0xfffd /* stands for bytes that are no UTF-8 */

static struct le_log_config config;

/* One line at a time, built in place: logging takes no memory, so it works when there is none. */
static struct {
    char bytes[LINE_MAX_LEN];
    size_t len;
    size_t limit;
    bool full;   /* something did not fit; nothing is added any more */
    bool parens; /* LE_LOG_PEOPLE: the bracket before the fields is open */
    bool busy;
} line;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void le_log_init(const struct le_log_config *new_config)
{
    assert(!line.busy);
    if (new_config == NULL) {
        config = (struct le_log_config){.sink = NULL};
        return;
    }
    assert(new_config->sink != NULL && new_config->wall_ms != NULL);
    config = *new_config;
}

bool le_log_enabled(enum le_log_level level)
{
    return config.sink != NULL && level <= config.level;
}

bool le_log_level_parse(struct le_span word, enum le_log_level *out)
{
    assert(out != NULL);
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (le_span_is(word, level_names[i])) {
            *out = (enum le_log_level)i;
            return true;
        }
    }
    return false;
}

static void put(const char *bytes, size_t len)
{
    assert(line.len <= line.limit && line.limit <= LINE_MAX_LEN);
    if (line.full || len > line.limit - line.len) {
        line.full = true;
        return;
    }
    memcpy(line.bytes + line.len, bytes, len);
    line.len += len;
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* A fixed word of ours: whoever logs something else has put data where a name belongs. */
static void put_word(const char *word)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");
    assert(len > 0 && word[len] == '\0');
    put(word, len);
}

/* The character of a well-formed sequence. */
static uint32_t character_of(const char *sequence, size_t len)
{
    assert(len >= 1 && len <= 4);
    uint32_t first = (unsigned char)sequence[0];
    uint32_t character = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        character = character << 6 | ((unsigned char)sequence[i] & 0x3f);
    return character;
}

/* What must not reach a terminal or a line-minded reader as it is: C0 and C1 controls, the
 * separators that some readers take for line ends, and the marks that reorder or hide the text
 * around them. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static void put_escape(uint32_t character)
{
    char text[8];
    const char *name = character == '\n'   ? "\\n"
                       : character == '\r' ? "\\r"
                       : character == '\t' ? "\\t"
                                           : NULL;
    if (name != NULL) {
        put_text(name);
        return;
    }
    assert(character <= 0xffff);
    int count = snprintf(text, sizeof text, "\\u%04" PRIx32, character);
    assert(count == 6);
    put(text, (size_t)count);
}

/* The escapes are JSON's, in every format. */
static void put_escaped(struct le_span value, bool quoted)
{
    size_t step;
    for (size_t i = 0; i < value.len && !line.full; i += step) {
        size_t len = le_utf8_sequence(value.ptr + i, value.len - i);
        uint32_t character = len > 0 ? character_of(value.ptr + i, len) : REPLACEMENT;
        step = len > 0 ? len : 1;
        if (len == 0 || is_unsafe(character)) {
            put_escape(character);
            continue;
        }
        if (quoted && (character == '"' || character == '\\'))
            put("\\", 1);
        put(value.ptr + i, len);
    }
}

static void put_quoted(struct le_span value)
{
    put("\"", 1);
    put_escaped(value, true);
    put("\"", 1);
}

static bool needs_quotes(struct le_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return value.len == 0;
}

static void put_str(struct le_span value)
{
    if (config.format == LE_LOG_JSON || needs_quotes(value))
        put_quoted(value);
    else
        put(value.ptr, value.len);
}

static void put_int(int64_t value)
{
    char text[24];
    int count = snprintf(text, sizeof text, "%" PRId64, value);
    assert(count > 0 && (size_t)count < sizeof text);
    put(text, (size_t)count);
}

/* By whole milliseconds: the C library would ask the locale for the decimal point. */
static void put_seconds(double seconds)
{
    const double exact_max = 9e12; /* its milliseconds still fit an int64_t */
    if (!(seconds >= -exact_max && seconds <= exact_max)) {
        bool is_nan = seconds != seconds;
        put_text(config.format == LE_LOG_JSON ? "null"
                 : is_nan                     ? "nan"
                 : seconds > 0                ? "inf"
                                              : "-inf");
        return;
    }
    bool negative = seconds < 0;
    int64_t ms = (int64_t)((negative ? -seconds : seconds) * 1000 + 0.5);
    char text[32];
    int count = snprintf(text, sizeof text, "%s%" PRId64 ".%03d", negative && ms > 0 ? "-" : "",
                         ms / 1000, (int)(ms % 1000));
    assert(count > 0 && (size_t)count < sizeof text);
    while (text[count - 1] == '0')
        count--;
    if (text[count - 1] == '.')
        count--;
    put(text, (size_t)count);
}

static void put_value(const struct le_log_field *field)
{
    switch (field->kind) {
    case LE_LOG_STR: put_str(field->str); return;
    case LE_LOG_INT: put_int(field->num); return;
    case LE_LOG_SECONDS: put_seconds(field->seconds); return;
    case LE_LOG_BOOL: put_text(field->num != 0 ? "true" : "false"); return;
    }
    assert(!"a field of no known kind");
}

static void put_field(const struct le_log_field *field)
{
    switch (config.format) {
    case LE_LOG_JSON:
        put_text(",\"");
        put_word(field->key);
        put_text("\":");
        break;
    case LE_LOG_PEOPLE:
    case LE_LOG_LOGFMT:
        put_text(config.format == LE_LOG_PEOPLE && !line.parens ? " (" : " ");
        put_word(field->key);
        put_text("=");
        line.parens = true;
        break;
    }
    put_value(field);
}

static const struct le_log_field cut_mark = LE_FBOOL("cut", true);

/* All of the field or nothing of it. */
static bool put_field_whole(const struct le_log_field *field)
{
    size_t len = line.len;
    bool parens = line.parens;
    put_field(field);
    if (!line.full)
        return true;
    line.len = len;
    line.parens = parens;
    line.full = false;
    return false;
}

static bool is_text(const struct le_log_field *field)
{
    return field->kind == LE_LOG_STR && strcmp(field->key, "text") == 0;
}

static bool is_absent(const struct le_log_field *field)
{
    return field->kind == LE_LOG_STR && field->str.ptr == NULL;
}

static const struct le_log_field *find_text(const struct le_log_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_text(&fields[i]) && !is_absent(&fields[i]))
            return &fields[i];
    return NULL;
}

/* "12:34:56 error  the sentence", and without the level's word where nothing is wrong. */
static bool put_people_head(enum le_log_level level, const char *event,
                            const struct le_log_field *text)
{
    char ts[25];
    le_format_iso_ms(config.wall_ms(config.self) + INT64_C(1000) * config.seconds_east, ts);
    put(ts + strlen("2026-01-01T"), strlen("12:34:56"));
    put_text(level == LE_LOG_ERROR ? " error  " : level == LE_LOG_WARN ? " warn   " : "  ");
    size_t len = line.len;
    if (text != NULL)
        put_escaped(text->str, false);
    if (text != NULL && !line.full)
        return true;
    line.len = len;
    line.full = false;
    put_word(event);
    return text == NULL;
}

static void put_machine_head(enum le_log_level level, const char *event)
{
    bool json = config.format == LE_LOG_JSON;
    char ts[25];
    le_format_iso_ms(config.wall_ms(config.self), ts);
    put_text(json ? "{\"ts\":\"" : "ts=");
    put_text(ts);
    put_text(json ? "\",\"level\":\"" : " level=");
    put_word(level_names[level]);
    put_text(json ? "\",\"event\":\"" : " event=");
    put_word(event);
    put_text(json ? "\"" : "");
}

static void put_tail(bool cut)
{
    line.limit = LINE_MAX_LEN;
    if (cut)
        put_field(&cut_mark);
    if (config.format == LE_LOG_JSON)
        put_text("}");
    if (config.format == LE_LOG_PEOPLE && line.parens)
        put_text(")");
    put("\n", 1);
    assert(!line.full);
}

void le_log_write(enum le_log_level level, const char *event, const struct le_log_field *fields,
                  size_t count)
{
    assert(event != NULL && (fields != NULL || count == 0));
    if (!le_log_enabled(level))
        return;
    assert(!line.busy);
    line.busy = true;
    line.full = line.parens = false;
    line.len = 0;
    line.limit = LINE_MAX_LEN - TAIL_MAX_LEN;
    bool people = config.format == LE_LOG_PEOPLE;
    const struct le_log_field *text = people ? find_text(fields, count) : NULL;
    bool whole = true;
    if (people)
        whole = put_people_head(level, event, text);
    else
        put_machine_head(level, event);
    assert(!line.full); /* no event's name is that long */
    for (size_t i = 0; i < count && whole; i++)
        if (!is_absent(&fields[i]) && &fields[i] != text)
            whole = put_field_whole(&fields[i]);
    put_tail(!whole);
    config.sink(config.self, line.bytes, line.len);
    line.busy = false;
}
