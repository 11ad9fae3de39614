#include "loginetl/base/progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_MAX  48
#define SEPARATOR "  "
#define DAY_S     86400
#define ETA_MAX_S (INT64_C(1000) * DAY_S) /* further away is as good as never */

static const struct le_progress_sample *newest(const struct le_progress *progress)
{
    assert(progress->count >= 1 && progress->count <= LE_PROGRESS_SAMPLES);
    return &progress->samples[progress->count - 1];
}

void le_progress_start(struct le_progress *progress, int64_t now_ms, uint64_t received)
{
    assert(progress != NULL);
    *progress = (struct le_progress){
        .samples = {{now_ms, received}, {now_ms, received}}, .count = 2, .left = -1};
}

static void drop_oldest(struct le_progress *progress)
{
    assert(progress->count > 2);
    progress->count--;
    memmove(progress->samples, progress->samples + 1,
            progress->count * sizeof progress->samples[0]);
}

void le_progress_update(struct le_progress *progress, int64_t now_ms, uint64_t received)
{
    struct le_progress_sample *last = &progress->samples[progress->count - 1];
    assert(progress->count >= 2);
    assert(now_ms >= last->at_ms && received >= last->received);
    /* A step is kept when it is long enough; until then the last sample is the moving present. */
    if (last->at_ms - last[-1].at_ms >= LE_PROGRESS_STEP_MS) {
        if (progress->count == LE_PROGRESS_SAMPLES)
            drop_oldest(progress);
        progress->count++;
    }
    progress->samples[progress->count - 1] = (struct le_progress_sample){now_ms, received};
    while (progress->count > 2 && progress->samples[1].at_ms <= now_ms - LE_PROGRESS_WINDOW_MS)
        drop_oldest(progress);
}

void le_progress_left(struct le_progress *progress, uint64_t left)
{
    progress->left = left < INT64_MAX ? (int64_t)left : INT64_MAX;
    progress->received_then = newest(progress)->received;
}

double le_progress_rate(const struct le_progress *progress)
{
    const struct le_progress_sample *last = newest(progress);
    int64_t ms = last->at_ms - progress->samples[0].at_ms;
    if (ms <= 0)
        return 0;
    return (double)(last->received - progress->samples[0].received) * 1000.0 / (double)ms;
}

static int64_t left_now(const struct le_progress *progress)
{
    assert(progress->left >= 0);
    uint64_t since = newest(progress)->received - progress->received_then;
    return since < (uint64_t)progress->left ? progress->left - (int64_t)since : 0;
}

/* 1234567 as 1,234,567. */
static void group_digits(uint64_t value, char out[28])
{
    char digits[21];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, value);
    size_t at = 0;
    assert(count > 0 && count <= 20);
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    assert(at < 28);
}

static void format_rate(double rate, char out[PART_MAX])
{
    char digits[28];
    uint64_t tenths = (uint64_t)(rate * 10 + 0.5);
    if (tenths > 0 && tenths < 100) {
        (void)snprintf(out, PART_MAX, "%d.%d/s", (int)(tenths / 10), (int)(tenths % 10));
        return;
    }
    group_digits((uint64_t)(rate + 0.5), digits);
    (void)snprintf(out, PART_MAX, "%s/s", digits);
}

/* An empty part when nothing can be said. */
static void format_eta(int64_t left, double rate, char out[PART_MAX])
{
    out[0] = '\0';
    if (left == 0 || rate <= 0 || (double)left / rate >= (double)ETA_MAX_S)
        return;
    int seconds = (int)((double)left / rate + 0.5);
    if (seconds < 60)
        (void)snprintf(out, PART_MAX, "ETA %d s", seconds);
    else if (seconds < 3600)
        (void)snprintf(out, PART_MAX, "ETA %d min %02d s", seconds / 60, seconds % 60);
    else if (seconds < 2 * DAY_S)
        (void)snprintf(out, PART_MAX, "ETA %d h %02d min", seconds / 3600, seconds / 60 % 60);
    else
        (void)snprintf(out, PART_MAX, "ETA %d days", seconds / DAY_S);
}

/* Adds the part if it fits whole; the last column stays free, because writing there makes some
 * terminals wrap. */
static size_t add_part(char *out, size_t len, unsigned columns, const char *part)
{
    const char *separator = len > 0 ? SEPARATOR : "";
    size_t need = strlen(separator) + strlen(part);
    if (part[0] == '\0' || len + need >= columns || len + need >= LE_PROGRESS_MAX)
        return len;
    int count = snprintf(out + len, LE_PROGRESS_MAX - len, "%s%s", separator, part);
    assert(count >= 0 && (size_t)count == need);
    return len + need;
}

size_t le_progress_format(const struct le_progress *progress, unsigned columns,
                          char out[LE_PROGRESS_MAX])
{
    char parts[4][PART_MAX] = {"", "", "", ""};
    char digits[28];
    double rate = le_progress_rate(progress);
    group_digits(newest(progress)->received, digits);
    (void)snprintf(parts[0], PART_MAX, "%s received", digits);
    format_rate(rate, parts[1]);
    if (progress->left >= 0) {
        group_digits((uint64_t)left_now(progress), digits);
        (void)snprintf(parts[2], PART_MAX, "about %s left", digits);
        format_eta(left_now(progress), rate, parts[3]);
    }
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        size_t longer = add_part(out, len, columns, parts[i]);
        if (longer == len)
            break; /* a later part without this one would say something else */
        len = longer;
    }
    return len;
}
