/* A configuration file of any bytes: an error that says where, or values that come back the same
 * from what --print-config would write of them. */
#include "loginetl/base/options.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct le_option table[] = {
    {.name = "queue", .argument = "NAME", .standard = "q", .group = "G", .help = "h"},
    {.name = "concurrency",
     .argument = "N",
     .kind = LE_OPTION_COUNT,
     .standard = "8",
     .min = 1,
     .max = 256,
     .group = "G",
     .help = "h"},
    {.name = "memory-limit",
     .argument = "SIZE",
     .kind = LE_OPTION_SIZE,
     .min = 1,
     .max = INT64_MAX,
     .group = "G",
     .help = "h"},
    {.name = "progress",
     .argument = "WHEN",
     .kind = LE_OPTION_CHOICE,
     .choices = "auto|yes|no",
     .group = "G",
     .help = "h"},
    {.name = "drain", .kind = LE_OPTION_SWITCH, .standard = "no", .group = "G", .help = "h"},
};

#define COUNT (sizeof table / sizeof table[0])

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A value with a semicolon, a blank at an end or the like may be read differently, but it must be
 * read. */
static void read_again(const struct le_options *options)
{
    struct le_options again;
    struct le_buf text;
    le_buf_init(&text, 1 << 20);
    must(le_options_print(options, &text) == LE_OK);
    le_options_init(&again, table, COUNT);
    if (text.len <= LE_OPTIONS_FILE_MAX &&
        le_options_config(&again, "again", le_buf_span(&text)) == LE_OK &&
        le_options_finish(&again) == LE_OK) {
        for (size_t i = 1; i < COUNT; i++) {
            must((le_option_text(options, i) == NULL) == (le_option_text(&again, i) == NULL));
            must(le_option_text(options, i) == NULL ||
                 le_option_number(options, i) == le_option_number(&again, i));
        }
    }
    le_options_free(&again);
    le_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct le_options options;
    if (size > LE_OPTIONS_FILE_MAX)
        return 0;
    le_options_init(&options, table, COUNT);
    enum le_err err = le_options_config(&options, "f", (struct le_span){(const char *)data, size});
    if (err == LE_OK)
        err = le_options_finish(&options);
    must(err == LE_OK || err == LE_ERR_CONFIG);
    must((err == LE_ERR_CONFIG) == (options.error[0] != '\0'));
    if (err == LE_OK)
        read_again(&options);
    le_options_free(&options);
    return 0;
}
