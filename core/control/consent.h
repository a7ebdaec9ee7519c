/* The "optOuts" of a run order of opt-in-out, compiled by the controller: whose opt-outs are kept
 * in step, and how it is decided between two (ADR 5). Immutable. */
#ifndef FERRY_CONSENT_H
#define FERRY_CONSENT_H

#include "core/control/export.h"
#include "core/record/decision.h"

struct ferry_consent_attribute {
    const char *column; /* of contact in Dynamics; NULL: the attribute takes no part */
    const char *field;  /* of profile in Campaign, by the instance's own name */
    const char *time;   /* the field with its time; NULL: the instance has none */
};

struct ferry_consent {
    json_t *json; /* owns every string here */
    enum ferry_direction direction;
    enum ferry_rule rule;
    int64_t tolerance_ms;
    const char *table; /* contact */
    const char *entity_set;
    const char *primary_id;
    const char *api;
    const char *resource; /* profile */
    const char *key;      /* its identification key that holds the contact's id */
    const char *filter;   /* Campaign's custom filter over the times, "byOptOutsSince"; NULL: the
                             instance has none */
    const char *filter_parameter; /* "since_parameter" */
    bool exported;                /* Campaign's opt-outs also come as files: */
    struct ferry_export export;
    struct ferry_consent_attribute attributes[FERRY_OPTOUT_ATTRIBUTES];
};

/* A reference to `json` is kept. FERRY_INVALID names the path of what is missing or unusable. */
enum ferry_status ferry_consent_new(json_t *json, struct ferry_consent **ret_consent,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_consent_free(struct ferry_consent *consent);

/* Whose changes are of interest, which is for whom there is a reader task: in one direction only
 * those of the side that decides. */
bool ferry_consent_reads(const struct ferry_consent *consent, enum ferry_side side);
/* Whether there is one more, for Campaign's export files. */
bool ferry_consent_reads_files(const struct ferry_consent *consent);

/* As configurations and run orders call them: "both", "newest-wins". */
bool ferry_rule_from_setting(const char *name, enum ferry_rule *ret_rule);
/* False also for "disabled". */
bool ferry_direction_from_setting(const char *name, enum ferry_direction *ret_direction);

#endif
