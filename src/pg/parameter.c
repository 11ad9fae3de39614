#include "loginetl/pg/parameter.h"

#include "loginetl/base/options.h"
#include "loginetl/base/shown.h"

#define BLANKS " \t\r\n\f\v"

/* ---- names ---- */

static bool is_known(struct le_span name, const char *const *known)
{
    for (; *known != NULL; known++) {
        if (le_span_is(name, *known))
            return true;
    }
    return false;
}

/* Of several that are as near, none: "ssl" may be any of those that begin with it. */
static const char *nearest(struct le_span name, const char *const *known)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (; *known != NULL; known++) {
        size_t distance = le_edit_distance(name, le_span_of(*known));
        if (!le_option_near(name, le_span_of(*known)) || distance > best_distance)
            continue;
        best = distance < best_distance ? *known : NULL;
        best_distance = distance;
    }
    return best;
}

/* Behind a password whose & or blank is not written as it should be, its rest looks like a name. */
static bool take(struct le_span name, bool password, const char *const *known,
                 struct le_pg_unknown *out)
{
    *out = (struct le_pg_unknown){name, nearest(name, known)};
    return le_shows_name(name) && (!password || out->near != NULL);
}

static struct le_span behind(struct le_span text, size_t count)
{
    return count < text.len ? (struct le_span){text.ptr + count, text.len - count}
                            : (struct le_span){text.ptr + text.len, 0};
}

/* ---- a URI ---- */

/* Behind the first ? that does not stand in the user's part, which ends at an @ before any /. */
static struct le_span parameters_of(struct le_span rest)
{
    size_t user = le_span_until(rest, "@/");
    if (user < rest.len && rest.ptr[user] == '@')
        rest = behind(rest, user + 1);
    return behind(rest, le_span_until(rest, "?") + 1);
}

/* With an @ in it, it may be the end of a password that has a ? in it. */
static bool find_in_uri(struct le_span rest, const char *const *known, struct le_pg_unknown *out)
{
    struct le_span left = parameters_of(rest);
    bool password = false;
    if (le_span_until(left, "@") < left.len)
        return false;
    while (left.len > 0) {
        struct le_span pair = {left.ptr, le_span_until(left, "&")};
        struct le_span name = {left.ptr, le_span_until(pair, "=")};
        /* As others write sslmode=require: libpq takes this, and no other value of it. */
        if (!is_known(name, known) && !le_span_is(pair, "ssl=true"))
            return take(name, password, known, out);
        password = password || le_span_ends(name, "password");
        left = behind(left, pair.len + 1);
    }
    return false;
}

/* ---- key=value ---- */

static struct le_span skip_blanks(struct le_span text)
{
    size_t len = 0;
    while (len < text.len && strchr(BLANKS, text.ptr[len]) != NULL)
        len++;
    return behind(text, len);
}

/* A backslash takes what follows it as it is, within quotes and without. */
static struct le_span skip_value(struct le_span text)
{
    bool quoted = le_span_begins(text, "'");
    const char *ends = quoted ? "'" : BLANKS;
    size_t len = quoted ? 1 : 0;
    while (len < text.len && strchr(ends, text.ptr[len]) == NULL)
        len += text.ptr[len] == '\\' ? 2 : 1;
    return behind(text, quoted ? len + 1 : len);
}

static bool find_in_pairs(struct le_span left, const char *const *known, struct le_pg_unknown *out)
{
    bool password = false;
    for (left = skip_blanks(left); left.len > 0; left = skip_blanks(skip_value(left))) {
        struct le_span name = {left.ptr, le_span_until(left, "=" BLANKS)};
        left = skip_blanks(behind(left, name.len));
        if (!le_span_begins(left, "="))
            return false;
        if (!is_known(name, known))
            return take(name, password, known, out);
        password = password || le_span_ends(name, "password");
        left = skip_blanks(behind(left, 1));
    }
    return false;
}

bool le_pg_find_unknown(const char *url, const char *const *known, struct le_pg_unknown *out)
{
    struct le_span text = le_span_of(url);
    static const char *const schemes[] = {"postgres://", "postgresql://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (le_span_begins(text, schemes[i]))
            return find_in_uri(behind(text, strlen(schemes[i])), known, out);
    }
    return strstr(url, "://") == NULL && find_in_pairs(text, known, out);
}
