/* What a SQLSTATE asks of us. */
#ifndef LE_PG_SQLSTATE_H
#define LE_PG_SQLSTATE_H

#include <stdbool.h>

#define LE_SQLSTATE_SIZE 6 /* five characters and a NUL */

enum le_sqlstate_class {
    LE_SQLSTATE_RETRY,     /* may pass: submit again */
    LE_SQLSTATE_TOO_SLOW,  /* cancelled, by a time limit or a person: fewer rows may do */
    LE_SQLSTATE_RECONNECT, /* this session is of no more use; another may be */
    LE_SQLSTATE_PREPARE,   /* the prepared statement is gone or stale: prepare and send once more */
    LE_SQLSTATE_UNCLEAR,   /* a row or the server is at fault: LE_STORE_UNCLEAR */
    LE_SQLSTATE_DATA,      /* a row is at fault: bisect */
    LE_SQLSTATE_FATAL      /* a person must change something */
};

/* sqlstate: five characters, or "" (libpq's own failures), which is RECONNECT. */
enum le_sqlstate_class le_sqlstate_class(const char *sqlstate);
/* The same for a statement's failure. names_table: the server said which table it is about. */
enum le_sqlstate_class le_sqlstate_judge(const char *sqlstate, bool names_table);

/* What happened and which setting to look at, for the codes a person meets; a general phrase for
 * the others. Our words, never the server's. */
const char *le_sqlstate_words(const char *sqlstate);

/* libpq has no field for the SQLSTATE of a failed connection. With PQERRORS_SQLSTATE its text ends
 * in "FATAL:  28P01": the severity may be translated, the code is not. The last one counts, as an
 * attempt may have had several (TLS first, then without). */
bool le_sqlstate_find(const char *text, char out[LE_SQLSTATE_SIZE]);

#endif
