/* The progress line as text: received, rate, about how many left, how long that takes. Draws
 * nothing. */
#ifndef LE_BASE_PROGRESS_H
#define LE_BASE_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* The rate is that of the last seconds, so that it follows a queue that speeds up or dries up. */
#define LE_PROGRESS_WINDOW_MS 5000
#define LE_PROGRESS_STEP_MS   200
#define LE_PROGRESS_SAMPLES   (LE_PROGRESS_WINDOW_MS / LE_PROGRESS_STEP_MS + 2)

/* No line is longer, however wide the terminal, its NUL included. */
#define LE_PROGRESS_MAX 128

struct le_progress_sample {
    int64_t at_ms;
    uint64_t received;
};

struct le_progress {
    struct le_progress_sample samples[LE_PROGRESS_SAMPLES]; /* oldest first; the last is now */
    size_t count;
    int64_t left; /* as the queue last said; -1: it never did */
    uint64_t received_then;
};

/* Times are of a clock that does not go back; received only grows. */
void le_progress_start(struct le_progress *progress, int64_t now_ms, uint64_t received);
void le_progress_update(struct le_progress *progress, int64_t now_ms, uint64_t received);
/* The queue's own estimate, which is asked for rarely: in between, what was received since is taken
 * off. */
void le_progress_left(struct le_progress *progress, uint64_t left);
/* Messages a second; 0 when nothing came, or nothing is known yet. */
double le_progress_rate(const struct le_progress *progress);
/* The line for a terminal of that many columns, without a newline, plain ASCII: as many whole parts
 * as fit, from the left. Answers its length, without the NUL. */
size_t le_progress_format(const struct le_progress *progress, unsigned columns,
                          char out[LE_PROGRESS_MAX]);

#endif
