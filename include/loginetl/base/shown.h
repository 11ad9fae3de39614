/* What a person has written where something else belongs may be a password, a key or a token. These
 * say what may stand in an error all the same: what is surely none of them, or no longer one than
 * the name that was asked for. */
#ifndef LE_BASE_SHOWN_H
#define LE_BASE_SHOWN_H

#include "loginetl/base/span.h"

#include <stdbool.h>

#define LE_SHOWN_MAX 39 /* characters of a word: a secret key of AWS has 40 */

/* Letters, digits, - and _, one at least: what commands, options and parameters are called. */
bool le_shows_name(struct le_span text);
/* Words in any script with the punctuation of numbers and lists, as short as a name, or nothing at
 * all; an ARN; a URL of http or https with a host, a port and a path and no more. Neither a : nor
 * an = otherwise: in front of them stands a user, behind them a password. */
bool le_shows_value(struct le_span text);
/* A file's name: what begins like a path, and what looks like a name and is no longer than one, or
 * has an ending. */
bool le_shows_path(struct le_span text);

/* May a value that is in force hold a password? A URL with a user in it, or with a port that is no
 * number: what is left of a user and a password without a host. A key=value string with a password.
 * url: it is to be a URL, and may lack the scheme. */
bool le_holds_password(struct le_span text, bool url);

#endif
