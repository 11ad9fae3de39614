/* Keeping resident memory small. */
#ifndef LE_APP_MEMORY_H
#define LE_APP_MEMORY_H

/* Before there is any thread: one arena, and large blocks given back as soon as they are free. */
void le_memory_tune(void);

/* After the start: lets go of the pages of code and constants that only the start needed. libcurl
 * and libpq bring two dozen libraries with them, whose initialisation alone keeps several megabytes
 * resident. The pages are the files' own, unchanged, and come back by themselves when they are
 * used. */
void le_memory_settle(void);

#endif
