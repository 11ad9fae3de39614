/* An XML answer as elements, one after the other, their text decoded in place: what an element
 * holds is never longer than how it is written. UTF-8 only, whatever the prolog says; no document
 * type, and so no entities but XML's own five and character references. */
#ifndef LE_SQS_XML_H
#define LE_SQS_XML_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stddef.h>

#define LE_XML_DEPTH_MAX 16 /* elements within each other */
#define LE_XML_TOKEN_MAX \
    (64 * 1024) /* bytes, about, of a tag or a comment; text has no such limit */

/* The depth of the outermost element is 0. Names are without prefix, and valid during the call. One
 * that answers false ends the reading. */
struct le_xml_visitor {
    bool (*open)(void *self, size_t depth, struct le_span name);
    /* text: what stood between the tags, within the answer and valid as long as that is; absent for
     * an element that holds others. */
    bool (*close)(void *self, size_t depth, struct le_span name, struct le_span text);
    void *self;
};

/* Writes into text. LE_ERR_PROTOCOL: not well-formed, not whole, beyond a limit, or ended by the
 * visitor, which has seen what came before. LE_ERR_NOMEM: the parser takes memory for itself, and
 * gives it back, wiped, before this returns. */
LE_MUST enum le_err le_xml_read(char *text, size_t len, const struct le_xml_visitor *visitor);

#endif
