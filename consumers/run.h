/* One generation of a workflow in this process, from PREPARE to STOPPED: the parts that every
 * workflow has, the cargo, and how they hand over to one another. Loop thread only. */
#ifndef FERRY_RUN_H
#define FERRY_RUN_H

#include "consumers/cargo.h"
#include "core/io/registry.h"

struct ferry_run_options {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_registry *registry; /* NULL: none */
    struct ferry_metrics *metrics;
    const char *workflow;
    const char *transactional_id; /* unique in the cluster; copied */
    int64_t generation;
    int64_t request_timeout_ms;        /* how long a stop waits for answers */
    void (*on_change)(void *context);  /* readiness, partitions, errors or warnings */
    void (*on_stopped)(void *context); /* it may be freed, now or later */
    void *context;
};

/* The cargo is taken, on failure too. */
enum ferry_status ferry_run_new(const struct ferry_run_options *options,
                                const struct ferry_cargo *kind, void *cargo,
                                struct ferry_run **ret_run,
                                struct ferry_error *error) FERRY_MUST_CHECK;
/* Only once stopped. */
void ferry_run_free(struct ferry_run *run);

/* Data may move as soon as everything is ready. */
void ferry_run_go(struct ferry_run *run);
/* Finishes what is in flight, commits, leaves the group; then on_stopped. */
void ferry_run_stop(struct ferry_run *run);

int64_t ferry_run_generation(const struct ferry_run *run);
bool ferry_run_ready(const struct ferry_run *run);
/* It was told to go and was ready once. */
bool ferry_run_going(const struct ferry_run *run);
/* The broker has told it which partitions are its own. */
bool ferry_run_joined(const struct ferry_run *run);
/* A human is needed; NULL: no. */
const struct ferry_error *ferry_run_error(const struct ferry_run *run);
/* It goes on by itself; NULL: all is well. */
const struct ferry_error *ferry_run_warning(const struct ferry_run *run, int64_t *ret_retry_at);
json_t *ferry_run_partitions(const struct ferry_run *run); /* new reference */
json_t *ferry_run_counters(const struct ferry_run *run);   /* new reference */
void *ferry_run_cargo(const struct ferry_run *run);

#endif
