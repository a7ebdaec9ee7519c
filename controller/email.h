/* The saved configuration of `campaign-to-dynamics` (ADR 4), checked without asking anybody. Any
 * thread.
 *
 * schemas/email-events.schema.json says the same to editors and other tools; tests keep the two of
 * one mind. */
#ifndef FERRY_EMAIL_H
#define FERRY_EMAIL_H

#include "core/base/status.h"

#include <jansson.h>
#include <stdint.h>

#define FERRY_EMAIL_KINDS 4

/* What to do about a table or column that is missing. */
#define FERRY_EMAIL_COMMAND "ferryctl setup dynamics"
#define FERRY_EMAIL_SETUP                                                                          \
    "create what is missing with " FERRY_EMAIL_COMMAND " (-f FILE: before that file is saved)"

/* One kind of event, as the three documents call it. */
struct ferry_email_kind {
    const char *name;   /* in the run order: SEND */
    const char *member; /* in the configuration: send */
    const char *title;  /* of a person: "E-mail send" */
};

extern const struct ferry_email_kind ferry_email_kinds[FERRY_EMAIL_KINDS];

/* What Ferry writes about an event besides its subject, and the column that setup makes for it. */
struct ferry_email_attribute {
    const char *name; /* campaign, delivery, date, mirrorPage, url */
    const char *title;
    const char *format; /* of a text; NULL: it is a date with a time */
    int length;         /* characters of a text */
};

#define FERRY_EMAIL_ATTRIBUTES 5
extern const struct ferry_email_attribute ferry_email_attributes[FERRY_EMAIL_ATTRIBUTES];

/* Changes nothing in the configuration. Appends every fault to `faults` (see fault.h). FERRY_OK:
 * none; FERRY_INVALID: at least one; FERRY_NOMEM. */
enum ferry_status ferry_email_check(json_t *configuration, json_t *faults) FERRY_MUST_CHECK;

/* A checked configuration with every default filled in, but `since`, which has none before the
 * first start. `columns` of `export` names what it renames only. A new reference; NULL: out of
 * memory. */
json_t *ferry_email_fill(const json_t *configuration);

/* Whether a column of this type can hold it: NULL, or why not and what to do, as a sentence goes
 * on: "must be a text: name another column". */
const char *ferry_email_refusal(const struct ferry_email_attribute *attribute, const char *type,
                                bool creatable);

/* An instant like 2026-11-01T00:00:00Z, in milliseconds since the epoch; false: it is none. */
bool ferry_email_instant(const json_t *value, int64_t *ret_ms);

/* Milliseconds since the epoch of a checked configuration's `since`, 0 and less included; false
 * when it has none. */
bool ferry_email_since(const json_t *configuration, int64_t *ret_since);

#endif
