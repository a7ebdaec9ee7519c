#include "core/remote/campaign_verdict.h"

#include "core/remote/judgement.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A part of the answer's text. */
struct span {
    const char *data;
    size_t length;
};

/* --- the gateway's JSON --- */

/* A 403 whose cause is what we identify ourselves with, not what we may do. */
static const char *const credential_codes[] = {
    "403000", /* Api Key is required */
    "403003", /* Api Key is invalid */
    "403010", /* Oauth token is missing. */
    "403011", /* Scope mismatch */
    "403020", /* Oauth token missing or invalid */
};

static void judge_forbidden(const char *code, const char *message,
                            struct ferry_remote_answer *answer)
{
    bool credentials = false;

    for (size_t i = 0; i < COUNT(credential_codes); i++)
        credentials = credentials || strcmp(credential_codes[i], code) == 0;
    ferry_verdict(answer, credentials ? FERRY_VERDICT_CREDENTIALS : FERRY_VERDICT_PERMISSION,
                  credentials ? FERRY_CLASS_CREDENTIALS : FERRY_CLASS_PERMISSION,
                  "Adobe Campaign refuses us (HTTP 403%s%.20s%s%.200s)", code[0] ? ", " : "", code,
                  message[0] ? ": " : "", message);
    ferry_advise(&answer->error,
                 "Check that the Adobe project has the Campaign API, that its product profile "
                 "covers this instance, and that campaign.client.id is the project's.");
}

/* {"error_code":"403003","message":"..."} or {"code":502,"message":"Oops. ..."}. */
static bool judge_json(const struct ferry_campaign_case *given,
                       const struct ferry_http_answer *http, struct ferry_remote_answer *answer)
{
    json_t *body = json_loadb(http->body, http->length, 0, NULL);
    const char *code = json_string_value(json_object_get(body, "error_code"));
    const char *message = json_string_value(json_object_get(body, "message"));
    bool known = json_is_object(body) && (code || message);

    if (http->status == 403) {
        judge_forbidden(code ? code : "", message ? message : "", answer);
        known = true;
    } else if (known) {
        ferry_verdict(
            answer, http->status >= 500 ? ferry_judge_gateway(given->reads) : FERRY_VERDICT_REFUSED,
            FERRY_CLASS_NETWORK, "Adobe's gateway does not pass our requests on (HTTP %d): %.200s",
            http->status, message ? message : code);
        ferry_advise(&answer->error, "If it lasts, check campaign.url.");
    }
    json_decref(body);
    return known;
}

/* --- the application's text --- */

static struct span next_line(struct span *rest)
{
    const char *end = memchr(rest->data, '\n', rest->length);
    struct span line = {rest->data, end ? (size_t)(end - rest->data) : rest->length};
    size_t taken = end ? line.length + 1 : line.length;

    rest->data += taken;
    rest->length -= taken;
    while (line.length > 0 && isspace((unsigned char)line.data[line.length - 1]))
        line.length--;
    return line;
}

/* "RST-360011 An error": what stands after the code. */
static struct span without_code(struct span line)
{
    static const char shape[] = "AAA-999999 ";

    if (line.length < sizeof(shape) - 1)
        return line;
    for (size_t i = 0; shape[i]; i++) {
        unsigned char c = (unsigned char)line.data[i];
        unsigned char want = (unsigned char)shape[i];

        if (want == 'A' ? !isupper(c) : want == '9' ? !isdigit(c) : c != want)
            return line;
    }
    return (struct span){line.data + sizeof(shape) - 1, line.length - (sizeof(shape) - 1)};
}

static const char *find(struct span text, const char *part)
{
    return text.length > 0 ? memmem(text.data, text.length, part, strlen(part)) : NULL;
}

static bool begins(struct span text, const char *part)
{
    size_t length = strlen(part);

    return text.length >= length && memcmp(text.data, part, length) == 0;
}

/* The texts that name the culprit (reference 3.2), by the line that holds them. The line RST-360011
 * heads everything and says nothing; a PGS- line may also be a lost database. */
static const struct text_rule {
    const char *begin;
    const char *part;
    enum ferry_verdict verdict;
    enum ferry_class class;
} text_rules[] = {
    {"A '", "' with the same key '", FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
    {"PostgreSQL error:", "duplicate key value", FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
    {"PostgreSQL error:", "value too long for type", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"The value '", "' is not valid for the '", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"The '", "' resource is mandatory", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"Cannot update the '", "' property that is read-only", FERRY_VERDICT_BAD_RECORD,
     FERRY_CLASS_SCHEMA},
    {"'", "' property is not valid for the '", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_SCHEMA},
    {"Inconsistent operation on resource '", "Cannot update key", FERRY_VERDICT_BAD_RECORD,
     FERRY_CLASS_MAPPING},
    /* A key that is read as a PKey: the field is no identification key (any more). No record is at
       fault. */
    {"'", "' attribute unknown (see definition of", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
    {"Unable to parse expression", "", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
    {"'", "' is not a valid constant", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_BUG},
    {"JSON parse error", "", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_BUG},
};

static const struct text_rule *rule_of(struct span line)
{
    struct span text = without_code(line);

    for (size_t i = 0; i < COUNT(text_rules); i++)
        if (begins(text, text_rules[i].begin) && find(text, text_rules[i].part))
            return &text_rules[i];
    return NULL;
}

/* The first line that a rule knows. */
static const struct text_rule *judge_lines(struct span text, struct span *ret_line)
{
    while (text.length > 0) {
        struct span line = next_line(&text);
        const struct text_rule *rule = rule_of(line);

        if (rule) {
            *ret_line = line;
            return rule;
        }
    }
    return NULL;
}

static void judge_by_rule(const struct ferry_campaign_case *given, const struct text_rule *rule,
                          struct span line, struct ferry_remote_answer *answer)
{
    if (rule->verdict == FERRY_VERDICT_BAD_RECORD) {
        ferry_verdict(answer, rule->verdict, rule->class, "%s: %.*s", given->resource,
                      (int)line.length, line.data);
    } else if (rule->verdict == FERRY_VERDICT_DUPLICATE) {
        ferry_verdict(answer, rule->verdict, rule->class,
                      "a record of %s with the same key is already there", given->resource);
    } else {
        ferry_verdict(answer, rule->verdict, rule->class,
                      "Adobe Campaign does not take our keys of %s, or of what it links to, for "
                      "identification keys",
                      given->resource);
        ferry_advise(&answer->error,
                     "Declare the key field as an identification key of the resource and publish.");
    }
}

static void judge_ill(const struct ferry_campaign_case *given, const struct ferry_http_answer *http,
                      struct ferry_remote_answer *answer)
{
    struct span text = {http->body, http->length};
    struct span last = {"", 0};
    struct span line;

    while (text.length > 0) { /* the heading's code says nothing, that of a later line does */
        line = next_line(&text);
        if (without_code(line).length < line.length)
            last = (struct span){line.data, strcspn(line.data, " ")};
    }
    ferry_verdict(answer, FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK,
                  "Adobe Campaign could not deal with a record of %s and does not say why (HTTP "
                  "%d%s%.*s)",
                  given->resource, http->status, last.length > 0 ? ", " : "", (int)last.length,
                  last.data);
}

/* --- 404 --- */

/* Unable to find document with path 'Service' from key 'x:0' (document with schema 'service' and
 * name 'x') */
struct lost {
    struct span path;
    struct span key;
    struct span schema;
    struct span name; /* empty when the text leaves it out */
};

/* What stands before `end`; the rest follows it. */
static bool cut(struct span *rest, const char *end, struct span *ret_part)
{
    const char *found = find(*rest, end);

    if (!found)
        return false;
    *ret_part = (struct span){rest->data, (size_t)(found - rest->data)};
    rest->length -= ret_part->length + strlen(end);
    rest->data = found + strlen(end);
    return true;
}

static bool parse_lost(struct span text, struct lost *lost)
{
    struct span skipped;

    *lost = (struct lost){{"", 0}, {"", 0}, {"", 0}, {"", 0}};
    if (!cut(&text, "Unable to find document with path '", &skipped) ||
        !cut(&text, "' from key '", &lost->path))
        return false;
    if (!cut(&text, "' (document with schema '", &lost->key))
        return cut(&text, "' (", &lost->key) || cut(&text, "'", &lost->key);
    if (!cut(&text, "' and name '", &lost->schema))
        return true;
    text = next_line(&text);
    if (text.length >= 2)
        lost->name = (struct span){text.data, text.length - 2}; /* without ') */
    return true;
}

static bool same(struct span text, const char *other)
{
    return text.length == strlen(other) && strncasecmp(text.data, other, text.length) == 0;
}

static bool names_resource(struct span text, const char *resource)
{
    return same(text, resource) || (strncmp(resource, "cus", 3) == 0 && same(text, resource + 3)) ||
           (strcmp(resource, "profile") == 0 && same(text, "recipient"));
}

/* A key of the URL is told with ":0" behind it, one of the body without. */
static bool is_marked(const struct lost *lost)
{
    size_t length = lost->key.length;

    if (length < 2 || memcmp(lost->key.data + length - 2, ":0", 2) != 0)
        return false;
    return lost->name.length == 0 || lost->name.length == length - 2;
}

/* In doubt it is the record itself: creating it then shows whether a parent is missing, while a
 * child that waits for a parent that is there would wait in vain. */
static bool is_own(const struct ferry_campaign_case *given, const struct lost *lost)
{
    if (given->key[0] == '\0')
        return false;
    if (is_marked(lost))
        return true;
    return same(lost->key, given->key) && (names_resource(lost->schema, given->resource) ||
                                           names_resource(lost->path, given->resource));
}

static void judge_absence(const struct ferry_campaign_case *given,
                          const struct ferry_http_answer *http, struct ferry_remote_answer *answer)
{
    struct span text = {http->body, http->length};
    struct lost lost;

    if (parse_lost(text, &lost)) {
        if (is_own(given, &lost))
            ferry_verdict(answer, FERRY_VERDICT_ABSENT, FERRY_CLASS_NONE,
                          "the record of %s is not in Adobe Campaign", given->resource);
        else
            ferry_verdict(answer, FERRY_VERDICT_NO_PARENT, FERRY_CLASS_NONE,
                          "a record of %s links to a %.*s that is not in Adobe Campaign",
                          given->resource, (int)lost.path.length, lost.path.data);
        return;
    }
    if (find(text, "Error rc=-2003")) {
        ferry_verdict(answer, FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG,
                      "Adobe Campaign calls our path to %s malformed", given->resource);
        return;
    }
    ferry_verdict(answer, FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA,
                  "Adobe Campaign does not know the resource %s", given->resource);
    ferry_advise(&answer->error,
                 "Publish the resource and its API in Adobe Campaign, or change the "
                 "mapping.");
}

/* --- all of it --- */

static void judge_rest(const struct ferry_campaign_case *given,
                       const struct ferry_http_answer *http, struct ferry_remote_answer *answer)
{
    if (http->status == 413)
        ferry_verdict(answer, FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING,
                      "%s: the record is too large for Adobe Campaign", given->resource);
    else if (http->status >= 500)
        judge_ill(given, http, answer);
    else
        ferry_verdict(answer, FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG,
                      "Adobe Campaign refuses our request to %s (HTTP %d)", given->resource,
                      http->status);
}

void ferry_campaign_judge(const struct ferry_campaign_case *given,
                          const struct ferry_http_answer *http, struct ferry_remote_answer *answer)
{
    const struct text_rule *rule;
    struct span line;

    if ((http->status == 403 || http->body[0] == '{') && judge_json(given, http, answer))
        return;
    if (http->status == 404) {
        judge_absence(given, http, answer);
        return;
    }
    rule = http->status == 400 || http->status >= 500
               ? judge_lines((struct span){http->body, http->length}, &line)
               : NULL;
    if (rule)
        judge_by_rule(given, rule, line, answer);
    else
        judge_rest(given, http, answer);
}
