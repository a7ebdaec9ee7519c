#include "core/remote/dataverse_verdict.h"

#include "core/remote/judgement.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TRACKING  "Switch on \"Track changes\" for the table in Dynamics 365."
#define READ_FULL "The table is read in full again."
#define COLUMNS   "Compare the mapping with the table's columns."
#define GONE      "Check that the record is still there."
#define ROLE      "Give the application user a role with organization-level Read on the table."

/* By code, whatever the status: one documented code comes with different ones. */
static const struct code_rule {
    const char *code;
    enum ferry_verdict verdict;
    enum ferry_class class;
    const char *action;
} code_rules[] = {
    {"0x80044352", FERRY_VERDICT_EXPIRED, FERRY_CLASS_SCHEMA, READ_FULL}, /* ExpiredVersionStamp */
    {"0x80072491", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA, TRACKING},
    {"0x80072492", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA, TRACKING},
    {"0x80072321", FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA, ""}, /* service protection */
    {"0x80072322", FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA, ""},
    {"0x80072326", FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA, ""},
    {"0x80072327", FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA, ""},
    {"0x8005F103", FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA, ""},
    {"0x80060308", FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA, ""},
    {"0x80044150", FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""}, /* SQL: rolled back */
    {"0x80044151", FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
    {"0x8004A001", FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
    {"0x80073000", FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, ""},
    {"0x80040237", FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE, ""}, /* key exists */
    /* Another record is in its way: it was not written, and never is. */
    {"0x80060892", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""},
    {"0x80040333", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""},
    {"0x80040217", FERRY_VERDICT_ABSENT, FERRY_CLASS_MAPPING, GONE},   /* a record, not its table */
    {"0x80044331", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""}, /* too long */
    {"0x80040200", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""}, /* required field missing */
    {"0x80048408", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""}, /* inactive: read-only */
    {"0x8004431A", FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""}, /* option out of range */
    {"0x8006088a", FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA, COLUMNS}, /* no such entity set */
};

/* A 412 whose code is empty, as the documentation prints it. */
static const char *const duplicates[] = {"Cannot insert duplicate key.",
                                         "A record with matching key values already exists."};
static const struct code_rule duplicate_rule = {"", FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE, ""};

static const struct status_rule {
    int status;
    enum ferry_verdict verdict;
    enum ferry_class class;
    const char *action;
} status_rules[] = {
    {400, FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA, COLUMNS},
    {403, FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION, ROLE},
    {404, FERRY_VERDICT_ABSENT, FERRY_CLASS_SCHEMA,
     "Check that the table or record is still there."},
    {410, FERRY_VERDICT_EXPIRED, FERRY_CLASS_SCHEMA, READ_FULL},
    {413, FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING, ""},
};
static const struct status_rule server_rule = {0, FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK, ""};
static const struct status_rule other_rule = {0, FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG, ""};

static const struct code_rule *rule_of_code(const char *code)
{
    for (size_t i = 0; i < COUNT(code_rules); i++)
        if (strcasecmp(code_rules[i].code, code) == 0)
            return &code_rules[i];
    return NULL;
}

static const struct status_rule *rule_of_status(int status)
{
    for (size_t i = 0; i < COUNT(status_rules); i++)
        if (status_rules[i].status == status)
            return &status_rules[i];
    return status >= 500 ? &server_rule : &other_rule;
}

static const struct code_rule *rule_of_text(int status, const char *code, const char *message)
{
    bool speaks = status == 412 && (!code || !*code) && message;
    for (size_t i = 0; speaks && i < COUNT(duplicates); i++)
        if (strstr(message, duplicates[i]))
            return &duplicate_rule;
    return NULL;
}

static void tell(struct ferry_remote_answer *answer, enum ferry_verdict verdict,
                 enum ferry_class class, const char *code, const char *message)
{
    ferry_verdict(answer, verdict, class, "Dynamics 365 answered %d%s%.20s%s%.300s", answer->status,
                  *code ? " " : "", code, *message ? ": " : "", message);
}

bool ferry_dataverse_judge(const struct ferry_http_answer *http, bool reads,
                           struct ferry_remote_answer *answer)
{
    json_t *body = json_loadb(http->body, http->length, 0, NULL);
    json_t *fault = json_object_get(body, "error");
    const char *code = json_string_value(json_object_get(fault, "code"));
    const char *message = json_string_value(json_object_get(fault, "message"));
    const struct code_rule *by_code = code ? rule_of_code(code) : NULL;
    if (!by_code)
        by_code = rule_of_text(http->status, code, message);
    const struct status_rule *by_status = rule_of_status(http->status);
    enum ferry_verdict verdict = by_code ? by_code->verdict : by_status->verdict;

    /* What is said about a write may quote the record: that belongs into its reject only. */
    if (!message || (!reads && verdict != FERRY_VERDICT_BAD_RECORD))
        message = "";
    tell(answer, verdict, by_code ? by_code->class : by_status->class, code ? code : "", message);
    ferry_advise(&answer->error, "%s", by_code ? by_code->action : by_status->action);
    json_decref(body);
    return by_code != NULL;
}
