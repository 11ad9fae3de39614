/* Reading hexadecimal digits, of either case; le_hex (crypto.h) writes them. */
#ifndef LE_BASE_HEX_H
#define LE_BASE_HEX_H

#include "loginetl/base/error.h"
#include "loginetl/base/span.h"

#include <stdbool.h>
#include <stdint.h>

extern const uint8_t le_hex_values[256]; /* what a digit is worth, and one; 0 for all else */

/* -1: no digit. By a table, for the digits of ids and hashes are random: to ask each whether it is
 * a letter is to guess wrong every other time. */
static inline int le_hex_value(char digit)
{
    return le_hex_values[(unsigned char)digit] - 1;
}

/* Two digits to each byte: text.len / 2 bytes of out. false: an odd number of characters, or one of
 * them is no digit; what is in out then means nothing. */
LE_MUST bool le_unhex(struct le_span text, uint8_t *out);

#endif
