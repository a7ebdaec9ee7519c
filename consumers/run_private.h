/* What run.c (its life and steps) and run_parts.c (what the parts tell it) share. */
#ifndef FERRY_RUN_PRIVATE_H
#define FERRY_RUN_PRIVATE_H

#include "consumers/run.h"
#include "core/io/topics.h"

/* How a run, or the ownership of its partitions, comes to its end. */
enum ferry_run_ending {
    FERRY_ENDING_NONE,
    FERRY_ENDING_FLIGHT, /* waits for answers */
    FERRY_ENDING_COMMIT, /* waits for the last commit */
    FERRY_ENDING_OVER,
};

struct ferry_run_trouble {
    struct ferry_error error;
    int64_t retry_at;
    bool set;
};

struct ferry_run {
    struct ferry_run_options options;
    const struct ferry_cargo *kind;
    void *cargo;
    char *group_id;
    char *transactional_id;
    char checkpoints[FERRY_TOPIC_SIZE];
    struct ferry_registration *registration;
    struct ferry_ledger *ledger;
    struct ferry_group *group;
    uv_async_t poke; /* work that must not be done inside the parts' own callbacks */
    uv_timer_t tick;
    int handles;
    bool open; /* the cargo's parts are there */
    bool going;
    bool was_ready;
    bool fenced;     /* the ledger is ready */
    bool registered; /* the schemas are; nothing may be decoded before */
    bool stopping;
    bool revoking;
    bool leaving; /* the group; nothing of it may be called any more */
    bool left;
    bool stopped;
    enum ferry_run_ending ending;
    int64_t ending_until;
    int64_t committed_at;
    struct ferry_run_trouble troubles[FERRY_TROUBLES];
    struct ferry_metric *commit_seconds;
    struct ferry_metric *commits;
};

enum ferry_status ferry_run_open_parts(struct ferry_run *run,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_run_join(struct ferry_run *run, struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_run_begin_ending(struct ferry_run *run, int64_t patience_ms);
/* True: there is something to commit, now or soon. */
bool ferry_run_commit(struct ferry_run *run);
/* Whatever is queued or known here is not ours to act on any more. */
void ferry_run_drop(struct ferry_run *run);
bool ferry_run_broken(const struct ferry_run *run);

#endif
