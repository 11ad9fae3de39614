/* Faults on request: a list of rules, each for an operation, a number of times or a probability,
 * and what goes wrong. The rules that fit a request are added up into one set of effects before it
 * is handled. */
#ifndef STUB_FAULT_H
#define STUB_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "text.h"

enum fault {
    FAULT_ERROR,         /* status, code, text: answered without being processed */
    FAULT_BODY,          /* status, content_type, text: any body, without being processed */
    FAULT_RAW,           /* text: these bytes on the connection instead of an answer, then close */
    FAULT_LOST,          /* processed, then closed without an answer */
    FAULT_CUT,           /* n: closed after so many bytes of the answer's body */
    FAULT_STALL,         /* n: milliseconds before the request is processed */
    FAULT_STALL_AFTER,   /* n: milliseconds between processing and answer */
    FAULT_BLACKHOLE,     /* never answered; processed if "processed" is true */
    FAULT_CHUNKED,       /* n: chunked transfer encoding, in chunks of at most n bytes */
    FAULT_CLOSE,         /* Connection: close */
    FAULT_UNTIL_CLOSE,   /* no Content-Length, the body ends with the connection */
    FAULT_DROP,          /* answered as if kept, then closed */
    FAULT_INFORMATIONAL, /* n: the status of a 1xx answer that comes first, 103 unless told */
    FAULT_MALFORMED,     /* the body stops in the middle, as if it were whole */
    FAULT_PAD,           /* n: an unknown key makes the answer at least so many bytes */
    FAULT_SKEW,          /* n: seconds that the Date header is off */
    FAULT_WRONG_MD5,     /* ReceiveMessage: MD5OfBody of something else */
    FAULT_ESCAPED,       /* ReceiveMessage: every character of a body as \uXXXX */
    FAULT_DUPLICATE,     /* ReceiveMessage: every message twice in the answer */
    FAULT_AGAIN, /* ReceiveMessage: the messages can be received again at once, though in flight */
    FAULT_PARTIAL, /* batches: every n-th entry fails with code, sender_fault; n = 1 fails all */
    FAULT_PRETEND, /* batches: success is answered, nothing is done */
    FAULT_OMIT,    /* batches: done, but every n-th entry is not mentioned in the answer */
    FAULTS
};

struct effects {
    uint32_t set; /* bit for each fault */
    int64_t n[FAULTS];
    int status;
    bool processed, sender_fault;
    char *code, *text, *content_type; /* owned, so that rules can go while a request is held back */
};

static inline bool effect(const struct effects *effects, enum fault fault)
{
    return effects->set >> fault & 1;
}

/* One rule from {"operation":…, "fault":…, "times":…, "probability":…, "skip":…, …}; operation "*"
 * or none is any. Returns its number, or 0 and a reason. */
unsigned fault_add(struct json rule, const char **reason);
void faults_clear(void);
void faults_seed(uint64_t seed);
/* Adds up the rules that fit and counts them as used. */
struct effects faults_for(const char *operation);
void effects_free(struct effects *effects);
void faults_list(
    struct text *out); /* JSON: what is still to come, and how often each rule was used */

#endif
