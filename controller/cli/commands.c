#include "controller/cli/commands.h"

const struct ferry_command_row ferry_commands[] = {
    {"get", "workflows", NULL, ferry_get_workflows, "list the workflows with status and backlog"},
    {"get", "workflow", "ID", ferry_get_workflow, "one of them"},
    {"get", "config", "ID", ferry_get_config,
     "its saved configuration, as apply takes it (--running: the one that runs)"},
    {"get", "revisions", "ID", ferry_get_revisions, "who saved which configuration, and when"},
    {"get", "rejects", "ID", ferry_get_rejects,
     "records that were refused, newest first, with the reason"},
    {"describe", "workflow", "ID", ferry_describe_workflow,
     "all about one workflow: why, and what to do"},
    {"start", NULL, "ID", ferry_start, "start it (--wait: until it is RUNNING)"},
    {"stop", NULL, "ID", ferry_stop, "stop it (--wait: until it is STOPPED)"},
    {"replay", NULL, "ID", ferry_replay,
     "read a table again at the next start (--table NAME), or some of its rows"},
    {"deletes", "approve", "ID", ferry_approve_deletes,
     "let the deletes go that the brake holds (--table NAME)"},
    {"deletes", "drop", "ID", ferry_drop_deletes,
     "drop them: the records stay in Adobe Campaign (--table NAME)"},
    {"apply", NULL, NULL, ferry_apply, "save the configuration in a file (-f FILE, - for stdin)"},
    {"edit", NULL, "ID", ferry_edit, "edit the saved configuration with $EDITOR"},
    {"rollback", NULL, "ID", ferry_rollback,
     "save an older revision again, as the newest (--to-revision N; else the one before)"},
    {"diff", NULL, "ID", ferry_diff, "what the saved configuration has that does not run yet"},
    {"check", NULL, NULL, ferry_check, "what both systems and Kafka need: ok, missing, what to do"},
    {"setup", "dynamics", NULL, ferry_setup_dynamics,
     "create the activity tables and columns that are missing (-f FILE: those it names, before "
     "apply)"},
    {"version", NULL, NULL, ferry_version, "of ferryctl and of the controller"},
    {"completion", NULL, "SHELL", ferry_completion,
     "a script for bash or zsh: source <(ferryctl completion bash)"},
};
const size_t ferry_commands_count = sizeof ferry_commands / sizeof ferry_commands[0];

const struct ferry_command_option ferry_command_options[] = {
    {"server", 's', "URL", "the controller; else $FERRY_SERVER, else http://127.0.0.1:8080"},
    {"output", 'o', "FORMAT", "json, wide or name"},
    {"watch", 'w', NULL, "get workflows: print again whenever something changes"},
    {"wait", 0, NULL, "start, stop: return when it has come about"},
    {"timeout", 0, "SECONDS", "how long --wait and setup wait (60; setup: 600)"},
    {"file", 'f', "FILE", "apply: what to save; setup: what to create tables for"},
    {"table", 0, "NAME", "replay, deletes: which table"},
    {"id", 0, "ID", "replay: only this row; may be repeated"},
    {"filter", 0, "FILTER",
     "replay: only rows that this OData filter names: \"lastname eq 'Lee'\""},
    {"since", 0, "TIME", "replay: only rows changed since then: 2026-04-07T21:59:01Z"},
    {"dry-run", 0, NULL, "replay: only say how many rows that would be; setup: what is missing"},
    {"cancel", 0, NULL, "replay: take back the one that is pending or under way"},
    {"to-revision", 0, "N", "rollback: which one (get revisions lists them)"},
    {"running", 0, NULL, "get config: the configuration that runs"},
    {"revision", 0, "N", "get config: an older one"},
    {"limit", 0, "N", "get rejects: how many (20)"},
    {"values", 0, NULL, "get rejects: also the records themselves; they are personal data"},
    {"help", 'h', NULL, "this text"},
};
const size_t ferry_command_options_count =
    sizeof ferry_command_options / sizeof ferry_command_options[0];
