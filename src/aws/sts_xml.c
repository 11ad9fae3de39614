/* STS's answers. Where things stand is what counts, not how the elements around them are called:
 *
 *     <AssumeRoleResponse> <AssumeRoleResult> <Credentials> <AccessKeyId>
 *     <ErrorResponse>      <Error>            <Code>                       */
#include "loginetl/aws/credential_answer.h"
#include "loginetl/base/mem.h"
#include "loginetl/base/timefmt.h"
#include "loginetl/sqs/json.h"

#include <expat.h>

#include <assert.h>
#include <stdalign.h>

#define DEPTH_MAX 16

enum { ID, SECRET, TOKEN, EXPIRATION, FIELD_COUNT };

_Static_assert(sizeof((struct le_sts_answer *)NULL)->lens / sizeof(size_t) == FIELD_COUNT,
               "a text for each field");

struct parse {
    XML_Parser parser;
    struct le_sts_answer *texts;
    char *into; /* what character data goes to; NULL: nowhere */
    size_t *into_len;
    size_t into_max;
    char code[64];
    size_t code_len;
    unsigned depth;
    bool in_credentials, in_error;
    bool refused; /* a document type, or deeper or longer than an answer can be */
};

/* ---- memory: what the parser lets go of held secrets ---- */

union block {
    size_t size;
    max_align_t align;
};

static void *take(size_t size)
{
    union block *block = size < SIZE_MAX / 2 ? le_alloc(sizeof *block + size) : NULL;
    if (block == NULL)
        return NULL;
    block->size = size;
    return block + 1;
}

static void drop(void *ptr)
{
    union block *block = ptr;
    if (block != NULL)
        le_free_secret(block - 1, sizeof *block + block[-1].size);
}

static void *take_again(void *ptr, size_t size)
{
    const union block *old = ptr;
    void *new = take(size);
    if (new == NULL || old == NULL)
        return new;
    memcpy(new, ptr, old[-1].size < size ? old[-1].size : size);
    drop(ptr);
    return new;
}

/* ---- what the parser tells ---- */

static void refuse(struct parse *parse)
{
    parse->refused = true;
    (void)XML_StopParser(parse->parser, XML_FALSE); /* it fails only when it has stopped */
}

static void collect(struct parse *parse, char *into, size_t *len, size_t max)
{
    parse->into = into;
    parse->into_len = len;
    parse->into_max = max;
    *len = 0; /* of a repeated element the last counts */
}

static void begin_field(struct parse *parse, const char *name)
{
    static const char *const names[FIELD_COUNT] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                                   "Expiration"};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(name, names[i]) == 0)
            collect(parse, parse->texts->texts[i], &parse->texts->lens[i], LE_CREDENTIAL_LEN_MAX);
    }
}

static void XMLCALL on_start(void *self, const char *name, const char **attributes)
{
    struct parse *parse = self;
    (void)attributes;
    if (++parse->depth > DEPTH_MAX) {
        refuse(parse);
        return;
    }
    parse->into = NULL; /* no text of ours has elements within */
    if (parse->depth == 2)
        parse->in_error = strcmp(name, "Error") == 0;
    else if (parse->depth == 3 && parse->in_error && strcmp(name, "Code") == 0)
        collect(parse, parse->code, &parse->code_len, sizeof parse->code);
    else if (parse->depth == 3)
        parse->in_credentials = strcmp(name, "Credentials") == 0;
    else if (parse->depth == 4 && parse->in_credentials)
        begin_field(parse, name);
}

static void XMLCALL on_end(void *self, const char *name)
{
    struct parse *parse = self;
    (void)name;
    parse->into = NULL;
    parse->depth--;
}

static void XMLCALL on_text(void *self, const char *bytes, int len)
{
    struct parse *parse = self;
    size_t count = (size_t)len;
    if (parse->into == NULL)
        return;
    if (count > parse->into_max - *parse->into_len) {
        refuse(parse);
        return;
    }
    memcpy(parse->into + *parse->into_len, bytes, count);
    *parse->into_len += count;
}

/* Entities are made there, and they are what makes a short document a long one. */
static void XMLCALL on_doctype(void *self, const char *name, const char *system_id,
                               const char *public_id, int has_internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal;
    refuse(self);
}

static enum le_err parse_all(struct parse *parse, struct le_span xml)
{
    static const XML_Memory_Handling_Suite memory = {take, take_again, drop};
    parse->parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    if (parse->parser == NULL)
        return LE_ERR_NOMEM;
    XML_SetUserData(parse->parser, parse);
    XML_SetElementHandler(parse->parser, on_start, on_end);
    XML_SetCharacterDataHandler(parse->parser, on_text);
    XML_SetStartDoctypeDeclHandler(parse->parser, on_doctype);
    enum XML_Status status = XML_Parse(parse->parser, xml.ptr, (int)xml.len, XML_TRUE);
    bool memory_gone = XML_GetErrorCode(parse->parser) == XML_ERROR_NO_MEMORY;
    XML_ParserFree(parse->parser);
    if (status == XML_STATUS_OK && !parse->refused)
        return LE_OK;
    return memory_gone ? LE_ERR_NOMEM : LE_ERR_PROTOCOL;
}

static struct le_span text_of(const struct le_sts_answer *texts, int field)
{
    return (struct le_span){texts->texts[field], texts->lens[field]};
}

static enum le_err judge(const struct le_sts_answer *texts, struct le_credential_answer *out)
{
    const struct le_credentials got = {text_of(texts, ID), text_of(texts, SECRET),
                                       text_of(texts, TOKEN)};
    if (!le_credential_fits(got.access_key_id) || !le_credential_fits(got.secret_access_key) ||
        !le_credential_fits(got.session_token) ||
        le_parse_iso_time(text_of(texts, EXPIRATION), &out->expires_at_ms) != LE_OK)
        return LE_ERR_PROTOCOL;
    out->credentials = got;
    return LE_OK;
}

enum le_err le_sts_answer_read(struct le_span xml, struct le_sts_answer *texts,
                               struct le_credential_answer *out)
{
    assert(xml.len <= LE_CREDENTIAL_ANSWER_MAX);
    struct parse parse = {.texts = texts};
    memset(texts->lens, 0, sizeof texts->lens);
    *out = (struct le_credential_answer){.expires_at_ms = LE_NEVER_EXPIRES};
    enum le_err err = xml.len > 0 ? parse_all(&parse, xml) : LE_ERR_PROTOCOL;
    if (err != LE_OK)
        return err;
    struct le_span code = le_sqs_code_word((struct le_span){parse.code, parse.code_len});
    if (code.ptr == NULL)
        return judge(texts, out);
    /* It outlives the parse in the texts, which hold nothing else now. */
    memcpy(texts->texts[ID], code.ptr, code.len);
    out->code = (struct le_span){texts->texts[ID], code.len};
    return LE_ERR_CREDENTIALS;
}
