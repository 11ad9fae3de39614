/* What json-c 0.16 takes in its strict mode beyond RFC 8259, made into what the RFC has. */
#ifndef LE_FUZZ_JSON_C_DIALECT_H
#define LE_FUZZ_JSON_C_DIALECT_H

#include <stdbool.h>

#define JSON_C_DIALECT_DEPTH_MAX 500 /* below every parser's limit */

/* Rewrites text in place, in as many bytes, so that "json-c takes the text" means exactly "a strict
 * parser takes the rewritten text":
 *   - NaN, Infinity and -Infinity become 0;
 *   - so do numbers with leading zeros behind a minus or before a point, with nothing but zeros, or
 *     with no digit on one side of the point (-01, 00.5, 00, -.5, 1.);
 *   - control characters in strings become blanks;
 *   - names in single quotes get double ones, and an underscore for each '"' within.
 * *changed is set when there was any of it. false: nested too deep, not looked at to its end. */
bool json_c_dialect_rewrite(char *text, bool *changed);

#endif
