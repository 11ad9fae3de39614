#include "fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULTS] = {
    [FAULT_ERROR] = "error",
    [FAULT_BODY] = "body",
    [FAULT_RAW] = "raw",
    [FAULT_LOST] = "lost",
    [FAULT_CUT] = "cut",
    [FAULT_STALL] = "stall",
    [FAULT_STALL_AFTER] = "stall-after",
    [FAULT_BLACKHOLE] = "blackhole",
    [FAULT_CHUNKED] = "chunked",
    [FAULT_CLOSE] = "close",
    [FAULT_UNTIL_CLOSE] = "until-close",
    [FAULT_DROP] = "drop",
    [FAULT_INFORMATIONAL] = "informational",
    [FAULT_MALFORMED] = "malformed",
    [FAULT_PAD] = "pad",
    [FAULT_SKEW] = "skew",
    [FAULT_WRONG_MD5] = "wrong-md5",
    [FAULT_ESCAPED] = "escaped",
    [FAULT_DUPLICATE] = "duplicate",
    [FAULT_AGAIN] = "again",
    [FAULT_PARTIAL] = "partial",
    [FAULT_PRETEND] = "pretend",
    [FAULT_OMIT] = "omit",
};

struct rule {
    struct rule *next;
    unsigned number;
    enum fault fault;
    char *operation;     /* NULL for any */
    int64_t skip, times; /* requests to let pass first; uses left, below zero for ever */
    double probability;
    uint64_t used;
    int64_t n;
    int status;
    bool processed, sender_fault;
    char *code, *text, *content_type;
};

static struct rule *rules;
static unsigned next_number = 1;
static uint64_t random_state;

void faults_seed(uint64_t seed)
{
    random_state = seed;
}

static double chance(void)
{
    random_state = mix64(random_state);
    return (double)(random_state >> 11) / 9007199254740992.0; /* 2^53 */
}

static bool read_fault(struct json rule, enum fault *fault)
{
    for (int i = 0; i < FAULTS; i++)
        if (json_is(json_member(rule, "fault"), names[i])) {
            *fault = (enum fault)i;
            return true;
        }
    return false;
}

/* A number that may be absent: false only if it is there and wrong. */
static bool read_number(struct json rule, const char *key, double low, double high, int64_t *number)
{
    struct json value = json_member(rule, key);
    double read = (double)*number;
    if (value.type != JSON_NONE && !json_number(value, low, high, &read))
        return false;
    *number = (int64_t)read;
    return true;
}

static int64_t usual_n(enum fault fault)
{
    switch (fault) {
    case FAULT_STALL:
    case FAULT_STALL_AFTER: return 1000;
    case FAULT_CHUNKED: return 4096;
    case FAULT_INFORMATIONAL: return 103;
    case FAULT_PARTIAL:
    case FAULT_OMIT: return 2;
    default: return 0;
    }
}

static const char *read_rule(struct json from, struct rule *rule)
{
    int64_t status = 500;
    rule->times = 1;
    rule->probability = 1;
    if (!read_fault(from, &rule->fault))
        return "unknown fault";
    rule->n = usual_n(rule->fault);
    struct json probability = json_member(from, "probability");
    if (probability.type != JSON_NONE && !json_number(probability, 0, 1, &rule->probability))
        return "probability is not a number from 0 to 1";
    if (!read_number(from, "times", -1, 1e15, &rule->times) ||
        !read_number(from, "skip", 0, 1e15, &rule->skip))
        return "times or skip is not a number";
    if (!read_number(from, "n", -1e12, 1e12, &rule->n) ||
        !read_number(from, "status", 100, 599, &status))
        return "n or status is not a number in range";
    if ((rule->fault == FAULT_PARTIAL || rule->fault == FAULT_OMIT ||
         rule->fault == FAULT_CHUNKED) &&
        rule->n < 1)
        return "n must be at least 1";
    rule->status = (int)status;
    rule->processed = json_true(json_member(from, "processed"));
    rule->sender_fault = json_true(json_member(from, "sender_fault"));
    return NULL;
}

static void read_texts(struct json from, struct rule *rule)
{
    struct json operation = json_member(from, "operation");
    rule->operation = json_is(operation, "*") ? NULL : json_copy(operation);
    rule->code = json_copy(json_member(from, "code"));
    rule->text = json_copy(json_member(from, "text"));
    rule->content_type = json_copy(json_member(from, "content_type"));
}

unsigned fault_add(struct json from, const char **reason)
{
    struct rule *rule = must_alloc(sizeof *rule), **end = &rules;
    *reason = read_rule(from, rule);
    if (*reason) {
        free(rule);
        return 0;
    }
    read_texts(from, rule);
    rule->number = next_number++;
    while (*end)
        end = &(*end)->next;
    *end = rule;
    return rule->number;
}

void faults_clear(void)
{
    while (rules) {
        struct rule *next = rules->next;
        free(rules->operation);
        free(rules->code);
        free(rules->text);
        free(rules->content_type);
        free(rules);
        rules = next;
    }
}

static bool fits(struct rule *rule, const char *operation)
{
    if (!rule->times || (rule->operation && strcmp(rule->operation, operation) != 0))
        return false;
    if (rule->skip) {
        rule->skip--;
        return false;
    }
    return rule->probability >= 1 || chance() < rule->probability;
}

static void replace(char **text, const char *by)
{
    if (!by)
        return;
    free(*text);
    *text = must_copy(by, strlen(by));
}

static void apply(const struct rule *rule, struct effects *effects)
{
    effects->set |= UINT32_C(1) << rule->fault;
    effects->n[rule->fault] = rule->n;
    effects->status = rule->status;
    effects->processed |= rule->processed;
    effects->sender_fault |= rule->sender_fault;
    replace(&effects->code, rule->code);
    replace(&effects->text, rule->text);
    replace(&effects->content_type, rule->content_type);
}

/* Whether the request gets past this rule to those after it: an error hides whatever else was
 * planned, so that a list of errors is met one at a time and in its order. */
static bool hides_others(enum fault fault)
{
    return fault == FAULT_ERROR || fault == FAULT_BODY || fault == FAULT_RAW;
}

struct effects faults_for(const char *operation)
{
    struct effects effects = {0};
    for (struct rule *rule = rules; rule; rule = rule->next) {
        if (!fits(rule, operation))
            continue;
        rule->times -= rule->times > 0;
        rule->used++;
        apply(rule, &effects);
        if (hides_others(rule->fault))
            break;
    }
    return effects;
}

void effects_free(struct effects *effects)
{
    free(effects->code);
    free(effects->text);
    free(effects->content_type);
    *effects = (struct effects){0};
}

void faults_list(struct text *out)
{
    text_puts(out, "[");
    for (const struct rule *rule = rules; rule; rule = rule->next)
        text_printf(out,
                    "%s{\"number\":%u,\"operation\":\"%s\",\"fault\":\"%s\",\"left\":%" PRId64
                    ",\"used\":%" PRIu64 "}",
                    rule == rules ? "" : ",", rule->number, rule->operation ? rule->operation : "*",
                    names[rule->fault], rule->times, rule->used);
    text_puts(out, "]");
}
