/* inih reads the configuration file. It is fed line by line from here, because its lines end at 200
 * bytes (a database URL may be longer): a longer line goes in as pieces that look like inih's
 * continuation lines, and is put together again. */
#include "loginetl/base/options.h"

#include <assert.h>
#include <ini.h>

struct feed {
    struct le_span text;
    size_t at;       /* of the next byte to hand out */
    size_t line_end; /* of the line that is being handed out; at == line_end between lines */
    size_t room;     /* of a piece; inih's line without a blank and the NUL */
    unsigned line;
};

struct reading {
    struct feed feed;
    const struct le_config_reader *reader;
    char name[LE_OPTION_NAME_MAX + 1];
    struct le_buf value; /* of the line under way */
    unsigned value_line; /* 0: none under way */
    enum le_err err;     /* the first; sticks */
    unsigned err_line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The line's text without blanks around it and without a comment. */
static struct le_span strip(struct le_span line)
{
    while (line.len > 0 && is_blank(line.ptr[0])) {
        line.ptr++;
        line.len--;
    }
    for (size_t i = 0; i < line.len; i++) {
        bool starts = i == 0 && (line.ptr[i] == '#' || line.ptr[i] == ';');
        if (starts || (line.ptr[i] == ';' && i > 0 && is_blank(line.ptr[i - 1])))
            line.len = i;
    }
    while (line.len > 0 && is_blank(line.ptr[line.len - 1]))
        line.len--;
    return line;
}

/* To inih a section is no error, and no pair either: it would show only when a pair follows. */
static bool is_section(struct le_span line)
{
    return line.len > 0 && line.ptr[0] == '[';
}

static void next_line(struct feed *feed)
{
    const char *start = feed->text.ptr + feed->at;
    size_t left = feed->text.len - feed->at;
    const char *newline = memchr(start, '\n', left);
    size_t len = newline != NULL ? (size_t)(newline - start) : left;
    feed->line++;
    struct le_span line = strip((struct le_span){start, len});
    feed->at = (size_t)(line.ptr - feed->text.ptr);
    feed->line_end = feed->at + line.len;
}

/* How much of the line one piece takes: a cut beside a blank would lose it, and a piece must not
 * begin like a comment. */
static size_t piece_len(const char *at, size_t left, size_t room)
{
    if (left <= room)
        return left;
    for (size_t len = room; len > 0; len--) {
        char next = at[len];
        if (!is_blank(at[len - 1]) && !is_blank(next) && next != ';' && next != '#')
            return len;
    }
    return room;
}

static void skip_to_next_line(struct feed *feed)
{
    const char *start = feed->text.ptr + feed->at;
    const char *newline = memchr(start, '\n', feed->text.len - feed->at);
    feed->at = newline != NULL ? (size_t)(newline - feed->text.ptr) + 1 : feed->text.len;
    feed->line_end = feed->at;
}

/* Moves on by one piece of at most room bytes, or by a section's whole line. false: the text is at
 * its end. */
static bool next_piece(struct feed *feed, size_t room, struct le_span *piece, bool *begins)
{
    *begins = feed->at == feed->line_end;
    if (*begins) {
        if (feed->at == feed->text.len)
            return false;
        next_line(feed);
    }
    *piece = (struct le_span){feed->text.ptr + feed->at, feed->line_end - feed->at};
    if (!*begins || !is_section(*piece))
        piece->len = piece_len(piece->ptr, piece->len, room);
    feed->at += piece->len;
    if (feed->at == feed->line_end)
        skip_to_next_line(feed);
    return true;
}

static void fail(struct reading *reading, enum le_err err, unsigned line)
{
    if (reading->err == LE_OK) {
        reading->err = err;
        reading->err_line = line;
    }
}

static void finish_value(struct reading *reading)
{
    if (reading->value_line == 0 || reading->err != LE_OK)
        return;
    struct le_span value = {reading->value.len > 0 ? reading->value.data : "", reading->value.len};
    enum le_err err = reading->reader->take(reading->reader->self, le_span_of(reading->name), value,
                                            reading->value_line);
    if (err != LE_OK)
        fail(reading, err, reading->value_line);
    reading->value_line = 0;
}

static int take_pair(void *self, const char *section, const char *name, const char *value)
{
    struct reading *reading = self;
    unsigned line = reading->feed.line;
    /* A part of a long line that is wrong from its start may look like one. */
    if (section[0] != '\0' || strlen(name) > LE_OPTION_NAME_MAX) {
        fail(reading, LE_ERR_SYNTAX, line);
        return 0;
    }
    if (reading->value_line != line) {
        finish_value(reading);
        le_buf_clear(&reading->value);
        memcpy(reading->name, name, strlen(name) + 1);
        reading->value_line = line;
    }
    enum le_err err = le_buf_append_text(&reading->value, value);
    if (err != LE_OK)
        fail(reading, err, line);
    return err == LE_OK;
}

static void take_section(struct reading *reading, struct le_span line)
{
    finish_value(reading);
    if (reading->err != LE_OK)
        return;
    enum le_err err =
        reading->reader->take(reading->reader->self, line, LE_SPAN_LIT(""), reading->feed.line);
    if (err != LE_OK)
        fail(reading, err, reading->feed.line);
}

/* fgets, as inih wants it. */
static char *hand_out(char *out, int size, void *self)
{
    struct reading *reading = self;
    struct feed *feed = &reading->feed;
    assert(size > 8);
    feed->room = (size_t)size - 2;
    struct le_span piece;
    bool begins = false;
    if (!next_piece(feed, feed->room, &piece, &begins))
        return NULL;
    if (begins && is_section(piece)) {
        take_section(reading, piece);
        piece.len = 0;
    }
    size_t used = 0;
    if (!begins)
        out[used++] = ' ';
    if (piece.len > 0)
        memcpy(out + used, piece.ptr, piece.len);
    out[used + piece.len] = '\0';
    return out;
}

/* inih counts pieces; this is the line that the piece belongs to. */
static unsigned line_of(const struct feed *fed, int piece)
{
    struct feed feed = {.text = fed->text};
    struct le_span ignored;
    bool begins = false;
    for (int i = 0; i < piece && next_piece(&feed, fed->room, &ignored, &begins); i++)
        continue;
    return feed.line;
}

/* Editors that mean well begin a file with it. */
static struct le_span without_byte_order_mark(struct le_span text)
{
    if (text.len < 3 || memcmp(text.ptr, "\xef\xbb\xbf", 3) != 0)
        return text;
    return (struct le_span){text.ptr + 3, text.len - 3};
}

enum le_err le_config_read(struct le_span text, const struct le_config_reader *reader,
                           unsigned *line)
{
    assert(reader != NULL && reader->take != NULL && line != NULL);
    struct reading reading = {.feed = {.text = without_byte_order_mark(text)}, .reader = reader};
    if (text.len == 0)
        return LE_OK;
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        *line = 1;
        return LE_ERR_SYNTAX;
    }
    le_buf_init(&reading.value, LE_OPTION_VALUE_MAX);
    int refused = ini_parse_stream(hand_out, &reading, take_pair, &reading);
    finish_value(&reading);
    if (refused != 0)
        fail(&reading, LE_ERR_SYNTAX, refused > 0 ? line_of(&reading.feed, refused) : 1);
    le_buf_free_secret(&reading.value);
    *line = reading.err_line;
    return reading.err;
}
