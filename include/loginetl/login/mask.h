/* Masking: what stands in the table instead of a personal value. */
#ifndef LE_LOGIN_MASK_H
#define LE_LOGIN_MASK_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

enum le_mask_method { LE_MASK_SHA256, LE_MASK_SHA512 };

#define LE_MASK_CHARS_MAX 128 /* of any method here */

const char *le_mask_word(enum le_mask_method method);
/* LE_ERR_CONFIG: no such method. */
LE_MUST enum le_err le_mask_parse(struct le_span word, enum le_mask_method *out);
size_t le_mask_chars(enum le_mask_method method); /* characters that a mask has: 64 or 128 */
/* Writes le_mask_chars(method) lower-case hex characters, no NUL. */
LE_MUST enum le_err le_mask(enum le_mask_method method, struct le_span value, char *out);

/* The canonical text of an address: dotted decimal, or RFC 5952 for IPv6 (an IPv4-mapped one keeps
 * its dotted tail, as RFC 5952 §5 recommends). out holds LE_IP_CHARS_MAX bytes. Answers the length,
 * or 0 when text is not an address: such a value is masked as it stands. Zone ids (fe80::1%eth0)
 * and dotted decimals with leading zeros are not addresses. */
#define LE_IP_CHARS_MAX 46
size_t le_ip_canonical(struct le_span text, char out[LE_IP_CHARS_MAX]);

#endif
