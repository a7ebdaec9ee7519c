#include "core/remote/dataverse_verdict.h"

#include <jansson.h>
#include <string.h>

#define EXPIRED_CODE "0x80044352" /* ExpiredVersionStamp */
#define CODE_SIZE    32
#define TEXT_SIZE    256

/* What a Dataverse error body says; empty strings when it says nothing. */
struct complaint {
    char code[CODE_SIZE];
    char text[TEXT_SIZE];
};

struct rule {
    int status; /* HTTP */
    enum ferry_verdict verdict;
    enum ferry_class class;
    const char *action;
};

static const struct rule rules[] = {
    {400, FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA,
     "compare the mapping with the table's columns"},
    {401, FERRY_VERDICT_CREDENTIALS, FERRY_CLASS_CREDENTIALS,
     "check tenant, client id and secret, and that dynamics.url is the environment they belong to"},
    {403, FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION,
     "give the application user a role with organization-level Read on the table"},
    {404, FERRY_VERDICT_ABSENT, FERRY_CLASS_SCHEMA,
     "check that the table or record is still there"},
    {408, FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
    {410, FERRY_VERDICT_EXPIRED, FERRY_CLASS_SCHEMA, "the table is read in full again"},
    {429, FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA,
     "Dynamics 365 limits the requests of this user"},
    {500, FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
    {502, FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
    {503, FERRY_VERDICT_THROTTLED, FERRY_CLASS_NETWORK, ""},
    {504, FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
};

static const struct rule *find_rule(int status)
{
    static const struct rule theirs = {0, FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""};
    static const struct rule ours = {0, FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG, ""};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].status == status)
            return &rules[i];
    return status >= 500 ? &theirs : &ours;
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t length = text ? strnlen(text, size - 1) : 0;
    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
}

static void read_complaint(const struct ferry_http_answer *answer, struct complaint *ret_complaint)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *fault = json_object_get(body, "error");
    copy_text(ret_complaint->code, CODE_SIZE, json_string_value(json_object_get(fault, "code")));
    copy_text(ret_complaint->text, TEXT_SIZE, json_string_value(json_object_get(fault, "message")));
    json_decref(body);
}

static bool is_html(const struct ferry_http_answer *answer)
{
    return strncasecmp(answer->content_type, "text/html", 9) == 0;
}

static void judge_silence(const struct ferry_http_answer *answer,
                          struct ferry_remote_answer *ret_answer)
{
    static const enum ferry_verdict verdicts[] = {
        [FERRY_HTTP_ANSWERED] = FERRY_VERDICT_UNAVAILABLE,
        [FERRY_HTTP_NOT_SENT] = FERRY_VERDICT_UNAVAILABLE,
        [FERRY_HTTP_UNKNOWN] = FERRY_VERDICT_UNKNOWN,
        [FERRY_HTTP_REFUSED] = FERRY_VERDICT_REFUSED,
    };
    ret_answer->verdict = verdicts[answer->outcome];
    bool ours = answer->outcome == FERRY_HTTP_REFUSED;
    ferry_fail(&ret_answer->error, ours ? FERRY_INVALID : FERRY_RETRY,
               ours ? FERRY_CLASS_BUG : FERRY_CLASS_NETWORK, "no answer from Dynamics 365: %s",
               answer->error);
}

static void judge_refusal(const struct ferry_http_answer *answer, bool delta,
                          struct ferry_remote_answer *ret_answer)
{
    const struct rule *rule = find_rule(answer->status);
    struct complaint complaint;
    read_complaint(answer, &complaint);
    ret_answer->verdict = rule->verdict;
    if (strcasecmp(complaint.code, EXPIRED_CODE) == 0)
        ret_answer->verdict = FERRY_VERDICT_EXPIRED;
    if (answer->status == 410 && !delta)
        ret_answer->verdict = FERRY_VERDICT_ABSENT;
    bool passing =
        rule->verdict == FERRY_VERDICT_THROTTLED || rule->verdict == FERRY_VERDICT_UNAVAILABLE;
    ferry_fail(&ret_answer->error, passing ? FERRY_RETRY : FERRY_INVALID, rule->class,
               "Dynamics 365 answered %d%s%s%s%s", answer->status, complaint.code[0] ? " " : "",
               complaint.code, complaint.text[0] ? ": " : "", complaint.text);
    ferry_advise(&ret_answer->error, "%s", rule->action);
}

void ferry_dataverse_judge(const struct ferry_http_answer *answer, bool delta,
                           struct ferry_remote_answer *ret_answer)
{
    *ret_answer = (struct ferry_remote_answer){
        .verdict = FERRY_VERDICT_OK,
        .status = answer->status,
        .retry_after_ms = answer->retry_after_ms,
        .body = answer->body,
        .length = answer->length,
    };
    if (answer->outcome != FERRY_HTTP_ANSWERED) {
        judge_silence(answer, ret_answer);
    } else if (is_html(answer)) { /* a gateway, or a page that wants somebody to log in */
        ret_answer->verdict = FERRY_VERDICT_UNAVAILABLE;
        ferry_fail(&ret_answer->error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                   "something between us and Dynamics 365 answered %d with a web page",
                   answer->status);
    } else if (answer->status < 200 || answer->status > 299) {
        judge_refusal(answer, delta, ret_answer);
    }
}
