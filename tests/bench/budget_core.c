/* The pure part of a drain, from fixed inputs, for an instruction counter: requests made and
 * signed, answers read, logins decoded and masked, rows encoded, the flow between them. No socket,
 * no loop, no clock, no thread, so that a run is the same each time to the instruction.
 *
 *     budget_core [answers]
 *
 * What is to be counted stands in functions of their own, named part_…, which the compiler may not
 * take apart. Everything else is the world around them and counts nothing. */
#include "budget_login.h"

#include "loginetl/base/crypto.h"
#include "loginetl/base/http.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/pg/arrays.h"
#include "loginetl/pipeline/pipeline.h"
#include "loginetl/sqs/sigv4.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#define PART static __attribute__((noinline, optnone))
#else
#define PART static __attribute__((noipa))
#endif

#define CONCURRENCY 32
#define LANES       2
#define BATCH_ROWS  1000
#define PENDING_MAX 1024
#define ANSWER_MAX  ((size_t)1 << 20)
#define START_MS    INT64_C(1700000000000)
#define QUEUE_URL   "http://localhost:4566/000000000000/login-queue"
#define HEADERS     6 /* with the signature */
#define BUFS        7

enum kind { RECEIVE, DELETE, SUBMIT };

struct pending {
    enum kind kind;
    void *op;
};

struct world {
    uint64_t messages, sent; /* in all, and in answers so far */
    int64_t now_ms;
    unsigned submits;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    struct le_fields fields;
    struct le_decoder *decoder;
    struct le_pipeline *pipeline;
    struct le_signer *signer;
    struct le_http_reader reader;
    struct le_arrays arrays;
    struct le_buf wire, json, receive, body, request, authorization, answer;
    uint8_t receive_sha256[LE_SHA256_LEN];
    uint64_t bytes; /* of everything made, so that nothing is made in vain */
    char *masks;
    struct le_cell *cells;
};

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "budget_core: %s\n", what);
    exit(1);
}

static void must(enum le_err err, const char *what)
{
    check(err == LE_OK, what);
}

/* ---- the parts ---- */

PART enum le_err part_decode(struct world *world, const char *body, size_t len,
                             struct le_reject *reject)
{
    return le_decode(world->decoder, body, len, START_MS, NULL, world->masks, world->cells, reject);
}

PART enum le_err part_mask(struct le_span value, char *out)
{
    return le_mask(LE_MASK_SHA256, value, out);
}

PART enum le_err part_read_messages(char *text, size_t len, struct le_sqs_message *out,
                                    size_t *count)
{
    return le_sqs_json.read_messages(text, len, out, count);
}

PART enum le_err part_read_deleted(char *text, size_t len, struct le_sqs_entry_result *out,
                                   size_t count)
{
    return le_sqs_json.read_batch(text, len, out, count);
}

PART enum le_err part_read_http(struct world *world, struct le_buf *body)
{
    size_t used;
    le_http_reader_begin(&world->reader, body);
    return le_http_reader_feed(&world->reader, world->wire.data, world->wire.len, &used);
}

PART enum le_err part_write_delete(struct world *world, const struct le_entries_op *op)
{
    le_buf_clear(&world->body);
    return le_sqs_json.delete_batch(&world->body, LE_SPAN_LIT(QUEUE_URL), op->handles, op->count);
}

PART enum le_err part_hash(struct le_span bytes, uint8_t out[LE_SHA256_LEN])
{
    return le_sha256_bulk(bytes, out);
}

PART enum le_err part_sign(struct world *world, const struct le_http_header *headers, size_t count,
                           const uint8_t *sha256)
{
    const struct le_sigv4_request request = {
        LE_SPAN_LIT("POST"), LE_SPAN_LIT("/"), LE_SPAN_NONE, headers, count, sha256};
    le_buf_clear(&world->authorization);
    return le_sigv4_authorization(world->signer, &request, START_MS + world->now_ms,
                                  &world->authorization);
}

PART enum le_err part_write_http(struct world *world, const struct le_http_header *headers,
                                 struct le_span body)
{
    le_buf_clear(&world->request);
    enum le_err err = le_http_write_head(&world->request, LE_SPAN_LIT("POST"), LE_SPAN_LIT("/"),
                                         headers, HEADERS, body.len);
    return err == LE_OK ? le_buf_append_span(&world->request, body) : err;
}

PART enum le_err part_arrays(struct world *world, const struct le_submit_op *op)
{
    return le_arrays_encode(&world->arrays, op->rows, op->count);
}

/* The flow is three entrances into the pipeline; what it decodes is in the second. */
PART void part_flow_turn(struct world *world)
{
    le_pipeline_turn(world->pipeline);
}

PART void part_flow_received(struct le_receive_op *op)
{
    op->done(op);
}

PART void part_flow_deleted(struct le_entries_op *op)
{
    op->done(op);
}

PART void part_flow_committed(struct le_submit_op *op)
{
    op->done(op);
}

/* ---- requests ---- */

static void make_request(struct world *world, const char *target, struct le_span body,
                         const uint8_t *sha256)
{
    char date[17];
    le_format_amz_date(START_MS + world->now_ms, date);
    struct le_http_header headers[HEADERS] = {
        {LE_SPAN_LIT("content-type"), LE_SPAN_LIT("application/x-amz-json-1.0")},
        {LE_SPAN_LIT("host"), LE_SPAN_LIT("localhost:4566")},
        {LE_SPAN_LIT("x-amz-date"), le_span_of(date)},
        {LE_SPAN_LIT("x-amz-target"), le_span_of(target)},
    };
    must(part_sign(world, headers, 4, sha256), "sign");
    headers[4] =
        (struct le_http_header){LE_SPAN_LIT("authorization"), le_buf_span(&world->authorization)};
    headers[5] = (struct le_http_header){LE_SPAN_LIT("user-agent"), LE_SPAN_LIT("loginetl")};
    must(part_write_http(world, headers, body), "write a request");
    world->bytes += world->request.len;
}

/* ---- answers ---- */

/* What is in json, as it comes from a connection. */
static void put_wire(struct world *world)
{
    le_buf_clear(&world->wire);
    must(le_buf_printf(&world->wire,
                       "HTTP/1.1 200 OK\r\nx-amzn-RequestId: 00000000-0000-4000-8000-000000000000"
                       "\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
                       "Content-Type: application/x-amz-json-1.0\r\nContent-Length: %zu\r\n\r\n",
                       world->json.len),
         "a head");
    must(le_buf_append_span(&world->wire, le_buf_span(&world->json)), "an answer");
}

static void make_messages(struct world *world)
{
    le_buf_clear(&world->json);
    must(le_buf_append_text(&world->json, "{"), "an answer");
    if (world->sent < world->messages) {
        must(le_buf_append_text(&world->json, "\"Messages\":["), "an answer");
        for (int i = 0; i < LE_SQS_BATCH_MAX; i++, world->sent++) {
            int64_t sent_at_ms = START_MS + (int64_t)(world->sent / 8);
            must(le_buf_append_text(&world->json, i > 0 ? "," : ""), "an answer");
            must(budget_put_message(&world->json, world->sent, sent_at_ms), "a message");
        }
        must(le_buf_append_text(&world->json, "]"), "an answer");
    }
    must(le_buf_append_text(&world->json, "}"), "an answer");
    put_wire(world);
}

static void make_deleted(struct world *world, size_t count)
{
    le_buf_clear(&world->json);
    must(le_buf_append_text(&world->json, "{\"Successful\":["), "an answer");
    for (size_t i = 0; i < count; i++)
        must(le_buf_printf(&world->json, "%s{\"Id\":\"%zu\"}", i > 0 ? "," : "", i), "an entry");
    must(le_buf_append_text(&world->json, "],\"Failed\":[]}"), "an answer");
    put_wire(world);
}

/* ---- the ports ---- */

static void put_pending(struct world *world, enum kind kind, void *op)
{
    check(world->pending_count < PENDING_MAX, "too much under way");
    world->pending[world->pending_count++] = (struct pending){kind, op};
}

static void queue_receive(void *self, struct le_receive_op *op)
{
    put_pending(self, RECEIVE, op);
}

static void queue_delete(void *self, struct le_entries_op *op)
{
    put_pending(self, DELETE, op);
}

static void queue_never(void *self, struct le_entries_op *op)
{
    (void)self, (void)op;
    check(false, "every message is good and no lease runs out");
}

static void queue_cancel(void *self)
{
    (void)self;
}

static unsigned store_up(void *self)
{
    (void)self;
    return LANES;
}

static unsigned store_idle(void *self)
{
    return LANES - ((struct world *)self)->submits;
}

static void store_submit(void *self, struct le_submit_op *op)
{
    ((struct world *)self)->submits++;
    put_pending(self, SUBMIT, op);
}

static int64_t clock_now(void *self)
{
    return ((struct world *)self)->now_ms;
}

static void clock_arm(void *self, int64_t at_ms)
{
    (void)self, (void)at_ms; /* the world turns every millisecond */
}

/* ---- the world ---- */

/* Decoding and masking once more beside the pipeline's own, for figures of their own. */
static void decode_again(struct world *world, const struct le_sqs_message *message)
{
    static const char *const values[] = {"203.0.113.77", "123-45-6789"};
    char masked[LE_MASK_CHARS_MAX];
    struct le_reject reject;
    must(part_decode(world, message->body, message->body_len, &reject), "decode");
    check(reject.reason == LE_REJECT_NONE, "a good login was rejected");
    for (int i = 0; i < 2; i++)
        must(part_mask(le_span_of(values[i]), masked), "mask");
    world->bytes += (uint64_t)(unsigned char)masked[0];
}

static void answer_receive(struct world *world, struct le_receive_op *op)
{
    struct le_answer *answer = op->answer;
    make_request(world, "AmazonSQS.ReceiveMessage", le_buf_span(&world->receive),
                 world->receive_sha256);
    make_messages(world);
    must(part_read_http(world, &answer->bytes), "read an answer");
    check(le_http_reader_done(&world->reader) && world->reader.status == 200, "not a whole answer");
    must(part_read_messages(answer->bytes.data, answer->bytes.len, answer->found,
                            &answer->found_count),
         "read messages");
    for (size_t i = 0; i < answer->found_count; i++)
        decode_again(world, &answer->found[i]);
    op->err = LE_OK;
    op->began_at_ms = world->now_ms;
    part_flow_received(op);
}

static void answer_delete(struct world *world, struct le_entries_op *op)
{
    uint8_t sha256[LE_SHA256_LEN];
    struct le_sqs_entry_result results[LE_SQS_BATCH_MAX];
    must(part_write_delete(world, op), "write a delete");
    must(part_hash(le_buf_span(&world->body), sha256), "hash");
    make_request(world, "AmazonSQS.DeleteMessageBatch", le_buf_span(&world->body), sha256);
    make_deleted(world, op->count);
    le_buf_clear(&world->answer);
    must(part_read_http(world, &world->answer), "read an answer");
    must(part_read_deleted(world->answer.data, world->answer.len, results, op->count), "read it");
    for (size_t i = 0; i < op->count; i++) {
        check(results[i].outcome == LE_SQS_ENTRY_OK, "an entry failed");
        op->outcomes[i] = LE_ENTRY_OK;
    }
    op->err = LE_OK;
    part_flow_deleted(op);
}

static void answer_submit(struct world *world, struct le_submit_op *op)
{
    must(part_arrays(world, op), "encode");
    for (size_t i = 0; i < world->arrays.count; i++)
        world->bytes += (uint64_t)world->arrays.lengths[i];
    world->submits--;
    op->outcome = LE_STORE_COMMITTED;
    op->inserted = op->count;
    part_flow_committed(op);
}

/* A turn, then the answers to all that is under way. */
static void step(struct world *world)
{
    part_flow_turn(world);
    struct pending due[PENDING_MAX];
    size_t count = world->pending_count;
    memcpy(due, world->pending, count * sizeof *due);
    world->pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        switch (due[i].kind) {
        case RECEIVE: answer_receive(world, due[i].op); break;
        case DELETE: answer_delete(world, due[i].op); break;
        case SUBMIT: answer_submit(world, due[i].op); break;
        }
    }
    world->now_ms++;
}

static void start_signer(struct world *world)
{
    const struct le_credentials credentials = {
        LE_SPAN_LIT("AKIAIOSFODNN7EXAMPLE"),
        LE_SPAN_LIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), LE_SPAN_NONE};
    world->signer = le_signer_new(LE_SPAN_LIT("us-east-1"), LE_SPAN_LIT("sqs"));
    check(world->signer != NULL, "no memory");
    must(le_signer_set_credentials(world->signer, &credentials), "credentials");
    must(le_sqs_json.receive(&world->receive, LE_SPAN_LIT(QUEUE_URL), LE_SQS_BATCH_MAX, 1, 60),
         "write a receive");
    must(le_sha256_bulk(le_buf_span(&world->receive), world->receive_sha256), "hash");
}

static void start_pipeline(struct world *world)
{
    const struct le_queue_port queue = {world,       queue_receive, queue_delete,
                                        queue_never, queue_never,   queue_cancel};
    const struct le_store_port store = {world, store_up, store_idle, store_submit};
    const struct le_clock_port clock = {world, clock_now, clock_now, clock_arm};
    const struct le_pipeline_config config = {
        .concurrency = CONCURRENCY,
        .wait_s = 1,
        .visibility_s = 60,
        .batch_rows = BATCH_ROWS,
        .lanes = LANES,
        .memory_limit = (size_t)64 << 20,
        .drain = true,
        .on_reject = LE_ON_REJECT_DLQ,
        .shutdown_timeout_ms = 25000,
        .seed = 1,
        .decoder = world->decoder,
        .field_count = world->fields.count,
    };
    world->pipeline = le_pipeline_new(&config, &queue, &store, &clock);
    check(world->pipeline != NULL, "no memory");
}

static void list_bufs(struct world *world, struct le_buf *out[BUFS])
{
    struct le_buf *const bufs[BUFS] = {&world->wire,  &world->json,    &world->receive,
                                       &world->body,  &world->request, &world->authorization,
                                       &world->answer};
    memcpy(out, bufs, sizeof bufs);
}

static void start(struct world *world)
{
    struct le_buf *bufs[BUFS];
    list_bufs(world, bufs);
    for (size_t i = 0; i < BUFS; i++)
        le_buf_init(bufs[i], ANSWER_MAX);
    le_fields_builtin(&world->fields);
    const struct le_decoder_config config = {&world->fields, LE_MASK_SHA256, LE_APP_VERSION_DIGITS,
                                             ANSWER_MAX, LE_ENVELOPE_AUTO};
    world->decoder = le_decoder_new(&config);
    check(world->decoder != NULL, "no memory");
    world->masks = malloc(le_decoder_mask_space(world->decoder));
    world->cells = malloc(world->fields.count * sizeof *world->cells);
    check(world->masks != NULL && world->cells != NULL, "no memory");
    le_http_reader_init(&world->reader);
    le_arrays_init(&world->arrays, &world->fields, true);
    start_signer(world);
    start_pipeline(world);
}

static void finish(struct world *world)
{
    struct le_buf *bufs[BUFS];
    list_bufs(world, bufs);
    le_pipeline_free(world->pipeline);
    le_signer_free(world->signer);
    le_arrays_free(&world->arrays);
    le_http_reader_free(&world->reader);
    le_decoder_free(world->decoder);
    free(world->masks);
    free(world->cells);
    for (size_t i = 0; i < BUFS; i++)
        le_buf_free(bufs[i]);
}

int main(int argc, char **argv)
{
    static struct world world;
    enum le_err why = LE_OK;
    uint64_t answers = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    check(answers > 0 && answers <= 1000000, "usage: budget_core [answers]");
    world.messages = answers * LE_SQS_BATCH_MAX;
    world.now_ms = 1000;
    start(&world);
    while (!le_pipeline_finished(world.pipeline, &why))
        step(&world);
    const struct le_books *books = le_pipeline_books(world.pipeline);
    check(why == LE_OK && books->inserted == world.messages && books->deleted == world.messages,
          "the drain did not end well");
    check(printf("messages %" PRIu64 ", bytes made %" PRIu64 "\n", books->deleted, world.bytes) > 0,
          "write");
    finish(&world);
    return 0;
}
