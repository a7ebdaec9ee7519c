/* What the sources of check share. */
#ifndef FERRY_CHECK_PRIVATE_H
#define FERRY_CHECK_PRIVATE_H

#include "controller/check.h"
#include "controller/compile.h"

#define FERRY_CHECK_KAFKA         "Kafka"
#define FERRY_CHECK_REGISTRY      "Schema registry"
#define FERRY_CHECK_DYNAMICS      "Dynamics 365"
#define FERRY_CHECK_CAMPAIGN      "Adobe Campaign"
#define FERRY_CHECK_SFTP          "SFTP server"
#define FERRY_CHECK_CONFIGURATION "Configuration"

struct ferry_check;
struct ferry_check_look; /* at the exports, under way */

/* A table that is read or written, and perhaps the resource that it feeds. Its lines stand in the
 * answer from the beginning and are filled as answers come. Whether rows may be created in a table
 * cannot be asked without creating one. */
struct ferry_check_part {
    struct ferry_check *check;
    const char *table;
    bool tracked;         /* its changes are followed */
    const char *api;      /* of the resource */
    const char *resource; /* NULL: it feeds none */
    json_t *table_line;
    json_t *tracking_line; /* NULL unless tracked */
    json_t *rows_line;     /* the same: activities are never read */
    json_t *resource_line; /* NULL without a resource */
};

/* A workflow that is configured. */
struct ferry_check_subject {
    struct ferry_check *check;
    const struct ferry_workflow *workflow;
    struct ferry_compile *compile; /* NULL: not under way */
    json_t *line;
};

/* A folder in which a workflow looks for Campaign's exports. */
struct ferry_check_export {
    const struct ferry_workflow *workflow;
    const char *folder;
    json_t *line; /* of our own look; NULL: another one's is about the same folder */
};
#define FERRY_CHECK_EXPORTS 2 /* of events, of opt-outs */

struct ferry_check {
    struct ferry_check *prev;
    struct ferry_check *next;
    struct ferry_checks *checks;
    const struct ferry_launch_parts *systems;
    struct ferry_server_exchange *exchange;
    json_t *names; /* owns the strings of the parts */
    json_t *items;
    struct ferry_check_part *parts;
    size_t count;
    size_t pending;
    json_t *registry_line;
    struct ferry_check_export exports[FERRY_CHECK_EXPORTS];
    size_t export_count;
    json_t *login_line;            /* NULL: the controller was not told how to get there */
    struct ferry_check_look *look; /* NULL: none */
    struct ferry_check_subject subjects[FERRY_WORKFLOW_COUNT];
};

/* "check" of the line is `what` and, behind a space, `of`; either may be "". Borrowed. */
json_t *ferry_check_line(struct ferry_check *check, const char *system, const char *what,
                         const char *of);
void ferry_check_ok(json_t *line);
/* A person has to act. */
void ferry_check_missing(json_t *line, const char *message, const char *action);
/* passing: nobody could be asked; else a person has to act. */
void ferry_check_error(json_t *line, const struct ferry_error *error, bool passing);
/* A question was answered; with the last one the check is gone. */
void ferry_check_answered(struct ferry_check *check);

/* Adds the part's lines. */
void ferry_check_prepare_part(struct ferry_check_part *part);
/* Asks; counts its questions in check->pending. */
void ferry_check_ask_part(struct ferry_check_part *part);

/* Adds the lines of an order of Opt-In/Out; of another workflow's, or none, nothing. */
void ferry_check_add_optouts(struct ferry_check *check, const json_t *configuration,
                             const json_t *order);

/* One more folder of exports; NULL: there is none. */
void ferry_check_add_exports(struct ferry_check *check, const struct ferry_workflow *workflow,
                             const json_t *settled);
/* The same of the exports as of a part; and what of it is under way ends unheard. */
void ferry_check_prepare_exports(struct ferry_check *check);
void ferry_check_ask_exports(struct ferry_check *check);
void ferry_check_drop_exports(struct ferry_check *check);

#endif
