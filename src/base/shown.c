#include "loginetl/base/shown.h"

#include <string.h>

#define PORT_LEN_MAX 5
#define PATH_LEN_MAX 64 /* of a relative one: the longest tokens that have a point are longer */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static bool is_made_of(struct le_span text, const char *characters)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(characters, text.ptr[i]) == NULL)
            return false;
    }
    return true;
}

/* Or of letters that are not ASCII's: files have any name, and a dash may have become a longer one
 * on its way through a document. */
static bool is_text(struct le_span text, const char *characters)
{
    for (size_t i = 0; i < text.len; i++) {
        struct le_span one = {text.ptr + i, 1};
        if ((unsigned char)text.ptr[i] < 0x80 && !is_made_of(one, characters))
            return false;
    }
    return true;
}

static struct le_span behind(struct le_span text, size_t count)
{
    return (struct le_span){text.ptr + count, text.len - count};
}

bool le_shows_name(struct le_span text)
{
    return text.len > 0 && text.len <= LE_SHOWN_MAX && is_made_of(text, LETTERS);
}

/* ---- URLs ---- */

/* "host", "host:port" or "[address]:port". */
static bool has_number_for_port(struct le_span authority)
{
    size_t host = le_span_until(authority, le_span_begins(authority, "[") ? "]" : ":");
    struct le_span rest = behind(authority, host);
    size_t colon = le_span_until(rest, ":");
    if (colon == rest.len)
        return rest.len > 0 || !le_span_begins(authority, "[");
    struct le_span port = behind(rest, colon + 1);
    return port.len > 0 && port.len <= PORT_LEN_MAX && is_made_of(port, "0123456789");
}

/* What stands before the "://"; the whole text's length when there is none. */
static size_t scheme_len(struct le_span text)
{
    const char *found = text.len > 0 ? memmem(text.ptr, text.len, "://", 3) : NULL;
    return found != NULL ? (size_t)(found - text.ptr) : text.len;
}

static struct le_span authority_of(struct le_span text)
{
    size_t len = scheme_len(text);
    struct le_span rest = len < text.len ? behind(text, len + 3) : text;
    return (struct le_span){rest.ptr, le_span_until(rest, "/?#")};
}

static bool shows_url(struct le_span text)
{
    bool http = le_span_begins(text, "http://") || le_span_begins(text, "https://");
    return http && is_made_of(text, LETTERS ".:/[]%~") && has_number_for_port(authority_of(text));
}

bool le_holds_password(struct le_span text, bool url)
{
    if (text.len > 0 && memmem(text.ptr, text.len, "password=", 9) != NULL)
        return true;
    if (!url && scheme_len(text) == text.len)
        return false;
    return le_span_until(text, "@") < text.len || !has_number_for_port(authority_of(text));
}

/* ---- values and paths ---- */

bool le_shows_value(struct le_span text)
{
    if (le_span_begins(text, "arn:"))
        return is_made_of(text, LETTERS ".:/*");
    return shows_url(text) || (text.len <= LE_SHOWN_MAX && is_text(text, LETTERS " .,/\"'"));
}

static bool begins_like_a_path(struct le_span text)
{
    return le_span_begins(text, "/") || le_span_begins(text, "./") || le_span_begins(text, "../") ||
           le_span_begins(text, "~");
}

bool le_shows_path(struct le_span text)
{
    if (begins_like_a_path(text))
        return !le_holds_password(text, false);
    size_t max = le_span_until(text, ".") < text.len ? PATH_LEN_MAX : LE_SHOWN_MAX;
    return text.len <= max && is_text(text, LETTERS " .,/+~");
}
