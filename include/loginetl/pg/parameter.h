/* Which parameter of a connection string libpq does not know. Its own words cannot be shown: they
 * quote what they come across, a password too. */
#ifndef LE_PG_PARAMETER_H
#define LE_PG_PARAMETER_H

#include "loginetl/base/span.h"

#include <stdbool.h>

struct le_pg_unknown {
    struct le_span name; /* into the string */
    const char *near; /* the one that was meant, perhaps; libpq's, until it frees the list; NULL */
};

/* known: all names, NULL behind the last. url: a libpq URI or a key=value string that libpq has
 * refused. False: it knows them all, or the first one that it does not know cannot be shown, for it
 * looks like no name or may be a piece of a password that is not written as it should be. */
bool le_pg_find_unknown(const char *url, const char *const *known, struct le_pg_unknown *out);

#endif
