#include "loginetl/base/error.h"

#include "loginetl/base/ascii.h"

#include <assert.h>
#include <stddef.h>

struct error_row {
    const char *name;
    const char *text;
    enum le_class class;
};

static const struct error_row rows[LE_ERR_COUNT] = {[LE_OK] = {"OK", "no error", LE_CLASS_OK},
#define X(name, class_, text) [LE_ERR_##name] = {#name, text, LE_CLASS_##class_},
                                                    LE_ERRORS(X)
#undef X
};

/* The table's names are the enum's, in capitals; logs want them small, and a name must live as long
 * as the program. */
#define NAME_MAX_LEN 24

static char names[LE_ERR_COUNT][NAME_MAX_LEN];

static const struct error_row *row_of(enum le_err err)
{
    assert((unsigned)err < LE_ERR_COUNT);
    assert(rows[err].name != NULL);
    return &rows[err];
}

const char *le_err_name(enum le_err err)
{
    const char *upper = row_of(err)->name;
    char *lower = names[err];
    if (lower[0] != '\0')
        return lower;
    for (size_t i = 0; upper[i] != '\0'; i++) {
        assert(i + 1 < NAME_MAX_LEN);
        lower[i] = le_ascii_lower(upper[i]);
    }
    return lower;
}

const char *le_err_text(enum le_err err)
{
    return row_of(err)->text;
}

enum le_class le_err_class(enum le_err err)
{
    return row_of(err)->class;
}
