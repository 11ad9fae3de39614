#include "loginetl/base/splitter.h"

#include <assert.h>

void le_splitter_init(struct le_splitter *splitter, size_t message_max, size_t feed_max)
{
    assert(splitter != NULL && message_max > 0 && feed_max > 0);
    *splitter = (struct le_splitter){.message_max = message_max, .line = 1, .message_line = 1};
    /* A message may be surrounded by white space, which is dropped as it comes. */
    le_buf_init(&splitter->bytes, message_max + 2 * feed_max);
}

void le_splitter_free(struct le_splitter *splitter)
{
    le_buf_free(&splitter->bytes);
}

/* What has been given out or skipped leaves the buffer. */
static void drop_used(struct le_splitter *splitter)
{
    assert(splitter->start <= splitter->scanned && splitter->scanned <= splitter->bytes.len);
    if (splitter->start == 0)
        return;
    le_buf_consume(&splitter->bytes, splitter->start);
    splitter->scanned -= splitter->start;
    splitter->start = 0;
}

enum le_err le_splitter_feed(struct le_splitter *splitter, const char *bytes, size_t len)
{
    assert(!splitter->ended && splitter->scanned == splitter->bytes.len);
    drop_used(splitter);
    return le_buf_append(&splitter->bytes, bytes, len);
}

void le_splitter_end(struct le_splitter *splitter)
{
    splitter->ended = true;
}

enum le_err le_splitter_error(const struct le_splitter *splitter, uint64_t *line)
{
    *line = splitter->line;
    return splitter->state == LE_SPLITTER_FAILED ? LE_ERR_SYNTAX : LE_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct le_span trim_front(struct le_span text)
{
    while (text.len > 0 && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    return text;
}

static struct le_span trim_back(struct le_span text)
{
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Of the white space behind a message only one byte, the CR of a line's end, is borne with beyond
 * its greatest length. That is looked at before the end is known, so it must not depend on how the
 * input is cut. */
static bool is_too_large(const struct le_splitter *splitter, size_t len)
{
    return len > splitter->message_max + 1;
}

/* The bytes from start to end are a whole message, or too much of one. false: nothing but white
 * space. */
static bool give(struct le_splitter *splitter, size_t end, struct le_split *out)
{
    struct le_span whole =
        trim_front((struct le_span){splitter->bytes.data + splitter->start, end - splitter->start});
    struct le_span text = trim_back(whole);
    *out = (struct le_split){.text = text, .line = splitter->message_line};
    out->too_large = splitter->skipping || text.len > splitter->message_max ||
                     (text.len > 0 && is_too_large(splitter, whole.len));
    if (out->too_large)
        out->text = LE_SPAN_NONE;
    bool any = out->too_large || text.len > 0;
    splitter->skipping = false;
    return any;
}

/* The message under way has no end yet. It is kept as long as it may still be one. */
static void keep_or_skip(struct le_splitter *splitter)
{
    const char *at = splitter->bytes.data + splitter->start;
    while (splitter->start < splitter->scanned && is_blank(*at)) {
        splitter->start++;
        at++;
    }
    if (splitter->skipping || is_too_large(splitter, splitter->scanned - splitter->start)) {
        splitter->skipping = true;
        splitter->start = splitter->scanned;
    }
}

/* ---- lines ---- */

static bool next_line(struct le_splitter *splitter, struct le_split *out)
{
    while (splitter->scanned < splitter->bytes.len) {
        const char *from = splitter->bytes.data + splitter->scanned;
        const char *newline = memchr(from, '\n', splitter->bytes.len - splitter->scanned);
        if (newline == NULL) {
            splitter->scanned = splitter->bytes.len;
            break;
        }
        size_t end = (size_t)(newline - splitter->bytes.data);
        bool any = give(splitter, end, out);
        splitter->start = splitter->scanned = end + 1;
        splitter->message_line = ++splitter->line;
        if (any)
            return true;
    }
    if (!splitter->ended) {
        keep_or_skip(splitter);
        return false;
    }
    bool any = give(splitter, splitter->bytes.len, out);
    splitter->start = splitter->bytes.len;
    return any;
}

/* ---- elements ---- */

/* true: c, at depth 0 and outside strings, ends the element. */
static bool element_ends(struct le_splitter *splitter, char c)
{
    if (splitter->in_string) {
        splitter->in_string = splitter->escaped || c != '"';
        splitter->escaped = !splitter->escaped && c == '\\';
        return false;
    }
    if (splitter->depth == 0 && (c == ',' || c == ']'))
        return true;
    if (c == '"')
        splitter->in_string = true;
    else if (c == '{' || c == '[')
        splitter->depth++;
    else if ((c == '}' || c == ']') && splitter->depth > 0)
        splitter->depth--;
    return false;
}

static bool end_element(struct le_splitter *splitter, char c, struct le_split *out)
{
    bool empty_array = splitter->state == LE_SPLITTER_FIRST_ELEMENT && c == ']';
    bool any = give(splitter, splitter->scanned, out);
    splitter->start = ++splitter->scanned;
    splitter->begun = false;
    if (any || empty_array)
        splitter->state = c == ']' ? LE_SPLITTER_BEHIND : LE_SPLITTER_ELEMENT;
    else
        splitter->state = LE_SPLITTER_FAILED;
    return any;
}

static void note_begin(struct le_splitter *splitter, char c)
{
    if (splitter->begun || is_blank(c))
        return;
    splitter->begun = true;
    splitter->message_line = splitter->line;
}

static bool next_element(struct le_splitter *splitter, struct le_split *out)
{
    for (; splitter->scanned < splitter->bytes.len; splitter->scanned++) {
        char c = splitter->bytes.data[splitter->scanned];
        if (splitter->state == LE_SPLITTER_BEHIND && !is_blank(c)) {
            splitter->state = LE_SPLITTER_FAILED;
            return false;
        }
        if (splitter->state != LE_SPLITTER_BEHIND && element_ends(splitter, c)) {
            bool any = end_element(splitter, c, out);
            if (any || splitter->state == LE_SPLITTER_FAILED)
                return any;
            splitter->scanned--; /* the loop's step */
            continue;
        }
        note_begin(splitter, c);
        splitter->line += c == '\n';
    }
    if (splitter->ended && splitter->state != LE_SPLITTER_BEHIND)
        splitter->state = LE_SPLITTER_FAILED;
    else if (splitter->state == LE_SPLITTER_BEHIND)
        splitter->start = splitter->scanned;
    else
        keep_or_skip(splitter);
    return false;
}

/* ---- the form ---- */

/* The first byte that is no white space, and no byte order mark, tells the form. */
static void find_form(struct le_splitter *splitter)
{
    while (splitter->scanned < splitter->bytes.len) {
        unsigned char c = (unsigned char)splitter->bytes.data[splitter->scanned];
        bool mark = c == 0xef || c == 0xbb || c == 0xbf;
        if (!is_blank((char)c) && !(mark && splitter->line == 1)) {
            splitter->state = c == '[' ? LE_SPLITTER_FIRST_ELEMENT : LE_SPLITTER_LINES;
            splitter->message_line = splitter->line;
            splitter->scanned += c == '[';
            splitter->start = splitter->scanned;
            return;
        }
        splitter->line += c == '\n';
        splitter->start = ++splitter->scanned;
    }
}

bool le_splitter_next(struct le_splitter *splitter, struct le_split *out)
{
    assert(splitter != NULL && out != NULL);
    if (splitter->state == LE_SPLITTER_START)
        find_form(splitter);
    switch (splitter->state) {
    case LE_SPLITTER_LINES: return next_line(splitter, out);
    case LE_SPLITTER_FIRST_ELEMENT:
    case LE_SPLITTER_ELEMENT:
    case LE_SPLITTER_BEHIND: return next_element(splitter, out);
    case LE_SPLITTER_START:
    case LE_SPLITTER_FAILED: break;
    }
    return false;
}
