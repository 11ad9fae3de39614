#include "loginetl/sqs/xml.h"

#include "loginetl/base/mem.h"

#include <assert.h>
#include <expat.h>
#include <stdalign.h>
#include <stdint.h>

#define CHUNK (16 * 1024)

/* ---- memory: what the parser lets go of may hold secrets ---- */

union block {
    size_t size;
    max_align_t align;
};

static void *take(size_t size)
{
    union block *block = size < SIZE_MAX / 2 ? le_alloc(sizeof *block + size) : NULL;
    if (block == NULL)
        return NULL;
    block->size = size;
    return block + 1;
}

static void drop(void *ptr)
{
    union block *block = ptr;
    if (block != NULL)
        le_free_secret(block - 1, sizeof *block + block[-1].size);
}

static void *take_again(void *ptr, size_t size)
{
    const union block *old = ptr;
    void *new = take(size);
    if (new == NULL || old == NULL)
        return new;
    memcpy(new, ptr, old[-1].size < size ? old[-1].size : size);
    drop(ptr);
    return new;
}

/* ---- what the parser tells ---- */

/* The parser gets the answer in chunks, each copied into a buffer of its own. What has been copied
 * may be written over: texts are moved together at the beginning of the answer. */
struct walk {
    XML_Parser parser;
    const struct le_xml_visitor *visitor;
    char *text;
    size_t space;    /* bytes at its beginning that the parser does not get */
    size_t fed;      /* bytes that the parser has */
    size_t fed_then; /* when it told of something last */
    size_t filled;   /* bytes of decoded text */
    size_t text_at;  /* where the text of the innermost element begins */
    size_t depth;
    bool leaf; /* the innermost element has held nothing but text so far */
    bool stopped;
};

static void stop(struct walk *walk)
{
    walk->stopped = true;
    (void)XML_StopParser(walk->parser, XML_FALSE); /* refused only when it has ended already */
}

static struct le_span local_name(const XML_Char *name)
{
    const char *colon = strrchr(name, ':');
    return le_span_of(colon != NULL ? colon + 1 : name);
}

static void on_open(void *self, const XML_Char *name, const XML_Char **attributes)
{
    struct walk *walk = self;
    (void)attributes;
    if (walk->stopped)
        return;
    walk->fed_then = walk->fed;
    if (walk->leaf)
        walk->filled = walk->text_at; /* the space between two tags */
    walk->text_at = walk->filled;
    walk->leaf = true;
    if (walk->depth == LE_XML_DEPTH_MAX ||
        !walk->visitor->open(walk->visitor->self, walk->depth, local_name(name)))
        stop(walk);
    else
        walk->depth++;
}

static void on_close(void *self, const XML_Char *name)
{
    struct walk *walk = self;
    struct le_span text = LE_SPAN_NONE;
    if (walk->stopped)
        return;
    assert(walk->depth > 0);
    walk->fed_then = walk->fed;
    walk->depth--;
    if (walk->leaf)
        text = (struct le_span){walk->text + walk->text_at, walk->filled - walk->text_at};
    walk->leaf = false;
    if (!walk->visitor->close(walk->visitor->self, walk->depth, local_name(name), text))
        stop(walk);
}

/* XML reads a carriage return that is not written as a reference, with a line feed behind it or
 * without, as a line feed, and says so in a piece of its own. ElasticMQ (0.15 to 1.7) and MiniStack
 * 1.5 write bodies with such ones: what stands there counts, or the body is not what was sent. */
static struct le_span line_end(const struct walk *walk, struct le_span piece)
{
    if (!le_span_is(piece, "\n"))
        return piece;
    XML_Index index = XML_GetCurrentByteIndex(walk->parser);
    int len = XML_GetCurrentByteCount(walk->parser);
    size_t at = walk->space + (size_t)index;
    if (index < 0 || len < 1 || len > 2 || at + (size_t)len > walk->fed || walk->text[at] != '\r')
        return piece;
    assert(at >= walk->filled); /* what has been written over has been told of */
    return (struct le_span){walk->text + at, (size_t)len};
}

/* Text comes in pieces: it is cut where a chunk ends, at line ends and at references. */
static void on_text(void *self, const XML_Char *text, int len)
{
    struct walk *walk = self;
    walk->fed_then = walk->fed;
    if (walk->stopped || !walk->leaf)
        return;
    struct le_span piece = line_end(walk, (struct le_span){text, (size_t)len});
    /* It could be only in another encoding than UTF-8 that a text is longer than its XML. */
    if (piece.len > walk->fed - walk->filled) {
        stop(walk);
        return;
    }
    memmove(walk->text + walk->filled, piece.ptr, piece.len);
    walk->filled += piece.len;
}

static void on_doctype(void *self, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(self);
}

static enum le_err feed(struct walk *walk, size_t len, bool last)
{
    void *room = XML_GetBuffer(walk->parser, (int)len);
    if (room == NULL)
        return XML_GetErrorCode(walk->parser) == XML_ERROR_NO_MEMORY ? LE_ERR_NOMEM
                                                                     : LE_ERR_PROTOCOL;
    memcpy(room, walk->text + walk->fed, len);
    walk->fed += len;
    enum XML_Status status = XML_ParseBuffer(walk->parser, (int)len, last);
    if (status != XML_STATUS_OK)
        return XML_GetErrorCode(walk->parser) == XML_ERROR_NO_MEMORY ? LE_ERR_NOMEM
                                                                     : LE_ERR_PROTOCOL;
    bool too_long = walk->fed - walk->fed_then > LE_XML_TOKEN_MAX;
    return walk->stopped || too_long ? LE_ERR_PROTOCOL : LE_OK;
}

static enum le_err feed_all(struct walk *walk, size_t len)
{
    enum le_err err = LE_OK;
    while (err == LE_OK && walk->fed < len) {
        size_t left = len - walk->fed;
        size_t size = left < CHUNK ? left : CHUNK;
        err = feed(walk, size, size == left);
    }
    return err;
}

/* Some servers' templates begin with an empty line, which is wrong before a prolog and harmless. */
static size_t space_before(const char *text, size_t len)
{
    size_t count = 0;
    while (count < len && strchr(" \t\r\n", text[count]) != NULL && text[count] != '\0')
        count++;
    return count;
}

enum le_err le_xml_read(char *text, size_t len, const struct le_xml_visitor *visitor)
{
    static const XML_Memory_Handling_Suite memory = {take, take_again, drop};
    size_t space = space_before(text, len);
    assert(visitor->open != NULL && visitor->close != NULL);
    if (space == len)
        return LE_ERR_PROTOCOL;
    struct walk walk = {
        .visitor = visitor, .text = text, .space = space, .fed = space, .fed_then = space};
    walk.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    if (walk.parser == NULL)
        return LE_ERR_NOMEM;
    XML_SetUserData(walk.parser, &walk);
    XML_SetElementHandler(walk.parser, on_open, on_close);
    XML_SetCharacterDataHandler(walk.parser, on_text);
    XML_SetStartDoctypeDeclHandler(walk.parser, on_doctype);
    enum le_err err = feed_all(&walk, len);
    XML_ParserFree(walk.parser);
    return err;
}
