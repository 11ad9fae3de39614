/* An SQS client on a loop of its own against the scripted server, its operations, and what it logs.
 */
#ifndef LE_TESTS_QUEUE_FIXTURE_H
#define LE_TESTS_QUEUE_FIXTURE_H

#include "loginetl/aws/queue.h"
#include "loginetl/net/net.h"
#include "sqs_script.h"

#include <uv.h>

#define FIXTURE_QUEUE_URL "http://sqs.us-east-1.localhost:4566/000000000000/login-queue"
#define FIXTURE_DLQ_URL   "http://sqs.us-east-1.localhost:4566/000000000000/login-queue-dlq"
#define FIXTURE_TOKEN     "token/with+signs=="
#define FIXTURE_NOW_MS    INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define FIXTURE_NOW_AMZ   "20260101T000000Z"

struct fixture {
    uv_loop_t loop;
    struct le_net *net;
    struct le_queue *queue;
    struct le_queue_port port;
    struct script *script;
    int server_port;
    int64_t wall_ms;
    char log[64 * 1024];
    size_t log_len;
    size_t log_lines; /* but those of debug, and which protocol it is */
    unsigned waiting; /* operations that have not been answered */
};

/* server_port 0: a scripted server of its own. */
void fixture_open(struct fixture *fixture, int server_port);
/* The same with another protocol than JSON; a scripted server of its own. */
void fixture_open_with(struct fixture *fixture, enum le_sqs_protocol protocol);
/* Closes everything in order and checks that the loop has nothing left. */
void fixture_close(struct fixture *fixture);
/* Runs the loop until nothing is waited for, for a minute at most. */
void fixture_wait(struct fixture *fixture);
/* One operation less to wait for: for the done of a call. */
void fixture_answered(struct fixture *fixture);
/* Turns the loop until the scripted server has been asked so often. */
void fixture_run_requests(struct fixture *fixture, size_t count);
/* Turns the loop for a while. */
void fixture_turn(struct fixture *fixture, unsigned ms);

/* An operation with what it needs; done counts, and each must come once. */
struct fixture_receive {
    struct fixture *fixture;
    struct le_receive_op op;
    struct le_answer answer;
    struct le_sqs_message found[LE_SQS_BATCH_MAX];
    unsigned done;
};
void fixture_receive_begin(struct fixture *fixture, struct fixture_receive *receive);
void fixture_receive_free(struct fixture_receive *receive);
/* Begins, waits, and answers how it ended; the answer stays in receive. */
enum le_err fixture_receive(struct fixture *fixture, struct fixture_receive *receive);

struct fixture_entries {
    struct fixture *fixture;
    struct le_entries_op op;
    struct le_message messages[LE_SQS_BATCH_MAX];
    unsigned done;
};
/* count entries with handles "handle-0" … and rejected messages "id-0" …. */
void fixture_entries_fill(struct fixture *fixture, struct fixture_entries *entries, size_t count);
typedef void fixture_begin(void *self, struct le_entries_op *op);
enum le_err fixture_entries(struct fixture_entries *entries, fixture_begin *begin);

#endif
