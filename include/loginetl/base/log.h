/* The log: one event a line. It formats; where a line goes is the application's affair (a sink).
 *
 * Never in a field: a row's content, a credential, a receipt handle, a server's error text. */
#ifndef LE_BASE_LOG_H
#define LE_BASE_LOG_H

#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum le_log_level { LE_LOG_ERROR, LE_LOG_WARN, LE_LOG_INFO, LE_LOG_DEBUG };
enum le_log_format { LE_LOG_LOGFMT, LE_LOG_JSON, LE_LOG_PEOPLE };

enum le_log_kind { LE_LOG_STR, LE_LOG_INT, LE_LOG_SECONDS, LE_LOG_BOOL };

struct le_log_field {
    const char *key; /* a fixed word, [a-z0-9_] */
    enum le_log_kind kind;
    struct le_span str; /* absent (NULL): the field is left out */
    int64_t num;
    double seconds;
};

struct le_log_config {
    enum le_log_level level; /* lines above it (more talkative) are not formatted at all */
    enum le_log_format format;
    /* LE_LOG_PEOPLE shows the time of day where its reader is; the other formats have UTC. */
    int32_t seconds_east;
    /* Takes one whole line with its newline; the bytes are valid during the call only. It must not
     * log. */
    void (*sink)(void *self, const char *line, size_t len);
    /* Milliseconds since 1970. */
    int64_t (*wall_ms)(void *self);
    void *self;
};

/* Before it is called nothing is logged, and nothing after it was called with NULL. Copied. */
void le_log_init(const struct le_log_config *config);
bool le_log_enabled(enum le_log_level level);
bool le_log_level_parse(struct le_span word, enum le_log_level *out); /* error, warn, info, debug */

/* event is a fixed word, [a-z0-9_]; a field "text" is the sentence for people, shown first in
 * LE_LOG_PEOPLE and as text="…" elsewhere. A line longer than 4 KiB is cut at a field's end and
 * says so (cut=true). Whatever a value holds, it stays inside its quotes on its one line: control
 * characters, bytes that are not UTF-8 and characters that turn or hide text are escaped. Seconds
 * are shown to the millisecond; in JSON a number that is not finite is null. */
void le_log_write(enum le_log_level level, const char *event, const struct le_log_field *fields,
                  size_t count);

/* clang-format off */
#define LE_FS(key_, cstr)     {.key = (key_), .kind = LE_LOG_STR, .str = le_span_of(cstr)}
#define LE_FSPAN(key_, span)  {.key = (key_), .kind = LE_LOG_STR, .str = (span)}
#define LE_FI(key_, value)    {.key = (key_), .kind = LE_LOG_INT, .num = (int64_t)(value)}
#define LE_FSEC(key_, value)  {.key = (key_), .kind = LE_LOG_SECONDS, .seconds = (value)}
#define LE_FBOOL(key_, value) {.key = (key_), .kind = LE_LOG_BOOL, .num = (value)}
/* clang-format on */

/* le_log(LE_LOG_INFO, "ready", LE_FS("queue", name), LE_FI("rows", n)); at least one field. The
 * level is checked first. */
#define le_log(level_, event_, ...)                                 \
    do {                                                            \
        if (le_log_enabled(level_)) {                               \
            const struct le_log_field le_fields_[] = {__VA_ARGS__}; \
            le_log_write((level_), (event_), le_fields_,            \
                         sizeof le_fields_ / sizeof le_fields_[0]); \
        }                                                           \
    } while (0)

#endif
