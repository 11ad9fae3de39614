/* Signs what it is told to, so that a test can hold our signatures against another
 * implementation's.
 *
 * A request is a line of stdin; its answer, the value of the Authorization header, a line of
 * stdout. The fields of a line are parted by tabs and written in hex: time in ms (decimal, not in
 * hex), region, service, access key id, secret, method, path, query, body, and then name and value
 * of each header, sorted.
 *
 * With the argument rds-token the answer is the token for a database, and the fields behind the
 * time are region, access key id, secret, session token (may be empty), host, port, user. */
#include "loginetl/sqs/rds_token.h"
#include "loginetl/sqs/sigv4.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 32

enum field {
    TIME,
    REGION,
    SERVICE,
    ACCESS_KEY_ID,
    SECRET,
    METHOD,
    PATH,
    QUERY,
    BODY,
    FIRST_HEADER
};
#define FIELDS_MAX (FIRST_HEADER + 2 * HEADERS_MAX)

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "sign_tool: %s\n", what);
    exit(1);
}

static unsigned digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    must(at != NULL, "not hex");
    return (unsigned)(at - digits);
}

/* In place: the bytes take half of their digits' room. */
static struct le_span unhex(char *text)
{
    size_t len = strlen(text);
    must(len % 2 == 0, "half a byte");
    for (size_t i = 0; i < len / 2; i++)
        text[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return (struct le_span){text, len / 2};
}

/* The time is a number, the rest bytes. */
static size_t split(char *line, struct le_span fields[FIELDS_MAX], int64_t *wall_ms)
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL; count++) {
        must(count < FIELDS_MAX, "too many fields");
        char *text = strsep(&at, "\t");
        if (count == TIME)
            *wall_ms = strtoll(text, NULL, 10);
        else
            fields[count] = unhex(text);
    }
    return count;
}

static void sign(struct le_span fields[FIELDS_MAX], size_t count, int64_t wall_ms)
{
    struct le_http_header headers[HEADERS_MAX];
    uint8_t payload[LE_SHA256_LEN];
    struct le_buf out;
    must(count >= FIRST_HEADER && (count - FIRST_HEADER) % 2 == 0, "fields are missing");
    size_t header_count = (count - FIRST_HEADER) / 2;
    for (size_t i = 0; i < header_count; i++)
        headers[i] =
            (struct le_http_header){fields[FIRST_HEADER + 2 * i], fields[FIRST_HEADER + 2 * i + 1]};
    must(le_sha256(fields[BODY], payload) == LE_OK, "hash");
    const struct le_sigv4_request request = {fields[METHOD], fields[PATH], fields[QUERY],
                                             headers,        header_count, payload};
    const struct le_credentials credentials = {fields[ACCESS_KEY_ID], fields[SECRET], LE_SPAN_NONE};
    struct le_signer *signer = le_signer_new(fields[REGION], fields[SERVICE]);
    must(signer != NULL && le_signer_set_credentials(signer, &credentials) == LE_OK, "signer");
    le_buf_init(&out, 64 * 1024);
    must(le_sigv4_authorization(signer, &request, wall_ms, &out) == LE_OK, "signature");
    must(printf("%.*s\n", (int)out.len, out.data) > 0, "write");
    le_buf_free(&out);
    le_signer_free(signer);
}

static void make_token(struct le_span fields[FIELDS_MAX], size_t count, int64_t wall_ms)
{
    struct le_buf out;
    must(count == 8, "fields are missing");
    const struct le_credentials credentials = {fields[2], fields[3], fields[4]};
    const struct le_rds_login login = {fields[1], fields[5], fields[6], fields[7]};
    le_buf_init(&out, LE_RDS_TOKEN_MAX);
    must(le_rds_token(&login, &credentials, wall_ms, &out) == LE_OK, "token");
    must(printf("%.*s\n", (int)out.len, out.data) > 0, "write");
    le_buf_free(&out);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;
    bool tokens = argc > 1 && strcmp(argv[1], "rds-token") == 0;
    while (getline(&line, &size, stdin) > 0) {
        struct le_span fields[FIELDS_MAX];
        int64_t wall_ms = 0;
        size_t count = split(line, fields, &wall_ms);
        (tokens ? make_token : sign)(fields, count, wall_ms);
    }
    free(line);
    must(fflush(stdout) == 0, "write");
    return 0;
}
