/* Signs what it is told to, so that a test can hold our signatures against another
 * implementation's.
 *
 * A request is a line of stdin; its answer, the value of the Authorization header, a line of
 * stdout. The fields of a line are parted by tabs and written in hex: time in ms (decimal, not in
 * hex), region, service, access key id, secret, method, path, query, body, and then name and value
 * of each header, sorted. */
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

static size_t split(char *line, char *fields[FIELDS_MAX])
{
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL; count++) {
        must(count < FIELDS_MAX, "too many fields");
        fields[count] = strsep(&at, "\t");
    }
    must(count >= FIRST_HEADER && (count - FIRST_HEADER) % 2 == 0, "fields are missing");
    return count;
}

static void sign(struct le_span fields[FIELDS_MAX], size_t count, int64_t wall_ms)
{
    struct le_http_header headers[HEADERS_MAX];
    uint8_t payload[LE_SHA256_LEN];
    struct le_buf out;
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

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        char *texts[FIELDS_MAX];
        struct le_span fields[FIELDS_MAX];
        size_t count = split(line, texts);
        int64_t wall_ms = strtoll(texts[TIME], NULL, 10);
        for (size_t i = REGION; i < count; i++)
            fields[i] = unhex(texts[i]);
        sign(fields, count, wall_ms);
    }
    free(line);
    must(fflush(stdout) == 0, "write");
    return 0;
}
