/* An HTTP server that answers as a script says and remembers what it was asked. */
#ifndef LE_TESTS_SQS_SCRIPT_H
#define LE_TESTS_SQS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define SCRIPT_REQUESTS_MAX 64
#define SCRIPT_HEADERS_MAX  16

struct script_answer {
    unsigned status;
    const char *body;         /* NULL: empty */
    const char *date;         /* the Date header; NULL: none */
    const char *query_error;  /* x-amzn-query-error; NULL: none */
    const char *content_type; /* NULL: application/x-amz-json-1.0 */
    unsigned delay_ms;
};

struct script_header {
    char *name; /* in lower case */
    char *value;
};

struct script_request {
    char *method;
    char *path;
    struct script_header headers[SCRIPT_HEADERS_MAX];
    size_t header_count;
    char *body;
    size_t body_len;
    int client_port; /* another connection, another port */
};

struct script;

struct script *script_start(void); /* ends the program when it cannot */
void script_stop(struct script *script);
int script_port(const struct script *script);
/* From now on these answers, in order; the last one serves all beyond. They must stay. Forgets the
 * requests. */
void script_set(struct script *script, const struct script_answer *answers, size_t count);
size_t script_count(struct script *script);
/* Valid until the next script_set. */
const struct script_request *script_request(struct script *script, size_t position);
const char *script_header(const struct script_request *request,
                          const char *name); /* "" when absent */

#endif
