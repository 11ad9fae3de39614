/* One of the two files that the AWS SDKs share, config or credentials, as botocore's reader
 * understands it (Python's RawConfigParser, strict):
 *
 * - a line that begins with # or ; is a comment; one behind a value is part of the value;
 * - `key = value` or `key: value`, the key in any case; the first = or : parts them;
 * - a line indented deeper than its key goes on with that key's value, joined by a newline; a value
 *   that begins with such a line is a section of its own (`sqs =` and below it `endpoint_url = …`);
 * - quotes mean something in a section's name only;
 * - a section or a key that comes twice is an error, and so is anything else, a byte order mark
 *   among it; keys of [DEFAULT] are every section's.
 *
 * Not inih: it cuts a section's name at 50 bytes and a value at ` ;`, and so would another identity
 * be chosen than by every other program that reads the same file. */
#ifndef LE_PROFILE_FILE_H
#define LE_PROFILE_FILE_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>

#define LE_PROFILE_FILE_MAX     (1024 * 1024) /* bytes */
#define LE_PROFILE_SECTIONS_MAX 8192
#define LE_PROFILE_ENTRIES_MAX  32768

struct le_profile_section {
    struct le_span name; /* between the brackets, as it stands there */
    size_t first, count; /* its entries */
};

struct le_profile_entry {
    struct le_span key; /* in lower case */
    struct le_span value;
};

struct le_profile_file {
    char *text; /* what all spans point into */
    size_t size;
    struct le_profile_section *sections;
    size_t section_count, section_room;
    struct le_profile_entry *entries;
    size_t entry_count, entry_room;
};

/* The text may go afterwards: what is needed of it is copied. LE_ERR_SYNTAX, LE_ERR_TOO_LARGE:
 * *line and *words say where and what, never what stands there. LE_ERR_NOMEM. After an error there
 * is nothing to free. */
LE_MUST enum le_err le_profile_file_read(struct le_profile_file *file, struct le_span text,
                                         unsigned *line, const char **words);
/* Wipes what it held. One that was never read must be zeroed. */
void le_profile_file_free(struct le_profile_file *file);

/* A key's value in one section or in [DEFAULT]; absent when neither has it. */
struct le_span le_profile_file_get(const struct le_profile_file *file,
                                   const struct le_profile_section *section, const char *key);
/* A key's value within a value that is a section of its own; absent when it is not one. */
struct le_span le_profile_nested(struct le_span value, const char *key);
/* Is the section's name, split as a shell would, kind and this name? kind is a beginning: so it is
 * read everywhere, and "profiles x" is a profile too. */
bool le_profile_section_is(const struct le_profile_section *section, const char *kind,
                           struct le_span name);

#endif
