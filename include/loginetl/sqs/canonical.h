/* The canonical form of a request's parts, that SigV4 signs. Each appends to out: LE_ERR_TOO_LARGE
 * or LE_ERR_NOMEM. */
#ifndef LE_SQS_CANONICAL_H
#define LE_SQS_CANONICAL_H

#include "loginetl/base/buf.h"
#include "loginetl/base/error.h"
#include "loginetl/base/http.h"
#include "loginetl/base/span.h"

#include <stdbool.h>

/* Percent-encodes all but unreserved characters; keep stays as it is ('/' in paths; NUL: nothing
 * does), and so does "%XX" when keep is '%'. */
LE_MUST enum le_err le_percent_encode(struct le_buf *out, struct le_span text, char keep);

/* Percent-encodes all but unreserved characters and '/', so that what the path has encoded is
 * encoded twice, as every service but S3 wants it. With normalise, "." and ".." and empty segments
 * are resolved first. */
LE_MUST enum le_err le_canonical_path(struct le_buf *out, struct le_span path, bool normalise);

#define LE_CANONICAL_PARAMETERS_MAX 64 /* more in a query are LE_ERR_TOO_LARGE */

/* Parameters sorted by name, then by value; what they have encoded stays as it is. */
LE_MUST enum le_err le_canonical_query(struct le_buf *out, struct le_span query);

/* "name:value\n" for each name; values trimmed, runs of spaces made one, those of a repeated name
 * joined by commas. */
LE_MUST enum le_err le_canonical_headers(struct le_buf *out, const struct le_http_header *headers,
                                         size_t count);
/* "name;name;…", each once. */
LE_MUST enum le_err le_canonical_names(struct le_buf *out, const struct le_http_header *headers,
                                       size_t count);

#endif
