/* What the commands of ferryctl share: the options, the way to the controller, the exit codes. */
#ifndef FERRY_COMMAND_H
#define FERRY_COMMAND_H

#include "controller/cli/client.h"

#include <stdbool.h>

enum ferry_exit {
    FERRY_EXIT_OK = 0,
    FERRY_EXIT_REFUSED = 1,
    FERRY_EXIT_USAGE = 2,
    FERRY_EXIT_UNREACHABLE = 3,
    FERRY_EXIT_TIMEOUT = 4,
};

enum ferry_output { FERRY_OUTPUT_TABLE, FERRY_OUTPUT_WIDE, FERRY_OUTPUT_JSON, FERRY_OUTPUT_NAME };

struct ferry_command {
    struct ferry_client *client;
    const char *argument; /* ID or SHELL; NULL when the command takes none */
    enum ferry_output output;
    const char *file;
    const char *revision;
    long to_revision; /* 0: not said */
    long expect;      /* 0: not said */
    const char *table;
    json_t *ids; /* of --id; NULL: none */
    const char *filter;
    const char *since;
    const char *contact;
    long limit;
    long timeout_s; /* 0: not said */
    bool running;
    bool dry_run;
    bool cancel;
    bool values;
    bool wait;
    bool watch;
};

/* One function a command; each returns an exit code. */
typedef int ferry_command_function(const struct ferry_command *command);
ferry_command_function ferry_get_workflows, ferry_get_workflow, ferry_get_config,
    ferry_get_revisions, ferry_get_rejects, ferry_get_decisions, ferry_describe_workflow,
    ferry_start, ferry_stop, ferry_replay, ferry_approve_deletes, ferry_drop_deletes, ferry_apply,
    ferry_edit, ferry_rollback, ferry_diff, ferry_check, ferry_setup_dynamics, ferry_version,
    ferry_completion;

/* Asks and, when the answer is not 2xx, says why on stderr. "%s" of the path is the command's
 * argument. */
int ferry_command_ask(const struct ferry_command *command, const char *method, const char *path,
                      const json_t *body, const char *header,
                      struct ferry_client_answer *ret_answer);
/* The same for POST "/v1/workflows/<argument><rest>"; takes the body. */
int ferry_command_post(const struct ferry_command *command, const char *rest, json_t *body,
                       struct ferry_client_answer *ret_answer);
/* Says on stderr what the controller refused, and returns the exit code for it. */
int ferry_command_refused(const struct ferry_client_answer *answer);
int ferry_command_unreachable(const struct ferry_client_answer *answer);
/* "/v1/workflows/<argument><rest>" */
void ferry_command_path(const struct ferry_command *command, const char *rest, char *out,
                        size_t size);
void ferry_command_print(const json_t *json);
/* Until the next look at what the controller says. */
void ferry_command_pause(int ms);
/* The string of a member, or "". */
const char *ferry_command_text(const json_t *json, const char *key);

#endif
