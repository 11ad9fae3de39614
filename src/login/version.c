/* App versions: "2.3.0" as an integer, in the table's tradition or in ways that sort. */
#include "loginetl/login/row.h"

#include <assert.h>

#define PACKED_PARTS    3
#define PACKED_PART_MAX 999

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool le_version_well_formed(struct le_span text)
{
    assert(text.ptr != NULL || text.len == 0);
    bool in_part = false;
    if (text.len > LE_VERSION_CHARS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]) && (text.ptr[i] != '.' || !in_part))
            return false;
        in_part = is_digit(text.ptr[i]);
    }
    return in_part;
}

/* Joins the digits of text, over its dots, to one number. */
static bool join_digits(struct le_span text, int64_t max, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.')
            continue;
        int digit = text.ptr[i] - '0';
        if (value > max / 10 || (value == max / 10 && digit > max % 10))
            return false;
        value = value * 10 + digit;
    }
    assert(value >= 0 && value <= max);
    *out = value;
    return true;
}

/* Takes the next part, and the dot behind it, off the front. */
static struct le_span next_part(struct le_span *text)
{
    const char *dot = memchr(text->ptr, '.', text->len);
    size_t len = dot != NULL ? (size_t)(dot - text->ptr) : text->len;
    size_t taken = dot != NULL ? len + 1 : len;
    struct le_span part = {text->ptr, len};
    text->ptr += taken;
    text->len -= taken;
    return part;
}

static enum le_reject_reason pack(struct le_span text, int64_t max, int64_t *out)
{
    static const int64_t scale[PACKED_PARTS] = {1000000, 1000, 1};
    int64_t sum = 0;
    bool fits = true;
    for (int i = 0; text.len > 0; i++) {
        int64_t part;
        if (i == PACKED_PARTS)
            return LE_REJECT_MALFORMED_VERSION;
        int64_t part_max = i == 0 ? max / scale[0] : PACKED_PART_MAX;
        if (!join_digits(next_part(&text), part_max, &part))
            fits = false; /* but a fourth part is the worse fault */
        else if (part > (max - sum) / scale[i])
            fits = false;
        else
            sum += part * scale[i];
    }
    *out = sum;
    return fits ? LE_REJECT_NONE : LE_REJECT_OUT_OF_RANGE;
}

enum le_reject_reason le_version_parse(struct le_span text, enum le_app_version how, int64_t max,
                                       int64_t *out)
{
    assert(max >= 0 && out != NULL);
    if (!le_version_well_formed(text))
        return LE_REJECT_MALFORMED_VERSION;
    switch (how) {
    case LE_APP_VERSION_PACKED: return pack(text, max, out);
    case LE_APP_VERSION_MAJOR: text = next_part(&text); break;
    case LE_APP_VERSION_DIGITS: break;
    }
    return join_digits(text, max, out) ? LE_REJECT_NONE : LE_REJECT_OUT_OF_RANGE;
}
